"""
From runs to a table, and to a verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from .rows import FLOOR, OURS, YARDSTICK, Row
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
    CPU seconds for 100,000 messages.
    """
    return float(run["cpu"] / run["n"] * 1e5)


def good(runs: Sequence[Run], row: Row) -> list[Run]:
    """
    The runs of a row that count.
    """
    return [run for run in runs if run["name"] == row.name and not run["problems"]]


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

    The ratio to the yardstick is the median of the ratios within each
    repetition; what slows a whole repetition down does not change it.
    """
    if row.driver in missing:
        return {"name": row.name, "leftOut": missing[row.driver]}
    bad = [p for run in runs if run["name"] == row.name for p in run["problems"]]
    mine = good(runs, row)
    if not mine:
        return {"name": row.name, "problems": bad}
    summed = {
        "name": row.name,
        "problems": bad,
        "repetitions": len(mine),
        "rate": spread([rate(run) for run in mine]),
        "cpuPer100k": spread([cpu(run) for run in mine]),
        "rssMiB": round(max(run["rssKiB"] for run in mine) / 1024, 1),
        **_medians(mine, ("framesPerRead", "otherCores", "p50", "p99")),
    }
    if not row.rate:
        summed |= _ratios(mine, good(runs, YARDSTICK))
    return summed


def spread(values: Sequence[float]) -> dict[str, float]:
    """
    Median, least and most.
    """
    return {"median": median(values), "min": min(values), "max": max(values)}


def _medians(runs: Sequence[Run], names: Sequence[str]) -> Summary:
    """
    The medians of what not every run has.
    """
    columns = {name: [run[name] for run in runs if name in run] for name in names}
    known = {
        name: [value for value in values if value is not None]
        for name, values in columns.items()
    }
    return {name: median(values) for name, values in known.items() if values}


def _ratios(mine: Sequence[Run], yardsticks: Sequence[Run]) -> Summary:
    """
    Rate and CPU as multiples of the yardstick's of the same repetition.
    """
    other = {run["repetition"]: run for run in yardsticks}
    pairs = [
        (run, other[run["repetition"]]) for run in mine if run["repetition"] in other
    ]
    if not pairs:
        return {}
    return {
        "ofYardstick": spread([rate(run) / rate(it) for run, it in pairs]),
        "cpuOfYardstick": spread([cpu(run) / cpu(it) for run, it in pairs]),
    }


def verdict(summed: Sequence[Summary]) -> tuple[str, bool]:
    """
    Say whether the library reaches its floor.

    @return: A line, and whether it is met.  What was not measured is not met.
    """
    for row in summed:
        if row["name"] == OURS.name and "ofYardstick" in row:
            ratio = row["ofYardstick"]
            met = ratio["median"] >= FLOOR
            line = (
                f"{OURS.name}: {ratio['median']:.2f} of the rate of the "
                f"{YARDSTICK.name} ({ratio['min']:.2f} to {ratio['max']:.2f}), with "
                f"{row['cpuOfYardstick']['median']:.1f} times its CPU time; the floor "
                f"is {FLOOR:.2f}: {'met' if met else 'NOT MET'}"
            )
            return line, met
    return f"{OURS.name} was not measured: the floor is NOT MET", False


HEADINGS = (
    "row",
    "msg/s median",
    "min",
    "max",
    "of prototype",
    "min..max",
    "CPU s / 100k",
    "peak RSS MiB",
    "frames a read",
    "others' cores",
    "p50 us",
    "p99 us",
)


def table(summed: Sequence[Summary]) -> str:
    """
    The rows in Markdown; one that was left out says why.
    """
    lines = [list(HEADINGS), ["---", *["--:"] * (len(HEADINGS) - 1)]]
    lines += [_cells(row) for row in summed]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cells(row: Summary) -> list[str]:
    """
    One line of the table.
    """
    if "leftOut" in row:
        return [row["name"], f"left out: {row['leftOut']}"]
    problems = "; ".join(dict.fromkeys(row["problems"]))
    if "rate" not in row:
        return [row["name"], f"failed: {problems}"]
    ratio = row.get("ofYardstick")
    return [
        f"{row['name']} (some runs failed: {problems})" if problems else row["name"],
        *(f"{row['rate'][name]:,.0f}" for name in ("median", "min", "max")),
        f"{ratio['median']:.2f}" if ratio else "",
        f"{ratio['min']:.2f}..{ratio['max']:.2f}" if ratio else "",
        f"{row['cpuPer100k']['median']:.3f}",
        f"{row['rssMiB']}",
        *(
            f"{row[name]:g}" if name in row else ""
            for name in ("framesPerRead", "otherCores", "p50", "p99")
        ),
    ]
