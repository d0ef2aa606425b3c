"""
How far a send is: one line at the bottom of a terminal.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

from txrocketmq._cli.console import Console
from txrocketmq._cli.report import Tally
from txrocketmq._cli.sending import LineSender
from txrocketmq._cli.text import duration

INTERVAL = 0.1
"""
Seconds between two looks.
"""

FULL, EMPTY = "█", "░"


class Progress:
    """
    Shows what was sent, how fast, and how much is left.
    """

    def __init__(
        self,
        clock: IReactorTime,
        console: Console,
        tally: Tally,
        sender: LineSender,
        total: int | None,
    ) -> None:
        """
        @param total: How many bytes of input there are, where that is known.
        """
        self._clock = clock
        self._console = console
        self._tally = tally
        self._sender = sender
        self._total = total
        self._began = clock.seconds()
        self._loop: LoopingCall | None = None

    def start(self) -> None:
        """
        Begin to show it, if there is a terminal.
        """
        if self._console.isTerminal:
            self._loop = LoopingCall(self._draw)
            self._loop.clock = self._clock
            self._loop.start(INTERVAL, now=False)

    def stop(self) -> None:
        """
        Take it away.
        """
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.stop()
            self._console.status("")

    def _draw(self) -> None:
        """
        Show it as it is now.
        """
        self._console.status(self.line())

    def line(self) -> str:
        """
        All of it in one line, the most important first: its end may not fit.
        """
        elapsed = self._elapsed()
        tally = self._tally
        failed = f"  {tally.failures:,} failed" if tally.failures else ""
        return (
            f"{self._bar(elapsed)}{tally.sent:,} sent{failed}"
            f"  {self._sender.inFlight():,} in flight  {tally.total / elapsed:,.0f}/s"
        )

    def pace(self) -> str:
        """
        How long it took, and how fast that was.
        """
        elapsed = self._elapsed()
        return f"in {elapsed:,.1f} s ({self._tally.total / elapsed:,.0f}/s)"

    def _elapsed(self) -> float:
        """
        Seconds since the beginning; never none.
        """
        return max(self._clock.seconds() - self._began, 0.001)

    def _bar(self, elapsed: float) -> str:
        """
        How much of the input is done, and how long the rest will take, where its
        length is known; else how long it has taken.
        """
        if not self._total:
            return f"{duration(elapsed)}  "
        done = min(self._sender.bytesDone() / self._total, 1.0)
        full = int(done * 20)
        left = duration(elapsed / done - elapsed) if done > 0 else "?"
        bar = FULL * full + EMPTY * (20 - full)
        return f"{bar} {done:>4.0%}  {left} left  "
