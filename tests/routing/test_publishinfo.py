"""
Routes become queues by Java's rules.
"""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from twisted.trial.unittest import SynchronousTestCase

from tests import support
from txrocketmq._routing.publishinfo import (
    MAX_QUEUES,
    TopicPublishInfo,
    publishInfoFromDefault,
    publishInfoOf,
)
from txrocketmq._wire.bodies import (
    BrokerData,
    QueueData,
    TopicQueueMappingInfo,
    TopicRouteData,
)
from txrocketmq.errors import RouteError
from txrocketmq.message import MessageQueue

from .doubles import routeOf

assert support


def places(info: TopicPublishInfo) -> list[tuple[str, int]]:
    """
    The queues, in their order.
    """
    return [(queue.brokerName, queue.queueId) for queue in info.queues]


def mapping(
    bname: str,
    ids: tuple[int, ...],
    *,
    epoch: int = 1,
    total: int = 4,
    scope: str = "__global__",
) -> TopicQueueMappingInfo:
    """
    One broker's part of a static topic.
    """
    return TopicQueueMappingInfo(
        topic="T",
        totalQueues=total,
        bname=bname,
        epoch=epoch,
        currIdMap=dict.fromkeys(ids, 0),
        scope=scope,
    )


def static(*mappings: TopicQueueMappingInfo) -> TopicPublishInfo:
    """
    What a static topic's route means.
    """
    route = routeOf({"a": 8, "b": 8})
    parts = {f"{at}": part for at, part in enumerate(mappings)}
    return publishInfoOf("T", replace(route, topicQueueMappingByBroker=parts))


class PlainTopicTests(SynchronousTestCase):
    """
    A topic has the queues its writable masters have.
    """

    def test_queues(self) -> None:
        """
        Queues are counted for each broker, the brokers in the order of their names.
        """
        info = publishInfoOf("T", routeOf({"b": 2, "a": 1}))
        self.assertEqual(places(info), [("a", 0), ("b", 0), ("b", 1)])
        self.assertEqual(info.queues[0], MessageQueue("T", "a", 0))
        self.assertEqual(info.masters, {"a": "a:10911", "b": "b:10911"})
        self.assertFalse(info.orderTopic or info.fromDefaultTopic or info.physical)

    def test_writeQueues(self) -> None:
        """
        It is the queues to write to that count, not those to read from.
        """
        route = replace(routeOf({"a": 1}), queueDatas=(QueueData("a", 8, 2, 6),))
        self.assertEqual(places(publishInfoOf("T", route)), [("a", 0), ("a", 1)])

    def test_permission(self) -> None:
        """
        Brokers that may not be written to have no queue.
        """
        for perm, count in ((0, 0), (1, 0), (2, 1), (4, 0), (5, 0), (6, 1), (7, 1)):
            info = publishInfoOf("T", routeOf({"a": 1}, perm=perm))
            self.assertEqual(len(info.queues), count, perm)

    def test_withoutMaster(self) -> None:
        """
        A broker of slaves only has no queue, nor has one without any address.
        """
        queues = tuple(QueueData(name, 1, 1, 6) for name in "abc")
        brokers = (
            BrokerData("c", "a", {1: "a:10911", 2: "a:10921"}),
            BrokerData("c", "b", {0: "b:10911", 1: "b:10921"}),
        )
        info = publishInfoOf("T", TopicRouteData(queues, brokers))
        self.assertEqual(places(info), [("b", 0)])
        self.assertEqual(info.masters, {"b": "b:10911"})

    def test_nothing(self) -> None:
        """
        A route of nothing is a topic without queues.
        """
        self.assertEqual(
            publishInfoOf("T", TopicRouteData()), TopicPublishInfo("T", (), {})
        )

    @given(st.dictionaries(st.text("abc", min_size=1), st.integers(0, 3)), st.randoms())
    def test_order(self, brokers: dict[str, int], chance: random.Random) -> None:
        """
        The order a name server lists things in does not matter.
        """
        shuffled = list(brokers.items())
        chance.shuffle(shuffled)
        self.assertEqual(
            publishInfoOf("T", routeOf(brokers)),
            publishInfoOf("T", routeOf(dict(shuffled))),
        )

    def test_tooMany(self) -> None:
        """
        A route that would fill the memory is refused before it does.
        """
        route = replace(
            routeOf({"a": 1}), queueDatas=(QueueData("a", 1, 2**31 - 1, 6),)
        )
        error = self.assertRaises(RouteError, publishInfoOf, "T", route)
        self.assertIn(f"{2**31 - 1} queues", str(error))
        full = publishInfoOf("T", routeOf({"a": MAX_QUEUES}))
        self.assertEqual(len(full.queues), MAX_QUEUES)


class MasterTests(SynchronousTestCase):
    """
    A queue leads to a broker and its master.
    """

    def test_master(self) -> None:
        """
        A queue's address is that of its broker's master.
        """
        info = publishInfoOf("T", routeOf({"a": 1}))
        self.assertEqual(info.masterOf(info.queues[0]), "a:10911")
        self.assertEqual(info.brokerOf(info.queues[0]), "a")
        self.assertIsNone(info.masterOf(MessageQueue("T", "z", 0)))

    def test_staticMaster(self) -> None:
        """
        A logical queue's address is that of the broker it is on now.
        """
        info = static(mapping("a", (0, 2)), mapping("b", (1,)))
        self.assertEqual(
            [info.masterOf(queue) for queue in info.queues],
            ["a:10911", "b:10911", "a:10911", None],
        )
        self.assertEqual(
            [info.brokerOf(queue) for queue in info.queues],
            ["a", "b", "a", "__syslo__none__"],
        )


class OrderTopicTests(SynchronousTestCase):
    """
    An order configuration stands for itself.
    """

    def test_queues(self) -> None:
        """
        Its queues are those listed, in their order, whatever brokers there are.
        """
        route = replace(routeOf({"a": 9}, perm=4), orderTopicConf="b:2;a:1;")
        info = publishInfoOf("T", route)
        self.assertEqual(places(info), [("b", 0), ("b", 1), ("a", 0)])
        self.assertTrue(info.orderTopic)
        self.assertEqual(info.masterOf(info.queues[2]), "a:10911")
        self.assertIsNone(info.masterOf(info.queues[0]))

    def test_empty(self) -> None:
        """
        An empty one is none, but the topic is not a static one either.
        """
        route = replace(
            routeOf({"a": 1}),
            orderTopicConf="",
            topicQueueMappingByBroker={"a": mapping("a", (0,))},
        )
        info = publishInfoOf("T", route)
        self.assertEqual(places(info), [("a", 0)])
        self.assertFalse(info.orderTopic)

    def test_unreadable(self) -> None:
        """
        One that cannot be read is an error that shows it, and no loop over a
        number.
        """
        for conf in ("a", "a:", ":1", "a:x", "a:-1", "a:1 ", "a:٣", "a:1_0", "a:1:2"):
            route = replace(routeOf({"a": 1}), orderTopicConf=f"b:1;{conf}")
            error = self.assertRaises(RouteError, publishInfoOf, "T", route)
            self.assertIn(repr(conf), str(error))
        for conf in ("a:65537", "a:40000;b:40000", f"a:{'9' * 10000}"):
            route = replace(routeOf({"a": 1}), orderTopicConf=conf)
            error = self.assertRaises(RouteError, publishInfoOf, "T", route)
            self.assertLess(len(str(error)), 400)


class StaticTopicTests(SynchronousTestCase):
    """
    A static topic has logical queues.
    """

    def test_queues(self) -> None:
        """
        There are as many as the topic has, in the order of their ids, whoever owns
        them.
        """
        info = static(mapping("b", (3, 1)), mapping("a", (0,)))
        name = "__syslo__global__"
        self.assertEqual(places(info), [(name, at) for at in range(4)])
        self.assertEqual(tuple(info.physical), info.queues)

    def test_epoch(self) -> None:
        """
        Of two owners the one of the later epoch has the queue, in whichever order
        they come.
        """
        old = mapping("a", (0, 1), epoch=1, total=2)
        new = mapping("b", (0,), epoch=2, total=2)
        for info in (static(old, new), static(new, old)):
            self.assertEqual(list(info.physical.values()), ["b", "a"])

    def test_total(self) -> None:
        """
        The largest total counts; ids beyond it are nobody's.
        """
        info = static(mapping("a", (0, 9, -1), total=1), mapping("b", (1,), total=2))
        self.assertEqual(list(info.physical.values()), ["a", "b"])
        info = static(mapping("a", (-1,), total=2))
        self.assertEqual(set(info.physical.values()), {"__syslo__none__"})

    def test_sameEpoch(self) -> None:
        """
        Who has a queue that two claim with equal right does not depend on the
        order they come in.
        """
        claims = [("a", mapping("a", (0,))), ("b", mapping("b", (0,)))]
        infos = [
            publishInfoOf("T", TopicRouteData(topicQueueMappingByBroker=dict(parts)))
            for parts in (claims, claims[::-1])
        ]
        self.assertEqual(*infos)

    def test_scopes(self) -> None:
        """
        Each scope has queues of its own.
        """
        info = static(
            mapping("a", (0,), total=2),
            mapping("b", (0,), total=1, scope="eu"),
        )
        self.assertEqual(
            places(info),
            [("__syslo__eu", 0), ("__syslo__global__", 0), ("__syslo__global__", 1)],
        )
        self.assertEqual(list(info.physical.values()), ["b", "a", "__syslo__none__"])

    def test_tooMany(self) -> None:
        """
        It may not fill the memory either.
        """
        self.assertRaises(RouteError, static, mapping("a", (), total=MAX_QUEUES + 1))


class DefaultTopicTests(SynchronousTestCase):
    """
    A topic that is not there yet will have what the default topic allows.
    """

    def test_queues(self) -> None:
        """
        The queues are under the topic's own name, as many as wanted and allowed.
        """
        route = replace(
            routeOf({"a": 8, "b": 8}, perm=7),
            queueDatas=(QueueData("a", 8, 8, 7), QueueData("b", 2, 8, 7)),
        )
        info = publishInfoFromDefault("New", route, 3)
        self.assertEqual(
            places(info), [("a", 0), ("a", 1), ("a", 2), ("b", 0), ("b", 1)]
        )
        self.assertEqual({queue.topic for queue in info.queues}, {"New"})
        self.assertTrue(info.fromDefaultTopic)
        self.assertEqual(info.topic, "New")

    def test_writeQueues(self) -> None:
        """
        It is what can be read from the default topic that limits it.
        """
        route = replace(routeOf({"a": 1}), queueDatas=(QueueData("a", 8, 1, 7),))
        self.assertEqual(len(publishInfoFromDefault("New", route, 4).queues), 4)
