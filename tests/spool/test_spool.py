"""
Tests of L{txrocketmq._spool.spool}.
"""

from __future__ import annotations

import stat

from twisted.internet.defer import Deferred, gatherResults

from tests.spool.support import SpoolTestCase, entries, entry, ids
from txrocketmq._spool import (
    Claim,
    ClaimBusy,
    ClaimMismatch,
    Replayed,
    Spool,
    SpoolEntry,
    claims,
    database,
)
from txrocketmq._spool import spool as spoolModule
from txrocketmq._spool.claims import LIFETIME
from txrocketmq._spool.keys import FORGET
from txrocketmq._spool.spool import KEYS_SHARE
from txrocketmq.errors import SpoolFull, SpoolUnavailable
from txrocketmq.message import Message


class KeepingTests(SpoolTestCase):
    """
    Messages are kept, and given out as they were.
    """

    def test_everythingOfAMessageIsKept(self) -> None:
        """
        All fields come back, with the id, the place and the time.
        """
        message = Message(
            "Topic",
            b"\0\xff body",
            tags="t",
            keys=("a", "b"),
            flag=-7,
            properties={"p": "\u2603"},
            delayTimeLevel=3,
            deliverAt=5000.5,
            waitStoreMsgOK=False,
            shardingKey="k",
        )
        spool = self.spool()
        self.wait(spool.append([SpoolEntry(message, "ID")]))
        (kept,) = self.wait(spool.waiting(0, 10, 1))
        self.assertEqual(kept.message, message)
        self.assertEqual((kept.number, kept.msgId, kept.tries), (1, "ID", 0))
        self.assertEqual(kept.acceptedAt, 1000.0)

    def test_aDelayBeginsWhenItIsAccepted(self) -> None:
        """
        C{deliverAfter} becomes C{deliverAt}: waiting here is a part of the delay.
        """
        spool = self.spool()
        message = Message("T", b"x", deliverAfter=60.0)
        self.wait(spool.append([SpoolEntry(message, "ID")]))
        (kept,) = self.wait(spool.waiting(0, 1, 1))
        self.assertEqual(kept.message.deliverAt, 1060.0)
        self.assertIsNone(kept.message.deliverAfter)

    def test_orderIsThatOfAcceptance(self) -> None:
        """
        Numbers rise, over restarts, too.
        """
        spool = self.spool()
        self.wait(gatherResults([spool.append(entries(3, at)) for at in (0, 3, 6)]))
        self.close(spool)
        spool = self.spool()
        self.wait(spool.append(entries(1, 9)))
        self.assertEqual(self.waiting(spool), [f"ID{n:04}" for n in range(10)])

    def test_aPart(self) -> None:
        """
        What is asked for is from a number on, and not more than the most messages
        and bytes, but one.
        """
        spool = self.spool()
        self.wait(spool.append(entries(10)))
        self.assertEqual(
            ids(self.wait(spool.waiting(4, 2, 1 << 20))), ["ID0004", "ID0005"]
        )
        self.assertEqual(ids(self.wait(spool.waiting(8, 9, 1))), ["ID0008"])
        self.assertEqual(self.wait(spool.waiting(10, 9, 1)), [])

    def test_manyAtOnce(self) -> None:
        """
        Any number of messages can come in one piece.
        """
        spool = self.spool()
        for count in (1, 2, 255, 256, 257, 1000):
            self.wait(spool.append(entries(count)))
        self.assertEqual(spool.counts.waiting, 1771)
        self.assertEqual(len(self.waiting(spool)), 1771)

    def test_nothing(self) -> None:
        """
        No messages are kept well.
        """
        spool = self.spool()
        self.wait(spool.append([]))
        self.assertEqual(spool.counts.waiting, 0)

    def test_wrongTypes(self) -> None:
        """
        What is no message of bytes and texts is refused as the fault it is.
        """
        spool = self.spool()
        with self.assertRaises(TypeError):
            spool.append([SpoolEntry(Message("T", object()), "ID")])  # type: ignore[arg-type]
        self.assertEqual(spool.counts.waiting, 0)

    def test_delivered(self) -> None:
        """
        What was delivered is gone; what was not there does not matter.
        """
        spool = self.spool()
        self.wait(spool.append(entries(10)))
        self.wait(spool.delivered([9, 2, 3, 4, 77]))
        self.assertEqual(
            self.waiting(spool), ["ID0000", *(f"ID{n:04}" for n in (4, 5, 6, 7, 9))]
        )
        self.wait(spool.delivered([9, 2, 3, 4]))
        self.assertEqual(spool.counts.waiting, 6)
        self.wait(spool.delivered(range(100)))
        self.assertEqual((spool.counts.waiting, spool.counts.waitingBytes), (0, 0))
        self.assertEqual(self.waiting(spool), [])

    def test_groupCommit(self) -> None:
        """
        What is handed over while a commit is under way shares the next one.
        """
        spool = self.spool()
        self.wait(gatherResults([spool.append(entries(1, n)) for n in range(200)]))
        self.assertLess(spool.counts.commits, 100)
        self.assertEqual(self.waiting(spool), [f"ID{n:04}" for n in range(200)])

    def test_private(self) -> None:
        """
        Nobody else can read the files.
        """
        spool = self.spool()
        self.wait(spool.append(entries(1)))
        files = {path.name: path for path in self.directory.iterdir()}
        self.assertIn("spool.db-wal", files)
        modes = {stat.S_IMODE(path.stat().st_mode) for path in files.values()}
        self.assertEqual(modes, {0o600})


class CountTests(SpoolTestCase):
    """
    The counts are right without a scan.
    """

    def test_counts(self) -> None:
        """
        Depths, bytes and the oldest follow what happens, and survive a restart.
        """
        spool = self.spool(limit=10_000)
        self.assertEqual(spool.counts.oldest, None)
        self.wait(spool.append(entries(2)))
        self.now = 1010.0
        self.wait(spool.append(entries(1, 2)))
        one = spool.counts.waitingBytes // 3
        self.wait(spool.refuse(2, "because"))
        counts = spool.counts
        self.assertEqual((counts.waiting, counts.refused), (2, 1))
        self.assertEqual((counts.waitingBytes, counts.refusedBytes), (2 * one, one))
        self.assertEqual((counts.oldest, counts.limit), (1000.0, 10_000))
        self.assertGreater(counts.fileBytes, 0)
        self.wait(spool.delivered([1]))
        self.assertEqual(spool.counts.oldest, 1010.0)
        after = spool.counts
        self.close(spool)
        self.assertEqual(spool.counts.waiting, 1)
        again = self.spool(limit=10_000).counts
        self.assertEqual(again.waitingBytes, after.waitingBytes)
        self.assertEqual((again.refused, again.oldest), (1, 1010.0))

    def test_limit(self) -> None:
        """
        What does not fit is refused at once and as a whole; what is refused by the
        brokers counts, too; what leaves makes room.
        """
        spool = self.spool(limit=1000)
        self.wait(spool.append(entries(5)))
        self.assertTrue(spool.accepting)
        failing = spool.append(entries(10))
        self.failureResultOf(failing, SpoolFull)
        self.assertEqual(spool.counts.waiting, 5)
        self.wait(spool.refuse(1, "because"))
        self.failureResultOf(spool.append(entries(10)), SpoolFull)
        self.wait(spool.delivered([2, 3, 4, 5]))
        self.wait(spool.append(entries(6)))
        self.assertEqual(spool.counts.waiting, 6)

    def test_whatIsHandedOverCounts(self) -> None:
        """
        Appends that are not committed yet take their room already.
        """
        spool = self.spool(limit=1000)
        kept = [spool.append(entries(1, n)) for n in range(20)]
        refused = [each for each in kept if each.called]
        self.assertGreater(len(refused), 5)
        for each in refused:
            self.failureResultOf(each, SpoolFull)
        self.wait(gatherResults([each for each in kept if each not in refused]))
        self.assertEqual(spool.counts.waiting, 20 - len(refused))
        self.assertLessEqual(spool.counts.waitingBytes, 1000)

    def test_full(self) -> None:
        """
        A spool without any room says so.
        """
        spool = self.spool(limit=1)
        self.assertTrue(spool.accepting)
        self.failureResultOf(spool.append(entries(1)), SpoolFull)
        self.close(spool)
        self.assertFalse(spool.accepting)

    def test_nearlyFull(self) -> None:
        """
        When a message found no room, it takes none until there is room for such a
        one, or another was taken; that a very large one found none says little.
        """
        spool = self.spool(limit=100_000)
        small = [SpoolEntry(Message("T", b"x" * 900), "ID")]
        while not self.isRefused(spool.append(small)):
            self.assertTrue(spool.accepting)
        self.assertFalse(spool.accepting)
        self.wait(spool.delivered([1]))
        self.assertTrue(spool.accepting)
        self.wait(spool.append(small))
        self.failureResultOf(spool.append(small), SpoolFull)
        self.assertFalse(spool.accepting)
        self.wait(spool.append([SpoolEntry(Message("T", b"x"), "ID")]))
        self.assertTrue(spool.accepting)
        self.wait(spool.delivered(range(1, 51)))
        large = [SpoolEntry(Message("T", b"x" * 90_000), "ID")]
        self.failureResultOf(spool.append(large), SpoolFull)
        self.assertTrue(spool.accepting)

    def isRefused(self, appending: Deferred[None]) -> bool:
        """
        Whether a message finds no room; wait until it is kept, if it does.
        """
        failures: list[object] = []
        self.wait(appending.addErrback(failures.append))
        return bool(failures)


class RefusalTests(SpoolTestCase):
    """
    What no broker will have is kept aside.
    """

    def test_refused(self) -> None:
        """
        It is listed with why and when; twice is once.
        """
        spool = self.spool()
        self.wait(spool.append(entries(3)))
        self.now = 1005.0
        self.wait(spool.refuse(2, "too ugly"))
        self.wait(spool.refuse(2, "again"))
        (refused,) = self.wait(spool.refused(0, 10))
        self.assertEqual(
            (refused.number, refused.msgId, refused.topic, refused.size),
            (2, "ID0001", "T", 6),
        )
        self.assertEqual(
            (refused.reason, refused.refusedAt, refused.acceptedAt),
            ("too ugly", 1005.0, 1000.0),
        )
        self.assertEqual(self.wait(spool.refused(2, 10)), [])
        self.assertEqual(self.waiting(spool), ["ID0000", "ID0002"])

    def test_replay(self) -> None:
        """
        It waits again at the end, under the same id, and says how often it did.
        """
        spool = self.spool()
        self.wait(spool.append(entries(4)))
        for number in (1, 3):
            self.wait(spool.refuse(number, "no"))
        self.assertEqual(self.wait(spool.replay([3, 99])), 1)
        self.assertEqual(self.waiting(spool), ["ID0001", "ID0003", "ID0002"])
        self.assertEqual(self.wait(spool.replay(None)), 1)
        last = self.wait(spool.waiting(0, 9, 1 << 20))[-1]
        self.assertEqual((last.msgId, last.tries, last.number), ("ID0000", 1, 6))
        self.assertEqual(spool.counts.refused, 0)
        self.assertEqual(spool.counts.refusedBytes, 0)

    def test_all(self) -> None:
        """
        All are those there are when it begins, in several commits; what others hand
        over does not wait for the end.
        """
        self.patch(spoolModule, "TOGETHER", 2)
        for work in (Spool.replay, Spool.deleteRefused):
            spool = self.spool()
            self.wait(spool.append(entries(6)))
            first = self.wait(spool.waiting(0, 1, 1))[0].number
            for number in range(first, first + 5):
                self.wait(spool.refuse(number, "no"))
            before = spool.counts.commits
            everyOne = work(spool, None)
            ended: list[int] = []
            everyOne.addCallback(ended.append)
            self.wait(spool.append(entries(1, 6)))
            self.assertEqual(ended, [])
            self.wait(everyOne)
            self.assertEqual(ended, [5])
            self.assertEqual(spool.counts.commits, before + 4)
            self.assertEqual(spool.counts.refused, 0)
            self.wait(spool.delivered(range(1, 99)))
            self.close(spool)

    def test_delete(self) -> None:
        """
        Some of them, or all, are forgotten.
        """
        spool = self.spool()
        self.wait(spool.append(entries(4)))
        for number in (1, 2, 3):
            self.wait(spool.refuse(number, "no"))
        self.assertEqual(self.wait(spool.deleteRefused([2, 2, 4])), 1)
        self.assertEqual(spool.counts.refused, 2)
        self.assertEqual(self.wait(spool.deleteRefused(None)), 2)
        self.assertEqual(self.wait(spool.refused(0, 10)), [])
        self.assertEqual(self.waiting(spool), ["ID0003"])


class ClaimTests(SpoolTestCase):
    """
    Idempotency keys.
    """

    def claim(self, spool: Spool, key: str = "k", digest: bytes = b"d") -> object:
        """
        Ask for a key.
        """
        return self.wait(spool.claim("token", key, digest))

    def taken(self, spool: Spool) -> Claim:
        """
        Take a key.
        """
        claim = self.claim(spool)
        assert isinstance(claim, Claim)
        return claim

    def test_answerIsGivenAgain(self) -> None:
        """
        The first answer is, over restarts, too; another token's key is another.
        """
        spool = self.spool()
        claim = self.taken(spool)
        self.wait(spool.append(entries(2), claim))
        self.wait(spool.settle(claim, 202, b"answer"))
        self.assertEqual(self.claim(spool), Replayed(b"d", 202, b"answer"))
        self.close(spool)
        spool = self.spool()
        self.assertEqual(self.claim(spool), Replayed(b"d", 202, b"answer"))
        self.assertEqual(
            self.wait(spool.claim("other", "k", b"d")), Claim("other", "k", b"d")
        )

    def test_busy(self) -> None:
        """
        While the first is worked on, another one is told so.
        """
        spool = self.spool()
        claim = self.taken(spool)
        self.failureResultOf(spool.claim("token", "k", b"d"), ClaimBusy)
        self.failureResultOf(spool.claim("token", "k", b"e"), ClaimMismatch)
        self.wait(spool.append(entries(1), claim))
        self.failureResultOf(spool.claim("token", "k", b"d"), ClaimBusy)
        self.wait(spool.release(claim))

    def test_anotherBody(self) -> None:
        """
        A key that was used for something else is refused.
        """
        spool = self.spool()
        self.wait(spool.settle(self.taken(spool), 200, b""))
        with self.assertRaises(ClaimMismatch):
            self.claim(spool, digest=b"e")
        self.assertIsInstance(self.claim(spool), Replayed)

    def test_released(self) -> None:
        """
        When nothing came of the first, the next one is the first.
        """
        spool = self.spool()
        self.wait(spool.release(self.taken(spool)))
        self.assertIsInstance(self.claim(spool, digest=b"e"), Claim)

    def test_crashBeforeTheAnswer(self) -> None:
        """
        What was accepted without an answer is known by its messages' ids.
        """
        spool = self.spool()
        self.wait(spool.append(entries(2), self.taken(spool)))
        self.close(spool)
        self.assertEqual(
            self.claim(self.spool()), Replayed(b"d", None, b"", ("ID0000", "ID0001"))
        )

    def test_crashBeforeAnything(self) -> None:
        """
        A claim that nothing came of is not there after a restart.
        """
        spool = self.spool()
        self.taken(spool)
        self.close(spool)
        self.assertIsInstance(self.claim(self.spool()), Claim)

    def test_aDay(self) -> None:
        """
        After a day a key is free, and its answer is removed.
        """
        spool = self.spool()
        self.wait(spool.settle(self.taken(spool), 200, b"answer"))
        self.now += LIFETIME
        self.assertIsInstance(self.claim(spool), Claim)
        self.now += FORGET + 1
        commits = spool.counts.commits
        self.assertIsInstance(self.claim(spool, "another"), Claim)
        self.assertEqual(spool.counts.commits, commits + 1)

    def test_room(self) -> None:
        """
        Answers take room, which is given back after a day; there is a most of it, and
        a key that could not be remembered is not taken.
        """
        spool = self.spool(limit=200_000)
        answers = 0
        while spool.counts.claimBytes < 200_000 // KEYS_SHARE:
            claim = self.claim(spool, f"k{answers}")
            assert isinstance(claim, Claim)
            self.wait(spool.settle(claim, 200, bytes(5000)))
            answers += 1
            self.assertGreaterEqual(spool.counts.claimBytes, answers * 5000)
        with self.assertRaises(SpoolFull):
            self.claim(spool, "one more")
        self.assertIsInstance(self.claim(spool, "k0"), Replayed)
        with self.assertRaises(SpoolFull):
            self.wait(spool.append([entry(0)] * 3000))
        self.wait(spool.append([entry(0)]))
        self.close(spool)
        spool = self.spool(limit=200_000)
        self.assertGreater(spool.counts.claimBytes, 200_000 // KEYS_SHARE)
        self.now += LIFETIME + FORGET
        self.assertIsInstance(self.claim(spool, "k0"), Claim)
        self.assertEqual(spool.counts.claimBytes, 0)

    def test_muchIsForgotten(self) -> None:
        """
        What is too old is forgotten in parts, and is not known before, either.
        """
        self.patch(claims, "MOST_FORGOTTEN", 2)
        spool = self.spool()
        for number in range(5):
            claim = self.claim(spool, f"k{number}")
            assert isinstance(claim, Claim)
            self.wait(spool.settle(claim, 200, b"answer"))
        one = spool.counts.claimBytes // 5
        self.now += LIFETIME + FORGET
        for left in (3, 1, 0):
            claim = self.claim(spool, "k4")
            assert isinstance(claim, Claim)
            self.assertEqual(spool.counts.claimBytes, left * one)
            self.wait(spool.release(claim))
            self.now += FORGET + 1

    def test_unavailable(self) -> None:
        """
        A claim that cannot be looked up is not held.
        """
        spool = self.spool()
        self.close(spool)
        for _ in range(2):
            self.failureResultOf(spool.claim("token", "k", b"d"), SpoolUnavailable)


class LifeTests(SpoolTestCase):
    """
    A spool is opened and closed.
    """

    def test_notOpen(self) -> None:
        """
        Before and after its life it takes nothing.
        """
        spool = Spool(self.clock, str(self.directory), limit=1)
        self.assertFalse(spool.accepting)
        self.failureResultOf(spool.append([entry(1)]), SpoolUnavailable)
        self.failureResultOf(spool.waiting(0, 1, 1), SpoolUnavailable)
        self.assertIsNone(self.wait(spool.close()))

    def test_closing(self) -> None:
        """
        What was handed over is done first; twice is once.
        """
        spool = self.spool()
        kept = spool.append(entries(5))
        closed, again = spool.close(), spool.close()
        self.failureResultOf(spool.append(entries(1)), SpoolUnavailable)
        self.wait(gatherResults([kept, closed, again]))
        self.assertEqual(
            sorted(path.name for path in self.directory.iterdir()),
            ["spool.db", "spool.lock", "spool.reserve"],
        )
        self.assertEqual(len(self.waiting(self.spool())), 5)

    def test_closedWhileItOpens(self) -> None:
        """
        It is opened, then closed.
        """
        spool = Spool(self.clock, str(self.directory), limit=1)
        opened, closed = spool.open(), spool.close()
        self.wait(gatherResults([opened, closed]))
        self.assertFalse(spool.accepting)
        self.spool()

    def test_listener(self) -> None:
        """
        Who listens is told when something waits.
        """
        spool = self.spool()
        told: list[int] = []
        spool.listen(lambda: told.append(spool.counts.waiting))
        self.wait(spool.append(entries(2)))
        self.wait(spool.delivered([1, 2]))
        self.assertEqual(told, [2])

    def test_spaceIsGivenBack(self) -> None:
        """
        A spool that has grown much is small again when it is empty and rests.
        """
        spool = self.spool()
        big = [SpoolEntry(Message("T", bytes(1 << 20)), f"ID{n}") for n in range(20)]
        self.wait(spool.append(big))
        grown = spool.counts.fileBytes
        self.wait(spool.delivered(range(1, 21)))
        self.clock.turn()
        self.assertLess(spool.counts.fileBytes, grown // 10)

    def test_spaceIsNotCopied(self) -> None:
        """
        What is free stays so where the most of the file would have to be copied.
        """
        self.patch(database, "SLACK", 0)
        spool = self.spool()
        claim = self.wait(spool.claim("token", "key", b"digest"))
        assert isinstance(claim, Claim)
        self.wait(spool.settle(claim, 200, bytes(1 << 20)))
        self.wait(spool.append([SpoolEntry(Message("T", bytes(1 << 19)), "ID")]))
        self.wait(spool.delivered([1]))
        self.clock.turn()
        self.assertGreater(spool.counts.fileBytes, 3 << 19)
