"""
Tests of L{txrocketmq._sending.limits}.
"""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred

from tests.support import TestCase
from txrocketmq._sending.limits import Room
from txrocketmq.errors import TooManyInFlight
from txrocketmq.message import WhenFull
from txrocketmq.settings import ProducerSettings


def roomOf(
    messages: int = 2,
    size: int = 100,
    waiting: int = 2,
    waitingSize: int = 100,
    whenFull: WhenFull = WhenFull.WAIT,
) -> Room:
    """
    A small room.
    """
    return Room(
        ProducerSettings(
            maxInFlightMessages=messages,
            maxInFlightBytes=size,
            maxWaitingMessages=waiting,
            maxWaitingBytes=waitingSize,
            whenFull=whenFull,
        )
    )


class RoomTests(TestCase):
    """
    Places, those who wait for them, and those who are told.
    """

    def test_countsMessages(self) -> None:
        """
        As many as the limit says, and one more when one has ended.
        """
        room = roomOf(messages=2)
        self.assertEqual([room.take(1) for _ in range(3)], [True, True, False])
        room.release(1)
        self.assertTrue(room.take(1))
        self.assertEqual((room.messages, room.size), (2, 2))

    def test_countsBytes(self) -> None:
        """
        The byte limit holds as the other one does.
        """
        room = roomOf(messages=10, size=100)
        self.assertEqual([room.take(60), room.take(40)], [True, True])
        self.assertFalse(room.take(1))

    def test_oneLargeMessageIsLetInAlone(self) -> None:
        """
        A message beyond the byte limit goes when nothing else does.
        """
        room = roomOf(size=100)
        self.assertTrue(room.take(1000))
        self.assertFalse(room.take(1))
        room.release(1000)
        self.assertTrue(room.take(1))

    def test_waitsInOrder(self) -> None:
        """
        Who waits first is let in first, and nobody passes them.
        """
        room = roomOf(messages=10, size=100, waiting=10, waitingSize=1000)
        room.take(90)
        large, small = room.wait(50), room.wait(5)
        self.assertFalse(room.take(1))
        self.assertNoResult(large)
        self.assertNoResult(small)
        room.release(90)
        self.successResultOf(large)
        self.successResultOf(small)
        self.assertEqual((room.messages, room.size, room.waiting), (2, 55, 0))

    def test_topicsTakeTurns(self) -> None:
        """
        Whoever waits for another topic than most do is next; within a topic the
        order is kept, and a large message is passed by nobody.
        """
        room = roomOf(messages=10, size=100, waiting=20, waitingSize=1000)
        room.take(100)
        order: list[str] = []

        def letIn(ignored: object, name: str) -> None:
            order.append(name)

        for name, size in (
            *((f"a{at}", 10) for at in range(4)),
            ("b0", 60),
            ("b1", 10),
            ("c0", 10),
        ):
            room.wait(size, name[0]).addCallback(letIn, name)
        self.assertEqual((room.waiting, order), (7, []))
        room.release(100)
        self.assertEqual(order, ["a0", "b0", "c0", "a1", "b1"])
        self.assertEqual((room.waiting, room.size), (2, 100))
        room.release(60)
        self.assertEqual(order[5:], ["a2", "a3"])
        self.assertEqual((room.messages, room.size, room.waiting), (6, 60, 0))

    def test_leavingLate(self) -> None:
        """
        Those who leave let others in of whichever topic; nothing is kept of them.
        """
        room = roomOf(messages=1, waiting=10, waitingSize=100)
        room.take(1)
        waits = [room.wait(7, topic) for topic in "aabbc"]
        for wait in reversed(waits[1:]):
            wait.cancel()
            self.failureResultOf(wait, CancelledError)
        self.assertEqual(room.waiting, 1)
        room.release(1)
        self.successResultOf(waits[0])
        self.assertEqual((room.waiting, room.size), (0, 7))
        room.release(7)
        self.successResultOf(room.whenWritable())

    def test_waitingHasLimits(self) -> None:
        """
        Beyond them a send fails at once and says why.
        """
        room = roomOf(messages=1, waiting=2, waitingSize=100)
        room.take(1)
        room.wait(60)
        tooLarge = self.failureResultOf(room.wait(41), TooManyInFlight)
        self.assertIn("60 bytes", str(tooLarge.value))
        room.wait(40)
        self.failureResultOf(room.wait(0), TooManyInFlight)
        self.assertEqual(room.waiting, 2)

    def test_failInsteadOfWaiting(self) -> None:
        """
        With FAIL nobody waits.
        """
        room = roomOf(messages=1, whenFull=WhenFull.FAIL)
        room.take(1)
        self.failureResultOf(room.wait(1), TooManyInFlight)

    def test_whoLeavesLetsOthersIn(self) -> None:
        """
        A cancelled send takes no place, and those behind it may fit.
        """
        room = roomOf(messages=10, size=100, waiting=10, waitingSize=1000)
        room.take(90)
        large, small = room.wait(50), room.wait(5)
        large.cancel()
        self.failureResultOf(large, CancelledError)
        self.successResultOf(small)
        self.assertEqual((room.messages, room.size, room.waiting), (2, 95, 0))

    def test_writable(self) -> None:
        """
        It fires when a send would not wait, in the order it was asked.
        """
        room = roomOf(messages=1)
        self.successResultOf(room.whenWritable())
        room.take(1)
        waiter, writable, gone = room.wait(1), room.whenWritable(), room.whenWritable()
        gone.cancel()
        self.failureResultOf(gone, CancelledError)
        room.release(1)
        self.successResultOf(waiter)
        self.assertNoResult(writable)
        room.release(1)
        self.successResultOf(writable)

    def test_manyThatEndAtOnce(self) -> None:
        """
        A long queue whose sends end as they are let in is no deep recursion.
        """
        many = 20_000
        room = roomOf(messages=1, waiting=many, waitingSize=many)
        room.take(1)
        ended: list[int] = []

        def end(ignored: object, at: int) -> None:
            ended.append(at)
            room.release(1)

        for at in range(many):
            room.wait(1).addCallback(end, at)
        room.release(1)
        self.assertEqual(ended, list(range(many)))
        self.assertEqual((room.messages, room.size, room.waiting), (0, 0, 0))

    def test_writableCallbackMayTakeTheRoom(self) -> None:
        """
        Only as many are told as there is room for.
        """
        room = roomOf(messages=1)
        room.take(1)
        told: list[str] = []

        def took(ignored: object, name: str) -> None:
            told.append(name)
            room.take(1)

        for name in ("first", "second"):
            writable: Deferred[None] = room.whenWritable()
            writable.addCallback(took, name)
        room.release(1)
        self.assertEqual(told, ["first"])
        room.release(1)
        self.assertEqual(told, ["first", "second"])
