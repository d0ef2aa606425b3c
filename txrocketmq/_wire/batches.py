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
_FIXED = _HEAD.size + _SHORT.size

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
    parts: list[bytes] = []
    for record in records:
        body = record.body
        properties = record.properties.encode("utf-8")
        if len(properties) > MAX_PROPERTIES:
            raise ValueError(f"properties of {len(properties)} bytes in a batch")
        total = _FIXED + len(body) + len(properties)
        parts += (
            _HEAD.pack(total, 0, 0, record.flag, len(body)),
            body,
            _SHORT.pack(len(properties)),
            properties,
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
