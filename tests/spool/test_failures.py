"""
Tests of what the spool does when the disk fails.
"""

from __future__ import annotations

import os
import sqlite3

from twisted.internet.defer import gatherResults
from twisted.logger import capturedLogs

from tests.spool.support import SpoolTestCase, entries
from txrocketmq._spool import Claim, Spool, database
from txrocketmq._spool.handover import PROBE
from txrocketmq._spool.place import Place
from txrocketmq.errors import SpoolUnavailable


class Disk:
    """
    A disk that fails when it is told to.

    @ivar fails: What fails: the beginning of a statement.

    @ivar after: Whether the statement is carried out all the same.

    @ivar isOnce: Whether it works after that.

    @ivar error: As which of SQLite's errors.

    @ivar opened: How often the file was opened.
    """

    def __init__(self) -> None:
        self.fails: str | None = None
        self.after = False
        self.isOnce = False
        self.opened = 0
        self.error = sqlite3.SQLITE_IOERR
        self.openable = True

    def connect(self, path: str) -> sqlite3.Connection:
        """
        Open a file.
        """
        disk = self

        class Connection(sqlite3.Connection):
            """
            A connection to a file on this disk.
            """

            def execute(self, sql: str, *args: object) -> sqlite3.Cursor:
                """
                Carry out a statement, or fail.
                """
                failing = disk.fails is not None and sql.startswith(disk.fails)
                if failing and disk.isOnce:
                    disk.fails = None
                if failing and disk.after:
                    super().execute(sql, *args)  # type: ignore[arg-type]
                if failing:
                    error = sqlite3.OperationalError("disk I/O error")
                    error.sqlite_errorcode = disk.error
                    raise error
                return super().execute(sql, *args)  # type: ignore[arg-type]

        self.opened += 1
        if not self.openable:
            raise sqlite3.OperationalError("unable to open database file")
        return sqlite3.connect(path, isolation_level=None, factory=Connection)


class FailureTests(SpoolTestCase):
    """
    What fails is not kept and was not promised, and passes.
    """

    def setUp(self) -> None:
        """
        Make a disk that works.
        """
        super().setUp()
        self.disk = Disk()

    def broken(self, fails: str, after: bool = False) -> Spool:
        """
        A spool with a message, on a disk that begins to fail.
        """
        spool = self.spool(connect=self.disk.connect)
        self.wait(spool.append(entries(1)))
        self.disk.fails, self.disk.after = fails, after
        return spool

    def refuseOne(self, spool: Spool) -> None:
        """
        Have an append fail.
        """
        with self.assertRaises(SpoolUnavailable):
            self.wait(spool.append(entries(5, 10)))
        self.assertFalse(spool.accepting)

    def mend(self) -> None:
        """
        Have the disk work, and the spool notice it.
        """
        self.disk.fails = None
        self.clock.advance(PROBE)
        self.clock.settle()

    def test_commitFails(self) -> None:
        """
        A failed commit keeps nothing; the file is opened anew before anything else.
        """
        for fails in ("BEGIN", "INSERT INTO waiting", "UPDATE state", "COMMIT"):
            spool = self.broken(fails)
            opened = self.disk.opened
            self.refuseOne(spool)
            self.disk.fails = None
            self.wait(spool.append(entries(1, 1)))
            self.assertEqual(self.disk.opened, opened + 1, fails)
            self.assertTrue(spool.accepting)
            self.assertEqual(self.waiting(spool), ["ID0000", "ID0001"], fails)
            self.wait(spool.delivered([1, 2, 3, 4, 5, 6, 7, 8]))
            self.close(spool)

    def test_commitFailsAndIsThere(self) -> None:
        """
        A commit that was reported as failed has kept nothing, even where it is in
        the file after all: its senders may send again.
        """
        spool = self.broken("COMMIT", after=True)
        self.refuseOne(spool)
        self.mend()
        self.assertEqual(self.waiting(spool), ["ID0000"])
        self.assertEqual(spool.counts.waiting, 1)
        self.wait(spool.append(entries(1, 1)))
        self.assertEqual(self.waiting(spool), ["ID0000", "ID0001"])

    def test_keyOfACommitThatFails(self) -> None:
        """
        With the messages of such a commit goes what is known of their key: whoever
        sends them again is not told that they are kept.
        """
        spool = self.broken("COMMIT", after=True)
        self.disk.fails = None
        claim = self.wait(spool.claim("token", "key", b"digest"))
        assert isinstance(claim, Claim)
        self.disk.fails = "COMMIT"
        with self.assertRaises(SpoolUnavailable):
            self.wait(spool.append(entries(5, 10), claim))
        self.wait(spool.release(claim))
        self.mend()
        again = self.wait(spool.claim("token", "key", b"digest"))
        self.assertIsInstance(again, Claim)
        self.assertEqual(self.waiting(spool), ["ID0000"])

    def test_numbersOfACommitThatFails(self) -> None:
        """
        What is taken back is taken back at once: its numbers are those of others
        later, after the file was found to be damaged, too.
        """
        spool = self.broken("UPDATE state")
        self.disk.error, self.disk.isOnce = sqlite3.SQLITE_CORRUPT, True
        self.refuseOne(spool)
        self.wait(spool.append(entries(5, 20)))
        self.disk.fails, self.disk.error = "BEGIN", sqlite3.SQLITE_IOERR
        self.refuseOne(spool)
        self.mend()
        kept = [f"ID{number:04}" for number in (0, 20, 21, 22, 23, 24)]
        self.assertEqual(self.waiting(spool), kept)
        self.assertEqual(spool.counts.waiting, 6)

    def test_reads(self) -> None:
        """
        While nothing can be written, what is there can be read.
        """
        spool = self.broken("BEGIN")
        self.refuseOne(spool)
        self.assertEqual(self.waiting(spool), ["ID0000"])
        self.disk.fails = None

    def test_itTriesByItself(self) -> None:
        """
        Without any request it finds out that the disk works again, and logs both.
        """
        with capturedLogs() as events:
            spool = self.broken("COMMIT")
            self.refuseOne(spool)
            for _ in range(3):
                self.clock.advance(PROBE)
                self.clock.settle()
                self.assertFalse(spool.accepting)
            self.mend()
        self.assertTrue(spool.accepting)
        said = [event["log_format"] for event in events]
        self.assertEqual(
            said, ["The spool fails: {reason}", "The spool works again"], events
        )

    def test_whatMakesRoomGoesOn(self) -> None:
        """
        An append that fails takes no delivery with it.
        """
        spool = self.broken("INSERT INTO waiting")
        appended = spool.append(entries(1, 5))
        delivered = spool.delivered([1])
        self.wait(delivered)
        with self.assertRaises(SpoolUnavailable):
            self.wait(appended)
        self.assertEqual(spool.counts.waiting, 0)
        self.mend()

    def test_fileCannotBeOpened(self) -> None:
        """
        As long as the file cannot be opened nothing is done, and then it is.
        """
        spool = self.broken("COMMIT")
        self.disk.openable = False
        for _ in range(2):
            self.refuseOne(spool)
        with self.assertRaises(SpoolUnavailable):
            self.waiting(spool)
        self.assertEqual(spool.counts.waiting, 1)
        self.disk.openable = True
        self.mend()
        self.assertTrue(spool.accepting)
        self.assertEqual(self.waiting(spool), ["ID0000"])

    def test_cannotBeOpenedAtAll(self) -> None:
        """
        A spool whose file cannot be opened says why, and leaves the directory.
        """
        self.disk.openable = False
        spool = Spool(
            self.clock, str(self.directory), limit=1, connect=self.disk.connect
        )
        with self.assertRaises(SpoolUnavailable) as refused:
            self.wait(spool.open())
        self.assertIn("unable to open database file", str(refused.exception))
        self.spool()

    def test_writtenBackLater(self) -> None:
        """
        A log that cannot be written back now is no failure.
        """
        spool = self.broken("PRAGMA wal_checkpoint")
        self.clock.turn()
        self.assertTrue(spool.accepting)
        self.disk.fails = None

    def test_limitsOfTheFile(self) -> None:
        """
        A real "full" from SQLite: nothing is kept of what does not fit, deliveries
        make room, and then it fits.
        """
        spool = self.spool(connect=self.limited)
        kept = 0
        try:
            while True:
                self.wait(spool.append(entries(100, kept)))
                kept += 100
        except SpoolUnavailable as error:
            self.assertIn("full", str(error))
        self.assertEqual(spool.counts.waiting, kept)
        self.assertEqual(len(self.waiting(spool)), kept)
        self.wait(gatherResults([spool.delivered(range(1, kept + 1))]))
        self.wait(spool.append(entries(100, kept)))
        self.assertEqual(spool.counts.waiting, 100)

    def test_roomIsSetAside(self) -> None:
        """
        When the disk is full, what is set aside is given to what makes room; until
        it is there again, nothing is kept.
        """
        spool = self.broken("DELETE")
        self.disk.error = sqlite3.SQLITE_FULL
        reserve = self.directory / "spool.reserve"
        self.assertTrue(reserve.exists())
        self.patch(Place, "reserve", lambda place: False)
        with self.assertRaises(SpoolUnavailable):
            self.wait(spool.delivered([1]))
        self.assertFalse(reserve.exists())
        self.disk.fails = None
        self.wait(spool.delivered([1]))
        self.assertEqual(spool.counts.waiting, 0)
        with self.assertRaises(SpoolUnavailable) as refused:
            self.wait(spool.append(entries(1)))
        self.assertIn("the disk is full", str(refused.exception))
        self.assertFalse(spool.accepting)
        self.patch(Place, "reserve", lambda place: True)
        self.mend()
        self.wait(spool.append(entries(1)))
        self.assertTrue(spool.accepting)

    def test_roomCannotBeSetAside(self) -> None:
        """
        A spool on a full disk opens, gives out what it has, and keeps nothing.
        """
        spool = self.spool()
        self.wait(spool.append(entries(1)))
        self.close(spool)

        def full(descriptor: int, offset: int, length: int) -> None:
            raise OSError(28, "no space")

        self.patch(os, "posix_fallocate", full)
        spool = self.spool()
        self.assertEqual(self.waiting(spool), ["ID0000"])
        with self.assertRaises(SpoolUnavailable):
            self.wait(spool.append(entries(1)))
        self.assertFalse((self.directory / "spool.reserve").exists())

    def limited(self, path: str) -> sqlite3.Connection:
        """
        Open a file that cannot grow beyond some pages.
        """
        connection = database.connect(path)
        connection.execute("PRAGMA max_page_count = 40")
        return connection
