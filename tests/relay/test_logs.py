"""
Tests for L{txrocketmq.relay.logs}.
"""

from __future__ import annotations

import io
import json
import signal
import sys
from pathlib import Path
from typing import Any

from twisted.logger import Logger, textFileLogObserver
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from txrocketmq.relay import jsonlog
from txrocketmq.relay.logs import ROTATES, TWIST, logAs


class Threads:
    """
    What a reactor is called with from elsewhere.
    """

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def callFromThread(self, call: Any) -> None:
        """
        Keep a call.
        """
        self.calls.append(call)


class LogTests(SynchronousTestCase):
    """
    Which log there is.
    """

    def setUp(self) -> None:
        """
        Nobody rotates anything yet.
        """
        former = signal.signal(ROTATES, signal.SIG_DFL)
        self.addCleanup(signal.signal, ROTATES, former)
        self.reactor = Threads()

    def choose(self, form: str, **runner: Any) -> Any:
        """
        Choose a form.
        """
        return logAs(form, runner, self.reactor)

    def test_twist(self) -> None:
        """
        C{twist} is told, whatever it would have chosen.
        """
        for form, expected in (
            ("text", textFileLogObserver),
            ("json", jsonlog.observer),
        ):
            runner: dict[str, Any] = {TWIST: None}
            self.assertIsNone(logAs(form, runner, self.reactor))
            self.assertIs(runner[TWIST], expected)

    def test_theirs(self) -> None:
        """
        Text is C{twistd}'s own business, and so is what C{--logger} names.
        """
        self.assertIsNone(self.choose("text", nodaemon=True))
        self.assertIsNone(self.choose("json", logger="some.thing"))

    def test_output(self) -> None:
        """
        In the foreground it goes to standard output.
        """
        output = io.StringIO()
        self.patch(sys, "stdout", output)
        for name in (None, "-"):
            observer = self.choose("json", nodaemon=True, logfile=name)
            Logger("here", observer=observer).info("hello")
        first, second = map(json.loads, output.getvalue().splitlines())
        self.assertEqual(first["message"], "hello")
        self.assertEqual(second["logger"], "here")

    def test_file(self) -> None:
        """
        It goes to the file that is named, which is rotated as C{twistd}'s is.
        """
        path = Path(self.mktemp())
        observer = self.choose("json", logfile=str(path))
        Logger("here", observer=observer).info("hello")
        self.assertEqual(json.loads(path.read_text())["message"], "hello")
        signal.raise_signal(ROTATES)
        (rotate,) = self.reactor.calls
        rotate()
        self.assertEqual(path.read_text(), "")
        self.choose("json", logfile=str(path))

    def test_impossible(self) -> None:
        """
        What cannot be is refused.
        """
        for runner in ({"syslog": True}, {"logfile": "-"}):
            self.assertRaises(UsageError, logAs, "json", runner, self.reactor)
