"""
Tests of L{txrocketmq._steady}.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet import reactor as theReactor
from twisted.internet.defer import Deferred
from twisted.internet.error import AlreadyCalled, AlreadyCancelled
from twisted.internet.interfaces import (
    IDelayedCall,
    IReactorThreads,
    IReactorTime,
)
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import directlyProvides
from zope.interface.verify import verifyObject

from txrocketmq import _steady
from txrocketmq._steady import LATE, PERIOD, SteadyClock, clockFor, unwatch, watch
from txrocketmq.client import MQClient
from txrocketmq.discovery import HTTPNameServers

TICK = 1 / 16
HOUR = 3600.0


class SteppedReactor(Clock):
    """
    A reactor whose wall clock can be set.

    @ivar steady: The time on a clock that cannot.
    @ivar made: How many delayed calls were made.
    """

    def __init__(self) -> None:
        super().__init__()
        directlyProvides(self, IReactorThreads)
        self.rightNow = 1_000_000.0
        self.steady = 0.0
        self.made = 0
        self.fromThreads: list[Callable[[], object]] = []
        self.called = threading.Event()

    def callLater(self, *args: Any, **kw: Any) -> Any:
        """
        Count it.
        """
        self.made += 1
        return super().callLater(*args, **kw)

    def callFromThread(self, callable: Callable[[], object]) -> None:
        """
        Keep it for the next turn.
        """
        self.fromThreads.append(callable)
        self.called.set()

    def step(self, seconds: float) -> None:
        """
        Set the wall clock.
        """
        self.rightNow += seconds

    def turn(self) -> None:
        """
        Call what is due.
        """
        fromThreads, self.fromThreads = self.fromThreads, []
        for each in fromThreads:
            each()
        self.advance(0)


class SteadyTestCase(SynchronousTestCase):
    """
    Tests of a clock on a reactor that can be stepped.
    """

    def setUp(self) -> None:
        """
        Make both; what is called is noted with its time.
        """
        self.reactor = SteppedReactor()
        self.clock = SteadyClock(self.reactor, lambda: self.reactor.steady)
        self.log: list[tuple[str, float]] = []

    def later(self, delay: float, name: str = "x") -> Any:
        """
        Note a name later.
        """
        return self.clock.callLater(delay, self.note, name)

    def note(self, name: str) -> None:
        """
        Note a name now.
        """
        self.log.append((name, self.reactor.steady))

    def passTime(self, seconds: float, look: bool = True) -> None:
        """
        Let time pass on all clocks, and let the thread look as often as it does.
        """
        for _ in range(round(seconds / TICK)):
            self.reactor.steady += TICK
            self.reactor.rightNow += TICK
            if look and self.reactor.steady % PERIOD == 0:
                self.clock.look()
            self.reactor.turn()


class StepTests(SteadyTestCase):
    """
    The wall clock is set.
    """

    def test_forward(self) -> None:
        """
        What has 3 s is called after 3 s, and what has 30 s after 30 s.
        """
        self.later(3, "a")
        self.later(30, "b")
        self.passTime(1)
        self.reactor.step(HOUR)
        self.passTime(40, look=False)
        self.assertEqual(self.log, [("a", 3.0), ("b", 30.0)])

    def test_back(self) -> None:
        """
        What was made before is called at most a second late, what is made after
        on time.
        """
        self.later(2.5, "a")
        self.passTime(1)
        self.reactor.step(-HOUR)
        self.later(6, "b")
        self.passTime(10)
        self.assertEqual(self.log, [("a", 3.0), ("b", 7.0)])

    def test_sooner(self) -> None:
        """
        What is made after the step and is sooner needs no thread.
        """
        for step in (HOUR, -HOUR):
            del self.log[:]
            self.later(30, "b")
            began = self.reactor.steady
            self.reactor.step(step)
            self.later(3, "a")
            self.passTime(4, look=False)
            self.assertEqual(self.log, [("a", began + 3)])

    def test_oneCallFromAThread(self) -> None:
        """
        A reactor that does not come to it is told once; one that is on time
        never.
        """
        self.later(2)
        self.clock.look()
        self.reactor.steady += 2 + LATE
        self.clock.look()
        self.assertEqual(self.reactor.fromThreads, [])
        for _ in range(5):
            self.reactor.steady += 1
            self.clock.look()
        self.assertEqual(len(self.reactor.fromThreads), 1)
        self.reactor.turn()
        self.assertEqual(self.log, [("x", 7 + LATE)])
        self.later(1)
        self.reactor.steady += 2
        self.clock.look()
        self.assertEqual(len(self.reactor.fromThreads), 1)

    def test_calledWhereTheReactorCalls(self) -> None:
        """
        The thread's call calls nothing that is due: the reactor reads its sockets
        before what that would put off.
        """
        self.later(2)
        self.reactor.steady += 3
        self.clock.look()
        self.reactor.fromThreads.pop()()
        self.assertEqual(self.log, [])
        self.reactor.turn()
        self.assertEqual(len(self.log), 1)

    def test_lateForNothing(self) -> None:
        """
        What was called, or cancelled, before the reactor came to it is no matter.
        """
        for end in (lambda call: call.cancel(), lambda _: self.reactor.advance(2)):
            call = self.later(2)
            self.reactor.steady += 3
            self.clock.look()
            end(call)
            made = self.reactor.made
            self.reactor.turn()
            self.assertEqual(self.reactor.made, made)


class CallTests(SteadyTestCase):
    """
    Delayed calls, without steps.
    """

    def test_interfaces(self) -> None:
        """
        The clock and its calls are what Twisted's are.
        """
        verifyObject(IReactorTime, self.clock)
        verifyObject(IDelayedCall, self.later(1))

    def test_arguments(self) -> None:
        """
        They are passed on.
        """
        got: list[object] = []

        def take(*args: object, **kw: object) -> None:
            got.append((args, kw))

        self.clock.callLater(0, take, 1, a=2)
        self.passTime(TICK)
        self.assertEqual(got, [((1,), {"a": 2})])
        self.assertRaises(AssertionError, self.clock.callLater, -1, take)

    def test_order(self) -> None:
        """
        Many are called by time, those of one time in the order they were made.
        """
        for number in range(500):
            self.later(float(number * 7 % 50), f"{number:03}")
        self.assertEqual(len(self.clock.getDelayedCalls()), 500)
        self.assertEqual(len(self.reactor.getDelayedCalls()), 1)
        self.passTime(60)
        expected = sorted((number * 7 % 50, number) for number in range(500))
        self.assertEqual([int(name) for name, _ in self.log], [n for _, n in expected])
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_cancel(self) -> None:
        """
        What is cancelled is not called, nor cancelled twice.
        """
        call, other = self.later(1, "a"), self.later(2, "b")
        call.cancel()
        self.assertFalse(call.active())
        self.assertRaises(AlreadyCancelled, call.cancel)
        self.assertEqual(self.clock.getDelayedCalls(), [other])
        self.passTime(3)
        self.assertEqual(self.log, [("b", 2.0)])
        self.assertRaises(AlreadyCalled, other.cancel)

    def test_reset(self) -> None:
        """
        Sooner and later.
        """
        self.later(4, "a").reset(1)
        self.later(2, "b").reset(5)
        again = self.later(3, "c")
        again.reset(1.5)
        again.reset(3)
        self.assertEqual(len(self.clock.getDelayedCalls()), 3)
        self.assertEqual(again.getTime(), 3.0)
        self.passTime(9)
        self.assertEqual(self.log, [("a", 1.0), ("c", 3.0), ("b", 5.0)])

    def test_delay(self) -> None:
        """
        Later and sooner.
        """
        self.later(2, "a").delay(3)
        self.later(6, "b").delay(-5)
        self.passTime(9)
        self.assertEqual(self.log, [("b", 1.0), ("a", 5.0)])

    def test_throwsAway(self) -> None:
        """
        What is cancelled does not pile up.
        """
        self.later(60)
        for _ in range(10_000):
            self.later(30).cancel()
        self.assertLess(len(self.clock._heap), 100)
        self.passTime(60)
        self.assertEqual(len(self.log), 1)

    def test_manyCancelled(self) -> None:
        """
        When most are cancelled the others are called on time.
        """
        calls = [self.later(float(n * 37 % 101), str(n)) for n in range(101)]
        for n in range(101):
            if n * 53 % 7:
                calls[n].cancel()
        self.passTime(101)
        expected = sorted((n * 37 % 101, n) for n in range(101) if not n * 53 % 7)
        noted = [(int(at), int(name)) for name, at in self.log if name != "0"]
        self.assertEqual(noted, [each for each in expected if each[1]])

    def test_lastOfMany(self) -> None:
        """
        After the last that is called nothing is on the reactor for those that
        were cancelled, nor for one that is cancelled then.
        """
        self.later(1)
        self.later(30)
        self.later(40).cancel()
        self.clock.getDelayedCalls()[1].cancel()
        self.passTime(1)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.later(1).cancel()
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_oneCallForAll(self) -> None:
        """
        However many a call makes, the reactor's is made once.
        """

        def many() -> None:
            for delay in (5, 4, 3, 2, 1):
                self.later(delay)

        self.clock.callLater(1, many)
        made = self.reactor.made
        self.passTime(1)
        self.assertEqual(self.reactor.made, made + 1)
        self.passTime(5)
        self.assertEqual(len(self.log), 5)

    def test_raises(self) -> None:
        """
        One that raises is logged; the others are called.
        """
        self.clock.callLater(1, lambda: 1 / 0)
        self.later(1)
        self.passTime(1)
        self.assertEqual(len(self.log), 1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_putOff(self) -> None:
        """
        What a call makes for now is called in the reactor's next turn.
        """
        turns: list[int] = []

        def again() -> None:
            turns.append(self.reactor.made)
            if len(turns) < 5:
                self.clock.callLater(0, again)

        again()
        self.passTime(TICK)
        self.assertEqual(len(set(turns)), 5)

    def test_cancelsOthers(self) -> None:
        """
        A call may cancel one that is due as well, and make and cancel more.
        """

        def first() -> None:
            other.cancel()
            self.later(0, "new").cancel()
            self.later(0, "a")

        self.clock.callLater(1, first)
        other = self.later(1, "b")
        self.passTime(2)
        self.assertEqual(self.log, [("a", 1.0)])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    @settings(deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["later", "cancel", "reset", "delay", "pass", "step"]),
                st.integers(0, 20),
                st.integers(-64, 64),
            ),
            max_size=40,
        )
    )
    def test_likeTwisteds(self, does: list[tuple[str, int, int]]) -> None:
        """
        Whatever is done, each is called when Twisted's own clock would, late by
        no more than a look of the thread where the wall clock was set.
        """
        self.setUp()
        model, expected = Clock(), list[tuple[int, float]]()
        called: list[tuple[int, float]] = []
        pairs: list[tuple[Any, Any]] = []

        def pass_(ticks: int) -> None:
            for _ in range(ticks):
                model.advance(TICK)
                self.passTime(TICK)

        for what, which, amount in does:
            if what == "later":
                number = len(pairs)
                pair = (
                    model.callLater(
                        abs(amount) * TICK,
                        lambda n=number: expected.append((n, model.seconds())),
                    ),
                    self.clock.callLater(
                        abs(amount) * TICK,
                        lambda n=number: called.append((n, self.reactor.steady)),
                    ),
                )
                pairs.append(pair)
            elif what == "pass":
                pass_(abs(amount))
            elif what == "step":
                self.reactor.step(amount * HOUR)
            elif pairs:
                pair = pairs[which % len(pairs)]
                if pair[0].active() and pair[1].active():
                    seconds = amount if what == "delay" else abs(amount)
                    arguments = () if what == "cancel" else (seconds * TICK,)
                    for call in pair:
                        getattr(call, what)(*arguments)
        pass_(round(60 / TICK))
        due, times = dict(expected), dict(called)
        self.assertEqual((len(due), len(times)), (len(expected), len(called)))
        stepped = any(what == "step" for what, _, _ in does)
        most = PERIOD + LATE + TICK if stepped else 0.0
        for number, at in times.items():
            self.assertTrue(0.0 <= at - due.get(number, at) <= most)
        if not stepped:
            self.assertEqual(due, times)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.reactor.getDelayedCalls(), [])


class WatchTests(SteadyTestCase):
    """
    L{watch} and L{unwatch}.
    """

    def setUp(self) -> None:
        """
        Let the thread look often.
        """
        super().setUp()
        self.patch(_steady, "PERIOD", 0.001)
        self.before = set(threading.enumerate())

    def threads(self) -> list[threading.Thread]:
        """
        Those of our clocks.
        """
        return [each for each in threading.enumerate() if each not in self.before]

    def test_thread(self) -> None:
        """
        One thread looks until nobody watches.
        """
        watch(self.clock)
        watch(self.clock)
        (thread,) = self.threads()
        self.assertTrue(thread.daemon)
        self.later(1)
        self.reactor.steady += 2
        self.assertTrue(self.reactor.called.wait(10))
        unwatch(self.clock)
        self.assertFalse(self.clock._ended.is_set())
        unwatch(self.clock)
        thread.join(10)
        self.assertFalse(thread.is_alive())

    def test_others(self) -> None:
        """
        What is its own clock needs no thread.
        """
        watch(Clock())
        self.assertEqual(self.threads(), [])
        unwatch(Clock())

    def test_leavesNothing(self) -> None:
        """
        While it is watched the reactor's call may stay longer than ours, not
        after.
        """
        watch(self.clock)
        self.later(1).cancel()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        made = self.reactor.made
        for _ in range(40):
            self.later(2).cancel()
        self.assertEqual(self.reactor.made, made)
        unwatch(self.clock)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.later(1).cancel()
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_leavesWhatIsActive(self) -> None:
        """
        What somebody waits for is called though nobody watches any more.
        """
        watch(self.clock)
        self.later(1)
        unwatch(self.clock)
        self.passTime(1)
        self.assertEqual(self.log, [("x", 1.0)])

    def test_lapses(self) -> None:
        """
        The reactor's call for what was cancelled does nothing, and is the last.
        """
        watch(self.clock)
        self.later(1).cancel()
        self.passTime(2, look=False)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        unwatch(self.clock)

    def test_client(self) -> None:
        """
        A client's clock is watched as long as the client runs, as often as it
        runs.
        """
        self.reactor.rightNow = time.time()
        client = MQClient(self.reactor, "127.0.0.1:9")
        assert isinstance(client.clock, SteadyClock)
        for _ in range(2):
            client.startService()
            (thread,) = self.threads()
            self.assertEqual(len(self.reactor.getDelayedCalls()), 1)
            self.successResultOf(client.stopService())
            self.assertEqual(self.reactor.getDelayedCalls(), [])
            thread.join(10)
            self.assertFalse(thread.is_alive())

    def test_addressServer(self) -> None:
        """
        So is that of who asks an address server, as long as it takes.
        """
        self.reactor.rightNow = time.time()
        agent: Any = SilentAgent()
        source = HTTPNameServers(self.reactor, "http://127.0.0.1:9/", agent=agent)
        asked = source.addresses()
        (thread,) = self.threads()
        asked.cancel()
        self.failureResultOf(asked)
        thread.join(10)
        self.assertFalse(thread.is_alive())
        self.assertEqual(self.reactor.getDelayedCalls(), [])


class SilentAgent:
    """
    Never gets an answer.
    """

    def request(self, *args: object) -> Deferred[object]:
        """
        Wait.
        """
        return Deferred()


class ClockForTests(SynchronousTestCase):
    """
    L{clockFor}.
    """

    def test_real(self) -> None:
        """
        A reactor that follows the wall clock needs another.
        """
        reactor: Any = theReactor
        self.assertIsInstance(clockFor(reactor), SteadyClock)

    def test_steady(self) -> None:
        """
        One that was given a steady clock is its own.
        """
        reactor: Any = theReactor
        self.patch(reactor, "seconds", time.monotonic)
        self.assertIs(clockFor(reactor), reactor)

    def test_doubles(self) -> None:
        """
        So are those for tests, whatever they say what time it is.
        """
        for double in (Clock(), MemoryReactorClock()):
            double.rightNow = time.time()
            self.assertIs(clockFor(double), double)

    def test_anotherTime(self) -> None:
        """
        And one that has another time than C{time.time()}.
        """
        reactor = SteppedReactor()
        self.assertIs(clockFor(reactor), reactor)
