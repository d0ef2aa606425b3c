"""
The way in and the way out of one producer's sends.

Law: a send takes a place when it is called and gives it back when it ends,
whichever way that is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as TwistedTimeout
from twisted.internet.interfaces import IReactorTime

from txrocketmq.errors import NotRunning, SendCancelled, TooManyInFlight
from txrocketmq.message import Message, Persisted
from txrocketmq.settings import ProducerSettings

from .limits import Room
from .progress import Epoch, Ledger, Send

T = TypeVar("T")

_epochOf = attrgetter("epoch")


class Storing(Protocol):
    """
    One of several sends that succeeded together.
    """

    @property
    def message(self) -> Message:
        """
        What it sent.
        """

    @property
    def epoch(self) -> Epoch:
        """
        The epoch it was accepted in.
        """


class Intake:
    """
    Lets sends in as there is room, and knows which have not ended.

    @ivar sent: How many ended with a result.

    @ivar failed: How many ended otherwise.
    """

    def __init__(self, clock: IReactorTime, settings: ProducerSettings) -> None:
        """
        @param settings: Where the limits are.
        """
        self._clock = clock
        self.room = Room(settings)
        self.ledger = Ledger(clock)
        self.sent = 0
        self.failed = 0
        self._stopped = False
        self._queued: dict[Send, Deferred[Any]] = {}

    def admit(self, send: Send, first: Callable[[Send], Deferred[T]]) -> Deferred[T]:
        """
        Begin a send now, or when there is room.

        @param first: What makes its first try and sees to its end.
        """
        send.epoch.live += 1
        if self.room.take(send.outgoing.size):
            return first(send)
        ended = Deferred.fromCoroutine(self._later(send, first))
        if not ended.called:
            self._queued[send] = ended
        return ended

    def ended(self, send: Send, stored: bool) -> None:
        """
        Give back the place of a send that has ended.
        """
        if stored:
            self.sent += 1
        else:
            self.failed += 1
        self.room.release(send.outgoing.size)
        epoch = send.epoch
        epoch.live -= 1
        if not epoch.live:
            self.ledger.emptied()

    def stored(self, epoch: Epoch, size: int) -> None:
        """
        As L{ended}, for a send that succeeded.

        @param size: The bytes it counted for.
        """
        self.sent += 1
        room = self.room
        # What release() does, without its call where nobody waits.
        room.messages -= 1
        room.size -= size
        if room.waiting or room.writable:
            room.admit()
        epoch.live -= 1
        if not epoch.live:
            self.ledger.emptied()

    def storedTogether(self, ends: Sequence[Storing]) -> None:
        """
        As L{stored}, for several sends.
        """
        for epoch, group in groupby(ends, _epochOf):
            sizes = [len(each.message.body) for each in group]
            self.storedAlike(epoch, sum(sizes), len(sizes))

    def storedAlike(self, epoch: Epoch, size: int, count: int) -> None:
        """
        As L{stored}, for so many sends of one epoch.

        @param size: The bytes they counted for together.
        """
        self.sent += count
        self.room.release(size, count)
        epoch.live -= count
        if not epoch.live:
            self.ledger.emptied()

    def stop(self) -> None:
        """
        End all sends that still wait for room.
        """
        self._stopped = True
        for ended in list(self._queued.values()):
            ended.cancel()

    def flush(self) -> Deferred[None]:
        """
        @return: Fires when every send of now has ended.
        """
        return self.ledger.flush()

    async def _later(self, send: Send, first: Callable[[Send], Deferred[T]]) -> T:
        """
        Wait for room, then begin.
        """
        try:
            await self._roomFor(send)
        except BaseException:
            self.failed += 1
            self.ledger.end(send.epoch)
            raise
        finally:
            self._queued.pop(send, None)
        return await first(send)

    async def _roomFor(self, send: Send) -> None:
        """
        Wait for room as long as the send has time.
        """
        left = max(send.at - self._clock.seconds(), 0.0)
        size, topic = send.outgoing.size, send.outgoing.wireTopic
        try:
            await self.room.wait(size, topic).addTimeout(left, self._clock)
        except TwistedTimeout:
            raise TooManyInFlight(
                f"there was no room within {left:.1f} s: "
                f"{self.room.messages} messages are in flight"
            ) from None
        except CancelledError:
            if self._stopped:
                raise NotRunning(
                    "the producer was stopped while the send waited for room"
                ) from None
            raise SendCancelled(Persisted.NO) from None
