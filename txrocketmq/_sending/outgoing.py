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

import msgspec
from msgspec.structs import replace

from txrocketmq._wire.codes import RequestCode, ResponseCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.frames import encodeFrame
from txrocketmq._wire.sendheaders import toV1Names
from txrocketmq.errors import BrokerError, MalformedAnswer, WeakAck
from txrocketmq.message import (
    Attempt,
    Message,
    MessageQueue,
    RequiredAck,
    SendResult,
    SendStatus,
)

from .envelope import Envelope, Heading

# Looked up once, and plain numbers: members of an enumeration take their time.
SEND_OK = SendStatus.SEND_OK
_SEND = int(RequestCode.SEND_MESSAGE_V2)
_SEND_V1 = int(RequestCode.SEND_MESSAGE)
_SEND_BATCH = int(RequestCode.SEND_BATCH_MESSAGE)

INT32_DIGITS = 10
INT64_DIGITS = 19

STATUS = {status.value: status for status in SendStatus}

TOO_WEAK = {
    RequiredAck.STORED: frozenset[int](),
    RequiredAck.FLUSHED: frozenset({ResponseCode.FLUSH_DISK_TIMEOUT}),
    RequiredAck.REPLICATED: frozenset(WeakAck.codes),
}
"""
The statuses that are less than what is required.
"""


class Outgoing(msgspec.Struct, eq=False, gc=False):
    """
    One message, or one batch, ready to be sent any number of times.

    @ivar heading: What it shares with all messages to its topic.

    @ivar msgId: The C{UNIQ_KEY}; that of a batch is the batch's own.

    @ivar size: The bytes it counts for against the producer's limits.

    @ivar memberIds: The ids of a batch's messages; L{None} for a single one.

    @ivar given: What its user gave: one message, or those of a batch.
    """

    heading: Heading
    msgId: str
    size: int
    body: bytes
    properties: str
    sysFlag: int
    flag: int
    memberIds: tuple[str, ...] | None
    given: Message | tuple[Message, ...]
    envelope: Envelope

    @property
    def messages(self) -> tuple[Message, ...]:
        """
        All its messages.
        """
        return (self.given,) if isinstance(self.given, Message) else self.given

    @property
    def topic(self) -> str:
        """
        The topic its user knows.
        """
        return self.heading.topic

    @property
    def wireTopic(self) -> str:
        """
        The topic with its namespace.
        """
        return self.heading.wireTopic

    def frame(self, opaque: int, queue: MessageQueue, broker: str) -> bytes:
        """
        The whole frame of L{command}'s request.

        @raise ValueError: It cannot be written.
        """
        heading = self.heading
        frames = heading.frames if self.memberIds is None else heading.batchFrames
        if frames is None or self.sysFlag or self.flag:
            return encodeFrame(replace(self.command(queue, broker), opaque=opaque))
        return frames.frame(
            opaque,
            queue.queueId,
            self.envelope.millis(),
            self.properties,
            broker,
            self.body,
        )

    def command(
        self, queue: MessageQueue, broker: str, old: bool = False
    ) -> RemotingCommand:
        """
        The request that asks a broker to store it in C{queue}.

        @param old: Whether the broker knows only the first form of the header;
            a batch has no such form.
        """
        code = _SEND
        extFields = self.heading.extFields.copy()
        extFields["e"] = str(queue.queueId)
        extFields["g"] = str(self.envelope.millis())
        extFields["i"] = self.properties
        extFields["n"] = broker
        if self.sysFlag:
            extFields["f"] = str(self.sysFlag)
        if self.flag:
            extFields["h"] = str(self.flag)
        if self.heading.isRetry:
            _countRetries(self.messages[0], extFields)
        if self.memberIds is not None:
            code = _SEND_BATCH
            extFields["m"] = "true"
        elif old or not self.envelope.settings.sendSmartMsg:
            code = _SEND_V1
            extFields = toV1Names(extFields)
        return RemotingCommand(
            code, extFields, self.body, serializeType=self.envelope.serializeType
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
        status = STATUS.get(answer.code)
        if status is not SEND_OK:
            required = self.envelope.settings.requiredAck
            if status is None or answer.code in TOO_WEAK[required]:
                raise BrokerError.fromResponse(answer, address)
        fields = answer.extFields
        offset = fields.get("queueOffset", "")
        queueId = fields.get("queueId", "")
        offsetMsgId = fields.get("msgId")
        # Plain digits of an int32 and an int64; said here for want of a call.
        if not (
            offset.isdigit()
            and queueId.isdigit()
            and offset.isascii()
            and queueId.isascii()
            and len(offset) <= INT64_DIGITS
            and len(queueId) <= INT32_DIGITS
            and offsetMsgId
        ):
            raise MalformedAnswer(
                answer.code,
                f"the message is stored, but the answer does not say where: {fields}",
                address,
            )
        if int(queueId) != queue.queueId:
            raise MalformedAnswer(
                answer.code,
                f"the message is stored, but in queue {queueId} and not, as it was "
                f"to be, in {queue.queueId}, if the answer is to be believed",
                address,
            )
        return SendResult(
            status,
            self.msgId,
            offsetMsgId,
            MessageQueue(self.heading.topic, queue.brokerName, int(queueId)),
            int(offset),
            fields.get("transactionId"),
            fields.get("MSG_REGION") or "DefaultRegion",
            fields.get("TRACE_ON") != "false",
            fields.get("recallHandle"),
            attempts,
            duplicates,
        )


def _countRetries(message: Message, extFields: dict[str, str]) -> None:
    """
    Say in a header what a retry topic's message says of its tries.
    """
    properties = message.properties or {}
    for name, field in (("RECONSUME_TIME", "j"), ("MAX_RECONSUME_TIMES", "l")):
        if name in properties:
            extFields[field] = properties[name]
