"""
Several messages in one request, and one result for each of them.

Follows C{MessageBatch} and C{MQClientAPIImpl.processSendResponse}: a batch is
never compressed, and is stored as a whole or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence

from txrocketmq._wire.records import BatchRecord, encodeBatch, encodeProperties
from txrocketmq.errors import InvalidMessage
from txrocketmq.message import Message, SendResult

from .assemble import propertiesOf
from .envelope import Envelope
from .outgoing import Outgoing
from .validate import checkMessage


def assembleBatch(envelope: Envelope, messages: Sequence[Message]) -> Outgoing:
    """
    Make several messages of one topic ready to leave together.

    Follows C{MessageBatch}: a batch is never compressed.

    @raise InvalidMessage: When there is none, one of them cannot be sent, they
        cannot leave together, or they are too large together.
    """
    first = _checkedBatch(messages)
    heading = envelope.heading(first.topic)
    members = [_member(envelope, at, message) for at, message in enumerate(messages)]
    body = encodeBatch([record for _, record in members])
    largest = envelope.settings.maxMessageSize
    if len(body) > largest:
        raise InvalidMessage(
            f"the batch has {len(body)} bytes: at most {largest} are allowed "
            "(maxMessageSize); send it in parts"
        )
    uniqueKey = envelope.nextId()
    # No UNIQ_KEY of the batch's own, though Java 5 sends one: a broker of 4.9
    # would give it to every message, in the place of the message's.
    own = {"WAIT": _flag(first.waitStoreMsgOK)}
    if envelope.namespace:
        own["INSTANCE_ID"] = envelope.namespace
    return Outgoing(
        heading,
        uniqueKey,
        len(body),
        body,
        encodeProperties(own),
        0,
        0,
        tuple(msgId for msgId, _ in members),
        tuple(messages),
        envelope,
    )


def splitResult(outgoing: Outgoing, result: SendResult) -> list[SendResult]:
    """
    One result for each message of a stored batch, in its order.

    Follows C{MQClientAPIImpl.processSendResponse}: the answer names all offset
    ids and the first queue offset.  A broker that stores a batch as one record
    names one id, which is then that of them all.
    """
    ids = outgoing.memberIds or ()
    offsetIds = result.offsetMsgId.split(",")
    if len(offsetIds) != len(ids):
        offsetIds = [result.offsetMsgId] * len(ids)
    return [
        SendResult(
            result.sendStatus,
            msgId,
            offsetId,
            result.messageQueue,
            result.queueOffset + at,
            result.transactionId,
            result.regionId,
            result.traceOn,
            None,
            result.attempts,
            result.possibleDuplicates,
        )
        for at, (msgId, offsetId) in enumerate(zip(ids, offsetIds, strict=True))
    ]


def _checkedBatch(messages: Sequence[Message]) -> Message:
    """
    The first message of a batch whose messages may leave together.
    """
    isList = isinstance(messages, Sequence) and not isinstance(messages, str | bytes)
    if not isList or not messages:
        raise InvalidMessage("a batch must be a list of at least one Message")
    for message in messages:
        if not isinstance(message, Message):
            raise InvalidMessage(
                f"a batch must hold Messages, not a {type(message).__name__}"
            )
    first = messages[0]
    for at, message in enumerate(messages):
        wrong = _mixed(first, message)
        if wrong:
            raise InvalidMessage(f"message {at} of the batch {wrong}")
    return first


def _mixed(first: Message, message: Message) -> str:
    """
    Why a message may not be in a batch with another, if it may not.
    """
    if message.topic != first.topic:
        return f"has topic {message.topic!r}, the first one {first.topic!r}"
    if message.waitStoreMsgOK is not first.waitStoreMsgOK:
        return "has another waitStoreMsgOK than the first one"
    if (
        message.delayTimeLevel
        or message.deliverAfter is not None
        or message.deliverAt is not None
    ):
        return "is delayed: send it by itself"
    if isinstance(message.topic, str) and message.topic.startswith("%RETRY%"):
        return "goes to a retry topic: send it by itself"
    return ""


def _member(envelope: Envelope, at: int, message: Message) -> tuple[str, BatchRecord]:
    """
    One message of a batch: its id and its record.
    """
    try:
        checkMessage(message, envelope.settings.maxMessageSize)
    except InvalidMessage as error:
        raise InvalidMessage(f"message {at} of the batch: {error}") from None
    uniqueKey = envelope.nextId()
    properties = propertiesOf(envelope, message, uniqueKey, batched=True)
    return uniqueKey, BatchRecord(message.body, message.flag, properties)


def _flag(value: bool) -> str:
    """
    A truth value as a property.
    """
    return "true" if value else "false"
