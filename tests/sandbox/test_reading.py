"""
Tests of offsets, and of messages that are looked up.
"""

from __future__ import annotations

from typing import Any

from txrocketmq._wire.codes import RequestCode, ResponseCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.ids import decodeOffsetId
from txrocketmq._wire.records import decodeStoredMessages

from .support import NOW, BrokerTestCase

NOW_MILLIS = int(NOW * 1000)


class QueueTests(BrokerTestCase):
    """
    Where a queue begins and ends.
    """

    def setUp(self) -> None:
        """
        Store three messages, a second apart.
        """
        super().setUp()
        self.topic("T")
        for _ in range(3):
            self.send("T")
            self.clock.advance(1)

    def offset(self, code: int, **fields: Any) -> str:
        """
        Ask for an offset.
        """
        given = {"topic": "T", "queueId": 0} | fields
        answer = self.ask(code, given)
        self.assertEqual((answer.code, answer.remark), (0, None))
        return answer.extFields["offset"]

    def test_ends(self) -> None:
        """
        The end is the next message's offset, the begin is 0; so they are where
        there is nothing.
        """
        self.assertEqual(self.offset(RequestCode.GET_MAX_OFFSET), "3")
        self.assertEqual(self.offset(RequestCode.GET_MAX_OFFSET, queueId=1), "0")
        self.assertEqual(self.offset(RequestCode.GET_MAX_OFFSET, topic="U"), "0")
        self.assertEqual(self.offset(RequestCode.GET_MIN_OFFSET), "0")

    def test_search(self) -> None:
        """
        A time is found from below or from above.
        """
        code = RequestCode.SEARCH_OFFSET_BY_TIMESTAMP
        for seconds, lower, upper in (
            (-1, "0", "0"),
            (0, "0", "0"),
            (0.5, "1", "0"),
            (1, "1", "1"),
            (9, "3", "2"),
        ):
            time = NOW_MILLIS + int(seconds * 1000)
            self.assertEqual(self.offset(code, timestamp=time), lower)
            found = self.offset(code, timestamp=time, boundaryType="UPPER")
            self.assertEqual(found, upper)

    def test_earliest(self) -> None:
        """
        The oldest message's time is told; -1 is for none.
        """
        code = RequestCode.GET_EARLIEST_MSG_STORETIME
        times = [
            self.ask(code, {"topic": "T", "queueId": q}).extFields["timestamp"]
            for q in (0, 1)
        ]
        self.assertEqual(times, [str(NOW_MILLIS), "-1"])


class ConsumerTests(BrokerTestCase):
    """
    How far consumers have come.
    """

    def query(self, **fields: Any) -> RemotingCommand:
        """
        Ask how far a group has come.
        """
        known = {"consumerGroup": "g", "topic": "T", "queueId": 0}
        return self.ask(RequestCode.QUERY_CONSUMER_OFFSET, known | fields)

    def update(self, offset: int, topic: str = "T") -> RemotingCommand:
        """
        Say how far it has come.
        """
        fields = {
            "consumerGroup": "g",
            "topic": topic,
            "queueId": 0,
            "commitOffset": offset,
        }
        return self.ask(RequestCode.UPDATE_CONSUMER_OFFSET, fields)

    def test_committed(self) -> None:
        """
        What was said is remembered, for each group and queue.
        """
        self.topic("T")
        self.assertEqual(self.update(5).code, 0)
        self.assertEqual(self.query().extFields["offset"], "5")
        self.assertEqual(self.query(consumerGroup="h").code, 22)
        self.assertEqual(self.query(queueId=1).code, 22)

    def test_newGroup(self) -> None:
        """
        A new group begins with the first message, if there is one.
        """
        self.topic("T")
        answer = self.query()
        self.assertEqual(answer.code, ResponseCode.QUERY_NOT_FOUND)
        self.assertIn("maybe this group consumer boot first", answer.remark or "")
        self.send("T")
        self.assertEqual(self.query().extFields["offset"], "0")
        answer = self.query(setZeroIfNotFound="false")
        self.assertEqual(answer.code, ResponseCode.QUERY_NOT_FOUND)
        self.assertIn("do not set to zero", answer.remark or "")

    def test_unknownTopic(self) -> None:
        """
        Nobody has come anywhere in an unknown topic.
        """
        answer = self.update(5, "U")
        self.assertEqual((answer.code, answer.remark), (17, "Topic U not exist!"))

    def test_forgotten(self) -> None:
        """
        With a topic, all about it is forgotten.
        """
        self.topic("T")
        self.topic("U")
        self.update(5)
        self.update(6, "U")
        self.ask(RequestCode.DELETE_TOPIC_IN_BROKER, {"topic": "T"})
        self.assertEqual(self.query().code, 22)
        self.assertEqual(self.query(topic="U").extFields["offset"], "6")


class LookUpTests(BrokerTestCase):
    """
    Single messages.
    """

    def setUp(self) -> None:
        """
        Store messages with keys.
        """
        super().setUp()
        self.topic("T")
        for number, keys in enumerate(("a b", "b", "", "X0")):
            properties = {"UNIQ_KEY": f"X{number}"} | ({"KEYS": keys} if keys else {})
            self.send("T", str(number).encode(), properties, queueId=number)
            self.clock.advance(1)

    def query(self, key: str, **fields: Any) -> RemotingCommand:
        """
        Look for a key.
        """
        known = {
            "topic": "T",
            "key": key,
            "maxNum": 10,
            "beginTimestamp": 0,
            "endTimestamp": NOW_MILLIS * 2,
        }
        return self.ask(RequestCode.QUERY_MESSAGE, known | fields)

    def bodies(self, answer: RemotingCommand) -> list[bytes]:
        """
        What was found.
        """
        return [each.body for each in decodeStoredMessages(answer.body)]

    def test_keys(self) -> None:
        """
        A message is found by each of its keys, and by its unique id.
        """
        self.assertEqual(self.bodies(self.query("b")), [b"0", b"1"])
        self.assertEqual(self.bodies(self.query("X2")), [b"2"])
        self.assertEqual(self.bodies(self.query("X0")), [b"0", b"3"])
        self.assertEqual(self.bodies(self.query("X0", indexType="K")), [b"3"])
        self.assertEqual(self.bodies(self.query("X0", indexType="U")), [b"0"])

    def test_limits(self) -> None:
        """
        Time and number are limited.
        """
        since = self.query("b", beginTimestamp=NOW_MILLIS + 1000)
        self.assertEqual(self.bodies(since), [b"1"])
        until = self.query("b", endTimestamp=NOW_MILLIS)
        self.assertEqual(self.bodies(until), [b"0"])
        self.assertEqual(self.bodies(self.query("b", maxNum=1)), [b"0"])
        uniqueKey: dict[str, Any] = {"_UNIQUE_KEY_QUERY": "true", "maxNum": 0}
        self.assertEqual(self.bodies(self.query("X2", **uniqueKey)), [b"2"])

    def test_notFound(self) -> None:
        """
        Nothing is an error, with how far the index reaches all the same.
        """
        for answer in (self.query("z"), self.query("a", maxNum=-1)):
            self.assertEqual(answer.code, ResponseCode.QUERY_NOT_FOUND)
            self.assertEqual(
                set(answer.extFields),
                {"indexLastUpdateTimestamp", "indexLastUpdatePhyoffset"},
            )

    def test_view(self) -> None:
        """
        A message is found by its place in the log, and by no other.
        """
        sent = self.send("T", b"here")
        _, _, place = decodeOffsetId(sent.extFields["msgId"])
        code = RequestCode.VIEW_MESSAGE_BY_ID
        answer = self.ask(code, {"offset": place})
        self.assertEqual(self.bodies(answer), [b"here"])
        answer = self.ask(code, {"offset": place + 1})
        self.assertEqual(answer.code, ResponseCode.SYSTEM_ERROR)
        self.ask(RequestCode.DELETE_TOPIC_IN_BROKER, {"topic": "T"})
        self.assertEqual(self.ask(code, {"offset": place}).code, 1)
