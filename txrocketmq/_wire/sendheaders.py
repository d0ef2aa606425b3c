"""
The headers of the send path.

Follows C{SendMessageRequestHeader} and C{SendMessageRequestHeaderV2} of Java:
they say the same, the second with names of one letter.
"""

from __future__ import annotations

from .extfields import (
    Header,
    Int32,
    Int64,
    RequestHeader,
    fromExtFields,
    toExtFields,
    writeBool,
)

# V2 exists to shorten the names of V1.
V2_NAMES = {
    "a": "producerGroup",
    "b": "topic",
    "c": "defaultTopic",
    "d": "defaultTopicQueueNums",
    "e": "queueId",
    "f": "sysFlag",
    "g": "bornTimestamp",
    "h": "flag",
    "i": "properties",
    "j": "reconsumeTimes",
    "k": "unitMode",
    "l": "maxReconsumeTimes",
    "m": "batch",
    "n": "bname",
}


class SendMessageRequestHeader(RequestHeader, frozen=True):
    """
    What a producer says with a message.

    @ivar bornTimestamp: When it was sent, in milliseconds since 1970.

    @ivar properties: See L{encodeProperties
        <txrocketmq._wire.records.encodeProperties>}.

    @ivar batch: Whether the body is a batch; not the request code tells it.
    """

    producerGroup: str
    topic: str
    defaultTopic: str
    defaultTopicQueueNums: Int32
    queueId: Int32
    sysFlag: Int32
    bornTimestamp: Int64
    flag: Int32
    properties: str | None = None
    reconsumeTimes: Int32 | None = None
    unitMode: bool | None = None
    maxReconsumeTimes: Int32 | None = None
    batch: bool | None = None

    def toV1ExtFields(self) -> dict[str, str]:
        """
        Give the header with long names, for L{SEND_MESSAGE
        <txrocketmq._wire.codes.RequestCode.SEND_MESSAGE>} and
        C{SEND_REPLY_MESSAGE}.
        """
        return toExtFields(self)

    def toV2ExtFields(self) -> dict[str, str]:
        """
        Give the header with names of one letter, for C{SEND_MESSAGE_V2},
        C{SEND_BATCH_MESSAGE} and C{SEND_REPLY_MESSAGE_V2}.

        Every send passes here, so it is written out.
        """
        extFields = {
            "a": self.producerGroup,
            "b": self.topic,
            "c": self.defaultTopic,
            "d": str(self.defaultTopicQueueNums),
            "e": str(self.queueId),
            "f": str(self.sysFlag),
            "g": str(self.bornTimestamp),
            "h": str(self.flag),
        }
        if self.properties is not None:
            extFields["i"] = self.properties
        if self.reconsumeTimes is not None:
            extFields["j"] = str(self.reconsumeTimes)
        if self.unitMode is not None:
            extFields["k"] = writeBool(self.unitMode)
        if self.maxReconsumeTimes is not None:
            extFields["l"] = str(self.maxReconsumeTimes)
        if self.batch is not None:
            extFields["m"] = writeBool(self.batch)
        if self.brokerName is not None:
            extFields["n"] = self.brokerName
        if self.namespace is not None:
            extFields["ns"] = self.namespace
        if self.namespaced is not None:
            extFields["nsd"] = writeBool(self.namespaced)
        return extFields

    @classmethod
    def fromV1ExtFields(cls, extFields: dict[str, str]) -> SendMessageRequestHeader:
        """
        Read a header with long names.

        @raise MalformedHeader: As L{fromExtFields
            <txrocketmq._wire.extfields.fromExtFields>} does.
        """
        return fromExtFields(cls, extFields)

    @classmethod
    def fromV2ExtFields(cls, extFields: dict[str, str]) -> SendMessageRequestHeader:
        """
        Read a header with names of one letter.

        @raise MalformedHeader: As L{fromExtFields
            <txrocketmq._wire.extfields.fromExtFields>} does; the text names
            the field by its long name.
        """
        longNames = {V2_NAMES.get(name, name): extFields[name] for name in extFields}
        return fromExtFields(cls, longNames)


def toV1Names(extFields: dict[str, str]) -> dict[str, str]:
    """
    Give the fields of a header with names of one letter their long names.
    """
    return {V2_NAMES.get(name, name): value for name, value in extFields.items()}


class SendMessageResponseHeader(Header, frozen=True):
    """
    What a broker says about a message it took.

    @ivar msgId: The offset message id; of a batch, all of them, with commas.

    @ivar queueOffset: Where it stands in the queue; of a batch, the first.

    @ivar transactionId: The message's unique id, whether it is part of a
        transaction or not.  Brokers before 5 leave it out.

    @ivar batchUniqId: The one id of a batch that is stored as one record.

    @ivar recallHandle: What a delayed message can be taken back with.
    """

    msgId: str
    queueId: Int32
    queueOffset: Int64
    transactionId: str | None = None
    batchUniqId: str | None = None
    recallHandle: str | None = None


class ReplyMessageRequestHeader(RequestHeader, frozen=True):
    """
    What a broker says with a reply it pushes to the one who asked.

    @ivar bornHost: Who replied, as C{host:port}.

    @ivar storeHost: Which broker it came through, as C{host:port}.
    """

    producerGroup: str
    topic: str
    defaultTopic: str
    defaultTopicQueueNums: Int32
    queueId: Int32
    sysFlag: Int32
    bornTimestamp: Int64
    flag: Int32
    bornHost: str
    storeHost: str
    storeTimestamp: Int64
    properties: str | None = None
    reconsumeTimes: Int32 | None = None
    unitMode: bool | None = None


class EndTransactionRequestHeader(RequestHeader, frozen=True):
    """
    What a producer says about a transaction.

    @ivar commitOrRollback: C{TRANSACTION_COMMIT}, C{TRANSACTION_ROLLBACK} of
        L{SysFlag<txrocketmq._wire.codes.SysFlag>}, or 0 for unknown.

    @ivar msgId: The unique id of the half message.

    @ivar fromTransactionCheck: Whether the broker had asked.
    """

    producerGroup: str
    tranStateTableOffset: Int64
    commitLogOffset: Int64
    commitOrRollback: Int32
    msgId: str
    topic: str | None = None
    fromTransactionCheck: bool | None = False
    transactionId: str | None = None


class CheckTransactionStateRequestHeader(RequestHeader, frozen=True):
    """
    What a broker asks about a transaction whose end it never heard of.

    @ivar topic: The topic of the half message, not the real one.

    @ivar msgId: The unique id of the half message.
    """

    tranStateTableOffset: Int64
    commitLogOffset: Int64
    topic: str | None = None
    msgId: str | None = None
    transactionId: str | None = None
    offsetMsgId: str | None = None


class RecallMessageRequestHeader(RequestHeader, frozen=True):
    """
    Which delayed message to take back.
    """

    topic: str
    recallHandle: str
    producerGroup: str | None = None


class RecallMessageResponseHeader(Header, frozen=True):
    """
    The unique id of the message that was taken back.
    """

    msgId: str


class ConsumerSendMsgBackRequestHeader(RequestHeader, frozen=True):
    """
    Which message a consumer wants to have again later.
    """

    offset: Int64
    group: str
    delayLevel: Int32
    originMsgId: str | None = None
    originTopic: str | None = None
    unitMode: bool | None = False
    maxReconsumeTimes: Int32 | None = None
