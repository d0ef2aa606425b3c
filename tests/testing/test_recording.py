"""
Tests of L{txrocketmq.testing.RecordingProducer}: it is as strict as the real one.
"""

from __future__ import annotations

from inspect import signature
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from txrocketmq import errors
from txrocketmq.errors import (
    IllegalOperation,
    InvalidConfiguration,
    InvalidMessage,
    NotRunning,
    NoWritableQueue,
    RemotingTimeout,
    SendFailed,
    SystemBusy,
    TooManyInFlight,
    WeakAck,
)
from txrocketmq.message import CommunicationMode, Message, MessageQueue, Persisted
from txrocketmq.producer import Producer
from txrocketmq.selectors import byHash
from txrocketmq.settings import ProducerSettings
from txrocketmq.testing import MemoryCluster, RecordingProducer
from txrocketmq.testing.recording import Recorded

METHODS = (
    "send",
    "sendOneway",
    "sendBatch",
    "recall",
    "publishQueues",
    "flush",
    "whenWritable",
    "stats",
    "close",
)

ADDRESS = "127.0.0.1:10911"

QUEUE = MessageQueue("T", "broker-a", 2)

wrong: Any = None

BAD: tuple[tuple[Any, dict[str, Any]], ...] = (
    (wrong, {}),
    ("text", {}),
    (Message("", b"x"), {}),
    (Message("no good", b"x"), {}),
    (Message("T", b""), {}),
    (Message("T", bytes(200)), {}),
    (Message("T", b"x", tags="a\x01b"), {}),
    (Message("T", b"x", delayTimeLevel=1, deliverAfter=1), {}),
    (Message("T", b"x", properties={"UNIQ_KEY": "mine"}), {}),
    (Message("T", b"x"), {"msgId": "not an id"}),
    (Message("T", b"x"), {"queue": "T"}),
    (Message("T", b"x"), {"queue": MessageQueue("U", "broker-a", 0)}),
    (Message("T", b"x"), {"queue": MessageQueue("T", "broker-a", -1)}),
    (Message("T", b"x"), {"queue": MessageQueue("T", "broker-a", wrong)}),
    (Message("T", b"x"), {"queue": MessageQueue("T", "broker-a", 1 << 31)}),
    (Message("T", b"x"), {"queue": MessageQueue("T", "", 0)}),
    (Message("T", b"x"), {"queue": QUEUE, "selector": byHash("k")}),
    (Message("T", b"x"), {"selector": "first"}),
    (Message("T", b"x"), {"selector": lambda queues, message: None}),
    (Message("T", b"x"), {"selector": lambda queues, message: 1 / 0}),
)
"""
What cannot be sent.
"""

BATCHES: tuple[Any, ...] = (
    [],
    wrong,
    Message("T", b"x"),
    ["text"],
    [Message("T", b"x"), Message("U", b"x")],
    [Message("T", b"x", deliverAfter=1)],
    [Message("T", b"x", deliverAfter=0)],
    [Message("T", b"x", deliverAt=0)],
    (Message("T", b"x") for _ in range(2)),
    [Message("T", bytes(60)), Message("T", bytes(60))],
    [Message("T", b"x"), Message("T", b"")],
)
"""
What cannot be sent as one.
"""

TIMEOUTS: tuple[Any, ...] = (0, -1, float("nan"), float("inf"), 1e9, True, "3")
"""
What is no time.
"""


class RecordingTestCase(SynchronousTestCase):
    """
    Tests of a double.
    """

    def setUp(self) -> None:
        """
        Make it.
        """
        self.producer = RecordingProducer()

    def sent(self, body: bytes = b"x", **options: Any) -> Any:
        """
        Send a message that can be sent.
        """
        return self.successResultOf(self.producer.send(Message("T", body), **options))

    def failed(self, d: Deferred[Any], kind: type[Exception]) -> Any:
        """
        What a send failed with, which is of this kind.
        """
        return self.failureResultOf(d, kind).value


class SameTests(SynchronousTestCase):
    """
    It is used as the real one is.
    """

    def setUp(self) -> None:
        """
        Make one of each.
        """
        settings = ProducerSettings(maxMessageSize=100)
        self.cluster = MemoryCluster()
        self.addCleanup(self.cluster.stop)
        self.cluster.result(self.cluster.sandbox.createTopic("T"))
        self.real = Producer(self.cluster.client(), "group", settings)
        self.double = RecordingProducer("group", settings)

    def both(self, method: str, *args: Any, **options: Any) -> tuple[Any, Any]:
        """
        What the two fail with.
        """
        ended = []
        for each in (self.real, self.double):
            d = getattr(each, method)(*args, **options)
            try:
                self.cluster.result(d)
            except errors.RocketMQError as error:
                ended.append(error)
            else:
                raise AssertionError(f"{each} takes {args} {options}")
        return ended[0], ended[1]

    def same(self, method: str, *args: Any, **options: Any) -> None:
        """
        Expect that both refuse something as an L{InvalidMessage}, alike.
        """
        real, double = self.both(method, *args, **options)
        self.assertIs(type(double), InvalidMessage)
        self.assertEqual((type(double), str(double)), (type(real), str(real)))

    def test_signatures(self) -> None:
        """
        Every method takes the same, and gives the same.
        """
        for name in METHODS:
            double = signature(getattr(RecordingProducer, name))
            self.assertEqual(double, signature(getattr(Producer, name)), name)

    def test_allMethods(self) -> None:
        """
        What users call of the real one is here, but for what its client calls.
        """
        public = {name for name in vars(Producer) if not name.startswith("_")}
        self.assertEqual(public - {"drained", "started", "stopped"}, set(METHODS))

    def test_messages(self) -> None:
        """
        What the real one refuses is refused in the same words.
        """
        for message, options in BAD:
            self.same("send", message, **options)
            if "msgId" not in options:
                self.same("sendOneway", message, **options)
        self.assertEqual(self.double.sent, [])

    def test_batches(self) -> None:
        """
        So are batches.
        """
        for batch in BATCHES:
            self.same("sendBatch", batch)
        self.assertEqual(self.double.sent, [])

    def test_calls(self) -> None:
        """
        So is the rest that is said of a call.
        """
        good = Message("T", b"x")
        for each in TIMEOUTS:
            self.same("send", good, timeout=each)
            self.same("sendBatch", [good], timeout=each)
            self.same("recall", "T", "nonsense", timeout=each)
        self.same("send", good, mode="SYNC")
        self.assertEqual(self.real.stats().inFlight, 0)
        self.assertEqual(self.cluster.sandbox.messages("T"), [])

    def test_others(self) -> None:
        """
        So are topics and recall handles.
        """
        self.same("publishQueues", "no good")
        self.same("recall", "T", "nonsense")
        self.same("recall", "no good", "nonsense")

    def test_construction(self) -> None:
        """
        Groups and settings that cannot be are refused.
        """
        self.assertRaises(InvalidConfiguration, RecordingProducer, "no good")
        settings = ProducerSettings(compressLevel=99)
        self.assertRaises(InvalidConfiguration, RecordingProducer, "g", settings)

    def test_results(self) -> None:
        """
        A result says all that a real one does.
        """
        message = Message("T", b"x", deliverAfter=60)
        real = self.cluster.result(self.real.send(message))
        double = self.successResultOf(self.double.send(message))
        for name in real.__struct_fields__:
            one, other = getattr(real, name), getattr(double, name)
            self.assertIs(type(other), type(one), name)
            if isinstance(one, str):
                self.assertEqual(len(other) > 8, len(one) > 8, name)
        self.assertEqual(len(double.msgId), len(real.msgId))
        self.assertEqual(len(double.offsetMsgId), len(real.offsetMsgId))

    def test_closed(self) -> None:
        """
        After the end both refuse everything.
        """
        for each in (self.real, self.double):
            self.cluster.result(each.close())
            self.cluster.result(each.close())
        message = Message("T", b"x")
        for method, args in (
            ("send", (message,)),
            ("sendOneway", (message,)),
            ("sendBatch", ([message],)),
            ("publishQueues", ("T",)),
            ("recall", ("T", "x")),
        ):
            real, double = self.both(method, *args)
            self.assertIs(type(double), NotRunning)
            self.assertEqual(str(double), str(real))

    def test_sendFailed(self) -> None:
        """
        A scripted failure is what the real one makes of the same.
        """
        self.double.failNext(RemotingTimeout(ADDRESS, "silence", Persisted.MAYBE))
        error = self.failureResultOf(self.double.send(Message("T", b"x"))).value
        assert isinstance(error, SendFailed)
        self.assertIs(error.persisted, Persisted.MAYBE)
        self.assertTrue(error.retriable)
        self.assertIs(error.attempts[0].error, error.cause)
        self.assertEqual(error.attempts[0].address, ADDRESS)


class RecordTests(RecordingTestCase):
    """
    What was sent can be looked at.
    """

    def test_send(self) -> None:
        """
        A send is recorded with what its sender was told.
        """
        message = Message("T", b"tea", keys="42")
        mode = CommunicationMode.SYNC
        result = self.successResultOf(self.producer.send(message, mode=mode, timeout=1))
        queue = result.messageQueue
        self.assertEqual(
            self.producer.sent, [Recorded(message, queue, result.msgId, result, mode)]
        )
        self.assertEqual(self.producer.messages, [message])
        self.assertEqual(result.sendStatus.name, "SEND_OK")
        self.assertEqual(len(result.attempts), 1)
        self.assertEqual(repr(self.producer), "<RecordingProducer recording sent=1>")

    def test_sameEachTime(self) -> None:
        """
        Ids, queues and offsets are the same in each run, and none comes twice.
        """
        first = [self.sent() for _ in range(6)]
        self.producer = RecordingProducer()
        self.assertEqual([self.sent() for _ in range(6)], first)
        self.assertEqual([r.messageQueue.queueId for r in first], [0, 1, 2, 3, 0, 1])
        self.assertEqual([r.queueOffset for r in first], [0, 0, 0, 0, 1, 1])
        self.assertEqual(len({r.msgId for r in first}), 6)
        self.assertEqual(len({r.offsetMsgId for r in first}), 6)

    def test_queues(self) -> None:
        """
        There are as many queues as wanted, and what chooses among them is asked.
        """
        self.producer = RecordingProducer(queues=3)
        queues = self.successResultOf(self.producer.publishQueues("T"))
        self.assertEqual(queues, [MessageQueue("T", "broker-a", n) for n in range(3)])
        self.assertEqual(self.sent(queue=QUEUE).messageQueue, QUEUE)
        chosen = self.sent(selector=lambda queues, message: queues[1])
        self.assertEqual(chosen.messageQueue.queueId, 1)
        keyed = [
            self.successResultOf(
                self.producer.send(Message("T", b"x", shardingKey="k"))
            )
            for _ in range(3)
        ]
        self.assertEqual(len({each.messageQueue for each in keyed}), 1)

    def test_resend(self) -> None:
        """
        A resend keeps its id.
        """
        self.assertEqual(self.sent(msgId="ABC123").msgId, "ABC123")

    def test_oneway(self) -> None:
        """
        What is not answered is recorded without an answer.
        """
        message = Message("T", b"x")
        self.assertIsNone(self.successResultOf(self.producer.sendOneway(message)))
        (recorded,) = self.producer.sent
        self.assertIsNone(recorded.result)
        self.assertEqual(recorded.message, message)

    def test_batch(self) -> None:
        """
        A batch has one result for each of its messages, and one queue.
        """
        messages = [Message("T", b"%d" % n) for n in range(3)]
        results = self.successResultOf(self.producer.sendBatch(messages))
        self.assertEqual([each.message for each in self.producer.sent], messages)
        self.assertEqual([each.result for each in self.producer.sent], results)
        self.assertEqual([each.queueOffset for each in results], [0, 1, 2])
        self.assertEqual(len({each.msgId for each in results}), 3)
        self.assertEqual(len({each.offsetMsgId for each in results}), 3)
        self.assertEqual(len({each.messageQueue for each in results}), 1)
        self.assertEqual(self.sent(queue=results[0].messageQueue).queueOffset, 3)

    def test_waiting(self) -> None:
        """
        There is always room, and nothing to wait for.
        """
        self.sent()
        self.assertIsNone(self.successResultOf(self.producer.flush()))
        self.assertIsNone(self.successResultOf(self.producer.whenWritable()))

    def test_stats(self) -> None:
        """
        Sends are counted as the real one counts them.
        """
        self.sent()
        self.producer.sendBatch([Message("T", b"x")] * 2)
        self.producer.failNext(SystemBusy(2, "busy", ADDRESS))
        self.failed(self.producer.send(Message("T", b"x")), SendFailed)
        self.failed(self.producer.send(Message("T", b"")), InvalidMessage)
        bad: Any = lambda queues, message: None  # noqa: E731
        self.failed(
            self.producer.send(Message("T", b"x"), selector=bad), InvalidMessage
        )
        stats = self.producer.stats()
        self.assertEqual((stats.sent, stats.failed, stats.attempts), (2, 2, 3))
        self.assertEqual((stats.inFlight, stats.waiting, stats.retries), (0, 0, 0))

    def test_recall(self) -> None:
        """
        A timer message can be taken back, once.
        """
        for message in (
            Message("T", b"x", deliverAfter=60),
            Message("T", b"x", deliverAt=2e9),
        ):
            result = self.successResultOf(self.producer.send(message))
            assert result.recallHandle is not None
            recalled = self.producer.recall("T", result.recallHandle)
            self.assertEqual(self.successResultOf(recalled), result.msgId)
            self.assertEqual(self.producer.recalled[-1], result.msgId)
            again = self.producer.recall("T", result.recallHandle)
            self.assertEqual(self.failed(again, IllegalOperation).code, 604)

    def test_notRecalled(self) -> None:
        """
        No other message can.
        """
        self.assertIsNone(self.sent().recallHandle)
        retry = Message("%RETRY%g", b"x", deliverAfter=60)
        result = self.successResultOf(self.producer.send(retry))
        self.assertIsNone(result.recallHandle)

    def test_clear(self) -> None:
        """
        It can begin anew, without giving an id twice.
        """
        first = self.sent()
        self.producer.failNext(SystemBusy(2, "busy", ADDRESS))
        self.producer.clear()
        self.assertEqual(self.producer.sent, [])
        self.assertNotEqual(self.sent().msgId, first.msgId)


class FailureTests(RecordingTestCase):
    """
    Sends fail when they are told to.
    """

    def fail_(self, **options: Any) -> Any:
        """
        What a send fails with.
        """
        d = self.producer.send(Message("T", b"x"), **options)
        return self.failureResultOf(d).value

    def test_broker(self) -> None:
        """
        A broker's answer is the cause of a SendFailed.
        """
        cause = SystemBusy(2, "busy", ADDRESS)
        self.producer.failNext(cause)
        error = self.fail_(queue=QUEUE)
        self.assertIs(type(error), SendFailed)
        self.assertIs(error.cause, cause)
        self.assertEqual((error.code, error.topic), (2, "T"))
        self.assertIs(error.persisted, Persisted.NO)
        self.assertEqual(error.attempts[0].messageQueue, QUEUE)
        self.assertEqual(self.producer.sent, [])
        self.sent()

    def test_route(self) -> None:
        """
        Without a route there is nowhere it was tried.
        """
        self.producer.failNext(NoWritableQueue("T"))
        error = self.fail_()
        self.assertIsNone(error.attempts[0].messageQueue)
        self.assertIsNone(error.attempts[0].address)
        self.assertIs(error.persisted, Persisted.NO)

    def test_asItIs(self) -> None:
        """
        Other errors come as they are.
        """
        for error in (TooManyInFlight("full"), NotRunning("stopped"), OSError("no")):
            self.producer.failNext(error)
            self.assertIs(self.fail_(), error)

    def test_times(self) -> None:
        """
        Failures come in order, as often as wanted, and then no more; what is refused
        at once is none of them.
        """
        self.producer.failNext(SystemBusy(2, "busy", ADDRESS), times=2)
        self.producer.failNext(NotRunning("stopped"))
        self.failed(self.producer.send(Message("T", b"")), InvalidMessage)
        kinds = [type(self.fail_()) for _ in range(3)]
        self.assertEqual(kinds, [SendFailed, SendFailed, NotRunning])
        self.sent()

    def test_stored(self) -> None:
        """
        An answer may be lost after the message was stored.
        """
        lost = RemotingTimeout(ADDRESS, "silence", Persisted.MAYBE)
        self.producer.failNext(lost, stored=True)
        error = self.fail_()
        self.assertIs(error.persisted, Persisted.MAYBE)
        (recorded,) = self.producer.sent
        self.assertIsNone(recorded.result)
        self.assertEqual(recorded.msgId, error.msgId)
        self.assertEqual(self.sent(msgId=error.msgId).msgId, error.msgId)

    def test_storedForSure(self) -> None:
        """
        What is recorded is never said not to be stored; what is stored for sure is.
        """
        self.producer.failNext(SystemBusy(2, "busy", ADDRESS), stored=True)
        self.assertIs(self.fail_().persisted, Persisted.MAYBE)
        self.producer.failNext(WeakAck(10, None, ADDRESS), stored=True)
        self.assertIs(self.fail_().persisted, Persisted.YES)

    def test_batch(self) -> None:
        """
        A batch fails as a whole.
        """
        self.producer.failNext(SystemBusy(2, "busy", ADDRESS))
        self.failed(self.producer.sendBatch([Message("T", b"x")] * 3), SendFailed)
        self.assertEqual(self.producer.sent, [])

    def test_oneway(self) -> None:
        """
        What is not answered fails before it is sent, or not at all.
        """
        self.producer.failNext(RemotingTimeout(ADDRESS, "late", Persisted.MAYBE))
        error = self.failed(self.producer.sendOneway(Message("T", b"x")), SendFailed)
        self.assertIs(error.persisted, Persisted.NO)

    def test_noException(self) -> None:
        """
        What is no exception cannot be what a send fails with.
        """
        self.assertRaises(TypeError, self.producer.failNext, SystemBusy)
        self.assertRaises(TypeError, self.producer.failNext, None)
