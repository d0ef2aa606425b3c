"""
The figures of a status as people read them: every text of the status page.

The page asks for them as it asks for the figures, so that there is one way to write
a number, with and without a script.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from txrocketmq.relay.history import LENGTH, Point

NOTHING = "\N{EN DASH}"
"""
What stands where there is no figure.
"""

UNITS = ("B", "KiB", "MiB", "GiB", "TiB")

PLOTS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("accepted", "Messages accepted per second", ("accepted",)),
    ("stored", "Messages stored per second", ("stored",)),
    ("failed", "Messages failed per second", ("failed",)),
    ("latency", "Time to store a message", ("p50", "p99")),
    ("inFlight", "Messages in flight", ("inFlight",)),
    ("waiting", "Messages waiting in the spool", ("waiting",)),
)
"""
The plots: the name of each, its words, and the columns of the history it shows.
"""


def rate(value: float | None) -> str:
    """
    How many a second, or how many at all.
    """
    if value is None:
        return NOTHING
    return f"{value:.1f}" if 0 < value < 9.95 and value % 1 else f"{value:,.0f}"


def brief(value: float | None) -> str:
    """
    The same where there is little room: so many thousands, or millions.
    """
    if value is None or value < 99_999.5:
        return rate(value)
    for unit, size in (("G", 1e9), ("M", 1e6)):
        if value >= 0.9995 * size:
            return f"{value / size:.1f} {unit}"
    return f"{value / 1e3:.0f} k"


def duration(seconds: float | None) -> str:
    """
    How long something takes.
    """
    if seconds is None:
        return NOTHING
    millis = seconds * 1000
    if millis >= 1000:
        return f"{seconds:.1f} s" if seconds < 100 else age(seconds)
    return f"{millis:.0f} ms" if millis >= 9.95 else f"{millis:.1f} ms"


def age(seconds: float | None) -> str:
    """
    How long ago something was.
    """
    if seconds is None:
        return NOTHING
    whole = int(seconds)
    for unit, size, smaller, part in (
        ("d", 86400, "h", 3600),
        ("h", 3600, "min", 60),
        ("min", 60, "s", 1),
    ):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {unit} {rest} {smaller}"
    return f"{whole} s"


def size(count: float) -> str:
    """
    So many bytes.
    """
    units = iter(UNITS)
    unit = next(units)
    while count >= 1024 and unit != UNITS[-1]:
        count, unit = count / 1024, next(units)
    digits = 0 if unit == UNITS[0] or count >= 99.5 else 1
    return f"{count:.{digits}f} {unit}"


def some(count: int, what: str) -> str:
    """
    So many of something.
    """
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def textsOf(status: Mapping[str, Any], points: Iterable[Point]) -> dict[str, str]:
    """
    Every text of the page, by the name of its place.
    """
    recently, counts = status["recently"], status["counts"]
    cluster, reactor = status["cluster"], status["reactor"]
    return {
        "group": status["group"] or NOTHING,
        "version": status["version"],
        "uptime": age(status["now"] - status["startedAt"]),
        "readiness": f"{'ready' if status['ready'] else 'not ready'}: {status['why']}",
        "accepted": brief(recently["accepted"]),
        "stored": brief(recently["stored"]),
        "failed": brief(recently["failed"]),
        "latency": duration(recently["p50"]),
        "latency99": duration(recently["p99"]),
        "inFlight": rate(recently["inFlight"]),
        "nameServer": cluster["nameServer"] or "none has answered",
        "connections": rate(cluster["connections"]),
        "routes": _routes(cluster),
        "lag": f"at most {duration(reactor['worstLag'])} in the last ten seconds",
        **_spool(status["spool"]),
        **_totals(counts),
        **_plots(list(points)),
    }


def _routes(cluster: Mapping[str, Any]) -> str:
    """
    What is known of topics.
    """
    if not cluster["topics"]:
        return "none is known yet"
    confirmed = f"{age(cluster['routeAge'])} ago"
    if cluster["topics"] == 1:
        return f"of 1 topic, confirmed {confirmed}"
    return f"of {cluster['topics']:,} topics, the oldest confirmed {confirmed}"


def _spool(spool: Mapping[str, Any] | None) -> dict[str, str]:
    """
    What waits.
    """
    if spool is None:
        return {"waiting": NOTHING, "refused": NOTHING, "forwarder": NOTHING}
    used = spool["waitingBytes"] + spool["refusedBytes"] + spool["claimBytes"]
    # Why it did not get on matters as long as something waits.
    error = spool["lastError"] if spool["waiting"] else None
    return {
        "waiting": rate(spool["waiting"]),
        "used": f"{size(used)} of {size(spool['limit'])}",
        "usedPart": f"{min(100, 100 * used / max(1, spool['limit'])):.0f}",
        "oldest": age(spool["oldest"]),
        "refused": rate(spool["refused"]),
        "forwarder": (spool["forwarder"] or NOTHING) + (f": {error}" if error else ""),
        "takes": "takes messages" if spool["accepting"] else "takes no messages",
        "file": f"{size(spool['fileBytes'])}, {some(spool['commits'], 'commit')}",
    }


def _totals(counts: Mapping[str, Any]) -> dict[str, str]:
    """
    What was counted since the start.
    """
    accepted, stored = counts["accepted"], counts["stored"]
    answers = ", ".join(
        # That no line ends within one of them.
        f"{n:,}\N{NO-BREAK SPACE}\N{MULTIPLICATION SIGN}\N{NO-BREAK SPACE}{s}"
        for s, n in counts["answers"].items()
    )
    return {
        "acceptedBroker": rate(accepted["broker"]),
        "acceptedSpool": rate(accepted["spool"]),
        "acceptedBytes": size(sum(counts["acceptedBytes"].values())),
        "storedBroker": rate(stored["broker"]),
        "storedSpool": rate(stored["spool"]),
        "failedTotal": rate(sum(counts["failed"].values())),
        "refusedTotal": rate(sum(counts["refused"].values())),
        "attempts": rate(counts["attempts"]),
        "retries": rate(counts["retries"]),
        "answers": answers or "none",
    }


def _plots(points: list[Point]) -> dict[str, str]:
    """
    What each plot shows, in words, and the number at its top.
    """
    span = _minutes(len(points))
    texts = {"span": span}
    for name, words, columns in PLOTS:
        write = duration if name == "latency" else rate
        values = [
            v for p in points for c in columns if (v := getattr(p, c)) is not None
        ]
        texts[f"{name}Plot"] = f"{words}, last {span}: {_span(values, write)}"
        top = duration if name == "latency" else brief
        texts[f"{name}Top"] = top(max(values)) if any(values) else ""
    return texts


def _minutes(points: int) -> str:
    """
    What so many points span: the plots begin with one minute.
    """
    minutes = min(LENGTH, max(60, points)) // 60
    return "minute" if minutes == 1 else f"{minutes} minutes"


def _span(values: list[float], write: Callable[[float | None], str]) -> str:
    """
    Between what the values are.
    """
    if not values:
        return "nothing yet"
    least, most = write(min(values)), write(max(values))
    return f"always {most}" if least == most else f"between {least} and {most}"
