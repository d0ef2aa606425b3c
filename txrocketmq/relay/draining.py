"""
The time a stop may take.
"""

from __future__ import annotations

from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txrocketmq._deferreds import Deadline

T = TypeVar("T")


class Drain:
    """
    One drain: waits for what is under way, until the time is over or somebody is in
    a hurry.

    @ivar hurried: Whether it was cut short.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, timeout: float) -> None:
        """
        @param timeout: Seconds for all of it.
        """
        self._clock = clock
        self._deadline = Deadline.after(clock, timeout)
        self._waiting: list[Deferred[bool]] = []
        self.hurried = False

    @property
    def remaining(self) -> float:
        """
        Seconds left.
        """
        return 0.0 if self.hurried else self._deadline.remaining

    def hurry(self) -> None:
        """
        Wait for nothing any more.
        """
        self.hurried = True
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.callback(False)

    def wait(
        self, work: Deferred[Any], reserve: float = 0.0, least: float = 0.0
    ) -> Deferred[bool]:
        """
        Wait for something to end, well or not.

        @param reserve: Seconds to leave for what comes after it.

        @param least: Seconds it has in any case, unless somebody is in a hurry.

        @return: Whether it has ended in time.  It does not fail; what the work
            failed with is logged.
        """
        waiter: Deferred[bool] = Deferred(self._forget)
        self._waiting.append(waiter)
        timeout = max(least, self.remaining - reserve)
        timer = self._clock.callLater(timeout, self._tell, waiter, False)

        def settled(result: T) -> T:
            if timer.active():
                timer.cancel()
            return result

        waiter.addBoth(settled)
        work.addErrback(self._failed).addBoth(lambda _: self._tell(waiter, True))
        if self.hurried:
            self._tell(waiter, False)
        return waiter

    def _tell(self, waiter: Deferred[bool], inTime: bool) -> None:
        """
        End a wait, unless it has ended.
        """
        if waiter in self._waiting:
            self._waiting.remove(waiter)
            waiter.callback(inTime)

    def _forget(self, waiter: Deferred[bool]) -> None:
        """
        Wait no more, as the waiter was cancelled.
        """
        if waiter in self._waiting:
            self._waiting.remove(waiter)

    def _failed(self, reason: Any) -> None:
        """
        Log what should not have happened.
        """
        self._log.failure("Stopping failed", failure=reason)
