"""
Tests of the topics of a broker.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from txrocketmq._wire.codes import RequestCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq.sandbox.settings import BrokerSettings, delaysOf
from txrocketmq.sandbox.topicadmin import attributesOf
from txrocketmq.sandbox.topics import TopicConfig, Topics

from .support import BrokerTestCase


class TableTests(SynchronousTestCase):
    """
    The table of topics.
    """

    def test_builtIn(self) -> None:
        """
        A broker begins with Apache's topics.
        """
        table = Topics(BrokerSettings(), "broker-a").table
        for name, queues, perm in (
            ("TBW102", 8, 7),
            ("DefaultCluster", 16, 7),
            ("broker-a", 1, 7),
            ("BenchmarkTest", 1024, 6),
            ("DefaultCluster_REPLY_TOPIC", 1, 6),
            ("RMQ_SYS_TRACE_TOPIC", 1, 6),
            ("SCHEDULE_TOPIC_XXXX", 18, 6),
        ):
            config = table[name]
            self.assertEqual(config.readQueueNums, queues, name)
            self.assertEqual(config.perm, perm, name)

    def test_notWanted(self) -> None:
        """
        Some are there only if they are wanted.
        """
        settings = BrokerSettings(
            autoCreateTopicEnable=False, traceTopicEnable=False, timerWheelEnable=False
        )
        table = Topics(settings, "broker-a").table
        for name in ("TBW102", "RMQ_SYS_TRACE_TOPIC", "rmq_sys_wheel_timer"):
            self.assertNotIn(name, table)

    def test_changesAreTold(self) -> None:
        """
        New and changed topics are told, others not.
        """
        told: list[TopicConfig] = []
        topics = Topics(BrokerSettings(), "broker-a", told.append)
        config = TopicConfig("T", 4, 4)
        topics.put(config)
        topics.put(TopicConfig("T", 4, 4))
        self.assertEqual(topics.ensure("T", 9), config)
        self.assertEqual(told, [config])
        topics.put(TopicConfig("T", 8, 8))
        topics.ensure("U", 1)
        self.assertEqual([c.topicName for c in told], ["T", "T", "U"])
        topics.remove("T")
        topics.remove("T")
        self.assertEqual(len(told), 3)
        self.assertNotIn("T", topics.table)

    def test_shownAsInJava(self) -> None:
        """
        A topic in a remark looks as Java shows it.
        """
        config = TopicConfig("T", 1, 2, 7, attributes={"a": "1", "b": "2"}, order=True)
        self.assertEqual(
            str(config),
            "TopicConfig [topicName=T, readQueueNums=1, writeQueueNums=2, perm=RWX, "
            "topicFilterType=SINGLE_TAG, topicSysFlag=0, order=true, "
            "attributes={a=1, b=2}]",
        )


class AdminTests(BrokerTestCase):
    """
    Topics that are made, shown and deleted by request.
    """

    def create(self, **fields: Any) -> RemotingCommand:
        """
        Make a topic.
        """
        known = {
            "topic": "T",
            "defaultTopic": "TBW102",
            "readQueueNums": 2,
            "writeQueueNums": 3,
            "perm": 6,
            "topicFilterType": "SINGLE_TAG",
            "topicSysFlag": 0,
            "order": "false",
            "attributes": "",
        }
        return self.ask(RequestCode.UPDATE_AND_CREATE_TOPIC, known | fields)

    def test_create(self) -> None:
        """
        A topic is as it was asked for; a later request changes it.
        """
        answer = self.create(attributes="+message.type=DELAY,-x", order="true")
        self.assertEqual((answer.code, answer.remark), (0, "not set any response code"))
        self.assertEqual(
            self.broker.state.topics.table["T"],
            TopicConfig("T", 2, 3, 6, order=True, attributes={"message.type": "DELAY"}),
        )
        self.create(perm=4, topicFilterType="MULTI_TAG")
        config = self.broker.state.topics.table["T"]
        self.assertEqual((config.perm, config.topicFilterType), (4, "MULTI_TAG"))

    def test_refused(self) -> None:
        """
        Neither illegal names nor those of the broker's own topics are taken.
        """
        self.assertEqual(self.create(topic="a b").code, 29)
        answer = self.create(topic="TBW102")
        self.assertEqual(
            (answer.code, answer.remark),
            (29, "The topic[TBW102] is conflict with system topic."),
        )
        self.assertEqual(self.create(topicFilterType="ODD").code, 1)

    def test_show(self) -> None:
        """
        One topic, or all of them.
        """
        self.create()
        shown = json.loads(self.ask(RequestCode.GET_TOPIC_CONFIG, {"topic": "T"}).body)
        self.assertEqual(shown["writeQueueNums"], 3)
        body = self.ask(RequestCode.GET_ALL_TOPIC_CONFIG).body
        table = json.loads(body)["topicConfigTable"]
        self.assertEqual(table["T"], shown)
        self.assertIn("TBW102", table)
        answer = self.ask(RequestCode.GET_TOPIC_CONFIG, {"topic": "U"})
        self.assertEqual(
            (answer.code, answer.remark), (17, "No topic in this broker. topic: U")
        )

    def test_delete(self) -> None:
        """
        A deleted topic takes its messages along, and no other's.
        """
        self.create()
        self.send("T")
        self.send("U")
        answer = self.ask(RequestCode.DELETE_TOPIC_IN_BROKER, {"topic": "T"})
        self.assertEqual((answer.code, answer.remark), (0, None))
        self.assertEqual(self.stored("T"), [])
        self.assertEqual(len(self.stored("U")), 1)
        for topic in (" ", "TBW102"):
            answer = self.ask(RequestCode.DELETE_TOPIC_IN_BROKER, {"topic": topic})
            self.assertEqual(answer.code, 29)


class SettingsTests(SynchronousTestCase):
    """
    What is said in one text.
    """

    def test_delayLevels(self) -> None:
        """
        Delay levels are times with units.
        """
        self.assertEqual(delaysOf("1s 2m 3h 1d"), (1, 120, 10800, 86400))
        for text in ("", "1", "s", "1s 2x", "-1s"):
            self.assertRaises(ValueError, delaysOf, text)
            self.assertRaises(ValueError, BrokerSettings, messageDelayLevel=text)

    def test_attributes(self) -> None:
        """
        Attributes are set with a plus sign.
        """
        self.assertEqual(attributesOf("+a=1,+b=2,-c,+d"), {"a": "1", "b": "2"})
        self.assertEqual(attributesOf(None), {})

    def test_secretsDoNotShow(self) -> None:
        """
        Settings do not show anybody's secret.
        """
        settings = BrokerSettings(credentials={"ak": "the secret"})
        self.assertNotIn("the secret", repr(settings))
