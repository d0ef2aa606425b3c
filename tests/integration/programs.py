"""
Our programs as processes of their own.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import attrs
from twisted.internet import reactor as theReactor
from twisted.internet.defer import Deferred
from twisted.internet.error import (
    ProcessDone,
    ProcessExitedAlready,
    ProcessTerminated,
)
from twisted.internet.interfaces import IReactorProcess
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

import txrocketmq

reactor: Any = theReactor

PATIENCE = 30.0
"""
Seconds after which a process that should have ended is killed.
"""


@attrs.frozen
class Ended:
    """
    A process that has ended.

    @ivar status: Its exit status; that of a signal is negative.
    """

    status: int
    output: str
    errors: str

    @property
    def lines(self) -> list[str]:
        """
        The lines of its output.
        """
        return self.output.splitlines()

    @property
    def complaints(self) -> list[str]:
        """
        The lines it wrote to standard error.
        """
        return self.errors.splitlines()


class Program(ProcessProtocol):
    """
    One process.

    @ivar ended: Fires when it has, with L{Ended}.
    """

    def __init__(
        self,
        arguments: list[str],
        directory: str,
        environment: dict[str, str] | None = None,
        descriptors: dict[int, int] | None = None,
    ) -> None:
        """
        @param environment: More for its environment.

        @param descriptors: Our descriptors that it gets, by what they are to it.
        """
        self.ended: Deferred[Ended] = Deferred()
        self._output, self._errors = bytearray(), bytearray()
        self._watching: list[tuple[bytes, Deferred[str]]] = []
        provider: IReactorProcess = reactor
        provider.spawnProcess(
            self,
            sys.executable,
            [sys.executable, *arguments],
            {**_environment(), **(environment or {})},
            directory,
            childFDs={0: "w", 1: "r", 2: "r", **(descriptors or {})},
        )
        self._killing = reactor.callLater(PATIENCE, self.signal, signal.SIGKILL)

    def signal(self, number: int) -> None:
        """
        Send it a signal.
        """
        assert self.transport is not None
        # Not by its name: Twisted knows only those of some.
        self.transport.signalProcess(number)

    def feed(self, data: bytes, end: bool = True) -> None:
        """
        Give it input.
        """
        assert self.transport is not None
        self.transport.write(data)
        if end:
            self.transport.closeStdin()

    def leave(self) -> None:
        """
        Read no more of its output.
        """
        assert self.transport is not None
        self.transport.closeStdout()

    def when(self, text: str) -> Deferred[str]:
        """
        When it has written a text: everything it has written.
        """
        seen: Deferred[str] = Deferred()
        self._watching.append((text.encode(), seen))
        self._look()
        return seen

    def outReceived(self, data: bytes) -> None:
        """
        Keep its output.
        """
        self._output += data
        self._look()

    def errReceived(self, data: bytes) -> None:
        """
        Keep what it complains of.
        """
        self._errors += data
        self._look()

    def processEnded(self, reason: Failure) -> None:
        """
        Tell that it has ended.
        """
        if self._killing.active():
            self._killing.cancel()
        end = reason.value
        assert isinstance(end, ProcessDone | ProcessTerminated)
        status = -end.signal if end.exitCode is None else end.exitCode
        ended = Ended(status, self._output.decode(), self._errors.decode())
        watching, self._watching = self._watching, []
        for text, seen in watching:
            seen.errback(AssertionError(f"{text!r} was never written: {ended}"))
        self.ended.callback(ended)

    def _look(self) -> None:
        """
        Tell who waits for what was written.
        """
        written = bytes(self._output + self._errors)
        for text, seen in self._watching[:]:
            if text in written:
                self._watching.remove((text, seen))
                seen.callback(written.decode())


def _environment() -> dict[str, str]:
    """
    An environment in which the processes find what we test, and nothing else that
    matters.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("NAMESRV_ADDR", "COLUMNS", "NO_COLOR", "NOTIFY_SOCKET")
    }
    return {**kept, "PYTHONPATH": str(Path(txrocketmq.__path__[0]).parent)}


class ProgramTestCase(TestCase):
    """
    A test that runs programs, and leaves none behind.
    """

    timeout = 60

    def start(
        self,
        *arguments: str,
        environment: dict[str, str] | None = None,
        descriptors: dict[int, int] | None = None,
    ) -> Program:
        """
        Start a Python program, in a new directory.

        @param environment: More for its environment.

        @param descriptors: Our descriptors that it gets, by what they are to it.
        """
        directory = Path(self.mktemp())
        directory.mkdir(parents=True)
        self.directory = directory
        program = Program(list(arguments), str(directory), environment, descriptors)
        self.addCleanup(self._end, program)
        return program

    def _end(self, program: Program) -> Deferred[Ended] | None:
        """
        End a program a failed test has left.
        """
        if program.ended.called:
            return None
        # It may be over already, and only its output still open somewhere.
        with contextlib.suppress(ProcessExitedAlready):
            program.signal(signal.SIGKILL)
        return program.ended

    def listener(self) -> str:
        """
        The address of somebody who takes connections and never says a word.
        """
        listening = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listening.close)
        return f"127.0.0.1:{listening.getsockname()[1]}"

    def nobody(self) -> str:
        """
        An address where nobody listens.
        """
        with socket.create_server(("127.0.0.1", 0)) as listening:
            return f"127.0.0.1:{listening.getsockname()[1]}"
