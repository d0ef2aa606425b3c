"""
Tests of L{txrocketmq._deferreds}.
"""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred, fail, succeed

from tests.support import TestCase
from txrocketmq._deferreds import Deadline, SingleFlight, within

EMPTY: dict[str, Deferred[str]] = {}


class SingleFlightTests(TestCase):
    """
    L{SingleFlight}.
    """

    def setUp(self) -> None:
        """
        Make one whose runs are the test's to end.
        """
        super().setUp()
        self.runs: list[Deferred[str]] = []
        self.cancelled = 0
        self.flight = SingleFlight(self.run_)

    def run_(self) -> Deferred[str]:
        """
        Begin a run.
        """
        self.runs.append(Deferred(self.wasCancelled))
        return self.runs[-1]

    def wasCancelled(self, run: Deferred[str]) -> None:
        """
        Count.
        """
        self.cancelled += 1

    def test_shared(self) -> None:
        """
        Everyone who asks during a run gets its value, each a Deferred of its
        own.
        """
        waiting = [self.flight.result() for _ in range(3)]
        self.assertTrue(self.flight.running)
        self.assertEqual((len(self.runs), len(set(map(id, waiting)))), (1, 3))
        self.runs[0].callback("value")
        self.assertEqual([self.successResultOf(d) for d in waiting], ["value"] * 3)
        self.assertFalse(self.flight.running)

    def test_failure(self) -> None:
        """
        A failure reaches everyone, and is not handled twice.
        """
        waiting = [self.flight.result() for _ in range(3)]
        self.runs[0].errback(KeyError("x"))
        for d in waiting:
            self.failureResultOf(d, KeyError)
        self.assertFalse(self.flight.running)

    def test_raises(self) -> None:
        """
        An operation that raises fails its waiter.
        """
        flight: SingleFlight[str] = SingleFlight(lambda: EMPTY["x"])
        self.failureResultOf(flight.result(), KeyError)
        self.assertFalse(flight.running)

    def test_atOnce(self) -> None:
        """
        A run that ends at once is over; the next asker begins another.
        """
        results = iter([succeed("a"), fail(KeyError("x")), succeed("b")])
        flight = SingleFlight(lambda: next(results))
        self.assertEqual(self.successResultOf(flight.result()), "a")
        self.failureResultOf(flight.result(), KeyError)
        self.assertEqual(self.successResultOf(flight.result()), "b")

    def test_againFromTheCallback(self) -> None:
        """
        Who asks from its own callback begins a new run, and others may join
        that one.
        """
        again = self.flight.result().addCallback(lambda _: self.flight.result())
        joined = self.flight.result().addCallback(lambda _: self.flight.result())
        self.runs[0].callback("first")
        self.assertNoResult(again)
        self.assertEqual(len(self.runs), 2)
        self.runs[1].callback("second")
        self.assertEqual(self.successResultOf(again), "second")
        self.assertEqual(self.successResultOf(joined), "second")

    def test_againFromTheErrback(self) -> None:
        """
        The same after a failure: a retry.
        """
        waiting = [
            self.flight.result().addErrback(lambda _: self.flight.result())
            for _ in range(3)
        ]
        self.runs[0].errback(KeyError("x"))
        self.assertEqual(len(self.runs), 2)
        self.runs[1].callback("value")
        self.assertEqual([self.successResultOf(d) for d in waiting], ["value"] * 3)

    def test_cancelOne(self) -> None:
        """
        Cancelling a waiter ends its waiting alone.
        """
        gone, stays = self.flight.result(), self.flight.result()
        gone.cancel()
        self.failureResultOf(gone, CancelledError)
        self.runs[0].callback("value")
        self.assertEqual(self.successResultOf(stays), "value")
        self.assertEqual(self.cancelled, 0)

    def test_cancelAll(self) -> None:
        """
        Cancelling the last cancels the run; the next asker begins a new one.
        """
        waiting = [self.flight.result() for _ in range(3)]
        for d in waiting:
            self.assertEqual(self.cancelled, 0)
            d.cancel()
            self.failureResultOf(d, CancelledError)
        self.assertEqual(self.cancelled, 1)
        self.assertFalse(self.flight.running)
        again = self.flight.result()
        self.runs[1].callback("value")
        self.assertEqual(self.successResultOf(again), "value")

    def test_cancelledByAnother(self) -> None:
        """
        Who is told may cancel another who waits for the same: that one gets
        CancelledError, and those after it their value.
        """
        first, second, third = (self.flight.result() for _ in range(3))
        first.addCallback(lambda _: second.cancel())
        self.runs[0].callback("value")
        self.successResultOf(first)
        self.failureResultOf(second, CancelledError)
        self.assertEqual(self.successResultOf(third), "value")

    def test_cancelledByAnotherOnFailure(self) -> None:
        """
        The same when the run fails.
        """
        first, second, third = (self.flight.result() for _ in range(3))
        first.addErrback(lambda _: second.cancel())
        self.runs[0].errback(KeyError("x"))
        self.successResultOf(first)
        self.failureResultOf(second, CancelledError)
        self.failureResultOf(third, KeyError)

    def test_cancelledByAnotherInTheNextRun(self) -> None:
        """
        Cancelling one who waits for the old run leaves a new one alone.
        """
        first, second = self.flight.result(), self.flight.result()
        again: list[Deferred[str]] = []

        def askAndCancel(_: object) -> None:
            again.append(self.flight.result())
            second.cancel()

        first.addCallback(askAndCancel)
        self.runs[0].callback("old")
        self.failureResultOf(second, CancelledError)
        self.assertEqual(self.cancelled, 0)
        self.runs[1].callback("new")
        self.assertEqual(self.successResultOf(again[0]), "new")

    def test_cancelledWhileBeginning(self) -> None:
        """
        Who is cancelled by the operation itself, before that has returned,
        was the last: the run is cancelled.
        """
        run: Deferred[str] = Deferred(self.wasCancelled)

        def cancelling() -> Deferred[str]:
            [waiter] = flight._waiting
            waiter.addErrback(lambda _: None).cancel()
            return run

        flight = SingleFlight(cancelling)
        self.assertIsNone(self.successResultOf(flight.result()))
        self.assertEqual(self.cancelled, 1)
        self.assertFalse(flight.running)

    def test_manyCancelled(self) -> None:
        """
        That many wait makes cancelling one no slower: work is linear.
        """
        waiting = [self.flight.result() for _ in range(20_000)]
        for d in reversed(waiting):
            d.addErrback(lambda _: None)
            d.cancel()
        self.assertEqual(self.cancelled, 1)


class DeadlineTests(TestCase):
    """
    L{Deadline}.
    """

    def test_remaining(self) -> None:
        """
        Time runs out, and not below zero.
        """
        deadline = Deadline.after(self.reactor, 3.0)
        self.assertEqual((deadline.at, deadline.remaining), (3.0, 3.0))
        self.reactor.advance(2.0)
        self.assertEqual(deadline.remaining, 1.0)
        self.reactor.advance(2.0)
        self.assertEqual(deadline.remaining, 0.0)


class WithinTests(TestCase):
    """
    L{within}.
    """

    def wait(self, work: Deferred[str]) -> Deferred[None]:
        """
        Wait for some work, three seconds at most.
        """
        return Deferred.fromCoroutine(within(self.reactor, 3.0, work))

    def test_inTime(self) -> None:
        """
        It goes on when the work has ended, well or not, now or before.
        """
        for early in (True, False):
            for end in (lambda w: w.callback("x"), lambda w: w.errback(KeyError("x"))):
                work: Deferred[str] = Deferred()
                if early:
                    end(work)
                d = self.wait(work)
                if not early:
                    self.assertNoResult(d)
                    end(work)
                self.assertIsNone(self.successResultOf(d))
        self.assertNothingScheduled()

    def test_tooLate(self) -> None:
        """
        It goes on when the time is over; the work may end later.
        """
        work: Deferred[str] = Deferred()
        d = self.wait(work)
        self.reactor.advance(3.0)
        self.assertIsNone(self.successResultOf(d))
        work.errback(KeyError("x"))
        self.assertNothingScheduled()

    def test_cancelled(self) -> None:
        """
        Who cancels the waiting gets CancelledError; the work goes on.
        """
        work: Deferred[str] = Deferred()
        d = self.wait(work)
        d.cancel()
        self.failureResultOf(d, CancelledError)
        self.assertFalse(work.called)
        work.callback("x")
        self.assertNothingScheduled()
