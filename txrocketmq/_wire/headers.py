"""
The typed headers of all requests and responses, under Java's names.

Those of the send path and of reading have modules of their own; all of them
can be had from here, with the two functions that translate them.
"""

from __future__ import annotations

from enum import Enum

from .extfields import Header, Int32, Int64, RequestHeader, fromExtFields, toExtFields
from .malformed import MalformedHeader
from .readheaders import (
    BoundaryType,
    GetEarliestMsgStoretimeRequestHeader,
    GetEarliestMsgStoretimeResponseHeader,
    GetMaxOffsetRequestHeader,
    GetMaxOffsetResponseHeader,
    GetMinOffsetRequestHeader,
    GetMinOffsetResponseHeader,
    PullMessageRequestHeader,
    PullMessageResponseHeader,
    QueryConsumerOffsetRequestHeader,
    QueryConsumerOffsetResponseHeader,
    QueryMessageRequestHeader,
    QueryMessageResponseHeader,
    SearchOffsetRequestHeader,
    SearchOffsetResponseHeader,
    UpdateConsumerOffsetRequestHeader,
    ViewMessageRequestHeader,
)
from .sendheaders import (
    CheckTransactionStateRequestHeader,
    ConsumerSendMsgBackRequestHeader,
    EndTransactionRequestHeader,
    RecallMessageRequestHeader,
    RecallMessageResponseHeader,
    ReplyMessageRequestHeader,
    SendMessageRequestHeader,
    SendMessageResponseHeader,
)

__all__ = [
    "BoundaryType",
    "CheckTransactionStateRequestHeader",
    "ConsumeMessageDirectlyResultRequestHeader",
    "ConsumerSendMsgBackRequestHeader",
    "CreateTopicRequestHeader",
    "DeleteKVConfigRequestHeader",
    "DeleteTopicRequestHeader",
    "EndTransactionRequestHeader",
    "GetConsumerListByGroupRequestHeader",
    "GetConsumerRunningInfoRequestHeader",
    "GetConsumerStatusRequestHeader",
    "GetEarliestMsgStoretimeRequestHeader",
    "GetEarliestMsgStoretimeResponseHeader",
    "GetKVConfigRequestHeader",
    "GetKVConfigResponseHeader",
    "GetMaxOffsetRequestHeader",
    "GetMaxOffsetResponseHeader",
    "GetMinOffsetRequestHeader",
    "GetMinOffsetResponseHeader",
    "GetProducerConnectionListRequestHeader",
    "GetRouteInfoRequestHeader",
    "GetTopicConfigRequestHeader",
    "Header",
    "HeartbeatRequestHeader",
    "MalformedHeader",
    "NotifyConsumerIdsChangedRequestHeader",
    "PullMessageRequestHeader",
    "PullMessageResponseHeader",
    "PutKVConfigRequestHeader",
    "QueryConsumerOffsetRequestHeader",
    "QueryConsumerOffsetResponseHeader",
    "QueryMessageRequestHeader",
    "QueryMessageResponseHeader",
    "RecallMessageRequestHeader",
    "RecallMessageResponseHeader",
    "RegisterBrokerRequestHeader",
    "RegisterBrokerResponseHeader",
    "ReplyMessageRequestHeader",
    "RequestHeader",
    "ResetOffsetRequestHeader",
    "SearchOffsetRequestHeader",
    "SearchOffsetResponseHeader",
    "SendMessageRequestHeader",
    "SendMessageResponseHeader",
    "TopicFilterType",
    "UnregisterBrokerRequestHeader",
    "UnregisterClientRequestHeader",
    "UpdateConsumerOffsetRequestHeader",
    "ViewMessageRequestHeader",
    "fromExtFields",
    "toExtFields",
]


class TopicFilterType(Enum):
    """
    How many tags a message of a topic may have.
    """

    SINGLE_TAG = 0
    MULTI_TAG = 1


class GetRouteInfoRequestHeader(RequestHeader, frozen=True):
    """
    Which topic's route to tell.

    @ivar acceptStandardJsonOnly: Whether the answer must be plain JSON.
    """

    topic: str
    acceptStandardJsonOnly: bool | None = None


class HeartbeatRequestHeader(RequestHeader, frozen=True):
    """
    Nothing: who is alive is told by the body.
    """


class UnregisterClientRequestHeader(RequestHeader, frozen=True):
    """
    Which group of a client is gone.
    """

    clientID: str
    producerGroup: str | None = None
    consumerGroup: str | None = None


class CreateTopicRequestHeader(RequestHeader, frozen=True):
    """
    What a topic shall be like.

    @ivar perm: See L{PermName<txrocketmq._wire.codes.PermName>}.

    @ivar attributes: C{+name=value,...}.  Java sends an empty text; in a
        ROCKETMQ header that would fail authentication.
    """

    topic: str
    defaultTopic: str
    readQueueNums: Int32
    writeQueueNums: Int32
    perm: Int32
    topicFilterType: TopicFilterType = TopicFilterType.SINGLE_TAG
    topicSysFlag: Int32 | None = None
    order: bool | None = False
    attributes: str | None = None
    force: bool | None = None


class GetTopicConfigRequestHeader(RequestHeader, frozen=True):
    """
    Which topic's settings to tell.
    """

    topic: str


class DeleteTopicRequestHeader(RequestHeader, frozen=True):
    """
    Which topic to delete.
    """

    topic: str


class GetConsumerListByGroupRequestHeader(RequestHeader, frozen=True):
    """
    Which group's consumers to name.
    """

    consumerGroup: str


class GetProducerConnectionListRequestHeader(RequestHeader, frozen=True):
    """
    Which group's producers to name.
    """

    producerGroup: str


class NotifyConsumerIdsChangedRequestHeader(RequestHeader, frozen=True):
    """
    Which group has other consumers now.
    """

    consumerGroup: str


class GetConsumerRunningInfoRequestHeader(RequestHeader, frozen=True):
    """
    Which consumer shall tell of itself.
    """

    consumerGroup: str
    clientId: str
    jstackEnable: bool | None = None


class ConsumeMessageDirectlyResultRequestHeader(RequestHeader, frozen=True):
    """
    Which consumer shall take the message of the body at once.
    """

    consumerGroup: str
    clientId: str | None = None
    msgId: str | None = None
    topic: str | None = None
    topicSysFlag: Int32 | None = None
    groupSysFlag: Int32 | None = None


class ResetOffsetRequestHeader(RequestHeader, frozen=True):
    """
    To which moment a consumer shall go back.
    """

    topic: str
    group: str
    timestamp: Int64
    isForce: bool
    queueId: Int32 | None = None
    offset: Int64 | None = None


class GetConsumerStatusRequestHeader(RequestHeader, frozen=True):
    """
    Whose places in the queues of a topic to tell.
    """

    topic: str
    group: str
    clientAddr: str | None = None


class PutKVConfigRequestHeader(Header, frozen=True):
    """
    What a name server shall keep.
    """

    namespace: str
    key: str
    value: str


class GetKVConfigRequestHeader(Header, frozen=True):
    """
    What a name server was told to keep.
    """

    namespace: str
    key: str


class GetKVConfigResponseHeader(Header, frozen=True):
    """
    What a name server has kept.
    """

    value: str | None = None


class DeleteKVConfigRequestHeader(Header, frozen=True):
    """
    What a name server shall keep no longer.
    """

    namespace: str
    key: str


class RegisterBrokerRequestHeader(Header, frozen=True):
    """
    Who a broker is; its topics are the body.
    """

    brokerName: str
    brokerAddr: str
    clusterName: str
    haServerAddr: str
    brokerId: Int64
    heartbeatTimeoutMillis: Int64 | None = None
    enableActingMaster: bool | None = None
    compressed: bool | None = False
    bodyCrc32: Int32 | None = 0


class RegisterBrokerResponseHeader(Header, frozen=True):
    """
    Who a broker's master is.
    """

    haServerAddr: str | None = None
    masterAddr: str | None = None


class UnregisterBrokerRequestHeader(Header, frozen=True):
    """
    Which broker is gone.
    """

    brokerName: str
    brokerAddr: str
    clusterName: str
    brokerId: Int64
