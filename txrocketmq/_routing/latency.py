"""
Java's latency tables: slow and failing brokers are left out for a while.

Laws:

    - Whatever is recorded, no broker is out for ever, and when all are out one of
      them is still chosen.

    - Nothing is scheduled here; the time is read from the clock that is given.

Follows C{MQFaultStrategy} and C{LatencyFaultToleranceImpl}, of two generations:
L{Latencies} is that of 5.1.4 and later, L{SeedLatencies} the one before.
"""

from __future__ import annotations

from bisect import bisect_right

import attrs
from twisted.internet.interfaces import IReactorTime

from txrocketmq.settings import (
    SEED_LATENCY_MAX,
    SEED_NOT_AVAILABLE_DURATION,
    ProducerSettings,
)

from .faults import BrokerAvoidance

__all__ = ["Latencies", "LatencyRanking", "SeedLatencies", "latenciesOf"]

ISOLATION = 10.0
"""
The latency an error counts as, in seconds.
"""

SEED_ISOLATION = 30.0
"""
The same before 5.1.4.
"""

FORGOTTEN = 600.0
"""
Seconds after which a broker nobody sent to is forgotten, if it is not out: it may
have left the routes.
"""

LAST_RESORT = 2
"""
The rank of a broker that is taken when there is none better.
"""


@attrs.define
class FaultItem:
    """
    What is known of a broker.

    @ivar latency: The seconds its last try took, or stands for.

    @ivar startTimestamp: From when on it is available, on the clock.

    @ivar reachable: Whether it could be reached last.

    @ivar touched: When this was recorded.
    """

    latency: float
    startTimestamp: float
    reachable: bool
    touched: float


class Latencies:
    """
    How fast the brokers were, and which are out because of it.
    """

    active = True
    restarts = True
    isolation = ISOLATION

    def __init__(
        self,
        clock: IReactorTime,
        latencyMax: tuple[int, ...],
        notAvailableDuration: tuple[int, ...],
    ) -> None:
        """
        @param latencyMax: From how many milliseconds on a try is slow.

        @param notAvailableDuration: How long that leaves its broker out.
        """
        self._clock = clock
        self._latencyMax = latencyMax
        self._durations = (0, *notAvailableDuration)
        self._items: dict[str, FaultItem] = {}

    def updateFaultItem(
        self, brokerName: str, latency: float, isolation: bool, reachable: bool
    ) -> None:
        """
        Record a try.

        @param latency: The seconds it took.

        @param isolation: Whether it counts as very slow, however long it took.
        """
        now = self._clock.seconds()
        duration = self.duration(self.isolation if isolation else latency)
        item = self._items.get(brokerName)
        if item is None:
            self._forget(now)
            item = self._items[brokerName] = FaultItem(latency, now, reachable, now)
        item.latency, item.reachable, item.touched = latency, reachable, now
        item.startTimestamp = self._startOf(item.startTimestamp, now, duration)

    def duration(self, latency: float) -> float:
        """
        How long a try of so many seconds leaves its broker out, in seconds.
        """
        # Rounded: 0.55 s are 550 ms, whatever the clock's last bit says.
        step = bisect_right(self._latencyMax, round(latency * 1000, 3))
        return self._durations[step] / 1000

    def isAvailable(self, brokerName: str) -> bool:
        """
        Whether a broker is not out now.
        """
        item = self._items.get(brokerName)
        return item is None or self._clock.seconds() >= item.startTimestamp

    def isReachable(self, brokerName: str) -> bool:
        """
        Whether a broker could be reached last, as far as anybody knows.
        """
        item = self._items.get(brokerName)
        return item is None or item.reachable

    def isolated(self) -> set[str]:
        """
        The brokers that are out now.
        """
        return {name for name in self._items if not self.isAvailable(name)}

    def unreachable(self) -> list[str]:
        """
        The brokers that could not be reached last.
        """
        return [name for name, item in self._items.items() if not item.reachable]

    def reached(self, brokerName: str) -> None:
        """
        Note that a broker can be reached again; it stays out as long as it is.
        """
        item = self._items.get(brokerName)
        if item is not None:
            item.reachable = True

    def forget(self, brokerName: str) -> None:
        """
        Know nothing of a broker any more.
        """
        self._items.pop(brokerName, None)

    def level(self, brokerName: str) -> int:
        """
        How good a broker is: 0 is available, 1 may be taken when none is, 2 when
        there is none of those either.
        """
        if self.isAvailable(brokerName):
            return 0
        return 1 if self.isReachable(brokerName) else 2

    def rank(self, brokerName: str, tried: bool) -> int:
        """
        See L{Ranking <txrocketmq._routing.faults.Ranking>}: Java's three passes over
        the queues, of which the last one takes any.
        """
        return LAST_RESORT if tried else self.level(brokerName)

    def taken(self, brokerName: str) -> None:
        """
        Nothing: Java sends no probes.
        """

    def _startOf(self, present: float, now: float, duration: float) -> float:
        """
        From when on a broker is available: what was recorded is never shortened.
        """
        return max(present, now + duration) if duration else present

    def _forget(self, now: float) -> None:
        """
        Forget the brokers nobody has sent to for long.
        """
        self._items = {
            name: item
            for name, item in self._items.items()
            if now < max(item.startTimestamp, item.touched + FORGOTTEN)
        }


class SeedLatencies(Latencies):
    """
    The same as it was until 5.1.3.

    The latest try alone counts, nobody asks whether a broker can be reached, and a
    retry may go to the same broker again.  When all are out, one of the better half
    is taken.  (4.3 itself wanted the same broker again for a retry, and nothing
    else: a mistake that was mended soon.)
    """

    restarts = False
    isolation = SEED_ISOLATION

    def unreachable(self) -> list[str]:
        """
        None: that there are such brokers came later.
        """
        return []

    def level(self, brokerName: str) -> int:
        """
        As it says; of those that are out, the better half comes first.
        """
        if self.isAvailable(brokerName):
            return 0
        return 1 if brokerName in self._betterHalf() else 2

    def rank(self, brokerName: str, tried: bool) -> int:
        """
        See L{Ranking <txrocketmq._routing.faults.Ranking>}.
        """
        return self.level(brokerName)

    def _betterHalf(self) -> list[str]:
        """
        The better half of the brokers that are known, one at least.

        Follows C{LatencyFaultToleranceImpl.pickOneAtLeast}.
        """
        items = self._items

        def goodness(name: str) -> tuple[bool, float, float]:
            item = items[name]
            return (not self.isAvailable(name), item.latency, item.startTimestamp)

        return sorted(items, key=goodness)[: max(1, len(items) // 2)]

    def _startOf(self, present: float, now: float, duration: float) -> float:
        """
        From when on a broker is available: as the latest try has it.
        """
        return now + duration


@attrs.frozen
class LatencyRanking:
    """
    Our own avoidance of failing brokers, and Java's of slow ones where that leaves a
    choice.
    """

    _avoidance: BrokerAvoidance
    _latencies: Latencies
    active: bool = True
    restarts: bool = False

    def rank(self, brokerName: str, tried: bool) -> int:
        """
        See L{Ranking <txrocketmq._routing.faults.Ranking>}.
        """
        own = self._avoidance.rank(brokerName, tried)
        return own * (LAST_RESORT + 1) + self._latencies.level(brokerName)

    def taken(self, brokerName: str) -> None:
        """
        Note that a send goes to a broker.
        """
        self._avoidance.taken(brokerName)


def latenciesOf(settings: ProducerSettings, clock: IReactorTime) -> Latencies | None:
    """
    What a producer's settings want: a strategy, or L{None}.
    """
    if not settings.sendLatencyFaultEnable:
        return None
    tables = (settings.latencyMax, settings.notAvailableDuration)
    isSeed = tables == (SEED_LATENCY_MAX, SEED_NOT_AVAILABLE_DURATION)
    return (SeedLatencies if isSeed else Latencies)(clock, *tables)
