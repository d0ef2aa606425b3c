"""
From a message to what is sent.

Law: a message is validated, given its id and encoded once for a send, however
many attempts it takes.

Follows C{DefaultMQProducerImpl.sendKernelImpl} and C{MessageDecoder}.
"""

from __future__ import annotations

from txrocketmq._wire.records import encodeProperties
from txrocketmq.compression import compress
from txrocketmq.errors import InvalidMessage
from txrocketmq.message import Message

from .envelope import Envelope
from .outgoing import Outgoing
from .validate import SURELY_SHORT, checkMessage, checkPropertiesLength, isUndelayed


def assemble(envelope: Envelope, message: Message, msgId: str | None) -> Outgoing:
    """
    Make one message ready.

    @param msgId: The id of an earlier send of it, or L{None} for a new one.

    @raise InvalidMessage: When it cannot be sent.
    """
    settings = envelope.settings
    if not isinstance(message, Message):
        raise InvalidMessage(f"a Message is wanted, not a {type(message).__name__}")
    heading = envelope.heading(message.topic)
    checkMessage(message, settings.maxMessageSize)
    uniqueKey = envelope.nextId() if msgId is None else _checkedId(msgId)
    properties = propertiesOf(envelope, message, uniqueKey)
    body, sysFlag = message.body, 0
    size = len(body)
    if size >= settings.compressMsgBodyOverHowmuch:
        packed, bits = compress(body, settings.compressType, settings.compressLevel)
        # What does not compress grows by a little: as with Java, except where
        # that would take it past what the broker accepts.
        if len(packed) <= settings.maxMessageSize:
            body, sysFlag = packed, bits
    return Outgoing(
        heading,
        uniqueKey,
        size,
        body,
        properties,
        sysFlag,
        message.flag,
        None,
        message,
        envelope,
    )


def propertiesOf(
    envelope: Envelope, message: Message, uniqueKey: str, batched: bool = False
) -> str:
    """
    A message's properties as they are sent.

    @param batched: Whether it leaves in a batch, which carries the namespace
        itself.
    """
    text = encodeProperties(message.properties) if message.properties else ""
    wait = "true" if message.waitStoreMsgOK else "false"
    text += f"UNIQ_KEY\x01{uniqueKey}\x02WAIT\x01{wait}\x02"
    if message.tags is not None:
        text += f"TAGS\x01{message.tags}\x02"
    if message.keys or not isUndelayed(message) or message.shardingKey is not None:
        text += encodeProperties(_rareProperties(message))
    if envelope.namespace and not batched:
        text += encodeProperties({"INSTANCE_ID": envelope.namespace})
    if len(text) > SURELY_SHORT:
        checkPropertiesLength(text)
    return text


def _rareProperties(message: Message) -> dict[str, str]:
    """
    Those properties that most messages do not have.
    """
    rare = {}
    if message.keys:
        rare["KEYS"] = " ".join(message.keys)
    if message.shardingKey is not None:
        rare["__SHARDINGKEY"] = message.shardingKey
    if message.delayTimeLevel:
        rare["DELAY"] = str(message.delayTimeLevel)
    if message.deliverAfter is not None:
        rare["TIMER_DELAY_MS"] = str(round(message.deliverAfter * 1000))
    if message.deliverAt is not None:
        rare["TIMER_DELIVER_MS"] = str(round(message.deliverAt * 1000))
    return rare


def _checkedId(msgId: object) -> str:
    """
    An id that was given by the caller.
    """
    if not isinstance(msgId, str) or not msgId.isalnum() or not msgId.isascii():
        raise InvalidMessage(f"msgId must be the msgId of an earlier send: {msgId!r}")
    return msgId
