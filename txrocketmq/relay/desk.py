"""
Where messages are taken in.
"""

from __future__ import annotations

from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from txrocketmq import Message, SendResult
from txrocketmq.relay.limits import Limits
from txrocketmq.relay.shares import Shares
from txrocketmq.relay.tally import Tally
from txrocketmq.relay.turns import Turns


class Sender(Protocol):
    """
    What the relay sends with.
    """

    def send(self, message: Message, /) -> Deferred[SendResult]:
        """
        Send a message.
        """


class Flow(Protocol):
    """
    A stream of messages.
    """

    def stop(self) -> None:
        """
        Take no more lines, and end when those that were taken have results.
        """

    def tick(self, now: float) -> None:
        """
        Some time has passed.
        """


class Desk:
    """
    Counts requests from when their messages are taken in until they are answered.

    @ivar closed: Whether no more are taken in, as the relay stops.

    @ivar shares: What each client has under way.

    @ivar tally: What counts for all to see.

    @ivar flows: The streams that are read now.

    @ivar turns: Whose turn it is to take lines.
    """

    def __init__(
        self, clock: IReactorTime, sender: Sender, limits: Limits, tally: Tally
    ) -> None:
        """
        @param sender: What sends.
        """
        self.clock = clock
        self.send = sender.send
        self.limits = limits
        self.tally = tally
        self.shares = Shares(clock, limits)
        self.flows: dict[Flow, None] = {}
        self.turns = Turns(clock)
        self.closed = False
        self._open = 0
        self._waiting: list[Deferred[None]] = []
        self._turn: IDelayedCall | None = None

    def begin(self) -> None:
        """
        A request's messages are taken in.
        """
        self._open += 1

    def end(self) -> None:
        """
        A request is answered.
        """
        self._open -= 1
        if self._waiting:
            self._settleSoon()

    def drained(self) -> Deferred[None]:
        """
        Take no more in.

        @return: Fires when everything that was taken in has been answered.
        """
        self.closed = True
        waiter: Deferred[None] = Deferred(self._forget)
        self._waiting.append(waiter)
        for flow in list(self.flows):
            flow.stop()
        self._settleSoon()
        return waiter

    def _forget(self, waiter: Deferred[None]) -> None:
        """
        One waits no longer.
        """
        self._waiting.remove(waiter)
        if not self._waiting and self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def _settleSoon(self) -> None:
        """
        Tell who waits for the end, a turn after it: by then answers are written.
        """
        if not self._open and self._turn is None:
            self._turn = self.clock.callLater(0, self._settle)

    def _settle(self) -> None:
        """
        Tell who waits for the end.
        """
        self._turn = None
        if not self._open:
            waiting, self._waiting = self._waiting, []
            for waiter in waiting:
                waiter.callback(None)
