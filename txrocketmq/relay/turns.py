"""
Whose turn it is to take lines.

Laws:

    - All streams together take only so many lines in one turn of the reactor: all
      other connections wait meanwhile, and they wait for all of them.

    - Who wants more takes its turn behind those who have waited for longer.
"""

from __future__ import annotations

from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

A_TURN = 20
"""
The most lines that are taken in one turn: that takes half a millisecond or more.
"""


class Taking(Protocol):
    """
    Who takes lines.
    """

    def goOn(self) -> None:
        """
        It is its turn.
        """


class Turns:
    """
    The turns of all streams.
    """

    def __init__(self, clock: IReactorTime) -> None:
        """
        @param clock: Whose turns of the reactor they are.
        """
        self._clock = clock
        self._left = A_TURN
        self._waiting: dict[Taking, None] = {}
        self._going: Taking | None = None
        self._call: IDelayedCall | None = None

    def isOpen(self, taking: Taking) -> bool:
        """
        Whether somebody may take a line now.  If not, it is told when it may.
        """
        if self._left > 0 and (taking is self._going or not self._waiting):
            return True
        self._waiting[taking] = None
        self._soon()
        return False

    def taken(self) -> None:
        """
        A line was taken.
        """
        self._left -= 1
        self._soon()

    def _soon(self) -> None:
        """
        Begin anew in the reactor's next turn.
        """
        if self._call is None:
            self._call = self._clock.callLater(0, self._next)

    def _next(self) -> None:
        """
        Let those go on who have waited, one after the other.
        """
        self._call = None
        self._left = A_TURN
        try:
            while self._waiting and self._left > 0:
                self._going = first = next(iter(self._waiting))
                del self._waiting[first]
                first.goOn()
        finally:
            self._going = None
            if self._waiting:
                self._soon()
