"""
Tests for L{txrocketmq._cli.output}.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from select import PIPE_BUF

from twisted.python.failure import Failure

from tests.support import TestCase
from txrocketmq._cli.console import Console
from txrocketmq._cli.output import MOST_WAITING, Output, isReady


class OutputTestCase(TestCase):
    """
    A test that writes to descriptors, without a reactor that looks at them.
    """

    def setUp(self) -> None:
        """
        Count what is reported.
        """
        super().setUp()
        self.changes = 0
        self.stderr = io.StringIO()
        self.console = Console(self.stderr)

    def changed(self) -> None:
        """
        Count a change.
        """
        self.changes += 1

    def piped(self) -> tuple[Output, int]:
        """
        An output, and where it can be read.
        """
        read, write = os.pipe()
        self.addCleanup(os.close, write)
        return self.output(write), read

    def output(self, descriptor: int) -> Output:
        """
        An output to a descriptor.
        """
        output = Output(self.reactor, self.console, descriptor)
        output.changed = self.changed
        return output


class PipeTests(OutputTestCase):
    """
    To a pipe.
    """

    def test_linesAreWritten(self) -> None:
        """
        Lines are written when there is room, and then nothing is watched for.
        """
        output, read = self.piped()
        self.addCleanup(os.close, read)
        self.assertEqual(output.logPrefix(), "output")
        output.line("äb")
        output.line("c")
        self.assertEqual(self.reactor.getWriters(), [output])
        flushed = output.flushed()
        self.assertNoResult(flushed)
        output.doWrite()
        self.assertEqual(os.read(read, 100), "äb\nc\n".encode())
        self.successResultOf(flushed)
        self.assertEqual(self.reactor.getWriters(), [])
        self.successResultOf(output.flushed())
        self.assertEqual(output.status(), 0)

    def test_strangeText(self) -> None:
        """
        What has no UTF-8 form is written all the same.
        """
        output, read = self.piped()
        self.addCleanup(os.close, read)
        output.line("\ud800")
        output.doWrite()
        self.assertEqual(os.read(read, 100), b"\\ud800\n")

    def test_slowReader(self) -> None:
        """
        A reader that does not read delays, and never blocks; when it reads again
        there is room, and that is told.
        """
        output, read = self.piped()
        self.addCleanup(os.close, read)
        while output.hasRoom():
            output.line("x" * 999)
        while isReady(output.fileno()):
            output.doWrite()
        flushed = output.flushed()
        self.assertNoResult(flushed)
        written = 0
        while not flushed.called:
            written += len(os.read(read, 1 << 20))
            output.doWrite()
        self.assertTrue(output.hasRoom())
        self.assertEqual(self.changes, 1)
        written += len(os.read(read, 1 << 20))
        self.assertEqual(written % 1000, 0)
        self.assertGreaterEqual(written, MOST_WAITING)

    def test_wholeLines(self) -> None:
        """
        Portions end with lines, so that others may write in between; a line that
        is longer than a portion is cut.
        """
        output, read = self.piped()
        self.addCleanup(os.close, read)
        output.line("a" * 3000)
        output.line("b" * 3000)
        self.assertEqual(output._portion(), 3001)
        output.doWrite()
        os.read(read, 1 << 20)
        output.line("c" * (PIPE_BUF + 10))
        self.assertEqual(output._portion(), PIPE_BUF)
        output.doWrite()

    def test_someoneMadeItNonBlocking(self) -> None:
        """
        A descriptor that others made non-blocking, and that is full, is waited for.
        """
        output, read = self.piped()
        self.addCleanup(os.close, read)
        os.set_blocking(output.fileno(), False)
        while True:
            try:
                os.write(output.fileno(), b"x" * PIPE_BUF)
            except BlockingIOError:
                break
        output.line("a")
        output.doWrite()
        self.assertIsNone(output.error)
        self.assertEqual(self.reactor.getWriters(), [output])

    def test_readerGone(self) -> None:
        """
        When the reader has gone, that is told; nothing waits, and nothing is kept.
        """
        output, read = self.piped()
        os.close(read)
        output.line("a")
        flushed = output.flushed()
        output.doWrite()
        self.assertIsInstance(output.error, BrokenPipeError)
        self.assertEqual(self.changes, 1)
        self.successResultOf(flushed)
        self.assertEqual(self.reactor.getWriters(), [])
        output.line("b")
        self.assertEqual(self.reactor.getWriters(), [])
        self.successResultOf(output.flushed())
        self.assertEqual(output.status(), 1)
        self.assertEqual(self.stderr.getvalue(), "")

    def test_reactorSeesItFirst(self) -> None:
        """
        The same when the reactor says so.
        """
        output, read = self.piped()
        os.close(read)
        output.line("a")
        output.connectionLost(Failure(OSError()))
        output.connectionLost(Failure(OSError()))
        self.assertIsInstance(output.error, BrokenPipeError)
        self.assertEqual(self.changes, 1)

    def test_cancelledWait(self) -> None:
        """
        Nobody has to wait to the end.
        """
        output, read = self.piped()
        self.addCleanup(os.close, read)
        output.line("a")
        flushed = output.flushed()
        flushed.addErrback(lambda _: None)
        flushed.cancel()
        output.doWrite()


class FileTests(OutputTestCase):
    """
    To a file.
    """

    def test_written(self) -> None:
        """
        A file is written to at the end of the turn, everything at once.
        """
        path = Path(self.mktemp())
        with path.open("wb") as file:
            output = Output(self.reactor, self.console, file.fileno())
            output.line("a" * 10_000)
            output.line("b")
            self.assertEqual(path.read_bytes(), b"")
            self.reactor.advance(0)
            self.assertEqual(path.read_bytes(), b"a" * 10_000 + b"\nb\n")
            output.line("c")
            self.reactor.advance(0)
        self.assertEqual(path.read_bytes()[-4:], b"b\nc\n")

    def test_full(self) -> None:
        """
        A disk may be full.
        """
        with Path("/dev/full").open("wb", buffering=0) as file:
            output = self.output(file.fileno())
            output.line("a")
            self.reactor.advance(0)
        self.assertEqual(output.status(), 1)
        self.assertEqual(
            self.stderr.getvalue(),
            "txrocketmq: standard output: No space left on device\n",
        )
        self.assertEqual(self.changes, 1)


class TerminalTests(OutputTestCase):
    """
    To a terminal.
    """

    def test_aside(self) -> None:
        """
        The line at the bottom makes room for lines that are written.
        """
        terminal, process = os.openpty()
        self.addCleanup(os.close, terminal)
        self.addCleanup(os.close, process)
        written = io.StringIO()
        console = Console(written, isTerminal=True)
        console.status("50 %")
        output = Output(self.reactor, console, process)
        output.line("a")
        written.truncate(0)
        output.doWrite()
        self.assertIn("\r\x1b[K", written.getvalue())
        self.assertTrue(written.getvalue().endswith("50 %"))
        self.assertIn(b"a", os.read(terminal, 100))
        self.assertGreater(output.columns(), 0)

    def test_colours(self) -> None:
        """
        There are colours on a terminal, and nowhere else.
        """
        terminal, process = os.openpty()
        self.addCleanup(os.close, terminal)
        self.addCleanup(os.close, process)
        self.patch(os, "environ", {"TERM": "xterm"})
        onTerminal = Output(self.reactor, self.console, process)
        self.assertTrue(onTerminal.palette().coloured)
        elsewhere, read = self.piped()
        self.addCleanup(os.close, read)
        self.assertFalse(elsewhere.palette().coloured)
        self.assertEqual(elsewhere.columns(), 80)
