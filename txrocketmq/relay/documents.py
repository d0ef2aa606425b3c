"""
JSON documents that are messages.

Laws:

    - All of a body is checked before any of it is sent.

    - What is wrong is told with its JSON path and fixed words; of what was sent,
      only the name of a field that does not exist is told again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec
from msgspec import UNSET, Raw, UnsetType

from txrocketmq import Message
from txrocketmq._sending.validate import (
    MAX_PROPERTIES,
    SURELY_SHORT,
    checkMessage,
    isUndelayed,
)
from txrocketmq.errors import InvalidMessage

NAME_SHOWN = re.compile(r"[A-Za-z0-9_.-]{1,64}\Z")
UNKNOWN = re.compile(r"Object contains unknown field `(.*)`\Z", re.DOTALL)
EXPECTED = re.compile(r"Expected `([a-z |]+)`, got `([a-z]+)`\Z")
MISSING = re.compile(r"Object missing required field `([A-Za-z]+)`\Z")
AT = re.compile(r"^(.*) - at `(\$.*)`\Z", re.DOTALL)
BYTE = re.compile(r"\(byte (\d+)\)\Z")

OWN_PROPERTIES = 512
"""
What the producer adds to a message's properties is no longer.
"""

REASONS = {
    "body": "must not be empty, nor longer than a message may be",
    "tags": "must be text that is not blank and has no control characters",
    "keys": "must be texts that are not blank and have no white space",
    "properties": "must be names and values that are not blank, have no control "
    "characters, and are not RocketMQ's own",
    "shardingKey": "must be text that is not blank and has no control characters",
    "delayTimeLevel": "must be a whole number from 0",
    "deliverAt": "must be a time in epoch seconds",
    "deliverAfter": "must be a number of seconds from 0",
}
"""
What is said of each field that cannot be as it is.
"""

ONE_BODY = "has to have exactly one of body, bodyBase64 and json"
ONE_DELAY = "may have one of delayTimeLevel, deliverAt and deliverAfter, not more"
TOO_LARGE = "the tags, keys and properties are together longer than a broker stores"
NO_DELAY_KEY = "cannot be sent as it is"


class Item(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """
    One message, as a document has it.
    """

    body: str | UnsetType = UNSET
    bodyBase64: bytes | UnsetType = UNSET
    json: Raw | UnsetType = UNSET
    tags: str | None = None
    keys: str | tuple[str, ...] | None = None
    properties: dict[str, str] | None = None
    shardingKey: str | None = None
    delayTimeLevel: int = 0
    deliverAt: float | None = None
    deliverAfter: float | None = None


class Items(msgspec.Struct, forbid_unknown_fields=True):
    """
    Several messages, as a document has them.
    """

    messages: list[Item]


class Fault(ValueError):
    """
    A document is no message, or one that cannot be sent.

    @ivar malformed: Whether it is not even JSON.

    @ivar path: Where, as a JSON path.

    @ivar reason: What is wrong, in fixed words.

    @ivar more: The name of a field that does not exist; the byte where it ends to be
        JSON; the line.
    """

    def __init__(
        self, path: str, reason: str, malformed: bool = False, **more: str | int
    ) -> None:
        self.path = path
        self.reason = reason
        self.malformed = malformed
        self.more = more
        super().__init__(f"{path}: {reason}")


_oneItem = msgspec.json.Decoder(Item)
_manyItems = msgspec.json.Decoder(Items)


def itemsOf(body: bytes) -> list[Item]:
    """
    Read a document of several messages.

    @raise Fault: It is none.
    """
    try:
        return _manyItems.decode(body).messages
    except (ValueError, RecursionError) as error:
        raise faultOf(error, "$") from None


def itemOf(line: bytes | bytearray | memoryview, path: str) -> Item:
    """
    Read a document of one message.

    @param path: Where it is.

    @raise Fault: It is none.
    """
    try:
        return _oneItem.decode(line)
    except (ValueError, RecursionError) as error:
        raise faultOf(error, path) from None


def messageOf(
    topic: str, item: Item, path: str, maxMessage: int, extra: Mapping[str, str] | None
) -> Message:
    """
    The message that a document's part is.

    @param path: Where the part is.

    @param maxMessage: The longest body.

    @param extra: Properties that it has besides, unless it names them itself.

    @raise Fault: It cannot be sent.
    """
    properties = item.properties or None
    if extra:
        properties = {**extra, **(properties or {})}
    keys = item.keys
    message = Message(
        topic,
        _bodyOf(item, path),
        tags=item.tags,
        keys=() if keys is None else keys,
        properties=properties,
        delayTimeLevel=item.delayTimeLevel,
        deliverAfter=item.deliverAfter,
        deliverAt=item.deliverAt,
        shardingKey=item.shardingKey,
    )
    try:
        checkMessage(message, maxMessage)
    except InvalidMessage:
        raise _invalid(message, path, item, maxMessage) from None
    if properties or keys or item.tags or item.shardingKey:
        checkTotal(message, path)
    return message


def checkTotal(message: Message, path: str) -> None:
    """
    @raise Fault: What describes a message is longer than a broker stores.
    """
    length = len(message.tags or "") + len(message.shardingKey or "") + 4
    for key in message.keys:
        length += len(key) + 2
    named = message.properties
    if named:
        texts = (*named, *named.values())
        length += sum(map(len, texts)) + 2 * len(texts)
    if length > SURELY_SHORT - OWN_PROPERTIES:
        _checkSize(message, path)


def _checkSize(message: Message, path: str) -> None:
    """
    As L{checkTotal}, by bytes.
    """
    named = message.properties or {}
    own = message.tags or "", message.shardingKey or ""
    texts = (*own, *message.keys, *named, *named.values())
    if sum(len(text.encode()) + 2 for text in texts) > MAX_PROPERTIES - OWN_PROPERTIES:
        raise Fault(path, TOO_LARGE, limit=MAX_PROPERTIES - OWN_PROPERTIES)


def _bodyOf(item: Item, path: str) -> bytes:
    """
    The bytes of a message.

    @raise Fault: There are none, or several.
    """
    text, data, json = item.body, item.bodyBase64, item.json
    if type(text) is str and data is UNSET and json is UNSET:
        # What nearly all have.
        return text.encode()
    if (text is UNSET) + (data is UNSET) + (json is UNSET) != 2:
        raise Fault(path, ONE_BODY)
    if not isinstance(text, UnsetType):
        return text.encode()
    if not isinstance(data, UnsetType):
        return data
    assert not isinstance(json, UnsetType)
    raw = bytes(json)
    if not raw.isascii() and not _isText(raw):
        raise Fault(f"{path}.json", "must be JSON in UTF-8", malformed=True)
    return raw


def _isText(raw: bytes) -> bool:
    """
    Whether bytes are UTF-8: what is kept as it came was not looked at.
    """
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _invalid(message: Message, path: str, item: Item, maxMessage: int) -> Fault:
    """
    Say which part of a message cannot be sent, by looking at each of them alone.
    """
    for field in REASONS:
        value = getattr(message, field)
        if field == "body":
            alone = Message(message.topic, message.body)
        else:
            alone = Message(message.topic, b"x", **{field: value})
        try:
            checkMessage(alone, maxMessage)
        except InvalidMessage:
            return Fault(f"{path}.{_shownField(field, item)}", REASONS[field])
    return Fault(path, NO_DELAY_KEY if isUndelayed(message) else ONE_DELAY)


def _shownField(field: str, item: Item) -> str:
    """
    What a field is called in the document.
    """
    if field != "body" or item.body is not UNSET:
        return field
    return "json" if item.bodyBase64 is UNSET else "bodyBase64"


def faultOf(error: Exception, path: str) -> Fault:
    """
    What is wrong with a document that cannot be read.

    @param path: Where it begins.
    """
    if isinstance(error, RecursionError):
        return Fault(path, "is nested too deeply", malformed=True)
    text = str(error)
    if not isinstance(error, msgspec.ValidationError):
        return _malformed(text, path)
    if where := AT.match(text):
        text, below = where.groups()
        path += below[1:]
    if unknown := UNKNOWN.match(text):
        name = unknown[1]
        shown = {"field": name} if NAME_SHOWN.match(name) else {}
        return Fault(path, "has a field that does not exist", False, **shown)
    if missing := MISSING.match(text):
        return Fault(path, f"has no {missing[1]}")
    if expected := EXPECTED.match(text):
        wanted, got = expected.groups()
        return Fault(path, f"must be {wanted.replace(' | ', ' or ')}, not {got}")
    if "base64" in text:
        return Fault(path, "must be base64")
    return Fault(path, "is out of range")


def _malformed(text: str, path: str) -> Fault:
    """
    What is wrong with what is no JSON.
    """
    if "utf-8" in text.lower():
        # Until msgspec 0.21 it is Python's own error, later one of msgspec's.
        return Fault(path, "is not UTF-8", True)
    if at := BYTE.search(text):
        byte = int(at[1])
        if "trailing" in text:
            return Fault(path, "is followed by something", True, byte=byte)
        return Fault(path, "is not JSON", True, byte=byte)
    return Fault(path, "is not JSON: it ends too soon", True)
