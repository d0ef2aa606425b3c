"""
Tests for bodies that are JSON.
"""

from __future__ import annotations

import contextlib
import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.strategies import INT32, INT64
from txrocketmq._wire.bodies import (
    BrokerData,
    ConsumerData,
    HeartbeatData,
    MalformedBody,
    ProducerData,
    QueueData,
    SubscriptionData,
    TopicQueueMappingInfo,
    TopicRouteData,
    decodeConsumerList,
    decodeHeartbeatData,
    decodeTopicRouteData,
    encodeConsumerList,
    encodeHeartbeatData,
    encodeTopicRouteData,
    heartbeatFingerprint,
)
from txrocketmq._wire.jsonbody import MAX_BARE_KEYS, MAX_JSON_BODY, quoteKeys
from txrocketmq._wire.routes import MAX_BROKERS, MAX_QUEUES

COUNTS = st.integers(0, 100)
NAMES = st.text(max_size=10)

ROUTES = st.builds(
    TopicRouteData,
    queueDatas=st.lists(
        st.builds(QueueData, NAMES, COUNTS, COUNTS, INT32, INT32), max_size=3
    ).map(tuple),
    brokerDatas=st.lists(
        st.builds(
            BrokerData,
            NAMES,
            NAMES,
            st.dictionaries(INT64, NAMES, max_size=3),
            st.none() | NAMES,
            st.booleans(),
        ),
        max_size=3,
    ).map(tuple),
    orderTopicConf=st.none() | NAMES,
    filterServerTable=st.dictionaries(NAMES, st.lists(NAMES).map(tuple), max_size=2),
    topicQueueMappingByBroker=st.none()
    | st.dictionaries(
        NAMES,
        st.builds(
            TopicQueueMappingInfo,
            NAMES,
            COUNTS,
            NAMES,
            INT64,
            st.dictionaries(INT32, INT32, max_size=3),
            NAMES,
            st.booleans(),
        ),
        max_size=2,
    ),
)

HEARTBEATS = st.builds(
    HeartbeatData,
    NAMES,
    st.lists(st.builds(ProducerData, NAMES), max_size=2).map(tuple),
    st.lists(
        st.builds(
            ConsumerData,
            NAMES,
            subscriptionDataSet=st.lists(
                st.builds(
                    SubscriptionData,
                    NAMES,
                    tagsSet=st.lists(NAMES, max_size=2).map(tuple),
                    codeSet=st.lists(INT32, max_size=2).map(tuple),
                    subVersion=INT64,
                ),
                max_size=2,
            ).map(tuple),
            unitMode=st.booleans(),
        ),
        max_size=2,
    ).map(tuple),
    INT32,
    st.booleans(),
)

ROUTE = TopicRouteData(
    (QueueData("b", 4, 8, 6),),
    (BrokerData("c", "b", {0: "10.0.0.1:10911", 1: "[::1]:10911"}),),
)


class RouteTests(SynchronousTestCase):
    """
    Routes.
    """

    @given(ROUTES, st.booleans())
    def test_roundTrip(self, route: TopicRouteData, standardJson: bool) -> None:
        """
        A route is read as it was written, in either form.
        """
        data = encodeTopicRouteData(route, standardJson)
        self.assertEqual(decodeTopicRouteData(data), route)

    @given(ROUTES)
    def test_formsDiffer(self, route: TopicRouteData) -> None:
        """
        The standard form is JSON to others, in ASCII; the other one is the
        same when its keys are given quotes.
        """
        standard = encodeTopicRouteData(route)
        self.assertTrue(standard.isascii())
        self.assertEqual(
            json.loads(quoteKeys(encodeTopicRouteData(route, False))),
            json.loads(standard),
        )

    def test_standard(self) -> None:
        """
        The standard form has its keys in alphabetical order and in quotes.
        """
        self.assertEqual(
            encodeTopicRouteData(ROUTE),
            b'{"brokerDatas":[{"brokerAddrs":{"0":"10.0.0.1:10911","1":"[::1]:10911"},'
            b'"brokerName":"b","cluster":"c","enableActingMaster":false}],'
            b'"filterServerTable":{},"queueDatas":[{"brokerName":"b","perm":6,'
            b'"readQueueNums":4,"topicSysFlag":0,"writeQueueNums":8}]}',
        )

    def test_bare(self) -> None:
        """
        In the other form the keys that are numbers have no quotes.
        """
        data = encodeTopicRouteData(ROUTE, False)
        self.assertIn(b'{0:"10.0.0.1:10911",1:"[::1]:10911"}', data)
        self.assertEqual(decodeTopicRouteData(data), ROUTE)

    def test_staticTopic(self) -> None:
        """
        The queues of a static topic are keyed by numbers as well.
        """
        data = (
            b'{"queueDatas":[],"topicQueueMappingByBroker":{"1":{"topic":"t",'
            b'"totalQueues":3,"bname":"1","epoch":5,"dirty":true,"scope":"__global__",'
            b'"currIdMap":{0:1,\n1 : 2}}}}'
        )
        route = decodeTopicRouteData(data)
        info = TopicQueueMappingInfo("t", 3, "1", 5, {0: 1, 1: 2}, dirty=True)
        self.assertEqual(route.topicQueueMappingByBroker, {"1": info})
        bare = encodeTopicRouteData(route, False)
        self.assertIn(b'"currIdMap":{0:1,1:2}', bare)
        self.assertIn(b'"topicQueueMappingByBroker":{"1":', bare)
        self.assertEqual(decodeTopicRouteData(bare), route)

    def test_oldSpelling(self) -> None:
        """
        The last of a queue's data is found under its misspelt name as well.
        """
        for name in ("topicSysFlag", "topicSynFlag"):
            data = (
                '{"queueDatas":[{"brokerName":"b","readQueueNums":1,'
                f'"writeQueueNums":1,"perm":6,"{name}":3}}]}}'
            )
            (queue,) = decodeTopicRouteData(data.encode()).queueDatas
            self.assertEqual(queue, QueueData("b", 1, 1, 6, 3))

    def test_absent(self) -> None:
        """
        What is absent or null is nothing, and what nobody knows is ignored.
        """
        for data in (
            b"{}",
            b'{"filterServerTable":null,"orderTopicConf":null,"new":[1,{"0":2}]}',
        ):
            self.assertEqual(decodeTopicRouteData(data), TopicRouteData())

    def test_textsThatLookLikeKeys(self) -> None:
        """
        In a text nothing is given quotes.
        """
        name = '{0:"\\",1:{'
        route = TopicRouteData((QueueData(name, 1, 1, 6),), ROUTE.brokerDatas, name)
        data = encodeTopicRouteData(route, False)
        self.assertEqual(decodeTopicRouteData(data), route)

    def test_malformed(self) -> None:
        """
        What is no route is refused with the one error.
        """
        for data in (
            b"",
            b"[]",
            b"null",
            b'{"queueDatas":',
            b'{"queueDatas":{}}',
            b'{"queueDatas":[{"brokerName":"b"}]}',
            (
                b'{"queueDatas":[{"brokerName":"b","readQueueNums":-1,'
                b'"writeQueueNums":1,"perm":6}]}'
            ),
            (
                b'{"queueDatas":[{"brokerName":"b","readQueueNums":1.5,'
                b'"writeQueueNums":1,"perm":6}]}'
            ),
            b'{"brokerDatas":[{"brokerName":"b","brokerAddrs":{a:"x"}}]}',
            (
                b'{"brokerDatas":[{"cluster":"c","brokerName":"b",'
                b'"brokerAddrs":{"x":"y"}}]}'
            ),
            (
                b'{"brokerDatas":[{"cluster":"c","brokerName":"b",'
                b'"brokerAddrs":{9223372036854775808:"y"}}]}'
            ),
            b'{"orderTopicConf":1}',
            b'{"orderTopicConf":"\xff"}',
            b'{"new":"\xff"}',
            b'{"new":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
            b'{0:{0:"x',
            b'{"\\',
        ):
            with self.assertRaises(MalformedBody, msg=data[:60]):
                decodeTopicRouteData(data)

    @given(st.binary(max_size=100))
    def test_anyBytes(self, data: bytes) -> None:
        """
        Any bytes are a route or the one error.
        """
        with contextlib.suppress(MalformedBody):
            decodeTopicRouteData(data)

    @given(ROUTES, st.booleans(), st.integers(0, 10_000), st.integers(1, 255))
    def test_oneByteChanged(
        self, route: TopicRouteData, standard: bool, place: int, change: int
    ) -> None:
        """
        So is a route with a byte that is another.
        """
        data = bytearray(encodeTopicRouteData(route, standard))
        data[place % len(data)] ^= change
        with contextlib.suppress(MalformedBody):
            decodeTopicRouteData(bytes(data))


class RouteLimitTests(SynchronousTestCase):
    """
    A route can only be so large.
    """

    def test_body(self) -> None:
        """
        Its body has at most 2 MiB.
        """
        pad = b"{}".ljust(MAX_JSON_BODY)
        self.assertEqual(decodeTopicRouteData(pad), TopicRouteData())
        with self.assertRaises(MalformedBody):
            decodeTopicRouteData(pad + b" ")

    def test_queues(self) -> None:
        """
        It has at most 65,536 queues, to write to or to read from.
        """
        most = TopicRouteData(
            (QueueData("b", 1, MAX_QUEUES - 2, 6), QueueData("c", 2, 0, 6))
        )
        self.assertEqual(decodeTopicRouteData(encodeTopicRouteData(most)), most)
        for more in (
            (QueueData("b", 1, MAX_QUEUES, 6), QueueData("c", 1, 0, 6)),
            (QueueData("b", 2**31 - 1, 0, 6),),
            (QueueData("", 0, 0, 0),) * (MAX_QUEUES // 2),
        ):
            data = encodeTopicRouteData(TopicRouteData(more))
            with self.assertRaises(MalformedBody):
                decodeTopicRouteData(data)

    def test_brokers(self) -> None:
        """
        It has at most 1,024 brokers.
        """
        broker = BrokerData("c", "b", {0: "a:1"})
        most = TopicRouteData(brokerDatas=(broker,) * MAX_BROKERS)
        self.assertEqual(decodeTopicRouteData(encodeTopicRouteData(most)), most)
        more = TopicRouteData(brokerDatas=(broker,) * (MAX_BROKERS + 1))
        with self.assertRaises(MalformedBody):
            decodeTopicRouteData(encodeTopicRouteData(more))

    def test_staticQueues(self) -> None:
        """
        The same holds for a static topic.
        """
        one = TopicQueueMappingInfo("t", MAX_QUEUES, "b")
        more = TopicQueueMappingInfo("t", MAX_QUEUES + 1, "b")
        for mappings, sound in (
            ({"b": one}, True),
            ({"b": one, "c": more}, False),
            (dict.fromkeys(map(str, range(MAX_BROKERS + 1)), one), False),
        ):
            route = TopicRouteData(topicQueueMappingByBroker=mappings)
            data = encodeTopicRouteData(route)
            if sound:
                self.assertEqual(decodeTopicRouteData(data), route)
            else:
                with self.assertRaises(MalformedBody):
                    decodeTopicRouteData(data)


class QuoteKeysTests(SynchronousTestCase):
    """
    Numbers that are keys are given quotes.
    """

    def test_keys(self) -> None:
        """
        Those behind a brace or a comma and before a colon; no others.
        """
        for data, expected in (
            (b'{0:"a"}', b'{"0":"a"}'),
            (b'{ -1 :"a",\t22\n:"b"}', b'{ "-1" :"a",\t"22"\n:"b"}'),
            (b"{0:{1:{2:3}}}", b'{"0":{"1":{"2":3}}}'),
            (b"[0,1,2]", b"[0,1,2]"),
            (b'{"0":1,"a":2}', b'{"0":1,"a":2}'),
            (b'"{0:1}"', b'"{0:1}"'),
            (b'"\\",1:"', b'"\\",1:"'),
            (b'"\\\\",1:2', b'"\\\\","1":2'),
            (b'"never ends,1:', b'"never ends,1:'),
            (b"{1.5:2}", b"{1.5:2}"),
            (b"{0x:1}", b"{0x:1}"),
        ):
            self.assertEqual(quoteKeys(data), expected)

    def test_linear(self) -> None:
        """
        Texts made to be read again and again are read once: with the square
        of its length each of these would take hours.
        """
        size = MAX_JSON_BODY
        for piece in (b'\\"', b'"', b"{", b",", b"{1", b"{ ", b'"\\'):
            data = piece * (size // len(piece))
            self.assertEqual(quoteKeys(data), data)
            self.assertEqual(quoteKeys(b'"' + data), b'"' + data)

    def test_bounded(self) -> None:
        """
        Only so many keys are given quotes; what has more is no body.
        """
        data = b"{" + b"1:1," * (MAX_BARE_KEYS + 5)
        self.assertEqual(len(quoteKeys(data)), len(data) + 2 * MAX_BARE_KEYS)


class HeartbeatTests(SynchronousTestCase):
    """
    Heartbeats.
    """

    @given(HEARTBEATS)
    def test_roundTrip(self, heartbeat: HeartbeatData) -> None:
        """
        A heartbeat is read as it was written.
        """
        self.assertEqual(decodeHeartbeatData(encodeHeartbeatData(heartbeat)), heartbeat)

    def test_producer(self) -> None:
        """
        A producer's has its keys in alphabetical order.
        """
        heartbeat = HeartbeatData(
            "10.0.0.1@123#456",
            (ProducerData("CLIENT_INNER_PRODUCER"), ProducerData("pg")),
        )
        self.assertEqual(
            encodeHeartbeatData(heartbeat),
            b'{"clientID":"10.0.0.1@123#456","consumerDataSet":[],'
            b'"heartbeatFingerprint":0,"producerDataSet":[{"groupName":'
            b'"CLIENT_INNER_PRODUCER"},{"groupName":"pg"}],"withoutSub":false}',
        )

    def test_numbersOfEnumerations(self) -> None:
        """
        What Java sends by name may come by number.
        """
        heartbeat = decodeHeartbeatData(
            b'{"clientID":"c","consumerDataSet":[{"groupName":"g","consumeType":1,'
            b'"messageModel":0,"consumeFromWhere":"X","new":1}]}'
        )
        (consumer,) = heartbeat.consumerDataSet
        self.assertEqual(consumer, ConsumerData("g", 1, 0, "X"))

    def test_malformed(self) -> None:
        """
        What is no heartbeat is refused.
        """
        for data in (b"", b"{}", b'{"clientID":1}', b'{"clientID":"\xff"}'):
            with self.assertRaises(MalformedBody):
                decodeHeartbeatData(data)

    @given(HEARTBEATS, INT32, INT64)
    def test_fingerprint(self, beat: HeartbeatData, other: int, version: int) -> None:
        """
        The fingerprint is an int32 that does not change with what is
        different each time.
        """
        fingerprint = heartbeatFingerprint(beat)
        self.assertTrue(-(2**31) <= fingerprint < 2**31)
        consumers = tuple(
            ConsumerData(
                each.groupName,
                subscriptionDataSet=tuple(
                    SubscriptionData(
                        sub.topic,
                        tagsSet=sub.tagsSet,
                        codeSet=sub.codeSet,
                        subVersion=version,
                    )
                    for sub in each.subscriptionDataSet
                ),
                unitMode=each.unitMode,
            )
            for each in beat.consumerDataSet
        )
        same = HeartbeatData("other", beat.producerDataSet, consumers, other, True)
        self.assertEqual(heartbeatFingerprint(same), fingerprint)

    def test_fingerprintOfGroups(self) -> None:
        """
        It does change with the groups.
        """
        one, two = (HeartbeatData("c", (ProducerData(name),)) for name in "ab")
        self.assertNotEqual(heartbeatFingerprint(one), heartbeatFingerprint(two))


class ConsumerListTests(SynchronousTestCase):
    """
    Lists of consumers.
    """

    def test_roundTrip(self) -> None:
        """
        A list is read as it was written.
        """
        data = encodeConsumerList(["a@1", "b@2"])
        self.assertEqual(data, b'{"consumerIdList":["a@1","b@2"]}')
        self.assertEqual(decodeConsumerList(data), ("a@1", "b@2"))
        self.assertEqual(decodeConsumerList(b"{}"), ())

    def test_malformed(self) -> None:
        """
        What is no list is refused.
        """
        with self.assertRaises(MalformedBody):
            decodeConsumerList(b'{"consumerIdList":[1]}')
