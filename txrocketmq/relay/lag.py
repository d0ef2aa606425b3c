"""
How late the reactor is.
"""

from __future__ import annotations

from collections import deque

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

INTERVAL = 0.25
"""
Seconds between two looks.
"""

REMEMBERED = 40
"""
How many looks are remembered: those of ten seconds.
"""


class LagSampler:
    """
    Asks to be called every quarter of a second, and sees how late that is: so late
    is everything else.

    @ivar last: The seconds it was late last.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._loop: LoopingCall | None = None
        self._due = 0.0
        self._recent: deque[float] = deque(maxlen=REMEMBERED)
        self.last = 0.0

    @property
    def worst(self) -> float:
        """
        The most seconds it was late in the last ten.
        """
        return max(self._recent, default=0.0)

    def start(self) -> None:
        """
        Begin to look.
        """
        self.stop()
        self._due = self._clock.seconds() + INTERVAL
        self._loop = loop = LoopingCall(self._look)
        loop.clock = self._clock
        loop.start(INTERVAL, now=False)

    def stop(self) -> None:
        """
        Look no more.
        """
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.stop()

    def _look(self) -> None:
        """
        See how late it is.
        """
        now = self._clock.seconds()
        self.last = max(0.0, now - self._due)
        self._recent.append(self.last)
        # LoopingCall leaves out the calls it has missed.
        missed = int(self.last / INTERVAL)
        self._due += (missed + 1) * INTERVAL
