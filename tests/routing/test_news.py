"""
Tests of L{txrocketmq._routing.news}.
"""

from __future__ import annotations

from functools import partial

from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txrocketmq._routing.news import TOLD_AT_ONCE, News


def _note(woken: list[int], at: int, ignored: None) -> None:
    """
    Note that somebody was woken.
    """
    woken.append(at)


class NewsTests(SynchronousTestCase):
    """
    Waiting until there is news, or until the time is over.
    """

    def setUp(self) -> None:
        """
        Begin with nobody who waits.
        """
        self.clock = Clock()
        self.news = News(self.clock)

    def test_time(self) -> None:
        """
        Without news the wait takes its time, and leaves nothing behind.
        """
        slept = self.news.sleep(1.0, "T", "a:1")
        self.clock.advance(0.99)
        self.assertNoResult(slept)
        self.clock.advance(0.01)
        self.assertIsNone(self.successResultOf(slept))
        self.news.tell("T")
        self.news.tell("a:1")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_news(self) -> None:
        """
        News of one of the things ends the wait, in another turn.
        """
        for about in ("T", "a:1"):
            slept = self.news.sleep(1.0, "T", "a:1")
            self.news.tell(about)
            self.assertNoResult(slept)
            self.clock.advance(0)
            self.successResultOf(slept)
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_otherNews(self) -> None:
        """
        News of something else does not.
        """
        slept = self.news.sleep(1.0, "T")
        self.news.tell("U")
        self.clock.advance(0.5)
        self.assertNoResult(slept)
        self.clock.advance(0.5)
        self.successResultOf(slept)

    def test_cancelled(self) -> None:
        """
        Who is cancelled is forgotten, at once and on the way to be woken; the
        others are woken.
        """
        first, second, third = (self.news.sleep(1.0, "T") for _ in range(3))
        first.cancel()
        self.news.tell("T")
        second.cancel()
        self.clock.advance(0)
        self.failureResultOf(first, CancelledError)
        self.failureResultOf(second, CancelledError)
        self.successResultOf(third)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_someAtATime(self) -> None:
        """
        However many wait, one turn wakes no more than a hundred of them, in the
        order they came.
        """
        woken: list[int] = []
        for at in range(2 * TOLD_AT_ONCE + 1):
            self.news.sleep(1.0, "T").addCallback(partial(_note, woken, at))
        self.news.tell("T")
        for count in (TOLD_AT_ONCE, 2 * TOLD_AT_ONCE, 2 * TOLD_AT_ONCE + 1):
            (turn,) = (c for c in self.clock.getDelayedCalls() if not c.getTime())
            wake = turn.func  # type: ignore[attr-defined]
            turn.cancel()
            wake()
            self.assertEqual(woken, list(range(count)))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stop(self) -> None:
        """
        After the end nobody is woken before their time.
        """
        slept = self.news.sleep(1.0, "T")
        self.news.tell("T")
        self.news.stop()
        self.clock.advance(0)
        self.assertNoResult(slept)
        self.clock.advance(1)
        self.successResultOf(slept)
        self.news.stop()
