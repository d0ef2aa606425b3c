"""
The last minutes, for those who look later: one point a second, in memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from itertools import pairwise

import attrs
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

from txrocketmq.relay.tally import ACKS, BOUNDS, Tally

INTERVAL = 1.0
"""
Seconds between two points.
"""

LENGTH = 300
"""
How many points are kept: those of five minutes.
"""

RECENTLY = 10
"""
Over how many points the rates of now are taken.
"""


@attrs.frozen
class Load:
    """
    What there is at one moment.

    @ivar inFlight: How many sends are under way.

    @ivar waiting: How many messages wait in the spool.
    """

    inFlight: int
    waiting: int


@attrs.frozen
class Point:
    """
    One second.

    @ivar accepted: Messages taken in, per second; C{stored} and C{failed} as well.

    @ivar p50: The seconds within which half of the sends that were stored had
        ended; L{None} where there was none.

    @ivar p99: The same for 99 of 100.
    """

    accepted: float
    stored: float
    failed: float
    p50: float | None
    p99: float | None
    inFlight: int
    waiting: int


@attrs.frozen
class _Totals:
    """
    The counts of one moment.
    """

    at: float
    accepted: int
    stored: int
    failed: int
    durations: tuple[int, ...]


class History:
    """
    Keeps a point for each of the last seconds.

    @ivar number: The number of the last point, which counts from 1.

    @ivar points: The points, the last one last.
    """

    def __init__(
        self, clock: IReactorTime, tally: Tally, load: Callable[[], Load]
    ) -> None:
        """
        @param tally: What counts.

        @param load: Gives what there is now.  It must not fail.
        """
        self._clock = clock
        self._tally = tally
        self._load = load
        self._loop: LoopingCall | None = None
        self.number = 0
        self.points: deque[Point] = deque(maxlen=LENGTH)
        self._totals: deque[_Totals] = deque([self._now()], maxlen=RECENTLY + 1)

    def start(self) -> None:
        """
        Begin to keep points.
        """
        self.stop()
        self._loop = loop = LoopingCall(self._keep)
        loop.clock = self._clock
        loop.start(INTERVAL, now=False)

    def stop(self) -> None:
        """
        Keep no more.
        """
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.stop()

    def recently(self) -> Point:
        """
        The last ten seconds as one point.
        """
        return _between(self._totals[0], self._now(), self._load())

    def after(self, number: int) -> list[Point]:
        """
        The points after one; all of them if there is no such point.
        """
        if not 0 <= number <= self.number:
            number = 0
        missing = self.number - number
        return list(self.points)[-missing:] if missing else []

    def grown(self, seconds: int) -> int:
        """
        By how many messages the spool has grown in so many seconds.
        """
        points = list(self.points)[-seconds:]
        return points[-1].waiting - points[0].waiting if points else 0

    def _keep(self) -> None:
        """
        Keep a point.
        """
        totals = self._now()
        self.points.append(_between(self._totals[-1], totals, self._load()))
        self._totals.append(totals)
        self.number += 1

    def _now(self) -> _Totals:
        """
        The counts of now.
        """
        tally = self._tally
        counts = [tally.durations[ack].counts for ack in ACKS]
        return _Totals(
            self._clock.seconds(),
            sum(tally.taken.values()),
            sum(tally.delivered.values()),
            sum(tally.failures.values()),
            tuple(map(sum, zip(*counts, strict=True))),
        )


def _between(before: _Totals, now: _Totals, load: Load) -> Point:
    """
    What happened between two moments.
    """
    seconds = max(now.at - before.at, 0.001)
    durations = [b - a for a, b in zip(before.durations, now.durations, strict=True)]
    return Point(
        (now.accepted - before.accepted) / seconds,
        (now.stored - before.stored) / seconds,
        (now.failed - before.failed) / seconds,
        quantile(durations, 0.5),
        quantile(durations, 0.99),
        load.inFlight,
        load.waiting,
    )


def quantile(counts: Sequence[int], part: float) -> float | None:
    """
    Within how many seconds a part of what was counted had ended, about.

    @param counts: As in L{Durations<txrocketmq.relay.tally.Durations>}.

    @return: L{None} where nothing was counted; the last bound where that is all
        that is known.
    """
    wanted = part * sum(counts)
    if not wanted:
        return None
    seen = 0.0
    for count, (lower, upper) in zip(counts, pairwise((0.0, *BOUNDS)), strict=False):
        if count and seen + count >= wanted:
            return lower + (upper - lower) * (wanted - seen) / count
        seen += count
    return BOUNDS[-1]
