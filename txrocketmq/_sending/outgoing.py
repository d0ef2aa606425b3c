"""
A message that is ready to be sent, the request that carries it, and what the
answer says became of it.

Laws:

    - Every attempt of a send carries the same bytes under the same C{UNIQ_KEY},
      and names the queue it goes to itself.

    - An answer that says "stored" is believed; where the rest of it cannot be
      read, the send fails with L{MalformedAnswer} and the message is stored.

Follows C{DefaultMQProducerImpl.sendKernelImpl} and
C{MQClientAPIImpl.processSendResponse}.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from txrocketmq._wire.codes import RequestCode, ResponseCode, SerializeType
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.headers import SendMessageRequestHeader
from txrocketmq.errors import BrokerError, MalformedAnswer, WeakAck
from txrocketmq.message import (
    Attempt,
    MessageQueue,
    RequiredAck,
    SendResult,
    SendStatus,
)
from txrocketmq.settings import ProducerSettings

STATUS = {status.value: status for status in SendStatus}

TOO_WEAK = {
    RequiredAck.STORED: frozenset[int](),
    RequiredAck.FLUSHED: frozenset({ResponseCode.FLUSH_DISK_TIMEOUT}),
    RequiredAck.REPLICATED: frozenset(WeakAck.codes),
}
"""
The statuses that are less than what is required.
"""


@attrs.frozen
class Envelope:
    """
    What is the same for every message of one producer.

    @ivar group: The producer group, with its namespace.

    @ivar namespace: The prefix of topics, or L{None}.

    @ivar unitMode: Whether requests carry the unit flag.

    @ivar serializeType: How headers are written.

    @ivar settings: The producer's settings.

    @ivar nextId: Makes C{UNIQ_KEY}s.

    @ivar millis: The wall clock, in epoch milliseconds.
    """

    group: str
    namespace: str | None
    unitMode: bool
    serializeType: SerializeType
    settings: ProducerSettings
    nextId: Callable[[], str]
    millis: Callable[[], int]


@attrs.define(eq=False)
class Outgoing:
    """
    One message, or one batch, ready to be sent any number of times.

    @ivar topic: The topic its user knows.

    @ivar wireTopic: The topic with its namespace.

    @ivar msgId: The C{UNIQ_KEY}; that of a batch is the batch's own.

    @ivar size: The bytes it counts for against the producer's limits.

    @ivar memberIds: The ids of a batch's messages; L{None} for a single one.
    """

    topic: str
    wireTopic: str
    msgId: str
    size: int
    body: bytes
    properties: str
    sysFlag: int
    flag: int
    memberIds: tuple[str, ...] | None
    _envelope: Envelope

    def command(self, queue: MessageQueue) -> RemotingCommand:
        """
        The request that asks C{queue}'s broker to store it there.
        """
        envelope = self._envelope
        settings = envelope.settings
        single = self.memberIds is None
        header = SendMessageRequestHeader(
            producerGroup=envelope.group,
            topic=self.wireTopic,
            defaultTopic=settings.createTopicKey,
            defaultTopicQueueNums=settings.defaultTopicQueueNums,
            queueId=queue.queueId,
            sysFlag=self.sysFlag,
            bornTimestamp=envelope.millis(),
            flag=self.flag,
            properties=self.properties,
            reconsumeTimes=0,
            unitMode=envelope.unitMode,
            batch=not single,
            brokerName=queue.brokerName,
        )
        return RemotingCommand(
            RequestCode.SEND_MESSAGE_V2 if single else RequestCode.SEND_BATCH_MESSAGE,
            header.toV2ExtFields(),
            self.body,
            serializeType=envelope.serializeType,
        )

    def result(
        self,
        answer: RemotingCommand,
        queue: MessageQueue,
        address: str,
        attempts: tuple[Attempt, ...],
        duplicates: int,
    ) -> SendResult:
        """
        What an answer says became of the message.

        @param queue: Where it was sent.

        @param address: Whose answer it is.

        @raise BrokerError: When it was not stored, or not as safely as required.
        """
        fields = answer.extFields
        offset = fields.get("queueOffset", "")
        queueId = fields.get("queueId", "")
        if answer.code not in STATUS:
            raise BrokerError.fromResponse(answer, address)
        if answer.code in TOO_WEAK[self._envelope.settings.requiredAck]:
            raise BrokerError.fromResponse(answer, address)
        if not (_isNumber(offset) and _isNumber(queueId) and fields.get("msgId")):
            raise MalformedAnswer(
                answer.code,
                f"the message is stored, but the answer does not say where: {fields}",
                address,
            )
        return SendResult(
            STATUS[answer.code],
            self.msgId,
            fields["msgId"],
            MessageQueue(self.topic, queue.brokerName, int(queueId)),
            int(offset),
            fields.get("transactionId"),
            fields.get("MSG_REGION") or "DefaultRegion",
            fields.get("TRACE_ON") != "false",
            fields.get("recallHandle"),
            attempts,
            duplicates,
        )


def _isNumber(text: str) -> bool:
    """
    Whether this is a whole number of plain digits.
    """
    return text.isdigit() and text.isascii()
