"""
The headers of reading: pulls, queries, and where a queue begins and ends.
"""

from __future__ import annotations

from enum import Enum

from .extfields import Header, Int32, Int64, RequestHeader


class BoundaryType(Enum):
    """
    Which of the messages of one millisecond a search by time finds.
    """

    LOWER = 0
    UPPER = 1


class PullMessageRequestHeader(RequestHeader, frozen=True):
    """
    What a consumer asks of one queue.

    @ivar sysFlag: 1 commit the offset, 2 wait for a message, 4 a subscription
        is told, 8 a class filters, 16 a lite pull.
    """

    consumerGroup: str
    topic: str
    queueId: Int32
    queueOffset: Int64
    maxMsgNums: Int32
    sysFlag: Int32
    commitOffset: Int64
    suspendTimeoutMillis: Int64
    subVersion: Int64
    subscription: str | None = None
    expressionType: str | None = None
    maxMsgBytes: Int32 | None = None
    requestSource: Int32 | None = None
    proxyFrowardClientId: str | None = None


class PullMessageResponseHeader(Header, frozen=True):
    """
    Where to go on in the queue; the messages are the body.
    """

    suggestWhichBrokerId: Int64
    nextBeginOffset: Int64
    minOffset: Int64
    maxOffset: Int64
    offsetDelta: Int64 | None = None
    topicSysFlag: Int32 | None = None
    groupSysFlag: Int32 | None = None
    forbiddenType: Int32 | None = None


class QueryMessageRequestHeader(RequestHeader, frozen=True):
    """
    Which messages to look up in the index.

    @ivar indexType: C{K} for a key, C{U} for a unique id, since 5.

    @ivar uniqueKeyQuery: Whether the key is a unique id.
    """

    topic: str
    key: str
    maxNum: Int32
    beginTimestamp: Int64
    endTimestamp: Int64
    indexType: str | None = None
    uniqueKeyQuery: bool | None = None


class QueryMessageResponseHeader(Header, frozen=True):
    """
    How far the index reaches; the messages are the body.
    """

    indexLastUpdateTimestamp: Int64
    indexLastUpdatePhyoffset: Int64


class ViewMessageRequestHeader(RequestHeader, frozen=True):
    """
    Which record of the commit log to show.
    """

    offset: Int64
    topic: str | None = None


class SearchOffsetRequestHeader(RequestHeader, frozen=True):
    """
    Which moment of a queue to find.
    """

    topic: str
    queueId: Int32
    timestamp: Int64
    boundaryType: BoundaryType | None = None


class SearchOffsetResponseHeader(Header, frozen=True):
    """
    The offset at that moment.
    """

    offset: Int64


class GetMaxOffsetRequestHeader(RequestHeader, frozen=True):
    """
    Which queue's end to tell.
    """

    topic: str
    queueId: Int32
    committed: bool | None = None


class GetMaxOffsetResponseHeader(Header, frozen=True):
    """
    The offset the next message will have.
    """

    offset: Int64


class GetMinOffsetRequestHeader(RequestHeader, frozen=True):
    """
    Which queue's begin to tell.
    """

    topic: str
    queueId: Int32


class GetMinOffsetResponseHeader(Header, frozen=True):
    """
    The offset of the oldest message.
    """

    offset: Int64


class GetEarliestMsgStoretimeRequestHeader(RequestHeader, frozen=True):
    """
    Which queue's oldest message to tell the time of.
    """

    topic: str
    queueId: Int32


class GetEarliestMsgStoretimeResponseHeader(Header, frozen=True):
    """
    When it was stored, in milliseconds since 1970; -1 for no message.
    """

    timestamp: Int64


class QueryConsumerOffsetRequestHeader(RequestHeader, frozen=True):
    """
    Whose place in a queue to tell.
    """

    consumerGroup: str
    topic: str
    queueId: Int32
    setZeroIfNotFound: bool | None = None


class QueryConsumerOffsetResponseHeader(Header, frozen=True):
    """
    The place of a consumer group in a queue.
    """

    offset: Int64


class UpdateConsumerOffsetRequestHeader(RequestHeader, frozen=True):
    """
    What a consumer group has got through.
    """

    consumerGroup: str
    topic: str
    queueId: Int32
    commitOffset: Int64
