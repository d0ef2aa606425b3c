"""
Tests for L{txrocketmq.relay.signals}.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType

from twisted.trial.unittest import SynchronousTestCase

from txrocketmq.relay.signals import Signals


class FakeReactor:
    """
    A reactor that does what it is told at once.

    @ivar running: What it is to call when it runs.

    @ivar stopped: How often it was stopped.
    """

    def __init__(self) -> None:
        self.running: list[Callable[[], object]] = []
        self.stopped = 0

    def callWhenRunning(self, call: Callable[[], object]) -> None:
        """
        Keep a call for later.
        """
        self.running.append(call)

    def callFromThread(self, call: Callable[[], object]) -> None:
        """
        Call.
        """
        call()

    def stop(self) -> None:
        """
        Count a stop.
        """
        self.stopped += 1


class SignalTests(SynchronousTestCase):
    """
    What signals do.
    """

    def setUp(self) -> None:
        """
        Put answers to signals in place that only note them.
        """
        self.reactor = FakeReactor()
        self.done: list[str] = []
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            former = signal.signal(number, self.theirs)
            self.addCleanup(signal.signal, number, former)
        self.signals = Signals(
            self.reactor,
            lambda: self.done.append("hurry"),
            lambda: self.done.append("reload"),
        )

    def theirs(self, number: int, frame: FrameType | None) -> None:
        """
        What the reactor would do.
        """
        self.done.append(f"theirs {number}")

    def install(self) -> None:
        """
        Put ours in place, the reactor running.
        """
        self.signals.install()
        for call in self.reactor.running:
            call()

    def test_hangUp(self) -> None:
        """
        SIGHUP reloads, as often as it comes, and before the reactor runs.
        """
        self.signals.install()
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGHUP)
        self.assertEqual(self.done, ["reload", "reload"])

    def test_twice(self) -> None:
        """
        The first is the reactor's, the second hurries, and after that they are
        the system's.
        """
        self.install()
        signal.raise_signal(signal.SIGINT)
        self.assertEqual(self.done, [f"theirs {signal.SIGINT}"])
        signal.raise_signal(signal.SIGTERM)
        self.assertEqual(self.done[1:], ["hurry"])
        for number in (signal.SIGTERM, signal.SIGINT):
            self.assertIs(signal.getsignal(number), signal.SIG_DFL)

    def test_nobodys(self) -> None:
        """
        Where the reactor answers to none, it is stopped.
        """
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self.install()
        signal.raise_signal(signal.SIGTERM)
        self.assertEqual(self.reactor.stopped, 1)

    def test_remove(self) -> None:
        """
        What was there can be put back.
        """
        self.install()
        self.signals.remove()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self.assertEqual(signal.getsignal(number), self.theirs)
