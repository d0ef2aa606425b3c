"""
Run rows, one at a time, and hold what they say against what was counted.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from . import machine
from .drivers import DRIVERS, Load, Program, command
from .rows import Row
from .targets import Target
from .toolchain import Missing

PATIENCE = 30.0

Run = dict[str, Any]
"""
One row, run once: what the program told, and what was seen around it.
"""


def prepare(rows: Sequence[Row]) -> tuple[dict[str, Program], dict[str, str]]:
    """
    Make the programs of some rows.

    @return: Those that can be run, and why the others cannot.
    """
    ready: dict[str, Program] = {}
    missing: dict[str, str] = {}
    for name in dict.fromkeys(row.driver for row in rows):
        try:
            ready[name] = DRIVERS[name]()
        except Missing as e:
            missing[name] = str(e)
    return ready, missing


def interleaved(rows: Sequence[Row], repetitions: int) -> Iterator[tuple[int, Row]]:
    """
    Each row once, then each again, in the other order, so that what grows or
    fades in the course of a run falls on all alike.
    """
    for repetition in range(repetitions):
        for row in rows[:: -1 if repetition % 2 else 1]:
            yield repetition, row


def runAll(
    rows: Sequence[Row],
    programs: dict[str, Program],
    load: Load,
    target: Target,
    repetitions: int,
    said: Callable[[Run], None],
) -> list[Run]:
    """
    Run all rows that have a program.

    @param said: Is told of each run when it is over.
    """
    runs = []
    able = [row for row in rows if row.driver in programs]
    for repetition, row in interleaved(able, repetitions):
        run = runOnce(row, programs[row.driver], load, target)
        run["repetition"] = repetition
        runs.append(run)
        said(run)
    return runs


def runOnce(row: Row, program: Program, load: Load, target: Target) -> Run:
    """
    Run one row and look at the machine and the sink before and after.
    """
    words = command(program, row, load, target.nameServer, target.brokerPort)
    counted, meters, start = target.counts(), machine.read(target.process), time.time()
    run: Run = {"name": row.name, **_told(words, program, load)}
    seconds = time.time() - start
    after = machine.read(target.process)
    run["otherCores"] = machine.otherCores(meters, after, seconds)
    run["load"] = os.getloadavg()[0]
    if counted is not None:
        run |= _counted(counted, target.counts() or {})
    run["problems"] = problems(run, row, program.exact)
    return run


def _told(words: list[str], program: Program, load: Load) -> Run:
    """
    Run a program and read its C{RESULT}.
    """
    try:
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **program.environment},
            timeout=load.seconds + program.warm + PATIENCE,
        )
    except subprocess.TimeoutExpired:
        return {"error": "it did not end in time"}
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            result: Run = json.loads(line[7:])
            return result
    said = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
    return {"error": said[-1][:300]}


def _counted(before: dict[str, int], after: dict[str, int]) -> Run:
    """
    What a row made the sink count.
    """
    gone = {name: after[name] - before[name] for name in before}
    return {
        "sinkMessages": gone["messages"],
        "framesPerRead": round(gone["frames"] / max(1, gone["reads"]), 1),
    }


def problems(run: Run, row: Row, exact: bool) -> list[str]:
    """
    Why a run does not count, if there are reasons.

    @param exact: The program ended with nothing in flight.
    """
    if not run.get("n"):
        return [run.get("error") or "nothing was acknowledged"]
    found = []
    if run["failed"]:
        found.append(f"{run['failed']} sends failed: {run.get('error')}")
    if "sinkMessages" in run:
        found += _miscounts(run["total"], run["sinkMessages"], row, exact)
    if row.rate and run["n"] < 0.9 * row.rate * run["secs"]:
        found.append(f"only {run['n'] / run['secs']:,.0f} of {row.rate:,.0f} a second")
    return found


def _miscounts(told: int, counted: int, row: Row, exact: bool) -> list[str]:
    """
    How a program's count and the sink's disagree.
    """
    if exact and told != counted:
        return [f"{told} acknowledged, {counted} counted by the sink"]
    if told > counted:
        return [f"{told} acknowledged, only {counted} counted by the sink"]
    most = told + row.window * row.batch
    if not row.rate and counted > most:
        return [f"{counted} counted by the sink, only {told} acknowledged"]
    return []
