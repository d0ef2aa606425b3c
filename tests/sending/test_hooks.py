"""
Tests of the hooks of a producer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zope.interface import implementer

from tests.sending.support import ClusterTestCase
from txrocketmq._wire.codes import RequestCode
from txrocketmq.context import MessageType, SendMessageContext
from txrocketmq.errors import ConnectionClosed, SendCancelled, SendFailed, SystemBusy
from txrocketmq.interfaces import ICheckForbiddenHook, ISendMessageHook
from txrocketmq.message import CommunicationMode, Message, Persisted
from txrocketmq.producer import Producer
from txrocketmq.sandbox import faults

SEND = RequestCode.SEND_MESSAGE_V2


@implementer(ISendMessageHook)
class Recorder:
    """
    Writes down what it sees, and raises if it is told to.
    """

    def __init__(self, raising: bool = False) -> None:
        self.seen: list[tuple[str, SendMessageContext]] = []
        self._raising = raising

    def sendMessageBefore(self, context: SendMessageContext) -> None:
        """
        An attempt begins.
        """
        context.state["began"] = len(self.seen)
        self.seen.append(("before", context))
        if self._raising:
            raise LookupError("before")

    def sendMessageAfter(self, context: SendMessageContext) -> None:
        """
        It has ended.
        """
        self.seen.append(("after", context))
        if self._raising:
            raise LookupError("after")

    def calls(self) -> list[str]:
        """
        What was called, in order.
        """
        return [name for name, _ in self.seen]


@implementer(ISendMessageHook)
class Does:
    """
    Does something.
    """

    def __init__(
        self,
        before: Callable[[SendMessageContext], object],
        after: Callable[[SendMessageContext], object] = lambda context: None,
    ) -> None:
        self._before = before
        self._after = after

    def sendMessageBefore(self, context: SendMessageContext) -> None:
        """
        An attempt begins.
        """
        self._before(context)

    def sendMessageAfter(self, context: SendMessageContext) -> None:
        """
        It has ended.
        """
        self._after(context)


@implementer(ICheckForbiddenHook)
class Forbids:
    """
    Allows nothing.
    """

    def __init__(self) -> None:
        self.asked = 0

    def checkForbidden(self, context: SendMessageContext) -> None:
        """
        Never.
        """
        self.asked += 1
        raise PermissionError("not on a Tuesday")


class HookTests(ClusterTestCase):
    """
    Each hook, each attempt, each once.
    """

    def hooked(self, *hooks: Any) -> Producer:
        """
        A producer with hooks, on warm connections.
        """
        self.warm()
        return Producer(self.client, "hooked", hooks=hooks)

    def test_aroundAnAttempt(self) -> None:
        """
        What it sees is the attempt, before and after, with its own state kept.
        """
        recorder = Recorder()
        message = Message("T", b"x", delayTimeLevel=1)
        producer = self.hooked(recorder)
        result = self.result(producer.send(message, mode=CommunicationMode.SYNC))
        (_, before), (_, after) = recorder.seen
        self.assertEqual(before.messages, (message,))
        self.assertEqual(before.producerGroup, "hooked")
        self.assertEqual(before.msgId, result.msgId)
        self.assertEqual(before.messageQueue, result.messageQueue)
        self.assertEqual(before.address, result.attempts[0].address)
        self.assertIs(before.communicationMode, CommunicationMode.SYNC)
        self.assertIs(before.messageType, MessageType.DELAY_MSG)
        self.assertIsNone(before.sendResult)
        self.assertEqual(after.sendResult, result)
        self.assertEqual(after.state, {"began": 0})
        self.cluster.advance(2)

    def test_eachAttempt(self) -> None:
        """
        A try that failed has its before and its after, with the reason.
        """
        recorder = Recorder()
        producer = self.hooked(recorder)
        for broker in self.sandbox.brokers.values():
            broker.push(faults.respond(2), code=SEND)
        self.result(producer.send(Message("T", b"x")))
        self.assertEqual(recorder.calls(), ["before", "after"] * 3)
        ends = [context for name, context in recorder.seen if name == "after"]
        kinds = [type(context.exception) for context in ends]
        self.assertEqual(kinds, [SystemBusy, SystemBusy, type(None)])

    def test_cancelled(self) -> None:
        """
        A send that is cancelled has ended too.
        """
        recorder = Recorder()
        sending = self.hooked(recorder).send(Message("T", b"x"))
        sending.cancel()
        self.failureResultOf(sending, SendCancelled)
        self.assertEqual(recorder.calls(), ["before", "after"])

    def test_theirFailuresChangeNothing(self) -> None:
        """
        They are logged, and the next hook is called all the same.
        """
        recorder = Recorder()
        producer = self.hooked(Recorder(raising=True), recorder)
        self.result(producer.send(Message("T", b"x")))
        self.assertEqual(recorder.calls(), ["before", "after"])
        self.assertEqual(len(self.flushLoggedErrors(LookupError)), 2)

    def test_oneway(self) -> None:
        """
        A one-way send has neither result nor exception.
        """
        recorder = Recorder()
        self.result(self.hooked(recorder).sendOneway(Message("T", b"x")))
        (_, before), (_, after) = recorder.seen
        self.assertTrue(before.oneway)
        self.assertEqual((after.sendResult, after.exception), (None, None))

    def test_batch(self) -> None:
        """
        A batch is one attempt of all its messages.
        """
        recorder = Recorder()
        messages = [Message("T", b"a"), Message("T", b"b")]
        self.result(self.hooked(recorder).sendBatch(messages))
        self.assertEqual(recorder.calls(), ["before", "after"])
        self.assertEqual(recorder.seen[0][1].messages, tuple(messages))

    def test_forbidden(self) -> None:
        """
        Nothing is written, no other hook is called, and the reason is the hook's.
        """
        recorder, forbids = Recorder(), Forbids()
        producer = self.hooked(recorder, forbids)
        for sending in (
            producer.send(Message("T", b"x")),
            producer.sendOneway(Message("T", b"x")),
        ):
            error = self.failure(sending, SendFailed)
            self.assertIsInstance(error.cause, PermissionError)
            self.assertIs(error.persisted, Persisted.NO)
            self.assertEqual(len(error.attempts), 1)
        self.assertEqual((forbids.asked, recorder.seen), (2, []))
        self.assertEqual(self.stored(), [])

    def test_forbiddenBySync(self) -> None:
        """
        Under Java's SYNC rules it is tried three times.
        """
        forbids = Forbids()
        producer = self.hooked(forbids)
        sending = producer.send(Message("T", b"x"), mode=CommunicationMode.SYNC)
        self.failure(sending, SendFailed)
        self.assertEqual(forbids.asked, 3)

    def test_connectionDroppedBefore(self) -> None:
        """
        Where a hook drops the connection the attempt was to use, that attempt has
        ended, and the next one finds another.
        """
        recorder = Recorder()
        armed: list[bool] = []

        def drop(context: SendMessageContext) -> None:
            if armed:
                armed.clear()
                live = self.client.peers.live(context.address)
                assert live is not None
                live.abort()

        producer = self.hooked(recorder, Does(drop))
        self.result(producer.send(Message("T", b"first")))
        recorder.seen.clear()
        armed.append(True)
        result = self.result(producer.send(Message("T", b"x")))
        self.assertEqual(recorder.calls(), ["before", "after"] * 2)
        self.assertIsInstance(recorder.seen[1][1].exception, ConnectionClosed)
        self.assertEqual(
            [each.persisted for each in result.attempts], [Persisted.NO, Persisted.YES]
        )
        self.assertEqual(len(self.stored()), 2)

    def test_sendsBefore(self) -> None:
        """
        A hook may send by itself: each is stored once and has its own answer.
        """
        sent: list[Any] = []
        bodies: list[bytes] = []

        def send(context: SendMessageContext) -> None:
            if bodies:
                sent.append(producer.send(Message("T", bodies.pop())))

        producer = self.hooked(Does(send))
        self.result(producer.send(Message("T", b"first")))
        bodies += [b"0", b"1", b"2"]
        results = [self.result(producer.send(Message("T", b"own")))]
        results += [self.result(each) for each in sent]
        self.assertEqual(len({each.msgId for each in results}), 4)
        stored = {each.properties["UNIQ_KEY"]: each.body for each in self.stored()}
        self.assertEqual(
            [stored[each.msgId] for each in results], [b"own", b"0", b"1", b"2"]
        )

    def test_cancelledAfter(self) -> None:
        """
        Who cancels a send when a hook is told that it is stored is told so too.
        """
        sending: list[Any] = []
        after = Does(lambda context: None, lambda context: sending[0].cancel())
        producer = self.hooked(after)
        sending.append(producer.send(Message("T", b"x")))
        result = self.result(sending[0])
        self.assertEqual(len(self.stored()), 1)
        self.assertEqual(len(result.attempts), 1)
        self.assertEqual((producer.stats().sent, producer.stats().inFlight), (1, 0))

    def test_noHook(self) -> None:
        """
        What is no hook is refused when the producer is made.
        """
        self.assertRaises(TypeError, Producer, self.client, "x", hooks=[object()])
