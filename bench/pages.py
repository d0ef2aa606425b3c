"""
Figures and verdicts for the documentation: an include in reStructuredText.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from . import rows
from .claims import SHOWS, Verdict
from .figures import Summary
from .report import HEADINGS, boundOf, cells, figure, range_

PLOT = "performance.svg"
INCLUDE = "performance-figures.txt"
KEPT = "performance.json"

NOTE = ".. Written by python -m bench --report: change that, not this.\n"
NOT_MEASURED = f"{NOTE}\n*This release has not been measured yet.*\n"
ALT = "Rates, CPU time and latencies beside those of other clients"


def include(saved: Mapping[str, Any]) -> str:
    """
    What the page includes.

    @param saved: What the benchmark has written.
    """
    parts = [
        NOTE,
        _environment(saved["environment"], saved["load"]),
        f".. image:: {PLOT}\n   :alt: {ALT}\n",
        _claims(saved["claims"]),
        _profile(saved["rows"]),
        _figures(saved["rows"]),
    ]
    return "\n".join(part for part in parts if part)


def _environment(environment: Mapping[str, Any], load: Mapping[str, Any]) -> str:
    """
    Where it was measured, and how.
    """
    lines = [f":{name}: {value}" for name, value in environment.items() if value]
    lines.append(
        f":load: {load['repetitions']} repetitions of {load['seconds']:g} s, bodies "
        f"of {load['size']} bytes"
    )
    return "\n".join(lines) + "\n"


def _claims(verdicts: Iterable[Verdict]) -> str:
    """
    What was to be shown, and whether it was.
    """
    lines = [
        (
            SHOWS[verdict["show"]],
            verdict["text"],
            *_measured(verdict),
            boundOf(verdict).removeprefix(", "),
            {True: "met", False: "not met", None: ""}[verdict["met"]],
        )
        for verdict in verdicts
    ]
    header = ("Shown", "What", "Median", "Range", "Wanted", "")
    return _table("What is shown", header, lines, "24 30 8 14 14 10")


def _measured(verdict: Verdict) -> tuple[str, str]:
    """
    The median and the range.
    """
    if "notMeasured" in verdict:
        return "not measured", ""
    return figure(verdict["median"]), range_(verdict)


def _figures(summed: Sequence[Summary]) -> str:
    """
    The table of all rows.
    """
    width = len(HEADINGS)
    lines = [(each + [""] * width)[:width] for each in map(cells, summed)]
    return _table("All rows", HEADINGS, lines, "30 10 10 10 8 8 8 8 8 8 8")


def _profile(summed: Sequence[Summary]) -> str:
    """
    Where the time of a message goes.
    """
    named = {row["name"]: row for row in summed}
    shares = named.get(rows.PROFILE.name, {}).get("profile")
    plain = named.get(rows.PLAIN.name, {}).get("cpu")
    if not (shares and plain):
        return ""
    header = ("Part", "Share", "us a message")
    lines = _shares(shares, plain["median"])
    return _table("Where the time of a message goes", header, lines, "60 20 20")


def _shares(shares: Mapping[str, float], whole: float) -> Iterator[tuple[str, ...]]:
    """
    The parts, and all of them together.
    """
    for part, share in shares.items():
        yield part, f"{share:.1%}", f"{share * whole:.2f}"
    yield "all", "100%", f"{whole:.2f}"


def _table(
    title: str, header: Sequence[str], lines: Iterable[Sequence[str]], widths: str
) -> str:
    """
    A C{csv-table}.
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    body = "".join(f"   {line}\n" for line in text.getvalue().splitlines())
    return (
        f".. csv-table:: {title}\n   :header: {', '.join(map(_quoted, header))}\n"
        f"   :widths: {widths}\n\n{body}"
    )


def _quoted(text: str) -> str:
    """
    A heading as CSV.
    """
    return f'"{text}"'
