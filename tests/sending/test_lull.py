"""
Tests of L{txrocketmq._sending.lull} and L{txrocketmq._sending.gates}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from txrocketmq._sending.gates import Gate
from txrocketmq._sending.lull import CROWD, FOLLOWERS, Lull
from txrocketmq.errors import RemotingTimeout


def nothing() -> None:
    """
    Nothing follows.
    """


class Sleeper:
    """
    One who waits.

    @ivar rose: When it was woken, each time.

    @ivar then: What it does then.
    """

    deadline = timeout = 0.0

    def __init__(self, clock: Clock) -> None:
        self.waits = self.rests = False
        self.rose: list[float] = []
        self.then: Callable[[], object] = nothing
        self._clock = clock

    def woken(self) -> None:
        """
        Take note of it.
        """
        self.waits = self.rests = False
        self.rose.append(round(self._clock.seconds(), 4))
        self.then()


class LullTests(SynchronousTestCase):
    """
    Waiting for a time.
    """

    def setUp(self) -> None:
        """
        Begin with nobody.
        """
        self.clock = Clock()
        self.clock.advance(100)
        self.lull = Lull(self.clock)

    def until(self, at: float) -> Sleeper:
        """
        Somebody who waits for something until a time.
        """
        one = Sleeper(self.clock)
        one.waits = True
        self.lull.until(one, at)
        return one

    def rest(self, delay: float, last: float = 200, end: float = 201) -> Sleeper:
        """
        Somebody who rests.
        """
        one = Sleeper(self.clock)
        one.waits = one.rests = True
        self.lull.rest(one, delay, last, end)
        return one

    def leave(self, one: Sleeper) -> None:
        """
        Let somebody go.
        """
        self.lull.leave(one)
        one.waits = one.rests = False

    def test_inOrder(self) -> None:
        """
        All are woken in time by one call, whenever they came.
        """
        late, early, same = self.until(103), self.until(101), self.until(101.001)
        rests = self.rest(2)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.pump([0.5] * 8)
        found = [each.rose for each in (late, early, same, rests)]
        self.assertEqual(found, [[103.0], [101.0], [101.0], [102.0]])
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.lull.resting, 0)

    def test_left(self) -> None:
        """
        Who has left is not woken, nor is who waits for another time by now.
        """
        gone, moved = self.rest(1), self.until(101)
        self.leave(gone)
        self.lull.leave(moved)
        self.lull.until(moved, 102)
        self.clock.pump([0.5] * 6)
        self.assertEqual((gone.rose, moved.rose), ([], [102.0]))
        self.assertEqual(self.lull.resting, 0)

    def test_leavesWhileOthersAreWoken(self) -> None:
        """
        Who is made to leave by another one who is woken is not woken any more.
        """
        first, second = self.until(101), self.until(101)
        first.then = lambda: self.leave(second)
        self.clock.advance(1)
        self.assertEqual((first.rose, second.rose), ([101.0], []))

    def test_neverAtOnce(self) -> None:
        """
        A rest takes its time, though there is none left: who rests again whenever
        it is woken does not do so for ever.
        """
        one = self.rest(1, last=99)

        def again() -> None:
            one.waits = one.rests = True
            self.lull.rest(one, 1, 99, 99)

        one.then = again
        self.clock.advance(0.05)
        self.assertEqual(len(one.rose), 1)

    def test_notLongerThanToTheLast(self) -> None:
        """
        Nobody rests beyond what was given as the last time.
        """
        one = self.rest(5, last=102)
        self.clock.pump([0.5] * 5)
        self.assertEqual(one.rose, [102.0])

    def test_crowd(self) -> None:
        """
        Those who are too many rest for longer, so that there are no more than a
        thousand to wake in a second; or to the very end, where that is sooner.
        """
        everyone = [self.rest(1, last=104, end=105) for _ in range(5 * CROWD)]
        for second in range(1, 4):
            self.clock.advance(1)
            woken = sum(bool(each.rose) for each in everyone)
            self.assertLess(abs(woken - second * CROWD), 20)
        self.clock.pump([0.5] * 4)
        ends = [each.rose for each in everyone]
        self.assertEqual(max(ends), [105.0])
        self.assertEqual({len(each) for each in ends}, {1})

    def test_follow(self) -> None:
        """
        When one succeeds others follow it: those who have rested enough, and would
        have been woken by now if there were no crowd.
        """
        crowd = [self.rest(0.5) for _ in range(2 * CROWD)][CROWD:]
        self.clock.advance(0.4)
        self.lull.follow()
        self.assertEqual([each for each in crowd if each.rose], [])
        self.leave(crowd[1])
        self.clock.advance(0.2)
        self.lull.follow()
        woken = [each for each in crowd if each.rose]
        self.assertEqual(woken, [crowd[0], crowd[2]])
        self.assertEqual(len(woken), FOLLOWERS)

    def test_forgotten(self) -> None:
        """
        Of those who have left, no more are remembered than there are others, or a
        few.
        """
        for _ in range(10 * CROWD):
            self.leave(self.until(150))
        held = sum(len(each.waiting) for each in self.lull._grains.values())
        self.assertLess(held, 3 * CROWD)
        for _ in range(2):
            everyone = [self.rest(1, 105, 106) for _ in range(4 * CROWD)]
            for each in everyone[::2]:
                self.leave(each)
            self.assertLess(len(self.lull._crowd), 4 * CROWD)
            self.clock.pump([1] * 10)
            self.assertLess(len(self.lull._crowd), CROWD)
            self.clock.rightNow = 100

    def test_manyTimes(self) -> None:
        """
        Times that are shared are not remembered for ever either.
        """
        for _ in range(CROWD):
            self.rest(1)
        for at in range(2 * CROWD):
            self.rest(1 + at / 100)
        self.assertLess(len(self.lull._times), 2 * CROWD)

    def test_clear(self) -> None:
        """
        Nothing is left on the clock.
        """
        one = self.until(101)
        self.lull.clear()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.clock.advance(2)
        self.assertEqual(one.rose, [])


class Visitor:
    """
    One who waits at a gate.
    """

    gate: object = None

    def __init__(self) -> None:
        self.outcomes: list[Any] = []

    def entered(self, outcome: Any) -> None:
        """
        Take note of it.
        """
        self.gate = None
        self.outcomes.append(outcome)


class GateTests(SynchronousTestCase):
    """
    Waiting for a thing.
    """

    def setUp(self) -> None:
        """
        Begin with a gate that opens when the test says so.
        """
        self.openings: list[Deferred[str]] = []
        self.gate = Gate(self.begin, lambda: RemotingTimeout("b:1", "late"))

    def begin(self) -> Deferred[str]:
        """
        Begin to open.
        """
        self.openings.append(Deferred())
        return self.openings[-1]

    def enter(self) -> Visitor:
        """
        Somebody new.
        """
        one = Visitor()
        self.assertIsNone(self.gate.enter(one))
        one.gate = self.gate
        return one

    def test_oneForAll(self) -> None:
        """
        All who come wait for the same; the next who comes begins anew.
        """
        everyone = [self.enter() for _ in range(3)]
        self.assertEqual((len(self.openings), self.gate.waiting), (1, 3))
        self.openings[0].callback("it")
        self.assertEqual([each.outcomes for each in everyone], [["it"]] * 3)
        self.assertEqual(self.gate.waiting, 0)
        self.enter()
        self.assertEqual(len(self.openings), 2)

    def test_failed(self) -> None:
        """
        Where it will not be, all are told why.
        """
        one = self.enter()
        self.openings[0].errback(ZeroDivisionError())
        (outcome,) = one.outcomes
        self.assertIsInstance(outcome, Failure)

    def test_atOnce(self) -> None:
        """
        What is known at once is given at once, good or bad.
        """
        gate = Gate(lambda: succeed("it"), lambda: RemotingTimeout("b:1", "late"))
        self.assertEqual(gate.enter(Visitor()), "it")
        gate = Gate(
            lambda: fail(ZeroDivisionError()), lambda: RemotingTimeout("b:1", "late")
        )
        for _ in range(2):
            self.assertIsInstance(gate.enter(Visitor()), Failure)
        self.assertEqual(gate.waiting, 0)

    def test_leave(self) -> None:
        """
        Who has left is not told; when the last one leaves it is given up.
        """
        first, second = self.enter(), self.enter()
        first.gate = None
        self.gate.leave()
        self.assertFalse(self.openings[0].called)
        second.gate = None
        self.gate.leave()
        self.assertTrue(self.openings[0].called)
        self.assertEqual((first.outcomes, second.outcomes), ([], []))
        self.assertEqual(len(self.flushLoggedErrors(CancelledError)), 0)
