"""
Tests of L{txrocketmq._sending.windows}.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from tests.support import TestCase
from txrocketmq._sending.windows import FORGOTTEN, Windows
from txrocketmq.errors import BrokerError, ConnectionClosed, MessageIllegal, SystemBusy

BUSY = SystemBusy(2, "[PCBUSY_CLEAN_QUEUE]", "a:1")


class WindowsTests(TestCase):
    """
    What is sent at once to brokers that are busy.
    """

    def setUp(self) -> None:
        """
        Begin with no broker that is busy; single requests are a second apart.
        """
        self.clock = Clock()
        self.full: set[str] = set()
        self.marked: set[str] = set()
        self.inFlight = 0
        self.pauses: list[int] = []
        self.windows = Windows(
            self.clock, lambda _: self.inFlight, self.pause, self.full, self.marked
        )
        self.addCleanup(self.nothingLeft)

    def pause(self, times: int) -> float:
        """
        Note how often in a row a single request was refused.
        """
        self.pauses.append(times)
        return 1.0

    def nothingLeft(self) -> None:
        """
        See that a stop leaves nothing behind.
        """
        self.windows.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual((self.full, self.marked), (set(), set()))

    def busy(self, inFlight: int, broker: str = "a") -> None:
        """
        A broker says that it is busy, with so many other requests in flight.
        """
        self.inFlight = inFlight
        self.windows.refused(broker, f"{broker}:1", BUSY)
        self.inFlight = 0

    def begin(self, broker: str = "a") -> Deferred[Any]:
        """
        Make a try, if the window admits it.

        @return: What ends it.
        """
        self.assertTrue(self.windows.admits(broker, False))
        ending: Deferred[Any] = Deferred()

        async def attempt() -> Any:
            return await ending

        ended = Deferred.fromCoroutine(self.windows.around(broker, attempt))
        ended.addErrback(lambda reason: reason.trap(BrokerError, ConnectionClosed))
        return ending

    def most(self, broker: str = "a") -> list[Deferred[Any]]:
        """
        Begin as many as there may be.
        """
        begun: list[Deferred[Any]] = []
        while self.windows.admits(broker, False) and len(begun) < 1000:
            begun.append(self.begin(broker))
        return begun

    def test_none(self) -> None:
        """
        A broker that never said so has no window: any number may go there.
        """
        self.assertEqual(len(self.most()), 1000)
        self.assertEqual(self.marked, set())

    def test_half(self) -> None:
        """
        One that does has half of what there was, and is marked.
        """
        self.busy(99)
        self.assertEqual(self.marked, {"a"})
        begun = self.most()
        self.assertEqual(len(begun), 50)
        self.assertEqual(self.full, {"a"})
        self.assertTrue(self.windows.admits("b", False))

    def test_inFlightCount(self) -> None:
        """
        What was in flight before counts, but never keeps the last one out.
        """
        self.busy(99)
        self.inFlight = 200
        first = self.begin()
        self.assertFalse(self.windows.admits("a", False))
        self.inFlight = 10
        first.callback(None)
        self.assertEqual(len(self.most()), 51)

    def test_halvedOnce(self) -> None:
        """
        What was begun before a halving halves nothing again, and adds nothing.
        """
        self.busy(99)
        begun = self.most()
        for each in begun[:20]:
            each.errback(BUSY)
        for each in begun[20:]:
            each.callback(None)
        self.assertEqual(len(self.most()), 25)

    def test_grows(self) -> None:
        """
        Each one that is stored adds one, until as many go as before; what ends
        otherwise adds nothing.
        """
        self.busy(9)
        begun = self.most()
        self.assertEqual(len(begun), 5)
        begun[0].errback(MessageIllegal(13, "", "a:1"))
        begun[1].errback(ConnectionClosed("a:1", "lost"))
        begun[2].callback(None)
        begun += self.most()
        self.assertEqual(len(begun) - 3, 6)
        for each in begun[3:8]:
            each.callback(None)
        self.assertEqual(self.marked, set())
        self.assertEqual(len(self.most()), 1000)

    def test_neverBelowOne(self) -> None:
        """
        The last one is let through again and again, each time after a rest that
        depends on how often it was in vain.
        """
        self.busy(0)
        for _ in range(3):
            self.assertFalse(self.windows.admits("a", False))
            self.clock.advance(1.0)
            (one,) = self.most()
            one.errback(BUSY)
        self.assertEqual(self.pauses, [0, 1, 2, 3])
        self.clock.advance(1.0)
        (one,) = self.most()
        one.callback(None)
        self.assertEqual(len(self.most()), 1000)

    def test_restsAgainFromTheBeginning(self) -> None:
        """
        After one that was stored the next rest is a short one.
        """
        self.busy(9)
        for pauses in ([], [], [0], [0, 1]):
            self.begin().errback(BUSY)
            self.assertEqual(self.pauses, pauses)
            self.clock.advance(1.0)
        # Two may go now, then one.
        self.begin().callback(None)
        self.begin().errback(BUSY)
        self.begin().errback(BUSY)
        self.assertEqual(self.pauses, [0, 1, 0])

    def test_line(self) -> None:
        """
        Who waits is let through in the order they came, and nobody passes them;
        who is cancelled has left.
        """
        self.busy(0)
        told: list[int] = []
        turns = []
        for at in range(4):
            turn = self.windows.wait(["a"])
            turn.addCallback(partial(self.takesLater, told, at))
            turns.append(turn)
        turns[1].cancel()
        self.failureResultOf(turns[1])
        self.clock.advance(1.0)
        self.assertEqual(told, [0])
        self.assertFalse(self.windows.admits("a", False))
        self.ending.callback(None)
        self.assertEqual(told, [0, 2, 3])
        self.ending.callback(None)
        self.assertEqual(self.marked, set())

    def takesLater(self, told: list[int], at: int, ignored: None) -> None:
        """
        Take it when it comes.
        """
        self.takes(told, at)

    def takes(self, told: list[int], at: int, broker: str = "a") -> None:
        """
        Take the turn one has waited for.
        """
        self.assertTrue(self.windows.admits(broker, True))
        told.append(at)
        self.ending: Deferred[Any] = Deferred()

        async def attempt() -> Any:
            return await self.ending

        Deferred.fromCoroutine(self.windows.around(broker, attempt))

    def test_anyBroker(self) -> None:
        """
        Who may go to several goes to the one that has a place first; who must go
        to one waits for that one.
        """
        self.busy(0, "a")
        self.clock.advance(0.5)
        self.busy(0, "b")
        told: list[int] = []
        self.windows.wait(["b"]).addCallback(lambda _: self.takes(told, 1, "b"))
        self.windows.wait(["b", "a"]).addCallback(lambda _: self.takes(told, 2, "a"))
        self.windows.wait(["a", "b"]).addCallback(lambda _: self.takes(told, 3, "b"))
        self.clock.advance(0.5)
        self.assertEqual(told, [2])
        self.clock.advance(0.5)
        self.assertEqual(told, [2, 1])
        self.ending.callback(None)
        self.assertEqual(told, [2, 1, 3])

    def test_turnNotTaken(self) -> None:
        """
        Who does not take the turn leaves it to the next; nobody is asked for
        ever.
        """
        self.busy(0)
        told: list[int] = []

        def again(_: None) -> None:
            told.append(0)
            self.windows.wait(["a"]).addCallback(again)

        self.windows.wait(["a"]).addCallback(again)
        self.windows.wait(["a"]).addCallback(lambda _: self.takes(told, 1))
        self.clock.advance(1.0)
        self.assertEqual(told, [0, 1])

    def test_endsAtOnce(self) -> None:
        """
        However many are let through that end at once, it is not recursion.
        """
        self.busy(0)
        count = 0

        async def attempt() -> None:
            nonlocal count
            count += 1

        def go(_: None) -> None:
            Deferred.fromCoroutine(self.windows.around("a", attempt))

        for _ in range(5000):
            self.windows.wait(["a"]).addCallback(go)
        self.clock.advance(1.0)
        self.assertEqual(count, 5000)

    def test_forgotten(self) -> None:
        """
        A window nobody uses for a minute is forgotten when another one is made.
        """
        self.busy(99)
        self.clock.advance(FORGOTTEN + 1)
        self.busy(9, "b")
        self.assertEqual(self.marked, {"b"})

    def test_lastWords(self) -> None:
        """
        What a busy broker said last is known.
        """
        self.assertIsNone(self.windows.lastWords(["a"]))
        self.busy(0)
        self.assertIs(self.windows.lastWords(["b", "a"]), BUSY)
        self.clock.advance(1.0)
        later = SystemBusy(2, "later", "a:1")
        self.begin().errback(later)
        self.assertIs(self.windows.lastWords(["a"]), later)
        # Nothing is heard of it any more where it has a window already.
        self.busy(5)
        self.assertIs(self.windows.lastWords(["a"]), later)
