"""
Tests of L{txrocketmq._spool.schema}.
"""

from __future__ import annotations

import sqlite3

from tests.spool.support import SpoolTestCase, entries
from txrocketmq._spool import Spool
from txrocketmq._spool.schema import MIGRATIONS, VERSION, adopt
from txrocketmq.errors import SpoolUnavailable


class SchemaTests(SpoolTestCase):
    """
    A database is brought to this version, or left alone.
    """

    def connection(self) -> sqlite3.Connection:
        """
        Open the file as it lies there.
        """
        connection = sqlite3.connect(self.directory / "spool.db", isolation_level=None)
        self.addCleanup(connection.close)
        return connection

    def test_new(self) -> None:
        """
        A new one says that it is a spool, and of which version.
        """
        self.close(self.spool())
        connection = self.connection()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (mark,) = connection.execute("PRAGMA application_id").fetchone()
        self.assertEqual((version, mark), (VERSION, 0x54785231))

    def test_older(self) -> None:
        """
        An older one is migrated, and keeps what it has.
        """
        spool = self.spool()
        self.wait(spool.append(entries(3)))
        self.close(spool)
        more = (*MIGRATIONS, ("CREATE TABLE a (b)",), ("INSERT INTO a VALUES (1)",))
        connection = self.connection()
        state = adopt(connection, more)
        self.assertEqual((state.version, state.waiting), (VERSION + 2, 3))
        self.assertEqual(connection.execute("SELECT b FROM a").fetchall(), [(1,)])
        self.assertEqual(adopt(connection, more), state)

    def test_failedMigration(self) -> None:
        """
        A migration that fails half way has changed nothing.
        """
        self.close(self.spool())
        connection = self.connection()
        more = (*MIGRATIONS, ("CREATE TABLE a (b)",), ("INSERT INTO c VALUES (1)",))
        with self.assertRaises(sqlite3.OperationalError):
            adopt(connection, more)
        self.assertEqual(adopt(connection).version, VERSION)
        with self.assertRaises(sqlite3.OperationalError):
            connection.execute("SELECT * FROM a")

    def test_later(self) -> None:
        """
        A later one is left as it is, and the reason is one line.
        """
        spool = self.spool()
        self.wait(spool.append(entries(3)))
        self.close(spool)
        connection = self.connection()
        adopt(connection, (*MIGRATIONS, ("CREATE TABLE a (b)",)))
        connection.close()
        before = (self.directory / "spool.db").read_bytes()
        with self.assertRaises(SpoolUnavailable) as refused:
            self.wait(Spool(self.clock, str(self.directory), limit=1).open())
        self.assertEqual(
            str(refused.exception),
            f"the spool is of version {VERSION + 1}, of a later release; this one "
            f"knows versions up to {VERSION}",
        )
        self.assertEqual((self.directory / "spool.db").read_bytes(), before)

    def test_laterAndDamaged(self) -> None:
        """
        Nothing is taken out of a damaged one, either, whether the version is known
        from its counters or from its header: what is new in it would be lost.
        """
        self.close(self.spool())
        connection = self.connection()
        adopt(connection, (*MIGRATIONS, ("CREATE TABLE a (b)",)))
        connection.close()
        path = self.directory / "spool.db"
        for broken in (
            f"PRAGMA user_version = {VERSION}",
            f"PRAGMA user_version = {VERSION + 1}",
            "UPDATE state SET crc = 1",
        ):
            connection = self.connection()
            connection.execute(broken)
            connection.close()
            before = path.read_bytes()
            with self.assertRaises(SpoolUnavailable) as refused:
                self.wait(Spool(self.clock, str(self.directory), limit=1).open())
            self.assertIn("of a later release", str(refused.exception))
            self.assertEqual(path.read_bytes(), before)
        self.assertIn("damaged, and of version", str(refused.exception))

    def test_anotherPrograms(self) -> None:
        """
        Another program's database is not touched.
        """
        connection = self.connection()
        connection.execute("CREATE TABLE precious (thing)")
        connection.close()
        (self.directory / "spool.db").chmod(0o600)
        with self.assertRaises(SpoolUnavailable) as refused:
            self.wait(Spool(self.clock, str(self.directory), limit=1).open())
        self.assertIn("another program's database", str(refused.exception))
        tables = self.connection().execute("SELECT name FROM sqlite_schema")
        self.assertEqual(tables.fetchall(), [("precious",)])
