"""
How fast a stream has to come.

Laws:

    - No client is asked to hurry while it is us that let it wait.

    - None waits without end for room for a long line: who never ends one may have
      taken it.
"""

from __future__ import annotations

from txrocketmq.relay.answers import Answer, later, problem
from txrocketmq.relay.limits import Limits


class Pace:
    """
    Sees whether a stream comes too slowly: too few bytes over a while, or a line
    that does not end.
    """

    def __init__(self, limits: Limits, now: float) -> None:
        """
        @param now: When it began.
        """
        self._limits = limits
        self._seen = self._since = self._lineSince = now
        self._bytes = 0
        self._line = -1
        self._isCramped = False

    @property
    def answer(self) -> Answer:
        """
        What a client is told that is too slow.
        """
        limits = self._limits
        if self._isCramped:
            return later(503, "busy", "the relay had no room for a line of this length")
        return problem(
            400,
            "too_slow",
            "the stream did not come fast enough",
            limitBytesPerSecond=limits.streamFloor,
            limitSeconds=limits.bodyDeadline,
        )

    def count(self, size: int) -> None:
        """
        Some bytes have come.
        """
        self._bytes += size

    def isSlow(self, now: float, isWaiting: bool, line: int, isCramped: bool) -> bool:
        """
        Whether it is too slow.  It is to be asked again and again.

        @param isWaiting: Whether it is us that let it wait.

        @param line: The number of the line that has come in part; -1 for none.

        @param isCramped: Whether it waits because there is no room for that line.
        """
        self._isCramped = isCramped
        gone, self._seen = now - self._seen, now
        if line != self._line or line < 0:
            self._line, self._lineSince = line, now
        if isWaiting:
            self._since += gone
            self._lineSince += 0.0 if isCramped else gone
        limits = self._limits
        if now - self._lineSince >= limits.bodyDeadline:
            return True
        if isWaiting or now - self._since < limits.floorWindow:
            return False
        isSlow = self._bytes < limits.streamFloor * (now - self._since)
        self._bytes, self._since = 0, now
        return isSlow
