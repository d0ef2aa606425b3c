"""
What brings the messages of the spool to their brokers.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.defer import Deferred, succeed

from .spool import Spool


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


class Forwarder:
    """
    Sends what waits in a spool.
    """

    def __init__(self, reactor: Any, spool: Spool, producer: Any, tally: Tally) -> None:
        self.lastError: str | None = None
        self.state = "idle"

    def start(self) -> None:
        """
        Begin to send.
        """

    def stop(self, within: float) -> Deferred[int]:
        """
        Stop.
        """
        return succeed(0)

    def wake(self) -> None:
        """
        There are new messages.
        """
