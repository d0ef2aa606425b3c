"""
What the headers of a request say of its messages.

Names of headers have no case, but are sent with one: the name of a property is taken
as it was spelled, as far as what is between sender and relay has left it so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from txrocketmq import Message
from txrocketmq._sending.validate import checkMessage
from txrocketmq.errors import InvalidMessage
from txrocketmq.relay.documents import Fault, checkTotal

OURS = b"x-rocketmq-"
TAGS = b"x-rocketmq-tags"
KEYS = b"x-rocketmq-keys"
PROPERTY = b"x-rocketmq-property-"
"""
The headers that describe a message.
"""

TRACEPARENT = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}\Z"
)
TRACESTATE = re.compile(rb"[!-~][ -~]{0,511}\Z")
REQUEST_ID = re.compile(rb"[A-Za-z0-9._~+/=:@-]{1,128}\Z")
IDEMPOTENCY_KEY = re.compile(rb"[!-~]{1,255}\Z")

Fields = Mapping[bytes, Sequence[bytes]]
"""
Headers by their canonical names, as Twisted keeps them.
"""


def single(fields: Fields, name: bytes) -> bytes | None:
    """
    The value of a header that is there once.

    @return: L{None} when it is not there, or more than once.
    """
    values = fields.get(name)
    return values[0] if values and len(values) == 1 else None


def traceOf(fields: Fields) -> dict[str, str] | None:
    """
    The properties that carry a trace on, as OpenTelemetry names them.

    Follows the W3C's Trace Context: what is not well-formed is as if it were not
    there, and a C{tracestate} alone is nothing.
    """
    parent = single(fields, b"Traceparent")
    if parent is None or not TRACEPARENT.match(parent):
        return None
    properties = {"traceparent": parent.decode("ascii")}
    state = single(fields, b"Tracestate")
    if state is not None and TRACESTATE.match(state):
        properties["tracestate"] = state.decode("ascii")
    return properties


def messageOf(
    topic: str,
    body: bytes,
    spelled: Sequence[tuple[bytes, bytes]],
    maxMessage: int,
    extra: Mapping[str, str] | None,
) -> Message:
    """
    The message that a body and its headers are.

    @param spelled: The headers that are ours, as they were sent.

    @param maxMessage: The longest body.

    @param extra: Properties that it has besides.

    @raise Fault: It cannot be sent.
    """
    if not spelled and extra is None:
        message = Message(topic, body)
    else:
        message = _described(topic, body, spelled, extra)
    try:
        checkMessage(message, maxMessage)
    except InvalidMessage:
        if not 0 < len(body) <= maxMessage:
            reason = "must not be empty, nor longer than a message may be"
            raise Fault("body", reason, limit=maxMessage) from None
        raise Fault(
            "headers", "the tags, keys or properties cannot be stored as they are"
        ) from None
    if spelled:
        checkTotal(message, "headers")
    return message


def _described(
    topic: str,
    body: bytes,
    spelled: Sequence[tuple[bytes, bytes]],
    extra: Mapping[str, str] | None,
) -> Message:
    """
    A message with what its headers say.

    @raise Fault: One is there twice, or is not text.
    """
    seen: set[bytes] = set()
    tags: str | None = None
    keys: list[str] = []
    properties: dict[str, str] = dict(extra or {})
    for name, data in spelled:
        lowered = name.lower()
        if lowered in seen:
            raise Fault("headers", "one of the X-RocketMQ headers is there twice")
        seen.add(lowered)
        value = _text(data)
        if lowered == TAGS:
            tags = value
        elif lowered == KEYS:
            keys = value.split()
        elif lowered.startswith(PROPERTY):
            properties[name[len(PROPERTY) :].decode("ascii")] = value
    return Message(topic, body, tags=tags, keys=keys, properties=properties or None)


def _text(data: bytes) -> str:
    """
    The text of a header.

    @raise Fault: It is none.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise Fault("headers", "one of the X-RocketMQ headers is not UTF-8") from None
