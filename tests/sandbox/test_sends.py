"""
Tests of what becomes of a sent message.
"""

from __future__ import annotations

from typing import Any
from zlib import crc32

from txrocketmq._wire.codes import PermName, RequestCode, ResponseCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.headers import SendMessageRequestHeader
from txrocketmq._wire.ids import decodeOffsetId
from txrocketmq._wire.records import BatchRecord, encodeBatch, encodeProperties

from .support import NOW, BrokerTestCase, sendFields


class AnswerTests(BrokerTestCase):
    """
    A message that is taken.
    """

    def test_success(self) -> None:
        """
        The answer says where the message is, and no more than Apache's says.
        """
        self.topic("T")
        answer = self.send("T", queueId=2)
        self.assertEqual(answer.code, ResponseCode.SUCCESS)
        self.assertIsNone(answer.remark)
        msgId = answer.extFields.pop("msgId")
        self.assertEqual(decodeOffsetId(msgId), ("127.0.0.1", 10911, 0))
        self.assertEqual(
            answer.extFields,
            {
                "queueId": "2",
                "queueOffset": "0",
                "transactionId": "K1",
                "MSG_REGION": "DefaultRegion",
                "TRACE_ON": "true",
            },
        )

    def test_stored(self) -> None:
        """
        What is stored is what was sent, with what the broker adds.
        """
        self.topic("T")
        self.clock.advance(2)
        self.send(
            "T",
            b"body",
            {"UNIQ_KEY": "K", "TAGS": "a", "WAIT": "true", "POP_CK": "x"},
            flag=7,
            reconsumeTimes=3,
        )
        (message,) = self.stored("T")
        self.assertEqual(message.body, b"body")
        self.assertEqual(message.bodyCRC, crc32(b"body") & 0x7FFFFFFF)
        self.assertEqual(message.flag, 7)
        self.assertEqual(message.reconsumeTimes, 3)
        self.assertEqual(message.bornTimestamp, NOW * 1000)
        self.assertEqual(message.storeTimestamp, (NOW + 2) * 1000)
        self.assertEqual(message.bornHost, self.client.address)
        self.assertEqual(message.storeHost, "127.0.0.1:10911")
        self.assertEqual(
            message.properties,
            {
                "UNIQ_KEY": "K",
                "TAGS": "a",
                "WAIT": "true",
                "MSG_REGION": "DefaultRegion",
                "TRACE_ON": "true",
                "CLUSTER": "DefaultCluster",
            },
        )

    def test_offsetsCount(self) -> None:
        """
        Each queue counts its own messages; positions in the log are the
        broker's, and apart by the size of a record.
        """
        self.topic("T")
        answers = [self.send("T", queueId=q) for q in (0, 0, 1)]
        self.assertEqual([a.extFields["queueOffset"] for a in answers], ["0", "1", "0"])
        places = [decodeOffsetId(a.extFields["msgId"])[2] for a in answers]
        self.assertEqual(places[2] - places[1], places[1] - places[0])
        self.assertGreater(places[1], 91)

    def test_longNames(self) -> None:
        """
        SEND_MESSAGE says the same in long words.
        """
        self.topic("T")
        short = sendFields("T", properties="TAGS\x01a\x02")
        header = SendMessageRequestHeader.fromV2ExtFields(short)
        answer = self.ask(RequestCode.SEND_MESSAGE, header.toV1ExtFields(), b"x")
        self.assertEqual(answer.code, 0)
        self.assertEqual(self.stored("T")[0].properties["TAGS"], "a")

    def test_withoutUniqueId(self) -> None:
        """
        A message without an id of its own is given one, each another.
        """
        self.topic("T")
        ids = {self.send("T", properties={}).extFields["transactionId"] for _ in "ab"}
        self.assertEqual({len(each) for each in ids}, {32})
        self.assertEqual({m.properties["UNIQ_KEY"] for m in self.stored("T")}, ids)

    def test_anyQueue(self) -> None:
        """
        A queue below zero is one of the broker's choice.
        """
        self.topic("T")
        self.assertEqual(self.send("T", queueId=-1).extFields["queueId"], "2")

    def test_oneway(self) -> None:
        """
        A oneway send is stored as well.
        """
        self.topic("T")
        self.send("T")
        self.assertEqual(len(self.stored("T")), 1)

    def test_multipleTags(self) -> None:
        """
        The messages of a topic with several tags say so.
        """
        self.topic("T", topicFilterType="MULTI_TAG")
        self.send("T")
        self.assertEqual(self.stored("T")[0].sysFlag, 2)

    def test_oddNumbers(self) -> None:
        """
        A number is read if it is one; what is missing or none is a
        SYSTEM_ERROR that names it.
        """
        self.topic("T")
        fields = sendFields("T") | {"j": "007"}
        self.assertEqual(self.ask(310, fields, b"x").code, ResponseCode.SYSTEM_ERROR)
        for name, value in (("e", "x"), ("g", ""), ("h", str(2**31))):
            answer = self.ask(310, sendFields("T") | {name: value}, b"x")
            self.assertEqual(answer.code, ResponseCode.SYSTEM_ERROR)
            long = {"e": "queueId", "g": "bornTimestamp", "h": "flag"}[name]
            self.assertIn(long, answer.remark or "")
        missing = sendFields("T")
        del missing["b"]
        answer = self.ask(310, missing, b"x")
        self.assertIn("topic", answer.remark or "")


class RefusalTests(BrokerTestCase):
    """
    A message that is not taken, with Apache's codes and words.
    """

    def assertRefused(self, topic: str, code: int, remark: str, **fields: Any) -> None:
        """
        Send, and check the refusal.
        """
        answer = self.send(topic, **fields)
        self.assertEqual((answer.code, answer.remark), (code, remark))
        self.assertEqual(
            answer.extFields, {"MSG_REGION": "DefaultRegion", "TRACE_ON": "true"}
        )
        self.assertEqual(self.stored(topic), [])

    def test_names(self) -> None:
        """
        A topic has a name of legal characters that is not too long.
        """
        self.assertRefused(" ", 29, "The specified topic is blank.")
        self.assertRefused(
            "a b",
            29,
            "The specified topic: a b, contains illegal characters, allowing only "
            "^[%|a-zA-Z0-9_-]+$",
        )
        long = "x" * 128
        self.assertRefused(
            long,
            29,
            f"The specified topic: {long}, is longer than topic max length: 127",
        )
        retry = "%RETRY%" + "x" * 249
        self.assertRefused(
            retry,
            29,
            f"The specified topic is DLQ or Retry topic: {retry}, and it's longer "
            "than topic max length: 255",
        )

    def test_longestNames(self) -> None:
        """
        Names may be as long as that.
        """
        for topic in ("x" * 127, "%RETRY%" + "x" * 248):
            self.assertEqual(self.send(topic).code, 0)

    def test_brokersOwn(self) -> None:
        """
        Nobody sends to the topics messages wait in.
        """
        for topic in ("SCHEDULE_TOPIC_XXXX", "RMQ_SYS_TRANS_HALF_TOPIC"):
            self.assertRefused(
                topic, 16, f"Sending message to topic[{topic}] is forbidden."
            )

    def test_unknownTopic(self) -> None:
        """
        An unknown topic is refused when there is no template, or none that may
        be used.
        """
        remark = (
            "topic[Nope] not exist, apply first please!\nSee https://rocketmq.apache."
            "org/docs/bestPractice/06FAQ for further details."
        )
        self.assertRefused("Nope", 17, remark, defaultTopic="NoSuchTemplate")
        self.assertRefused("Nope", 17, remark, defaultTopic="BenchmarkTest")
        self.makeBroker(autoCreateTopicEnable=False)
        self.assertRefused("Nope", 17, remark)

    def test_queueOutOfRange(self) -> None:
        """
        A queue the topic does not have is refused, with all about the topic.
        """
        self.topic("T", 4)
        self.assertRefused(
            "T",
            29,
            "request queueId[4] is illegal, TopicConfig [topicName=T, "
            "readQueueNums=4, writeQueueNums=4, perm=RW-, topicFilterType=SINGLE_TAG, "
            "topicSysFlag=0, order=false, attributes={}] Producer: 127.0.0.1:40000",
            queueId=4,
        )

    def test_tooLarge(self) -> None:
        """
        Bodies and properties have a limit, and what is just at it passes.
        """
        self.makeBroker(maxMessageSize=100)
        self.topic("T")
        remark = (
            "the message is illegal, maybe msg body or properties length not matched. "
            "msg body length limit 100B, msg properties length limit 32KB."
        )
        self.assertRefused("T", 13, remark, body=b"x" * 101)
        self.assertRefused("T", 13, remark, properties={"a": "ä" * 17000})
        self.assertEqual(self.send("T", b"x" * 100).code, 0)
        self.assertEqual(self.send("T", properties={"a": "x" * 32000}).code, 0)

    def test_separatorInside(self) -> None:
        """
        A property that cannot be written down again is refused.
        """
        self.topic("T")
        fields = sendFields("T", properties="a\x01b\x01c\x02")
        self.assertEqual(self.ask(310, fields, b"x").code, 13)

    def test_emptyBody(self) -> None:
        """
        A message without a body is an error of Apache's broker, and of ours.
        """
        self.topic("T")
        answer = self.send("T", b"")
        self.assertEqual(answer.code, ResponseCode.SYSTEM_ERROR)
        self.assertIn("java.lang.NullPointerException", answer.remark or "")

    def test_readOnlyBroker(self) -> None:
        """
        A broker that is read only refuses what is sent to ordered topics, and
        nothing else.
        """
        self.makeBroker(brokerPermission=int(PermName.READ))
        self.topic("T")
        self.topic("O", order=True)
        self.assertEqual(self.send("T").code, 0)
        self.assertRefused(
            "O", 16, "the broker[127.0.0.1] sending message is forbidden"
        )

    def test_topicPermission(self) -> None:
        """
        A topic's own permission is for routes: a send is not checked against it.
        """
        self.topic("T", perm=4)
        self.assertEqual(self.send("T").code, 0)


class CreationTests(BrokerTestCase):
    """
    Topics that are made because somebody sends to them.
    """

    def test_byTemplate(self) -> None:
        """
        It has as many queues as asked for, but no more than the template.
        """
        self.send("Few", defaultTopicQueueNums=2)
        self.send("Many", defaultTopicQueueNums=20)
        self.send("None", defaultTopicQueueNums=-1, queueId=-1)
        table = self.broker.state.topics.table
        self.assertEqual(table["Few"].writeQueueNums, 2)
        self.assertEqual(table["Few"].perm, 6)
        self.assertEqual(table["Many"].readQueueNums, 8)
        self.assertEqual(table["None"].readQueueNums, 0)

    def test_units(self) -> None:
        """
        A topic made by one of several units says so.
        """
        self.send("T", unitMode=True)
        self.send("%RETRY%g", unitMode=True)
        table = self.broker.state.topics.table
        self.assertEqual(table["T"].topicSysFlag, 1)
        self.assertEqual(table["%RETRY%g"].topicSysFlag, 2)

    def test_retryTopic(self) -> None:
        """
        A topic of retries is made without a template.
        """
        self.makeBroker(autoCreateTopicEnable=False)
        self.assertEqual(self.send("%RETRY%g").code, 0)
        self.assertEqual(self.broker.state.topics.table["%RETRY%g"].readQueueNums, 1)


class RetireTests(BrokerTestCase):
    """
    Messages that were consumed too often.
    """

    def test_toTheDeadLetters(self) -> None:
        """
        What was tried more often than its consumer allows is for nobody.
        """
        self.send(
            "%RETRY%g",
            properties={"UNIQ_KEY": "K", "DELAY": "3"},
            reconsumeTimes=4,
            maxReconsumeTimes=3,
        )
        (message,) = self.stored("%DLQ%g")
        self.assertNotIn("DELAY", message.properties)
        self.assertEqual(self.stored("%RETRY%g"), [])

    def test_notYet(self) -> None:
        """
        What may be tried once more is; without a limit that is 16 times, and old
        clients' limits were never heeded.
        """
        self.send("%RETRY%g", reconsumeTimes=3, maxReconsumeTimes=3)
        self.send("%RETRY%g", reconsumeTimes=16)
        fields = sendFields("%RETRY%g", reconsumeTimes=9, maxReconsumeTimes=3)
        self.ask(RequestCode.SEND_MESSAGE_V2, fields, b"x", version=120)
        self.assertEqual(len(self.stored("%RETRY%g")), 3)
        self.send("%RETRY%g", reconsumeTimes=17)
        self.assertEqual(len(self.stored("%DLQ%g")), 1)

    def test_deadLettersAreMessages(self) -> None:
        """
        Who sends to the dead letters sends to the dead letters.
        """
        self.send("%DLQ%g", reconsumeTimes=99)
        self.assertEqual(len(self.stored("%DLQ%g")), 1)


class BatchTests(BrokerTestCase):
    """
    Several messages in one request.
    """

    def sendBatch(
        self, topic: str, body: bytes, properties: str = ""
    ) -> RemotingCommand:
        """
        Send a batch.
        """
        fields = sendFields(topic, batch=True, properties=properties, queueId=1)
        return self.ask(RequestCode.SEND_BATCH_MESSAGE, fields, body)

    def test_members(self) -> None:
        """
        Each member becomes a message with its own body, flag and properties and
        no others; the answer has all their places.
        """
        self.topic("T")
        body = encodeBatch(
            BatchRecord(f"b{n}".encode(), n, encodeProperties({"UNIQ_KEY": f"K{n}"}))
            for n in range(3)
        )
        answer = self.sendBatch("T", body, "UNIQ_KEY\x01B\x02WAIT\x01true\x02")
        self.assertEqual(answer.code, 0)
        stored = self.stored("T")
        self.assertEqual(
            [(m.body, m.flag, m.properties, m.queueOffset) for m in stored],
            [(f"b{n}".encode(), n, {"UNIQ_KEY": f"K{n}"}, n) for n in range(3)],
        )
        self.assertEqual(
            [decodeOffsetId(i)[2] for i in answer.extFields["msgId"].split(",")],
            [m.commitLogOffset for m in stored],
        )
        self.assertEqual(answer.extFields["queueOffset"], "0")
        self.assertEqual(answer.extFields["queueId"], "1")
        self.assertEqual(answer.extFields["transactionId"], "B")

    def test_withoutUniqueId(self) -> None:
        """
        A batch without an id has no transaction's id either: Go's.
        """
        self.topic("T")
        answer = self.sendBatch("T", encodeBatch([BatchRecord(b"x")]))
        self.assertNotIn("transactionId", answer.extFields)

    def test_broken(self) -> None:
        """
        What is no batch, or an empty one, is not stored.
        """
        self.topic("T")
        for body in (b"\0\0\0", b""):
            answer = self.sendBatch("T", body)
            self.assertEqual(answer.code, ResponseCode.SYSTEM_ERROR)
            self.assertIn("BufferUnderflowException", answer.remark or "")

    def test_allOrNothing(self) -> None:
        """
        One member that is too large, and nothing is stored.
        """
        self.makeBroker(maxMessageSize=10)
        self.topic("T")
        body = encodeBatch([BatchRecord(b"x"), BatchRecord(b"x" * 11)])
        self.assertEqual(self.sendBatch("T", body).code, 13)
        self.assertEqual(self.stored("T"), [])

    def test_noRetries(self) -> None:
        """
        Retries do not come as batches.
        """
        answer = self.sendBatch("%RETRY%g", encodeBatch([BatchRecord(b"x")]))
        self.assertEqual(answer.code, 13)
        self.assertEqual(
            answer.remark, "batch request does not support retry group %RETRY%g"
        )
