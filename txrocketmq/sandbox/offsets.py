"""
Where queues begin and end, and how far consumers have come.  Follows Java's
C{ConsumerManageProcessor} and C{AdminBrokerProcessor}.
"""

from __future__ import annotations

from txrocketmq._wire.codes import ResponseCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.headers import (
    BoundaryType,
    GetEarliestMsgStoretimeRequestHeader,
    GetMaxOffsetRequestHeader,
    GetMinOffsetRequestHeader,
    QueryConsumerOffsetRequestHeader,
    SearchOffsetRequestHeader,
    UpdateConsumerOffsetRequestHeader,
    fromExtFields,
)

from .answers import Peer, Refused
from .state import BrokerState


def _offset(command: RemotingCommand, offset: int) -> RemotingCommand:
    """
    The answer that is an offset.
    """
    return command.response(0, None, {"offset": str(offset)})


class QueueOffsets:
    """
    Answers what is asked about queues.
    """

    def __init__(self, state: BrokerState) -> None:
        self._store = state.store

    def max(self, command: RemotingCommand, peer: Peer) -> RemotingCommand:
        """
        Answer GET_MAX_OFFSET: the offset the next message will have.
        """
        header = fromExtFields(GetMaxOffsetRequestHeader, command.extFields)
        return _offset(command, len(self._store.queue(header.topic, header.queueId)))

    def min(self, command: RemotingCommand, peer: Peer) -> RemotingCommand:
        """
        Answer GET_MIN_OFFSET: nothing is ever removed.
        """
        fromExtFields(GetMinOffsetRequestHeader, command.extFields)
        return _offset(command, 0)

    def search(self, command: RemotingCommand, peer: Peer) -> RemotingCommand:
        """
        Answer SEARCH_OFFSET_BY_TIMESTAMP.
        """
        header = fromExtFields(SearchOffsetRequestHeader, command.extFields)
        upper = header.boundaryType is BoundaryType.UPPER
        return _offset(
            command,
            self._store.search(header.topic, header.queueId, header.timestamp, upper),
        )

    def earliest(self, command: RemotingCommand, peer: Peer) -> RemotingCommand:
        """
        Answer GET_EARLIEST_MSG_STORETIME; -1 where there is no message.
        """
        header = fromExtFields(GetEarliestMsgStoretimeRequestHeader, command.extFields)
        queue = self._store.queue(header.topic, header.queueId)
        timestamp = queue[0].storeTimestamp if queue else -1
        return command.response(0, None, {"timestamp": str(timestamp)})


class ConsumerOffsets:
    """
    How far the consumer groups have come.
    """

    def __init__(self, state: BrokerState) -> None:
        self._state = state
        self._offsets: dict[tuple[str, str, int], int] = {}

    def commit(self, group: str, topic: str, queueId: int, offset: int) -> None:
        """
        Note how far a group has come in a queue.
        """
        self._offsets[group, topic, queueId] = offset

    def committed(self, group: str, topic: str, queueId: int) -> int | None:
        """
        How far a group has come in a queue, if it ever said.
        """
        return self._offsets.get((group, topic, queueId))

    def forget(self, topic: str) -> None:
        """
        Forget all about a topic.
        """
        for key in [key for key in self._offsets if key[1] == topic]:
            del self._offsets[key]

    def query(self, command: RemotingCommand, peer: Peer) -> RemotingCommand:
        """
        Answer QUERY_CONSUMER_OFFSET.

        A group that never was here begins with the first message there still
        is, as with Apache's broker while that is the queue's very first.
        """
        header = fromExtFields(QueryConsumerOffsetRequestHeader, command.extFields)
        group, topic, queueId = header.consumerGroup, header.topic, header.queueId
        offset = self.committed(group, topic, queueId)
        if offset is not None and offset >= 0:
            return _offset(command, offset)
        if header.setZeroIfNotFound is False:
            raise Refused(
                ResponseCode.QUERY_NOT_FOUND,
                "Not found, do not set to zero, maybe this group boot first",
            )
        if not self._state.store.queue(topic, queueId):
            raise Refused(
                ResponseCode.QUERY_NOT_FOUND,
                "Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first",
            )
        return _offset(command, 0)

    def update(self, command: RemotingCommand, peer: Peer) -> RemotingCommand:
        """
        Answer UPDATE_CONSUMER_OFFSET.
        """
        header = fromExtFields(UpdateConsumerOffsetRequestHeader, command.extFields)
        if self._state.topics.get(header.topic) is None:
            raise Refused(
                ResponseCode.TOPIC_NOT_EXIST, f"Topic {header.topic} not exist!"
            )
        self.commit(
            header.consumerGroup, header.topic, header.queueId, header.commitOffset
        )
        return command.response()
