"""
Tests of messages that are delivered later.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

from txrocketmq._wire.codes import RequestCode, ResponseCode
from txrocketmq._wire.command import RemotingCommand

from .support import NOW, BrokerTestCase

NOW_MILLIS = int(NOW * 1000)


class LevelTests(BrokerTestCase):
    """
    Messages with a delay level.
    """

    def test_deliveredWhenDue(self) -> None:
        """
        It waits in a topic of the broker's, and is then where it was sent to, as
        it was, with a note where it was sent to.
        """
        self.topic("T")
        answer = self.send("T", properties={"UNIQ_KEY": "K", "DELAY": "2"}, queueId=3)
        self.assertEqual(answer.extFields["queueId"], "3")
        self.assertNotIn("recallHandle", answer.extFields)
        (waiting,) = self.stored("SCHEDULE_TOPIC_XXXX")
        self.assertEqual(waiting.queueId, 1)
        self.clock.advance(4.999)
        self.assertEqual(self.stored("T"), [])
        self.clock.advance(0.001)
        (message,) = self.stored("T")
        self.assertEqual((message.queueId, message.queueOffset), (3, 0))
        self.assertEqual(message.storeTimestamp, NOW_MILLIS + 5000)
        self.assertEqual(message.bornTimestamp, NOW_MILLIS)
        self.assertEqual(message.properties["DELAY"], "2")
        self.assertEqual(message.properties["REAL_TOPIC"], "T")
        self.assertEqual(message.properties["REAL_QID"], "3")

    def test_offsetsOfTheWait(self) -> None:
        """
        The answer counts in the queue of the level.
        """
        self.topic("T")
        offsets = [
            self.send("T", properties={"DELAY": level}).extFields["queueOffset"]
            for level in ("1", "1", "2")
        ]
        self.assertEqual(offsets, ["0", "1", "0"])

    def test_highestLevel(self) -> None:
        """
        A level above the highest is the highest.
        """
        self.makeBroker(messageDelayLevel="1s 2m")
        self.topic("T")
        self.send("T", properties={"DELAY": "99"})
        self.clock.advance(119)
        self.assertEqual(self.stored("T"), [])
        self.clock.advance(1)
        self.assertEqual(len(self.stored("T")), 1)

    def test_noLevel(self) -> None:
        """
        What is no level above zero is none.
        """
        self.topic("T")
        for level in ("0", "-1", "soon"):
            self.send("T", properties={"DELAY": level})
        self.assertEqual(len(self.stored("T")), 3)

    def test_levelBeforeTime(self) -> None:
        """
        A level takes the place of a time, and the time is forgotten.
        """
        self.topic("T")
        self.send("T", properties={"DELAY": "1", "TIMER_DELAY_SEC": "60"})
        self.clock.advance(1)
        (message,) = self.stored("T")
        self.assertNotIn("TIMER_DELAY_SEC", message.properties)

    def test_topicDeleted(self) -> None:
        """
        What was sent to a topic that is gone is delivered nowhere.
        """
        self.topic("T")
        self.send("T", properties={"DELAY": "1"})
        self.ask(RequestCode.DELETE_TOPIC_IN_BROKER, {"topic": "T"})
        self.clock.advance(1)
        self.assertEqual(self.stored("T"), [])


class TimerTests(BrokerTestCase):
    """
    Messages with a time of delivery.
    """

    def test_floored(self) -> None:
        """
        It is delivered at the second before the time that was asked for.
        """
        self.topic("T")
        self.send("T", properties={"TIMER_DELIVER_MS": str(NOW_MILLIS + 2500)})
        self.assertEqual(len(self.stored("rmq_sys_wheel_timer")), 1)
        self.clock.advance(1.999)
        self.assertEqual(self.stored("T"), [])
        self.clock.advance(0.001)
        (message,) = self.stored("T")
        self.assertEqual(message.properties["TIMER_OUT_MS"], str(NOW_MILLIS + 2000))
        self.assertEqual(message.properties["TIMER_ENQUEUE_MS"], str(NOW_MILLIS))
        self.assertEqual(message.properties["TIMER_DEQUEUE_MS"], str(NOW_MILLIS + 2000))

    def test_wholeSecond(self) -> None:
        """
        A whole second becomes the one before.
        """
        self.topic("T")
        self.send("T", properties={"TIMER_DELIVER_MS": str(NOW_MILLIS + 3000)})
        self.clock.advance(2)
        self.assertEqual(len(self.stored("T")), 1)

    def test_soon(self) -> None:
        """
        What would be floored into the past is delivered at once, after it was
        answered.
        """
        self.topic("T")
        self.clock.advance(0.5)
        answer = self.send("T", properties={"TIMER_DELAY_MS": "400"})
        self.assertIn("recallHandle", answer.extFields)
        self.assertEqual(self.stored("T"), [])
        self.clock.advance(0)
        self.assertEqual(len(self.stored("T")), 1)

    def test_precedence(self) -> None:
        """
        Seconds come before milliseconds, and both before a point in time.
        """
        self.topic("T")
        late = {"TIMER_DELIVER_MS": str(NOW_MILLIS + 90_000)}
        self.send("T", properties=late | {"TIMER_DELAY_MS": "60000"})
        self.send(
            "T", properties=late | {"TIMER_DELAY_MS": "60000", "TIMER_DELAY_SEC": "30"}
        )
        self.clock.advance(30)
        self.assertEqual(len(self.stored("T")), 1)
        self.clock.advance(30)
        self.assertEqual(len(self.stored("T")), 2)

    def test_past(self) -> None:
        """
        A time in the past is now, and there is nothing to recall.
        """
        self.topic("T")
        answer = self.send("T", properties={"TIMER_DELIVER_MS": str(NOW_MILLIS)})
        self.assertNotIn("recallHandle", answer.extFields)
        self.assertEqual(len(self.stored("T")), 1)

    def test_refused(self) -> None:
        """
        A time too far ahead, or none at all, is refused.
        """
        self.topic("T")
        for properties in (
            {"TIMER_DELAY_SEC": str(3 * 86400 + 1)},
            {"TIMER_DELIVER_MS": "abc"},
        ):
            answer = self.send("T", properties=properties)
            self.assertEqual(answer.code, ResponseCode.MESSAGE_ILLEGAL)
            self.assertIn("max delay 259200000ms", answer.remark or "")

    def test_disabled(self) -> None:
        """
        A broker without the timer says so.
        """
        self.makeBroker(timerWheelEnable=False)
        self.topic("T")
        answer = self.send("T", properties={"TIMER_DELAY_SEC": "5"})
        self.assertEqual(
            (answer.code, answer.remark),
            (1, "accurate timer message is not enabled, timerWheelEnable is false"),
        )


class RecallTests(BrokerTestCase):
    """
    Messages that are taken back.
    """

    def setUp(self) -> None:
        """
        Send one to take back.
        """
        super().setUp()
        self.topic("T")
        self.handle = self.delayed()

    def delayed(self) -> str:
        """
        Send a message for a minute from now.
        """
        properties = {"UNIQ_KEY": "K", "TIMER_DELAY_SEC": "60"}
        return self.send("T", properties=properties).extFields["recallHandle"]

    def recall(self, handle: str, topic: str = "T") -> RemotingCommand:
        """
        Try to take it back.
        """
        fields = {"producerGroup": "pg", "topic": topic, "recallHandle": handle}
        return self.ask(RequestCode.RECALL_MESSAGE, fields)

    def test_handle(self) -> None:
        """
        The handle says which message it is, and until when.
        """
        self.assertEqual(
            urlsafe_b64decode(self.handle).decode(),
            f"v1 T broker-a {NOW_MILLIS + 59_001} K",
        )

    def test_recalled(self) -> None:
        """
        It never arrives; taking it back again is no error.
        """
        for _ in "ab":
            answer = self.recall(self.handle)
            self.assertEqual(answer.code, 0)
            self.assertEqual(answer.remark, "not set any response code")
            self.assertEqual(
                answer.extFields, {"msgId": "K", "MSG_REGION": "DefaultRegion"}
            )
        self.clock.advance(120)
        self.assertEqual(self.stored("T"), [])

    def test_forgotten(self) -> None:
        """
        A recall holds for the message that was recalled, and is then forgotten.
        """
        self.recall(self.handle)
        self.clock.advance(120)
        self.delayed()
        self.clock.advance(60)
        self.assertEqual(len(self.stored("T")), 1)

    def assertRefused(self, answer: RemotingCommand, code: int, remark: str) -> None:
        """
        Check a refusal.
        """
        self.assertEqual((answer.code, answer.remark), (code, remark))

    def test_refused(self) -> None:
        """
        A handle of something else, or of nothing, is refused.
        """
        self.assertRefused(
            self.recall(self.handle, "Other"),
            17,
            "recall failed, the topic[Other] not exist",
        )
        self.topic("Other")
        self.assertRefused(
            self.recall(self.handle, "Other"), 604, "recall failed, topic not match"
        )
        for words in ("v2 T broker-a 1 K", "v1 T broker-a 1", "ü"):
            handle = urlsafe_b64encode(words.encode()).decode()
            self.assertRefused(self.recall(handle), 604, "recall handle is invalid")
        for handle in ("ü", "a"):
            self.assertRefused(self.recall(handle), 604, "recall handle is invalid")
        handle = urlsafe_b64encode(b"v1 T broker-z 1 K").decode()
        self.assertRefused(
            self.recall(handle), 604, "recall failed, broker service not available"
        )
        for due in ("1", "x", str(NOW_MILLIS * 2)):
            handle = urlsafe_b64encode(f"v1 T broker-a {due} K".encode()).decode()
            self.assertRefused(
                self.recall(handle), 604, "recall failed, timestamp invalid"
            )

    def test_tooLate(self) -> None:
        """
        What was delivered cannot be taken back.
        """
        self.clock.advance(60)
        self.assertRefused(
            self.recall(self.handle), 604, "recall failed, timestamp invalid"
        )
        self.assertEqual(len(self.stored("T")), 1)

    def test_disabled(self) -> None:
        """
        A broker may not allow it, as Apache's does not by default.
        """
        self.makeBroker(recallMessageEnable=False)
        self.assertRefused(
            self.recall(self.handle), 16, "recall failed, operation is forbidden"
        )

    def test_retriesHaveNoHandle(self) -> None:
        """
        A retry cannot be taken back.
        """
        answer = self.send("%RETRY%g", properties={"TIMER_DELAY_SEC": "60"})
        self.assertNotIn("recallHandle", answer.extFields)
