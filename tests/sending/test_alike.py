"""
Tests of L{txrocketmq._sending.alike}: what is alike leaves, and ends, as what is not.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.python.failure import Failure
from twisted.python.monkey import MonkeyPatcher

from tests.sending import test_batching, test_batchtruth, test_together
from tests.sending.batchcase import BATCH, BatchingTestCase
from tests.support import TestCase
from txrocketmq._sending.alike import Alike
from txrocketmq._sending.batching import Batcher
from txrocketmq._sending.lane import Lane, Limits
from txrocketmq._wire.records import decodeBatch, decodeProperties
from txrocketmq.errors import RocketMQError, SendCancelled, SendFailed
from txrocketmq.message import Attempt, Message, SendResult
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
        What joined by the short way leaves so, and knows its id only when something
        went wrong.
        """
        self.brokerA.push(faults.silence(), code=BATCH)
        sends = self.several(3)
        self.clock.advance(0)
        (frame,) = self.live(self.brokerA)._waiters.live.values()
        assert isinstance(frame, Alike)
        self.assertEqual([each.msgId for each in frame.members], [""] * 3)
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


class LaneTests(AlikeTestCase):
    """
    What is taken without a look at each, and what is not.
    """

    def setUp(self) -> None:
        """
        Let some wait.
        """
        super().setUp()
        self.sends = self.several(6)
        (self.lane,) = batcherOf(self.producer).lanes.values()
        self.now = self.clock.seconds()

    def take(self, most: int = 100, size: int = 10_000) -> list[bytes] | None:
        """
        The bodies of who is taken.
        """
        taken = self.lane.takeAlike(most, Limits(100, size, TIMEOUT), self.now)
        if taken is None:
            return None
        members, timeout = taken
        self.assertEqual(timeout, min(members[0].at - self.now, TIMEOUT))
        self.lane.giveBack(members)
        self.lane.alike = True
        return [each.message.body for each in members]

    def test_all(self) -> None:
        """
        All are, or as many as may.
        """
        self.assertEqual(self.take(), [b"0", b"1", b"2", b"3", b"4", b"5"])
        self.assertEqual(self.take(most=2), [b"0", b"1"])

    def test_size(self) -> None:
        """
        If the largest of them would be too many bytes, so often, each is looked at.
        """
        size = 6 * self.lane.waiting[0].shell.size
        self.assertIsNone(self.take(size=size - 1))
        self.assertIsNotNone(self.take(size=size))
        self.send(b"x" * 1000)
        self.assertIsNone(self.take(size=7 * size // 6))
        # The large one has left: they begin anew.
        self.result(self.send())
        self.sends = self.several(6)
        self.assertIsNotNone(self.take(size=size))

    def test_gone(self) -> None:
        """
        So it is when one was cancelled.
        """
        self.sends[3].cancel()
        self.failureResultOf(self.sends[3], SendCancelled)
        self.assertIsNone(self.take())

    def test_otherWay(self) -> None:
        """
        And when one came by the general way, or was here before.
        """
        self.producer.send(Message("T", b"x", keys="k"))
        self.assertIsNone(self.take())
        self.result(self.send())
        self.several(1)
        self.assertIsNotNone(self.take())
        members, _ = self.lane.take(9, Limits(100, 10_000, TIMEOUT), self.now)
        self.lane.giveBack(members)
        self.assertIsNone(self.take())

    def test_late(self) -> None:
        """
        And when the first has much less time left than the last.
        """
        at = self.lane.waiting[0].at
        self.now = at - 1.0
        self.assertIsNotNone(self.take())
        self.lane.waiting[-1].at = at + 0.2
        self.assertIsNone(self.take())
        self.assertIsNotNone(self.take(most=5))


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
        looking = MonkeyPatcher((Lane, "takeAlike", lambda *_: None))
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
