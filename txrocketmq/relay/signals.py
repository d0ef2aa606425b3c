"""
The signals the relay answers to.

Laws:

    - The first SIGTERM or SIGINT is the reactor's: it stops it, and is the exit
      status.  The second cuts the drain short; the third is the system's own, which
      ends the process at once.

    - SIGHUP never ends the process.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

ASKING = (signal.SIGTERM, signal.SIGINT)

Answer = Callable[[int, FrameType | None], Any] | int | None
"""
What C{signal.signal} takes and gives.
"""


class Signals:
    """
    Answers to signals, from when it is installed until it is taken away.
    """

    def __init__(
        self, reactor: Any, hurry: Callable[[], object], reload: Callable[[], object]
    ) -> None:
        """
        @param hurry: What cuts a drain short.

        @param reload: What reads the configuration again.
        """
        self._reactor = reactor
        self._hurry = hurry
        self._reload = reload
        self._former: dict[int, Answer] = {}
        self._asked = 0

    def install(self) -> None:
        """
        Answer to SIGHUP now, and to the others as soon as the reactor does.
        """
        self._replace(signal.SIGHUP, self._hangUp)
        self._reactor.callWhenRunning(self._takeOver)

    def remove(self) -> None:
        """
        Put back what was there.
        """
        former, self._former = self._former, {}
        for number, answer in former.items():
            signal.signal(number, answer)

    def _takeOver(self) -> None:
        """
        Stand before the reactor's own answers.
        """
        for number in ASKING:
            self._replace(number, self._ask)

    def _replace(
        self, number: int, answer: Callable[[int, FrameType | None], None]
    ) -> None:
        """
        Answer a signal, and keep what was there.
        """
        self._former[number] = signal.signal(number, answer)

    def _hangUp(self, number: int, frame: FrameType | None) -> None:
        """
        Reload; this may be in the middle of anything.
        """
        self._reactor.callFromThread(self._reload)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        """
        Stop, or stop faster.
        """
        self._asked += 1
        if self._asked > 1:
            for each in ASKING:
                signal.signal(each, signal.SIG_DFL)
            self._reactor.callFromThread(self._hurry)
            return
        former = self._former.get(number)
        if callable(former):
            former(number, frame)
        else:
            self._reactor.callFromThread(self._reactor.stop)
