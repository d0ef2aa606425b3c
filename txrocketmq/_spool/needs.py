"""
What the forwarder needs of others.
"""

from __future__ import annotations

from typing import Protocol

from twisted.internet.defer import Deferred

from txrocketmq.message import Message, MessageQueue, SendResult


class Sender(Protocol):
    """
    What the forwarder needs of a producer.
    """

    def send(
        self,
        message: Message,
        *,
        queue: MessageQueue | None = None,
        msgId: str | None = None,
    ) -> Deferred[SendResult]:
        """
        Send a message under an id.
        """


class Tally(Protocol):
    """
    What the forwarder counts with.
    """

    def stored(self, seconds: float, attempts: int, viaSpool: bool = False) -> None:
        """
        Count a message that a broker has stored.
        """

    def refused(self, reason: str) -> None:
        """
        Count a message that is put aside.
        """
