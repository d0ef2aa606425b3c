"""
Several messages in one request, and one result for each of them.

Follows C{MessageBatch} and C{MQClientAPIImpl.processSendResponse}: a batch is
never compressed, and is stored as a whole or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count, repeat
from typing import Final

from txrocketmq._wire.records import (
    BatchRecord,
    Shell,
    encodeBatch,
    encodeProperties,
    fillShells,
    recordTail,
    shellOf,
)
from txrocketmq.errors import InvalidMessage
from txrocketmq.message import Message, SendResult

from .assemble import propertiesOf
from .envelope import Envelope, Heading
from .outgoing import Outgoing
from .shells import shellFor
from .validate import RETRY_PREFIX, checkMessage, isUndelayed

# What a message has where nothing was said.  They are compared by identity: what
# is equal to them, but not what it seems, is for the general way to judge.
_ZERO = 0
_NO_KEYS = ()

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
    isList = isinstance(messages, Sequence) and not isinstance(messages, str | bytes)
    if not isList or not messages:
        raise InvalidMessage("a batch must be a list of at least one Message")
    ids = envelope.nextIds(len(messages))
    body = _plainBody(envelope, messages, ids)
    if body is None:
        _checkTogether(messages)
        body = _anyBody(envelope, messages, ids)
    heading = envelope.heading(messages[0].topic)
    largest = envelope.settings.maxMessageSize
    if len(body) > largest:
        raise InvalidMessage(
            f"the batch has {len(body)} bytes: at most {largest} are allowed "
            "(maxMessageSize); send it in parts"
        )
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


def ownShell(outgoing: Outgoing) -> Shell | None:
    """
    What surrounds a message's body in a batch, if it may be in one: it is no
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
    tail, key = recordTail(properties), outgoing.msgId.encode()
    return shellOf(outgoing.flag, len(outgoing.body), tail, key)


def splitResult(outgoing: Outgoing, result: SendResult) -> list[SendResult]:
    """
    One result for each message of a stored batch, in its order.
    """
    ids = outgoing.memberIds or ()
    # In C: a third less than to say it for each.
    return list(
        map(
            SendResult,
            repeat(result.sendStatus),
            ids,
            offsetIdsOf(result, len(ids)),
            repeat(result.messageQueue),
            count(result.queueOffset),
            repeat(result.transactionId),
            repeat(result.regionId),
            repeat(result.traceOn),
            repeat(None),
            repeat(result.attempts),
            repeat(result.possibleDuplicates),
        )
    )


def offsetIdsOf(result: SendResult, many: int) -> list[str]:
    """
    The offset id of each message that was stored in one request, in their order.

    Follows C{MQClientAPIImpl.processSendResponse}: the answer names all offset
    ids and the first queue offset.  A broker that stores a batch as one record
    names one id, which is then that of them all.
    """
    offsetIds = result.offsetMsgId.split(",")
    return offsetIds if len(offsetIds) == many else [result.offsetMsgId] * many


def _checkTogether(messages: Sequence[Message]) -> None:
    """
    @raise InvalidMessage: When some messages may not leave together.
    """
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
    if isinstance(message.topic, str) and message.topic.startswith(RETRY_PREFIX):
        return "goes to a retry topic: send it by itself"
    return ""


def _plainBody(
    envelope: Envelope, messages: Sequence[Message], ids: Sequence[str]
) -> bytes | None:
    """
    As L{_checkTogether} and L{_anyBody}, for messages that have a body and tags
    only; L{None} for others.

    It saves each message its checks and its properties, which are those of all
    messages of the same tags.
    """
    topic = getattr(messages[0], "topic", None)
    if type(topic) is not str or topic.startswith(RETRY_PREFIX):
        return None
    largest, shells = envelope.settings.maxMessageSize, envelope.shells.byTags
    texts: list[bytes] = []
    bodies: list[bytes] = []
    shell, size, marked = None, 0, None
    for message in messages:
        if type(message) is not Message:
            return None
        body, tags = message.body, message.tags
        if (
            message.topic != topic
            or type(body) is not bytes
            or not 0 < len(body) <= largest
            or (tags is not None and type(tags) is not str)
            or message.keys is not _NO_KEYS
            or message.properties is not None
            or message.shardingKey is not None
            or message.flag is not _ZERO
            or message.waitStoreMsgOK is not True
            or message.delayTimeLevel is not _ZERO
            or message.deliverAfter is not None
            or message.deliverAt is not None
        ):
            return None
        if len(body) != size or tags is not marked:
            size, marked = len(body), tags
            try:
                shell = shells[tags][size]
            except KeyError:
                shell = shellFor(envelope, tags, size, ids[0])
        if shell is None:
            return None
        texts.append(shell.text)
        bodies.append(body)
    return fillShells(texts, bodies, ids)


def _anyBody(
    envelope: Envelope, messages: Sequence[Message], ids: Sequence[str]
) -> bytes:
    """
    The records of some messages.

    @raise InvalidMessage: When one of them cannot be sent.
    """
    members = enumerate(zip(messages, ids, strict=True))
    return encodeBatch([_record(envelope, at, *member) for at, member in members])


def _record(envelope: Envelope, at: int, message: Message, msgId: str) -> BatchRecord:
    """
    The record of one message of a batch.
    """
    try:
        checkMessage(message, envelope.settings.maxMessageSize)
    except InvalidMessage as error:
        raise InvalidMessage(f"message {at} of the batch: {error}") from None
    properties = propertiesOf(envelope, message, msgId, batched=True)
    return BatchRecord(message.body, message.flag, properties)
