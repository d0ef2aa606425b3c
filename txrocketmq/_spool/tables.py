"""
The messages' tables: what is done to them inside of a transaction.

The interpreter lets other threads run while SQLite works, and a busy thread is slow
to give it back: so there are few statements, each of many rows, and never one that
gives its rows one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import lt
from sqlite3 import Connection

from txrocketmq.errors import SpoolDamaged

from .entries import Kept
from .records import checksum, cut, keptOf, rowsOf, sizesOf, spaceOf
from .state import State

MOST_ROWS = 256
"""
The most rows of one statement.  Who posts many posts as many each time, mostly: their
statement is prepared already, and each statement less is one wait less for a reactor
that is busy.
"""

_INSERT = "INSERT INTO waiting (number, crc, record) VALUES "
_VALUES = ",".join(["(?,?,?)"] * MOST_ROWS)

# In a damaged row a blob can have become anything: hence the casts.
_READ = (
    "SELECT group_concat(number), group_concat(crc), "
    "group_concat(length(CAST(record AS BLOB))), "
    "CAST(group_concat(record, '') AS BLOB) FROM (SELECT number, crc, record "
    "FROM waiting WHERE number BETWEEN ? AND ? ORDER BY number)"
)

_LENGTHS = (
    "SELECT group_concat(number), "
    "group_concat(coalesce(length(CAST(record AS BLOB)), 0)) FROM (SELECT number, "
    "record FROM waiting WHERE number > ? ORDER BY number LIMIT ?)"
)

_DROPPED = (
    "SELECT count(*), group_concat(coalesce(length(CAST(record AS BLOB)), 0)) "
    "FROM waiting WHERE number BETWEEN ? AND ?"
)


class Damaged(SpoolDamaged):
    """
    A row is not what was written.

    @ivar number: Its number.
    """

    def __init__(self, number: int, reason: str) -> None:
        self.number = number
        super().__init__(reason)


def appendRecords(
    connection: Connection, state: State, records: Sequence[bytes]
) -> range:
    """
    Keep messages.

    @return: Their numbers.
    """
    first = state.next
    flat = rowsOf(state.next, records)
    start, left = 0, len(records)
    while left:
        rows = min(left, MOST_ROWS)
        values = _VALUES[: len("(?,?,?),") * rows - 1]
        connection.execute(_INSERT + values, flat[start : start + 3 * rows])
        start += 3 * rows
        left -= rows
    state.next += len(records)
    state.waiting += len(records)
    state.waitingBytes += sizesOf(records)
    return range(first, state.next)


def readWaiting(
    connection: Connection, after: int, most: int, mostBytes: int
) -> list[Kept]:
    """
    Messages in the order they were accepted in.

    @param after: From the first number after this one.

    @param mostBytes: Of records; there is always one, if there is any.

    @raise Damaged: When the first is damaged; before any other that is, it ends.

    @raise SpoolDamaged: When a number is damaged: in a range that ends with another
        one, nothing behind it would be found.
    """
    listed, lengths = connection.execute(_LENGTHS, (after, most)).fetchone()
    if listed is None:
        return []
    numbers = _numbers(listed)
    count = _within(_numbers(lengths), mostBytes)
    rows = list(rowsIn(connection, after + 1, numbers[count - 1]))
    if len(rows) != count or not all(map(lt, numbers, numbers[1:])):
        raise SpoolDamaged("the messages that wait are not in their order")
    return whole(iter(rows))


def _within(lengths: list[int], mostBytes: int) -> int:
    """
    How many records are together no longer than they may be, but one in any case.
    """
    total = lengths[0]
    for count in range(1, len(lengths)):
        total += lengths[count]
        if total > mostBytes:
            return count
    return len(lengths)


def rowsIn(
    connection: Connection, first: int, last: int
) -> Iterator[tuple[int, int, bytes]]:
    """
    The rows in a range of numbers.
    """
    *lists, content = connection.execute(_READ, (first, last)).fetchone()
    if lists[0] is None:
        return iter(())
    try:
        numbers, crcs, lengths = map(_numbers, lists)
    except (AttributeError, ValueError):
        return _oneByOne(connection, first, last)
    if sum(lengths) != len(content) or len(set(map(len, (numbers, crcs, lengths)))) > 1:
        return _oneByOne(connection, first, last)
    return zip(numbers, crcs, cut(content, lengths), strict=True)


def _oneByOne(
    connection: Connection, first: int, last: int
) -> Iterator[tuple[int, int, bytes]]:
    """
    The rows in a range of numbers, of which some are damaged in their very form.
    """
    rows = connection.execute(
        "SELECT number, crc, record FROM waiting WHERE number BETWEEN ? AND ? "
        "ORDER BY number",
        (first, last),
    )
    for number, crc, record in rows.fetchall():
        formed = isinstance(crc, int) and isinstance(record, bytes)
        # A checksum is never negative.
        yield (number, crc, record) if formed else (number, -1, b"")


def whole(rows: Iterator[tuple[int, int, bytes]]) -> list[Kept]:
    """
    The messages of rows, as far as they are whole.
    """
    kept: list[Kept] = []
    for number, crc, record in rows:
        try:
            kept.append(keptOf(number, crc, record))
        except SpoolDamaged as error:
            if kept:
                return kept
            raise Damaged(number, str(error)) from error
    return kept


def _numbers(text: str) -> list[int]:
    """
    The numbers in a list that SQLite wrote.
    """
    return list(map(int, text.split(",")))


def checkRows(connection: Connection) -> int:
    """
    Read all messages that wait; nobody else is busy then.

    @return: How many there are.

    @raise SpoolDamaged: When one is not what was written.
    """
    count = 0
    for number, crc, record in connection.execute(
        "SELECT number, crc, CAST(record AS BLOB) FROM waiting"
    ):
        if record is None or checksum(number, record) != crc:
            raise SpoolDamaged(f"message {number} is damaged")
        count += 1
    return count


def dropMessages(connection: Connection, state: State, numbers: Sequence[int]) -> int:
    """
    Forget messages, as far as they are there.

    @return: How many were.
    """
    count = 0
    for first, last in runs(numbers):
        found, lengths = connection.execute(_DROPPED, (first, last)).fetchone()
        if not found:
            continue
        connection.execute(
            "DELETE FROM waiting WHERE number BETWEEN ? AND ?", (first, last)
        )
        count += found
        state.waiting -= found
        state.waitingBytes -= sum(map(spaceOf, _numbers(lengths)))
    if not state.waiting:
        state.waitingBytes = 0
    return count


def runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """
    Numbers as ranges without a gap.
    """
    ordered = sorted(numbers)
    start = 0
    for index in range(1, len(ordered) + 1):
        if index == len(ordered) or ordered[index] > ordered[index - 1] + 1:
            yield ordered[start], ordered[index - 1]
            start = index


def loseMessage(connection: Connection, state: State, number: int) -> None:
    """
    Forget a message that is damaged.
    """
    state.lost += dropMessages(connection, state, [number])


def depthOf(connection: Connection, table: str) -> tuple[int, int]:
    """
    How many messages there are in one of the two tables, and the bytes they count
    for.  This reads everything: it is for a table that was filled anew.
    """
    count = size = 0
    for (length,) in connection.execute(f"SELECT length(record) FROM {table}"):
        count += 1
        size += spaceOf(length)
    return count, size


def oldestOf(connection: Connection) -> float | None:
    """
    When the first of those that wait was accepted.
    """
    row = connection.execute(
        "SELECT number, crc, record FROM waiting ORDER BY number LIMIT 1"
    ).fetchone()
    try:
        return None if row is None else keptOf(*row).acceptedAt
    except (SpoolDamaged, TypeError):
        # It is found to be damaged when it is its turn.
        return None
