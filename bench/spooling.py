"""
What the spool's appends cost, beside a bare C{sqlite3} loop: C{python -m
bench.spooling}.

Laws:

    1. Both write the same rows: number, checksum, record; a hundred of them for each
       commit of the loop, and for each append to the spool.

    2. Both have the same settings (WAL, C{synchronous=FULL}), pages and disk.

    3. The two are run in turns, and the middle of several runs counts.

    4. While the spool takes appends, what was appended is read and forgotten, as a
       forwarder does it.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from twisted.internet import reactor as theReactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import react

from txrocketmq import Message
from txrocketmq._spool import Spool, SpoolEntry
from txrocketmq._spool.database import CHECKPOINT
from txrocketmq._spool.records import PAGE, recordsOf, rowsOf

TOGETHER = 100
CLIENTS = 8
"""
How many appends are outstanding.
"""

FLOOR = 0.8
"""
What the spool must reach of the loop's rate, for 0.4 to be left over HTTP.
"""


class Work(NamedTuple):
    """
    What is measured.

    @ivar seconds: How long each run takes.

    @ivar size: The bytes of a body.

    @ivar clients: How many appends are outstanding.
    """

    seconds: float = 2.0
    size: int = 100
    clients: int = CLIENTS


def entriesOf(size: int, count: int = TOGETHER) -> list[SpoolEntry]:
    """
    The messages of one append.
    """
    body = b"x" * size
    return [
        SpoolEntry(
            Message("TopicTest", body, tags="tag", keys=(f"key{number}",)),
            f"7F0000010A1B2C3D4E5F{number:012X}",
        )
        for number in range(count)
    ]


class Loop:
    """
    A loop of C{executemany} and C{COMMIT}.
    """

    def __init__(self, directory: Path, size: int, together: int = TOGETHER) -> None:
        """
        @param size: The bytes of a body.

        @param together: How many rows go into each commit.
        """
        self._records = recordsOf(entriesOf(size, together), 0.0)
        self._next = 1
        self._connection = sqlite3.connect(directory / "bare.db", isolation_level=None)
        for setting in (
            f"page_size = {PAGE}",
            "locking_mode = EXCLUSIVE",
            "journal_mode = WAL",
            "synchronous = FULL",
            f"wal_autocheckpoint = {CHECKPOINT // PAGE}",
        ):
            self._connection.execute(f"PRAGMA {setting}").fetchall()
        self._connection.execute(
            "CREATE TABLE waiting (number INTEGER PRIMARY KEY, crc INTEGER NOT NULL, "
            "record BLOB NOT NULL)"
        )

    def run(self, seconds: float) -> int:
        """
        Write for some seconds.

        @return: How many rows.
        """
        first, began = self._next, time.perf_counter()
        while time.perf_counter() - began < seconds:
            flat = rowsOf(self._next, self._records)
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(
                "INSERT INTO waiting VALUES (?, ?, ?)",
                zip(flat[::3], flat[1::3], flat[2::3], strict=True),
            )
            self._connection.execute("COMMIT")
            self._next += len(self._records)
        return self._next - first

    def close(self) -> None:
        """
        Close the file.
        """
        self._connection.close()


def bare(directory: Path, work: Work) -> float:
    """
    The rows a second of the loop.
    """
    loop = Loop(directory, work.size)
    began = time.perf_counter()
    rows = loop.run(work.seconds)
    taken = time.perf_counter() - began
    loop.close()
    return rows / taken


async def spooled(reactor: Any, directory: Path, work: Work) -> tuple[float, float]:
    """
    The rows a second the spool takes, and how many of them it gives out meanwhile.
    """
    place = directory / "spool"
    place.mkdir(mode=0o700)
    spool = Spool(reactor, str(place), limit=1 << 40)
    await spool.open()
    entries = entriesOf(work.size)
    began = time.perf_counter()
    until = began + work.seconds
    rows = gone = 0

    async def post() -> None:
        nonlocal rows
        while time.perf_counter() < until:
            await spool.append(entries)
            rows += len(entries)

    async def drain() -> None:
        nonlocal gone
        while time.perf_counter() < until:
            kept = await spool.waiting(0, 256, 1 << 22)
            await spool.delivered([each.number for each in kept])
            gone += len(kept)

    clients = [Deferred.fromCoroutine(post()) for _ in range(work.clients)]
    await gatherResults([*clients, Deferred.fromCoroutine(drain())])
    taken = time.perf_counter() - began
    await spool.close()
    return rows / taken, gone / taken


async def measure(
    reactor: Any, repetitions: int, work: Work, at: Path | None = None
) -> dict[str, Any]:
    """
    Measure both, in turns.

    @param at: On which disk; by default that of temporary files.

    @return: The rows a second of all runs, and what the spool reaches of the loop.
    """
    runs: dict[str, list[float]] = {"bare": [], "spool": [], "drained": []}
    for _ in range(repetitions):
        with tempfile.TemporaryDirectory(dir=at) as directory:
            runs["bare"].append(bare(Path(directory), work))
            appended, drained = await spooled(reactor, Path(directory), work)
            runs["spool"].append(appended)
            runs["drained"].append(drained)
    middle = {name: median(rates) for name, rates in runs.items()}
    return {
        "work": work._asdict(),
        "runs": runs,
        **middle,
        "share": middle["spool"] / middle["bare"],
    }


def lines(measured: dict[str, Any]) -> list[str]:
    """
    A report.
    """
    work = measured["work"]
    return [
        (
            f"bodies of {work['size']} bytes, {TOGETHER} for each commit or append, "
            f"{work['clients']} appends outstanding"
        ),
        f"bare sqlite3 loop:  {measured['bare']:>10,.0f} rows/s",
        (
            f"the spool:          {measured['spool']:>10,.0f} rows/s, while "
            f"{measured['drained']:,.0f} are given out and forgotten"
        ),
        f"share:              {measured['share']:>10.2f} (at least {FLOOR})",
    ]


def main(words: Sequence[str]) -> None:
    """
    Measure, print, judge.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.spooling")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--size", type=int, default=100)
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--directory", type=Path, help="on which disk")
    parser.add_argument("--output", type=Path, help="write everything as JSON here")
    options = parser.parse_args(words)
    work = Work(options.seconds, options.size, options.clients)

    async def run() -> None:
        measured = await measure(
            theReactor, options.repetitions, work, options.directory
        )
        print("\n".join(lines(measured)))
        if options.output:
            options.output.write_text(json.dumps(measured, indent=1) + "\n")
        if measured["share"] < FLOOR:
            raise SystemExit(1)

    react(lambda _: Deferred.fromCoroutine(run()))


if __name__ == "__main__":
    main(sys.argv[1:])
