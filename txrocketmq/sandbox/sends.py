"""
What becomes of a sent message.  Follows Java's C{SendMessageProcessor} and
C{AbstractSendMessageProcessor}, checks in their order and remarks in their
words.
"""

from __future__ import annotations

from itertools import count

from txrocketmq._wire.codes import PermName, ResponseCode, SysFlag
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.malformed import Malformed
from txrocketmq._wire.records import MessageConst, decodeBatch, decodeProperties

from .answers import Peer, Refused
from .delays import Deliveries
from .sendheader import SendHeader, readSendHeader
from .state import BrokerState
from .store import Draft, StoredMessage, propertiesSize
from .topics import (
    DLQ_PREFIX,
    FORBIDDEN_TO_SEND,
    NOT_EXIST,
    RETRY_PREFIX,
    TopicConfig,
    checkTopic,
)
from .transactions import Transactions

_MOST_PROPERTIES = 32767
_RETRIES = 16
_V3_4_9 = 121


class Sends:
    """
    Answers sends: SEND_MESSAGE, SEND_MESSAGE_V2 and SEND_BATCH_MESSAGE.

    @ivar tail: What every answer of a send carries.
    """

    def __init__(
        self, state: BrokerState, deliveries: Deliveries, transactions: Transactions
    ) -> None:
        self._state = state
        self._deliveries = deliveries
        self._transactions = transactions
        self._numbers = count(1)
        self._properties: dict[str, str] = {
            MessageConst.MSG_REGION: state.settings.regionId,
            MessageConst.TRACE_ON: "true" if state.settings.traceOn else "false",
        }
        self.tail = dict(self._properties)
        self._stored = dict(self._properties, CLUSTER=state.settings.clusterName)

    def send(self, command: RemotingCommand, peer: Peer) -> RemotingCommand:
        """
        Answer a send.
        """
        header = readSendHeader(command)
        try:
            config = self.check(header, peer)
            store = self._storeBatch if header.isBatch else self._storeOne
            extFields = store(header, config, command, peer)
        except Refused as e:
            return command.response(e.code, e.remark, dict(self.tail))
        extFields.update(self.tail)
        return command.response(0, None, extFields)

    def check(self, header: SendHeader, peer: Peer) -> TopicConfig:
        """
        Check where a message shall go, and make the topic if that is allowed.

        Follows C{msgCheck}.  That a topic itself may not be written to is not
        checked, as there.

        @raise Refused: It cannot go there.
        """
        topics = self._state.topics
        topic = header.topic
        config = topics.get(topic)
        if config is None or config.order:
            self._checkBroker(config)
        if config is None:
            checkTopic(topic)
        if topic in FORBIDDEN_TO_SEND:
            raise Refused(
                ResponseCode.NO_PERMISSION,
                f"Sending message to topic[{topic}] is forbidden.",
            )
        if config is None:
            config = self._create(header)
        if header.queueId >= max(config.writeQueueNums, config.readQueueNums):
            raise Refused(
                ResponseCode.INVALID_PARAMETER,
                f"request queueId[{header.queueId}] is illegal, {config} "
                f"Producer: {peer.address}",
            )
        return config

    def _checkBroker(self, config: TopicConfig | None) -> None:
        """
        Refuse an ordered topic while the broker is read only.
        """
        if (
            config is not None
            and not self._state.settings.brokerPermission & PermName.WRITE
        ):
            raise Refused(
                ResponseCode.NO_PERMISSION,
                f"the broker[{self._state.brokerIP}] sending message is forbidden",
            )

    def _create(self, header: SendHeader) -> TopicConfig:
        """
        Make a topic that somebody sends to.

        @raise Refused: It may not be made.
        """
        topic = header.topic
        retry = topic.startswith(RETRY_PREFIX)
        sysFlag = (2 if retry else 1) if header.isUnitMode else 0
        topics = self._state.topics
        config = topics.createByTemplate(
            topic, header.defaultTopic, header.defaultTopicQueueNums, sysFlag
        )
        if config is None and retry:
            config = topics.ensure(topic, 1, sysFlag)
        if config is None:
            raise Refused(ResponseCode.TOPIC_NOT_EXIST, NOT_EXIST.format(topic))
        return config

    def draft(
        self,
        header: SendHeader,
        config: TopicConfig,
        body: bytes,
        properties: dict[str, str],
        peer: Peer,
    ) -> Draft:
        """
        Make of a send what goes into the store.
        """
        sysFlag = header.sysFlag
        if config.topicFilterType == "MULTI_TAG":
            sysFlag |= SysFlag.MULTI_TAGS
        queueId = header.queueId
        if queueId < 0:
            queueId = self._state.anyQueue(config.writeQueueNums)
        return Draft(
            header.topic,
            queueId,
            body,
            properties,
            header.flag,
            sysFlag,
            header.bornTimestamp,
            peer.address,
            header.reconsumeTimes,
        )

    def _storeOne(
        self,
        header: SendHeader,
        config: TopicConfig,
        command: RemotingCommand,
        peer: Peer,
    ) -> dict[str, str]:
        """
        Store one message, and say where.
        """
        if not command.body:
            raise Refused(
                ResponseCode.SYSTEM_ERROR,
                "java.lang.NullPointerException: Cannot read the array length "
                "because the body is null",
            )
        properties = decodeProperties(header.properties)
        properties.update(self._stored)
        properties.pop("POP_CK", None)
        if not properties.get(MessageConst.UNIQ_KEY):
            properties[MessageConst.UNIQ_KEY] = self._uniqueId()
        draft = self.draft(header, config, command.body, properties, peer)
        if draft.topic.startswith((RETRY_PREFIX, DLQ_PREFIX)):
            self._retire(draft, header, command.version)
        queueId = draft.queueId
        self.checkSize(draft)
        stored = self._put(draft)
        extFields = self._confirmed(stored, queueId)
        extFields["transactionId"] = properties[MessageConst.UNIQ_KEY]
        handle = self._deliveries.recallHandle(stored)
        if handle is not None:
            extFields["recallHandle"] = handle
        return extFields

    def _put(self, draft: Draft) -> StoredMessage:
        """
        Store a message, visible or not.
        """
        properties = draft.properties
        if properties.get(MessageConst.TRAN_MSG, "").lower() == "true" and not (
            draft.reconsumeTimes > 0 and properties.get(MessageConst.DELAY, "0") != "0"
        ):
            return self._transactions.prepare(draft)
        return self._deliveries.put(draft)

    def _confirmed(self, stored: StoredMessage, queueId: int) -> dict[str, str]:
        """
        Where a message is, as a producer is told.
        """
        return {
            "msgId": self._state.offsetMsgId(stored),
            "queueId": str(queueId),
            "queueOffset": str(stored.queueOffset),
        }

    def _retire(self, draft: Draft, header: SendHeader, version: int) -> None:
        """
        Send a message that was consumed too often to the dead letters.

        Follows C{handleRetryAndDLQ}.
        """
        most = _RETRIES
        if version >= _V3_4_9 and header.maxReconsumeTimes is not None:
            most = header.maxReconsumeTimes
        if draft.topic.startswith(RETRY_PREFIX) and draft.reconsumeTimes > most:
            topic = DLQ_PREFIX + draft.topic.removeprefix(RETRY_PREFIX)
            draft.topic = self._state.topics.ensure(topic, 1).topicName
            draft.queueId = 0
            draft.properties.pop(MessageConst.DELAY, None)

    def checkSize(self, draft: Draft) -> None:
        """
        Check that a message fits into Apache's log, and can be read again.

        @raise Refused: It does not, or cannot.
        """
        longest = self._state.settings.maxMessageSize
        try:
            draft.propertiesSize = propertiesSize(draft.properties)
        except ValueError:
            draft.propertiesSize = _MOST_PROPERTIES + 1
        if len(draft.body) > longest or draft.propertiesSize > _MOST_PROPERTIES:
            raise Refused(
                ResponseCode.MESSAGE_ILLEGAL,
                "the message is illegal, maybe msg body or properties length not "
                f"matched. msg body length limit {longest}B, msg properties length "
                "limit 32KB.",
            )

    def _storeBatch(
        self,
        header: SendHeader,
        config: TopicConfig,
        command: RemotingCommand,
        peer: Peer,
    ) -> dict[str, str]:
        """
        Store a batch, one message for each member, and say where.
        """
        if header.topic.startswith(RETRY_PREFIX):
            raise Refused(
                ResponseCode.MESSAGE_ILLEGAL,
                f"batch request does not support retry group {header.topic}",
            )
        frame = self.draft(header, config, b"", {}, peer)
        drafts = self._members(frame, command.body)
        for draft in drafts:
            self.checkSize(draft)
        stored = self._state.store.appendAll(drafts)
        extFields = self._confirmed(stored[0], frame.queueId)
        extFields["msgId"] = ",".join(map(self._state.offsetMsgId, stored))
        uniqueId = decodeProperties(header.properties).get(MessageConst.UNIQ_KEY)
        if uniqueId:
            extFields["transactionId"] = uniqueId
        return extFields

    def _members(self, frame: Draft, body: bytes) -> list[Draft]:
        """
        The members of a batch, each with its own body, flag and properties.

        @raise Refused: The body is no batch.
        """
        try:
            records = decodeBatch(body)
        except Malformed:
            records = []
        if not records:
            raise Refused(
                ResponseCode.SYSTEM_ERROR,
                "java.nio.BufferUnderflowException, the batch cannot be read",
            )
        return [
            Draft(
                frame.topic,
                frame.queueId,
                record.body,
                decodeProperties(record.properties),
                record.flag,
                frame.sysFlag,
                frame.bornTimestamp,
                frame.bornHost,
                frame.reconsumeTimes,
            )
            for record in records
        ]

    def _uniqueId(self) -> str:
        """
        A unique id for a message that came without one.
        """
        return f"7F000001{next(self._numbers):024X}"
