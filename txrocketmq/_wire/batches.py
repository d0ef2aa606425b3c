"""
Batches: several messages in one body.

Follows C{MessageDecoder.encodeMessages} and C{decodeMessages} of Java.
"""

from __future__ import annotations

from collections.abc import Iterable
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

# Java's length of the properties is an int16.
MAX_PROPERTIES = 0x7FFF


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
    return joinRecords(
        (record.flag, record.body, recordTail(record.properties)) for record in records
    )


def recordTail(properties: str) -> bytes:
    """
    Write what stands behind the body in a message's record.

    @raise ValueError: As L{encodeBatch} does.
    """
    text = properties.encode("utf-8")
    if len(text) > MAX_PROPERTIES:
        raise ValueError(f"properties of {len(text)} bytes in a batch")
    return _SHORT.pack(len(text)) + text


def joinRecords(records: Iterable[tuple[int, bytes, bytes]]) -> bytes:
    """
    Write the body of a batch.

    @param records: Of each message its flag, its body and its L{recordTail}.
    """
    parts: list[bytes] = []
    for flag, body, tail in records:
        size = len(body)
        parts += (
            _HEAD.pack(_HEAD.size + size + len(tail), 0, 0, flag, size),
            body,
            tail,
        )
    return b"".join(parts)


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
