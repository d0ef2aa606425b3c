"""
Tests of L{txrocketmq._sending.assemble}, C{outgoing} and C{batch}.
"""

from __future__ import annotations

import zlib
from itertools import count
from typing import Any

import attrs
from msgspec.structs import replace

from tests.support import TestCase
from txrocketmq._sending.assemble import assemble
from txrocketmq._sending.batch import assembleBatch, splitResult
from txrocketmq._sending.envelope import MOST_HEADINGS, Envelope
from txrocketmq._sending.outgoing import Outgoing
from txrocketmq._wire.codes import RequestCode, SerializeType
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.frames import encodeFrame
from txrocketmq._wire.headers import SendMessageRequestHeader
from txrocketmq._wire.records import decodeBatch, decodeProperties
from txrocketmq.errors import (
    BrokerError,
    InvalidMessage,
    MalformedAnswer,
    SystemBusy,
    WeakAck,
)
from txrocketmq.message import (
    Message,
    MessageQueue,
    Persisted,
    RequiredAck,
    SendResult,
    SendStatus,
)
from txrocketmq.settings import ProducerSettings

QUEUE = MessageQueue("T", "broker-a", 3)


def envelopeOf(namespace: str | None = None, **settings: Any) -> Envelope:
    """
    An envelope whose ids are C{ID000}, C{ID001} and so on, at time 1000.
    """
    ids = count()
    return Envelope(
        "group",
        namespace,
        False,
        SerializeType.JSON,
        ProducerSettings(**settings),
        lambda: f"ID{next(ids):03}",
        lambda: 1000,
        lambda many: [f"ID{next(ids):03}" for _ in range(many)],
    )


def headerOf(outgoing: Outgoing) -> SendMessageRequestHeader:
    """
    The header of a request for L{QUEUE}.
    """
    return SendMessageRequestHeader.fromV2ExtFields(
        outgoing.command(QUEUE, "broker-a").extFields
    )


class SingleTests(TestCase):
    """
    One message.
    """

    def test_header(self) -> None:
        """
        Everything Java's sends say, for the queue that is asked.
        """
        outgoing = assemble(envelopeOf(), Message("T", b"x", flag=7), None)
        command = outgoing.command(QUEUE, "broker-a")
        self.assertEqual(command.code, RequestCode.SEND_MESSAGE_V2)
        self.assertEqual(command.body, b"x")
        header = headerOf(outgoing)
        self.assertEqual(
            header,
            SendMessageRequestHeader(
                producerGroup="group",
                topic="T",
                defaultTopic="TBW102",
                defaultTopicQueueNums=4,
                queueId=3,
                sysFlag=0,
                bornTimestamp=1000,
                flag=7,
                properties=header.properties,
                reconsumeTimes=0,
                unitMode=False,
                batch=False,
                brokerName="broker-a",
            ),
        )

    def test_properties(self) -> None:
        """
        Tags, keys, delays and the user's own, beside the id.
        """
        message = Message(
            "T",
            b"x",
            tags="tag",
            keys=["one", "two"],
            properties={"own": "é"},
            delayTimeLevel=3,
            waitStoreMsgOK=False,
            shardingKey="order-7",
        )
        properties = headerOf(assemble(envelopeOf(), message, None)).properties
        self.assertEqual(
            decodeProperties(properties or ""),
            {
                "UNIQ_KEY": "ID000",
                "WAIT": "false",
                "TAGS": "tag",
                "KEYS": "one two",
                "own": "é",
                "DELAY": "3",
                "__SHARDINGKEY": "order-7",
            },
        )

    def test_timers(self) -> None:
        """
        A time from now and a point in time, in the broker's milliseconds.
        """
        for fields, expected in (
            ({"deliverAfter": 2.5}, {"TIMER_DELAY_MS": "2500"}),
            ({"deliverAt": 1_800_000_000.5}, {"TIMER_DELIVER_MS": "1800000000500"}),
        ):
            message = Message("T", b"x", **fields)  # type: ignore[arg-type]
            outgoing = assemble(envelopeOf(), message, None)
            properties = decodeProperties(outgoing.properties)
            self.assertEqual(expected.items() & properties.items(), expected.items())

    def test_eachSendHasItsOwnId(self) -> None:
        """
        The same message sent twice is two messages; a resend is not.
        """
        envelope, message = envelopeOf(), Message("T", b"x")
        ids = [assemble(envelope, message, None).msgId for _ in range(2)]
        self.assertEqual(ids, ["ID000", "ID001"])
        self.assertEqual(assemble(envelope, message, "ID000").msgId, "ID000")
        for wrong in ("", "a b", 7, "ä", "x\1"):
            self.assertRaises(InvalidMessage, assemble, envelope, message, wrong)

    def test_compression(self) -> None:
        """
        From the threshold on, and the flag says how.
        """
        envelope = envelopeOf(compressMsgBodyOverHowmuch=100)
        plain = assemble(envelope, Message("T", b"x" * 99), None)
        self.assertEqual((plain.sysFlag, plain.body), (0, b"x" * 99))
        packed = assemble(envelope, Message("T", b"x" * 100), None)
        self.assertEqual(packed.sysFlag, 0x301)
        self.assertEqual(packed.body, zlib.compress(b"x" * 100, 5))
        self.assertEqual(packed.size, 100)

    def test_compressionThatGrows(self) -> None:
        """
        A body that would outgrow the limit by compression is sent as it is;
        one that only grows is compressed, as Java does.
        """
        body = bytes(range(256))
        for limit, sysFlag in ((256, 0), (1000, 0x301)):
            envelope = envelopeOf(compressMsgBodyOverHowmuch=1, maxMessageSize=limit)
            outgoing = assemble(envelope, Message("T", body), None)
            self.assertEqual(outgoing.sysFlag, sysFlag)
            self.assertEqual(outgoing.body == body, not sysFlag)

    def test_namespace(self) -> None:
        """
        The wire's topic has the prefix, the user's has not.
        """
        outgoing = assemble(envelopeOf("ns"), Message("T", b"x"), None)
        self.assertEqual((outgoing.topic, outgoing.wireTopic), ("T", "ns%T"))
        self.assertEqual(headerOf(outgoing).topic, "ns%T")
        self.assertEqual(decodeProperties(outgoing.properties)["INSTANCE_ID"], "ns")

    def test_retryTopics(self) -> None:
        """
        Their messages say how often they were tried, in the header too.
        """
        counts = {"RECONSUME_TIME": "3", "MAX_RECONSUME_TIMES": "16"}
        message = Message("%RETRY%g", b"x", properties=counts)
        outgoing = assemble(envelopeOf(), message, None)
        header = headerOf(outgoing)
        self.assertEqual((header.reconsumeTimes, header.maxReconsumeTimes), (3, 16))
        properties = decodeProperties(header.properties or "")
        self.assertEqual(counts.items() & properties.items(), counts.items())
        plain = assemble(envelopeOf(), Message("%RETRY%g", b"x"), None)
        self.assertEqual(headerOf(plain).maxReconsumeTimes, None)
        for topic, value in (("T", "3"), ("%RETRY%g", "three"), ("%RETRY%g", "-1")):
            message = Message(topic, b"x", properties={"RECONSUME_TIME": value})
            self.assertRaises(InvalidMessage, assemble, envelopeOf(), message, None)

    def test_propertiesThatAreTooLong(self) -> None:
        """
        They are refused here, not by the broker.
        """
        message = Message("T", b"x", properties={"a": "é" * 20_000})
        error = self.assertRaises(InvalidMessage, assemble, envelopeOf(), message, None)
        self.assertIn("32767", str(error))

    def test_notAMessage(self) -> None:
        """
        Anything but a message is refused as one.
        """
        for wrong in (None, "text", {"topic": "T"}):
            self.assertRaises(InvalidMessage, assemble, envelopeOf(), wrong, None)


def stored(**fields: str) -> RemotingCommand:
    """
    The answer that a message is stored.
    """
    return RemotingCommand(
        0, {"msgId": "OFFSET", "queueId": "3", "queueOffset": "42", **fields}
    )


class ResultTests(TestCase):
    """
    What answers mean.
    """

    def result(self, answer: RemotingCommand, **settings: Any) -> SendResult:
        """
        The result of an answer.
        """
        outgoing = assemble(envelopeOf(**settings), Message("T", b"x"), None)
        return outgoing.result(answer, QUEUE, "b:1", (), 1)

    def test_stored(self) -> None:
        """
        All that the answer says is in the result.
        """
        answer = stored(
            transactionId="TX", MSG_REGION="r", TRACE_ON="false", recallHandle="h"
        )
        expected = SendResult(
            SendStatus.SEND_OK,
            "ID000",
            "OFFSET",
            QUEUE,
            42,
            "TX",
            "r",
            False,
            "h",
            (),
            1,
        )
        self.assertEqual(self.result(answer), expected)
        plain = self.result(stored())
        self.assertEqual((plain.regionId, plain.traceOn), ("DefaultRegion", True))

    def test_weakStatuses(self) -> None:
        """
        They are results, unless more is required.
        """
        for code, weakFor in (
            (10, {RequiredAck.FLUSHED, RequiredAck.REPLICATED}),
            (11, {RequiredAck.REPLICATED}),
            (12, {RequiredAck.REPLICATED}),
        ):
            answer = RemotingCommand(code, stored().extFields)
            for required in RequiredAck:
                if required in weakFor:
                    error = self.assertRaises(
                        WeakAck, self.result, answer, requiredAck=required
                    )
                    self.assertIs(error.persisted, Persisted.YES)
                else:
                    result = self.result(answer, requiredAck=required)
                    self.assertEqual(result.sendStatus.value, code)

    def test_refusals(self) -> None:
        """
        Any other code is the broker's error.
        """
        self.assertRaises(SystemBusy, self.result, RemotingCommand(2))
        error = self.assertRaises(BrokerError, self.result, RemotingCommand(-1))
        self.assertEqual(error.code, -1)

    def test_unreadableSuccess(self) -> None:
        """
        A success that does not say where is stored all the same.
        """
        for fields in (
            {},
            {"msgId": "OFFSET", "queueId": "3"},
            {"queueId": "3", "queueOffset": "1"},
            {"msgId": "OFFSET", "queueId": "-1", "queueOffset": "1"},
            {"msgId": "OFFSET", "queueId": "3", "queueOffset": "1_0"},
            {"msgId": "OFFSET", "queueId": "٣", "queueOffset": "1"},
        ):
            error = self.assertRaises(
                MalformedAnswer, self.result, RemotingCommand(0, fields)
            )
            self.assertIs(error.persisted, Persisted.YES)


class BatchTests(TestCase):
    """
    Several messages at once.
    """

    def test_request(self) -> None:
        """
        One request, each message under its own id, none compressed.
        """
        envelope = envelopeOf("ns", compressMsgBodyOverHowmuch=1)
        messages = [Message("T", b"one", tags="t", flag=5), Message("T", b"two")]
        outgoing = assembleBatch(envelope, messages)
        command = outgoing.command(QUEUE, "broker-a")
        self.assertEqual(command.code, RequestCode.SEND_BATCH_MESSAGE)
        header = headerOf(outgoing)
        self.assertEqual(
            (header.batch, header.sysFlag, header.topic), (True, 0, "ns%T")
        )
        self.assertEqual(
            decodeProperties(header.properties or ""),
            {"WAIT": "true", "INSTANCE_ID": "ns"},
        )
        one, two = decodeBatch(command.body)
        self.assertEqual((one.body, one.flag, two.body), (b"one", 5, b"two"))
        self.assertEqual(
            decodeProperties(one.properties),
            {"UNIQ_KEY": "ID000", "WAIT": "true", "TAGS": "t"},
        )
        self.assertEqual(outgoing.memberIds, ("ID000", "ID001"))

    def test_refused(self) -> None:
        """
        What cannot leave together says which message it is.
        """
        good = Message("T", b"x")
        for messages, part in (
            ([], "at least one"),
            (good, "list"),
            ("text", "list"),
            ([good, None], "NoneType"),
            ([good, Message("U", b"x")], "message 1 of the batch has topic 'U'"),
            ([good, Message("T", b"x", waitStoreMsgOK=False)], "waitStoreMsgOK"),
            ([good, Message("T", b"x", delayTimeLevel=1)], "delayed"),
            ([Message("%RETRY%g", b"x")], "retry topic"),
            ([good, Message("T", b"")], "message 1 of the batch: body is empty"),
            ([Message("a b", b"x")], "illegal characters"),
        ):
            error = self.assertRaises(
                InvalidMessage, assembleBatch, envelopeOf(), messages
            )
            self.assertIn(part, str(error))

    def test_tooLarge(self) -> None:
        """
        The limit holds for all of it together.
        """
        messages = [Message("T", bytes(600))] * 2
        error = self.assertRaises(
            InvalidMessage, assembleBatch, envelopeOf(maxMessageSize=1000), messages
        )
        self.assertIn("in parts", str(error))

    def test_oneResultEach(self) -> None:
        """
        Each message has its own ids and its own place in the queue.
        """
        outgoing = assembleBatch(envelopeOf(), [Message("T", b"x")] * 3)
        answer = stored(msgId="A,B,C")
        results = splitResult(outgoing, outgoing.result(answer, QUEUE, "b:1", (), 0))
        self.assertEqual(
            [(r.msgId, r.offsetMsgId, r.queueOffset) for r in results],
            [("ID000", "A", 42), ("ID001", "B", 43), ("ID002", "C", 44)],
        )

    def test_oneRecord(self) -> None:
        """
        A broker that stores a batch as one record names one id for all.
        """
        outgoing = assembleBatch(envelopeOf(), [Message("T", b"x")] * 2)
        results = splitResult(outgoing, outgoing.result(stored(), QUEUE, "b:1", (), 0))
        self.assertEqual([r.offsetMsgId for r in results], ["OFFSET", "OFFSET"])


class FrameTests(TestCase):
    """
    What is written.
    """

    def test_sameAsTheCommand(self) -> None:
        """
        A frame is its command's, whatever the message and the serialisation.
        """
        binary = attrs.evolve(envelopeOf(), serializeType=SerializeType.ROCKETMQ)
        long = envelopeOf(compressMsgBodyOverHowmuch=1)
        retry = Message("%RETRY%g", b"x", properties={"RECONSUME_TIME": "3"})
        for outgoing in (
            assemble(envelopeOf("ns"), Message("T", b"x", tags="\u00e4"), None),
            assemble(envelopeOf(), Message("T", b"x", flag=7), None),
            assemble(long, Message("T", bytes(99)), None),
            assemble(envelopeOf(), retry, None),
            assemble(binary, Message("T", b"x"), None),
            assembleBatch(envelopeOf(), [Message("T", b"x")]),
        ):
            command = replace(outgoing.command(QUEUE, "b"), opaque=9)
            self.assertEqual(outgoing.frame(9, QUEUE, "b"), encodeFrame(command))


class HeadingTests(TestCase):
    """
    What is kept for a topic.
    """

    def test_madeOnce(self) -> None:
        """
        All messages to a topic share it, and no message changes it.
        """
        envelope = envelopeOf("ns")
        first = assemble(envelope, Message("T", b"x", flag=7), None)
        first.command(QUEUE, "broker-a")
        second = assemble(envelope, Message("T", b"x"), None)
        self.assertIs(second.heading, first.heading)
        self.assertEqual(headerOf(second).flag, 0)
        self.assertEqual(headerOf(second).topic, "ns%T")

    def test_bounded(self) -> None:
        """
        However many topics there are, not all are kept.
        """
        envelope = envelopeOf()
        for number in range(MOST_HEADINGS + 1):
            envelope.heading(f"T{number}")
        again = envelope.heading("T0")
        self.assertEqual(again.topic, "T0")
        self.assertLess(len(envelope._headings), MOST_HEADINGS)

    def test_illegalTopics(self) -> None:
        """
        Nothing is kept for what is no topic, of whatever type.
        """
        envelope = envelopeOf()
        for topic in ("a b", ["T"], None):
            for _ in range(2):
                self.assertRaises(InvalidMessage, envelope.heading, topic)
        self.assertEqual(envelope._headings, {})
