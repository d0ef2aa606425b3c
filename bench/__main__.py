"""
The command: C{python -m bench}.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from . import machine
from .drivers import Load, libraryPath
from .report import rate, summaries, table, verdict
from .rows import FLOOR, SETS, Row, chosenRows
from .runs import Run, prepare, runAll
from .targets import Target, sink
from .toolchain import Missing

QUICK = Load(seconds=0.3, warmFactor=0.2)


def parse(words: Sequence[str]) -> argparse.Namespace:
    """
    Read the command line.
    """
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure the library beside a bare prototype and other clients.",
        epilog=f"Exit status: 0 when every run counts and the library reaches "
        f"{FLOOR} of the prototype's rate, 1 when not, 2 for wrong usage.",
    )
    add = parser.add_argument
    add("--sets", default="floor,peers", help=f"of {','.join(SETS)}, or all")
    add("--only", default="", help="rows whose name contains this")
    add("--repetitions", type=int, default=3)
    add("--seconds", type=float, default=5.0, help="of each run, after a warm-up")
    add("--size", type=int, default=100, help="bytes of a body")
    add("--quick", action="store_true", help="only see that every row works")
    add("--output", type=Path, help="write everything as JSON here")
    add("--name-server", help="brokers started elsewhere, instead of the sink")
    add("--broker-port", type=int, help="with --name-server: of its broker-a")
    options = parser.parse_args(words)
    options.sets = list(SETS) if options.sets == "all" else options.sets.split(",")
    if unknown := [name for name in options.sets if name not in SETS]:
        parser.error(f"no set is called {unknown[0]!r}")
    if (options.name_server is None) != (options.broker_port is None):
        parser.error("--name-server and --broker-port go together")
    return options


def target(options: argparse.Namespace) -> AbstractContextManager[Target]:
    """
    What is sent to.
    """
    if options.name_server:
        return nullcontext(Target(options.name_server, options.broker_port))
    return sink()


def tell(run: Run) -> None:
    """
    Show on standard error that something goes on.
    """
    what = "; ".join(run["problems"]) or f"{rate(run):,.0f} msg/s"
    print(f"{run['repetition']} {run['name']}: {what}", file=sys.stderr, flush=True)


def measure(
    rows: Sequence[Row], options: argparse.Namespace
) -> tuple[list[Run], dict[str, str]]:
    """
    Run the rows.

    @return: The runs, and why drivers were left out.
    """
    programs, missing = prepare(rows)
    load = Load(options.size, options.seconds)
    if options.quick:
        load, options.repetitions = QUICK, 1
    with target(options) as it:
        return runAll(rows, programs, load, it, options.repetitions, tell), missing


def main(words: Sequence[str]) -> int:
    """
    Measure, print, write, judge.
    """
    options = parse(words)
    rows = chosenRows(options.sets, options.only)
    try:
        environment = {**machine.description(), "library": str(libraryPath())}
        runs, missing = measure(rows, options)
    except Missing as e:
        print(f"nothing was measured: {e}", file=sys.stderr)
        return 1
    summed = summaries(rows, runs, missing)
    line, met = verdict(summed)
    print("".join(f"{name}: {value}\n" for name, value in environment.items()))
    print(table(summed))
    if options.output:
        whole = {"environment": environment, "rows": summed, "runs": runs}
        options.output.write_text(json.dumps(whole, indent=1) + "\n")
    if not options.quick:
        print(f"\n{line}")
    counted = not any(run["problems"] for run in runs)
    return 0 if counted and (met or options.quick) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
