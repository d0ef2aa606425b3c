"""
Several messages in one request, and one result for each of them.

Follows C{MessageBatch} and C{MQClientAPIImpl.processSendResponse}: a batch is
never compressed, and is stored as a whole or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from txrocketmq._wire.records import (
    BatchRecord,
    encodeBatch,
    encodeProperties,
    recordTail,
)
from txrocketmq.errors import InvalidMessage
from txrocketmq.message import Message, SendResult

from .assemble import propertiesOf
from .envelope import Envelope, Heading
from .outgoing import Outgoing
from .validate import checkMessage, isUndelayed

SPECIAL: Final = ("INNER_", "__")
"""
What properties' names begin with that a broker acts upon, in single messages only.
"""


def assembleBatch(envelope: Envelope, messages: Sequence[Message]) -> Outgoing:
    """
    Make several messages of one topic ready to leave together.

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
    ids = [msgId for msgId, _ in members]
    return batchOf(envelope, heading, envelope.nextId(), body, ids, messages)


def batchOf(
    envelope: Envelope,
    heading: Heading,
    msgId: str,
    body: bytes,
    ids: Sequence[str],
    messages: Sequence[Message],
) -> Outgoing:
    """
    What carries several messages.

    @param msgId: What the batch is called in errors.

    @param body: The records of the messages.

    @param ids: Their own ids.
    """
    # No UNIQ_KEY of the batch's own, though Java 5 sends one: a broker of 4.9
    # would give it to every message, in the place of the message's.
    own = {"WAIT": "true" if messages[0].waitStoreMsgOK else "false"}
    if envelope.namespace:
        own["INSTANCE_ID"] = envelope.namespace
    return Outgoing(
        heading,
        msgId,
        len(body),
        body,
        encodeProperties(own),
        0,
        0,
        tuple(ids),
        tuple(messages),
        envelope,
    )


def tailOf(outgoing: Outgoing) -> bytes | None:
    """
    What stands behind a message's body in a batch, if it may be in one: it is no
    batch, and not delayed, compressed, half of a transaction or a retry, nor
    anything a broker looks at more closely.
    """
    message = outgoing.given
    if (
        not isinstance(message, Message)
        or outgoing.sysFlag
        or outgoing.heading.isRetry
        or not isUndelayed(message)
        or any(name.startswith(SPECIAL) for name in message.properties or ())
    ):
        return None
    envelope, properties = outgoing.envelope, outgoing.properties
    if envelope.namespace:
        # In a batch, the batch carries it.
        properties = propertiesOf(envelope, message, outgoing.msgId, batched=True)
    return recordTail(properties)


def splitResult(outgoing: Outgoing, result: SendResult) -> list[SendResult]:
    """
    One result for each message of a stored batch, in its order.
    """
    ids = outgoing.memberIds or ()
    offsetIds = offsetIdsOf(result, len(ids))
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


def offsetIdsOf(result: SendResult, count: int) -> list[str]:
    """
    The offset id of each message that was stored in one request, in their order.

    Follows C{MQClientAPIImpl.processSendResponse}: the answer names all offset
    ids and the first queue offset.  A broker that stores a batch as one record
    names one id, which is then that of them all.
    """
    offsetIds = result.offsetMsgId.split(",")
    return offsetIds if len(offsetIds) == count else [result.offsetMsgId] * count


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
