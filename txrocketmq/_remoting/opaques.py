"""
The numbers that tie answers to requests, of one connection.
"""

from __future__ import annotations

from collections.abc import Container
from secrets import randbelow

MAX_OPAQUE = 0x7FFFFFFF


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
    """

    __slots__ = ("_first", "_issued")

    def __init__(self, first: int) -> None:
        """
        @param first: The first number; out of range it is wrapped.
        """
        self._first = first & MAX_OPAQUE
        self._issued = 0

    def issue(self, live: Container[int]) -> int:
        """
        The next number that is not in use.

        @param live: The numbers in use; fewer than there are int32s.
        """
        while True:
            opaque = (self._first + self._issued) & MAX_OPAQUE
            self._issued += 1
            if opaque not in live:
                return opaque

    def wasIssued(self, opaque: int) -> bool:
        """
        Whether a number was ever given out.
        """
        return opaque >= 0 and (opaque - self._first) & MAX_OPAQUE < self._issued
