"""
Standard error: everything that is not a result.

One line for each thing that is said, and on a terminal one more at the bottom
that changes.  Nothing that goes wrong here stops what is being done: whoever
closed standard error does not want to know.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Protocol

from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent
from zope.interface import implementer

from txrocketmq._cli.report import causes
from txrocketmq._cli.text import fitted, printable

PROGRAM = "txrocketmq"

ERASE = "\r\x1b[K"
"""
Back to the line's beginning, and nothing on it.
"""

EXPLAINED = ("txrocketmq._remoting", "txrocketmq.sandbox")
"""
Whose warnings say what the failure that they lead to says too.
"""


class Stream(Protocol):
    """
    What standard error is here.
    """

    def write(self, text: str, /) -> object:
        """
        Write a text.
        """

    def flush(self) -> object:
        """
        Let it be seen.
        """


def terminalColumns(descriptor: int) -> int:
    """
    How wide a terminal is; 80 where there is none.
    """
    with suppress(OSError):
        return os.get_terminal_size(descriptor).columns or 80
    return 80


class Console:
    """
    Says things, line by line.
    """

    def __init__(
        self,
        stream: Stream,
        isTerminal: bool = False,
        columns: Callable[[], int] = lambda: 80,
    ) -> None:
        """
        @param isTerminal: Whether there may be a line that changes.

        @param columns: How wide the terminal is now.
        """
        self._stream = stream
        self.isTerminal = isTerminal
        self._columns = columns
        self._status = ""

    def say(self, text: str) -> None:
        """
        Say something, in a line of its own.
        """
        with self.aside():
            self._write(f"{PROGRAM}: {text}\n")

    def status(self, text: str) -> None:
        """
        Change the line at the bottom; an empty one takes it away.
        """
        if self.isTerminal:
            self._status = fitted(text, self._columns() - 1)
            self._write(f"{ERASE}{self._status}")

    def aside(self) -> Aside:
        """
        Room for others to write lines to the same terminal.
        """
        return Aside(self)

    def erase(self) -> None:
        """
        Take the line at the bottom away for a moment.
        """
        if self._status:
            self._write(ERASE)

    def restore(self) -> None:
        """
        Put the line at the bottom back.
        """
        if self._status:
            self._write(self._status)

    def _write(self, text: str) -> None:
        """
        Write, if anybody listens.
        """
        with suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()


class Aside:
    """
    While this is entered, the line at the bottom is not there.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> None:
        """
        Make room.
        """
        self._console.erase()

    def __exit__(self, *_: object) -> None:
        """
        Go back to how it was.
        """
        self._console.restore()


def standardError() -> Console:
    """
    The process's own.
    """
    stream = sys.stderr
    return Console(stream, stream.isatty(), lambda: terminalColumns(stream.fileno()))


@implementer(ILogObserver)
class LogLines:
    """
    Says what is logged, from warnings on, each thing once and in one line.
    """

    def __init__(self, console: Console, verbose: bool) -> None:
        """
        @param verbose: Whether also to say what is only informative, and what the
            errors that are reported say already.
        """
        self._console = console
        self._verbose = verbose
        self._said: set[str] = set()

    def __call__(self, event: LogEvent) -> None:
        """
        Say what is worth saying of an event.
        """
        if not self._matters(event):
            return
        for text in _texts(event):
            if text not in self._said and len(self._said) < 1000:
                self._said.add(text)
                self._console.say(text)

    def _matters(self, event: LogEvent) -> bool:
        """
        Whether the user should know.
        """
        level = event.get("log_level", LogLevel.info)
        namespace = str(event.get("log_namespace", ""))
        if self._verbose and namespace.startswith(PROGRAM):
            return bool(level >= LogLevel.info)
        if namespace.startswith(EXPLAINED) and "log_failure" not in event:
            return False
        return bool(level >= LogLevel.warn)


def _texts(event: LogEvent) -> Iterable[str]:
    """
    An event in words: what was said, and what failed.
    """
    said = printable(" ".join(formatEvent(event).split()))
    failure = event.get("log_failure")
    if failure is None:
        return [said] if said else []
    reasons = ": ".join(causes(failure.value))
    return [printable(f"{said}: {reasons}" if said else reasons)]
