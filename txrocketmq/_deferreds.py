"""
Two things about time and sharing that Deferreds leave to their users.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Generic, TypeVar

import attrs
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """
    Share one run of an operation among everyone who asks while it is running.

    Cancelling one waiter removes that waiter; cancelling the last one cancels the
    operation.  A waiter may ask again from its own callback: that is a new run.
    """

    def __init__(self, operation: Callable[[], Deferred[T]]) -> None:
        """
        @param operation: What to run; it may also raise.
        """
        self._operation = operation
        self._waiting: dict[Deferred[T], None] = {}
        self._running: Deferred[None] | None = None

    @property
    def running(self) -> bool:
        """
        Whether a run is under way.
        """
        return bool(self._waiting)

    def result(self) -> Deferred[T]:
        """
        What the run under way gives, or a new one if there is none.
        """
        waiting = self._waiting
        waiter: Deferred[T] = Deferred(partial(self._abandon, waiting))
        waiting[waiter] = None
        if len(waiting) == 1:
            self._run(waiting)
        return waiter

    def _run(self, waiting: dict[Deferred[T], None]) -> None:
        """
        Begin a run for these waiters; it may end before this returns.
        """
        running = maybeDeferred(self._operation).addCallbacks(
            self._succeeded,
            self._failed,
            callbackArgs=(waiting,),
            errbackArgs=(waiting,),
        )
        if self._waiting is waiting:
            self._running = running
            self._cancelIfAbandoned(waiting)

    def _succeeded(self, value: T, waiting: dict[Deferred[T], None]) -> None:
        """
        Give the value to all who waited for this run.
        """
        self._end(waiting)
        for waiter in _takenOut(waiting):
            waiter.callback(value)

    def _failed(self, reason: Failure, waiting: dict[Deferred[T], None]) -> None:
        """
        Give the failure to all who waited for this run.
        """
        self._end(waiting)
        for waiter in _takenOut(waiting):
            waiter.errback(reason)

    def _end(self, waiting: dict[Deferred[T], None]) -> None:
        """
        Let the next asker begin a new run, unless one began it already.
        """
        if self._waiting is waiting:
            self._waiting = {}
            self._running = None

    def _abandon(self, waiting: dict[Deferred[T], None], waiter: Deferred[T]) -> None:
        """
        Forget a waiter that was cancelled.
        """
        del waiting[waiter]
        self._cancelIfAbandoned(waiting)

    def _cancelIfAbandoned(self, waiting: dict[Deferred[T], None]) -> None:
        """
        End the run nobody waits for any more, if it is still the one under way.
        """
        running = self._running
        if self._waiting is waiting and not waiting and running is not None:
            self._end(waiting)
            running.cancel()


def _takenOut(waiting: dict[Deferred[T], None]) -> Iterator[Deferred[T]]:
    """
    Take out those who wait, one after the other: who is told may cancel another.
    """
    for waiter in list(waiting):
        if waiter in waiting:
            del waiting[waiter]
            yield waiter


@attrs.frozen
class Deadline:
    """
    The one point in time an operation must end by.

    It is made where the operation begins and passed down: no step of the
    operation has a timeout of its own making.
    """

    _clock: IReactorTime
    at: float

    @classmethod
    def after(cls, clock: IReactorTime, timeout: float) -> Deadline:
        """
        A deadline so many seconds from now.
        """
        return cls(clock, clock.seconds() + timeout)

    @property
    def remaining(self) -> float:
        """
        Seconds left; never below zero.
        """
        return max(0.0, self.at - self._clock.seconds())


async def within(clock: IReactorTime, seconds: float, work: Deferred[Any]) -> None:
    """
    Wait for something to end, well or not, but no longer than this.

    It goes on when the time is over; what it ends with is not kept.
    """
    waited: Deferred[None] = deferLater(clock, seconds)
    work.addBoth(lambda _: waited.cancel())
    try:
        await waited
    except CancelledError:
        if not work.called:
            raise
