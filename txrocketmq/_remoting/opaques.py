"""
The numbers that tie answers to requests, of one connection.

The peer never sees a table of another connection, and cannot guess where this
one begins: an answer to a request that was never made is no accident.
"""

from __future__ import annotations

from collections.abc import Container
from secrets import randbelow

from .quotas import Tolerance

MAX_OPAQUE = 0x7FFFFFFF

# Answers to requests that were never made here: so many, within so many
# seconds, and the peer is not believed any more.
STRANGERS = 16
STRANGERS_PERIOD = 60.0


def anyOpaque() -> int:
    """
    Where a connection may begin to count: somewhere nobody can guess.
    """
    return randbelow(MAX_OPAQUE + 1)


class Opaques:
    """
    Count through the int32s that are not negative, from some start.

    What was ever issued is an interval, so an answer that comes too late is
    told from one to a request that never was without remembering anything.

    @ivar upcoming: The number that is issued next.  It is not in use.

    @ivar issued: How many were issued.

    @ivar lateAnswers: How many answers came for which nobody waited any more.

    @ivar strangers: How many came to requests that were never made.
    """

    __slots__ = (
        "_first",
        "_tolerance",
        "issued",
        "lateAnswers",
        "strangers",
        "upcoming",
    )

    def __init__(self, first: int) -> None:
        """
        @param first: The first number; out of range it is wrapped.
        """
        self._first = self.upcoming = first & MAX_OPAQUE
        self.issued = 0
        self._tolerance = Tolerance(STRANGERS, STRANGERS_PERIOD)
        self.lateAnswers = 0
        self.strangers = 0

    def issue(self, live: Container[int]) -> int:
        """
        The next number that is not in use.

        @param live: The numbers in use; fewer than there are int32s.
        """
        opaque = self.upcoming
        self.upcoming = opaque + 1 & MAX_OPAQUE
        self.issued += 1
        self.passOver(live)
        return opaque

    def passOver(self, live: Container[int]) -> None:
        """
        Let the upcoming number be one that is not in use.
        """
        while self.upcoming in live:
            self.upcoming = self.upcoming + 1 & MAX_OPAQUE
            self.issued += 1

    def strayed(self, opaque: int, now: float) -> bool:
        """
        Count an answer nobody waits for.

        @return: Whether the peer made up too many.
        """
        if self._wasIssued(opaque):
            self.lateAnswers += 1
            return False
        self.strangers += 1
        return self._tolerance.exceeded(now)

    def _wasIssued(self, opaque: int) -> bool:
        """
        Whether a number was ever given out.
        """
        return opaque >= 0 and (opaque - self._first) & MAX_OPAQUE < self.issued
