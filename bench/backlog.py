"""
How a relay starts on a spool in which very many messages wait: C{python -m
bench.backlog}.

Laws:

    1. The spool is the relay's own: its tables, its records, its checksums, written
       by SQL in one transaction.

    2. The clock runs from the start of the process to the first message that a broker
       has; beside it stands the same on an empty spool, to which one is posted.

    3. While the backlog is sent, a client posts, and waits for each answer.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from typing import Any

from bench.programs.measuring import memory
from bench.programs.posting import SANDBOX, Server, daemonOn, running
from tests.spool.filling import fill
from txrocketmq._spool.place import DATABASE

MOST_SECONDS = 2.0
MOST_GROWTH = 64.0
"""
The bounds of the start: seconds, and MiB more than with an empty spool.
"""


def started(directory: Path, isEmpty: bool, seconds: float) -> dict[str, Any]:
    """
    Start a relay, and see how long it takes and what it holds.

    @param isEmpty: Whether nothing waits: then a message is posted.

    @param seconds: How long it is looked at after that.
    """
    with ExitStack() as stack:
        _, line = stack.enter_context(running("-c", SANDBOX, "sandbox", "--port", "0"))
        began = time.monotonic()
        server = stack.enter_context(
            daemonOn(directory, json.loads(line)["nameServer"])
        )
        if isEmpty:
            next(_posts(server))
        while not server.counted()["stored"]:
            time.sleep(0.005)
        first = time.monotonic() - began
        until = time.monotonic() + seconds
        posts = _timed(server, until)
        return {
            "first": first,
            "stored": server.counted()["stored"],
            "posts": len(posts),
            "post": median(posts),
            "slowest": max(posts),
            "peakMiB": memory("VmHWM", server.pid) / 1024,
        }


def _timed(server: Server, until: float) -> list[float]:
    """
    Post until a time.

    @return: The seconds each post took.
    """
    taken = []
    for seconds in _posts(server):
        taken.append(seconds)
        if time.monotonic() > until:
            break
    return taken


def _posts(server: Server) -> Iterator[float]:
    """
    Post messages that are to be kept, one after the other.

    @return: The seconds each took.

    @raise OSError: When one is not kept.
    """
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        while True:
            began = time.monotonic()
            connection.request(
                "POST", "/v1/topics/TopicTest/messages?ack=spool", b"live"
            )
            answer = connection.getresponse()
            content = answer.read()
            if answer.status != 202:
                raise OSError(f"{answer.status} {content[:200]!r}")
            yield time.monotonic() - began
    finally:
        connection.close()


def lines(count: int, size: float, empty: Any, full: Any) -> list[str]:
    """
    A report.

    @param size: The MiB of the database.
    """
    late, growth = _cost(empty, full)
    return [
        f"{count:,} messages wait; the database has {size:,.0f} MiB",
        *(
            f"{name}: first message at a broker after {each['first']:.2f} s; then "
            f"{each['stored']:,} sent, {each['posts']:,} posts kept, each in "
            f"{each['post'] * 1e3:.1f} ms (slowest {each['slowest'] * 1e3:.0f} ms); "
            f"{each['peakMiB']:.0f} MiB at most"
            for name, each in (("empty", empty), ("full", full))
        ),
        (
            f"the backlog costs {late:.2f} s (less than {MOST_SECONDS:g}) and "
            f"{growth:.0f} MiB (less than {MOST_GROWTH:g})"
        ),
    ]


def _cost(empty: Any, full: Any) -> tuple[float, float]:
    """
    The seconds and the MiB a backlog costs.
    """
    return full["first"] - empty["first"], full["peakMiB"] - empty["peakMiB"]


def main(words: Sequence[str]) -> int:
    """
    Fill, start, report, judge.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.backlog")
    parser.add_argument("--messages", type=int, default=10_000_000)
    parser.add_argument("--size", type=int, default=100, help="bytes of a body")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--directory", type=Path, help="on which disk")
    options = parser.parse_args(words)
    with tempfile.TemporaryDirectory(dir=options.directory) as name:
        directory = Path(name)
        fill(directory / "full", options.messages, options.size)
        size = (directory / "full" / DATABASE).stat().st_size / (1 << 20)
        (directory / "empty").mkdir(mode=0o700)
        empty = started(directory / "empty", True, options.seconds)
        full = started(directory / "full", False, options.seconds)
    print("\n".join(lines(options.messages, size, empty, full)))
    late, growth = _cost(empty, full)
    return 0 if late < MOST_SECONDS and growth < MOST_GROWTH else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
