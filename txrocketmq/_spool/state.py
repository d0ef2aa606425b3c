"""
What the spool knows of itself, in one row: counters that are written with what they
count, in one commit.
"""

from __future__ import annotations

from sqlite3 import Connection
from zlib import crc32

import attrs
import msgspec

from txrocketmq.errors import SpoolDamaged

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, ...]).decode


@attrs.define
class State:
    """
    The counters.

    @ivar version: The version of the schema: the first in every version.

    @ivar next: The number of the next message.

    @ivar waiting: How many messages wait.

    @ivar waitingBytes: The bytes they count for.

    @ivar refused: How many messages were refused.

    @ivar refusedBytes: The bytes these count for.

    @ivar recovered: How many messages were taken out of damaged files.

    @ivar lost: How many could not be.

    @ivar claimBytes: The bytes that answers count for.
    """

    version: int
    next: int = 1
    waiting: int = 0
    waitingBytes: int = 0
    refused: int = 0
    refusedBytes: int = 0
    recovered: int = 0
    lost: int = 0
    claimBytes: int = 0

    def save(self, connection: Connection) -> None:
        """
        Write it, as a part of the transaction under way.
        """
        record = _encode(attrs.astuple(self))
        connection.execute(
            "UPDATE state SET crc = ?, record = ? WHERE id = 1", (crc32(record), record)
        )

    def insert(self, connection: Connection) -> None:
        """
        Write it for the first time.
        """
        connection.execute("INSERT INTO state (id, crc, record) VALUES (1, 0, x'')")
        self.save(connection)


def loadState(connection: Connection) -> State:
    """
    Read the counters.

    @raise SpoolDamaged: When they are not what was written.
    """
    row = connection.execute("SELECT crc, record FROM state WHERE id = 1").fetchone()
    state = None if row is None else stateOf(*row)
    if state is None:
        raise SpoolDamaged("the spool's counters are damaged")
    return state


def stateOf(crc: object, record: object) -> State | None:
    """
    The counters of a row; L{None} when they are not what was written.
    """
    if not isinstance(record, bytes) or crc32(record) != crc:
        return None
    try:
        numbers = _decode(record)
        # A later version may have more of them.
        return State(*numbers[: len(attrs.fields(State))])
    except (msgspec.MsgspecError, TypeError):
        return None
