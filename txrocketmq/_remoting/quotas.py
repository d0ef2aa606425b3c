"""
How often something may happen.
"""

from __future__ import annotations

from collections import deque


class Quota:
    """
    So many a second on average, and as many in one go.
    """

    __slots__ = ("_left", "_rate", "_since")

    def __init__(self, rate: float, now: float) -> None:
        """
        @param rate: How many a second; infinity is no limit.
        """
        self._rate = rate
        self._left = rate
        self._since = now

    def take(self, now: float) -> bool:
        """
        Take one, if there is one.
        """
        elapsed, self._since = now - self._since, now
        self._left = min(self._rate, self._left + max(0.0, elapsed) * self._rate)
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Tolerance:
    """
    So many within a time are too many.
    """

    __slots__ = ("_period", "_times")

    def __init__(self, most: int, period: float) -> None:
        """
        @param most: How many are too many.

        @param period: Within how many seconds.
        """
        self._times: deque[float] = deque(maxlen=most)
        self._period = period

    def exceeded(self, now: float) -> bool:
        """
        Count one more, and tell whether it was one too many.
        """
        times = self._times
        times.append(now)
        return len(times) == times.maxlen and now - times[0] <= self._period
