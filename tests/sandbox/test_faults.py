"""
Tests of what a server does when it is told not to answer, and of what all
servers have in common.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from txrocketmq._wire.codes import RequestCode, ResponseCode, SerializeType
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.frames import FrameBuffer
from txrocketmq.sandbox import faults
from txrocketmq.sandbox.access import Access
from txrocketmq.sandbox.answers import Refused
from txrocketmq.sandbox.broker import NOT_FOR_VIP

from .support import BrokerTestCase, now, sendFields

SEND = RequestCode.SEND_MESSAGE_V2


class FaultTestCase(BrokerTestCase):
    """
    A broker that is told what to do.
    """

    def setUp(self) -> None:
        """
        Make a topic.
        """
        super().setUp()
        self.topic("T")

    def sending(self, **fields: Any) -> Any:
        """
        Send, and give whatever comes of it.
        """
        command = RemotingCommand(SEND, sendFields("T"), b"x", opaque=9, **fields)
        return self.broker.respond(command, self.client)

    def assertSilent(self, answer: Any) -> None:
        """
        Check that no answer came, and none will.
        """
        if isinstance(answer, Deferred):
            self.assertIsNone(self.successResultOf(answer))
        else:
            self.assertIsNone(answer)

    @property
    def count(self) -> int:
        """
        How many messages are stored.
        """
        return len(self.stored("T"))


class FaultTests(FaultTestCase):
    """
    Each fault.
    """

    def test_respond(self) -> None:
        """
        Any answer can be given; nothing is stored.
        """
        self.broker.push(faults.respond(2, "[PCBUSY]", {"a": "b"}, b"body"))
        answer = now(self.sending())
        self.assertEqual(
            (answer.code, answer.remark, answer.extFields, answer.body),
            (2, "[PCBUSY]", {"a": "b"}, b"body"),
        )
        self.assertTrue(answer.isResponse)
        self.assertEqual(answer.opaque, 9)
        self.assertEqual(self.count, 0)

    def test_respondStored(self) -> None:
        """
        A stored message's place is told with the codes that say that it is
        stored, and with no others; what is given comes first.
        """
        for code in (0, 10, 11, 12):
            self.broker.push(faults.respond(code), stored=True)
            answer = now(self.sending())
            self.assertEqual(answer.code, code)
            self.assertIsNone(answer.remark)
            self.assertIn("msgId", answer.extFields)
        self.broker.push(faults.respond(2), stored=True)
        self.assertEqual(now(self.sending()).extFields, {})
        self.broker.push(faults.respond(0, extFields={"msgId": "?"}), stored=True)
        self.assertEqual(now(self.sending()).extFields, {"msgId": "?"})
        self.assertEqual(self.count, 6)

    def test_silence(self) -> None:
        """
        No answer, and the connection stays.
        """
        self.broker.push(faults.silence(), stored=True)
        self.assertSilent(self.sending())
        self.assertEqual(self.count, 1)
        self.assertIsNone(self.client.ended)

    def test_delay(self) -> None:
        """
        The answer comes later, and so is the message stored.
        """
        self.broker.push(faults.delay(2))
        answers: list[Any] = []
        self.sending().addCallback(answers.append)
        self.clock.advance(1.9)
        self.assertEqual((answers, self.count), ([], 0))
        self.clock.advance(0.1)
        self.assertEqual((answers[0].code, self.count), (0, 1))

    def test_delayStored(self) -> None:
        """
        Or it is stored at once, and only its sender has to wait.
        """
        self.broker.push(faults.delay(2), stored=True)
        answers: list[Any] = []
        self.sending().addCallback(answers.append)
        self.assertEqual((answers, self.count), ([], 1))
        self.clock.advance(2)
        self.assertEqual(answers[0].extFields["queueOffset"], "0")

    def test_delayOfWhatWaits(self) -> None:
        """
        A request that has to wait anyway waits longer.
        """
        self.broker.push(faults.delay(2))
        fields = {
            "consumerGroup": "g",
            "topic": "T",
            "queueId": "0",
            "queueOffset": "0",
            "maxMsgNums": "1",
            "sysFlag": "6",
            "commitOffset": "0",
            "suspendTimeoutMillis": "3000",
            "subVersion": "0",
        }
        command = RemotingCommand(RequestCode.PULL_MESSAGE, fields)
        answers: list[Any] = []
        answer = self.broker.respond(command, self.client)
        assert isinstance(answer, Deferred)
        answer.addCallback(answers.append)
        self.clock.pump([2, 2.9])
        self.assertEqual(answers, [])
        self.clock.advance(0.1)
        self.assertEqual(answers[0].code, ResponseCode.PULL_NOT_FOUND)

    def test_closeAndReset(self) -> None:
        """
        The connection ends, in one of two ways.
        """
        self.broker.push(faults.close())
        self.assertSilent(self.sending())
        self.assertEqual(self.client.ended, "close")
        self.broker.push(faults.reset(), stored=True)
        self.assertSilent(self.sending())
        self.assertEqual(self.client.ended, "abort")
        self.assertEqual(self.count, 1)

    def test_garbage(self) -> None:
        """
        Bytes that are no answer.
        """
        self.broker.push(faults.garbage(b"HTTP/1.1 400"))
        self.assertSilent(self.sending())
        self.assertEqual(self.client.written, b"HTTP/1.1 400")

    def test_cut(self) -> None:
        """
        A part of the answer, but never all of it, and then the end.
        """
        self.broker.push(faults.cut(10), stored=True)
        self.assertSilent(self.sending())
        self.assertEqual(len(self.client.written), 10)
        self.assertEqual(self.client.ended, "close")
        self.broker.push(faults.cut(10_000))
        self.assertSilent(self.sending())
        buffer = FrameBuffer()
        self.assertEqual(buffer.feed(self.client.written[10:]), [])
        self.assertGreater(buffer.pending, 50)
        self.assertEqual(self.count, 1)

    def test_goAway(self) -> None:
        """
        A server that is about to stop says so.
        """
        self.broker.push(faults.goAway())
        answer = now(self.sending())
        self.assertEqual((answer.code, answer.remark), (1500, "please go away"))
        self.assertEqual(self.count, 0)


class ScriptTests(FaultTestCase):
    """
    The order in which faults are played.
    """

    def codes(self, count: int, code: int = SEND) -> list[int]:
        """
        What the next requests are answered.
        """
        return [
            now(
                self.broker.respond(
                    RemotingCommand(code, sendFields("T"), b"x"), self.client
                )
            ).code
            for _ in range(count)
        ]

    def test_order(self) -> None:
        """
        First in first out, as often as said; then all is as ever.
        """
        self.broker.push(faults.respond(2), times=2)
        self.broker.push(faults.respond(14))
        self.broker.push(faults.respond(13), times=0)
        self.assertEqual(self.codes(5), [2, 2, 14, 0, 0])

    def test_specificFirst(self) -> None:
        """
        What is for a code comes before what is for any.
        """
        self.broker.push(faults.respond(2))
        self.broker.push(faults.respond(14), code=SEND)
        self.broker.push(faults.respond(13), code=RequestCode.SEND_MESSAGE)
        self.assertEqual(self.codes(3), [14, 2, 0])

    def test_clear(self) -> None:
        """
        All of it can be forgotten; messages stay.
        """
        self.codes(1)
        self.broker.push(faults.respond(2), times=5)
        self.broker.clear()
        self.assertEqual(self.broker.requests(), [])
        self.assertEqual(self.codes(1), [0])
        self.assertEqual(self.count, 2)

    def test_requests(self) -> None:
        """
        Requests are remembered, whatever became of them.
        """
        self.broker.push(faults.silence())
        self.sending()
        self.ask(9999)
        self.assertEqual([c.code for c in self.broker.requests()], [SEND, 9999])
        (request,) = self.broker.requests(SEND)
        self.assertEqual(request.body, b"x")
        self.assertEqual(self.broker.requests(105), [])

    def test_requestsAreLimited(self) -> None:
        """
        Only the newest are remembered.
        """
        self.makeBroker(requestsKept=2)
        for code in (9001, 9002, 9003):
            self.ask(code)
        self.assertEqual([c.code for c in self.broker.requests()], [9002, 9003])


class AnswerTests(BrokerTestCase):
    """
    What is the same for all requests.
    """

    def test_unknown(self) -> None:
        """
        Nobody knows an unknown request; the administration of configurations is
        unknown on purpose.
        """
        for code in (9999, 25, 26, 318, 319, 1009):
            answer = self.ask(code)
            self.assertEqual(
                (answer.code, answer.remark),
                (3, f" request type {code} not supported"),
            )

    def test_malformed(self) -> None:
        """
        A request without what it needs is an error that says what.
        """
        answer = self.ask(RequestCode.GET_MAX_OFFSET, {"topic": "T"})
        self.assertEqual(answer.code, ResponseCode.SYSTEM_ERROR)
        self.assertIn("queueId", answer.remark or "")

    def test_serialisation(self) -> None:
        """
        Answers are written in the server's own serialisation.
        """
        command = RemotingCommand(9999, opaque=5, serializeType=SerializeType.ROCKETMQ)
        self.assertIsNone(self.broker.respond(command, self.client))
        (answer,) = FrameBuffer().feed(self.client.written)
        self.assertEqual(answer.serializeType, SerializeType.JSON)
        self.assertEqual((answer.opaque, answer.code), (5, 3))

    def test_serialisationOfLateAnswers(self) -> None:
        """
        So are those that come later.
        """
        self.makeBroker(serializeType=SerializeType.ROCKETMQ)
        self.broker.push(faults.delay(1))
        self.broker.push(faults.silence())
        for opaque in (1, 2):
            answer = self.broker.respond(
                RemotingCommand(9999, opaque=opaque), self.client
            )
            assert isinstance(answer, Deferred)
        self.clock.advance(1)
        (late,) = FrameBuffer().feed(self.client.written)
        self.assertEqual((late.serializeType, late.opaque), (SerializeType.ROCKETMQ, 1))

    def test_serialisationOfTheAsker(self) -> None:
        """
        A server may follow whoever asks.
        """
        self.makeBroker(serializeType=None)
        for kind in SerializeType:
            answer = self.ask(9999, serializeType=kind)
            self.assertEqual(answer.serializeType, kind)

    def test_onewayIsNotWritten(self) -> None:
        """
        Nothing is written for a oneway request.
        """
        command = RemotingCommand(9999, serializeType=SerializeType.ROCKETMQ)
        self.broker.respond(command.asOneway(), self.client)
        self.assertEqual(self.client.written, b"")

    def test_vipChannel(self) -> None:
        """
        The port for important clients answers everything but pulls.
        """
        vip = self.broker._responders()[1]
        for code in NOT_FOR_VIP:
            self.assertEqual(now(vip(RemotingCommand(code), self.client)).code, 3)
        answer = vip(RemotingCommand(RequestCode.GET_ALL_TOPIC_CONFIG), self.client)
        self.assertEqual(now(answer).code, 0)

    def test_repr(self) -> None:
        """
        A server shows what it is.
        """
        self.assertEqual(repr(self.broker), "<SandboxBroker not started>")


class AccessTests(BrokerTestCase):
    """
    Requests that must be signed.
    """

    def setUp(self) -> None:
        """
        Make an account.
        """
        super().setUp()
        self.makeBroker(credentials={"ak": "sk12345678"})
        self.topic("T")

    def assertDenied(self, remark: str, **fields: str) -> None:
        """
        Send something signed like this.
        """
        answer = self.ask(SEND, sendFields("T") | fields, b"hello")
        self.assertEqual((answer.code, answer.remark), (16, remark))
        self.assertEqual(answer.extFields, {})
        self.assertEqual(self.stored("T"), [])

    def test_denied(self) -> None:
        """
        Who is unknown, or does not sign as he should, is denied.
        """
        self.assertDenied("username cannot be null.")
        self.assertDenied("username cannot be null.", AccessKey="")
        self.assertDenied("User:nobody is not found.", AccessKey="nobody")
        self.assertDenied("check signature failed.", AccessKey="ak")
        self.assertDenied("check signature failed.", AccessKey="ak", Signature="ü")

    def test_allRequests(self) -> None:
        """
        All requests must be signed, heartbeats too.
        """
        for code in (RequestCode.HEART_BEAT, RequestCode.UNREGISTER_CLIENT):
            self.assertEqual(self.ask(code).code, ResponseCode.NO_PERMISSION)

    def test_signed(self) -> None:
        """
        The signature that is known to be right is.
        """
        uniqueId = "7F00000112340A0B0C0D00ABCDEF0001"
        fields = {
            "a": "pg",
            "b": "T",
            "c": "TBW102",
            "d": "4",
            "e": "0",
            "f": "0",
            "g": "1700000000000",
            "h": "0",
            "i": f"WAIT\x01true\x02UNIQ_KEY\x01{uniqueId}\x02",
            "j": "0",
            "k": "false",
            "m": "false",
            "n": "broker-a",
            "AccessKey": "ak",
            "Signature": "go9XPWW8Gr8KlEGuEDJqImLIyl8=",
        }
        self.assertEqual(self.ask(SEND, fields, b"hello").code, 0)
        self.assertEqual(self.ask(SEND, fields, b"hellO").code, 16)


class OrderTests(SynchronousTestCase):
    """
    What is signed, in which order.
    """

    def test_byUnits(self) -> None:
        """
        Fields are taken in the order of their UTF-16 units: a character beyond
        those comes before U+FFFF.
        """
        fields = {"AccessKey": "ak", "\uffff": "2", "\U0001f600": "1"}
        signature = {"Signature": "rVXlDxMRF4QD0QY1MsVtQijcddI="}
        access = Access({"ak": "sk"})
        access.check(RemotingCommand(SEND, fields | signature))
        with self.assertRaises(Refused):
            access.check(RemotingCommand(SEND, fields | signature, b"a body"))
