"""
Tests for L{txrocketmq._cli.send}.
"""

from __future__ import annotations

import io
import json
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

from twisted.internet.defer import Deferred, succeed

from tests.cli.results import failed, stored
from tests.support import TestCase
from txrocketmq._cli.console import Console
from txrocketmq._cli.options import SendOptions
from txrocketmq._cli.ordering import Outcome
from txrocketmq._cli.output import Output
from txrocketmq._cli.reading import Inputs
from txrocketmq._cli.send import Sending, Streams


class SendingTests(TestCase):
    """
    One run.
    """

    def setUp(self) -> None:
        """
        Note what is sent and what is said; results go to a file.
        """
        super().setUp()
        self.stderr = io.StringIO()
        self.sends: list[Deferred[Sequence[Outcome]]] = []
        self.results = Path(self.mktemp())

    def submit(self, bodies: Sequence[bytes]) -> Deferred[Sequence[Outcome]]:
        """
        Note a send.
        """
        self.sends.append(Deferred())
        return self.sends[-1]

    def begin(
        self,
        data: bytes | str,
        *arguments: str,
        submit: Callable[[Sequence[bytes]], Deferred[Sequence[Outcome]]] | None = None,
        isTerminal: bool = False,
        output: str = "",
    ) -> tuple[Sending, Deferred[None]]:
        """
        Begin to send a file, and read it all.

        @param data: What the file holds, or the name of another one.

        @param output: Where results go, instead of L{results}.
        """
        options = SendOptions()
        options.parseOptions(["-t", "T", "-n", "127.0.0.1:1", *arguments])
        name = data if isinstance(data, str) else self.mktemp()
        if isinstance(data, bytes):
            Path(name).write_bytes(data)
        descriptor = os.open(output or self.results, os.O_WRONLY | os.O_CREAT)
        self.addCleanup(os.close, descriptor)
        console = Console(self.stderr, isTerminal, lambda: 120)
        streams = Streams(
            Inputs(self.reactor, [name]),
            Output(self.reactor, console, descriptor),
            console,
        )
        sending = Sending(self.reactor, options, streams, submit or self.submit)
        running = Deferred.fromCoroutine(sending.run())
        self.settle()
        return sending, running

    def settle(self) -> None:
        """
        Let what is due happen, and time stand still.
        """
        self.reactor.pump([0] * 5)

    def said(self) -> list[str]:
        """
        The lines on standard error.
        """
        return self.stderr.getvalue().splitlines()

    def test_allStored(self) -> None:
        """
        When all is well there is nothing but results.
        """
        sending, running = self.begin(b"a\nb\n")
        self.assertNoResult(running)
        for at, each in enumerate(self.sends):
            each.callback([stored(at)])
        self.settle()
        self.successResultOf(running)
        self.assertEqual(sending.status, 0)
        self.assertEqual(len(self.results.read_text().splitlines()), 2)
        self.assertEqual(self.said(), [])

    def test_json(self) -> None:
        """
        With C{--json} each line is JSON.
        """
        _, running = self.begin(b"a\n\n", "--json")
        self.sends[0].callback([stored()])
        self.settle()
        self.successResultOf(running)
        first, second = map(json.loads, self.results.read_text().splitlines())
        self.assertEqual((first["line"], first["sendStatus"]), (1, "SEND_OK"))
        self.assertEqual((second["line"], second["persisted"]), (2, "NO"))

    def test_failure(self) -> None:
        """
        What failed is a result, one line sums it up, and the status says so.
        """
        sending, running = self.begin(b"a\nb")
        for each in list(self.sends):
            each.callback([failed()])
        self.settle()
        self.successResultOf(running)
        self.assertEqual(sending.status, 1)
        (line,) = self.said()
        self.assertIn("2 of 2 messages failed", line)
        self.assertIn("127.0.0.1:9", line)

    def test_verbose(self) -> None:
        """
        With C{--verbose} each failure is explained.
        """
        _, running = self.begin(b"a", "--verbose")
        self.sends[0].callback([failed()])
        self.settle()
        self.successResultOf(running)
        self.assertTrue(any("line 1: tried no queue" in line for line in self.said()))

    def test_terminal(self) -> None:
        """
        On a terminal there is progress, and in the end a sum.
        """
        _, running = self.begin(b"a", isTerminal=True)
        self.reactor.advance(0.1)
        self.assertIn("1 in flight", self.stderr.getvalue())
        self.sends[0].callback([stored()])
        self.settle()
        self.successResultOf(running)
        self.assertTrue(self.said()[-1].endswith("1 message stored, in 0.1 s (10/s)"))

    def test_typed(self) -> None:
        """
        Whoever types the input needs the line at the bottom.
        """
        terminal, process = os.openpty()
        self.addCleanup(os.close, terminal)
        self.addCleanup(os.close, process)
        options = SendOptions()
        options.parseOptions(["-t", "T", "-n", "127.0.0.1:1"])
        console = Console(self.stderr, True)
        inputs = Inputs(self.reactor, ["-"], process)
        streams = Streams(inputs, Output(self.reactor, console), console)
        sending = Sending(self.reactor, options, streams, self.submit)
        running = Deferred.fromCoroutine(sending.run())
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        sending.interrupted(signal.SIGINT)
        self.successResultOf(running)
        self.assertEqual(self.said(), ["txrocketmq: interrupted: 0 messages stored"])

    def test_whole(self) -> None:
        """
        With C{--whole} the file is the message.
        """
        bodies: list[bytes] = []

        def submit(sent: Sequence[bytes]) -> Deferred[Sequence[Outcome]]:
            bodies.extend(sent)
            return succeed([stored()])

        _, running = self.begin(b"a\nb\n", "--whole", submit=submit)
        self.successResultOf(running)
        self.assertEqual(bodies, [b"a\nb\n"])

    def test_interrupted(self) -> None:
        """
        An interruption takes no more lines; those on their way end, and are
        reported.
        """
        sending, running = self.begin(b"a\nb\nc\n", "--in-flight", "2")
        sending.interrupted(signal.SIGINT)
        self.assertTrue(sending.wasInterrupted)
        self.assertNoResult(running)
        for each in self.sends:
            each.callback([stored()])
        self.settle()
        self.successResultOf(running)
        self.assertEqual(len(self.results.read_text().splitlines()), 2)
        first, last = self.said()
        self.assertIn("2 messages on the way", first)
        self.assertIn("interrupted: 2 messages stored", last)

    def test_interruptedAtRest(self) -> None:
        """
        When nothing is on its way there is nothing to wait for.
        """
        read, write = os.pipe()
        self.addCleanup(os.close, write)
        sending, running = self.begin(f"/proc/self/fd/{read}")
        os.close(read)
        sending.interrupted(signal.SIGTERM)
        self.settle()
        self.successResultOf(running)
        self.assertEqual(len(self.said()), 1)

    def test_readerGone(self) -> None:
        """
        When nobody reads the results, it ends without a word, and not well.
        """
        read, write = os.pipe()
        sending, running = self.begin(
            b"a\nb\nc\n", "--in-flight", "1", output=f"/proc/self/fd/{write}"
        )
        os.close(write)
        os.close(read)
        self.sends[0].callback([stored()])
        self.settle()
        (writer,) = self.reactor.getWriters()
        writer.doWrite()
        self.sends[1].callback([stored()])
        self.settle()
        self.successResultOf(running)
        self.assertEqual(len(self.sends), 2)
        self.assertEqual(sending.status, 1)
        self.assertEqual(self.said(), [])

    def test_outputFull(self) -> None:
        """
        When results cannot be written for another reason, that is said.
        """
        sending, running = self.begin(b"a\n", output="/dev/full")
        self.sends[0].callback([stored()])
        self.settle()
        self.successResultOf(running)
        self.assertEqual(sending.status, 1)
        self.assertEqual(
            self.said(), ["txrocketmq: standard output: No space left on device"]
        )

    def test_inputFails(self) -> None:
        """
        When the input fails, what was read is sent, and the rest is told of.
        """
        name = self.mktemp()
        Path(name).write_bytes(b"a")
        options = SendOptions()
        options.parseOptions(["-t", "T", "-n", "127.0.0.1:1"])
        console = Console(self.stderr)
        inputs = Inputs(self.reactor, [name])
        Path(name).unlink()
        with self.results.open("wb") as file:
            output = Output(self.reactor, console, file.fileno())
            streams = Streams(inputs, output, console)
            sending = Sending(self.reactor, options, streams, self.submit)
            self.successResultOf(Deferred.fromCoroutine(sending.run()))
        self.assertEqual(sending.status, 1)
        self.assertEqual(
            self.said(), [f"txrocketmq: {name!r}: No such file or directory"]
        )
