"""
Tests of L{txrocketmq._sending.joining}: the short way is the general one, only
shorter.
"""

from __future__ import annotations

import sys
from collections import Counter
from types import FrameType
from typing import Any, Self

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sending.batchcase import BATCH, BatchingTestCase
from tests.support import TestCase
from txrocketmq._sending.joining import Joining
from txrocketmq._sending.places import LEAST_SHARE
from txrocketmq._wire import batches
from txrocketmq._wire.codes import SysFlag
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.records import decodeBatch, decodeProperties
from txrocketmq.client import MQClient
from txrocketmq.errors import InvalidMessage
from txrocketmq.message import Message
from txrocketmq.producer import Producer
from txrocketmq.remoting import SerializeType
from txrocketmq.settings import Batching, ClientSettings, ProducerSettings
from txrocketmq.testing import MemoryCluster

OURS = ("txrocketmq._sending", "txrocketmq.producer")

CALLS = 2.4
"""
Two for each message, and those for each frame.
"""

texts = st.text(max_size=8) | st.sampled_from(["T", "%", "100%b", "ü", "a||b", " "])
messages = st.builds(
    lambda body, **more: Message("T", body, **more),
    st.binary(max_size=40) | st.sampled_from([b"x" * 99, b"x" * 100, b"x" * 101]),
    tags=st.none() | texts | st.sampled_from([5, b"t"]),
    keys=st.just(()) | texts | st.lists(texts, max_size=2),
    flag=st.just(0) | st.integers(-5, 5) | st.just(2**31),
    properties=st.none() | st.dictionaries(texts, texts, max_size=2),
    waitStoreMsgOK=st.just(True) | st.booleans(),
    shardingKey=st.none() | texts,
)


class Way:
    """
    One of the two ways, on a cluster of its own.
    """

    def __init__(self, short: bool, client: dict[str, Any], **more: Any) -> None:
        self.cluster = MemoryCluster(brokers=1)
        prefix = f"{client['namespace']}%" if "namespace" in client else ""
        sandbox = self.cluster.sandbox
        self.cluster.result(sandbox.createTopic(f"{prefix}T", queues=1))
        self.client: MQClient = self.cluster.client(ClientSettings(**client))
        own = ProducerSettings(batching=Batching(), **more)
        self.producer = Producer(self.client, "group", own)
        self.cluster.result(self.producer.send(Message("T", b"the first")))
        (self.broker,) = sandbox.brokers.values()
        self.broker.clear()
        fast = self.producer._sending.fast
        assert isinstance(fast, Joining)
        if not short:
            self.producer._sending.fast = None

    def send(self, some: list[Message]) -> list[str]:
        """
        Send some messages in one turn, and say how each ended.
        """
        ends = []
        sends = [self.producer.send(message) for message in some]
        for sending in sends:
            try:
                result = self.cluster.result(sending)
            except InvalidMessage as error:
                ends.append(str(error))
            else:
                ends.append(f"{result.sendStatus} {result.queueOffset}")
        return ends

    def requests(self) -> list[Any]:
        """
        What has left, less what differs from one send to the next.
        """
        return [told(each) for each in self.broker.requests() if each.body]


def told(request: RemotingCommand) -> Any:
    """
    What a request says, but for its time and the ids.
    """
    fields = {k: v for k, v in request.extFields.items() if k != "g"}
    properties = decodeProperties(fields.pop("i", ""))
    properties.pop("UNIQ_KEY", None)
    body: Any = request.body
    if request.code == BATCH:
        body = []
        for record in decodeBatch(request.body):
            # The order is part of it.
            own = decodeProperties(record.properties)
            own["UNIQ_KEY"] = str(len(own["UNIQ_KEY"]))
            body.append((record.body, record.flag, list(own.items())))
    return request.code, fields, properties, body


class SameTests(TestCase):
    """
    Both ways, with the same messages.
    """

    @settings(max_examples=60)
    @given(
        st.lists(messages, min_size=1, max_size=8),
        st.sampled_from(
            [{}, {"namespace": "NS"}, {"serializeType": SerializeType.ROCKETMQ}]
        ),
    )
    def test_same(self, some: list[Message], client: dict[str, Any]) -> None:
        """
        What arrives is the same, and so is every result and every refusal.
        """
        more = {"compressMsgBodyOverHowmuch": 100}
        short, general = (Way(each, client, **more) for each in (True, False))
        self.assertEqual(short.send(some), general.send(some))
        sent = [way.requests() for way in (short, general)]
        self.assertEqual(sent[0], sent[1])
        for way in (short, general):
            way.cluster.stop()


class ShortTests(BatchingTestCase):
    """
    What takes the short way.
    """

    def test_plain(self) -> None:
        """
        A plain send takes it, once something was sent to its topic: until it ends,
        it is a row.
        """
        fast = self.producer._sending.fast
        assert isinstance(fast, Joining)
        self.assertIsNone(fast.send(Message("T", b"x")))
        self.sent()
        sends = []
        for tags in (None, "a", "a", "b"):
            sending = fast.send(Message("T", b"x", tags=tags))
            assert sending is not None
            sends.append(sending)
        (lane,) = self.producer._sending._batcher.lanes.values()  # type: ignore[union-attr]
        self.assertEqual((lane.rows.count, len(lane.waiting)), (4, 0))
        self.results(sends)
        told = [str(each.properties.get("TAGS")) for each in self.stored()]
        self.assertEqual(sorted(told), ["None", "None", "a", "a", "b"])

    def test_manyShells(self) -> None:
        """
        Only so many tags and sizes are remembered.
        """
        self.patch(batches, "MOST_SHELLS", 8)
        fast = self.producer._sending.fast
        assert isinstance(fast, Joining)
        self.sent()
        for number in range(1, 20):
            for message in (
                Message("T", b"x", tags=f"t{number}"),
                Message("T", b"x" * number, tags="t"),
            ):
                self.result(self.producer.send(message))
                kept = fast._envelope.shells
                self.assertLessEqual(sum(map(len, kept.byTags.values())), 8)
                self.assertEqual(len(kept), sum(map(len, kept.byTags.values())))
        told = Counter(
            (len(each.body), each.properties.get("TAGS")) for each in self.stored()
        )
        expected = {(1, f"t{number}") for number in range(1, 20)}
        expected |= {(number, "t") for number in range(1, 20)}
        self.assertLessEqual(expected, set(told))

    def test_longTags(self) -> None:
        """
        What would be too long, or is not to be sent, is for the general way.
        """
        fast = self.producer._sending.fast
        assert isinstance(fast, Joining)
        self.sent()
        for tags in ("t" * 9000, "\x01", ""):
            self.assertIsNone(fast.send(Message("T", b"x", tags=tags)))
        self.result(self.producer.send(Message("T", b"x", tags="t" * 9000)))

    def test_large(self) -> None:
        """
        What is to be compressed is, though its like has left in a batch as it was.
        """
        large = Message("T", b"x" * 5000)
        self.sent()
        self.result(self.producer.sendBatch([large, large]))
        self.results([self.producer.send(large), self.send(), self.send()])
        self.assertEqual(self.sizes()[1:], [2, 0, 2])
        alone = self.frames()[2]
        self.assertTrue(int(alone.extFields["f"]) & SysFlag.COMPRESSED)
        self.assertLess(len(alone.body), 100)

    def test_fewCalls(self) -> None:
        """
        Of our own functions, so many are called for each message, from the call of
        C{send} to its result: what could be done once for a frame is.
        """
        count = 4 * LEAST_SHARE
        some = [Message("T", b"x" * 100, tags="t") for _ in range(count)]
        self.results([self.producer.send(message) for message in some])
        with CallCounts(OURS) as counts:
            sends = [self.producer.send(message) for message in some]
            self.cluster.flush()
        self.results(sends)
        calls = counts.total() / count
        sys.stdout.write(f"\n{calls:.2f} calls for each message\n")
        self.assertLess(calls, CALLS, counts.most_common(12))
        self.assertEqual(self.sizes()[-4:], [LEAST_SHARE] * 4)


class CallCounts(Counter[str]):
    """
    How often functions of some modules are called while this is entered.
    """

    def __init__(self, modules: tuple[str, ...]) -> None:
        """
        @param modules: What the names of their modules begin with.
        """
        super().__init__()
        self.modules = modules

    def __enter__(self) -> Self:
        sys.setprofile(self._called)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _called(self, frame: FrameType, event: str, _: object) -> None:
        """
        Something happens.
        """
        module = frame.f_globals.get("__name__", "")
        if event == "call" and module.startswith(self.modules):
            self[f"{module}.{frame.f_code.co_name}"] += 1
