"""
Tests for L{txrocketmq._cli.progress}.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

from twisted.internet.defer import Deferred

from tests.cli.results import failed, stored
from tests.support import TestCase
from txrocketmq._cli.console import Console
from txrocketmq._cli.lines import Line
from txrocketmq._cli.ordering import Outcome
from txrocketmq._cli.patience import Patience
from txrocketmq._cli.progress import Progress
from txrocketmq._cli.report import Tally
from txrocketmq._cli.sending import Limits, LineSender


class ProgressTests(TestCase):
    """
    The line at the bottom.
    """

    def setUp(self) -> None:
        """
        Send lines that end when the test ends them.
        """
        super().setUp()
        self.stream = io.StringIO()
        self.tally = Tally()
        self.sends: list[Deferred[Sequence[Outcome]]] = []
        self.sender = LineSender(
            self.reactor,
            self.submit,
            self.tally.add,
            lambda: True,
            Limits(),
            Patience(self.reactor, 10.0),
        )

    def submit(self, bodies: Sequence[bytes]) -> Deferred[Sequence[Outcome]]:
        """
        Note a send.
        """
        self.sends.append(Deferred())
        return self.sends[-1]

    def send(self, *bodies: bytes) -> None:
        """
        Take lines.
        """
        lines = [Line(at, body, len(body)) for at, body in enumerate(bodies, 1)]
        self.successResultOf(Deferred.fromCoroutine(self.sender.take(lines)))

    def progress(self, total: int | None, isTerminal: bool = True) -> Progress:
        """
        What shows it.
        """
        console = Console(self.stream, isTerminal, lambda: 100)
        return Progress(self.reactor, console, self.tally, self.sender, total)

    def test_bar(self) -> None:
        """
        It says how much has ended, how long the rest will take, and how fast.
        """
        progress = self.progress(8)
        self.assertIn(" 0%  ? left  0 sent  0 in flight", progress.line())
        self.send(b"a", b"b", b"c")
        self.reactor.advance(2)
        self.assertIn(" 0%  ? left  0 sent  3 in flight", progress.line())
        self.sends[0].callback([stored()])
        self.sends[1].callback([failed()])
        self.assertEqual(
            progress.line(),
            "██████████░░░░░░░░░░  50%  0:02 left  1 sent  1 failed  1 in flight  1/s",
        )
        self.assertEqual(progress.pace(), "in 2.0 s (1/s)")

    def test_lastLineWithoutEnd(self) -> None:
        """
        It is never more than everything, though a line end may be missing.
        """
        progress = self.progress(1)
        self.send(b"a")
        self.sends[0].callback([stored()])
        self.reactor.advance(1)
        self.assertIn("100%  0:00 left", progress.line())

    def test_endless(self) -> None:
        """
        Where the length is not known, it says how long it has taken.
        """
        progress = self.progress(None)
        self.reactor.advance(75)
        self.assertTrue(progress.line().startswith("1:15  0 sent"))

    def test_shown(self) -> None:
        """
        It is shown now and then, and taken away in the end.
        """
        progress = self.progress(None)
        progress.start()
        self.reactor.advance(0.1)
        self.assertIn("0 sent", self.stream.getvalue())
        progress.stop()
        self.assertTrue(self.stream.getvalue().endswith("\r\x1b[K"))
        progress.stop()

    def test_elsewhere(self) -> None:
        """
        Without a terminal there is nothing to show it on.
        """
        progress = self.progress(None, isTerminal=False)
        progress.start()
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        progress.stop()
        self.assertEqual(self.stream.getvalue(), "")
