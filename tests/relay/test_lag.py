"""
Tests for how late the reactor is.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txrocketmq.relay.lag import INTERVAL, REMEMBERED, LagSampler


class LagTests(SynchronousTestCase):
    """
    Looking at the clock.
    """

    def setUp(self) -> None:
        """
        Begin to look.
        """
        self.clock = Clock()
        self.lag = LagSampler(self.clock)
        self.lag.start()

    def test_onTime(self) -> None:
        """
        A reactor that keeps up is not late.
        """
        self.clock.pump([INTERVAL] * 100)
        self.assertEqual((self.lag.last, self.lag.worst), (0.0, 0.0))

    def test_late(self) -> None:
        """
        One that was busy was late by that; it is remembered for ten seconds.
        """
        self.clock.pump([INTERVAL, INTERVAL + 3.0])
        self.assertAlmostEqual(self.lag.last, 3.0)
        self.clock.pump([INTERVAL] * (REMEMBERED - 1))
        self.assertAlmostEqual(self.lag.last, 0.0)
        self.assertAlmostEqual(self.lag.worst, 3.0)
        self.clock.advance(INTERVAL)
        self.assertAlmostEqual(self.lag.worst, 0.0)

    def test_afterwards(self) -> None:
        """
        However late it was, and by whatever part of an interval, the next look is
        on time again.
        """
        for late in (0.1, 0.25, 0.3, 1.0, 7.77):
            self.clock.advance(INTERVAL + late)
            self.assertGreaterEqual(self.lag.last, late - INTERVAL)
            self.clock.pump([INTERVAL / 5] * 20)
            self.assertLess(self.lag.last, INTERVAL / 4)

    def test_stop(self) -> None:
        """
        It can be stopped, once and again, and started anew.
        """
        self.lag.stop()
        self.lag.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.lag.start()
        self.lag.start()
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.lag.stop()
