"""
Tests of what happens later, and of the messages' store.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.task import Clock

from tests.support import TestCase
from txrocketmq.sandbox.store import Draft, Store, propertiesSize
from txrocketmq.sandbox.timetable import Timetable


class TimetableTests(TestCase):
    """
    Things to do by the time they are due.
    """

    def setUp(self) -> None:
        """
        Make an empty one.
        """
        super().setUp()
        self.clock = Clock()
        self.timetable = Timetable(self.clock)
        self.done: list[str] = []

    def doing(self, name: str) -> Callable[[], None]:
        """
        Something to do.
        """
        return lambda: self.done.append(name)

    def test_order(self) -> None:
        """
        What is due first is done first, and of the same time what was said
        first.
        """
        for delay, name in ((3, "c"), (1, "a"), (2, "b1"), (2, "b2")):
            self.timetable.after(delay, self.doing(name))
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.advance(1)
        self.assertEqual(self.done, ["a"])
        self.clock.advance(5)
        self.assertEqual(self.done, ["a", "b1", "b2", "c"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_cancelled(self) -> None:
        """
        What is not wanted any more is not done, and nothing waits for it; it
        does not matter if it was done already.
        """
        entries = [self.timetable.after(1, self.doing(name)) for name in "ab"]
        later = self.timetable.after(2, self.doing("c"))
        entries[0].cancel()
        self.clock.advance(1)
        entries[1].cancel()
        later.cancel()
        self.clock.advance(1)
        self.assertEqual(self.done, ["b"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_cancelledInTheSameTurn(self) -> None:
        """
        Something may cancel what is due at the same time.
        """
        self.timetable.after(1, lambda: second.cancel())
        second = self.timetable.after(1, self.doing("b"))
        self.clock.advance(1)
        self.assertEqual(self.done, [])

    def test_again(self) -> None:
        """
        What is done may ask for more.
        """
        again = self.doing("again")
        self.timetable.after(1, lambda: self.timetable.after(1, again))
        self.clock.pump([1, 1])
        self.assertEqual(self.done, ["again"])

    def test_failure(self) -> None:
        """
        That one thing fails is logged, and the others are done.
        """
        self.timetable.after(1, lambda: 1 // 0)
        self.timetable.after(1, self.doing("b"))
        self.clock.advance(1)
        self.assertEqual(self.done, ["b"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_past(self) -> None:
        """
        What should have been done already is done at once.
        """
        self.clock.advance(10)
        self.timetable.at(5, self.doing("a"))
        self.clock.advance(0)
        self.assertEqual(self.done, ["a"])

    def test_paused(self) -> None:
        """
        While it is paused nothing happens and nothing is scheduled; what was due
        happens afterwards.
        """
        self.timetable.after(1, self.doing("a"))
        self.timetable.pause()
        self.timetable.after(5, self.doing("b"))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.clock.advance(3)
        self.timetable.resume()
        self.clock.advance(0)
        self.assertEqual(self.done, ["a"])
        self.clock.advance(2)
        self.assertEqual(self.done, ["a", "b"])

    def test_clear(self) -> None:
        """
        All of it can be forgotten.
        """
        self.timetable.after(1, self.doing("a"))
        self.timetable.clear()
        self.timetable.clear()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class StoreTests(TestCase):
    """
    The messages of a broker.
    """

    def setUp(self) -> None:
        """
        Make a store.
        """
        super().setUp()
        self.arrived: list[tuple[str, int]] = []
        self.store = Store(
            lambda: 5, lambda topic, queueId: self.arrived.append((topic, queueId))
        )

    def test_arrivals(self) -> None:
        """
        Messages are told of once they are there; several of one queue once.
        """
        self.store.append(Draft("T", 1, b"x", {}))
        self.store.appendAll(Draft("T", 2, b"x", {}) for _ in range(3))
        self.store.appendAll([])
        self.assertEqual(self.arrived, [("T", 1), ("T", 2)])

    def test_order(self) -> None:
        """
        A topic's messages come in the order of its queues.
        """
        for queueId in (2, 0, 10, 2):
            self.store.append(Draft("T", queueId, b"x", {}))
        self.assertEqual(
            [(m.queueId, m.queueOffset) for m in self.store.messages("T")],
            [(0, 0), (2, 0), (2, 1), (10, 0)],
        )
        self.assertEqual(self.store.messages("U"), [])

    def test_positions(self) -> None:
        """
        A position grows by what the message would take.
        """
        first = self.store.append(Draft("Topic", 0, b"body", {"a": "ä"}))
        self.assertEqual(first.commitLogOffset, 0)
        self.assertEqual(self.store.position, 91 + 4 + 5 + 5)

    def test_propertiesSize(self) -> None:
        """
        Properties are measured in bytes, with their separators.
        """
        self.assertEqual(propertiesSize({}), 0)
        self.assertEqual(propertiesSize({"a": "bc", "d": "€"}), 5 + 6)
        self.assertRaises(ValueError, propertiesSize, {"a": "b\x01c"})
