"""
Batches: several messages in one body.

Follows C{MessageDecoder.encodeMessages} and C{decodeMessages} of Java.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from struct import Struct, error

import msgspec

from .malformed import MalformedBody

# total size, magic, body CRC, flag, length of the body
_HEAD = Struct(">iiiii")
_SHORT = Struct(">h")

HEAD_SIZE = _HEAD.size
"""
How many bytes of a record stand before its body.
"""

MOST_SHELLS = 8192
"""
How many shells are kept: some 300 bytes each.
"""

# Java's length of the properties is an int16.
MAX_PROPERTIES = 0x7FFF


class Shell(msgspec.Struct, frozen=True, gc=False):
    """
    A message's record without its body and its C{UNIQ_KEY}.

    @ivar text: C{%} puts them in, the body first.

    @ivar size: How many bytes the record has with them.
    """

    text: bytes
    size: int


class Shells:
    """
    Those that are kept.

    @ivar byTags: They, by tags, and then by the size of the body: to look twice
        takes less time than to make one key of both.
    """

    def __init__(self) -> None:
        self.byTags: dict[str | None, dict[int, Shell]] = {}
        self._count = 0

    def __len__(self) -> int:
        """
        How many there are.
        """
        return self._count

    def keep(self, tags: str | None, size: int, shell: Shell) -> None:
        """
        Keep one that is not kept yet.
        """
        if self._count >= MOST_SHELLS:
            self.byTags.clear()
            self._count = 0
        self.byTags.setdefault(tags, {})[size] = shell
        self._count += 1


def shellOf(flag: int, bodySize: int, tail: bytes, key: bytes) -> Shell:
    """
    What a record has around a body of some size.

    @param tail: The L{recordTail} of such a message.

    @param key: The C{UNIQ_KEY} in there; that which is put in is as long.
    """
    size = _HEAD.size + bodySize + len(tail)
    head = _HEAD.pack(size, 0, 0, flag, bodySize)
    before, _, after = (part.replace(b"%", b"%%") for part in tail.partition(key))
    return Shell(head.replace(b"%", b"%%") + b"%b" + before + b"%b" + after, size)


def fillShells(
    texts: Sequence[bytes], bodies: Sequence[bytes], keys: Sequence[str]
) -> bytes:
    """
    Write the body of a batch.

    All in one formatting: to format each record takes half as long again.

    @param texts: Those of each message's L{Shell}.
    """
    within: list[bytes] = [b""] * (2 * len(bodies))
    within[::2] = bodies
    within[1::2] = [key.encode() for key in keys]
    return b"".join(texts) % tuple(within)


class BatchRecord(msgspec.Struct, frozen=True):
    """
    One message of a batch.

    @ivar properties: As L{encodeProperties
        <txrocketmq._wire.properties.encodeProperties>} gives them.
    """

    body: bytes
    flag: int = 0
    properties: str = ""


def encodeBatch(records: Iterable[BatchRecord]) -> bytes:
    """
    Write messages as the body of a batch.

    @raise ValueError: The properties of one are longer than 32767 bytes, or a
        text is not Unicode.
    """
    parts: list[bytes] = []
    for record in records:
        size, tail = len(record.body), recordTail(record.properties)
        total = _HEAD.size + size + len(tail)
        parts += _HEAD.pack(total, 0, 0, record.flag, size), record.body, tail
    return b"".join(parts)


def recordTail(properties: str) -> bytes:
    """
    Write what stands behind the body in a message's record.

    @raise ValueError: As L{encodeBatch} does.
    """
    text = properties.encode("utf-8")
    if len(text) > MAX_PROPERTIES:
        raise ValueError(f"properties of {len(text)} bytes in a batch")
    return _SHORT.pack(len(text)) + text


def decodeBatch(data: bytes) -> list[BatchRecord]:
    """
    Read the messages of a batch.

    @raise MalformedBody: The bytes are not those of a batch.
    """
    records = []
    at = 0
    try:
        while at < len(data):
            total, _, _, flag, bodySize = _HEAD.unpack_from(data, at)
            bodyEnd = at + _HEAD.size + bodySize
            (propertiesSize,) = _SHORT.unpack_from(data, bodyEnd)
            end = bodyEnd + 2 + propertiesSize
            if (
                min(bodySize, propertiesSize) < 0
                or total != end - at
                or end > len(data)
            ):
                raise MalformedBody(f"batch record of {total} bytes at {at}")
            body = data[at + _HEAD.size : bodyEnd]
            properties = data[bodyEnd + 2 : end].decode("utf-8")
            records.append(BatchRecord(body, flag, properties))
            at = end
    except (error, UnicodeDecodeError) as e:
        raise MalformedBody(f"batch record at {at}: {e}") from e
    return records
