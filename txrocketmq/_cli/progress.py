"""
How far a send is: one line at the bottom of a terminal.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

from txrocketmq._cli.console import Console
from txrocketmq._cli.reading import Inputs
from txrocketmq._cli.report import Tally
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
        inputs: Inputs,
        tally: Tally,
        inFlight: Callable[[], int],
    ) -> None:
        """
        @param inFlight: How many messages are on their way.
        """
        self._clock = clock
        self._console = console
        self._inputs = inputs
        self._tally = tally
        self._inFlight = inFlight
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
        elapsed = max(self._clock.seconds() - self._began, 0.001)
        tally = self._tally
        failed = f"  {tally.failures:,} failed" if tally.failures else ""
        rate = f"  {tally.total / elapsed:,.0f}/s"
        return (
            f"{self._bar(elapsed)}{tally.sent:,} sent{failed}"
            f"  {self._inFlight():,} in flight{rate}"
        )

    def _bar(self, elapsed: float) -> str:
        """
        How much of the input is done, and how long the rest will take, where its
        length is known; else how long it has taken.
        """
        total = self._inputs.total
        if not total:
            return f"{duration(elapsed)}  "
        done = min(self._inputs.consumed / total, 1.0)
        full = int(done * 20)
        left = duration(elapsed / done - elapsed) if done > 0 else "?"
        bar = FULL * full + EMPTY * (20 - full)
        return f"{bar} {done:>4.0%}  {left} left  "
