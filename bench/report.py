"""
Figures and verdicts as text: a table in Markdown, and a line for each claim.
"""

from __future__ import annotations

from collections.abc import Sequence

from .claims import Verdict
from .figures import Summary

HEADINGS = (
    "row",
    "msg/s median",
    "min",
    "max",
    "CPU us/msg",
    "peak RSS MiB",
    "frames a read",
    "target's cores",
    "others' cores",
    "p50 us",
    "p99 us",
)


def table(summed: Sequence[Summary]) -> str:
    """
    The rows in Markdown; one that was left out says why.
    """
    lines = [list(HEADINGS), ["---", *["--:"] * (len(HEADINGS) - 1)]]
    lines += [cells(row) for row in summed]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def cells(row: Summary) -> list[str]:
    """
    One line of the table; one with two cells says why there are no figures.
    """
    if "leftOut" in row:
        return [row["name"], f"left out: {row['leftOut']}"]
    problems = "; ".join(dict.fromkeys(row["problems"]))
    if "rate" not in row:
        return [row["name"], f"failed: {problems}"]
    return [
        f"{row['name']} (some runs failed: {problems})" if problems else row["name"],
        *(f"{row['rate'][name]:,.0f}" for name in ("median", "min", "max")),
        f"{row['cpu']['median']:.2f}",
        f"{row['rssMiB']:g}",
        *(
            f"{row[name]:g}" if name in row else ""
            for name in ("framesPerRead", "targetCores", "otherCores", "p50", "p99")
        ),
    ]


def verdictLine(verdict: Verdict) -> str:
    """
    What became of one claim.
    """
    head = f"{verdict['show']}  {verdict['text']}"
    bound, said = boundOf(verdict), wordOf(verdict)
    if "notMeasured" in verdict:
        return f"{head}: not measured ({verdict['notMeasured']}){bound}{said}"
    figures = f"{figure(verdict['median'])} ({range_(verdict)})"
    return f"{head}: {figures}{bound}{said}"


def figure(value: float) -> str:
    """
    A ratio, or a number of bytes.
    """
    return f"{value:.2f}" if value < 100 else f"{value:,.0f}"


def range_(verdict: Verdict) -> str:
    """
    From the least to the most of the repetitions.
    """
    return f"{figure(verdict['min'])}..{figure(verdict['max'])}"


def boundOf(verdict: Verdict) -> str:
    """
    What is demanded.
    """
    least, most = verdict["least"], verdict["most"]
    if least is not None and least == most:
        return f", exactly {least:g}"
    if least is not None:
        return f", at least {least:g}"
    return "" if most is None else f", at most {most:g}"


def wordOf(verdict: Verdict) -> str:
    """
    Whether that is met.
    """
    return {True: ": MET", False: ": NOT MET", None: ""}[verdict["met"]]
