"""
Tests for L{txrocketmq.cli}.
"""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from tests.support import TestCase
from txrocketmq import cli
from txrocketmq._cli.console import Console
from txrocketmq._cli.options import ProgramOptions
from txrocketmq._cli.reading import InputFailed
from txrocketmq._cli.signals import Interruption
from txrocketmq._clocks import keepSteadyTime
from txrocketmq.errors import InvalidConfiguration, NoNameServer

Command = Callable[..., Coroutine[Deferred[Any], Any, int]]


class MainTests(TestCase):
    """
    The command line as a whole.
    """

    def setUp(self) -> None:
        """
        Keep what is written.
        """
        super().setUp()
        self.stdout, self.stderr = io.StringIO(), io.StringIO()
        self.patch(sys, "stdout", self.stdout)
        self.patch(sys, "stderr", self.stderr)

    def status(self, *arguments: str) -> Any:
        """
        How a command line ends.
        """
        return self.assertRaises(SystemExit, cli.main, list(arguments)).code

    def test_help(self) -> None:
        """
        Help is a result.
        """
        self.assertEqual(self.status("--help"), 0)
        self.assertIn("Usage: txrocketmq", self.stdout.getvalue())
        self.assertEqual(self.stderr.getvalue(), "")

    def test_wrongUsage(self) -> None:
        """
        What is wrong is said in one line that names the command, and the status
        is 2.
        """
        for arguments, start in (
            (["frob\n"], "txrocketmq: Unknown command: frob\\n"),
            (["send", "--batch", "x"], "txrocketmq: send: "),
            (["sandbox", "--port", "x"], "txrocketmq: sandbox: --port: 'x'"),
        ):
            self.stderr.truncate(0)
            self.stderr.seek(0)
            self.assertEqual(self.status(*arguments), 2)
            (line,) = self.stderr.getvalue().splitlines()
            self.assertTrue(line.startswith(start), line)

    def test_ownArguments(self) -> None:
        """
        Without arguments the process's own are meant.
        """
        self.patch(sys, "argv", ["txrocketmq", "--version"])
        self.assertEqual(self.assertRaises(SystemExit, cli.main).code, 0)

    def test_interruptedEarly(self) -> None:
        """
        An interruption before the reactor runs is no traceback.
        """

        def interrupt(self: object, arguments: object) -> None:
            raise KeyboardInterrupt

        self.patch(ProgramOptions, "parseOptions", interrupt)
        self.assertEqual(self.status(), 130)

    def test_readerOfHelpGone(self) -> None:
        """
        Whoever closes help early has seen enough; nothing is left to be written.
        """

        def close(self: object, arguments: object) -> None:
            raise BrokenPipeError

        kept = os.dup(1)
        try:
            self.patch(ProgramOptions, "parseOptions", close)
            self.assertEqual(self.status(), 1)
            nowhere = Path(os.devnull).stat()
            self.assertEqual(os.fstat(1).st_rdev, nowhere.st_rdev)
        finally:
            os.dup2(kept, 1)
            os.close(kept)

    def test_closedStreams(self) -> None:
        """
        Streams that were closed when Python started are replaced.
        """
        self.patch(sys, "stdout", None)
        self.patch(sys, "stderr", None)
        self.assertEqual(self.status("frob"), 2)
        for stream in (sys.stdout, sys.stderr):
            assert stream is not None
            stream.close()


class EndTests(TestCase):
    """
    How commands end.
    """

    def setUp(self) -> None:
        """
        Keep what is said.
        """
        super().setUp()
        self.stderr = io.StringIO()
        self.interruption = Interruption(self.reactor)

    def ended(self, command: Command, name: str = "demo", **options: Any) -> Any:
        """
        Carry a command out.
        """
        self.patch(cli, "COMMANDS", {name: command})
        console = Console(self.stderr)
        settings = {"verbose": 0, **options}
        return Deferred.fromCoroutine(
            cli._ended(name, self.reactor, settings, console, self.interruption)
        )

    def failing(self, error: BaseException, **options: Any) -> tuple[int, list[str]]:
        """
        The status and the words of a command that fails.
        """

        async def command(*_: object) -> int:
            raise error

        status: int = self.successResultOf(self.ended(command, **options))
        return status, self.stderr.getvalue().splitlines()

    def test_status(self) -> None:
        """
        A command's status is the program's.
        """

        async def command(*_: object) -> int:
            return 7

        self.assertEqual(self.successResultOf(self.ended(command)), 7)

    def test_failure(self) -> None:
        """
        What fails is one line, and 1.
        """
        status, lines = self.failing(NoNameServer([]))
        self.assertEqual(status, 1)
        self.assertEqual(
            lines, ["txrocketmq: no name server answered: none is configured"]
        )

    def test_input(self) -> None:
        """
        So is an input that cannot be read.
        """
        status, _ = self.failing(InputFailed("f", OSError(2, "No such file")))
        self.assertEqual(status, 1)

    def test_configuration(self) -> None:
        """
        What cannot be configured is wrong usage.
        """
        status, lines = self.failing(InvalidConfiguration("bad"))
        self.assertEqual((status, lines), (2, ["txrocketmq: bad"]))

    def test_bug(self) -> None:
        """
        What nobody foresaw is one line, too.
        """
        status, lines = self.failing(KeyError("x"))
        self.assertEqual((status, lines), (1, ["txrocketmq: unexpected KeyError: 'x'"]))

    def test_verbose(self) -> None:
        """
        Whoever wants to know is told where it came from.
        """
        error = KeyError("x")
        error.__cause__ = ValueError("y")
        _, lines = self.failing(error, verbose=1)
        self.assertEqual(len(lines), 3)
        self.assertEqual(lines[-1], "txrocketmq: ValueError: y")

    def test_interrupted(self) -> None:
        """
        A signal cancels what has no better way to end; the status tells which.
        """
        waiting: Deferred[int] = Deferred()

        async def command(*_: object) -> int:
            return await waiting

        ending = self.ended(command)
        self.assertNoResult(ending)
        self.interruption.number = 15
        self.interruption._tell()
        self.assertEqual(self.successResultOf(ending), 143)
        self.assertEqual(self.stderr.getvalue(), "txrocketmq: interrupted\n")
        waiting.addErrback(lambda failure: failure.trap(CancelledError))

    def test_ownEnd(self) -> None:
        """
        What has one is left alone.
        """
        waiting: Deferred[int] = Deferred()

        async def command(*_: object) -> int:
            return await waiting

        ending = self.ended(command, "send")
        self.interruption.number = 15
        self.interruption._tell()
        self.assertNoResult(ending)
        waiting.callback(3)
        self.assertEqual(self.successResultOf(ending), 3)

    def test_warnings(self) -> None:
        """
        What the user should know is said first.
        """

        async def command(*_: object) -> int:
            return 0

        class Warned(dict[str, Any]):
            """
            Options with something to say.
            """

            warnings = ("careful",)

        self.patch(cli, "COMMANDS", {"demo": command})
        console = Console(self.stderr)
        options = Warned(verbose=0)
        ending = cli._ended("demo", self.reactor, options, console, self.interruption)
        self.successResultOf(Deferred.fromCoroutine(ending))
        self.assertEqual(self.stderr.getvalue(), "txrocketmq: careful\n")


class SteadyTimeTests(TestCase):
    """
    The reactor's clock.
    """

    class Reactor(Clock):
        """
        A reactor whose clock can be replaced.
        """

        seconds: Any

    def test_steady(self) -> None:
        """
        A reactor with nothing to do follows the clock nobody sets.
        """
        reactor = self.Reactor()
        keepSteadyTime(reactor)
        self.assertIs(reactor.seconds, time.monotonic)

    def test_busy(self) -> None:
        """
        One that has keeps its own: its calls are told by that.
        """
        reactor = self.Reactor()
        reactor.callLater(1, list)
        keepSteadyTime(reactor)
        self.assertEqual(reactor.seconds(), 0)
