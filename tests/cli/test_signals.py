"""
Tests for L{txrocketmq._cli.signals}.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase

from txrocketmq._cli.signals import ASKING, Interruption


class Turns:
    """
    The part of a reactor that runs things in its own turns.
    """

    def __init__(self) -> None:
        self.calls: list[Callable[[], Any]] = []

    def callWhenRunning(self, call: Callable[[], Any]) -> None:
        """
        Run something later.
        """
        self.calls.append(call)

    callFromThread = callWhenRunning

    def turn(self) -> None:
        """
        Run what waits.
        """
        calls, self.calls = self.calls, []
        for call in calls:
            call()


class InterruptionTests(SynchronousTestCase):
    """
    Being asked to end.
    """

    def setUp(self) -> None:
        """
        Leave the process's signals as they were.
        """
        for number in ASKING:
            self.addCleanup(signal.signal, number, signal.getsignal(number))
        self.turns = Turns()
        self.interruption = Interruption(self.turns)

    def test_asked(self) -> None:
        """
        A signal is told in the reactor's turn, to all who wait and who will.
        """
        self.turns.turn()
        first = self.interruption.whenAsked()
        signal.raise_signal(signal.SIGTERM)
        self.assertNoResult(first)
        self.turns.turn()
        self.assertEqual(self.successResultOf(first), signal.SIGTERM)
        self.assertEqual(self.interruption.status, 143)
        later = self.interruption.whenAsked()
        self.assertEqual(self.successResultOf(later), signal.SIGTERM)

    def test_secondEnds(self) -> None:
        """
        After the first signal the next one, of either kind, ends the process.
        """
        self.turns.turn()
        signal.raise_signal(signal.SIGINT)
        self.assertEqual(self.interruption.status, 130)
        for number in ASKING:
            self.assertEqual(signal.getsignal(number), signal.SIG_DFL)

    def test_notBefore(self) -> None:
        """
        The signals are the reactor's until it runs.
        """
        before = signal.getsignal(signal.SIGTERM)
        Interruption(Turns())
        self.assertEqual(signal.getsignal(signal.SIGTERM), before)

    def test_cancel(self) -> None:
        """
        Nobody has to wait.
        """
        waiting = self.interruption.whenAsked()
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.turns.turn()
        signal.raise_signal(signal.SIGINT)
        self.turns.turn()
