"""
When an address may be tried again.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

# A connection that was refused is tried again soon: brokers restart.  The longest
# wait is shorter than that between two tries of a send, so that each of those
# finds out whether the broker is back.
FIRST_DELAY = 0.1
MOST_AFTER_FAILURE = 0.5

# A connection that ends within so many seconds was of no use.  A few in a row
# are bad luck; from then on the address is left alone for longer and longer,
# so that it is tried at most twelve times a minute.
LASTING = 5.0
FREE_LOSSES = 3
MOST_AFTER_LOSS = 10.0


class Backoff:
    """
    How long one address is left alone after a connection failed or was lost.

    @ivar failures: How many attempts to connect have failed in a row.

    @ivar losses: How many connections were lost in a row soon after they were
        made.

    @ivar until: Before when the next attempt is not begun.
    """

    __slots__ = ("_random", "failures", "losses", "until")

    def __init__(self, random: Callable[[], float]) -> None:
        """
        @param random: Gives numbers from 0 to 1.
        """
        self._random = random
        self.failures = 0
        self.losses = 0
        self.until = -inf

    def failed(self, now: float) -> None:
        """
        An attempt failed.
        """
        self._wait(now, self.failures, MOST_AFTER_FAILURE)
        self.failures += 1

    def succeeded(self) -> None:
        """
        An attempt succeeded.
        """
        self.failures = 0

    def lost(self, now: float, since: float) -> None:
        """
        A connection ended that was wanted.

        @param since: When it was made.
        """
        if now - since >= LASTING:
            self.losses = 0
            return
        self.losses += 1
        if self.losses > FREE_LOSSES:
            self._wait(now, self.losses - FREE_LOSSES - 1, MOST_AFTER_LOSS)

    def _wait(self, now: float, times: int, most: float) -> None:
        """
        Wait twice as long as the time before, give or take.
        """
        delay = min(most, FIRST_DELAY * 2 ** min(times, 16))
        self.until = now + delay * (0.75 + 0.75 * self._random())
