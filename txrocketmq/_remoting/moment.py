"""
Things that happen once, and that any number of others wait for.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure

T = TypeVar("T")


class Moment(Generic[T]):
    """
    Something that happens at most once.
    """

    def __init__(self) -> None:
        self._waiting: list[Deferred[T]] = []
        self._outcome: tuple[T | Failure] | None = None

    @property
    def passed(self) -> bool:
        """
        Whether it has happened.
        """
        return self._outcome is not None

    def when(self) -> Deferred[T]:
        """
        Tell when it happens; at once if it has happened already.
        """
        if self._outcome is not None:
            (outcome,) = self._outcome
            return fail(outcome) if isinstance(outcome, Failure) else succeed(outcome)
        waiter: Deferred[T] = Deferred(self._waiting.remove)
        self._waiting.append(waiter)
        return waiter

    def happen(self, outcome: T | Failure) -> None:
        """
        Tell everyone; a second time does nothing.
        """
        if self._outcome is not None:
            return
        self._outcome = (outcome,)
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if isinstance(outcome, Failure):
                waiter.errback(outcome)
            else:
                waiter.callback(outcome)
