"""
One delayed call for many deadlines.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from twisted.internet.interfaces import IDelayedCall, IReactorTime

# Sums and differences of times are not exact: what is so near is now.
TOLERANCE = 0.001


class Alarm:
    """
    A delayed call that is moved to the earliest time anybody asked for.

    @ivar at: When it rings; infinity when it is not set.
    """

    __slots__ = ("_call", "_clock", "_ring", "at")

    def __init__(
        self, clock: IReactorTime, ring: Callable[[float, float], None]
    ) -> None:
        """
        @param ring: Called when it rings, with the time it was set to and the
            time it is.  It is not set any more then.
        """
        self._clock = clock
        self._ring = ring
        self._call: IDelayedCall | None = None
        self.at = inf

    def setTo(self, at: float) -> None:
        """
        Ring at a time, or earlier if it is set earlier; never for infinity.
        """
        if at >= self.at:
            return
        delay = max(0.0, at - self._clock.seconds())
        if self._call is None:
            self._call = self._clock.callLater(delay, self._called)
        else:
            self._call.reset(delay)
        self.at = at

    def unset(self) -> None:
        """
        Do not ring.
        """
        if self._call is not None:
            self._call.cancel()
            self._call = None
            self.at = inf

    def _called(self) -> None:
        """
        Forget the call that is being made, and ring.
        """
        at, self.at, self._call = self.at, inf, None
        now = self._clock.seconds()
        self._ring(at, at if now < at < now + TOLERANCE else now)
