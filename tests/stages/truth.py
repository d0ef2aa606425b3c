"""
What must be true when a life is over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from twisted.python.failure import Failure

from txrocketmq.errors import SendCancelled, SendFailed
from txrocketmq.message import SendResult

from .life import EXTRA, MAYBE, NO, SEND_TIMEOUT, SLACK, STOP_TIMEOUT, YES, Life

GRACE = 1.0
"""
So long answers are still waited for when the clock has jumped over a deadline.
"""


def wrongs(life: Life) -> Iterator[str]:
    """
    Everything that is not as it must be.
    """
    yield from _sends(life)
    yield from _stop(life)
    yield from _remains(life)


def maybes(life: Life) -> tuple[int, int]:
    """
    How many sends ended with MAYBE, and how many of them were not stored.
    """
    stored = _bodies(life)
    said = [at for at, ends in enumerate(life.ends) if _persisted(ends) is MAYBE]
    return len(said), sum(life.body(at) not in stored for at in said)


def _sends(life: Life) -> Iterator[str]:
    """
    I2 to I5.
    """
    stored = life.cluster.sandbox.messages("T")
    known = {life.body(at): at for at in range(len(life.ends))}
    known[EXTRA] = -1
    for each in stored:
        if each.body not in known:
            yield f"{each.body!r} is stored, and was never sent"
    allowed = SEND_TIMEOUT + SLACK + (life.jumped and life.jumped + GRACE)
    for at, ends in enumerate(life.ends):
        if len(ends) != 1:
            yield f"send {at} ended {len(ends)} times"
            continue
        took = ends[0].at - life.began[at]
        if took > allowed:
            yield f"send {at} ended {took:.3f} s after its begin"
        ids = [each.msgId for each in stored if each.body == life.body(at)]
        written = sum(
            frame.count(life.body(at)) for frame in life.cluster.network.frames
        )
        for wrong in _untruths(ends[0].outcome, ids, written):
            yield f"send {at}: {wrong}: {ends[0].outcome!r}"


def _untruths(end: Any, ids: list[str], written: int) -> Iterator[str]:
    """
    What a send's end says that is not so.

    @param ids: Those of its copies in the store.

    @param written: How many requests with it were given to a transport.
    """
    copies = len(ids)
    if len(set(ids)) > 1:
        yield f"its copies have different ids: {ids}"
    if isinstance(end, SendResult):
        if not 1 <= copies <= 1 + end.possibleDuplicates:
            yield f"it is stored {copies} times"
        if written < 1 + end.possibleDuplicates:
            yield f"it was written {written} times only"
        if end.msgId not in ids:
            yield f"it is stored as {ids}"
        return
    error = end.value if isinstance(end, Failure) else end
    persisted = getattr(error, "persisted", NO)
    if persisted is NO and copies:
        yield f"it says NO and is stored {copies} times"
    if persisted is YES and not copies:
        yield "it says YES and is not stored"
    if persisted is MAYBE and not written:
        yield "it says MAYBE and was never written"
    if isinstance(error, SendFailed | SendCancelled):
        feared = sum(each.persisted is not NO for each in error.attempts)
        feared += isinstance(error, SendCancelled)
        if copies > feared:
            yield f"it is stored {copies} times, {feared} attempts may have stored it"
    if isinstance(error, SendFailed) and copies and error.msgId not in ids:
        yield f"it is stored as {ids}"


def _stop(life: Life) -> Iterator[str]:
    """
    I11: the stop is in time.
    """
    if len(life.stops) != life.asked:
        yield f"{life.asked - len(life.stops)} stops never ended"
    latest = life.stopBegan + STOP_TIMEOUT + SLACK
    latest += life.jumped and life.jumped + GRACE
    for end in life.stops:
        if end.outcome is not None:
            yield f"the stop ended with {end.outcome!r}"
        if end.at > latest:
            yield f"the stop took {end.at - life.stopBegan:.3f} s"


def _remains(life: Life) -> Iterator[str]:
    """
    I11: nothing is left.
    """
    stats = life.producer.stats()
    if stats.inFlight or stats.inFlightBytes or stats.waiting:
        yield f"room is not given back: {stats}"
    if [each for each in life.client.pool.connections.values() if each.live]:
        yield f"connections stay: {life.client.pool.connections}"
    life.cutOff()
    life.cluster.result(life.cluster.sandbox.stopService())
    life.cluster.flush()
    left = life.clock.getDelayedCalls()
    if left:
        yield f"on the clock is left: {left}"


def _bodies(life: Life) -> set[bytes]:
    """
    What the broker holds.
    """
    return {each.body for each in life.cluster.sandbox.messages("T")}


def _persisted(ends: list[Any]) -> object:
    """
    What a send's end says became of it.
    """
    outcome = ends[0].outcome if ends else None
    return (
        getattr(outcome.value, "persisted", NO)
        if isinstance(outcome, Failure)
        else None
    )
