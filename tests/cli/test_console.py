"""
Tests for L{txrocketmq._cli.console}.
"""

from __future__ import annotations

import io
import sys

from twisted.logger import ILogObserver, Logger, LogLevel, LogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from txrocketmq._cli.console import (
    Console,
    LogLines,
    standardError,
    terminalColumns,
)


class Closed(io.StringIO):
    """
    A stream nobody reads.
    """

    def write(self, text: str) -> int:
        """
        Fail.
        """
        raise BrokenPipeError


class ConsoleTests(SynchronousTestCase):
    """
    Standard error.
    """

    def setUp(self) -> None:
        """
        Write to memory.
        """
        self.stream = io.StringIO()

    def test_lines(self) -> None:
        """
        What is said is a line that begins with the program's name.
        """
        console = Console(self.stream)
        console.say("hello")
        self.assertEqual(self.stream.getvalue(), "txrocketmq: hello\n")

    def test_noStatusWithoutTerminal(self) -> None:
        """
        What changes is for terminals only.
        """
        console = Console(self.stream)
        console.status("50 %")
        self.assertEqual(self.stream.getvalue(), "")

    def test_status(self) -> None:
        """
        On a terminal it stays at the bottom, below what is said, and leaves room
        for the cursor.
        """
        console = Console(self.stream, True, lambda: 10)
        console.status("50 % of everything")
        self.assertEqual(self.stream.getvalue(), "\r\x1b[K50 % of …")
        self.stream.truncate(0)
        self.stream.seek(0)
        console.say("a")
        self.assertEqual(self.stream.getvalue(), "\r\x1b[Ktxrocketmq: a\n50 % of …")
        console.status("")
        self.stream.truncate(0)
        self.stream.seek(0)
        console.say("b")
        self.assertEqual(self.stream.getvalue(), "txrocketmq: b\n")

    def test_closed(self) -> None:
        """
        Nobody has to listen.
        """
        Console(Closed()).say("hello")
        closed = io.StringIO()
        closed.close()
        Console(closed).say("hello")

    def test_columns(self) -> None:
        """
        What is no terminal is eighty columns wide.
        """
        self.assertEqual(terminalColumns(-1), 80)

    def test_own(self) -> None:
        """
        The process's own knows whether it is a terminal.
        """
        self.patch(sys, "stderr", self.stream)
        self.assertFalse(standardError().isTerminal)


class LogLinesTests(SynchronousTestCase):
    """
    What is logged.
    """

    def setUp(self) -> None:
        """
        Write to memory.
        """
        self.stream = io.StringIO()

    def log(self, namespace: str, verbose: bool = False) -> Logger:
        """
        A log that is shown.
        """
        observer = LogLines(Console(self.stream), verbose)
        self.assertTrue(verifyObject(ILogObserver, observer))
        return Logger(namespace, observer=LogPublisher(observer))

    def lines(self) -> list[str]:
        """
        What was shown.
        """
        return self.stream.getvalue().splitlines()

    def test_warnings(self) -> None:
        """
        Warnings and worse are said, each once and in one line.
        """
        log = self.log("txrocketmq.client")
        log.info("started")
        for _ in range(3):
            log.warn("bad\nthing: {what!r}", what="\x1b")
        log.error("worse")
        self.assertEqual(
            self.lines(), [r"txrocketmq: bad thing: '\x1b'", "txrocketmq: worse"]
        )

    def test_failure(self) -> None:
        """
        A failure is said in one line with its causes, without a traceback.
        """
        try:
            raise KeyError("inner") from ValueError("outer")
        except KeyError:
            failure = Failure()
        self.log("twisted.internet.defer").failure("Unhandled", failure)
        self.assertEqual(
            self.lines(),
            ["txrocketmq: Unhandled: KeyError: 'inner': ValueError: outer"],
        )

    def test_failureWithoutWords(self) -> None:
        """
        It may come without words of its own.
        """
        failure = Failure(ValueError("bad"))
        self.log("x").emit(LogLevel.critical, log_failure=failure)
        self.assertEqual(self.lines(), ["txrocketmq: ValueError: bad"])

    def test_nothing(self) -> None:
        """
        What says nothing is not said.
        """
        self.log("x").emit(LogLevel.critical)
        self.assertEqual(self.lines(), [])

    def test_explained(self) -> None:
        """
        What the failure of a send says too is not said twice; what nobody foresaw
        is said in any case.
        """
        log = self.log("txrocketmq._remoting.protocol")
        log.warn("no frame")
        self.assertEqual(self.lines(), [])
        log.failure("bug", Failure(ValueError("x")))
        self.assertEqual(len(self.lines()), 1)

    def test_verbose(self) -> None:
        """
        Whoever wants to know everything is told what is only informative, of
        ours; and what is explained elsewhere.
        """
        self.log("txrocketmq.client", True).info("started")
        self.log("twisted.web", True).info("noise")
        self.log("txrocketmq._remoting.protocol", True).warn("no frame")
        self.log("txrocketmq.client", True).debug("detail")
        self.assertEqual(self.lines(), ["txrocketmq: started", "txrocketmq: no frame"])

    def test_foreignWarningsWhenVerbose(self) -> None:
        """
        Others' warnings are said to whoever wants to know everything, too.
        """
        self.log("twisted.internet.defer", True).error("bad")
        self.assertEqual(self.lines(), ["txrocketmq: bad"])

    def test_bounded(self) -> None:
        """
        A log that says ever new things is cut off.
        """
        log = self.log("txrocketmq")
        for number in range(1100):
            log.warn("{number}", number=number)
        self.assertEqual(len(self.lines()), 1000)
