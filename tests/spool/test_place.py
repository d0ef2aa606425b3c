"""
Tests of L{txrocketmq._spool.place}.
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.spool.support import SpoolTestCase, entries
from txrocketmq._spool import Spool
from txrocketmq._spool.place import Place
from txrocketmq.errors import SpoolUnavailable


class PlaceTests(SpoolTestCase):
    """
    A directory that is not ours alone is refused, in one line.
    """

    def refusal(self, path: Path | None = None) -> str:
        """
        Why a directory is refused: alike by a look at it and by opening it.
        """
        name = str(path or self.directory)
        spool = Spool(self.clock, name, limit=1)
        with self.assertRaises(SpoolUnavailable) as opening:
            self.wait(spool.open())
        with self.assertRaises(SpoolUnavailable) as looking:
            Spool.check(name)
        self.assertEqual(str(opening.exception), str(looking.exception))
        self.assertNotIn("\n", str(opening.exception))
        self.assertIsNone(self.wait(spool.close()))
        return str(opening.exception)

    def test_missing(self) -> None:
        """
        A directory that is not there is not made.
        """
        path = self.directory / "none"
        self.assertIn("No such file", self.refusal(path))
        self.assertFalse(path.exists())

    def test_noDirectory(self) -> None:
        """
        A file is no directory.
        """
        path = self.directory / "file"
        path.touch()
        self.assertIn("is not a directory", self.refusal(path))

    def test_symbolicLink(self) -> None:
        """
        A link to a good directory is none.
        """
        target, link = self.directory / "real", self.directory / "link"
        target.mkdir(mode=0o700)
        link.symlink_to(target)
        self.assertIn("is a symbolic link", self.refusal(link))

    def test_openToOthers(self) -> None:
        """
        A directory that others can read is refused, and left as it is.
        """
        self.directory.chmod(0o750)
        self.assertIn("(mode 0750): chmod 700 it", self.refusal())
        self.assertEqual(self.directory.stat().st_mode & 0o777, 0o750)

    def test_somebodyElses(self) -> None:
        """
        A directory of another user is refused.
        """
        if os.geteuid():
            raise self.skipTest("only root can give a directory away")
        os.chown(self.directory, 12345, -1)
        self.assertIn("belongs to user 12345", self.refusal())

    def test_notWritable(self) -> None:
        """
        A directory nothing can be written to is refused.
        """
        if not os.geteuid():
            raise self.skipTest("root can write anywhere")
        self.directory.chmod(0o500)
        self.assertIn("is not writable", self.refusal())

    def test_linkedFiles(self) -> None:
        """
        No file in it may lead elsewhere, by whichever kind of link.
        """
        elsewhere = self.directory / "elsewhere"
        elsewhere.write_bytes(b"precious")
        for name in (
            "spool.db",
            "spool.db-wal",
            "spool.db-shm",
            "spool.lock",
            "spool.reserve",
        ):
            path = self.directory / name
            path.symlink_to(elsewhere)
            self.assertIn("is not a regular file", self.refusal())
            path.unlink()
            path.hardlink_to(elsewhere)
            self.assertIn("has another name", self.refusal())
            path.unlink()
        self.assertEqual(elsewhere.read_bytes(), b"precious")

    def test_filesOfOthers(self) -> None:
        """
        A database of another user is refused.
        """
        if os.geteuid():
            raise self.skipTest("only root can give a file away")
        path = self.directory / "spool.db"
        path.touch()
        os.chown(path, 12345, -1)
        self.assertIn("belongs to user 12345", self.refusal())

    def test_anotherDaemon(self) -> None:
        """
        A directory that is in use is refused, with whose it is, until it is left.
        """
        spool = self.spool()
        self.wait(spool.append(entries(1)))
        expected = f"is in use by another daemon (process {os.getpid()})"
        self.assertIn(expected, self.refusal())
        self.close(spool)
        Spool.check(str(self.directory))
        self.assertEqual(self.spool().counts.waiting, 1)

    def test_lockOfSomebodyStrange(self) -> None:
        """
        Whatever is in the lock file of another one is not repeated.
        """
        place = Place(str(self.directory))
        self.addCleanup(place.leave)
        (self.directory / "spool.lock").write_bytes(b"\x1b[2J")
        self.assertTrue(self.refusal().endswith("is in use by another daemon"))

    def test_lookingLeavesNothing(self) -> None:
        """
        A look makes no file.
        """
        Spool.check(str(self.directory))
        self.assertEqual(list(self.directory.iterdir()), [])

    def test_modesAreMended(self) -> None:
        """
        Files of ours that others could read are closed to them.
        """
        self.close(self.spool())
        for path in self.directory.iterdir():
            path.chmod(0o644)
        self.spool()
        modes = {path.stat().st_mode & 0o777 for path in self.directory.iterdir()}
        self.assertEqual(modes, {0o600})
