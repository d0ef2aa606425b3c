"""
What the two Python programs share: their arguments, their stop-watch, their pace.

Follows what the Java and the Go program do for themselves.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

from twisted.internet import task

TICK = 0.001


class Arguments(NamedTuple):
    """
    What every program is given after the address.

    @ivar mode: How to send; each program has its own words.

    @ivar window: How many sends are outstanding.

    @ivar batch: How many messages a send has.

    @ivar size: Bytes of a body.

    @ivar seconds: How long to measure, after C{warm} seconds that do not count.

    @ivar rate: Sends a second; 0 is as many as the window lets through.
    """

    mode: str
    window: int
    batch: int
    size: int
    seconds: float
    warm: float
    rate: float
    topic: str

    @classmethod
    def parse(cls, words: Sequence[str]) -> Self:
        """
        Read the words of a command line.
        """
        mode, window, batch, size, seconds, warm, rate, topic = words
        return cls(
            mode,
            int(window),
            int(batch),
            int(size),
            float(seconds),
            float(warm),
            float(rate),
            topic,
        )


class Measured:
    """
    What has been acknowledged, and at what cost.

    @ivar acked: Messages acknowledged since the start.

    @ivar failed: Sends that failed since the start.
    """

    def __init__(self) -> None:
        self.acked = 0
        self.failed = 0
        self._error: str | None = None
        self._latencies: list[float] = []
        self._result: dict[str, Any] = {}

    def fail(self, error: object) -> None:
        """
        Count a failed send, and keep what it failed with.
        """
        self.failed += 1
        self._error = str(error)

    def note(self, start: float) -> None:
        """
        Count an acknowledged message whose send began at C{start}.
        """
        self.acked += 1
        self._latencies.append(time.perf_counter() - start)

    async def over(self, reactor: Any, given: Arguments) -> None:
        """
        Let the warm-up pass, then measure.
        """
        await task.deferLater(reactor, given.warm)
        self._latencies.clear()
        n, failed = self.acked, self.failed
        start, cpu = time.perf_counter(), time.process_time()
        await task.deferLater(reactor, given.seconds)
        self._result = {
            "n": self.acked - n,
            "failed": self.failed - failed,
            "secs": time.perf_counter() - start,
            "cpu": time.process_time() - cpu,
            **percentiles(self._latencies),
        }

    def result(self) -> str:
        """
        Say it as the runner reads it.
        """
        self._result |= {"total": self.acked, "rssKiB": peakMemory()}
        if self._error is not None:
            self._result["error"] = self._error
        return f"RESULT {json.dumps(self._result)}"


def peakMemory() -> int:
    """
    The most KiB this process has held.

    Not C{ru_maxrss}: that begins with what the process that started us held.
    """
    status = Path("/proc/self/status").read_text()
    peak = re.search(r"^VmHWM:\s+(\d+)", status, re.MULTILINE)
    return int(peak[1]) if peak else 0


def percentiles(latencies: list[float]) -> dict[str, int]:
    """
    The median and the 99th percentile, in microseconds, if anything was timed.
    """
    if not latencies:
        return {}
    ordered = sorted(latencies)
    return {
        "p50": round(ordered[len(ordered) // 2] * 1e6),
        "p99": round(ordered[len(ordered) * 99 // 100] * 1e6),
    }


def pace(rate: float, send: Callable[[], object]) -> task.LoopingCall:
    """
    Send what is due, at each tick.

    @param rate: Sends a second.

    @return: What stops it.
    """
    gap = 1 / rate
    due = time.perf_counter()

    def tick() -> None:
        nonlocal due
        now = time.perf_counter()
        while due <= now:
            due += gap
            send()

    loop = task.LoopingCall(tick)
    loop.start(TICK)
    return loop
