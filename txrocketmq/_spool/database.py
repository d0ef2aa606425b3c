"""
The database: one connection, used by one thread, one transaction at a time.

Laws:

    - A transaction is committed as a whole, or rolled back and the connection
      closed: after an error nothing is done on it before the file was read anew.

    - The log is written back to the file often: one flipped bit in it ends what is
      read of it, and it is the only copy of what is not yet written back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from errno import EDQUOT, ENOSPC
from pathlib import Path
from typing import TypeVar

import attrs

from txrocketmq.errors import SpoolDamaged

from .entries import Kept
from .records import PAGE
from .schema import adopt
from .state import State
from .tables import checkRows, oldestOf, readWaiting

T = TypeVar("T")

CHECKPOINT = 2 * 1024 * 1024
"""
The bytes of the log from which on it is written back.
"""

STATEMENTS = 64
"""
How many prepared statements are kept.
"""

SMALL = 32 * 1024 * 1024
"""
The longest file, in bytes, that is read as a whole when it is opened: with messages of
100 bytes that takes three tenths of a second.  Of a longer one, each message is checked
when it is read.
"""

SLACK = 16 * 1024 * 1024
"""
The bytes that a file may have free: more are given back when nothing waits, and
when they are the most of it.
"""

CORRUPT = frozenset(
    {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}
)
"""
The errors that say that a file is not what was written.
"""

Connect = Callable[[str], sqlite3.Connection]


def connect(path: str) -> sqlite3.Connection:
    """
    Open a file, for this thread alone.
    """
    return sqlite3.connect(
        path, isolation_level=None, timeout=0, cached_statements=STATEMENTS
    )


def isDamage(error: Exception) -> bool:
    """
    Whether an error says that a file is not what was written.
    """
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None)
        return code is not None and (code & 0xFF) in CORRUPT
    return isinstance(error, SpoolDamaged)


def isFull(error: Exception) -> bool:
    """
    Whether an error says that the disk is full.
    """
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return isinstance(error, OSError) and error.errno in (ENOSPC, EDQUOT)


class Database:
    """
    An open database.

    @ivar connection: The one connection.

    @ivar state: The counters, as they are in the transaction under way.

    @ivar oldest: When the first that waits was accepted.

    @ivar commits: How many there were.
    """

    def __init__(self, path: Path, connect: Connect = connect) -> None:
        """
        @raise sqlite3.Error: When the file cannot be used.

        @raise SpoolDamaged: When it is not what was written.

        @raise SpoolUnavailable: When it is of a later version, or no spool.
        """
        self.path = path
        self.commits = 0
        self._written = True
        self.connection = connect(str(path))
        try:
            self._configure()
            self.state: State = adopt(self.connection)
            self._first = oldestOf(self.connection)
        except BaseException:
            self.connection.close()
            raise
        self._saved = attrs.evolve(self.state)

    @property
    def oldest(self) -> float | None:
        """
        When the first that waits was accepted, in seconds of the epoch.
        """
        return self._first

    def check(self) -> None:
        """
        Read everything, unless it is too much.

        @raise SpoolDamaged: When something is not what was written.

        @raise sqlite3.Error: When it cannot be read.
        """
        if self.path.stat().st_size > SMALL:
            return
        (said,) = self.connection.execute("PRAGMA quick_check(1)").fetchone()
        if said != "ok":
            raise SpoolDamaged("the spool's file is damaged")
        if checkRows(self.connection) != self.state.waiting:
            raise SpoolDamaged("the spool's counters do not fit what is there")

    def waiting(self, after: int, most: int, mostBytes: int) -> list[Kept]:
        """
        Messages in the order they were accepted in.

        @raise SpoolDamaged: When one is damaged, or there is none where there should
            be some: a page that leads to others can be wrong without a sign of it.
        """
        found = readWaiting(self.connection, after, most, mostBytes)
        if not (found or after) and self.state.waiting:
            raise SpoolDamaged("the messages that wait are not found")
        return found

    def begin(self) -> None:
        """
        Begin a transaction.
        """
        self.connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """
        End the transaction: what it did is on the disk when this returns.
        """
        before = self._saved
        self.state.save(self.connection)
        if not before.waiting or self._shrank(before):
            self._first = oldestOf(self.connection)
        self.connection.execute("COMMIT")
        self.commits += 1
        self._saved = attrs.evolve(self.state)
        self._written = True

    def _shrank(self, before: State) -> bool:
        """
        Whether messages were taken out since a state.
        """
        added = self.state.next - before.next
        return self.state.waiting - added < before.waiting

    def rest(self, isTight: bool = False) -> None:
        """
        There is nothing to do: write the log back, and if nothing waits and the file
        has much free space, give that back.

        @param isTight: Whether the disk is full: any space is much then.

        It can wait for another time, when it fails: everything is committed.
        """
        if not self._written:
            return
        self._written = False
        try:
            idle = not (self.state.waiting or self.state.refused)
            if idle and self._isLoose(isTight):
                self.connection.execute("VACUUM")
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error as error:
            if isDamage(error):
                raise

    def _isLoose(self, isTight: bool) -> bool:
        """
        Whether so much of the file is free that it is to be written anew.

        @param isTight: Whether anything is much.
        """
        (free,) = self.connection.execute("PRAGMA freelist_count").fetchone()
        (pages,) = self.connection.execute("PRAGMA page_count").fetchone()
        if isTight:
            return bool(free)
        # What is not free, answers, is copied.
        return bool(free * PAGE > SLACK and 2 * free > pages)

    def close(self) -> None:
        """
        Write the log back and close the file.
        """
        self.connection.close()

    def _configure(self) -> None:
        """
        Say how the file is to be used.
        """
        for setting in (
            f"page_size = {PAGE}",
            # Nobody else ever opens it: no shared memory, no locks to wait for.
            "locking_mode = EXCLUSIVE",
            "journal_mode = WAL",
            "synchronous = FULL",
            f"wal_autocheckpoint = {CHECKPOINT // PAGE}",
            f"journal_size_limit = {2 * CHECKPOINT}",
            "cache_size = -8192",
            "temp_store = MEMORY",
            "trusted_schema = OFF",
            "cell_size_check = ON",
        ):
            self.connection.execute(f"PRAGMA {setting}").fetchall()
