"""
Making, changing and showing topics.  Follows Java's C{AdminBrokerProcessor}.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from txrocketmq._wire.codes import ResponseCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.headers import (
    CreateTopicRequestHeader,
    DeleteTopicRequestHeader,
    GetTopicConfigRequestHeader,
    fromExtFields,
)

from .answers import UNSET_REMARK, Peer, Refused
from .state import BrokerState
from .topics import TopicConfig, checkTopic, isSystemTopic

_encode = msgspec.json.Encoder().encode


class TopicAdmin:
    """
    Answers what is asked about the topics of one broker.
    """

    def __init__(self, state: BrokerState, deleted: Callable[[str], None]) -> None:
        """
        @param deleted: Called with each topic that is deleted.
        """
        self._state = state
        self._deleted = deleted

    def create(self, command: RemotingCommand, peer: Peer) -> RemotingCommand:
        """
        Answer UPDATE_AND_CREATE_TOPIC.
        """
        header = fromExtFields(CreateTopicRequestHeader, command.extFields)
        checkTopic(header.topic)
        _checkOwner(header.topic)
        self._state.topics.put(
            TopicConfig(
                header.topic,
                header.readQueueNums,
                header.writeQueueNums,
                header.perm,
                header.topicFilterType.name,
                header.topicSysFlag or 0,
                bool(header.order),
                attributesOf(header.attributes),
            )
        )
        return command.response(0, UNSET_REMARK)

    def delete(self, command: RemotingCommand, peer: Peer) -> RemotingCommand:
        """
        Answer DELETE_TOPIC_IN_BROKER.
        """
        topic = fromExtFields(DeleteTopicRequestHeader, command.extFields).topic
        if not topic.strip():
            checkTopic(topic)
        _checkOwner(topic)
        self._state.topics.remove(topic)
        self._deleted(topic)
        return command.response()

    def show(self, command: RemotingCommand, peer: Peer) -> RemotingCommand:
        """
        Answer GET_TOPIC_CONFIG.
        """
        topic = fromExtFields(GetTopicConfigRequestHeader, command.extFields).topic
        config = self._state.topics.get(topic)
        if config is None:
            raise Refused(
                ResponseCode.TOPIC_NOT_EXIST, f"No topic in this broker. topic: {topic}"
            )
        return command.response(body=_encode(config))

    def showAll(self, command: RemotingCommand, peer: Peer) -> RemotingCommand:
        """
        Answer GET_ALL_TOPIC_CONFIG.
        """
        table = dict(self._state.topics.table)
        return command.response(body=_encode({"topicConfigTable": table}))


def attributesOf(text: str | None) -> dict[str, str]:
    """
    Read what a topic's attributes are to be.  Follows Java's
    C{AttributeParser}: C{+name=value} sets one, C{-name} is left out.
    """
    attributes = {}
    for word in (text or "").split(","):
        name, _, value = word.partition("=")
        if name.startswith("+") and value:
            attributes[name[1:]] = value
    return attributes


def _checkOwner(topic: str) -> None:
    """
    Leave the broker's own topics alone.

    @raise Refused: It is one of them.
    """
    if isSystemTopic(topic):
        raise Refused(
            ResponseCode.INVALID_PARAMETER,
            f"The topic[{topic}] is conflict with system topic.",
        )
