"""
Tests of what the spool does with a file that is not what was written.
"""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from twisted.logger import capturedLogs

from tests.chaos.damage import Case, Tested, everything, flip, flips, prepared, tried
from tests.spool.support import SpoolTestCase, entries
from txrocketmq._spool import SpoolEntry, database, pages
from txrocketmq._spool.records import PAGE
from txrocketmq.message import Message


def zeroed(path: Path, page: int) -> None:
    """
    Overwrite a page with zeros.
    """
    with path.open("r+b") as file:
        file.seek(page * PAGE)
        file.write(bytes(PAGE))


def truncated(path: Path, page: int) -> None:
    """
    Cut a file before a page.
    """
    with path.open("r+b") as file:
        file.truncate(page * PAGE)


class DamageTests(SpoolTestCase):
    """
    What is damaged is never given out, and never lost without a word.
    """

    def setUp(self) -> None:
        """
        Make a spool with messages.
        """
        super().setUp()
        self.tested = prepared(self.directory / "tested", 600)
        self.copy = self.directory / "copy"
        size = (self.tested.directory / "spool.db").stat().st_size
        self.pages = size // PAGE

    def check(self, cases: list[Case]) -> None:
        """
        Nothing bad came of these, and something came of one.
        """
        self.assertEqual([line for case in cases for line in case.problems], [])
        self.assertTrue(any(case.noticed for case in cases))

    def test_flippedBits(self) -> None:
        """
        A bit in each page, one at a time: at most that one message is lost.
        """
        cases = flips(self.tested, self.copy, self.pages, seed=7)
        self.check(cases)
        self.assertGreater(len(cases), 20)
        least = min(case.found for case in cases)
        self.assertGreaterEqual(least, len(self.tested.bodies) - 1)

    def test_flippedBitsOfALongFile(self) -> None:
        """
        The same where the file is too long to be read when it is opened.
        """
        self.patch(database, "SMALL", 0)
        cases = flips(self.tested, self.copy, self.pages, seed=8)
        self.check(cases)

    def test_zeroedPages(self) -> None:
        """
        A page of zeros takes only what was on it.
        """
        cases = [
            tried(self.tested, self.copy, f"zeros {page}", partial(zeroed, page=page))
            for page in range(0, self.pages, 2)
        ]
        self.check(cases)

    def test_truncations(self) -> None:
        """
        What is before the end is there; what was behind it is counted as lost.
        """
        cases = [
            tried(self.tested, self.copy, f"cut {page}", partial(truncated, page=page))
            for page in range(2, self.pages, 2)
        ]
        self.check(cases)

    def test_countersAreLost(self) -> None:
        """
        Where the counters are damaged, too, nobody can know how many messages are
        lost, and that is what is said.
        """
        self.ready(self.tested)
        truncated(self.directory / "spool.db", 1)
        with capturedLogs() as events:
            self.spool()
        (text,) = [event["text"] for event in events]
        self.assertIn("its counters, too: recovered 0 messages, lost at least 0", text)

    def test_emptied(self) -> None:
        """
        Of a file without anything it is said that there was one.
        """
        self.ready(self.tested)
        truncated(self.directory / "spool.db", 0)
        with capturedLogs() as events:
            spool = self.spool()
        self.assertEqual(spool.counts.waiting, 0)
        (text,) = [event["text"] for event in events]
        self.assertIn("is empty, though there was one", text)

    def test_foreignFile(self) -> None:
        """
        A file that is no database is put aside, and said to be.
        """
        (self.directory / "spool.db").write_bytes(b"\x7fELF" + bytes(100_000))
        (self.directory / "spool.db").chmod(0o600)
        with capturedLogs() as events:
            spool = self.spool()
        self.wait(spool.append(entries(1)))
        aside = self.directory / "spool-1.corrupt"
        self.assertEqual(aside.stat().st_size, 100_004)
        (text,) = [event["text"] for event in events]
        self.assertEqual(
            text,
            "The spool was damaged, its counters, too: recovered 0 messages, lost at "
            "least 0; the damaged file is spool-1.corrupt",
        )

    def ready(self, tested: Tested) -> None:
        """
        Have the files of a spool in our directory.
        """
        for path in tested.directory.iterdir():
            shutil.copy(path, self.directory / path.name)

    def test_secondDamage(self) -> None:
        """
        The counts of what was recovered and lost add up; no file is overwritten.
        """
        self.ready(self.tested)
        whole = len(self.tested.bodies)
        for number in (1, 2):
            zeroed(self.directory / "spool.db", 0)
            spool = self.spool()
            self.assertEqual(spool.counts.waiting, whole)
            self.close(spool)
            self.assertTrue((self.directory / f"spool-{number}.corrupt").exists())

    def test_everythingIsRecovered(self) -> None:
        """
        The refused and the answers are, too, and their counts are right.
        """
        spool = self.spool()
        self.wait(spool.append(entries(5)))
        claim = self.wait(spool.claim("t", "k", b"d"))
        self.wait(spool.settle(claim, 202, b"answer"))  # type: ignore[arg-type]
        self.wait(spool.refuse(2, "no"))
        before = spool.counts
        self.close(spool)
        zeroed(self.directory / "spool.db", 0)
        spool = self.spool()
        after = spool.counts
        self.assertEqual(self.waiting(spool), ["ID0000", "ID0002", "ID0003", "ID0004"])
        (refused,) = self.wait(spool.refused(0, 9))
        self.assertEqual((refused.msgId, refused.reason), ("ID0001", "no"))
        self.assertEqual(self.wait(spool.claim("t", "k", b"d")).status, 202)  # type: ignore[union-attr]
        self.assertEqual(after.refusedBytes, before.refusedBytes)
        self.assertEqual(after.waitingBytes, before.waitingBytes)
        self.assertEqual((after.recovered, after.lost), (5, 0))
        self.wait(spool.append(entries(1, 5)))
        self.assertEqual(self.waiting(spool)[-1], "ID0005")

    def test_longMessages(self) -> None:
        """
        Messages over several pages are recovered.
        """
        tested = prepared(self.directory / "long", 30, size=50_000)
        case = tried(tested, self.copy, "header", partial(zeroed, page=0))
        self.assertEqual(case.problems, [])
        self.assertEqual(case.found, len(tested.bodies))

    def test_numberOfARow(self) -> None:
        """
        A row whose number is damaged is found in its place, and not by its number: it
        is lost, and nothing waits for it.
        """
        self.patch(database, "SMALL", 0)
        self.ready(self.tested)
        body = self.tested.bodies[f"7F000001{299:024X}"]
        path = self.directory / "spool.db"
        data = path.read_bytes()
        record = data.index(body)
        flip(path, data.rindex(b"\x82\x2c", 0, record), 4)
        spool = self.spool()
        found = everything(self.clock, spool)
        self.assertEqual(len(found), len(self.tested.bodies) - 1)
        self.assertEqual(spool.counts.lost, 1)
        self.assertEqual(spool.counts.waiting, len(found))

    def test_absurdLength(self) -> None:
        """
        A row that says it is longer than any is not read, and is counted as lost.
        """
        self.patch(pages, "LONGEST", 60_000)
        tested = prepared(self.directory / "long", 30, size=50_000)
        case = tried(tested, self.copy, "header", partial(zeroed, page=0))
        self.assertEqual(case.problems, [])
        short = [body for body in tested.bodies.values() if len(body) < 59_900]
        self.assertLess(len(short), len(tested.bodies))
        assert case.counts is not None
        self.assertEqual(case.found, len(short))
        self.assertEqual(case.counts.lost, len(tested.bodies) - len(short))

    def test_oneRow(self) -> None:
        """
        A message that is found to be damaged on its way out is put into a file; the
        others go on.
        """
        self.patch(database, "SMALL", 0)
        self.ready(self.tested)
        body = self.tested.bodies[f"7F000001{300:024X}"]
        path = self.directory / "spool.db"
        flip(path, path.read_bytes().index(body), 0)
        spool = self.spool()
        with capturedLogs() as events:
            found = everything(self.clock, spool)
        self.assertEqual((spool.counts.lost, spool.counts.waiting), (1, 539))
        self.assertEqual(len(found), 539)
        (text,) = [event["text"] for event in events]
        self.assertIn("recovered 0, lost 1", text)
        kept = (self.directory / "message-301.corrupt").read_bytes()
        self.assertEqual(len(kept) > len(body), True)

    def live(self) -> Path:
        """
        The files of a spool that was killed, with all its messages in the log.
        """
        spool = self.spool()
        for at in range(0, 100, 10):
            self.wait(spool.append(entries(10, at)))
        killed = self.directory / "killed"
        killed.mkdir(mode=0o700)
        for name in ("spool.db", "spool.db-wal"):
            shutil.copy(self.directory / name, killed / name)
        self.close(spool)
        self.directory = killed
        return killed / "spool.db-wal"

    def test_logAfterAKill(self) -> None:
        """
        What was committed before a kill is there.
        """
        self.assertTrue(pages.isLogWhole(self.live()))
        self.assertEqual(len(self.waiting(self.spool())), 100)

    def test_flippedBitsOfTheLog(self) -> None:
        """
        A bit in the log would end what SQLite reads of it, without a word; it is
        noticed, and what was committed behind it is there.
        """
        log = self.live()
        before = log.read_bytes()
        database = (self.directory / "spool.db").read_bytes()
        for frame in range(len(before) // pages.FRAME):
            for path in self.directory.iterdir():
                path.unlink()
            (self.directory / "spool.db").write_bytes(database)
            log.write_bytes(before)
            flip(log, 32 + frame * pages.FRAME + 24 + 5000, 3)
            spool = self.spool()
            self.assertGreaterEqual(len(self.waiting(spool)), 90, frame)
            counts = spool.counts
            self.assertGreaterEqual(counts.recovered + counts.lost, 100, frame)
            self.close(spool)

    def test_killedInsideOfAFrame(self) -> None:
        """
        A last write that was cut off between the head and the page of its last frame
        takes nothing with it: all that was accepted before is there, what was not is
        there or not, and nothing is said to be lost.
        """
        for size in (20, 3000):
            for stale in (b"", bytes(PAGE // 2), bytes(PAGE)):
                self.cutOff(size, stale)

    def cutOff(self, size: int, stale: bytes) -> None:
        """
        Cut the last write off.

        @param size: The bytes of a body.

        @param stale: What is there instead of the begin of its last page; nothing
            stands for a page of what the log had before.
        """
        home = self.directory
        self.directory = home / f"{size}-{len(stale)}"
        self.directory.mkdir(mode=0o700)
        spool = self.spool()
        message = Message("T", bytes(size))
        for at in range(12):
            some = [SpoolEntry(message, f"ID{at:02}{n}") for n in range(7)]
            self.wait(spool.append(some))
        self.wait(spool.delivered(range(1, 20)))
        self.wait(spool.append([SpoolEntry(message, f"LAST{n}") for n in range(5)]))
        killed = self.directory / "killed"
        killed.mkdir(mode=0o700)
        for name in ("spool.db", "spool.db-wal"):
            shutil.copy(self.directory / name, killed / name)
        self.close(spool)
        log = killed / "spool.db-wal"
        data = bytearray(log.read_bytes())
        page = len(data) - PAGE
        before = bytes(data[page - pages.FRAME * 3 : page - pages.FRAME * 3 + PAGE])
        data[page : page + PAGE] = (stale or before).ljust(PAGE, b"\0")
        log.write_bytes(data)
        self.directory = killed
        spool = self.spool()
        found = self.waiting(spool)
        kept = [f"ID{n // 7:02}{n % 7}" for n in range(19, 84)]
        self.assertEqual([each for each in found if each in kept], kept, size)
        self.assertEqual(len(set(found)), len(found))
        self.assertEqual(spool.counts.lost, 0, (size, stale[:1]))
        self.assertEqual(spool.counts.waiting, len(found))
        self.close(spool)
        self.directory = home

    def test_interruptedRecovery(self) -> None:
        """
        A recovery that ended half way is begun anew; one that had only to give the
        new file its name is ended.
        """
        self.ready(self.tested)
        (self.directory / "spool.recovering").write_bytes(b"half")
        self.assertEqual(self.spool().counts.waiting, len(self.tested.bodies))

    def test_interruptedBeforeTheName(self) -> None:
        """
        The new file gets the name the damaged one has lost.
        """
        self.ready(self.tested)
        (self.directory / "spool.db").rename(self.directory / "spool.recovering")
        self.assertEqual(self.spool().counts.waiting, len(self.tested.bodies))
