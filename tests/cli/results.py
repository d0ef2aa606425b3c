"""
What sends end with, made up.
"""

from __future__ import annotations

from txrocketmq import MessageQueue, Persisted, SendResult, SendStatus
from txrocketmq.errors import ConnectFailed, NoNameServer, SendFailed
from txrocketmq.message import Attempt

REFUSED = ConnectFailed("127.0.0.1:9", "connection refused")
NOWHERE = NoNameServer([("127.0.0.1:9", REFUSED)])


def stored(offset: int = 0) -> SendResult:
    """
    A message that is stored.
    """
    queue = MessageQueue("T", "broker-a", 3)
    return SendResult(SendStatus.SEND_OK, f"ID{offset}", f"OFF{offset}", queue, offset)


def failed(
    cause: Exception = NOWHERE,
    persisted: Persisted = Persisted.NO,
    *earlier: Exception,
) -> SendFailed:
    """
    A message that is not, or may not be.
    """
    attempts = [
        Attempt(None, None, 0.5, error, Persisted.NO) for error in (*earlier, cause)
    ]
    return SendFailed("T", "ID", cause, persisted, attempts)
