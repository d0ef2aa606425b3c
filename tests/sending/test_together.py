"""
Tests of L{txrocketmq._sending.together}: how what has left together ends.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import attrs
from twisted.internet.defer import Deferred
from zope.interface import implementer

from tests.sending.batchcase import BATCH, SEND, BatchingTestCase
from tests.sending.test_hooks import Recorder
from txrocketmq.context import SendMessageContext
from txrocketmq.errors import (
    ConnectionClosed,
    MalformedAnswer,
    MessageIllegal,
    NoPermission,
    RemotingTimeout,
    SendCancelled,
    SendFailed,
    WeakAck,
)
from txrocketmq.interfaces import ICheckForbiddenHook, IRPCHook
from txrocketmq.message import (
    Message,
    MessageQueue,
    Persisted,
    RequiredAck,
    SendResult,
    SendStatus,
)
from txrocketmq.producer import Producer
from txrocketmq.sandbox import faults
from txrocketmq.settings import Batching, ClientSettings, ProducerSettings


class RefusedTests(BatchingTestCase):
    """
    What a broker says of a batch that it did not store, or not well.
    """

    def takeAtMost(self, size: int) -> None:
        """
        Let the broker take bodies of so many bytes at most.
        """
        state = self.brokerA.state
        state.settings = attrs.evolve(state.settings, maxMessageSize=size)

    def test_oneIsIllegal(self) -> None:
        """
        A batch that is refused because of one message is divided until that one is
        alone: it fails, the others are stored, in as few requests as that takes.
        """
        self.takeAtMost(100)
        messages = [Message("T", b"x" * (101 if n == 11 else 50)) for n in range(32)]
        sends = [self.producer.send(message) for message in messages]
        error = self.failure(sends.pop(11), SendFailed)
        self.assertIsInstance(error.cause, MessageIllegal)
        self.assertIs(error.persisted, Persisted.NO)
        del messages[11]
        results = self.results(sends)
        self.agree(list(zip(messages, results, strict=True)))
        self.assertEqual(sorted(self.sizes(), reverse=True)[:3], [32, 16, 16])
        self.assertEqual(len(self.frames()), 1 + 2 * 5)
        self.assertEqual({one.possibleDuplicates for one in results}, {0})
        self.assertEqual(max(len(one.attempts) for one in results), 5)
        stats = self.producer.stats()
        self.assertEqual((stats.sent, stats.failed, stats.inFlight), (31, 1, 0))
        tries = sum(max(size, 1) for size in self.sizes())
        self.assertEqual((stats.attempts, stats.retries), (tries, tries - 32))

    def test_tooLargeTogether(self) -> None:
        """
        A batch the broker finds too large is divided as well.
        """
        self.brokerA.push(faults.respond(13, "too large"), code=BATCH, times=3)
        self.results(self.several(8))
        self.assertEqual(self.sizes(), [8, 4, 4, 2, 2, 2, 2])

    def test_lostMeanwhile(self) -> None:
        """
        When the connection is lost with the refusal, each goes on by itself.
        """
        self.brokerA.push(faults.respond(13, "too large"), code=BATCH)
        sends = self.several(4)
        batcher = self.producer._sending._batcher
        assert batcher is not None
        batcher._turnOver()
        self.live(self.brokerA).retire()
        self.results(sends)
        self.assertEqual(self.sizes(), [4, 0, 0, 0, 0])
        self.assertEqual(sorted(self.bodies()), [b"0", b"1", b"2", b"3"])

    def test_noTimeToDivide(self) -> None:
        """
        Without time for another try the refusal is the end.
        """
        fault = faults.delay(0.95)
        self.producer = self.batching("short", sendTimeout=1.0)
        self.brokerA.push(fault, code=BATCH)
        self.takeAtMost(10)
        sends = [self.send(b"x"), self.send(b"x" * 11)]
        for one in sends:
            error = self.failure(one, SendFailed)
            self.assertIsInstance(error.cause, MessageIllegal)
        self.assertEqual(self.bodies(), [])

    def test_finalForAll(self) -> None:
        """
        What is true of all of them is not asked again.
        """
        self.brokerA.push(faults.respond(16, "no permission"), times=9)
        for one in self.several(4):
            self.assertIsInstance(self.failure(one, SendFailed).cause, NoPermission)
        self.assertEqual(self.sizes(), [4])
        self.brokerA.clear()

    def test_busy(self) -> None:
        """
        What a busy broker refuses is tried again, each send by itself.
        """
        self.brokerA.push(faults.respond(2, "[PCBUSY_CLEAN_QUEUE]"), code=BATCH)
        results = self.results(self.several(4))
        self.assertEqual(len(self.bodies()), 4)
        for one in results:
            self.assertIs(one.attempts[0].persisted, Persisted.NO)
            self.assertEqual(one.possibleDuplicates, 0)
        self.assertEqual(self.producer.stats().retries, 4)

    def test_knowsNoBatches(self) -> None:
        """
        A broker that knows no batches is sent single messages, then and from then
        on, as long as the connection lasts.
        """
        self.brokerA.push(faults.respond(3, "not supported"), code=BATCH)
        results = self.results(self.several(4))
        self.assertEqual(self.sizes(), [4, 0, 0, 0, 0])
        self.assertEqual({len(one.attempts) for one in results}, {2})
        self.results(self.several(4))
        self.assertEqual(self.sizes()[5:], [0] * 4)
        self.live(self.brokerA).abort()
        self.cluster.flush()
        self.sent()
        self.brokerA.clear()
        self.results(self.several(4))
        self.assertEqual(self.sizes(), [4])

    def test_weak(self) -> None:
        """
        A weak status is each one's result, or each one's failure.
        """
        queue = MessageQueue("T", "broker-a", 1)
        fields = {"msgId": "0A", "queueId": "1", "queueOffset": "7"}
        self.brokerA.push(faults.respond(10, extFields=fields), code=BATCH, times=2)
        results = self.results(self.several(4, queue=queue))
        self.assertEqual({one.offsetMsgId for one in results}, {"0A"})
        self.assertEqual(
            [(one.sendStatus, one.queueOffset) for one in results],
            [(SendStatus.FLUSH_DISK_TIMEOUT, 7 + n) for n in range(4)],
        )
        self.producer = self.batching("strict", requiredAck=RequiredAck.FLUSHED)
        for one in self.several(4, queue=queue):
            error = self.failure(one, SendFailed)
            self.assertIsInstance(error.cause, WeakAck)
            self.assertIs(error.persisted, Persisted.YES)
        self.assertEqual(len(self.frames()), 2)

    def test_unreadable(self) -> None:
        """
        What is stored, but nobody knows where, is not sent again.
        """
        self.brokerA.push(faults.respond(0, extFields={"msgId": "0A"}), code=BATCH)
        for one in self.several(3):
            error = self.failure(one, SendFailed)
            self.assertIsInstance(error.cause, MalformedAnswer)
            self.assertIs(error.persisted, Persisted.YES)
        self.assertEqual(len(self.frames()), 1)


class UnansweredTests(BatchingTestCase):
    """
    Batches nobody knows the end of.
    """

    def test_lost(self) -> None:
        """
        Each is sent again under its own id, and says what may be stored twice.
        """
        self.brokerA.push(faults.close(), code=BATCH, stored=True)
        results = self.results(self.several(4))
        self.assertEqual({one.possibleDuplicates for one in results}, {1})
        self.assertEqual(len(self.bodies()), 8)
        ids = [each.properties["UNIQ_KEY"] for each in self.stored()]
        self.assertEqual(sorted(ids), sorted([one.msgId for one in results] * 2))
        self.assertIsInstance(results[0].attempts[0].error, ConnectionClosed)

    def test_notAgain(self) -> None:
        """
        Or fails with the truth, if it must not be sent again.
        """
        self.producer = self.batching("once", resendWhenMaybe=False)
        self.brokerA.push(faults.silence(), code=BATCH, stored=True)
        for one in self.several(4):
            error = self.failure(one, SendFailed)
            self.assertIsInstance(error.cause, RemotingTimeout)
            self.assertIs(error.persisted, Persisted.MAYBE)
            self.assertEqual(len(error.attempts), 1)
        self.assertEqual(len(self.bodies()), 4)

    def cancel(self, one: Deferred[SendResult], _: object) -> None:
        """
        Cancel a send.
        """
        one.cancel()

    def test_cancelledMeanwhile(self) -> None:
        """
        Whoever is told of one failure may cancel the others.
        """
        self.producer = self.batching("once", resendWhenMaybe=False)
        self.brokerA.push(faults.close(), code=BATCH)
        sends = self.several(3)
        for one in sends[1:]:
            sends[0].addBoth(partial(self.cancel, one))
        self.cluster.flush()
        for one in sends[1:]:
            error = self.failureResultOf(one, SendCancelled).value
            self.assertIs(error.persisted, Persisted.MAYBE)
        stats = self.producer.stats()
        self.assertEqual((stats.failed, stats.inFlight), (3, 0))

    def test_cancelledWithAnother(self) -> None:
        """
        So may whoever is told of the end of another frame that was lost with it.
        """
        self.producer = self.batching(
            "once", resendWhenMaybe=False, batching=Batching(maxMessages=2)
        )
        self.brokerA.push(faults.silence(), times=9)
        sends = self.several(5)
        for one in sends[1:]:
            sends[0].addBoth(partial(self.cancel, one))
        self.cluster.flush()
        self.live(self.brokerA).abort()
        self.cluster.flush()
        for one in sends[1:]:
            error = self.failureResultOf(one, SendCancelled).value
            self.assertIs(error.persisted, Persisted.MAYBE)
        stats = self.producer.stats()
        self.assertEqual((stats.failed, stats.inFlight), (5, 0))

    def test_cancelledLater(self) -> None:
        """
        Who goes on by itself is cancelled by itself.
        """
        self.brokerA.push(faults.respond(2), times=9)
        sends = self.several(3)
        self.cluster.flush()
        sends[1].cancel()
        error = self.failureResultOf(sends[1], SendCancelled).value
        self.assertIs(error.persisted, Persisted.NO)
        self.brokerA.clear()
        self.results([sends[0], sends[2]])
        self.assertEqual(len(self.bodies()), 2)

    def test_stopped(self) -> None:
        """
        What is on its way when everything stops ends with the truth.
        """
        self.brokerA.push(faults.silence(), times=999)
        sends = self.several(3)
        self.cluster.flush()
        stopped = self.client.stopService()
        for one in sends:
            error = self.failure(one, SendFailed)
            self.assertIs(error.persisted, Persisted.MAYBE)
        self.result(stopped)

    def test_goAway(self) -> None:
        """
        A broker that goes away gets them on its next connection.
        """
        self.brokerA.push(faults.goAway(), code=BATCH)
        results = self.results(self.several(3))
        self.assertEqual(len(self.bodies()), 3)
        self.assertEqual({one.possibleDuplicates for one in results}, {0})


@implementer(ICheckForbiddenHook)
class ForbidsOdd:
    """
    Forbids messages whose body is an odd number.
    """

    def checkForbidden(self, context: SendMessageContext) -> None:
        """
        Look at the body.
        """
        if int(context.messages[0].body) % 2:
            raise PermissionError("odd")


@implementer(IRPCHook)
class Marks:
    """
    Writes something into each request, and can refuse to.
    """

    refusing = False

    def __init__(self) -> None:
        self.answers: list[int] = []

    def beforeRequest(self, address: str, command: Any) -> Any:
        """
        Write it.
        """
        if self.refusing and command.code == BATCH:
            raise LookupError("no")
        command.extFields["mark"] = "x"
        return command

    def afterResponse(self, address: str, request: Any, response: Any) -> None:
        """
        Remember what was answered.
        """
        self.answers.append(request.code)


class HookTests(BatchingTestCase):
    """
    Hooks see messages as if there were no batches.
    """

    def hooked(self, *hooks: Any, **settings: Any) -> Producer:
        """
        A producer with hooks.
        """
        return self.batching("hooked", hooks=hooks, **settings)

    def test_eachOnce(self) -> None:
        """
        Each message has its own before and its own after, with its own result.
        """
        recorder = Recorder()
        self.producer = self.hooked(recorder)
        results = self.results(self.several(3))
        self.assertEqual(self.sizes(), [3])
        self.assertEqual(recorder.calls(), ["before"] * 3 + ["after"] * 3)
        for number, result in enumerate(results):
            (_, before), (_, after) = recorder.seen[number], recorder.seen[number + 3]
            self.assertEqual(before.msgId, result.msgId)
            self.assertEqual(before.messages[0].body, b"%d" % number)
            self.assertEqual(before.messageQueue, result.messageQueue)
            self.assertEqual(after.sendResult, result)
            self.assertEqual(after.state, {"began": number})

    def test_eachAttempt(self) -> None:
        """
        So has each try, those of divided batches among them.
        """
        recorder = Recorder()
        self.producer = self.hooked(recorder)
        self.brokerA.push(faults.respond(13), code=BATCH)
        self.brokerA.push(faults.respond(2), code=BATCH)
        results = self.results(self.several(4))
        tries = sum(len(one.attempts) for one in results)
        self.assertEqual(recorder.calls().count("before"), tries)
        self.assertEqual(recorder.calls().count("after"), tries)
        for result in results:
            ends = [
                context.exception
                for name, context in recorder.seen
                if name == "after" and context.msgId == result.msgId
            ]
            self.assertEqual(
                [type(each) for each in ends],
                [type(each.error) for each in result.attempts],
            )

    def test_forbidden(self) -> None:
        """
        Who is forbidden to leave does not; the others do.
        """
        recorder = Recorder()
        self.producer = self.hooked(ForbidsOdd(), recorder)
        sends = self.several(5)
        for one in (sends.pop(3), sends.pop(1)):
            error = self.failure(one, SendFailed)
            self.assertIsInstance(error.cause, PermissionError)
            self.assertIs(error.persisted, Persisted.NO)
        self.results(sends)
        self.assertEqual(self.sizes(), [3])
        self.assertEqual(self.bodies(), [b"0", b"2", b"4"])
        self.assertEqual(recorder.calls(), ["before"] * 3 + ["after"] * 3)
        (alone,) = self.several(2)[1:]
        self.failure(alone, SendFailed)
        self.failure(self.send(b"7"), SendFailed)
        self.assertEqual(self.producer.stats().inFlight, 0)

    def test_cancelled(self) -> None:
        """
        Who is cancelled on the way has its after, and nobody else has one for that.
        """
        recorder = Recorder()
        self.producer = self.hooked(recorder)
        self.brokerA.push(faults.delay(0.1), code=BATCH)
        sends = self.several(3)
        self.cluster.flush()
        sends[1].cancel()
        error = self.failureResultOf(sends[1], SendCancelled).value
        self.assertIs(error.persisted, Persisted.MAYBE)
        self.assertEqual(recorder.calls(), ["before"] * 3 + ["after"])
        self.results([sends[0], sends[2]])
        self.assertEqual(recorder.calls(), ["before"] * 3 + ["after"] * 3)

    def test_cancelledUnwritten(self) -> None:
        """
        A frame that is not written can be taken back with hooks, too.
        """
        recorder = Recorder()
        self.producer = self.hooked(recorder)
        live = self.live(self.brokerA)
        live.pauseProducing()
        sends = self.several(3)
        self.cluster.flush()
        sends[0].cancel()
        error = self.failureResultOf(sends[0], SendCancelled).value
        self.assertIs(error.persisted, Persisted.NO)
        self.cluster.flush()
        live.resumeProducing()
        self.results(sends[1:])
        self.assertEqual(self.bodies(), [b"1", b"2"])
        self.assertEqual(recorder.calls().count("before"), 5)
        self.assertEqual(recorder.calls().count("after"), 5)

    def test_requests(self) -> None:
        """
        What is around requests is around the batch, once.
        """
        marks = Marks()
        self.client = self.cluster.client(
            ClientSettings(instanceName="marked"), hooks=[marks]
        )
        self.warm()
        self.producer = self.batching("marked")
        self.sent()
        self.brokerA.clear()
        self.cluster.advance(1)
        marks.answers.clear()
        self.results(self.several(1))
        self.results(self.several(3))
        self.assertEqual(self.sizes(), [0, 3])
        self.assertEqual(marks.answers, [SEND, BATCH])
        self.assertEqual(self.frames()[1].extFields["mark"], "x")
        marks.refusing = True
        for one in self.several(3):
            self.assertIsInstance(self.failure(one, SendFailed).cause, LookupError)

    def test_latencies(self) -> None:
        """
        Java's latency tables learn of each batch.
        """
        self.producer = Producer(
            self.client,
            "timed",
            ProducerSettings(batching=Batching(), sendLatencyFaultEnable=True),
        )
        self.results(self.several(3))
        self.assertEqual(self.sizes(), [3])
        self.brokerA.push(faults.respond(14), code=BATCH)
        sends = self.several(3)
        self.cluster.flush()
        self.assertEqual(self.producer.stats().isolated, ("broker-a",))
        self.results(sends)
