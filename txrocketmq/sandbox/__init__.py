"""
Name servers and brokers in this process, for trying things out and for tests.

The real protocol on loopback, everything in memory: never for production.
"""

from txrocketmq._wire.records import StoredMessage

from . import faults
from .broker import SandboxBroker
from .nameserver import SandboxNameServer
from .service import Sandbox
from .settings import BrokerSettings

__all__ = [
    "BrokerSettings",
    "Sandbox",
    "SandboxBroker",
    "SandboxNameServer",
    "StoredMessage",
    "faults",
]
