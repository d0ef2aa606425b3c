"""
Failing brokers are left out, and found again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests import support
from txrocketmq._routing.faults import (
    FIRST_PERIOD,
    FORGOTTEN,
    LONGEST_PERIOD,
    BrokerAvoidance,
    QueueChooser,
)
from txrocketmq._routing.publishinfo import TopicPublishInfo, publishInfoOf
from txrocketmq.message import MessageQueue

from .doubles import Chance, routeOf

assert support

NAMES = ("a", "b", "c")


class AvoidanceTests(SynchronousTestCase):
    """
    Brokers that failed, on a clock that stands still.
    """

    def setUp(self) -> None:
        """
        Nobody has failed.
        """
        self.clock = Clock()
        self.avoidance = BrokerAvoidance(self.clock)

    def probe(self) -> bool:
        """
        Be a send that goes to C{a} if it may, and say whether it did.
        """
        if self.avoidance.avoided("a"):
            return False
        self.avoidance.taken("a")
        return True

    def test_nobody(self) -> None:
        """
        At first there is nobody to leave out.
        """
        self.assertFalse(self.avoidance.active)
        self.assertFalse(self.avoidance.avoided("a"))

    def test_period(self) -> None:
        """
        Who failed is left out for a second; others are not.
        """
        self.avoidance.failed("a")
        self.assertTrue(self.avoidance.active)
        self.assertTrue(self.avoidance.avoided("a"))
        self.assertFalse(self.avoidance.avoided("b"))
        self.clock.advance(FIRST_PERIOD - 0.001)
        self.assertTrue(self.avoidance.avoided("a"))
        self.assertEqual(self.avoidance.isolated(), {"a"})
        self.clock.advance(0.001)
        self.assertFalse(self.avoidance.avoided("a"))
        self.assertEqual(self.avoidance.isolated(), set())

    def test_oneProbe(self) -> None:
        """
        When the period is over one send may go there, and no other with it.
        """
        self.avoidance.failed("a")
        self.clock.advance(1.0)
        self.assertEqual([self.probe() for _ in range(5)], [True, *[False] * 4])

    def test_probeSucceeds(self) -> None:
        """
        A broker that answers is left out no longer, and its past is forgotten.
        """
        self.avoidance.failed("a")
        self.clock.advance(1.0)
        self.probe()
        self.avoidance.succeeded("a")
        self.assertFalse(self.avoidance.active)
        self.assertFalse(self.avoidance.avoided("a"))
        self.avoidance.failed("a")
        self.clock.advance(1.0)
        self.assertFalse(self.avoidance.avoided("a"))

    def test_probeFails(self) -> None:
        """
        Each probe that fails doubles the period, up to half a minute.
        """
        self.avoidance.failed("a")
        for period in (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0):
            self.clock.advance(period - 0.001)
            self.assertFalse(self.probe())
            self.clock.advance(0.002)
            self.assertTrue(self.probe())
            self.avoidance.failed("a")
        self.assertEqual(LONGEST_PERIOD, 30.0)

    def test_probeIsLost(self) -> None:
        """
        Where nobody says how a probe ended, there is another one after a while.
        """
        self.avoidance.failed("a")
        self.clock.advance(1.0)
        self.assertTrue(self.probe())
        self.clock.advance(0.999)
        self.assertFalse(self.probe())
        self.clock.advance(0.002)
        self.assertTrue(self.probe())

    def test_together(self) -> None:
        """
        A hundred sends that fail together leave a broker out for a second.
        """
        for _ in range(100):
            self.avoidance.failed("a")
        self.clock.advance(1.0)
        self.assertTrue(self.probe())

    def test_withoutProbe(self) -> None:
        """
        A failure after the period counts like that of a probe.
        """
        self.avoidance.failed("a")
        self.clock.advance(1.5)
        self.avoidance.failed("a")
        self.clock.advance(1.999)
        self.assertTrue(self.avoidance.avoided("a"))
        self.clock.advance(0.002)
        self.assertFalse(self.avoidance.avoided("a"))

    def test_takenWithin(self) -> None:
        """
        A send that goes there for want of another broker is no probe.
        """
        self.avoidance.failed("a")
        self.avoidance.taken("a")
        self.avoidance.taken("b")
        self.avoidance.failed("a")
        self.clock.advance(1.0)
        self.assertFalse(self.avoidance.avoided("a"))

    def test_forgotten(self) -> None:
        """
        A broker that left the routes is forgotten, so that choosing is cheap again.
        """
        self.avoidance.failed("a")
        self.clock.advance(FIRST_PERIOD + FORGOTTEN - 0.1)
        self.avoidance.avoided("b")
        self.assertTrue(self.avoidance.active)
        self.clock.advance(FORGOTTEN)
        self.avoidance.avoided("b")
        self.assertFalse(self.avoidance.active)

    def test_unknownSucceeds(self) -> None:
        """
        Success of a broker that never failed means nothing.
        """
        self.avoidance.succeeded("a")
        self.assertFalse(self.avoidance.active)


class ChooserTests(SynchronousTestCase):
    """
    Three brokers with two queues each.
    """

    def setUp(self) -> None:
        """
        Begin with the first queue.
        """
        self.clock = Clock()
        self.avoidance = BrokerAvoidance(self.clock)
        self.chooser = QueueChooser(self.avoidance, Chance(0.0))
        self.info = publishInfoOf("T", routeOf(dict.fromkeys(NAMES, 2)))

    def choose(
        self, times: int = 1, tried: Collection[str] = ()
    ) -> list[tuple[str, int]]:
        """
        The next queues.
        """
        queues = [self.chooser.choose(self.info, tried) for _ in range(times)]
        return [(queue.brokerName, queue.queueId) for queue in queues]

    def brokers(self, times: int, tried: Collection[str] = ()) -> set[str]:
        """
        The brokers of the next queues.
        """
        return {name for name, _ in self.choose(times, tried)}

    def failing(self, *names: str) -> None:
        """
        Let brokers fail.
        """
        for name in names:
            self.avoidance.failed(name)

    def test_round(self) -> None:
        """
        All queues have their turn.
        """
        expected = [(name, at) for name in NAMES for at in range(2)]
        self.assertEqual(self.choose(12), expected * 2)

    def test_start(self) -> None:
        """
        Chance decides which queue is first, of each topic.
        """
        chooser = QueueChooser(self.avoidance, Chance(0.5, 0.999, 0.0))
        other = publishInfoOf("U", routeOf({"a": 4}))
        self.assertEqual(chooser.choose(self.info), MessageQueue("T", "b", 1))
        self.assertEqual(chooser.choose(other), MessageQueue("U", "a", 3))
        self.assertEqual(chooser.choose(self.info), MessageQueue("T", "c", 0))
        self.assertEqual(chooser.choose(other), MessageQueue("U", "a", 0))

    def test_forget(self) -> None:
        """
        A topic that is forgotten begins again.
        """
        chooser = QueueChooser(self.avoidance, Chance(0.5, 0.0))
        self.assertEqual(chooser.choose(self.info).brokerName, "b")
        chooser.forget("T")
        chooser.forget("never heard of")
        self.assertEqual(chooser.choose(self.info), MessageQueue("T", "a", 0))

    def test_fewerQueues(self) -> None:
        """
        A route with fewer queues is gone round as well.
        """
        self.choose(5)
        self.info = publishInfoOf("T", routeOf({"a": 2}))
        self.assertEqual(set(self.choose(2)), {("a", 0), ("a", 1)})

    def test_tried(self) -> None:
        """
        Brokers that were tried are left out while there is another.
        """
        self.assertEqual(self.brokers(12, {"a"}), {"b", "c"})
        self.assertEqual(self.brokers(12, ["a", "b"]), {"c"})

    def test_allTried(self) -> None:
        """
        When all were tried it is simply the next one's turn.
        """
        expected = [(name, at) for name in NAMES for at in range(2)]
        self.assertEqual(self.choose(6, NAMES), expected)

    def test_avoided(self) -> None:
        """
        Brokers that failed are left out while there is another.
        """
        self.failing("a")
        self.assertEqual(self.brokers(12), {"b", "c"})
        self.failing("b")
        self.assertEqual(self.brokers(12), {"c"})

    def test_allAvoided(self) -> None:
        """
        When all failed they have their turns as ever.
        """
        self.failing(*NAMES)
        self.assertEqual(self.brokers(6), set(NAMES))

    def test_fair(self) -> None:
        """
        The queues of the broker that is left out do not all go to the next one.
        """
        self.failing("a")
        counts = Counter(self.choose(400))
        self.assertEqual(set(counts.values()), {100})

    def test_untriedFirst(self) -> None:
        """
        Better one that failed others than one that failed this message; better
        one that only failed this message than one that failed all.
        """
        self.failing("c")
        self.assertEqual(self.brokers(12, {"a", "b"}), {"c"})
        self.assertEqual(self.brokers(12, NAMES), {"a", "b"})

    def test_probe(self) -> None:
        """
        When the period is over, one send goes there and the others do not.
        """
        self.failing("a")
        self.clock.advance(FIRST_PERIOD)
        counts = Counter(name for name, _ in self.choose(100))
        self.assertEqual(counts["a"], 1)
        self.avoidance.succeeded("a")
        counts = Counter(name for name, _ in self.choose(60))
        self.assertEqual(counts["a"], 20)

    def test_probeOfThoseWhoHaveNotTried(self) -> None:
        """
        A send that has tried a broker is not its probe.
        """
        self.failing("a")
        self.clock.advance(FIRST_PERIOD)
        self.assertEqual(self.brokers(12, {"a"}), {"b", "c"})
        self.assertIn("a", self.brokers(6))

    def test_onlyOne(self) -> None:
        """
        With one broker there is no choice, whatever it did.
        """
        self.info = publishInfoOf("T", routeOf({"a": 2}))
        self.failing("a")
        self.assertEqual(self.brokers(4, {"a"}), {"a"})

    def test_staticTopic(self) -> None:
        """
        Of a logical queue, the broker that has it counts.
        """
        queues = tuple(MessageQueue("T", "__syslo__global__", at) for at in range(4))
        physical = dict(zip(queues, "abab", strict=True))
        info = TopicPublishInfo("T", queues, {}, physical=physical)
        self.failing("a")
        ids = {self.chooser.choose(info).queueId for _ in range(8)}
        self.assertEqual(ids, {1, 3})
        self.assertEqual(self.chooser.choose(info, {"b"}).queueId % 2, 0)
        self.clock.advance(FIRST_PERIOD)
        probes = [self.chooser.choose(info).queueId % 2 for _ in range(12)]
        self.assertEqual(probes.count(0), 1)

    @given(
        st.dictionaries(st.sampled_from("abcd"), st.integers(1, 3), min_size=1),
        st.sets(st.sampled_from("abcd")),
        st.sets(st.sampled_from("abcd")),
        st.floats(0, 1, exclude_max=True),
    )
    def test_best(
        self, brokers: dict[str, int], tried: set[str], failed: set[str], chance: float
    ) -> None:
        """
        There always is a queue, and no better one.
        """
        avoidance = BrokerAvoidance(Clock())
        for name in failed:
            avoidance.failed(name)
        chooser = QueueChooser(avoidance, Chance(chance))
        info = publishInfoOf("T", routeOf(brokers))
        ranks = {name: (name in tried, name in failed) for name in brokers}
        for _ in range(5):
            chosen = chooser.choose(info, tried)
            self.assertIn(chosen, info.queues)
            self.assertEqual(ranks[chosen.brokerName], min(ranks.values()))
