"""
Tests of the short way of plain sends: it does what the general way does.
"""

from __future__ import annotations

import random
from typing import Any
from unittest.util import safe_repr

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from zope.interface import implementer

import txrocketmq.producer
from tests.sending.support import ClusterTestCase
from txrocketmq._remoting.protocol import RemotingProtocol
from txrocketmq._remoting.waiters import Waiter
from txrocketmq._sending.fastpath import FastPath
from txrocketmq._wire.codes import RequestCode, SysFlag
from txrocketmq.context import SendMessageContext
from txrocketmq.errors import InvalidMessage, SendFailed, SystemBusy
from txrocketmq.interfaces import ISendMessageHook
from txrocketmq.message import Message, Persisted
from txrocketmq.producer import Producer
from txrocketmq.remoting import SerializeType
from txrocketmq.sandbox import faults
from txrocketmq.settings import (
    ClientSettings,
    ProducerSettings,
    SessionCredentials,
)

SEND = RequestCode.SEND_MESSAGE_V2

COMPRESSED, LARGEST = 200, 300
"""
From how many bytes bodies are compressed, and how many they may have.
"""

INCOMPRESSIBLE = random.Random(1).randbytes(LARGEST)
"""
As large as may be, and larger when compressed.
"""

BORN = 1_700_000_000_123

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    [
        "a",
        "%d",
        '"',
        "\\",
        "\ue002",
        "\ue005",
        "\ue008",
        "\x01",
        " ",
        "ü",
        "€ \U0001f600",
    ]
)
PROPERTIES = st.none() | st.dictionaries(TEXTS, TEXTS, max_size=3)
SIZES = st.sampled_from([0, 1, 100, COMPRESSED - 1, COMPRESSED, LARGEST, LARGEST + 1])
ODD: st.SearchStrategy[Any] = st.sampled_from([None, 1, b"x", True, 3.5, [], ["a"]])


GOOD = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Z", "Cn"]),
    min_size=1,
    max_size=12,
).filter(lambda text: not text.isspace()) | st.sampled_from(
    ["%d", "%b%", '"', "\\", "\xfc\U0001f600", "\ue002", "\ue005", "\ue008"]
)
PLAIN = st.builds(
    Message,
    st.just("T"),
    st.sampled_from([1, 100, COMPRESSED - 1, COMPRESSED, LARGEST]).map(
        lambda size: b"\xff" * size
    )
    | st.just(INCOMPRESSIBLE),
    tags=st.none() | GOOD,
    keys=st.just(()) | st.lists(GOOD, max_size=3),
    properties=st.none() | st.dictionaries(GOOD, GOOD, max_size=3),
)
"""
Messages most of which the short way takes.
"""


def bodies() -> st.SearchStrategy[Any]:
    """
    Bodies around the sizes that mean something, and what is none.
    """
    return SIZES.map(bytes) | SIZES.map(lambda size: b"\xff" * size) | ODD


@st.composite
def messages(draw: Any) -> Message:
    """
    Messages that have anything, mostly what cannot be sent.
    """
    given: dict[str, Any] = {}
    for name, values in (
        ("tags", st.none() | TEXTS | ODD),
        ("keys", TEXTS | st.lists(TEXTS, max_size=3) | ODD),
        ("properties", PROPERTIES | ODD),
        ("flag", st.integers(-(2**31), 2**31) | ODD),
        ("waitStoreMsgOK", st.booleans() | ODD),
        ("delayTimeLevel", st.integers(0, 2) | ODD),
        ("shardingKey", st.none() | TEXTS | ODD),
        ("deliverAfter", st.none() | st.just(1.5) | ODD),
    ):
        if draw(st.integers(0, 3 if name in ("tags", "keys", "properties") else 9)) < 2:
            given[name] = draw(values)
    topic = draw(st.sampled_from(["T"] * 8 + ["%RETRY%T", "", 5, "TBW102"]))
    return Message(topic, draw(bodies()), **given)


class Wire:
    """
    What one broker's connection is given, and nobody at its other end.
    """

    def __init__(self, protocol: RemotingProtocol) -> None:
        self.protocol = protocol
        self.written: list[bytes] = []
        transport: Any = protocol.transport
        transport.write = self.written.append

    def frame(self, opaque: int, sent: Deferred[Any]) -> bytes:
        """
        The one frame that was written for a send, which is ended.
        """
        (frame,) = self.written
        self.written.clear()
        sent.addErrback(lambda _: None)
        sent.cancel()
        self.protocol.opaques.upcoming = opaque
        return frame


@implementer(ISendMessageHook)
class Seeing:
    """
    Writes down what it sees.
    """

    def __init__(self) -> None:
        self.seen: list[tuple[str, SendMessageContext]] = []

    def sendMessageBefore(self, context: SendMessageContext) -> None:
        """
        A try begins.
        """
        self.seen.append(("before", context))

    def sendMessageAfter(self, context: SendMessageContext) -> None:
        """
        It has ended.
        """
        self.seen.append(("after", context))


class SameBytesTests(ClusterTestCase):
    """
    The same frame, byte for byte, for any message, in any client's settings.
    """

    brokers = 1

    def setUp(self) -> None:
        """
        Let it always be the same millisecond.
        """
        super().setUp()
        self.patch(txrocketmq.producer, "millis", lambda: BORN)
        self.result(self.sandbox.createTopic("%RETRY%T", queues=1))

    def wired(self, **own: Any) -> tuple[Producer, Wire]:
        """
        A producer of a client with these settings, and its connection to the broker.
        """
        self.client = self.cluster.client(ClientSettings(**own))
        producer = Producer(
            self.client,
            "group",
            ProducerSettings(
                compressMsgBodyOverHowmuch=COMPRESSED, maxMessageSize=LARGEST
            ),
        )
        namespace = own.get("namespace")
        topic = f"{namespace}%T" if namespace else "T"
        self.result(self.sandbox.createTopic(topic, queues=1))
        self.result(producer.send(Message("T", b"x")))
        self.cluster.flush()
        live = self.client.peers.live(self.brokerA.address)
        assert live is not None
        return producer, Wire(live)

    def compare(
        self,
        producer: Producer,
        wire: Wire,
        message: Message,
        wait: str = "",
        forgets: bool = False,
    ) -> bool:
        """
        Send one message both ways.

        @param wait: C{paused} lets the short way's wait until the transport takes
            more, C{others} until others leave, too.

        @param forgets: Whether what writes its frame is not kept meanwhile.

        @return: Whether the short way took it.
        """
        fast = producer._sending.fast
        assert isinstance(fast, FastPath)
        opaque = wire.protocol.opaques.upcoming
        before = producer.stats()
        if wait == "paused":
            wire.protocol.pauseProducing()
        others: list[Any] = [Waiter(), Waiter()] if wait == "others" else []
        wire.protocol._waiters.live |= dict(enumerate(others, -2))
        wire.protocol._gathering = bool(others)
        sent = fast.send(message)
        if wait:
            self.assertEqual(wire.written, [])
            for at, _ in enumerate(others, -2):
                del wire.protocol._waiters.live[at]
            if forgets:
                for each in wire.protocol._waiters.live.values():
                    each.target.frames.clear()  # type: ignore[attr-defined]
                    each.target.packed.clear()  # type: ignore[attr-defined]
            wire.protocol._gathering = False
            wire.protocol._writeGathered()
            if wait == "paused":
                wire.protocol.resumeProducing()
        if sent is None:
            self.assertEqual((wire.written, producer.stats()), ([], before))
            return False
        (waiting,) = wire.protocol._waiters.live.values()
        msgId = waiting.msgId  # type: ignore[attr-defined]
        short = wire.frame(opaque, sent)
        general = wire.frame(opaque, producer.send(message, msgId=msgId))
        self.assertEqual(short, general, safe_repr(message))
        return True

    def check(self, **own: Any) -> None:
        """
        Send many messages both ways.
        """
        producer, wire = self.wired(**own)
        taken = []

        @settings(
            max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow]
        )
        @example(Message("T", b"x"), "", False)
        @example(
            Message("T", b"x", tags="t", keys=["k", "l"], properties={"a": "%b"}),
            *("", False),
        )
        @example(Message("T", b"x", tags="t"), "paused", True)
        @example(Message("T", b"x" * LARGEST, tags="t"), "", False)
        @example(Message("T", b"x" * LARGEST, keys="k"), "paused", True)
        @example(Message("T", b"x" * LARGEST, tags="t", keys="k"), "others", True)
        @example(Message("T", INCOMPRESSIBLE, keys="k"), "", False)
        @example(Message("T", INCOMPRESSIBLE), "others", False)
        @given(
            st.one_of(PLAIN, PLAIN.filter(bool), messages()),
            st.sampled_from(["", "paused", "others"]),
            st.booleans(),
        )
        def one(message: Message, wait: str, forgets: bool) -> None:
            taken.append(self.compare(producer, wire, message, wait, forgets))

        one()
        self.assertGreater(sum(taken), len(taken) // 5)
        self.assertLess(sum(taken), len(taken))

    def test_json(self) -> None:
        """
        With JSON headers.
        """
        self.check()

    def test_binary(self) -> None:
        """
        With ROCKETMQ headers.
        """
        self.check(serializeType=SerializeType.ROCKETMQ)

    def test_namespaces(self) -> None:
        """
        With a namespace of either kind, and with both, in either form.
        """
        for serializeType in SerializeType:
            form = {"serializeType": serializeType}
            self.check(namespace="ns", **form)
            self.check(namespaceV2="näme %b", **form)
            self.check(namespace="ns", namespaceV2="v2", unitMode=True, **form)

    def test_signed(self) -> None:
        """
        With a signature, in either form.
        """
        for serializeType in SerializeType:
            for credentials in (
                SessionCredentials("key", "secret"),
                SessionCredentials('k"€%d', "s€cret", "token %b"),
            ):
                self.check(serializeType=serializeType, credentials=credentials)
            self.check(
                serializeType=serializeType,
                credentials=SessionCredentials("key", "secret"),
                namespaceV2="v2",
            )

    def test_signedAnew(self) -> None:
        """
        With credentials that change between sends, and are new objects each time.
        """
        secrets = ["s"]
        producer, wire = self.wired(
            credentials=lambda: SessionCredentials(f"key{secrets[-1]}", secrets[-1])
        )
        for secret in ("s", "s", "t", "u", "u"):
            secrets.append(secret)
            self.assertTrue(self.compare(producer, wire, Message("T", b"x", tags="t")))


class LeftTests(ClusterTestCase):
    """
    What the short way leaves to the general one.
    """

    brokers = 1

    def left(self, producer: Producer, message: Message) -> bool:
        """
        Whether the short way is not there, or does not take a message.
        """
        self.warm()
        self.result(producer.send(message))
        fast = producer._sending.fast
        return fast is None or fast.send(message) is None

    def test_oldHeader(self) -> None:
        """
        Sends with the long header: where that is set, and where a broker knows no
        other.
        """
        message = Message("T", b"x")
        self.assertFalse(self.left(self.producer, message))
        self.assertTrue(
            self.left(self.producerOf("other", sendSmartMsg=False), message)
        )
        fast = self.producer._sending.fast
        assert isinstance(fast, FastPath)
        fast.avoidance.marked.add("broker-a")
        self.assertTrue(self.left(self.producer, message))

    def test_measured(self) -> None:
        """
        Sends whose tries are timed, or counted for each queue.
        """
        settings: list[dict[str, Any]] = [
            {"sendLatencyFaultEnable": True},
            {"maxInFlightPerQueue": 5},
        ]
        for at, options in enumerate(settings):
            producer = self.producerOf(f"other{at}", **options)
            self.assertTrue(self.left(producer, Message("T", b"x")))

    def test_unsendable(self) -> None:
        """
        Sends that fail: the general way says why.
        """
        self.warm()
        self.sent()
        for message in (
            Message("T", b""),
            Message("T", b"x", tags="\x01"),
            Message("T", b"x", properties={"KEYS": "x"}),
            Message("T", b"x", keys="a b"),
        ):
            self.failure(self.producer.send(message), InvalidMessage)


class LargeTests(ClusterTestCase):
    """
    What is compressed.
    """

    brokers = 1

    def test_because(self) -> None:
        """
        What is sent because of answers is compressed when all these were given, and
        leaves in its order.
        """
        producer = self.producerOf("packing", maxInFlightMessages=100)
        self.warm()
        self.result(producer.send(Message("T", b"first")))
        fast = producer._sending.fast
        assert isinstance(fast, FastPath)
        told: list[str] = []
        pack = fast._pack

        def packing(body: bytes) -> bytes:
            told.append("packed")
            return pack(body)

        self.patch(fast, "_pack", packing)
        sends: list[Deferred[Any]] = []

        def again(_: object) -> None:
            told.append("answered")
            bodies = b"x" * 5000, b"small"
            sends.extend(producer.send(Message("T", body)) for body in bodies)
            told.append("sent")

        self.brokerA.clear()
        for _ in range(2):
            producer.send(Message("T", b"x")).addCallback(again)
        self.cluster.flush()
        for send in sends:
            self.result(send)
        self.assertEqual(told, ["answered", "sent", "packed"] * 2)
        flags = [int(each.extFields["f"]) for each in self.brokerA.requests(SEND)]
        packed = int(SysFlag.COMPRESSED | SysFlag.ZLIB)
        self.assertEqual(flags, [0, 0, packed, 0, packed, 0])

    def test_uncompressed(self) -> None:
        """
        What cannot be compressed is sent as it is.
        """
        self.warm()
        self.sent()
        fast = self.producer._sending.fast
        assert isinstance(fast, FastPath)
        self.patch(fast, "_pack", lambda _: 1 // 0)
        self.brokerA.clear()
        sent = fast.send(Message("T", b"x" * 5000))
        assert sent is not None
        self.result(sent)
        (request,) = self.brokerA.requests(SEND)
        self.assertEqual((request.body, request.extFields["f"]), (b"x" * 5000, "0"))


class SurroundedTests(ClusterTestCase):
    """
    What is done around tries that end badly.
    """

    brokers = 1

    def test_hooks(self) -> None:
        """
        A hook sees the end of a try that failed, then the one that did not.
        """
        hook = Seeing()
        producer = Producer(self.client, "hooked", hooks=[hook])
        self.warm()
        self.result(producer.send(Message("T", b"first")))
        hook.seen.clear()
        fast = producer._sending.fast
        assert isinstance(fast, FastPath)
        self.brokerA.push(faults.respond(2, "busy"), code=SEND, times=1)
        sent = fast.send(Message("T", b"x"))
        assert sent is not None
        result = self.result(sent)
        (_, busy), (_, stored) = hook.seen[1], hook.seen[3]
        self.assertEqual([each for each, _ in hook.seen], ["before", "after"] * 2)
        self.assertIsInstance(busy.exception, SystemBusy)
        self.assertEqual(stored.sendResult, result)
        self.assertEqual({each.msgId for _, each in hook.seen}, {result.msgId})
        self.assertEqual(len(result.attempts), 2)

    def test_credentials(self) -> None:
        """
        Credentials that are refused are not tried again at once, and others are.
        """
        keys = ["good"]
        client = self.cluster.client(
            ClientSettings(credentials=lambda: SessionCredentials(keys[-1], keys[-1]))
        )
        producer = Producer(client, "signed")
        self.result(client.whenReady("T"))
        self.result(producer.send(Message("T", b"first")))
        fast = producer._sending.fast
        assert isinstance(fast, FastPath)
        keys.append("bad")
        words = "AclException: Check signature failed for accessKey=bad"
        self.brokerA.push(faults.respond(1, words), code=SEND, times=1)
        sent = fast.send(Message("T", b"x"))
        assert sent is not None
        self.failure(sent, SendFailed)
        asked = len(self.brokerA.requests(SEND))
        self.assertIsNone(fast.send(Message("T", b"x")))
        error = self.failure(producer.send(Message("T", b"x")), SendFailed)
        self.assertIs(error.persisted, Persisted.NO)
        self.assertEqual(len(self.brokerA.requests(SEND)), asked)
        keys.append("good")
        self.result(producer.send(Message("T", b"x")))
