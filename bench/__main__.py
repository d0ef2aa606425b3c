"""
The command: C{python -m bench}.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import machine, pages
from .claims import judge
from .drivers import Load, libraryPath
from .figures import rate, summaries
from .interpreter import interpreter
from .peers import versions
from .report import table, verdictLine
from .rows import PEERS, SETS, TARGETS, Row, chosenRows
from .runs import Bench, Run, prepare
from .toolchain import PROGRAMS, Missing

CHECK = Load(seconds=0.2, warmFactor=0.1, timed=False)
SIDE_BY_SIDE = 4
DOCS = PROGRAMS.parent.parent / "docs"

MOST_CHECKED = 4096
"""
The most sends that are outstanding where a row is only to work: there is little time
for each, and others run beside it.
"""


def parse(words: Sequence[str]) -> argparse.Namespace:
    """
    Read the command line.
    """
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure the library beside other clients and beside limits.",
        epilog="Exit status: 0 when every run counts and all that is claimed is met, "
        "1 when not, 2 for wrong usage.",
    )
    add = parser.add_argument
    add("--sets", default=list(SETS), type=_words(SETS), help=_list(SETS))
    add("--peers", default=list(PEERS), type=_words(PEERS), help=_list(PEERS))
    brokers = list(TARGETS)
    add("--broker", default=brokers, type=_words(brokers), help=_list(brokers))
    add("--only", default="", help="rows whose name contains this")
    add("--repetitions", type=int, default=3)
    add("--seconds", type=float, default=4.0, help="of each run, after a warm-up")
    add("--size", type=int, default=100, help="bytes of a body")
    add("--check", action="store_true", help="only see that every row works")
    written = Path("bench.json")
    add("--output", type=Path, default=written, help="the plot goes beside it, .svg")
    add("--report", type=Path, metavar="FILE", help="show what was written to FILE")
    add("--docs", type=Path, default=DOCS, help="where --report puts its pages")
    return parser.parse_args(words)


def _words(known: Iterable[str]) -> Any:
    """
    What reads some of these words, with commas between; C{all} is all.
    """

    def words(text: str) -> list[str]:
        given = list(known) if text == "all" else text.split(",")
        if unknown := [word for word in given if word not in known]:
            raise argparse.ArgumentTypeError(f"there is no {unknown[0]!r}")
        return given

    return words


def _list(known: Iterable[str]) -> str:
    """
    The help for these words.
    """
    return f"of {','.join(known)}; all by default"


def tell(run: Run) -> None:
    """
    Show on standard error that something goes on.
    """
    what = "; ".join(run["problems"]) or f"{rate(run):,.0f} msg/s"
    print(f"{run['repetition']} {run['name']}: {what}", file=sys.stderr, flush=True)


def measure(chosen: Sequence[Row], options: argparse.Namespace) -> dict[str, Any]:
    """
    Run the rows, and sum up and judge what they said.
    """
    programs, missing = prepare(chosen)
    able = [row for row in chosen if row.name not in missing]
    bench = Bench(programs, Load(options.size, options.seconds), tell)
    runs = bench.runAll(able, options.repetitions)
    return {
        "environment": {
            **machine.description(libraryPath(), interpreter().told),
            **versions(),
        },
        "load": {
            name: getattr(options, name) for name in ("repetitions", "seconds", "size")
        },
        "rows": summaries(chosen, runs, missing),
        "claims": judge(chosen, options.sets, runs, missing),
        "runs": runs,
    }


def show(measured: Mapping[str, Any]) -> None:
    """
    Print what was measured.
    """
    for name, value in measured["environment"].items():
        print(f"{name}: {value}")
    print(f"\n{table(measured['rows'])}\n")
    for verdict in measured["claims"]:
        print(verdictLine(verdict))


def plot(measured: Mapping[str, Any], target: Path) -> None:
    """
    Draw what was measured, if there is something to draw with.
    """
    try:
        from .plot import svg
    except ImportError as e:
        print(f"\nno plot: {e}: pip install txrocketmq[bench]")
    else:
        target.write_text(svg(measured["rows"]))


def document(measured: Mapping[str, Any], docs: Path) -> None:
    """
    Write the plot and the tables of the documentation, and what they were made of.
    """
    kept = {name: value for name, value in measured.items() if name != "runs"}
    (docs / pages.KEPT).write_text(json.dumps(kept, indent=1) + "\n")
    plot(measured, docs / pages.PLOT)
    (docs / pages.INCLUDE).write_text(pages.include(measured))


def check(chosen: Sequence[Row]) -> int:
    """
    Run each row for a moment, several side by side: what is wrong, what is
    missing, and the sums.
    """
    programs, missing = prepare(chosen)
    for name, reason in missing.items():
        print(f"{name}: skipped: {reason}")
    able = [
        row._replace(window=min(row.window, MOST_CHECKED))
        for row in chosen
        if row.name not in missing
    ]
    runs = Bench(programs, CHECK, tell, SIDE_BY_SIDE).runAll(able, 1)
    bad = [run for run in runs if run["problems"]]
    for run in bad:
        print(f"{run['name']}: failed: {'; '.join(run['problems'])}")
    passed = len(runs) - len(bad)
    print(f"{passed} passed, {len(bad)} failed, {len(missing)} skipped")
    return 1 if bad or not passed else 0


def main(words: Sequence[str]) -> int:
    """
    Measure, print, write, judge; or a part of that.
    """
    options = parse(words)
    if options.report:
        try:
            measured = json.loads(options.report.read_text())
            show(measured)
        except (OSError, ValueError, KeyError, TypeError) as e:
            print(f"{options.report} is not what --output wrote: {e}", file=sys.stderr)
            return 2
        document(measured, options.docs)
        return 0
    chosen = chosenRows(options.sets, options.peers, options.broker, options.only)
    try:
        if options.check:
            return check(chosen)
        measured = measure(chosen, options)
    except Missing as e:
        print(f"nothing was measured: {e}", file=sys.stderr)
        return 1
    show(measured)
    options.output.write_text(json.dumps(measured, indent=1) + "\n")
    plot(measured, options.output.with_suffix(".svg"))
    counted = not any(run["problems"] for run in measured["runs"])
    met = all(verdict["met"] is not False for verdict in measured["claims"])
    return 0 if counted and met else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
