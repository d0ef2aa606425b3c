"""
What the relay counts: plain numbers, to be read by whoever shows them.

Laws:

    - What is counted is told apart by words of fixed sets: nothing of a request, and
      nothing a broker says, can add a series.

    - Counting costs some hundred nanoseconds, takes no memory, and cannot fail.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable
from typing import TypeVar

import attrs

K = TypeVar("K")

ACKS = ("broker", "spool")
"""
What a 2xx answer says: a broker has it, or the spool has it.
"""

REASONS = (
    "name_server_unreachable",
    "topic_not_found",
    "no_writable_queue",
    "connect_failed",
    "connection_lost",
    "timeout",
    "not_understood",
    "broker_overloaded",
    "broker_unavailable",
    "broker_stopping",
    "message_refused",
    "no_permission",
    "weak_ack",
    "relay_full",
    "relay_stopping",
    "damaged",
    "other",
)
"""
Why a message was not stored.
"""

PERSISTED = ("NO", "MAYBE", "YES")
"""
Whether a message whose send failed may be stored all the same.
"""

STATUSES = (
    *(200, 202, 207, 400, 401, 403, 404, 405, 406, 408, 409, 411, 413, 414, 415),
    *(417, 422, 429, 431, 500, 501, 502, 503, 504, 505, 507),
)
"""
The statuses of answers; any other is counted as 0.
"""

BOUNDS = (
    *(0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05),
    *(0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0),
)
"""
The upper bounds of the durations that are counted together, in seconds.
"""

OTHER = "other"

MOST_RECENT = 50
"""
How many failures are remembered.
"""

TOGETHER = 60.0
"""
Seconds from its first within which failures of one kind are one line.
"""


@attrs.define
class Incident:
    """
    Failures of one kind, shortly one after another.

    @ivar kind: C{failed}: its sender was told; C{refused}: it came from the spool,
        and was put aside.

    @ivar reason: One of L{REASONS}.

    @ivar persisted: One of L{PERSISTED}.

    @ivar since: When the first of them was, in seconds of the epoch.

    @ivar last: When the last of them was.
    """

    kind: str
    reason: str
    persisted: str
    since: float
    last: float
    count: int = 1


class Durations:
    """
    How long things took.

    @ivar counts: How many ended within each of L{BOUNDS}, and not within the one
        before; then how many took longer.

    @ivar total: The seconds of all.
    """

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """
        Count one.
        """
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds


class Tally:
    """
    The relay's counts, since it was started.

    @ivar taken: For each of L{ACKS}, how many messages were accepted.

    @ivar takenBytes: For each of L{ACKS}, the bytes of their bodies.

    @ivar delivered: For each of L{ACKS}, how many of those a broker has stored.

    @ivar durations: For each of L{ACKS}, how long it took a broker to store them.

    @ivar failures: For each of L{REASONS} and L{PERSISTED}, how many sends failed.

    @ivar attempts: How many tries at brokers those had that have ended.

    @ivar retries: How many of them were not a message's first.

    @ivar setAside: For each of L{REASONS}, how many messages of the spool were put
        among the refused.

    @ivar answers: For each of L{STATUSES}, how many requests were answered so.
    """

    def __init__(self, wallClock: Callable[[], float] = time.time) -> None:
        """
        @param wallClock: What says when something failed.
        """
        self._wallClock = wallClock
        self.taken = _none(ACKS)
        self.takenBytes = _none(ACKS)
        self.delivered = _none(ACKS)
        self.durations = {ack: Durations() for ack in ACKS}
        self.failures = _none((r, p) for r in REASONS for p in PERSISTED)
        self.attempts = 0
        self.retries = 0
        self.setAside = _none(REASONS)
        self.answers = _none((0, *STATUSES))
        self._recent: deque[Incident] = deque(maxlen=MOST_RECENT)

    def accepted(self, ack: str, count: int, size: int) -> None:
        """
        Count messages that were taken in, to be sent or kept.

        @param ack: One of L{ACKS}.

        @param size: The bytes of their bodies.
        """
        self.taken[ack] += count
        self.takenBytes[ack] += size

    def stored(self, seconds: float, attempts: int, viaSpool: bool = False) -> None:
        """
        Count a message that a broker has stored.

        @param seconds: How long it took from the first try's beginning.

        @param attempts: How many tries it took.
        """
        ack = "spool" if viaSpool else "broker"
        self.delivered[ack] += 1
        self.durations[ack].add(seconds)
        self.attempts += attempts
        if attempts > 1:
            self.retries += attempts - 1

    def failed(
        self, reason: str, seconds: float, attempts: int, persisted: str
    ) -> None:
        """
        Count a message that a broker has not stored, or may not have.

        @param reason: One of L{REASONS}; any other is C{other}.

        @param persisted: One of L{PERSISTED}; any other is C{MAYBE}.
        """
        reason = reason if reason in self.setAside else OTHER
        persisted = persisted if persisted in PERSISTED else "MAYBE"
        self.failures[reason, persisted] += 1
        self.attempts += attempts
        if attempts > 1:
            self.retries += attempts - 1
        self._remember("failed", reason, persisted)

    def refused(self, reason: str) -> None:
        """
        Count a message of the spool that is put aside, as no broker will have it.

        @param reason: One of L{REASONS}; any other is C{other}.
        """
        reason = reason if reason in self.setAside else OTHER
        self.setAside[reason] += 1
        self._remember("refused", reason, "NO")

    def answered(self, status: int) -> None:
        """
        Count an answer.
        """
        self.answers[status if status in self.answers else 0] += 1

    def recent(self) -> list[Incident]:
        """
        What failed lately, the latest first.
        """
        return sorted(self._recent, key=lambda each: each.last, reverse=True)

    def _remember(self, kind: str, reason: str, persisted: str) -> None:
        """
        Remember a failure, with others of its kind if there were some just now.
        """
        now = self._wallClock()
        for each in reversed(self._recent):
            if now - each.since > TOGETHER:
                break
            if (each.kind, each.reason, each.persisted) == (kind, reason, persisted):
                each.last = now
                each.count += 1
                return
        self._recent.append(Incident(kind, reason, persisted, now, now))


def _none(names: Iterable[K]) -> dict[K, int]:
    """
    Nothing of anything.
    """
    return dict.fromkeys(names, 0)
