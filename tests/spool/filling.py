"""
Spools with very many messages, made fast.
"""

from __future__ import annotations

import time
from pathlib import Path

from txrocketmq._spool import SpoolEntry
from txrocketmq._spool.database import Database
from txrocketmq._spool.place import DATABASE
from txrocketmq._spool.records import recordsOf, rowsOf, sizesOf
from txrocketmq.message import Message

TOGETHER = 10_000
TOPIC = "TopicTest"
KEYS = 1000
"""
How many shardingKeys there are: every second message has one.
"""


def fill(directory: Path, count: int, size: int) -> None:
    """
    Make a spool in which messages wait.

    @param size: The bytes of a body.
    """
    directory.mkdir(mode=0o700)
    path = directory / DATABASE
    path.touch(mode=0o600)
    database = Database(path)
    connection, state = database.connection, database.state
    for setting in ("synchronous = OFF", "cache_size = -65536"):
        connection.execute(f"PRAGMA {setting}")
    now = time.time()
    for first in range(0, count, TOGETHER):
        entries = _entries(range(first, min(first + TOGETHER, count)), b"x" * size)
        records = recordsOf(entries, now)
        flat = rowsOf(state.next, records)
        database.begin()
        connection.executemany(
            "INSERT INTO waiting (number, crc, record) VALUES (?, ?, ?)",
            zip(flat[::3], flat[1::3], flat[2::3], strict=True),
        )
        state.next += len(records)
        state.waiting += len(records)
        state.waitingBytes += sizesOf(records)
        database.commit()
    database.close()


def _entries(numbers: range, body: bytes) -> list[SpoolEntry]:
    """
    Messages of which every second one has a key.
    """
    return [
        SpoolEntry(
            Message(TOPIC, body, shardingKey=f"k{n % KEYS}" if n % 2 else None),
            f"7F0000010A1B2C3D4E5F{n:012X}",
        )
        for n in numbers
    ]
