"""
Tests of L{txrocketmq._sending.budget}.
"""

from __future__ import annotations

from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock

from tests.support import TestCase
from txrocketmq._sending.budget import LEAST, RATIO, SPAN, RetryBudget


class BudgetTests(TestCase):
    """
    How many retries there are.
    """

    def setUp(self) -> None:
        """
        Begin with a producer that has sent nothing.
        """
        self.clock = Clock()
        self.offered = 0
        self.budget = RetryBudget(self.clock, lambda: self.offered)

    def taken(self) -> int:
        """
        Take all there is now, and leave the line again.
        """
        count = 0
        while (turn := self.budget.take()) is None:
            count += 1
        turn.addErrback(lambda reason: reason.trap(CancelledError) and None)
        turn.cancel()
        return count

    def offer(self, rate: int, seconds: int) -> int:
        """
        Send at a rate, and retry as often as may be.

        @return: How many retries there were.
        """
        count = 0
        for _ in range(seconds * 10):
            self.clock.advance(0.1)
            self.offered += rate // 10
            count += self.taken()
        return count

    def test_isolated(self) -> None:
        """
        One send alone has all the retries it can make.
        """
        self.assertEqual(self.taken(), LEAST)
        self.clock.advance(5)
        self.assertEqual(self.taken(), 5)

    def test_tenth(self) -> None:
        """
        Of what is sent there is no more than a tenth of retries in ten seconds,
        saved ones included, and about a twentieth for ever.
        """
        for _ in range(300):
            self.clock.advance(0.1)
            self.offered += 1000
        self.taken()
        for _ in range(300):
            self.clock.advance(0.1)
            self.offered += 1000
        first = self.offer(10_000, int(SPAN))
        self.assertTrue(0.08 * 100_000 < first <= 0.1 * 100_000 + 1, first)
        for _ in range(3):
            later = self.offer(10_000, int(SPAN))
            self.assertApproximates(later, RATIO * 100_000, 10)

    def test_notSavedForLong(self) -> None:
        """
        What was sent long ago counts no more.
        """
        self.offered += 1_000_000
        self.clock.advance(10 * SPAN)
        self.taken()
        self.clock.advance(10 * SPAN)
        self.assertEqual(self.taken(), LEAST)

    def test_burst(self) -> None:
        """
        What is sent at once counts at once.
        """
        self.offered += 10_000
        self.assertEqual(self.taken(), RATIO * 10_000)

    def test_line(self) -> None:
        """
        Who finds none waits, and gets the next ones in the order they came; who
        is cancelled leaves the line; at the end nothing is on the clock.
        """
        self.taken()
        turns = [self.budget.take() for _ in range(4)]
        first, gone, second, third = (turn for turn in turns if turn is not None)
        gone.cancel()
        self.failureResultOf(gone, CancelledError)
        self.advance(1.3)
        self.successResultOf(first)
        self.assertNoResult(second)
        # Nobody passes those who wait.
        late = self.budget.take()
        assert late is not None
        self.advance(1.0)
        self.successResultOf(second)
        self.assertNoResult(late)
        self.advance(2.1)
        self.successResultOf(third)
        self.successResultOf(late)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def advance(self, seconds: float) -> None:
        """
        Let time pass in small steps.
        """
        self.clock.pump([0.1] * round(seconds * 10))

    def test_givenBack(self) -> None:
        """
        A retry that was not in vain is two others', at once; what nobody wants is
        kept, as far as anything is.
        """
        self.taken()
        for _ in range(2):
            waiting = [self.budget.take(), self.budget.take()]
            for each in waiting:
                assert each is not None
                self.assertNoResult(each)
            self.budget.giveBack()
            for each in waiting:
                assert each is not None
                self.successResultOf(each)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.budget.giveBack()
        self.assertEqual(self.taken(), 2)
        for _ in range(100):
            self.budget.giveBack()
        self.assertEqual(self.taken(), LEAST)
