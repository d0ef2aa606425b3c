"""
Run rows and hold what they say against what was counted.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from . import machine
from .drivers import DRIVERS, Load, Program, command
from .peers import PEER_DRIVERS
from .rows import PLAIN, Row
from .targets import NEEDS, SINKS, Target, broker
from .toolchain import Missing

PATIENCE = 60.0

Run = dict[str, Any]
"""
One row, run once: what the program told, and what was seen around it.
"""

Opener = Callable[[], AbstractContextManager[Target]]
"""
What gives a row its target.
"""


def prepare(rows: Sequence[Row]) -> tuple[dict[str, Program], dict[str, str]]:
    """
    Make what some rows need.

    @return: The programs by their drivers, and why rows cannot be run, by their
        names.
    """
    programs: dict[str, Program] = {}
    wrong: dict[str, str] = {}
    for name in dict.fromkeys(row.driver for row in rows):
        try:
            programs[name] = {**DRIVERS, **PEER_DRIVERS}[name]()
        except Missing as e:
            wrong[name] = str(e)
    for name in dict.fromkeys(row.target for row in rows):
        try:
            NEEDS[name]()
        except Missing as e:
            wrong[name] = f"the target: {e}"
    missing = {
        row.name: wrong.get(row.driver) or wrong[row.target]
        for row in rows
        if row.driver in wrong or row.target in wrong
    }
    return programs, missing


def interleaved(
    rows: Sequence[Row], repetitions: int
) -> Iterator[tuple[int, str, list[Row]]]:
    """
    Each row once, then each again, in the other order, so that what grows or
    fades in the course of a run falls on all alike.

    @return: The repetition, and rows that follow one another on the same kind of
        target: C{real}, or C{sink} for all others.
    """
    for repetition in range(repetitions):
        ordered = rows[:: -1 if repetition % 2 else 1]
        for kind, group in itertools.groupby(ordered, _kind):
            yield repetition, kind, list(group)


def _kind(row: Row) -> str:
    """
    Whether rows can share what they send to.
    """
    return "real" if row.target == "real" else "sink"


class Bench:
    """
    Runs rows.
    """

    def __init__(
        self,
        programs: Mapping[str, Program],
        load: Load,
        said: Callable[[Run], None],
        atOnce: int = 1,
    ) -> None:
        """
        @param said: Is told of each run when it is over.

        @param atOnce: How many rows run side by side; only with 1 do their times
            say anything.
        """
        self._programs = programs
        self._load = load
        self._said = said
        self._atOnce = atOnce

    def runAll(self, rows: Sequence[Row], repetitions: int) -> list[Run]:
        """
        Run all rows.
        """
        runs = []
        for repetition, kind, group in interleaved(rows, repetitions):
            try:
                with self._openers(kind, group) as openers:
                    runs += self._group(repetition, group, openers)
            except Missing as e:
                runs += [self._lost(repetition, row, e) for row in group]
        return runs

    def _lost(self, repetition: int, row: Row, error: Exception) -> Run:
        """
        A run that could not be.
        """
        run = {"name": row.name, "repetition": repetition, "problems": [str(error)]}
        self._said(run)
        return run

    @contextmanager
    def _openers(self, kind: str, group: Sequence[Row]) -> Iterator[list[Opener]]:
        """
        What gives each row of a group its target.

        A broker is new for each group, and warm: it has taken a load before.
        """
        if kind == "sink":
            yield [SINKS[row.target] for row in group]
            return
        with broker() as it:
            if self._atOnce == 1:
                row = PLAIN._replace(name="warm-up of the broker")
                self._said({**self._run(row, it.target), "repetition": 0})
            yield [it.target] * len(group)

    def _group(
        self, repetition: int, group: Sequence[Row], openers: Sequence[Opener]
    ) -> list[Run]:
        """
        Run the rows of one group, in their order.
        """

        def one(row: Row, opener: Opener) -> Run:
            try:
                run = {**self._run(row, opener), "repetition": repetition}
            except OSError as e:
                # The target has gone, or could not be asked.
                return self._lost(repetition, row, e)
            self._said(run)
            return run

        with ThreadPoolExecutor(self._atOnce) as pool:
            return list(pool.map(one, group, openers))

    def _run(self, row: Row, opener: Opener) -> Run:
        """
        Run one row.
        """
        program = self._programs.get(row.driver) or DRIVERS[row.driver]()
        with opener() as target:
            return runOnce(row, program, self._load, target)


def runOnce(row: Row, program: Program, load: Load, target: Target) -> Run:
    """
    Run one row, look at the machine before and after, and at what was counted.
    """
    words = command(program, row, load, target)
    environment = {**os.environ, **target.environment, **program.environment}
    meters, start = machine.read(target.processes), time.time()
    run: Run = {"name": row.name, **_told(words, environment, load, program)}
    seconds = time.time() - start
    after = machine.read(target.processes)
    run["otherCores"] = machine.otherCores(meters, after, seconds)
    run["targetCores"] = round((after.target - meters.target) / seconds, 2)
    run["load"] = os.getloadavg()[0]
    if target.counts is not None:
        run |= _counted(target.counts(run.get("total", 0)))
    run["problems"] = problems(run, row, program.exact, load.timed)
    return run


def _told(
    words: list[str], environment: Mapping[str, str], load: Load, program: Program
) -> Run:
    """
    Run a program and read its C{RESULT}.
    """
    try:
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            check=False,
            env=environment,
            timeout=load.seconds + PATIENCE,
        )
    except subprocess.TimeoutExpired:
        return {"error": "it did not end in time"}
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            result: Run = json.loads(line[7:])
            return result
    said = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
    return {"error": said[-1][:300]}


def _counted(counts: Mapping[str, int]) -> Run:
    """
    What a row made its target count.
    """
    run: Run = {"counted": counts["messages"]}
    if "frames" in counts:
        run["framesPerRead"] = round(counts["frames"] / max(1, counts["reads"]), 1)
    return run


def problems(run: Run, row: Row, exact: bool, timed: bool = True) -> list[str]:
    """
    Why a run does not count, if there are reasons.

    @param exact: The program ended with nothing in flight.

    @param timed: What it did in its time counts, not only that it did something.
    """
    if not run.get("n" if timed else "total"):
        return [run.get("error") or "nothing was acknowledged"]
    found = []
    if run["failed"]:
        found.append(f"{run['failed']} sends failed: {run.get('error')}")
    if "counted" in run:
        found += _miscounts(run["total"], run["counted"], row, exact)
    if timed and row.rate and run["n"] < 0.9 * row.rate * run["secs"]:
        found.append(f"only {run['n'] / run['secs']:,.0f} of {row.rate:,.0f} a second")
    return found


def _miscounts(told: int, counted: int, row: Row, exact: bool) -> list[str]:
    """
    How a program's count and its target's disagree.
    """
    if exact and told != counted:
        return [f"{told} acknowledged, {counted} counted by the target"]
    if told > counted:
        return [f"{told} acknowledged, only {counted} counted by the target"]
    most = told + row.window * row.batch
    if not row.rate and counted > most:
        return [f"{counted} counted by the target, only {told} acknowledged"]
    return []
