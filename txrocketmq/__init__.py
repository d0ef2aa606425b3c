"""
The native Twisted client for Apache RocketMQ producers.
"""

from txrocketmq import errors, selectors
from txrocketmq.client import MQClient
from txrocketmq.message import (
    CommunicationMode,
    Message,
    MessageQueue,
    Persisted,
    RequiredAck,
    SendResult,
    SendStatus,
    WhenFull,
)
from txrocketmq.producer import Producer
from txrocketmq.settings import (
    Batching,
    ClientSettings,
    ProducerSettings,
    SessionCredentials,
    TLSSettings,
)

__all__ = [
    "Batching",
    "ClientSettings",
    "CommunicationMode",
    "MQClient",
    "Message",
    "MessageQueue",
    "Persisted",
    "Producer",
    "ProducerSettings",
    "RequiredAck",
    "SendResult",
    "SendStatus",
    "SessionCredentials",
    "TLSSettings",
    "WhenFull",
    "errors",
    "selectors",
]
