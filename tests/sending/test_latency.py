"""
Java's latency tables at work, on a cluster in memory.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import gatherResults
from zope.interface import implementer

from tests.remoting.doubles import logged
from txrocketmq._routing.publishinfo import TopicPublishInfo
from txrocketmq._sending.detector import DETECT_TIMEOUT, INTERVAL
from txrocketmq.context import SendMessageContext
from txrocketmq.errors import SendCancelled, SendFailed
from txrocketmq.interfaces import ICheckForbiddenHook, IRPCHook
from txrocketmq.message import CommunicationMode, Message, MessageQueue, RequiredAck
from txrocketmq.producer import Producer
from txrocketmq.remoting import RemotingCommand, RequestCode, ResponseCode
from txrocketmq.sandbox import SandboxBroker
from txrocketmq.sandbox.faults import delay, respond, silence
from txrocketmq.settings import (
    SEED_LATENCY_MAX,
    SEED_NOT_AVAILABLE_DURATION,
    ProducerSettings,
)

from .support import ClusterTestCase

SEND = RequestCode.SEND_MESSAGE_V2
PROBE = RequestCode.GET_MAX_OFFSET
SYNC = CommunicationMode.SYNC


class LatencyTestCase(ClusterTestCase):
    """
    A producer with the tables, two brokers that are connected.
    """

    def setUp(self) -> None:
        """
        Connect to both.
        """
        super().setUp()
        self.producer = self.producerOf("slow", sendLatencyFaultEnable=True)
        self.warm()

    def sends(self, count: int, **options: Any) -> str:
        """
        The brokers of so many sends, one after the other, each a letter.
        """
        results = [self.sent(**options) for _ in range(count)]
        return "".join(result.messageQueue.brokerName[-1] for result in results)

    def slow(self, broker: SandboxBroker, seconds: float, **options: Any) -> None:
        """
        Send once to a broker that takes its time.
        """
        broker.push(delay(seconds), code=SEND)
        self.sent(queue=self.queueOf(broker), **options)

    def queueOf(self, broker: SandboxBroker) -> MessageQueue:
        """
        A queue of a broker.
        """
        name = "broker-a" if broker is self.brokerA else "broker-b"
        return MessageQueue("T", name, 0)

    def probes(self, broker: SandboxBroker) -> int:
        """
        How often a broker was asked whether it can be reached.
        """
        return len(broker.requests(PROBE))


class SlowTests(LatencyTestCase):
    """
    A broker that answers slowly.
    """

    def test_off(self) -> None:
        """
        Nobody minds, unless the tables are asked for.
        """
        self.producer = self.producerOf("patient")
        self.slow(self.brokerA, 2.5)
        self.assertEqual(sorted(self.sends(4)), ["a", "a", "b", "b"])

    def test_threshold(self) -> None:
        """
        From 550 ms on it is left out, for two seconds, in all modes.
        """
        self.slow(self.brokerA, 0.549)
        self.assertEqual(sorted(self.sends(4)), ["a", "a", "b", "b"])
        self.slow(self.brokerA, 0.55)
        for mode in (None, SYNC, CommunicationMode.ASYNC):
            self.assertEqual(self.sends(4, mode=mode), "bbbb")
        self.cluster.advance(2)
        for mode in (None, SYNC, CommunicationMode.ASYNC):
            self.assertEqual(sorted(self.sends(4, mode=mode)), ["a", "a", "b", "b"])

    def test_bothSlow(self) -> None:
        """
        When both are slow they are sent to all the same.
        """
        self.slow(self.brokerA, 2)
        self.slow(self.brokerB, 2)
        self.assertEqual(sorted(self.sends(4)), ["a", "a", "b", "b"])
        self.assertEqual(sorted(self.sends(4, mode=SYNC)), ["a", "a", "b", "b"])

    def test_oneway(self) -> None:
        """
        Sends that are not answered go past it, and are no reason to think well or
        badly of whom they go to.
        """
        self.slow(self.brokerA, 0.6)
        sent = [self.producer.sendOneway(Message("T", b"x")) for _ in range(4)]
        self.result(gatherResults(sent))
        self.cluster.flush()
        self.assertEqual(len(self.brokerA.requests(SEND)), 1)
        self.assertEqual(len(self.brokerB.requests(SEND)), 4)
        self.assertEqual(self.sends(2), "bb")

    def test_tablesOfOnesOwn(self) -> None:
        """
        The tables may be others.
        """
        self.producer = self.producerOf(
            "strict",
            sendLatencyFaultEnable=True,
            latencyMax=(10,),
            notAvailableDuration=(60_000,),
        )
        self.slow(self.brokerA, 0.01)
        self.cluster.advance(59)
        self.assertEqual(self.sends(4), "bbbb")
        self.cluster.advance(1)
        self.assertEqual(sorted(self.sends(4)), ["a", "a", "b", "b"])

    def test_seed(self) -> None:
        """
        With the older tables it is out for longer; a fast send lets it in again.
        """
        self.producer = self.producerOf(
            "older",
            sendLatencyFaultEnable=True,
            latencyMax=SEED_LATENCY_MAX,
            notAvailableDuration=SEED_NOT_AVAILABLE_DURATION,
        )
        self.slow(self.brokerA, 0.6)
        self.cluster.advance(29)
        self.assertEqual(self.sends(4, mode=SYNC), "bbbb")
        self.sent(queue=self.queueOf(self.brokerA))
        self.assertEqual(sorted(self.sends(4)), ["a", "a", "b", "b"])

    def test_cancelled(self) -> None:
        """
        A send its caller does not wait for any longer took that long, at least.
        """
        self.brokerA.push(silence(), code=SEND)
        sent = self.send(queue=self.queueOf(self.brokerA))
        self.cluster.advance(0.6)
        sent.cancel()
        self.failure(sent, SendCancelled)
        self.assertEqual(self.sends(4), "bbbb")
        self.assertEqual(self.sends(2, mode=SYNC), "bb")

    def test_hooks(self) -> None:
        """
        A try that a hook forbids says nothing of the broker; hooks are called as
        they are without the tables.
        """
        hook = Forbidding()
        self.producer = Producer(
            self.client,
            "checked",
            ProducerSettings(sendLatencyFaultEnable=True),
            hooks=[hook],
        )
        hook.forbid = True
        self.failed(mode=SYNC)
        self.failure(self.producer.sendOneway(Message("T", b"x")), SendFailed)
        hook.forbid = False
        self.assertEqual(sorted(self.sends(4)), ["a", "a", "b", "b"])
        self.assertGreater(hook.asked, 5)


@implementer(ICheckForbiddenHook)
class Forbidding:
    """
    Forbids tries, or not.
    """

    forbid = False
    asked = 0

    def checkForbidden(self, context: SendMessageContext) -> None:
        """
        See L{ICheckForbiddenHook}.
        """
        self.asked += 1
        if self.forbid:
            raise ValueError("not today")


class FailingTests(LatencyTestCase):
    """
    A broker that fails.
    """

    def isolated(self, **options: Any) -> None:
        """
        Expect that the first broker is out for ten seconds, and no longer.
        """
        self.cluster.advance(9.8)
        self.assertEqual(self.sends(4, **options), "bbbb")
        self.cluster.advance(0.2)
        self.assertEqual(sorted(self.sends(4, **options)), ["a", "a", "b", "b"])

    def refuse(self, code: int) -> None:
        """
        Let the first broker refuse one message.
        """
        self.brokerA.push(respond(code, "no"), code=SEND)
        queue = self.queueOf(self.brokerA)
        self.failure(self.send(queue=queue, mode=SYNC), SendFailed)

    def test_answer(self) -> None:
        """
        One that refuses is isolated for ten seconds.
        """
        self.refuse(ResponseCode.SYSTEM_BUSY)
        self.isolated(mode=SYNC)

    def test_ours(self) -> None:
        """
        With our own rules too: that goes on when the avoidance of a second is over.
        """
        self.refuse(ResponseCode.SYSTEM_BUSY)
        self.isolated()

    def test_anyAnswer(self) -> None:
        """
        As with Java it is any answer that is no success, whosever fault it is.
        """
        self.refuse(ResponseCode.MESSAGE_ILLEGAL)
        self.isolated()

    def test_silent(self) -> None:
        """
        One that does not answer is isolated; the retry goes to the other one.
        """
        self.brokerA.push(silence(), code=SEND)
        self.brokerB.push(silence(), code=SEND)
        result = self.sent()
        self.assertEqual(len(result.attempts), 3)
        first, second, _ = result.attempts
        assert first.messageQueue is not None
        assert second.messageQueue is not None
        brokers = {first.messageQueue.brokerName, second.messageQueue.brokerName}
        self.assertEqual(brokers, {"broker-a", "broker-b"})

    def test_oneway(self) -> None:
        """
        So is one that cannot be told something.
        """
        self.result(self.brokerA.setDown())
        self.cluster.flush()
        queue = self.queueOf(self.brokerA)
        sent = self.producer.sendOneway(Message("T", b"x"), queue=queue)
        self.failure(sent, SendFailed)
        self.assertEqual(self.sends(4, mode=SYNC), "bbbb")

    def test_weak(self) -> None:
        """
        A message that is stored with less than what is required is stored.
        """
        self.producer = self.producerOf(
            "strict", sendLatencyFaultEnable=True, requiredAck=RequiredAck.REPLICATED
        )
        self.refuse(ResponseCode.SLAVE_NOT_AVAILABLE)
        self.assertEqual(sorted(self.sends(4)), ["a", "a", "b", "b"])

    def test_allOut(self) -> None:
        """
        When both are out one is taken all the same; the one that took it is the
        better one.
        """
        self.refuse(ResponseCode.SYSTEM_BUSY)
        self.brokerB.push(respond(ResponseCode.SYSTEM_BUSY), code=SEND)
        queue = self.queueOf(self.brokerB)
        self.failure(self.send(queue=queue, mode=SYNC), SendFailed)
        self.assertIn(self.sends(4, mode=SYNC), ("aaaa", "bbbb"))


class DetectorTests(LatencyTestCase):
    """
    Who could not be reached is asked whether it is back.
    """

    def break_(self) -> None:
        """
        Let a send to the first broker fail.
        """
        self.brokerA.push(respond(ResponseCode.SYSTEM_BUSY), code=SEND)
        queue = self.queueOf(self.brokerA)
        self.failure(self.send(queue=queue, mode=SYNC), SendFailed)

    def test_nobody(self) -> None:
        """
        As long as all can be reached nobody is asked.
        """
        self.sends(4)
        self.cluster.advance(30)
        self.assertEqual(self.probes(self.brokerA) + self.probes(self.brokerB), 0)

    def test_back(self) -> None:
        """
        One that answers is asked no more, and comes before one that does not; before
        its time it is not sent to while another one is available.
        """
        self.break_()
        self.cluster.advance(INTERVAL - 0.01)
        self.assertEqual(self.probes(self.brokerA), 0)
        self.cluster.advance(0.01)
        self.assertEqual(self.probes(self.brokerA), 1)
        self.cluster.advance(3 * INTERVAL - 6)
        self.assertEqual(self.probes(self.brokerA), 1)
        self.assertEqual(self.probes(self.brokerB), 0)
        self.assertEqual(self.sends(4), "bbbb")
        self.brokerB.push(respond(ResponseCode.SYSTEM_BUSY), code=SEND)
        queue = self.queueOf(self.brokerB)
        self.failure(self.send(queue=queue, mode=SYNC), SendFailed)
        self.assertEqual(self.sends(4, mode=SYNC), "aaaa")

    def test_question(self) -> None:
        """
        It is asked for the end of a queue of a topic that it has, not of one that
        others have.
        """
        elsewhere = TopicPublishInfo(
            "A", (MessageQueue("A", "broker-c", 0),), {"broker-c": "10.0.0.9:1"}
        )
        self.client.routes._adopt(elsewhere)
        self.break_()
        self.cluster.advance(INTERVAL)
        (probe,) = self.brokerA.requests(PROBE)
        self.assertEqual(probe.extFields["topic"], "T")
        self.assertEqual(probe.extFields["queueId"], "0")

    def test_notYet(self) -> None:
        """
        One that is silent, slow or refuses is asked again and again.
        """
        self.break_()
        self.brokerA.push(silence(), code=PROBE)
        self.brokerA.push(delay(DETECT_TIMEOUT + 0.1), code=PROBE)
        self.brokerA.push(respond(ResponseCode.SYSTEM_ERROR), code=PROBE)
        self.cluster.advance(3 * INTERVAL)
        self.assertEqual(self.probes(self.brokerA), 3)
        self.cluster.advance(3 * INTERVAL)
        self.assertEqual(self.probes(self.brokerA), 4)

    def test_wokenAgain(self) -> None:
        """
        After it has come to rest it begins again when somebody fails again.
        """
        self.break_()
        self.cluster.advance(3 * INTERVAL)
        self.break_()
        self.cluster.advance(3 * INTERVAL)
        self.assertEqual(self.probes(self.brokerA), 2)

    def test_gone(self) -> None:
        """
        One that no route names any more is forgotten.
        """
        self.break_()
        self.client.routes._replace("T", None)
        self.cluster.advance(3 * INTERVAL)
        self.assertEqual(self.probes(self.brokerA), 0)

    def test_sendsDoIt(self) -> None:
        """
        A send that succeeds is as good as an answer.
        """
        self.break_()
        self.sent(queue=self.queueOf(self.brokerA))
        self.cluster.advance(3 * INTERVAL)
        self.assertEqual(self.probes(self.brokerA), 0)

    def test_stopped(self) -> None:
        """
        It ends with the client, whatever it is at.
        """
        self.break_()
        self.brokerA.push(silence(), code=PROBE)
        self.cluster.advance(INTERVAL)
        self.result(self.client.stopService())
        self.cluster.advance(INTERVAL)
        self.assertEqual(self.probes(self.brokerA), 1)

    def test_closed(self) -> None:
        """
        It ends with the producer.
        """
        self.break_()
        self.result(self.producer.close())
        self.cluster.advance(3 * INTERVAL)
        self.assertEqual(self.probes(self.brokerA), 0)

    def test_notAfterTheEnd(self) -> None:
        """
        What fails while everything ends does not begin it again.
        """
        self.break_()
        detector = self.producer._sending._detector
        assert detector is not None
        self.result(self.client.stopService())
        before = self.clock.getDelayedCalls()
        detector.wake()
        self.assertEqual(self.clock.getDelayedCalls(), before)


@implementer(IRPCHook)
class Breaking:
    """
    A hook that is broken, when it comes to probes.
    """

    def beforeRequest(self, address: str, command: RemotingCommand) -> RemotingCommand:
        """
        See L{IRPCHook}.
        """
        if command.code == PROBE:
            raise ZeroDivisionError("broken")
        return command

    def afterResponse(self, address: str, request: Any, response: Any) -> None:
        """
        See L{IRPCHook}.
        """


class BrokenTests(LatencyTestCase):
    """
    A detector whose question cannot be asked.
    """

    def setUp(self) -> None:
        """
        Break it.
        """
        super().setUp()
        self.client = self.cluster.client(hooks=[Breaking()])
        self.producer = self.producerOf("broken", sendLatencyFaultEnable=True)
        self.warm()
        self.brokerA.push(respond(ResponseCode.SYSTEM_BUSY), code=SEND)
        queue = self.queueOf(self.brokerA)
        self.failure(self.send(queue=queue, mode=SYNC), SendFailed)

    def test_hook(self) -> None:
        """
        Somebody else's mistake is logged, each time, and the detector goes on.
        """
        self.cluster.advance(2 * INTERVAL)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)

    def test_itself(self) -> None:
        """
        So is one of its own.
        """
        logged(self)
        self.client.routes.topics = None  # type: ignore[assignment,method-assign]
        self.cluster.advance(2 * INTERVAL)
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 2)
