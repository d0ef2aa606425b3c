"""
What was promised about each message, held against what a reader found.

    1. Stored (YES): there once, and once more at most for each try nobody
       knows the end of.

    2. Not stored (NO): not there.

    3. Unknown (MAYBE): there at most as often as there were such tries.

    4. All copies have the msgId that the sender was told.

    5. Nothing is there that was not sent; bodies tell the messages apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from twisted.python.failure import Failure

from txrocketmq import Persisted, SendResult
from txrocketmq.errors import SendFailed

from .readers import Line, bodyOf


class Promise(NamedTuple):
    """
    How a send ended.

    @ivar body: The message's body, different from all others.

    @ivar persisted: Whether it is stored, as the sender was told.

    @ivar msgId: Its id, or L{None} where the sender was not told.

    @ivar unknown: How many tries may have stored it without anybody knowing.
    """

    body: bytes
    persisted: Persisted
    msgId: str | None
    unknown: int

    @property
    def copies(self) -> range:
        """
        How many copies there may be.
        """
        if self.persisted is Persisted.YES:
            return range(1, self.unknown + 2)
        if self.persisted is Persisted.NO:
            return range(1)
        return range(self.unknown + 1)


def promiseOf(body: bytes, result: SendResult) -> Promise:
    """
    What a result promises.
    """
    return Promise(body, Persisted.YES, result.msgId, result.possibleDuplicates)


def promiseOfFailure(body: bytes, failure: Failure) -> Promise:
    """
    What a failure of a send that had started promises.

    A try that is not listed counts as one whose end nobody knows.
    """
    error = failure.value
    if not isinstance(error, SendFailed):
        failure.raiseException()
    tries = [attempt.persisted for attempt in error.attempts]
    unknown = tries.count(Persisted.MAYBE) + error.omittedAttempts
    return Promise(body, error.persisted, error.msgId, unknown)


def violations(promises: Iterable[Promise], stored: Sequence[Line]) -> list[str]:
    """
    Find what is not as promised.

    @return: One sentence for each fault, none if all is well.
    """
    found: defaultdict[bytes, list[str]] = defaultdict(list)
    for line in stored:
        found[bodyOf(line)].append(line["msgId"])
    faults = []
    for promise in promises:
        msgIds = found.pop(promise.body, [])
        if len(msgIds) not in promise.copies:
            faults.append(f"{promise} is there {len(msgIds)} times")
        if promise.msgId is not None and set(msgIds) - {promise.msgId}:
            faults.append(f"{promise} has the ids {msgIds}")
    faults.extend(f"{body[:80]!r} was never sent" for body in found)
    return faults
