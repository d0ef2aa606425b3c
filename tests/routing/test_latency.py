"""
Slow brokers are left out as Java's tables say, those of today and those before.
"""

from __future__ import annotations

from typing import Any, ClassVar

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests import support
from txrocketmq._routing.faults import BrokerAvoidance, QueueChooser
from txrocketmq._routing.latency import (
    FORGOTTEN,
    Latencies,
    LatencyRanking,
    SeedLatencies,
    latenciesOf,
)
from txrocketmq._routing.publishinfo import TopicPublishInfo, publishInfoOf
from txrocketmq.settings import (
    SEED_LATENCY_MAX,
    SEED_NOT_AVAILABLE_DURATION,
    ProducerSettings,
)

from .doubles import Chance, routeOf

assert support

NAMES = ("a", "b", "c")

SEED: dict[str, Any] = {
    "latencyMax": SEED_LATENCY_MAX,
    "notAvailableDuration": SEED_NOT_AVAILABLE_DURATION,
}


def info(brokers: int = 3, queues: int = 2) -> TopicPublishInfo:
    """
    A topic on some brokers.
    """
    return publishInfoOf("T", routeOf(dict.fromkeys(NAMES[:brokers], queues)))


class LatencyTestCase(SynchronousTestCase):
    """
    Tests on a clock that stands still.
    """

    tables: ClassVar[dict[str, Any]] = {}

    def setUp(self) -> None:
        """
        Nobody was sent to.
        """
        self.clock = Clock()
        self.latencies = self.made(self.tables)

    def made(self, tables: dict[str, Any]) -> Latencies:
        """
        The strategy of some settings.
        """
        settings = ProducerSettings(sendLatencyFaultEnable=True, **tables)
        made = latenciesOf(settings, self.clock)
        assert made is not None
        return made

    def took(self, brokerName: str, millis: float) -> None:
        """
        A try succeeded, after so long.
        """
        self.latencies.updateFaultItem(brokerName, millis / 1000, False, True)

    def failed(self, brokerName: str) -> None:
        """
        A try failed at once.
        """
        self.latencies.updateFaultItem(brokerName, 0.001, True, False)

    def outFor(self, brokerName: str) -> float:
        """
        How long a broker is out from now on, in seconds.
        """
        item = self.latencies._items[brokerName]
        return max(0.0, round(item.startTimestamp - self.clock.seconds(), 6))

    def chooser(self, *fractions: float) -> QueueChooser:
        """
        What chooses by Java's rules alone.
        """
        return QueueChooser(self.latencies, Chance(*fractions) if fractions else zero)


def zero() -> float:
    """
    No chance at all.
    """
    return 0.0


class SettingsTests(LatencyTestCase):
    """
    Which strategy it is.
    """

    def test_off(self) -> None:
        """
        Unless it is asked for there is none.
        """
        self.assertIsNone(latenciesOf(ProducerSettings(), self.clock))
        self.assertIsNone(latenciesOf(ProducerSettings(**SEED), self.clock))

    def test_today(self) -> None:
        """
        Today's strategy goes with all tables but one pair.
        """
        for tables in ({}, {"latencyMax": SEED_LATENCY_MAX}):
            self.assertIs(type(self.made(tables)), Latencies)

    def test_seed(self) -> None:
        """
        The one before goes with its own tables.
        """
        self.assertIs(type(self.made(SEED)), SeedLatencies)


class RecordingTests(LatencyTestCase):
    """
    How long what leaves a broker out, today.
    """

    def test_table(self) -> None:
        """
        At each threshold the next duration begins, and not a millisecond before.
        """
        for millis, seconds in (
            (0, 0),
            (49, 0),
            (50, 0),
            (100, 0),
            (549, 0),
            (549.9, 0),
            (550, 2),
            (1799, 2),
            (1800, 5),
            (2999, 5),
            (3000, 6),
            (4999, 6),
            (5000, 10),
            (14999, 10),
            (15000, 30),
            (10**9, 30),
        ):
            self.assertEqual(self.latencies.duration(millis / 1000), seconds, millis)

    def test_own(self) -> None:
        """
        Tables may be one's own; below the first threshold nobody is out.
        """
        latencies = self.made({"latencyMax": (10,), "notAvailableDuration": (700,)})
        self.assertEqual(latencies.duration(0.009), 0)
        self.assertEqual(latencies.duration(0.01), 0.7)

    def test_clockBits(self) -> None:
        """
        What took 550 ms by a clock did, however the difference was rounded.
        """
        for began in (0.1, 1e5 + 0.7, 1_790_000_000.3):
            self.assertEqual(self.latencies.duration((began + 0.55) - began), 2)

    def test_unknown(self) -> None:
        """
        A broker nobody sent to is available.
        """
        self.assertTrue(self.latencies.isAvailable("a"))
        self.assertTrue(self.latencies.isReachable("a"))
        self.assertEqual(self.latencies.level("a"), 0)

    def test_fast(self) -> None:
        """
        So is a fast one.
        """
        self.took("a", 549)
        self.assertEqual(self.latencies.level("a"), 0)

    def test_slow(self) -> None:
        """
        A slow one is out for its time, and reachable all the while.
        """
        self.took("a", 550)
        self.assertEqual(self.latencies.level("a"), 1)
        self.clock.advance(1.999)
        self.assertFalse(self.latencies.isAvailable("a"))
        self.clock.advance(0.001)
        self.assertTrue(self.latencies.isAvailable("a"))

    def test_isolation(self) -> None:
        """
        One that failed is out for 10 s, however quickly it did, and not longer.
        """
        self.failed("a")
        self.assertEqual(self.latencies.level("a"), 2)
        self.clock.advance(9.999)
        self.assertEqual(self.latencies.level("a"), 2)
        self.assertEqual(self.latencies.isolated(), {"a"})
        self.clock.advance(0.001)
        self.assertEqual(self.latencies.level("a"), 0)
        self.assertEqual(self.latencies.isolated(), set())
        self.assertFalse(self.latencies.isReachable("a"))

    def test_neverShortened(self) -> None:
        """
        What ends sooner does not let a broker in again; what ends later counts.
        """
        self.failed("a")
        self.took("a", 1)
        self.assertEqual(self.outFor("a"), 10)
        self.took("a", 600)
        self.assertEqual(self.outFor("a"), 10)
        self.took("a", 15_000)
        self.assertEqual(self.outFor("a"), 30)
        self.assertTrue(self.latencies.isReachable("a"))

    def test_reached(self) -> None:
        """
        A broker that can be reached again comes before one that cannot.
        """
        self.failed("a")
        self.failed("b")
        self.assertEqual(self.latencies.unreachable(), ["a", "b"])
        self.latencies.reached("a")
        self.latencies.reached("nobody")
        self.assertEqual(self.latencies.unreachable(), ["b"])
        self.assertEqual(self.latencies.level("a"), 1)
        self.assertEqual(self.outFor("a"), 10)

    def test_forget(self) -> None:
        """
        A broker can be forgotten, twice too.
        """
        self.failed("a")
        self.latencies.forget("a")
        self.latencies.forget("a")
        self.assertEqual(self.latencies.unreachable(), [])
        self.assertEqual(self.latencies.level("a"), 0)

    def test_gone(self) -> None:
        """
        Brokers nobody sends to any more are forgotten when there is a new one, but
        not while they are out.
        """
        self.took("a", 1)
        self.clock.advance(1)
        self.took("b", 1)
        self.clock.advance(FORGOTTEN - 1)
        self.took("c", 1)
        self.assertEqual(set(self.latencies._items), {"b", "c"})


class SeedRecordingTests(LatencyTestCase):
    """
    How long what left a broker out before 5.1.4.
    """

    tables: ClassVar[dict[str, Any]] = SEED

    def test_table(self) -> None:
        """
        At each threshold the next duration begins, and not a millisecond before.
        """
        for millis, seconds in (
            (49, 0),
            (50, 0),
            (100, 0),
            (549, 0),
            (550, 30),
            (999, 30),
            (1000, 60),
            (1999, 60),
            (2000, 120),
            (2999, 120),
            (3000, 180),
            (14999, 180),
            (15000, 600),
            (10**9, 600),
        ):
            self.assertEqual(self.latencies.duration(millis / 1000), seconds, millis)

    def test_isolation(self) -> None:
        """
        One that failed is out for ten minutes, and not longer.
        """
        self.failed("a")
        self.clock.advance(599.999)
        self.assertFalse(self.latencies.isAvailable("a"))
        self.clock.advance(0.001)
        self.assertTrue(self.latencies.isAvailable("a"))

    def test_overwritten(self) -> None:
        """
        The latest try alone counts.
        """
        self.failed("a")
        self.took("a", 600)
        self.assertEqual(self.outFor("a"), 30)
        self.took("a", 1)
        self.assertEqual(self.outFor("a"), 0)

    def test_notDetected(self) -> None:
        """
        Nobody asks whether a broker can be reached again.
        """
        self.failed("a")
        self.assertEqual(self.latencies.unreachable(), [])

    def test_outIsKept(self) -> None:
        """
        A broker that is out is not forgotten before it is available.
        """
        self.failed("a")
        self.clock.advance(FORGOTTEN - 1)
        self.took("b", 1)
        self.assertIn("a", self.latencies._items)


class ChoosingTests(LatencyTestCase):
    """
    Java's choice today: available, else reachable, else any; not the last broker.
    """

    def chosen(self, *tried: str, count: int = 6) -> str:
        """
        The brokers of the next sends, from the first queue on.
        """
        chooser = self.chooser()
        queues = [chooser.choose(info(), tried) for _ in range(count)]
        return "".join(queue.brokerName for queue in queues)

    def test_allWell(self) -> None:
        """
        All queues have their turn.
        """
        self.assertEqual(self.chosen(), "aabbcc")

    def test_available(self) -> None:
        """
        Queues of brokers that are out are passed over.
        """
        self.took("a", 600)
        self.failed("b")
        self.assertEqual(self.chosen(), "cccccc")

    def test_notTheLast(self) -> None:
        """
        A retry goes to another broker.
        """
        self.assertEqual(self.chosen("a", count=1), "b")

    def test_reachable(self) -> None:
        """
        When none is available, one that can be reached is taken.
        """
        for name in NAMES:
            self.failed(name)
        self.latencies.reached("b")
        self.assertEqual(self.chosen(), "bbbbbb")

    def test_none(self) -> None:
        """
        When all are out and none can be reached, they have their turn.
        """
        for name in NAMES:
            self.failed(name)
        self.assertEqual(self.chosen(), "aabbcc")

    def test_lastResort(self) -> None:
        """
        The third pass takes the next queue, whosever it is: also that of the last
        broker, rather than go round for one that cannot be reached either.
        """
        for name in ("b", "c"):
            self.failed(name)
        self.assertEqual(self.chosen("a", count=1), "a")

    def test_retryBeginsAnywhere(self) -> None:
        """
        A retry begins at any queue, for all who retry not to meet at the next.
        """
        chooser = self.chooser(0.0, 0.9)
        self.assertEqual(chooser.choose(info()).brokerName, "a")
        self.assertEqual(chooser.choose(info(), ("a",)).brokerName, "c")

    def test_again(self) -> None:
        """
        Who is out long enough comes back.
        """
        self.failed("a")
        self.clock.advance(10)
        self.assertEqual(self.chosen(), "aabbcc")


class SeedChoosingTests(LatencyTestCase):
    """
    Java's choice before: the first available, else one of the better half.
    """

    tables: ClassVar[dict[str, Any]] = SEED

    def chosen(self, *tried: str, brokers: int = 3) -> str:
        """
        The brokers of the next six sends, from the first queue on.
        """
        chooser = self.chooser()
        queues = [chooser.choose(info(brokers), tried) for _ in range(6)]
        return "".join(queue.brokerName for queue in queues)

    def test_available(self) -> None:
        """
        Queues of brokers that are out are passed over.
        """
        self.took("a", 600)
        self.assertEqual(self.chosen(), "bbccbb")

    def test_lastBroker(self) -> None:
        """
        A retry may go to the same broker, if that is available.
        """
        self.assertEqual(self.chosen("a"), "aabbcc")

    def test_betterHalf(self) -> None:
        """
        When all are out, one of the better half is taken: the fastest.
        """
        for name, millis in zip(NAMES, (3000, 700, 900), strict=True):
            self.took(name, millis)
        self.assertEqual(self.chosen(), "bbbbbb")

    def test_earlier(self) -> None:
        """
        Of equally fast ones it is the one that is available first.
        """
        self.took("b", 700)
        self.clock.advance(1)
        self.took("a", 700)
        self.assertEqual(self.chosen(brokers=2), "bbbbbb")

    def test_availableElsewhere(self) -> None:
        """
        Brokers of other topics count among the better half; when it is all theirs,
        this topic's have their turn.
        """
        self.took("a", 700)
        self.took("b", 700)
        for other in ("x", "y", "z"):
            self.took(other, 1)
        self.assertEqual(self.chosen(brokers=2), "aabbaa")

    def test_half(self) -> None:
        """
        Of four the better two share the sends.
        """
        for name, millis in zip(
            ("a", "b", "c", "x"), (700, 3000, 800, 4000), strict=True
        ):
            self.took(name, millis)
        self.assertEqual(self.chosen(), "aaccaa")


class OnTopTests(LatencyTestCase):
    """
    Java's tables on top of our own avoidance.
    """

    def setUp(self) -> None:
        """
        Nobody has failed.
        """
        super().setUp()
        self.avoidance = BrokerAvoidance(self.clock)
        ranking = LatencyRanking(self.avoidance, self.latencies)
        self.own = QueueChooser(ranking, zero)

    def chosen(self, *tried: str, count: int = 1) -> str:
        """
        The brokers of the next sends.
        """
        queues = [self.own.choose(info(), tried) for _ in range(count)]
        return "".join(queue.brokerName for queue in queues)

    def test_slow(self) -> None:
        """
        A slow broker is left out.
        """
        self.took("a", 600)
        self.assertEqual(self.chosen(count=4), "bbcc")

    def test_failingIsWorse(self) -> None:
        """
        A slow broker is better than one that failed just now.
        """
        self.took("b", 600)
        self.took("c", 600)
        self.avoidance.failed("a")
        self.assertEqual(self.chosen(count=4), "bbcc")

    def test_triedIsWorst(self) -> None:
        """
        All is better than a broker this message was sent to in vain.
        """
        self.failed("b")
        self.avoidance.failed("b")
        self.took("c", 600)
        self.assertEqual(self.chosen("a", "c"), "b")
        self.assertEqual(self.chosen("a"), "c")

    def test_isolationOutlasts(self) -> None:
        """
        A broker whose avoidance is over is still left out by the tables.
        """
        self.avoidance.failed("a")
        self.failed("a")
        self.clock.advance(1.5)
        self.assertEqual(self.chosen(count=4), "bbcc")
        self.clock.advance(8.5)
        self.assertEqual(self.chosen(), "a")

    def test_probe(self) -> None:
        """
        A send that goes to a broker whose avoidance is over is its probe.
        """
        self.avoidance.failed("a")
        self.clock.advance(1)
        self.assertEqual(self.chosen(count=4), "abbc")

    def test_retryGoesOn(self) -> None:
        """
        A retry goes on where the last send left off.
        """
        self.chosen(count=2)
        self.assertEqual(self.chosen("a"), "b")


class AlwaysTests(SynchronousTestCase):
    """
    What holds whatever happens.
    """

    @given(
        st.booleans(),
        st.lists(
            st.tuples(
                st.sampled_from(NAMES), st.floats(0, 100), st.booleans(), st.booleans()
            )
        ),
        st.sets(st.sampled_from(NAMES)),
    )
    def test_oneIsChosen(
        self, isSeed: bool, tries: list[tuple[str, float, bool, bool]], tried: set[str]
    ) -> None:
        """
        There is always a queue, and within ten minutes nobody is out any more.
        """
        clock = Clock()
        tables = SEED if isSeed else {}
        settings = ProducerSettings(sendLatencyFaultEnable=True, **tables)
        latencies = latenciesOf(settings, clock)
        assert latencies is not None
        for each in tries:
            latencies.updateFaultItem(*each)
        chooser = QueueChooser(latencies, zero)
        self.assertIn(chooser.choose(info(), tried), info().queues)
        clock.advance(600)
        self.assertEqual([latencies.level(name) for name in NAMES], [0, 0, 0])
