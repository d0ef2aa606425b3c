"""
A message as the bytes that are kept of it.

Law: the checksum is that of the bytes and of the place they lie in, so that what is
right but elsewhere is wrong, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from zlib import crc32

import msgspec

from txrocketmq.errors import SpoolDamaged
from txrocketmq.message import Message

from .entries import Kept, SpoolEntry

ROW = 48
"""
The bytes a row is counted for besides its record: what SQLite needs for it, and
its part of what is not filled of a page.
"""

PAGE = 8192
"""
The bytes of a page of the database.
"""

_OWN = PAGE // 4
"""
From how many bytes on a record has pages of its own, of which half of one is lost.
"""

_MASK = 0xFFFFFFFF


class _Record(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """
    What is kept of a message, in this order.
    """

    msgId: str
    acceptedAt: float
    tries: int
    topic: str
    body: bytes
    tags: str | None
    keys: tuple[str, ...]
    flag: int
    properties: dict[str, str] | None
    delayTimeLevel: int
    deliverAfter: float | None
    deliverAt: float | None
    waitStoreMsgOK: bool
    shardingKey: str | None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Record).decode


def recordsOf(entries: Iterable[SpoolEntry], acceptedAt: float) -> list[bytes]:
    """
    The records of messages.

    A message that is to be delivered after some time is to be so after it was
    accepted, however long it waits here.

    @param acceptedAt: Seconds of the epoch.

    @raise TypeError: When a message's fields are of the wrong types.
    """
    return [
        _encode(
            (
                entry.msgId,
                acceptedAt,
                0,
                (message := entry.message).topic,
                message.body,
                message.tags,
                message.keys,
                message.flag,
                message.properties,
                message.delayTimeLevel,
                None,
                (
                    message.deliverAt
                    if message.deliverAfter is None
                    else acceptedAt + message.deliverAfter
                ),
                message.waitStoreMsgOK,
                message.shardingKey,
            )
        )
        for entry in entries
    ]


def sizeOf(record: bytes) -> int:
    """
    The bytes a record counts for.
    """
    return spaceOf(len(record))


def spaceOf(length: int) -> int:
    """
    The bytes a record of this length counts for.
    """
    return length + ROW if length < _OWN else length + ROW + PAGE // 2


def sizesOf(records: Iterable[bytes]) -> int:
    """
    The bytes that records count for, together.
    """
    return sum(map(spaceOf, map(len, records)))


def checksum(number: int, record: bytes) -> int:
    """
    The checksum of a record at its place.
    """
    return crc32(record, number & _MASK)


def rowsOf(first: int, records: Sequence[bytes]) -> list[int | bytes]:
    """
    The columns of the rows that records become, one after another.

    @param first: The first one's number.
    """
    flat: list[int | bytes] = []
    for number, record in enumerate(records, first):
        flat += (number, crc32(record, number & _MASK), record)
    return flat


def keptOf(number: int, crc: int, record: bytes) -> Kept:
    """
    The message of a row.

    @raise SpoolDamaged: When the row is not what was written.
    """
    if crc32(record, number & _MASK) != crc:
        raise SpoolDamaged(f"message {number} is damaged")
    return _kept(number, record)


def _kept(number: int, record: bytes) -> Kept:
    """
    The message of a record that is whole.

    @raise SpoolDamaged: When it is none.
    """
    try:
        fields = _decode(record)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SpoolDamaged(f"message {number} is not understood") from error
    message = Message(
        fields.topic,
        fields.body,
        tags=fields.tags,
        keys=fields.keys,
        flag=fields.flag,
        properties=fields.properties,
        delayTimeLevel=fields.delayTimeLevel,
        deliverAfter=fields.deliverAfter,
        deliverAt=fields.deliverAt,
        waitStoreMsgOK=fields.waitStoreMsgOK,
        shardingKey=fields.shardingKey,
    )
    return Kept(
        number, message, fields.msgId, fields.tries, fields.acceptedAt, sizeOf(record)
    )


def putBack(record: bytes) -> bytes:
    """
    A record of a message that is tried once more.
    """
    fields = _decode(record)
    return _encode(msgspec.structs.replace(fields, tries=fields.tries + 1))


def cut(whole: bytes, lengths: Iterable[int]) -> Iterator[bytes]:
    """
    Cut bytes into parts of these lengths.
    """
    start = 0
    for length in lengths:
        yield whole[start : start + length]
        start += length
