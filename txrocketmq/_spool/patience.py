"""
How many messages are sent while the cluster is down.
"""

from __future__ import annotations

import attrs

FIRST = 0.2
LONGEST = 5.0
PROBES = 8
"""
How many messages are under way while nothing succeeds.
"""


@attrs.define
class Patience:
    """
    Knows whether anything succeeds.

    @ivar failing: Whether nothing does.
    """

    failing: bool = False
    _delay: float = FIRST
    _until: float = 0.0
    _succeededAt: float = float("-inf")

    def succeeded(self, now: float) -> None:
        """
        A send succeeded.
        """
        self.failing = False
        self._delay = FIRST
        self._until = 0.0
        self._succeededAt = now

    def failed(self, began: float, now: float) -> None:
        """
        A send failed for now.

        @param began: When it began: what succeeded since says that the cluster is
            there.
        """
        if began <= self._succeededAt or now < self._until:
            return
        self.failing = True
        self._until = now + self._delay
        self._delay = min(self._delay * 2, LONGEST)

    def window(self, most: int, now: float) -> int:
        """
        How many messages may be under way.
        """
        if not self.failing:
            return most
        return 0 if now < self._until else PROBES

    def until(self, now: float) -> float | None:
        """
        When that changes by itself.
        """
        return self._until if self.failing and now < self._until else None
