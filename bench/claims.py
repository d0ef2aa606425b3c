"""
What the library is said to reach, and whether it does.

A figure is taken within each repetition; what slows a whole repetition down does
not change it.  The median of these decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from . import rows
from .figures import cpu, good, rate, spread
from .rows import Row
from .runs import Run

Verdict = dict[str, Any]
"""
A claim, and what became of it.
"""


class Claim(NamedTuple):
    """
    One thing to be shown.

    @ivar show: Which set of rows shows it.

    @ivar text: What is compared with what.

    @ivar rows: The rows it takes.

    @ivar figure: Is given one run of each of these, and gives the figure.

    @ivar least: What it must be at least; L{None} does not say.

    @ivar most: The same at most.
    """

    show: str
    text: str
    rows: tuple[Row, ...]
    figure: Callable[..., float]
    least: float | None = None
    most: float | None = None


def rates(ours: Run, theirs: Run) -> float:
    """
    Our rate as a multiple of theirs.
    """
    return rate(ours) / rate(theirs)


def costs(ours: Run, theirs: Run) -> float:
    """
    Our CPU time for a message as a multiple of theirs.
    """
    return cpu(ours) / cpu(theirs)


def medians(ours: Run, theirs: Run) -> float:
    """
    Our median latency as a multiple of theirs.
    """
    return float(ours["p50"] / theirs["p50"])


def tails(ours: Run, theirs: Run) -> float:
    """
    Our 99th percentile as a multiple of 1.0 ms or theirs, whichever is larger.
    """
    return float(ours["p99"] / max(1000, theirs["p99"]))


def results(run: Run) -> float:
    """
    Results we were given for each message that the target has counted.
    """
    return float(run["total"] / run["counted"])


def compression(compressed: Run, plain: Run, bare: Run) -> float:
    """
    The CPU time of a compressed message as a multiple of what a message and the
    compression cost apart.
    """
    return cpu(compressed) / (cpu(plain) + cpu(bare))


def memory(run: Run) -> float:
    """
    Bytes for each outstanding send: the most held less what was held before.  All
    have the same body, which is there once.
    """
    return float((run["rssKiB"] - run["rssBeforeKiB"]) * 1024 / rows.MANY)


SHOWS = {
    "floor": "The prototype, 256 in flight",
    "show1": "Other clients on the sink, 256 in flight",
    "show2": "Other clients on a real broker, 256 in flight",
    "show3": "Batches of 100, one at a time",
    "show4": "Batching of single sends",
    "show5": "Latency at 2,000 messages a second",
    "show6": "What options cost",
    "show7": "100,000 in flight",
    "show8": "The bare limit",
    "relay": "The relay: posts over HTTP, with wrk",
}
"""
What the claims are about.
"""

CLAIMS = (
    Claim("floor", "rate, of the prototype", (rows.PLAIN, rows.YARDSTICK), rates, 0.4),
    Claim("show1", "rate, of Java async", (rows.PLAIN, rows.JAVA), rates, 0.5),
    Claim("show1", "CPU, of Java async", (rows.PLAIN, rows.JAVA), costs, None, 0.75),
    Claim("show1", "rate, of ali-ons", (rows.PLAIN, rows.ALI), rates, 1.6),
    Claim("show1", "rate, of Go async", (rows.PLAIN, rows.GO), rates, 2.5),
    Claim("show2", "rate, of Java async", (rows.REAL, rows.JAVA_REAL), rates, 1.2),
    Claim("show2", "CPU, of Java async", (rows.REAL, rows.JAVA_REAL), costs, None, 0.4),
    Claim("show2", "rate, of gRPC Python", (rows.REAL, rows.GRPC_REAL), rates, 8.0),
    Claim(
        "show3", "rate on the sink, of Java", (rows.BATCH, rows.JAVA_BATCH), rates, 0.8
    ),
    Claim(
        "show3",
        "rate on the broker, of Java",
        (rows.BATCH_REAL, rows.JAVA_BATCH_REAL),
        rates,
        1.0,
    ),
    Claim("show3", "results a message, sink", (rows.BATCH,), results, 1.0, 1.0),
    Claim("show3", "results a message, broker", (rows.BATCH_REAL,), results, 1.0, 1.0),
    Claim(
        "show4",
        "rate at 256, of ours without",
        (rows.BATCHING, rows.PLAIN),
        rates,
        1.5,
    ),
    Claim(
        "show4",
        "rate at 256, of Java auto-batch",
        (rows.BATCHING, rows.AUTO),
        rates,
        8.0,
    ),
    Claim(
        "show4",
        "rate at 4096, of ours without",
        (rows.BATCHING_4096, rows.PLAIN_4096),
        rates,
        1.8,
    ),
    Claim(
        "show4",
        "CPU at 4096, of Java auto-batch",
        (rows.BATCHING_4096, rows.AUTO_4096),
        costs,
    ),
    Claim(
        "show5", "p50, of Java async", (rows.PACED, rows.JAVA_PACED), medians, None, 0.6
    ),
    Claim(
        "show5",
        "p99, of 1.0 ms or Go async",
        (rows.PACED, rows.GO_PACED),
        tails,
        None,
        1.0,
    ),
    Claim("show6", "rate, ROCKETMQ header", (rows.HEADER, rows.PLAIN), rates, 0.8),
    Claim("show6", "rate, ACL", (rows.ACL, rows.PLAIN), rates, 0.6),
    Claim("show6", "rate, a hook", (rows.HOOK, rows.PLAIN), rates, 0.7),
    Claim("show6", "rate, TLS", (rows.TLS, rows.PLAIN), rates, 0.5),
    Claim(
        "show6",
        "CPU, zlib, of plain + zlib alone",
        (rows.ZLIB, rows.PLAIN, rows.BARE_ZLIB),
        compression,
        None,
        1.3,
    ),
    Claim(
        "show7",
        "rate at 100,000, of that at 256",
        (rows.HUNDRED_THOUSAND, rows.PLAIN),
        rates,
        0.7,
    ),
    Claim(
        "show7",
        "bytes an outstanding send",
        (rows.HUNDRED_THOUSAND,),
        memory,
        None,
        1500.0,
    ),
    Claim("show8", "rate, of the bare limit", (rows.PLAIN, rows.BARE), rates),
    Claim("show8", "CPU, of the bare limit", (rows.PLAIN, rows.BARE), costs),
    Claim(
        "relay",
        "posts a second, of bare twisted.web",
        (rows.POSTS, rows.BARE_POSTS),
        rates,
        0.6,
    ),
    Claim("relay", "CPU, of bare twisted.web", (rows.POSTS, rows.BARE_POSTS), costs),
    Claim(
        "relay",
        "rows a second with ack=spool, of bare sqlite3",
        (rows.SPOOL_POSTS_100, rows.COMMITS_100),
        rates,
        0.4,
    ),
    Claim(
        "relay",
        "posts of 100, of bare twisted.web",
        (rows.POSTS_100, rows.BARE_POSTS_100),
        rates,
    ),
)
"""
All there is to be shown.  One without bounds only says what the figure is.
"""


def judge(
    chosen: Sequence[Row],
    sets: Sequence[str],
    runs: Sequence[Run],
    missing: Mapping[str, str],
) -> list[Verdict]:
    """
    Judge the claims of some sets whose rows are all among the chosen ones.
    """
    return [
        _verdict(claim, runs, missing)
        for claim in CLAIMS
        if claim.show in sets and all(row in chosen for row in claim.rows)
    ]


def _verdict(claim: Claim, runs: Sequence[Run], missing: Mapping[str, str]) -> Verdict:
    """
    Judge one claim.  What was not measured is not met, if there is a bound.
    """
    verdict: Verdict = {
        "show": claim.show,
        "text": claim.text,
        "rows": [row.name for row in claim.rows],
        "least": claim.least,
        "most": claim.most,
    }
    bounded = claim.least is not None or claim.most is not None
    figures = _figures(claim, runs)
    if not figures:
        without = [row.name for row in claim.rows if not good(runs, row.name)]
        named = next((missing[name] for name in without if name in missing), "")
        why = f"{', '.join(without)}: {named or 'no run that counts'}"
        return {**verdict, "notMeasured": why, "met": False if bounded else None}
    measured = spread(figures)
    met = _within(claim, measured["median"]) if bounded else None
    return {**verdict, **measured, "met": met}


def _figures(claim: Claim, runs: Sequence[Run]) -> list[float]:
    """
    The figure of each repetition that has a run of every row.
    """
    of = [
        {run["repetition"]: run for run in good(runs, row.name)} for row in claim.rows
    ]
    whole = sorted(set(of[0]).intersection(*of[1:]))
    return [claim.figure(*(runs[repetition] for runs in of)) for repetition in whole]


def _within(claim: Claim, figure: float) -> bool:
    """
    Whether a figure is within the bounds.
    """
    return (claim.least is None or figure >= claim.least) and (
        claim.most is None or figure <= claim.most
    )
