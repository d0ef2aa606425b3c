"""
Two things about time and sharing that Deferreds leave to their users.
"""

from __future__ import annotations

from collections.abc import Callable
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
        self._waiting: list[Deferred[T]] = []
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
        waiter: Deferred[T] = Deferred(self._abandon)
        waiting = self._waiting
        waiting.append(waiter)
        if len(waiting) == 1:
            self._run(waiting)
        return waiter

    def _run(self, waiting: list[Deferred[T]]) -> None:
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

    def _succeeded(self, value: T, waiting: list[Deferred[T]]) -> None:
        """
        Give the value to all who waited for this run.
        """
        self._end(waiting)
        for waiter in waiting:
            waiter.callback(value)

    def _failed(self, reason: Failure, waiting: list[Deferred[T]]) -> None:
        """
        Give the failure to all who waited for this run.
        """
        self._end(waiting)
        for waiter in waiting:
            waiter.errback(reason)

    def _end(self, waiting: list[Deferred[T]]) -> None:
        """
        Let the next asker begin a new run, unless one began it already.
        """
        if self._waiting is waiting:
            self._waiting = []
            self._running = None

    def _abandon(self, waiter: Deferred[T]) -> None:
        """
        Forget a waiter that was cancelled.
        """
        waiting = self._waiting
        if waiter in waiting:
            waiting.remove(waiter)
        if not waiting and self._running is not None:
            running = self._running
            self._end(waiting)
            running.cancel()


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
    waited = deferLater(clock, seconds)
    work.addBoth(lambda _: waited.cancel())
    try:
        await waited
    except CancelledError:
        return
