"""
Tests of replies, and of messages that are sent back.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed

from txrocketmq._wire.bodies import HeartbeatData, ProducerData, encodeHeartbeatData
from txrocketmq._wire.codes import RequestCode, ResponseCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.headers import ReplyMessageRequestHeader, fromExtFields
from txrocketmq._wire.ids import decodeOffsetId
from txrocketmq._wire.records import decodeProperties, encodeProperties
from txrocketmq.errors import RemotingTimeout

from .support import NOW, BrokerTestCase, Client, now, sendFields

REPLY_TOPIC = "DefaultCluster_REPLY_TOPIC"


class ReplyTests(BrokerTestCase):
    """
    Answers to request messages.
    """

    def setUp(self) -> None:
        """
        Make known who asked.
        """
        super().setUp()
        self.asker = Client("127.0.0.1:2")
        data = HeartbeatData("asker", (ProducerData("pg"),))
        body = encodeHeartbeatData(data)
        self.ask(RequestCode.HEART_BEAT, body=body, client=self.asker)

    def reply(self, to: str | None = "asker", **fields: Any) -> Any:
        """
        Send a reply, and do not wait.
        """
        properties = {"CORRELATION_ID": "id"}
        if to is not None:
            properties["REPLY_TO_CLIENT"] = to
        extFields = sendFields(
            REPLY_TOPIC, properties=encodeProperties(properties), **fields
        )
        command = RemotingCommand(
            RequestCode.SEND_REPLY_MESSAGE_V2, extFields, b"pong", opaque=1
        )
        return self.broker.respond(command, self.client)

    def test_pushed(self) -> None:
        """
        The one who asked gets it before its sender is answered.
        """
        waiting: Deferred[RemotingCommand] = Deferred()
        self.asker.reply = lambda command: waiting
        answers: list[Any] = []
        self.reply(flag=3, reconsumeTimes=1).addCallback(answers.append)
        (pushed,) = self.asker.asked
        self.assertEqual(pushed.code, RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT)
        self.assertEqual(pushed.body, b"pong")
        header = fromExtFields(ReplyMessageRequestHeader, pushed.extFields)
        self.assertEqual(header.topic, REPLY_TOPIC)
        self.assertEqual(header.flag, 3)
        self.assertEqual(header.bornHost, self.client.address)
        self.assertEqual(header.storeHost, "127.0.0.1:10911")
        self.assertEqual(header.storeTimestamp, NOW * 1000)
        properties = decodeProperties(header.properties or "")
        self.assertEqual(properties["CORRELATION_ID"], "id")
        self.assertEqual(properties["PUSH_REPLY_TIME"], str(int(NOW * 1000)))
        self.assertEqual(answers, [])
        waiting.callback(pushed.response())
        (answer,) = answers
        self.assertEqual((answer.code, answer.remark), (0, None))

    def test_stored(self) -> None:
        """
        It is stored as well, and the answer says where.
        """
        answer = now(self.reply())
        (stored,) = self.stored(REPLY_TOPIC)
        self.assertEqual(stored.body, b"pong")
        self.assertEqual(answer.extFields["queueOffset"], "0")
        self.assertEqual(len(answer.extFields["msgId"]), 32)
        self.assertNotIn("transactionId", answer.extFields)

    def test_notStored(self) -> None:
        """
        A broker may only pass it on.
        """
        self.makeBroker(storeReplyMessageEnable=False)
        answer = now(self.reply())
        self.assertEqual(answer.extFields["msgId"], "0")
        self.assertEqual(self.stored(REPLY_TOPIC), [])

    def test_longNames(self) -> None:
        """
        SEND_REPLY_MESSAGE says the same in long words.
        """
        command = RemotingCommand(
            RequestCode.SEND_REPLY_MESSAGE,
            {
                "producerGroup": "pg",
                "topic": REPLY_TOPIC,
                "defaultTopic": "TBW102",
                "defaultTopicQueueNums": "4",
                "queueId": "0",
                "sysFlag": "0",
                "bornTimestamp": "1",
                "flag": "0",
                "properties": encodeProperties({"REPLY_TO_CLIENT": "asker"}),
            },
            b"pong",
        )
        self.assertEqual(now(self.broker.respond(command, self.client)).code, 0)

    def assertNotPushed(self, remark: str, **fields: Any) -> None:
        """
        Send a reply that does not arrive.
        """
        answer = now(self.reply(**fields))
        self.assertEqual((answer.code, answer.remark), (1, remark))

    def test_notPushed(self) -> None:
        """
        A reply that does not arrive is an error that says why.
        """
        self.assertNotPushed(
            "push reply message fail, channel of <nobody> not found.", to="nobody"
        )
        self.assertNotPushed(
            "reply message properties[REPLY_TO_CLIENT] is null", to=None
        )
        self.asker.reply = lambda command: succeed(command.response(1, "unknown"))
        self.assertNotPushed("push reply message to askerfail.")
        self.asker.reply = lambda command: fail(RemotingTimeout("a:1", "no answer"))
        self.assertNotPushed("push reply message to askerfail.")

    def test_refused(self) -> None:
        """
        What may not be sent may not be replied.
        """
        answer = now(self.reply(queueId=5))
        self.assertEqual(answer.code, ResponseCode.INVALID_PARAMETER)
        self.assertEqual(
            answer.extFields, {"MSG_REGION": "DefaultRegion", "TRACE_ON": "true"}
        )
        self.assertEqual(self.asker.asked, [])


class SendBackTests(BrokerTestCase):
    """
    Messages a consumer could not deal with.
    """

    def setUp(self) -> None:
        """
        Store a message.
        """
        super().setUp()
        self.topic("T")
        sent = self.send("T", b"x", {"UNIQ_KEY": "K", "DELAY": "1"})
        self.assertEqual(sent.code, 0)
        self.clock.advance(1)

    def sendBack(self, message: Any, **fields: Any) -> RemotingCommand:
        """
        Send a message back.
        """
        known = {"offset": message.commitLogOffset, "group": "g", "delayLevel": 0}
        return self.ask(RequestCode.CONSUMER_SEND_MSG_BACK, known | fields)

    def test_again(self) -> None:
        """
        It comes again in the topic of the group's retries, each time later.
        """
        (message,) = self.stored("T")
        self.assertEqual(self.sendBack(message).code, 0)
        self.clock.advance(10)
        (first,) = self.stored("%RETRY%g")
        self.assertEqual(first.body, b"x")
        self.assertEqual(first.reconsumeTimes, 1)
        self.assertEqual(first.properties["RETRY_TOPIC"], "T")
        self.assertEqual(first.properties["ORIGIN_MESSAGE_ID"], "K")
        self.sendBack(first)
        self.clock.advance(29)
        self.assertEqual(len(self.stored("%RETRY%g")), 1)
        self.clock.advance(1)
        second = self.stored("%RETRY%g")[1]
        self.assertEqual(second.reconsumeTimes, 2)
        self.assertEqual(second.properties["RETRY_TOPIC"], "T")

    def test_whenAsked(self) -> None:
        """
        The consumer may say how much later.
        """
        self.sendBack(self.stored("T")[0], delayLevel=1)
        self.clock.advance(1)
        self.assertEqual(len(self.stored("%RETRY%g")), 1)

    def test_deadLetters(self) -> None:
        """
        It goes to the dead letters when the consumer says so, or when it came
        too often.
        """
        (message,) = self.stored("T")
        self.sendBack(message, delayLevel=-1)
        self.sendBack(message, maxReconsumeTimes=0)
        self.assertEqual(len(self.stored("%DLQ%g")), 2)

    def test_unknown(self) -> None:
        """
        It must be there.
        """
        fields = {"offset": 99999, "group": "g", "delayLevel": 0}
        answer = self.ask(RequestCode.CONSUMER_SEND_MSG_BACK, fields)
        self.assertEqual(
            (answer.code, answer.remark), (1, "look message by offset failed, 99999")
        )

    def test_place(self) -> None:
        """
        The place in the log is that of the offset message id.
        """
        sent = self.send("T")
        _, _, place = decodeOffsetId(sent.extFields["msgId"])
        fields = {"offset": place, "group": "g", "delayLevel": 0}
        self.assertEqual(self.ask(RequestCode.CONSUMER_SEND_MSG_BACK, fields).code, 0)
