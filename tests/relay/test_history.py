"""
Tests for the last minutes.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txrocketmq.relay.history import LENGTH, History, Load, quantile
from txrocketmq.relay.tally import BOUNDS, Durations, Tally


class HistoryTests(SynchronousTestCase):
    """
    A point a second.
    """

    def setUp(self) -> None:
        """
        Begin to keep points.
        """
        self.clock = Clock()
        self.tally = Tally()
        self.load = Load(3, 0)
        self.history = History(self.clock, self.tally, lambda: self.load)
        self.history.start()
        self.addCleanup(self.history.stop)

    def passing(self, seconds: int) -> None:
        """
        Let time pass.
        """
        self.clock.pump([1.0] * seconds)

    def test_rates(self) -> None:
        """
        Each point has what came since the one before.
        """
        self.tally.accepted("broker", 5, 0)
        self.tally.accepted("spool", 2, 0)
        self.tally.stored(0.0025, 1)
        self.tally.failed("timeout", 1.0, 1, "NO")
        self.passing(2)
        first, second = self.history.points
        self.assertEqual((first.accepted, first.stored, first.failed), (7, 1, 1))
        self.assertEqual((second.accepted, second.stored, second.failed), (0, 0, 0))
        self.assertEqual((first.inFlight, first.waiting), (3, 0))
        assert first.p50 is not None
        assert first.p99 is not None
        self.assertTrue(0.002 < first.p50 < first.p99 <= 0.003)
        self.assertIsNone(second.p50)

    def test_lateRates(self) -> None:
        """
        A point that comes late has rates all the same.
        """
        self.tally.accepted("broker", 8, 0)
        self.clock.advance(4.0)
        (point,) = self.history.points
        self.assertEqual(point.accepted, 2)

    def test_recently(self) -> None:
        """
        The figures of now are those of ten seconds.
        """
        self.passing(20)
        self.tally.accepted("broker", 10, 0)
        self.passing(5)
        self.assertEqual(self.history.recently().accepted, 1)
        self.passing(6)
        self.assertEqual(self.history.recently().accepted, 0)

    def test_bounded(self) -> None:
        """
        Five minutes are kept.
        """
        self.passing(LENGTH + 50)
        self.assertEqual(len(self.history.points), LENGTH)
        self.assertEqual(self.history.number, LENGTH + 50)

    def test_after(self) -> None:
        """
        Who knows some points is given the others; who knows too much, all.
        """
        self.assertEqual(self.history.after(0), [])
        self.passing(10)
        points = list(self.history.points)
        self.assertEqual(self.history.after(0), points)
        self.assertEqual(self.history.after(7), points[7:])
        self.assertEqual(self.history.after(10), [])
        self.assertEqual(self.history.after(11), points)
        self.assertEqual(self.history.after(-1), points)
        self.passing(LENGTH)
        self.assertEqual(len(self.history.after(3)), LENGTH)

    def test_grown(self) -> None:
        """
        How much the spool has grown is known.
        """
        self.assertEqual(self.history.grown(30), 0)
        for waiting in (5, 10, 40):
            self.load = Load(0, waiting)
            self.passing(1)
        self.assertEqual(self.history.grown(30), 35)
        self.assertEqual(self.history.grown(2), 30)

    def test_stop(self) -> None:
        """
        It can be stopped, once and again, and started anew.
        """
        self.history.stop()
        self.history.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.history.start()
        self.history.start()
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)


class QuantileTests(SynchronousTestCase):
    """
    From counts to times.
    """

    def counted(self, *seconds: float) -> list[int]:
        """
        Count some durations.
        """
        durations = Durations()
        for each in seconds:
            durations.add(each)
        return durations.counts

    def test_nothing(self) -> None:
        """
        Of nothing there is no quantile.
        """
        self.assertIsNone(quantile(self.counted(), 0.5))

    def test_beyond(self) -> None:
        """
        Of what took very long it is known that it took that long at least.
        """
        self.assertEqual(quantile(self.counted(99.0), 0.5), BOUNDS[-1])

    @settings(deadline=None)
    @given(
        st.lists(st.floats(0.0001, 30.0), min_size=1, max_size=50),
        st.sampled_from([0.5, 0.99]),
    )
    def test_between(self, seconds: list[float], part: float) -> None:
        """
        A quantile is within the bounds of the value that it stands for.
        """
        found = quantile(self.counted(*seconds), part)
        assert found is not None
        exact = sorted(seconds)[max(0, -int(-part * len(seconds) // 1) - 1)]
        lower = max((b for b in BOUNDS if b < exact), default=0.0)
        upper = min(b for b in BOUNDS if b >= exact)
        self.assertTrue(lower - 1e-9 <= found <= upper + 1e-9, (found, lower, upper))
