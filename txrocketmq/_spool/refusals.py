"""
The messages that no broker will have: kept until somebody decides about them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from sqlite3 import Connection

from .entries import Kept, Refused
from .records import checksum, putBack, sizeOf
from .state import State
from .tables import appendRecords, dropMessages, rowsIn, whole


def refuseMessage(
    connection: Connection, state: State, number: int, reason: str, now: float
) -> None:
    """
    Put a message among the refused, if it waits.
    """
    rows = list(rowsIn(connection, number, number))
    if not rows:
        return
    (kept,) = whole(iter(rows))
    dropMessages(connection, state, [number])
    insertRefused(connection, kept, rows[0][2], reason, now)
    state.refused += 1
    state.refusedBytes += kept.size


def insertRefused(
    connection: Connection, kept: Kept, record: bytes, reason: str, now: float
) -> None:
    """
    Write a row of the refused, without counting it.
    """
    number, message = kept.number, kept.message
    connection.execute(
        "INSERT OR REPLACE INTO refused (number, crc, record, reason, refusedAt, "
        "msgId, topic, size, acceptedAt) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(number, checksum(number, record), record, reason, now),
            *(kept.msgId, message.topic, len(message.body), kept.acceptedAt),
        ),
    )


def listRefused(connection: Connection, after: int, most: int) -> list[Refused]:
    """
    The refused in the order of their numbers.
    """
    found = connection.execute(
        "SELECT number, msgId, topic, size, reason, refusedAt, acceptedAt FROM refused "
        "WHERE number > ? ORDER BY number LIMIT ?",
        (after, most),
    )
    return [Refused(*row) for row in found]


def replayRefused(connection: Connection, state: State, numbers: Sequence[int]) -> int:
    """
    Have refused messages wait again, behind all others.

    @param numbers: Which.

    @return: How many.
    """
    count = 0
    for number, crc, record in _chosen(connection, numbers):
        if checksum(number, record) != crc:
            _lose(connection, state, number, record)
            continue
        appendRecords(connection, state, [putBack(record)])
        _forgetRefused(connection, state, number, record)
        count += 1
    return count


def dropRefused(connection: Connection, state: State, numbers: Sequence[int]) -> int:
    """
    Forget refused messages.

    @param numbers: Which.

    @return: How many.
    """
    count = 0
    for number, _, record in _chosen(connection, numbers):
        _forgetRefused(connection, state, number, record)
        count += 1
    return count


def _chosen(
    connection: Connection, numbers: Sequence[int]
) -> Iterator[tuple[int, int, bytes]]:
    """
    The rows of some of the refused.
    """
    for number in numbers:
        row = connection.execute(
            "SELECT number, crc, record FROM refused WHERE number = ?", (number,)
        ).fetchone()
        if row is not None:
            yield row


def _forgetRefused(
    connection: Connection, state: State, number: int, record: bytes
) -> None:
    """
    Forget one of the refused.
    """
    connection.execute("DELETE FROM refused WHERE number = ?", (number,))
    state.refused -= 1
    state.refusedBytes -= sizeOf(record)


def _lose(connection: Connection, state: State, number: int, record: bytes) -> None:
    """
    Forget one of the refused that is damaged.
    """
    _forgetRefused(connection, state, number, record)
    state.lost += 1
