"""
Tests for L{txrocketmq._cli.reading}.
"""

from __future__ import annotations

import os
from pathlib import Path

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from tests.support import TestCase
from txrocketmq._cli.lines import FileSplitter, Line, LineSplitter, Splitter
from txrocketmq._cli.reading import (
    CHUNK,
    FileChunks,
    InputFailed,
    Inputs,
    PipeChunks,
    chunksOf,
)


class ReadingTestCase(TestCase):
    """
    A test that reads descriptors, without a reactor that looks at them.
    """

    def pipe(self) -> tuple[int, int]:
        """
        Both ends of a pipe.
        """
        read, write = os.pipe()
        self.addCleanup(os.close, read)
        return read, write

    def file(self, data: bytes) -> str:
        """
        A file that holds this.
        """
        path = Path(self.mktemp())
        path.write_bytes(data)
        return str(path)


class PipeChunksTests(ReadingTestCase):
    """
    What others write.
    """

    def test_waits(self) -> None:
        """
        Bytes are read when they are there, and nothing is watched for between.
        """
        read, write = self.pipe()
        chunks = PipeChunks(self.reactor, read)
        self.assertEqual(chunks.fileno(), read)
        self.assertEqual(chunks.logPrefix(), "input")
        self.assertEqual(self.reactor.getReaders(), [])
        waiting = chunks.read()
        self.assertEqual(self.reactor.getReaders(), [chunks])
        self.assertNoResult(waiting)
        os.write(write, b"abc")
        chunks.doRead()
        self.assertEqual(self.successResultOf(waiting), b"abc")
        self.assertEqual(self.reactor.getReaders(), [])
        os.close(write)
        waiting = chunks.read()
        chunks.doRead()
        self.assertEqual(self.successResultOf(waiting), b"")

    def test_falseAlarm(self) -> None:
        """
        When another process was faster, the wait goes on.
        """
        read, write = self.pipe()
        os.set_blocking(read, False)
        chunks = PipeChunks(self.reactor, read)
        waiting = chunks.read()
        chunks.doRead()
        self.assertNoResult(waiting)
        os.close(write)
        chunks.doRead()
        self.assertEqual(self.successResultOf(waiting), b"")

    def test_hangUp(self) -> None:
        """
        A reactor that finds the other end gone ends the input.
        """
        read, write = self.pipe()
        os.close(write)
        chunks = PipeChunks(self.reactor, read)
        waiting = chunks.read()
        chunks.connectionLost(Failure(OSError("gone")))
        self.assertEqual(self.successResultOf(waiting), b"")
        chunks.connectionLost(Failure(OSError("gone")))

    def test_error(self) -> None:
        """
        What cannot be read fails the read.
        """
        _read, write = self.pipe()
        os.close(write)
        chunks = PipeChunks(self.reactor, write)
        waiting = chunks.read()
        chunks.doRead()
        self.failureResultOf(waiting, OSError)
        self.assertEqual(self.reactor.getReaders(), [])

    def test_cancel(self) -> None:
        """
        A read that is cancelled leaves the bytes where they are.
        """
        read, write = self.pipe()
        self.addCleanup(os.close, write)
        chunks = PipeChunks(self.reactor, read)
        waiting = chunks.read()
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.assertEqual(self.reactor.getReaders(), [])


class ChunksOfTests(ReadingTestCase):
    """
    How a descriptor is read.
    """

    def test_pipe(self) -> None:
        """
        A pipe can make one wait.
        """
        read, write = self.pipe()
        self.addCleanup(os.close, write)
        self.assertIsInstance(chunksOf(self.reactor, read), PipeChunks)

    def test_terminal(self) -> None:
        """
        So can a terminal.
        """
        terminal, process = os.openpty()
        self.addCleanup(os.close, terminal)
        self.addCleanup(os.close, process)
        self.assertIsInstance(chunksOf(self.reactor, process), PipeChunks)

    def test_file(self) -> None:
        """
        A file and C{/dev/null} cannot: they are read in pieces, between which
        the reactor runs.
        """
        for name in (self.file(b"x" * (CHUNK + 1)), os.devnull):
            descriptor = os.open(name, os.O_RDONLY)
            self.addCleanup(os.close, descriptor)
            self.assertIsInstance(chunksOf(self.reactor, descriptor), FileChunks)
        descriptor = os.open(self.file(b"x" * (CHUNK + 1)), os.O_RDONLY)
        self.addCleanup(os.close, descriptor)
        chunks = chunksOf(self.reactor, descriptor)
        for expected in (CHUNK, 1, 0):
            waiting = chunks.read()
            self.assertNoResult(waiting)
            self.reactor.advance(0)
            self.assertEqual(len(self.successResultOf(waiting)), expected)

    def test_directory(self) -> None:
        """
        A directory is no input.
        """
        descriptor = os.open(".", os.O_RDONLY)
        self.addCleanup(os.close, descriptor)
        self.assertRaises(IsADirectoryError, chunksOf, self.reactor, descriptor)


class InputsTests(ReadingTestCase):
    """
    Files and standard input, one after the other.
    """

    def feed(
        self, inputs: Inputs, splitter: Splitter | None = None
    ) -> tuple[Deferred[None], list[Line]]:
        """
        Read inputs.
        """
        found: list[Line] = []

        async def take(lines: list[Line]) -> None:
            found.extend(lines)

        reading = inputs.feed(splitter or LineSplitter(100), take)
        return Deferred.fromCoroutine(reading), found

    def test_files(self) -> None:
        """
        Files are read in order, and closed.
        """
        names = [self.file(b"a\nb"), self.file(b""), self.file(b"c\n")]
        before = set(os.listdir("/proc/self/fd"))  # noqa: PTH208  # /proc, not files
        inputs = Inputs(self.reactor, names)
        self.assertEqual(inputs.total, 5)
        feeding, found = self.feed(inputs)
        self.reactor.pump([0] * 10)
        self.successResultOf(feeding)
        self.assertEqual([line.body for line in found], [b"a", b"b", b"c"])
        self.assertEqual(set(os.listdir("/proc/self/fd")), before)  # noqa: PTH208

    def test_standardInput(self) -> None:
        """
        C{-} is standard input, whose length is not known, and which stays open.
        """
        read, write = self.pipe()
        inputs = Inputs(self.reactor, ["-", self.file(b"c")], read)
        self.assertIsNone(inputs.total)
        feeding, found = self.feed(inputs)
        os.write(write, b"a\nb")
        os.close(write)
        for _ in range(2):
            (reader,) = self.reactor.getReaders()
            reader.doRead()
        self.reactor.pump([0] * 5)
        self.successResultOf(feeding)
        self.assertEqual([line.body for line in found], [b"a", b"b", b"c"])
        os.fstat(read)

    def test_missing(self) -> None:
        """
        What cannot be read is known before anything is, by name.
        """
        good = self.file(b"a")
        for name, reason in (
            ("missing", "No such file"),
            (".", "Is a directory"),
            ("a\0b", "null"),
        ):
            error = self.assertRaises(InputFailed, Inputs, self.reactor, [good, name])
            self.assertIn(repr(name), str(error))
            self.assertIn(reason, str(error))

    def test_closedStandardInput(self) -> None:
        """
        Standard input may be closed.
        """
        read, write = os.pipe()
        os.close(read)
        os.close(write)
        error = self.assertRaises(InputFailed, Inputs, self.reactor, ["-"], read)
        self.assertIn("standard input: ", str(error))

    def test_vanished(self) -> None:
        """
        A file may be gone when its turn comes.
        """
        name = self.file(b"a")
        inputs = Inputs(self.reactor, [name])
        Path(name).unlink()
        feeding, _ = self.feed(inputs)
        self.failureResultOf(feeding, InputFailed)

    def test_unreadable(self) -> None:
        """
        An input may fail in the middle.
        """
        read, write = self.pipe()
        inputs = Inputs(self.reactor, ["-"], read)
        feeding, found = self.feed(inputs)
        os.write(write, b"a\n")
        (reader,) = self.reactor.getReaders()
        reader.doRead()
        reader._descriptor = write
        os.close(write)
        reader.doRead()
        self.failureResultOf(feeding, InputFailed)
        self.assertEqual([line.body for line in found], [b"a"])

    def test_stopWhileWaiting(self) -> None:
        """
        Stopping ends a wait; a line whose end did not come is none.
        """
        read, write = self.pipe()
        self.addCleanup(os.close, write)
        inputs = Inputs(self.reactor, ["-", self.file(b"c")], read)
        feeding, found = self.feed(inputs)
        os.write(write, b"a\nb")
        (reader,) = self.reactor.getReaders()
        reader.doRead()
        inputs.stop()
        self.successResultOf(feeding)
        self.assertEqual([line.body for line in found], [b"a"])
        self.assertEqual(self.reactor.getReaders(), [])

    def test_stopBefore(self) -> None:
        """
        Stopped inputs are not read.
        """
        inputs = Inputs(self.reactor, [self.file(b"a")])
        inputs.stop()
        feeding, found = self.feed(inputs)
        self.successResultOf(feeding)
        self.assertEqual(found, [])

    def test_stopBetween(self) -> None:
        """
        Stopped while lines are taken, no more is read.
        """
        inputs = Inputs(self.reactor, [self.file(b"a\n")])
        found: list[Line] = []

        async def take(lines: list[Line]) -> None:
            found.extend(lines)
            inputs.stop()

        feeding = Deferred.fromCoroutine(inputs.feed(LineSplitter(9), take))
        self.reactor.pump([0] * 3)
        self.successResultOf(feeding)
        self.assertEqual(len(found), 1)

    def test_cancel(self) -> None:
        """
        Somebody else's cancellation is no end of the input.
        """
        read, write = self.pipe()
        self.addCleanup(os.close, write)
        feeding, _ = self.feed(Inputs(self.reactor, ["-"], read))
        feeding.cancel()
        self.failureResultOf(feeding, CancelledError)

    def test_whole(self) -> None:
        """
        With the other splitter, each file is one.
        """
        names = [self.file(b"a\nb"), self.file(b"")]
        feeding, found = self.feed(Inputs(self.reactor, names), FileSplitter(9))
        self.reactor.pump([0] * 5)
        self.successResultOf(feeding)
        self.assertEqual([line.body for line in found], [b"a\nb", b""])

    def test_namedPipe(self) -> None:
        """
        A named pipe without a writer does not block.
        """
        name = self.mktemp()
        os.mkfifo(name)
        inputs = Inputs(self.reactor, [name])
        self.assertIsNone(inputs.total)
        feeding, _ = self.feed(inputs)
        self.assertNoResult(feeding)
        inputs.stop()
        self.successResultOf(feeding)
