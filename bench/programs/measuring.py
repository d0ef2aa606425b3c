"""
What the Python programs share: their arguments, and what they tell at the end.

Follows what the Java, the Go and the JavaScript program do for themselves.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self


class Arguments(NamedTuple):
    """
    What every program is given after the address.

    @ivar mode: How to send; each program has its own words, with C{+} between.

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
        self._before: tuple[int, int, float, float] = (0, 0, 0.0, 0.0)
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

    def begin(self) -> None:
        """
        The warm-up is over.
        """
        self._latencies.clear()
        self._before = (
            self.acked,
            self.failed,
            time.perf_counter(),
            time.process_time(),
        )

    def end(self) -> None:
        """
        What comes now does not count any more.
        """
        acked, failed, start, cpu = self._before
        self._result = {
            "n": self.acked - acked,
            "failed": self.failed - failed,
            "secs": time.perf_counter() - start,
            "cpu": time.process_time() - cpu,
            **percentiles(self._latencies),
        }

    def result(self, **more: Any) -> str:
        """
        Say it as the runner reads it.

        @param more: What this program alone can tell.
        """
        told = {
            **self._result,
            "total": self.acked,
            "rssKiB": memory("VmHWM"),
            **more,
        }
        if self._error is not None:
            told["error"] = self._error
        return f"RESULT {json.dumps(told)}"


def memory(which: str, process: int | str = "self") -> int:
    """
    The KiB a process holds (C{VmRSS}), or the most it has held (C{VmHWM}).

    Not C{ru_maxrss}: that begins with what the process that started us held.
    """
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(rf"^{which}:\s+(\d+)", status, re.MULTILINE)
    return int(found[1]) if found else 0


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


def lines(size: int) -> bytes:
    """
    A body that can be compressed as a log can: lines of words and numbers, the
    same ones each time.
    """
    chance = random.Random(size)
    words = [
        "order",
        "paid",
        "sent",
        "back",
        "user",
        "item",
        "shop",
        "stored",
        "price",
        "open",
    ]
    out = b""
    while len(out) < size:
        named = {word: chance.randrange(10**6) for word in chance.sample(words, 4)}
        out += json.dumps(named).encode() + b"\n"
    return out[:size]
