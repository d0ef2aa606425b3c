"""
Where messages are taken in.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

from twisted.internet.defer import Deferred

from txrocketmq import Message, SendResult

T = TypeVar("T")


class Sender(Protocol):
    """
    What the relay sends with.
    """

    def send(self, message: Message, /) -> Deferred[SendResult]:
        """
        Send a message.
        """


class Desk:
    """
    Counts messages from when they are taken in until they have ended.

    @ivar closed: Whether no more are taken in, as the relay stops.

    @ivar ready: Whether the cluster was there.
    """

    def __init__(self, sender: Sender) -> None:
        """
        @param sender: What sends.
        """
        self._sender = sender
        self._open = 0
        self._waiting: list[Deferred[None]] = []
        self.closed = False
        self.ready = False

    def send(self, message: Message) -> Deferred[SendResult]:
        """
        Send a message.
        """
        self._open += 1
        return self._sender.send(message).addBoth(self._ended)

    def drained(self) -> Deferred[None]:
        """
        Take no more in.

        @return: Fires when everything that was taken in has ended.
        """
        self.closed = True
        waiter: Deferred[None] = Deferred(self._waiting.remove)
        self._waiting.append(waiter)
        self._settle()
        return waiter

    def _ended(self, result: T) -> T:
        """
        Count one less.
        """
        self._open -= 1
        self._settle()
        return result

    def _settle(self) -> None:
        """
        Tell who waits for the end.
        """
        if not self._open:
            waiting, self._waiting = self._waiting, []
            for waiter in waiting:
                waiter.callback(None)
