"""
C{GET /v1/status}: everything there is to see, as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from txrocketmq.relay.brokers import BrokerView
from txrocketmq.relay.history import INTERVAL, History, Point
from txrocketmq.relay.state import RelayState
from txrocketmq.relay.summary import incidentWords, summarize
from txrocketmq.relay.texts import textsOf


def statusOf(
    state: RelayState, after: int | None = None, texts: bool = False
) -> dict[str, Any]:
    """
    Everything there is to see.

    @param after: The number of the last point of the history that is known; L{None}
        leaves the history out.

    @param texts: Whether to add what the status page shows.
    """
    brokers = state.brokers()
    ready, why = state.ready()
    status = {
        "service": "txrocketmq",
        "version": state.version,
        "group": state.group,
        "startedAt": state.startedAt,
        "now": state.now(),
        "ready": ready,
        "why": why,
        "live": state.healthy()[0],
        "draining": state.draining,
        "summary": [
            {"level": line.level.name.lower(), "text": line.text}
            for line in summarize(state, brokers)
        ],
        "recently": attrs.asdict(state.history.recently()),
        "counts": _counts(state),
        "spool": _spool(state),
        "cluster": _cluster(state, brokers),
        "reactor": {"lag": state.lag.last, "worstLag": state.lag.worst},
        "failures": _failures(state),
    }
    if after is not None:
        status["history"] = _history(state.history, after)
    if texts:
        status["texts"] = textsOf(status, state.history.points)
    return status


def _counts(state: RelayState) -> dict[str, Any]:
    """
    What was counted since the start.
    """
    tally, sends = state.tally, state.producer.stats()
    failed: dict[str, int] = {}
    for (reason, _), count in tally.failures.items():
        failed[reason] = failed.get(reason, 0) + count
    return {
        "accepted": dict(tally.taken),
        "acceptedBytes": dict(tally.takenBytes),
        "stored": dict(tally.delivered),
        "failed": _some(failed),
        "refused": _some(tally.setAside),
        "attempts": sends.attempts,
        "retries": sends.retries,
        "inFlight": sends.inFlight,
        "inFlightBytes": sends.inFlightBytes,
        "waitingForRoom": sends.waiting,
        "answers": {str(status): n for status, n in _some(tally.answers).items()},
    }


def _some(counts: Mapping[Any, int]) -> dict[Any, int]:
    """
    What is not zero.
    """
    return {key: count for key, count in counts.items() if count}


def _spool(state: RelayState) -> dict[str, Any] | None:
    """
    The spool, where there is one.
    """
    spool, forwarder = state.spool, state.forwarder
    if spool is None:
        return None
    counts = spool.counts
    oldest = counts.oldest
    return {
        "accepting": spool.accepting,
        "waiting": counts.waiting,
        "waitingBytes": counts.waitingBytes,
        "oldest": None if oldest is None else max(0.0, state.now() - oldest),
        "refused": counts.refused,
        "refusedBytes": counts.refusedBytes,
        "claimBytes": counts.claimBytes,
        "limit": counts.limit,
        "fileBytes": counts.fileBytes,
        "commits": counts.commits,
        "recovered": counts.recovered,
        "lost": counts.lost,
        "forwarder": None if forwarder is None else forwarder.state,
        "lastError": None if forwarder is None else forwarder.lastError,
    }


def _cluster(state: RelayState, brokers: list[BrokerView]) -> dict[str, Any]:
    """
    The cluster.
    """
    client = state.client.stats()
    return {
        "nameServer": client.nameServer,
        "clientId": client.clientId,
        "connections": client.connections,
        "topics": len(client.routeAge),
        "routeAge": max(client.routeAge.values(), default=None),
        "brokers": [attrs.asdict(each) for each in brokers],
    }


def _failures(state: RelayState) -> list[dict[str, Any]]:
    """
    What failed lately, the latest first.
    """
    return [
        {**attrs.asdict(each), "words": incidentWords(each)}
        for each in state.tally.recent()
    ]


def _history(history: History, after: int) -> dict[str, Any]:
    """
    The points after one, by columns.
    """
    points = history.after(after)
    columns = {
        field.name: [_short(getattr(point, field.name)) for point in points]
        for field in attrs.fields(Point)
    }
    return {"interval": INTERVAL, "number": history.number, **columns}


def _short(value: float | None) -> float | None:
    """
    A number in no more digits than a plot needs.
    """
    return round(value, 6) if isinstance(value, float) else value
