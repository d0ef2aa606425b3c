"""
Tests of L{txrocketmq._sending.alike}: what is alike leaves, and ends, as what is not.
"""

from __future__ import annotations

import gc
import random
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.python.monkey import MonkeyPatcher

from tests.sending import test_batching, test_batchtruth, test_together
from tests.sending.batchcase import BATCH, BatchingTestCase
from tests.support import TestCase
from txrocketmq._sending.alike import Alike
from txrocketmq._sending.batching import Batcher
from txrocketmq._sending.places import LEAST_SHARE, OUTSTANDING
from txrocketmq._sending.progress import Epoch
from txrocketmq._sending.rows import Limits, Rows
from txrocketmq._wire.records import Shell, decodeBatch, decodeProperties
from txrocketmq.errors import RocketMQError, SendCancelled, SendFailed
from txrocketmq.message import Attempt, Message, Persisted, SendResult
from txrocketmq.producer import Producer
from txrocketmq.sandbox import faults

TIMEOUT: Final = 3.0


def batcherOf(producer: Producer) -> Batcher:
    """
    What lets a producer's sends leave together.
    """
    batcher = producer._sending._batcher
    assert batcher is not None
    return batcher


class AlikeTestCase(BatchingTestCase):
    """
    A test in which all plain sends join by the short way, the first one, too.
    """

    def batching(self, *args: Any, **settings: Any) -> Producer:
        """
        A producer that batches, and has a lane for C{T}.
        """
        producer = super().batching(*args, **settings)
        batcher = batcherOf(producer)
        batcher.lane(batcher.envelope.heading("T"), None)
        return producer


class EndTests(AlikeTestCase, test_batching.EndTests):
    """
    Cancelling, flushing, stopping.
    """


class WindowTests(AlikeTestCase, test_batching.WindowTests):
    """
    Waiting for a place.
    """


class RefusedTests(AlikeTestCase, test_together.RefusedTests):
    """
    What a broker says of a batch that it did not store, or not well.
    """


class UnansweredTests(AlikeTestCase, test_together.UnansweredTests):
    """
    Batches nobody knows the end of.
    """


class OneFrameTests(AlikeTestCase):
    """
    One frame of them.
    """

    def test_isAlike(self) -> None:
        """
        What joined by the short way leaves so, and there are members only when
        something went wrong.
        """
        self.brokerA.push(faults.silence(), code=BATCH)
        sends = self.several(3)
        self.clock.advance(0)
        (frame,) = self.live(self.brokerA)._waiters.live.values()
        assert isinstance(frame, Alike)
        self.assertEqual(frame.members, [])
        (request,) = self.frames()
        sent = [
            decodeProperties(record.properties)["UNIQ_KEY"]
            for record in decodeBatch(request.body)
        ]
        sends[1].cancel()
        self.failureResultOf(sends[1], SendCancelled)
        self.assertEqual([each.msgId for each in frame.members], sent)
        results = self.results([sends[0], sends[2]])
        self.assertEqual([one.msgId for one in results], [sent[0], sent[2]])

    def test_mixed(self) -> None:
        """
        What comes by the general way leaves with those before it and after it.
        """
        sends = self.several(2)
        sends.append(self.producer.send(Message("T", b"keyed", keys="k")))
        sends += self.several(2)
        self.results(sends)
        self.assertEqual(self.sizes(), [5])
        self.assertEqual(self.bodies(), [b"0", b"1", b"keyed", b"0", b"1"])

    def test_shares(self) -> None:
        """
        Those who wait are dealt out among the places there are.
        """
        share = LEAST_SHARE + 10
        self.results(self.several(OUTSTANDING * share))
        self.assertEqual(self.sizes(), [share] * OUTSTANDING)

    def test_epochs(self) -> None:
        """
        A flush waits for those before it, though others are in their frame, and not
        for those after it.
        """
        self.brokerA.push(faults.delay(1.0), code=BATCH)
        before = self.several(2)
        flushed = self.producer.flush()
        after = self.several(2)
        self.cluster.advance(0.5)
        self.assertNoResult(flushed)
        self.results(before + after)
        self.result(flushed, timeout=0.1)
        self.assertEqual(self.sizes(), [4])
        self.result(self.producer.flush(), timeout=0.1)

    def test_room(self) -> None:
        """
        All the bytes they took are given back.
        """
        sends = [self.send(b"x" * size) for size in (1, 20, 300)]
        self.assertEqual(self.producer.stats().inFlightBytes, 321)
        self.results(sends)
        stats = self.producer.stats()
        self.assertEqual((stats.inFlight, stats.inFlightBytes, stats.sent), (0, 0, 3))

    def test_resentUnderTheSameIds(self) -> None:
        """
        What nobody knows the end of is sent once more, by itself, as what it was.
        """
        self.brokerA.push(faults.close(), code=BATCH)
        results = self.results(self.several(5))
        first = decodeBatch(self.frames()[0].body)
        ids = [decodeProperties(each.properties)["UNIQ_KEY"] for each in first]
        self.assertEqual([one.msgId for one in results], ids)
        stored = {each.properties["UNIQ_KEY"]: each.body for each in self.stored()}
        self.assertEqual(
            stored, dict(zip(ids, [b"%d" % n for n in range(5)], strict=True))
        )


class CancelTests(AlikeTestCase):
    """
    Who is cancelled, wherever it is by then.
    """

    def test_waiting(self) -> None:
        """
        Those who wait go on without it, in their order, and others join them.
        """
        sends = self.several(3)
        sends[1].cancel()
        error = self.failureResultOf(sends[1], SendCancelled).value
        self.assertIs(error.persisted, Persisted.NO)
        later = self.several(2)
        self.results([sends[0], sends[2], *later])
        self.assertEqual(self.sizes(), [4])
        self.assertEqual(self.bodies(), [b"0", b"2", b"0", b"1"])

    def test_asOthersAreOut(self) -> None:
        """
        One who waits is found, and not looked for in the frames that are out; then
        so is one of theirs, and nobody else is concerned.
        """
        self.brokerA.push(faults.delay(1.0), code=BATCH, times=2)
        first = self.several(2)
        self.clock.advance(0)
        second = self.several(2)
        self.clock.advance(0)
        waiting = self.several(2)
        (lane,) = batcherOf(self.producer).lanes.values()
        frames = list(lane.frames)
        for sends, persisted in (
            (waiting, Persisted.NO),
            (second, Persisted.MAYBE),
            (first, Persisted.MAYBE),
        ):
            sends[0].cancel()
            error = self.failureResultOf(sends[0], SendCancelled).value
            self.assertIs(error.persisted, persisted)
        self.results([first[1], second[1], waiting[1]])
        self.assertEqual([len(each.members) for each in frames], [2, 2])

    def test_again(self) -> None:
        """
        Two of one frame, one after the other.
        """
        self.brokerA.push(faults.silence(), code=BATCH)
        sends = self.several(3)
        self.clock.advance(0)
        for one in sends[:2]:
            one.cancel()
            self.failureResultOf(one, SendCancelled)
        self.results(sends[2:])

    def test_nothingIsKept(self) -> None:
        """
        When all have ended, no member and no frame is remembered.
        """
        self.brokerA.push(faults.close(), code=BATCH)
        sends = self.several(4)
        sends[0].addErrback(lambda _: None)
        sends[0].cancel()
        self.results(sends[1:])
        (lane,) = batcherOf(self.producer).lanes.values()
        self.assertEqual(lane.frames, [])
        self.results(self.several(2))
        self.assertEqual(lane.frames, [])
        self.assertTrue(lane.isIdle)
        del sends
        gc.collect()
        self.assertEqual(len(lane._members), 0)

    def test_whileOthersAreTold(self) -> None:
        """
        One that is stored is, though it is cancelled before it was told.
        """
        sends = self.several(3)

        def told(result: SendResult) -> SendResult:
            sends[2].cancel()
            return result

        sends[0].addCallback(told)
        results = self.results(sends)
        self.assertEqual([one.queueOffset for one in results], [0, 1, 2])


class RowsTests(TestCase):
    """
    What is taken without a look at each, and what is not.
    """

    def setUp(self) -> None:
        """
        Let some wait.
        """
        self.rows = Rows()
        self.epoch = Epoch()
        for number in range(6):
            self.join(b"%d" % number)

    def join(self, body: bytes, size: int = 100, at: float = 3.0) -> None:
        """
        One joins.
        """
        ended: Deferred[SendResult] = Deferred()
        shell = Shell(b"%b %b", size)
        self.rows.flat += (Message("T", body), shell, at, self.epoch, ended)

    def take(
        self, most: int = 100, size: int = 10_000, now: float = 0.0
    ) -> list[bytes] | None:
        """
        The bodies of who is taken.
        """
        taken = self.rows.take(most, Limits(100, size, TIMEOUT), now)
        if taken is None:
            return None
        columns, timeout = taken
        self.assertEqual(timeout, min(columns.ats[0] - now, TIMEOUT))
        self.assertEqual({len(each) for each in columns}, {len(columns.ends)})
        return [each.body for each in columns.messages]

    def test_all(self) -> None:
        """
        All are.
        """
        self.assertEqual(self.take(), [b"0", b"1", b"2", b"3", b"4", b"5"])
        self.assertEqual(self.rows.count, 0)
        self.assertEqual(self.rows.flat, [])

    def test_some(self) -> None:
        """
        As many as may are, and who is left, or joins then, is behind them.
        """
        self.assertEqual(self.take(most=2), [b"0", b"1"])
        self.join(b"6")
        self.assertEqual(self.take(most=2), [b"2", b"3"])
        self.assertEqual(self.rows.count, 3)
        self.assertEqual(self.take(), [b"4", b"5", b"6"])

    def test_size(self) -> None:
        """
        As many as have the size, alike in that or not.
        """
        self.assertEqual(self.take(size=299), [b"0", b"1"])
        self.join(b"large", 1000)
        self.assertEqual(self.take(size=1399), [b"2", b"3", b"4", b"5"])
        self.assertIsNone(self.take())
        self.join(b"x", 1000)
        self.assertIsNone(self.take(size=1999))
        self.assertEqual(self.take(size=2000), [b"large", b"x"])

    def test_one(self) -> None:
        """
        One alone, and one that is too large for others, is for the general way.
        """
        self.assertIsNone(self.take(most=1))
        self.assertIsNone(self.take(size=99))
        self.assertEqual(self.rows.count, 6)

    def test_late(self) -> None:
        """
        So are all when the first has much less time left than the last.
        """
        self.join(b"late", at=3.2)
        self.assertIsNone(self.take(now=2.0))
        self.assertEqual(self.take(most=6, now=2.0), [b"%d" % n for n in range(6)])

    def test_lateEnough(self) -> None:
        """
        But not while each has more time than a try may take.
        """
        self.join(b"late", at=3000.0)
        taken = self.take()
        self.assertEqual(taken and len(taken), 7)

    @given(st.lists(st.integers(1, 9), max_size=30))
    def test_order(self, most: list[int]) -> None:
        """
        Whatever leaves when, it is in order, and each is there once.
        """
        self.rows = Rows()
        taken: list[bytes] = []
        for number, count in enumerate(most):
            for at in range(5):
                self.join(b"%d" % (5 * number + at))
            taken += self.take(most=count) or []
        taken += [each.body for each in self.rows.takeAll().messages]
        self.assertEqual(taken, [b"%d" % at for at in range(5 * len(most))])


class SameTests(TestCase):
    """
    Whatever happens, what is alike fares as what is not.
    """

    @settings(max_examples=60)
    @given(st.lists(test_batchtruth.steps, max_size=25), st.booleans())
    def test_same(self, script: list[tuple[Any, ...]], resend: bool) -> None:
        """
        Each send ends at the same time, in the same way, at the same place.
        """
        alike = self.played(script, resend)
        looking = MonkeyPatcher((Rows, "take", lambda *_: None))
        looked = looking.runWithPatches(self.played, script, resend)
        self.assertEqual(alike, looked)

    def played(self, script: list[tuple[Any, ...]], resend: bool) -> list[Any]:
        """
        Let something happen, and tell how each send ended.
        """
        # The sandbox's ports, the order of its queues: the same in both.
        random.seed(1)
        seeded = MonkeyPatcher((random, "Random", partial(random.Random, 1)))
        history = seeded.runWithPatches(
            test_batchtruth.History, self, resendWhenMaybe=resend
        )
        for step in [("send", 1, None, "plain"), ("pass", 0.0), *script]:
            history.play(step)
        history.finish()
        stats = history.producer.stats()
        ends = [(at, toldOf(end)) for _, (at, end) in sorted(history.ends.items())]
        return [*ends, (stats.attempts, stats.retries)]


def toldOf(end: SendResult | Failure) -> Any:
    """
    What the end of a send says, but for its id.
    """
    if isinstance(end, SendResult):
        queue, copies = end.messageQueue, end.possibleDuplicates
        return queue, end.queueOffset, end.recallHandle, copies, tries(end.attempts)
    error = end.value
    assert isinstance(error, RocketMQError | SendCancelled)
    attempts = error.attempts if isinstance(error, SendFailed) else ()
    return type(error), error.persisted, tries(attempts)


def tries(attempts: Sequence[Attempt]) -> list[Any]:
    """
    What there is to tell of some.
    """
    return [
        (each.messageQueue, each.elapsed, type(each.error), each.persisted)
        for each in attempts
    ]
