"""
Where many wait for the same thing, without a Deferred for each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txrocketmq.errors import RemotingError

T = TypeVar("T")
Thing = TypeVar("Thing", contravariant=True)


class Waiting(Protocol[Thing]):
    """
    Who waits at a gate.

    @ivar gate: Where; somebody who has left waits elsewhere, or nowhere.
    """

    @property
    def gate(self) -> object:
        """
        See above.
        """

    def entered(self, outcome: Thing | Failure) -> None:
        """
        It is there, or will not be.
        """


class Gate(Generic[T]):
    """
    One thing that takes its time, and all who wait for it.

    When nobody waits any more it is given up.

    @ivar waiting: How many wait.
    """

    def __init__(
        self,
        opening: Callable[[], Deferred[T]],
        tooLate: Callable[[], RemotingError],
    ) -> None:
        """
        @param opening: What begins it.

        @param tooLate: What those fail with whose time is over.
        """
        self.tooLate = tooLate
        self.waiting = 0
        self._begin = opening
        self._opening: Deferred[None] | None = None
        self._outcome: T | Failure | None = None
        self._everyone: list[Waiting[T]] = []

    def enter(self, one: Waiting[T]) -> T | Failure | None:
        """
        Wait, unless it is known at once what will come of it.

        @return: The outcome; if it is L{None} the one is told later.
        """
        if self._opening is None:
            self._outcome = None
            self._opening = self._begin().addBoth(self._ended)
            outcome = self._outcome
            if outcome is not None:
                self._opening = self._outcome = None
                return outcome
        self._everyone.append(one)
        self.waiting += 1
        return None

    def leave(self) -> None:
        """
        Somebody waits no longer.
        """
        self.waiting -= 1
        if not self.waiting and self._opening is not None:
            self._opening.cancel()

    def _ended(self, outcome: T | Failure) -> None:
        """
        Tell all who still wait.
        """
        self._outcome, self._opening = outcome, None
        everyone, self._everyone, self.waiting = self._everyone, [], 0
        for one in everyone:
            if one.gate is self:
                one.entered(outcome)
