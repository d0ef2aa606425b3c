"""
Signals that ask the program to end.
"""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

from twisted.internet.defer import Deferred

ASKING = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """
    The first SIGINT or SIGTERM asks; a second one ends the program at once.

    @ivar number: The signal that came, or L{None}.
    """

    def __init__(self, reactor: Any) -> None:
        """
        @param reactor: Its own answer to these signals is replaced once it runs.
        """
        self._reactor = reactor
        self.number: int | None = None
        self._waiting: list[Deferred[int]] = []
        reactor.callWhenRunning(self._install)

    def whenAsked(self) -> Deferred[int]:
        """
        The signal's number, when it has come.
        """
        waiter: Deferred[int] = Deferred(self._abandon)
        self._waiting.append(waiter)
        self._tell()
        return waiter

    @property
    def status(self) -> int:
        """
        The exit status that says so, as a shell would put it.
        """
        return 128 + (self.number or 0)

    def _install(self) -> None:
        """
        Take the signals over from the reactor.
        """
        for number in ASKING:
            signal.signal(number, self._received)

    def _received(self, number: int, frame: FrameType | None) -> None:
        """
        Note a signal; this may be in the middle of anything.
        """
        for asking in ASKING:
            signal.signal(asking, signal.SIG_DFL)
        self.number = number
        self._reactor.callFromThread(self._tell)

    def _abandon(self, waiter: Deferred[int]) -> None:
        """
        Forget a waiter that was cancelled.
        """
        if waiter in self._waiting:
            self._waiting.remove(waiter)

    def _tell(self) -> None:
        """
        Tell who waits.
        """
        if self.number is not None:
            waiting, self._waiting = self._waiting, []
            for waiter in waiting:
                waiter.callback(self.number)
