"""
Tests of pulls.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from txrocketmq._wire.bodies import (
    ConsumerData,
    HeartbeatData,
    SubscriptionData,
    encodeHeartbeatData,
)
from txrocketmq._wire.codes import PermName, RequestCode, ResponseCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.records import decodeStoredMessages

from .support import BrokerTestCase, now


class PullTestCase(BrokerTestCase):
    """
    A topic to pull from.
    """

    def setUp(self) -> None:
        """
        Make the topic.
        """
        super().setUp()
        self.topic("T")

    def pulling(self, **fields: Any) -> Any:
        """
        Pull, and do not wait for the answer.
        """
        known = {
            "consumerGroup": "g",
            "topic": "T",
            "queueId": 0,
            "queueOffset": 0,
            "maxMsgNums": 32,
            "sysFlag": 4,
            "commitOffset": 0,
            "suspendTimeoutMillis": 0,
            "subscription": "*",
            "subVersion": 0,
        }
        given = {name: str(value) for name, value in (known | fields).items()}
        code = int(given.pop("code", RequestCode.PULL_MESSAGE))
        return self.broker.respond(RemotingCommand(code, given, opaque=1), self.client)

    def pull(self, **fields: Any) -> RemotingCommand:
        """
        Pull.
        """
        return now(self.pulling(**fields))

    def bodies(self, answer: RemotingCommand) -> list[bytes]:
        """
        The bodies of the messages in an answer.
        """
        return [message.body for message in decodeStoredMessages(answer.body)]

    def assertPulled(
        self, answer: RemotingCommand, code: int, status: str, following: int
    ) -> None:
        """
        Check an answer's code, status, and where to go on.
        """
        self.assertEqual(
            (answer.code, answer.remark, answer.extFields["nextBeginOffset"]),
            (code, status, str(following)),
        )


class PullTests(PullTestCase):
    """
    What is there now.
    """

    def test_found(self) -> None:
        """
        The messages come whole, with where the queue begins and ends.
        """
        for body in (b"a", b"b", b"c"):
            self.send("T", body)
        answer = self.pull(queueOffset=1)
        self.assertPulled(answer, 0, "FOUND", 3)
        self.assertEqual(self.bodies(answer), [b"b", b"c"])
        self.assertEqual(
            answer.extFields,
            {
                "suggestWhichBrokerId": "0",
                "nextBeginOffset": "3",
                "minOffset": "0",
                "maxOffset": "3",
                "topicSysFlag": "0",
                "groupSysFlag": "0",
            },
        )

    def test_litePull(self) -> None:
        """
        LITE_PULL_MESSAGE is the same.
        """
        self.send("T", b"a")
        answer = self.pull(code=RequestCode.LITE_PULL_MESSAGE)
        self.assertEqual(self.bodies(answer), [b"a"])

    def test_howMany(self) -> None:
        """
        No more than are asked for, and never more than 32.
        """
        for _ in range(40):
            self.send("T")
        self.assertEqual(len(self.bodies(self.pull(maxMsgNums=5))), 5)
        self.assertEqual(len(self.bodies(self.pull(maxMsgNums=100))), 32)

    def test_howLarge(self) -> None:
        """
        About 256 KiB at once, but always one message.
        """
        for size in (300, 100, 100, 100):
            self.send("T", b"x" * size * 1024)
        self.assertEqual(len(self.bodies(self.pull())), 1)
        self.assertEqual(len(self.bodies(self.pull(queueOffset=1))), 2)

    def test_offsets(self) -> None:
        """
        Where there is nothing, the answer says why and where to go on.
        """
        self.assertPulled(self.pull(), 19, "NO_MATCHED_LOGIC_QUEUE", 0)
        self.assertPulled(self.pull(queueOffset=5), 21, "NO_MATCHED_LOGIC_QUEUE", 0)
        self.send("T")
        self.assertPulled(self.pull(queueOffset=1), 19, "OFFSET_OVERFLOW_ONE", 1)
        self.assertPulled(self.pull(queueOffset=9), 21, "OFFSET_OVERFLOW_BADLY", 1)
        self.assertPulled(self.pull(queueOffset=-1), 21, "OFFSET_TOO_SMALL", 0)

    def test_tags(self) -> None:
        """
        A consumer gets what it wants, and is told to go on after the rest.
        """
        for tag in "abcab":
            self.send("T", tag.encode(), {"TAGS": tag})
        self.send("T", b"none")
        answer = self.pull(subscription="a || c")
        self.assertEqual(self.bodies(answer), [b"a", b"c", b"a"])
        self.assertPulled(answer, 0, "FOUND", 6)
        answer = self.pull(subscription="z")
        self.assertPulled(answer, 20, "NO_MATCHED_MESSAGE", 6)
        self.assertEqual(len(self.bodies(self.pull(subscription=" "))), 6)

    def test_manyUnwanted(self) -> None:
        """
        One pull passes over a limited number of messages.
        """
        for _ in range(801):
            self.send("T", properties={"TAGS": "a"})
        self.assertPulled(self.pull(subscription="z"), 20, "NO_MATCHED_MESSAGE", 800)

    def test_commits(self) -> None:
        """
        A pull may say how far its group has come.
        """
        self.send("T")
        self.pull(sysFlag=5, commitOffset=1)
        fields = {"consumerGroup": "g", "topic": "T", "queueId": 0}
        answer = self.ask(RequestCode.QUERY_CONSUMER_OFFSET, fields)
        self.assertEqual(answer.extFields["offset"], "1")


class RefusalTests(PullTestCase):
    """
    Pulls that are not answered with messages.
    """

    def assertRefused(self, code: int, remark: str, **fields: Any) -> None:
        """
        Pull, and check the refusal.
        """
        answer = self.pull(**fields)
        self.assertEqual(answer.code, code)
        self.assertIn(remark, answer.remark or "")

    def test_unknownTopic(self) -> None:
        """
        An unknown topic is not made by a pull.
        """
        self.assertRefused(17, "topic[U] not exist, apply first please!", topic="U")

    def test_noSuchQueue(self) -> None:
        """
        A queue must be one of the topic's.
        """
        remark = (
            "queueId[4] is illegal, topic:[T] topicConfig.readQueueNums:[4] "
            "consumer:[127.0.0.1:40000]"
        )
        self.assertRefused(29, remark, queueId=4)
        self.assertRefused(29, "queueId[-1] is illegal", queueId=-1)

    def test_permissions(self) -> None:
        """
        Broker and topic must be readable.
        """
        self.topic("W", perm=int(PermName.WRITE))
        self.assertRefused(16, "the topic[W] pulling message is forbidden", topic="W")
        self.makeBroker(brokerPermission=int(PermName.WRITE))
        self.topic("T")
        self.assertRefused(16, "the broker[127.0.0.1] pulling message is forbidden")

    def test_unknownGroup(self) -> None:
        """
        A broker may know all groups there are.
        """
        self.makeBroker(autoCreateSubscriptionGroup=False)
        self.topic("T")
        self.assertRefused(26, "subscription group [g] does not exist")

    def test_expressions(self) -> None:
        """
        Only tags are understood, and they must be some.
        """
        self.assertRefused(
            1,
            "The broker does not support consumer to filter message by SQL92",
            expressionType="SQL92",
        )
        self.assertRefused(
            23, "parse the consumer's subscription failed", subscription="||"
        )
        self.assertEqual(self.pull(expressionType="TAG").code, 19)


class SubscriptionTests(PullTestCase):
    """
    Pulls of those who said before what they want.
    """

    def beat(self, subscription: SubscriptionData) -> None:
        """
        Send a heartbeat of a consumer.
        """
        consumer = ConsumerData("g", subscriptionDataSet=(subscription,))
        data = HeartbeatData("c1", consumerDataSet=(consumer,))
        self.ask(RequestCode.HEART_BEAT, body=encodeHeartbeatData(data))

    def test_known(self) -> None:
        """
        They get what they want.
        """
        for tag in "ab":
            self.send("T", tag.encode(), {"TAGS": tag})
        self.beat(SubscriptionData("T", "b"))
        self.assertEqual(self.bodies(self.pull(sysFlag=0, subVersion=9)), [b"b"])

    def test_unknown(self) -> None:
        """
        They must have said it.
        """
        answer = self.pull(sysFlag=0)
        self.assertEqual(answer.code, ResponseCode.SUBSCRIPTION_NOT_EXIST)
        self.assertIn("the consumer's group info not exist", answer.remark or "")
        self.beat(SubscriptionData("Another"))
        answer = self.pull(sysFlag=0)
        self.assertEqual(answer.code, ResponseCode.SUBSCRIPTION_NOT_EXIST)
        self.assertIn("the consumer's subscription not exist", answer.remark or "")

    def test_expression(self) -> None:
        """
        They must want tags.
        """
        self.beat(SubscriptionData("T", "a > 1", expressionType="SQL92"))
        self.assertEqual(self.pull(sysFlag=0).code, ResponseCode.SYSTEM_ERROR)


class WaitingTests(PullTestCase):
    """
    Pulls that wait for messages.
    """

    def waiting(self, **fields: Any) -> list[Any]:
        """
        Pull, and wait.

        @return: Where the answer will be.
        """
        given = {"sysFlag": 6, "suspendTimeoutMillis": 15000}
        answer = self.pulling(**(given | fields))
        assert isinstance(answer, Deferred)
        answers: list[Any] = []
        answer.addCallback(answers.append)
        return answers

    def test_arrived(self) -> None:
        """
        A message in their queue is what they wait for.
        """
        answers = self.waiting()
        self.send("T", queueId=1)
        self.assertEqual(answers, [])
        self.send("T", b"a")
        self.assertEqual(self.bodies(answers[0]), [b"a"])

    def test_severalWait(self) -> None:
        """
        All who wait are answered.
        """
        first, second = self.waiting(), self.waiting(consumerGroup="h")
        self.send("T", b"a")
        for answers in (first, second):
            self.assertEqual(self.bodies(answers[0]), [b"a"])

    def test_unwanted(self) -> None:
        """
        A message they do not want ends the wait all the same.
        """
        answers = self.waiting(subscription="z")
        self.send("T")
        self.assertPulled(answers[0], 20, "NO_MATCHED_MESSAGE", 1)

    def test_delivered(self) -> None:
        """
        So does a delayed message that arrives.
        """
        answers = self.waiting()
        self.send("T", b"later", {"DELAY": "1"})
        self.assertEqual(answers, [])
        self.clock.advance(1)
        self.assertEqual(self.bodies(answers[0]), [b"later"])

    def test_timeOver(self) -> None:
        """
        They wait no longer than they said.
        """
        answers = self.waiting()
        other = self.waiting(suspendTimeoutMillis=20000)
        self.clock.advance(14.9)
        self.assertEqual(answers, [])
        self.clock.advance(0.1)
        self.assertPulled(answers[0], 19, "NO_MATCHED_LOGIC_QUEUE", 0)
        self.clock.advance(5)
        self.assertEqual(len(other), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_offsetMoved(self) -> None:
        """
        A pull that is somewhere else does not wait.
        """
        self.send("T")
        self.assertEqual(self.pull(sysFlag=6, queueOffset=9).code, 21)

    def test_dropped(self) -> None:
        """
        When the broker goes down, nobody is answered.
        """
        answers = self.waiting()
        self.broker._pulls.drop()
        self.assertEqual(answers, [None])
        self.assertEqual(self.broker._pulls.waiting, 0)
        self.clock.advance(20)
