"""
Which queue a message goes to next, and which brokers are left out.

Our own rules, always on; Java's latency tables, which may be added
(C{sendLatencyFaultEnable}), are in L{latency <txrocketmq._routing.latency>}.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Protocol

import attrs
from twisted.internet.interfaces import IReactorTime

from txrocketmq.message import MessageQueue

from .publishinfo import TopicPublishInfo

__all__ = [
    "FIRST_PERIOD",
    "LONGEST_PERIOD",
    "BrokerAvoidance",
    "QueueChooser",
    "Ranking",
]

FIRST_PERIOD = 1.0
"""
Seconds a broker is left out after its first failure.
"""

LONGEST_PERIOD = 30.0
"""
The most seconds a broker is left out between two probes.
"""

FORGOTTEN = 60.0
"""
Seconds after a period's end when a broker nobody asked for since is forgotten:
it has left the routes, or there is no traffic.
"""


class Ranking(Protocol):
    """
    Which brokers are better than others now.
    """

    @property
    def active(self) -> bool:
        """
        Whether one may be better than another: the first thing to ask.
        """

    @property
    def restarts(self) -> bool:
        """
        Whether a retry begins anywhere, not where the last send left off.
        """

    def rank(self, brokerName: str, tried: bool) -> int:
        """
        How good a broker is: 0 is the best, and of equals the next one is taken.

        @param tried: Whether this message was sent there in vain.
        """

    def taken(self, brokerName: str) -> None:
        """
        Note that a send goes to a broker.
        """


@attrs.define
class _Failing:
    """
    A broker that failed: left out for so long, until then.

    @ivar probing: Whether a send has taken it since its period was over.
    """

    period: float
    until: float
    probing: bool = False


class BrokerAvoidance:
    """
    The brokers that first attempts leave out, because they failed lately.

    When its period is over, one send may take a broker: the probe.  The others go
    on leaving it out until the probe has ended, or for another such period if
    nobody ever says how it ended.

    @ivar failing: By their names, the brokers that failed.

    @ivar full: The names of brokers that take nothing at the moment, because they
        said that they are busy; and

    @ivar marked: of those that sends must be careful with in any way: both are
        filled by who knows.
    """

    restarts = False

    def __init__(self, clock: IReactorTime) -> None:
        """
        @param clock: What time is read from.  Nothing is scheduled.
        """
        self._clock = clock
        self.failing: dict[str, _Failing] = {}
        self._sweepAt = 0.0
        self.full: set[str] = set()
        self.marked: set[str] = set()

    @property
    def active(self) -> bool:
        """
        Whether there may be a broker to leave out, or to be careful with: the
        first thing to ask.
        """
        return bool(self.failing or self.marked)

    def failed(self, brokerName: str) -> None:
        """
        Leave a broker out: it refused, was lost, or did not answer.

        Failures within its period are those of sends begun before, and do not
        make it longer; a failed probe doubles it.
        """
        now = self._clock.seconds()
        failing = self.failing.get(brokerName)
        if failing is None:
            self.failing[brokerName] = _Failing(FIRST_PERIOD, now + FIRST_PERIOD)
        elif failing.probing or now >= failing.until:
            period = min(2 * failing.period, LONGEST_PERIOD)
            self.failing[brokerName] = _Failing(period, now + period)

    def succeeded(self, brokerName: str) -> None:
        """
        Leave a broker out no longer: it answered.
        """
        self.failing.pop(brokerName, None)

    def isolated(self) -> set[str]:
        """
        The brokers to be left out now.
        """
        now = self._clock.seconds()
        return {name for name, failing in self.failing.items() if now < failing.until}

    def avoided(self, brokerName: str) -> bool:
        """
        Whether a broker is to be left out now.
        """
        now = self._clock.seconds()
        if now >= self._sweepAt:
            self._forget(now)
        failing = self.failing.get(brokerName)
        return failing is not None and now < failing.until

    def rank(self, brokerName: str, tried: bool) -> int:
        """
        Best is a broker that was not tried and is not left out; then one that is
        left out; then one that was tried and is not left out.  One that takes
        nothing now comes last.
        """
        full = brokerName in self.full
        return 4 * full + 2 * tried + self.avoided(brokerName)

    def taken(self, brokerName: str) -> None:
        """
        Note that a send goes to a broker: to one that is due, it is the probe.
        """
        now = self._clock.seconds()
        failing = self.failing.get(brokerName)
        if failing is not None and now >= failing.until:
            failing.probing = True
            failing.until = now + failing.period

    def _forget(self, now: float) -> None:
        """
        Forget the brokers nobody has gone to for long.
        """
        self._sweepAt = now + FORGOTTEN
        # The dictionary stays the same: others look at it.
        for brokerName, failing in list(self.failing.items()):
            if now >= failing.until + FORGOTTEN:
                del self.failing[brokerName]


class QueueChooser:
    """
    Goes round the queues of each topic, past the brokers to be left out.

    It always gives a queue: one that may fail is better than none.

    @ivar turns: How far each topic has come: the number of its next queue.
    """

    def __init__(self, ranking: Ranking, random: Callable[[], float]) -> None:
        """
        @param ranking: Which brokers are better than others.

        @param random: What chooses each topic's first queue, as C{random.random}.
        """
        self._ranking = ranking
        self._random = random
        self.turns: dict[str, int] = {}

    def choose(
        self, info: TopicPublishInfo, tried: Collection[str] = ()
    ) -> MessageQueue:
        """
        The next queue of a topic among those of the best brokers.

        @param info: Where the topic's messages can go; it has a queue.

        @param tried: The names of brokers this message was sent to in vain, as
            L{TopicPublishInfo.brokerOf} gives them.
        """
        at = self.turns.get(info.topic)
        if at is None or (tried and self._ranking.restarts):
            at = int(self._random() * len(info.queues))
        avoiding = self._ranking.active
        if tried or avoiding:
            at = self._best(info, tried, at)
        self.turns[info.topic] = at + 1
        queue = info.queues[at % len(info.queues)]
        if avoiding:
            self._ranking.taken(info.brokerOf(queue))
        return queue

    def forget(self, topic: str) -> None:
        """
        Begin anywhere the next time: the topic's queues are others now.
        """
        self.turns.pop(topic, None)

    def _best(self, info: TopicPublishInfo, tried: Collection[str], at: int) -> int:
        """
        How far to go round for the best queue: the first of the best brokers'.
        """
        ranks: dict[str, int] = {}
        best, bestRank = at, None
        for step in range(at, at + len(info.queues)):
            brokerName = info.brokerOf(info.queues[step % len(info.queues)])
            rank = ranks.get(brokerName)
            if rank is None:
                rank = self._ranking.rank(brokerName, brokerName in tried)
                ranks[brokerName] = rank
            if bestRank is None or rank < bestRank:
                best, bestRank = step, rank
            if not rank:
                break
        return best
