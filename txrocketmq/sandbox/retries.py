"""
Messages a consumer could not deal with.  Follows Java's
C{AbstractSendMessageProcessor.consumerSendMsgBack}.
"""

from __future__ import annotations

from txrocketmq._wire.codes import ResponseCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.headers import ConsumerSendMsgBackRequestHeader, fromExtFields
from txrocketmq._wire.records import MessageConst

from .answers import Peer, Refused
from .delays import Deliveries
from .groups import Groups
from .state import BrokerState
from .store import Draft, StoredMessage, draftOf
from .topics import DLQ_PREFIX, RETRY_PREFIX

MOST_RETRIES = 16
_FIRST_LEVEL = 3


class Retries:
    """
    Answers CONSUMER_SEND_MSG_BACK.
    """

    def __init__(
        self, state: BrokerState, groups: Groups, deliveries: Deliveries
    ) -> None:
        self._state = state
        self._groups = groups
        self._deliveries = deliveries

    def sendBack(self, command: RemotingCommand, peer: Peer) -> RemotingCommand:
        """
        Deliver a message again later, or to the dead letters.
        """
        header = fromExtFields(ConsumerSendMsgBackRequestHeader, command.extFields)
        self._groups.checkGroup(header.group)
        message = self._state.store.at(header.offset)
        if message is None:
            raise Refused(
                ResponseCode.SYSTEM_ERROR,
                f"look message by offset failed, {header.offset}",
            )
        self._deliveries.put(self._again(message, header))
        return command.response()

    def _again(
        self, message: StoredMessage, header: ConsumerSendMsgBackRequestHeader
    ) -> Draft:
        """
        The message as it comes back.
        """
        draft = draftOf(message)
        properties = draft.properties
        properties.setdefault(MessageConst.RETRY_TOPIC, message.topic)
        properties.setdefault(MessageConst.ORIGIN_MESSAGE_ID, message.msgId)
        properties.pop(MessageConst.DELAY, None)
        most = header.maxReconsumeTimes
        prefix = RETRY_PREFIX
        if header.delayLevel < 0 or message.reconsumeTimes >= (
            MOST_RETRIES if most is None else most
        ):
            prefix = DLQ_PREFIX
        else:
            level = header.delayLevel or _FIRST_LEVEL + message.reconsumeTimes
            properties[MessageConst.DELAY] = str(level)
        draft.topic = self._state.topics.ensure(prefix + header.group, 1).topicName
        draft.queueId = 0
        draft.reconsumeTimes += 1
        return draft
