"""
Tests for L{txrocketmq.relay.draining}.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail, succeed

from tests.support import TestCase
from txrocketmq.relay.draining import Drain


class DrainTests(TestCase):
    """
    Waiting for the end.
    """

    def setUp(self) -> None:
        """
        Begin a drain.
        """
        super().setUp()
        self.drain = Drain(self.reactor, 10)

    def test_inTime(self) -> None:
        """
        What ends in time is waited for, and what has ended is not.
        """
        work: Deferred[None] = Deferred()
        waiting = self.drain.wait(work)
        self.assertNoResult(waiting)
        self.reactor.advance(9)
        self.assertEqual(self.drain.remaining, 1)
        work.callback(None)
        self.assertIs(self.successResultOf(waiting), True)
        self.assertIs(self.successResultOf(self.drain.wait(succeed(None))), True)

    def test_tooLate(self) -> None:
        """
        There is one time for all, of which some may be left for others; what ends
        later is nobody's business.
        """
        work: Deferred[None] = Deferred()
        waiting = self.drain.wait(work, reserve=3)
        self.reactor.advance(7)
        self.assertIs(self.successResultOf(waiting), False)
        second = self.drain.wait(Deferred())
        self.reactor.advance(3)
        self.assertIs(self.successResultOf(second), False)
        work.callback(None)
        third = self.drain.wait(Deferred())
        self.reactor.advance(0)
        self.assertIs(self.successResultOf(third), False)

    def test_least(self) -> None:
        """
        Some things have their time, however late it is, but not in a hurry.
        """
        self.reactor.advance(10)
        waiting = self.drain.wait(Deferred(), least=1)
        self.reactor.advance(0.9)
        self.assertNoResult(waiting)
        self.reactor.advance(0.1)
        self.assertIs(self.successResultOf(waiting), False)
        waiting = self.drain.wait(Deferred(), least=1)
        self.drain.hurry()
        self.assertIs(self.successResultOf(waiting), False)

    def test_hurry(self) -> None:
        """
        Somebody in a hurry ends all waiting, now and later.
        """
        waiting = self.drain.wait(Deferred())
        self.drain.hurry()
        self.assertIs(self.successResultOf(waiting), False)
        self.assertEqual(self.drain.remaining, 0)
        self.assertIs(self.successResultOf(self.drain.wait(Deferred())), False)
        self.assertIs(self.successResultOf(self.drain.wait(succeed(None))), True)

    def test_failed(self) -> None:
        """
        What fails has ended; that is logged.
        """
        self.assertIs(self.successResultOf(self.drain.wait(fail(OSError()))), True)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_cancelled(self) -> None:
        """
        Who waits may give up.
        """
        waiting = self.drain.wait(Deferred())
        waiting.cancel()
        self.failureResultOf(waiting)
