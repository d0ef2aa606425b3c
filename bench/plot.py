"""
The figures drawn: what the documentation shows.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from . import rows
from .figures import Summary

SINK = (
    rows.BARE,
    rows.YARDSTICK,
    rows.PLAIN,
    rows.BATCHING,
    rows.JAVA,
    rows.AUTO,
    rows.ALI,
    rows.GO,
)
REAL = (rows.REAL, rows.JAVA_REAL, rows.GRPC_REAL)
LATENCIES = (rows.PACED, rows.JAVA_PACED, rows.GO_PACED)

OURS, THEIRS, LIMIT = "#2a6f97", "#a9a9a9", "#dddddd"
STYLE: Any = {"svg.fonttype": "none", "svg.hashsalt": "txrocketmq", "font.size": 8}


def svg(summed: Sequence[Summary]) -> str:
    """
    The figures as SVG; the same figures give the same text.
    """
    text = io.StringIO()
    with matplotlib.rc_context(STYLE):
        draw(summed).savefig(text, format="svg", metadata={"Date": None})
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"


def draw(summed: Sequence[Summary]) -> Figure:
    """
    Draw rates on the sink and on a broker, CPU time, and latencies.
    """
    named = {row["name"]: row for row in summed if "rate" in row}
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    (sink, cpu), (real, latency) = figure.subplots(2, 2)
    _bars(sink, named, SINK, "rate", "sink: thousand messages a second", 1e-3)
    _bars(cpu, named, SINK, "cpu", "sink: microseconds of CPU a message", 1)
    _bars(real, named, REAL, "rate", "broker: thousand messages a second", 1e-3)
    _latencies(latency, named)
    return figure


def _bars(
    axes: Axes,
    named: Mapping[str, Summary],
    wanted: Sequence[rows.Row],
    figure: str,
    title: str,
    unit: float,
) -> None:
    """
    One bar for each row that was measured, with the range of its repetitions.
    """
    there = [row for row in wanted if row.name in named]
    spreads: list[dict[str, float]] = [named[row.name][figure] for row in there]
    middle = [spread["median"] * unit for spread in spreads]
    ranges = [
        [(spread["median"] - spread["min"]) * unit for spread in spreads],
        [(spread["max"] - spread["median"]) * unit for spread in spreads],
    ]
    labels = [_label(row) for row in there]
    colours = [_colour(row) for row in there]
    axes.barh(labels, middle, xerr=ranges, color=colours, ecolor="#555555")
    _finish(axes, title)


def _latencies(axes: Axes, named: Mapping[str, Summary]) -> None:
    """
    The medians, with a line from each to the 99th percentile.
    """
    for row in LATENCIES:
        if row.name in named:
            figures = [named[row.name]["p50"], named[row.name]["p99"]]
            labels = [_label(row)] * 2
            axes.plot(figures, labels, "-|", color=_colour(row), linewidth=2)
            axes.plot(figures[:1], labels[:1], "o", color=_colour(row))
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(y=0.3)
    _finish(axes, "sink, 2,000 a second: p50 to p99 in microseconds")


def _label(row: rows.Row) -> str:
    """
    What a bar is called.
    """
    return row.name.rpartition(": ")[2]


def _colour(row: rows.Row) -> str:
    """
    Ours stand out.
    """
    if row.driver in ("txrocketmq", "batching"):
        return OURS
    return THEIRS if row.driver in rows.PEERS else LIMIT


def _finish(axes: Axes, title: str) -> None:
    """
    The first row on top, and what it is.
    """
    axes.invert_yaxis()
    axes.set_title(title, fontsize=9, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
