"""
From runs to figures: what a row reached, over all repetitions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from .rows import Row
from .runs import Run

Summary = dict[str, Any]
"""
One row over all repetitions.
"""


def rate(run: Run) -> float:
    """
    Messages a second.
    """
    return float(run["n"] / run["secs"])


def cpu(run: Run) -> float:
    """
    Microseconds of CPU time for one message.
    """
    return float(run["cpu"] / run["n"] * 1e6)


def good(runs: Iterable[Run], name: str) -> list[Run]:
    """
    The runs of a row that count.
    """
    return [run for run in runs if run["name"] == name and not run["problems"]]


def summaries(
    rows: Sequence[Row], runs: Sequence[Run], missing: Mapping[str, str]
) -> list[Summary]:
    """
    Sum up each row, those that were not run among them.
    """
    return [summary(row, runs, missing) for row in rows]


def summary(row: Row, runs: Sequence[Run], missing: Mapping[str, str]) -> Summary:
    """
    Sum up one row.
    """
    if row.name in missing:
        return {"name": row.name, "leftOut": missing[row.name]}
    bad = [p for run in runs if run["name"] == row.name for p in run["problems"]]
    mine = good(runs, row.name)
    if not mine:
        return {"name": row.name, "problems": bad}
    return {
        "name": row.name,
        "problems": bad,
        "repetitions": len(mine),
        "rate": spread([rate(run) for run in mine]),
        "cpu": spread([cpu(run) for run in mine]),
        "rssMiB": round(max(run["rssKiB"] for run in mine) / 1024, 1),
        **_medians(mine, ("framesPerRead", "targetCores", "otherCores", "p50", "p99")),
        **_profile(mine),
    }


def spread(values: Sequence[float]) -> dict[str, float]:
    """
    The median, and how far the others are from it.
    """
    figures = {"median": median(values), "min": min(values), "max": max(values)}
    return {name: float(f"{value:.6g}") for name, value in figures.items()}


def _medians(runs: Sequence[Run], names: Sequence[str]) -> Summary:
    """
    The medians of what runs have beside; a name that none has is left out.
    """
    known = {
        name: [run[name] for run in runs if run.get(name) is not None] for name in names
    }
    return {name: median(values) for name, values in known.items() if values}


def _profile(runs: Sequence[Run]) -> Summary:
    """
    Which share of the samples of all runs fell to each part, the largest first.
    """
    counts: Counter[str] = Counter()
    for run in runs:
        counts.update(run.get("profile", {}))
    if not counts:
        return {}
    shares = {part: n / counts.total() for part, n in counts.most_common()}
    return {"profile": {part: round(share, 4) for part, share in shares.items()}}
