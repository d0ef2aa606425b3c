"""
Messages that are delivered later.  Follows Java's C{HookUtils},
C{ScheduleMessageService} and C{TimerMessageStore}.

A delayed message lies in a topic of the broker's own until it is due; then a
copy of it is stored where it was sent to.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

from txrocketmq._wire.codes import ResponseCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.extfields import parseInt64
from txrocketmq._wire.headers import RecallMessageRequestHeader, fromExtFields
from txrocketmq._wire.records import MessageConst

from .answers import UNSET_REMARK, Peer, Refused, number
from .settings import delaysOf
from .state import BrokerState
from .store import Draft, StoredMessage, draftOf
from .topics import RETRY_PREFIX, SCHEDULE_TOPIC, TIMER_TOPIC

_PRECISION = 1000
_TIMER_PROPERTIES = (
    MessageConst.TIMER_DELAY_SEC,
    MessageConst.TIMER_DELAY_MS,
    MessageConst.TIMER_DELIVER_MS,
)


class Deliveries:
    """
    The way into the store for messages that may ask for a delay.
    """

    def __init__(self, state: BrokerState) -> None:
        self._state = state
        self._levels = delaysOf(state.settings.messageDelayLevel)
        self._recalled: set[tuple[str, str]] = set()

    def put(self, draft: Draft) -> StoredMessage:
        """
        Store a message where it belongs now, and see that it moves on later.

        @raise Refused: The time of delivery it asks for is none, or too late.
        """
        properties = draft.properties
        level = number(properties.get(MessageConst.DELAY, "0"))
        if level > 0:
            for name in _TIMER_PROPERTIES:
                properties.pop(name, None)
            return self._putLevel(draft, min(level, len(self._levels)))
        if MessageConst.TIMER_OUT_MS not in properties and any(
            name in properties for name in _TIMER_PROPERTIES
        ):
            return self._putTimer(draft)
        return self._state.store.append(draft)

    def _putLevel(self, draft: Draft, level: int) -> StoredMessage:
        """
        Store a message with a delay level.
        """
        _sideline(draft, SCHEDULE_TOPIC, level - 1)
        stored = self._state.store.append(draft)
        self._state.timetable.after(
            self._levels[level - 1], lambda: self._deliver(draftOf(stored))
        )
        return stored

    def _putTimer(self, draft: Draft) -> StoredMessage:
        """
        Store a message with a time of delivery.
        """
        due = self._due(draft.properties)
        now = self._state.millis()
        if due <= now:
            return self._state.store.append(draft)
        if due - now > self._state.settings.timerMaxDelaySec * 1000:
            raise self._illegal()
        due = (due - 1) // _PRECISION * _PRECISION
        draft.properties[MessageConst.TIMER_OUT_MS] = str(due)
        _sideline(draft, TIMER_TOPIC, 0)
        stored = self._state.store.append(draft)
        self._state.timetable.after(
            max(0, due - now) / 1000, lambda: self._deliverTimer(stored, now)
        )
        return stored

    def _due(self, properties: dict[str, str]) -> int:
        """
        When a message asks to be delivered, in milliseconds since 1970.
        """
        if not self._state.settings.timerWheelEnable:
            raise Refused(
                ResponseCode.SYSTEM_ERROR,
                "accurate timer message is not enabled, timerWheelEnable is false",
            )
        seconds, millis, at = map(properties.get, _TIMER_PROPERTIES)
        try:
            if seconds is not None:
                return self._state.millis() + parseInt64(seconds) * 1000
            if millis is not None:
                return self._state.millis() + parseInt64(millis)
            return parseInt64(at or "")
        except ValueError:
            raise self._illegal() from None

    def _illegal(self) -> Refused:
        """
        The refusal of a time that is none, or too far ahead.
        """
        longest = self._state.settings.timerMaxDelaySec * 1000
        return Refused(
            ResponseCode.MESSAGE_ILLEGAL,
            "timer message illegal, the delay time should not be bigger than the "
            f"max delay {longest}ms; or if set del msg, the delay time should be "
            "bigger than the current time",
        )

    def _deliver(self, draft: Draft) -> None:
        """
        Store a message where it was sent to.
        """
        draft.topic = draft.properties[MessageConst.REAL_TOPIC]
        draft.queueId = int(draft.properties[MessageConst.REAL_QID])
        if self._state.topics.get(draft.topic) is not None:
            self._state.store.append(draft)

    def _deliverTimer(self, stored: StoredMessage, enqueued: int) -> None:
        """
        Store a message where it was sent to, unless it was recalled.
        """
        draft = draftOf(stored)
        properties = draft.properties
        topic = properties[MessageConst.REAL_TOPIC]
        if (topic, properties.get(MessageConst.UNIQ_KEY, "")) not in self._recalled:
            properties[MessageConst.TIMER_ENQUEUE_MS] = str(enqueued)
            properties[MessageConst.TIMER_DEQUEUE_MS] = str(self._state.millis())
            self._deliver(draft)

    def recallHandle(self, stored: StoredMessage) -> str | None:
        """
        What a message can be taken back with; L{None} if it cannot be.
        """
        properties = stored.properties
        due = properties.get(MessageConst.TIMER_OUT_MS)
        topic = properties.get(MessageConst.REAL_TOPIC)
        if due is None or topic is None or topic.startswith(RETRY_PREFIX):
            return None
        words = (
            "v1",
            topic,
            self._state.brokerName,
            str(number(due) + 1),
            properties.get(MessageConst.UNIQ_KEY, ""),
        )
        return urlsafe_b64encode(" ".join(words).encode()).decode()

    def recall(self, command: RemotingCommand, peer: Peer) -> RemotingCommand:
        """
        Answer RECALL_MESSAGE.  Follows Java's C{RecallMessageProcessor}.
        """
        header = fromExtFields(RecallMessageRequestHeader, command.extFields)
        if not self._state.settings.recallMessageEnable:
            raise Refused(
                ResponseCode.NO_PERMISSION, "recall failed, operation is forbidden"
            )
        if self._state.topics.get(header.topic) is None:
            raise Refused(
                ResponseCode.TOPIC_NOT_EXIST,
                f"recall failed, the topic[{header.topic}] not exist",
            )
        msgId, left = self._recallable(header)
        key = (header.topic, msgId)
        self._recalled.add(key)
        # Past the time of delivery there is nothing left to hold back.
        self._state.timetable.after(left + 1, lambda: self._recalled.discard(key))
        region = self._state.settings.regionId
        return command.response(0, UNSET_REMARK, {"msgId": msgId, "MSG_REGION": region})

    def _recallable(self, header: RecallMessageRequestHeader) -> tuple[str, float]:
        """
        The unique id in a recall handle that is good for this broker now, and
        for how many seconds it still is.
        """
        topic, brokerName, due, msgId = decodeHandle(header.recallHandle)
        if topic != header.topic:
            raise _tooLate("recall failed, topic not match")
        if brokerName != self._state.brokerName:
            raise _tooLate("recall failed, broker service not available")
        left = number(due, -1) - self._state.millis()
        if not 0 < left < self._state.settings.timerMaxDelaySec * 1000:
            raise _tooLate("recall failed, timestamp invalid")
        return msgId, left / 1000


def decodeHandle(handle: str) -> tuple[str, str, str, str]:
    """
    Read a recall handle: topic, brokerName, time and unique id.

    @raise Refused: It is none.
    """
    try:
        words = urlsafe_b64decode(handle.encode("ascii")).decode().split(" ")
    except ValueError:
        words = []
    if len(words) < 5 or words[0] != "v1":
        raise _tooLate("recall handle is invalid")
    return words[1], words[2], words[3], words[4]


def _tooLate(remark: str) -> Refused:
    """
    The refusal of a recall that cannot be.
    """
    return Refused(ResponseCode.ILLEGAL_OPERATION, remark)


def _sideline(draft: Draft, topic: str, queueId: int) -> None:
    """
    Send a message to a topic of the broker's own, with its real one noted.
    """
    draft.properties[MessageConst.REAL_TOPIC] = draft.topic
    draft.properties[MessageConst.REAL_QID] = str(draft.queueId)
    draft.topic = topic
    draft.queueId = queueId
