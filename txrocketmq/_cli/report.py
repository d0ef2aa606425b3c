"""
What became of messages, in words, in JSON and in numbers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from twisted.internet.error import CannotListenError
from twisted.python.usage import UsageError

from txrocketmq._cli.ordering import Outcome
from txrocketmq._cli.patience import GaveUp, causeOf
from txrocketmq._cli.reading import InputFailed
from txrocketmq._cli.text import counted, printable
from txrocketmq.errors import Attempt, RocketMQError, SendCancelled
from txrocketmq.message import Persisted

STORED = {
    Persisted.NO: "not stored",
    Persisted.MAYBE: "may be stored",
    Persisted.YES: "stored, but not as required",
}
"""
What is known of a message that failed.
"""

UNANSWERED = {
    "sendStatus": None,
    "msgId": None,
    "offsetMsgId": None,
    "brokerName": None,
    "queueId": None,
    "queueOffset": None,
}
"""
What JSON says of a message nobody confirms.
"""

NUMBERS = re.compile(r"[0-9.]+")


def persistedOf(error: Exception) -> Persisted:
    """
    Whether a message that failed may be stored; what was not foreseen may have
    happened after it was.
    """
    if isinstance(error, RocketMQError | SendCancelled):
        return error.persisted
    return Persisted.MAYBE


def reasonOf(error: Exception) -> str:
    """
    Why something failed, in one line that is safe to print.
    """
    cause = causeOf(error)
    if isinstance(cause, RocketMQError | SendCancelled | InputFailed | UsageError):
        return printable(str(cause))
    if isinstance(cause, CannotListenError):
        reason = getattr(cause.socketError, "strerror", None) or cause.socketError
        return printable(f"cannot listen on {cause.interface}:{cause.port}: {reason}")
    return printable(f"unexpected {type(cause).__name__}: {cause}")


def jsonLine(number: int, outcome: Outcome) -> str:
    """
    One outcome as JSON.
    """
    return json.dumps({"line": number, **_fields(outcome)})


def _fields(outcome: Outcome) -> dict[str, Any]:
    """
    What JSON says of an outcome.
    """
    if outcome is None:
        return UNANSWERED
    if isinstance(outcome, Exception):
        return {"error": reasonOf(outcome), "persisted": persistedOf(outcome).name}
    return {
        "sendStatus": outcome.sendStatus.name,
        "msgId": outcome.msgId,
        "offsetMsgId": outcome.offsetMsgId,
        "brokerName": outcome.messageQueue.brokerName,
        "queueId": outcome.messageQueue.queueId,
        "queueOffset": outcome.queueOffset,
    }


def plainLine(number: int, outcome: Outcome) -> str:
    """
    One outcome for people.
    """
    return f"{number:>6}  {_words(outcome)}"


def _words(outcome: Outcome) -> str:
    """
    What people are told of an outcome.
    """
    if outcome is None:
        return "sent one-way (nobody answers)"
    if isinstance(outcome, Exception):
        return f"FAILED ({STORED[persistedOf(outcome)]}): {reasonOf(outcome)}"
    queue = outcome.messageQueue
    place = f"{printable(queue.brokerName)} queue {queue.queueId}"
    return (
        f"{outcome.sendStatus.name}  {printable(outcome.msgId)}  {place} "
        f"offset {outcome.queueOffset}"
    )


def causeLines(number: int, outcome: Outcome) -> Iterator[str]:
    """
    How a message failed, try by try.
    """
    if not isinstance(outcome, Exception):
        return
    attempts: tuple[Attempt, ...] = getattr(outcome, "attempts", ())
    for attempt in attempts:
        yield f"line {number}: {_attempt(attempt)}"
    yield from (f"line {number}: {text}" for text in causes(outcome))


def _attempt(attempt: Attempt) -> str:
    """
    One try in words.
    """
    queue = attempt.messageQueue
    place = f"{queue.brokerName} queue {queue.queueId}" if queue else "no queue"
    ended = "stored" if attempt.error is None else str(attempt.error)
    return printable(
        f"tried {place} at {attempt.address or 'no address'} for "
        f"{attempt.elapsed:.3f} s: {ended} (stored: {attempt.persisted.name})"
    )


def causes(error: BaseException) -> Iterator[str]:
    """
    An error and what it came from, each in a line.
    """
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield printable(f"{type(current).__name__}: {current}")
        current = current.__cause__ or current.__context__


class Tally:
    """
    The outcomes in numbers.

    @ivar sent: How many were stored, or sent one-way.

    @ivar unanswered: How many of those were sent one-way.

    @ivar failed: How many failed, by what is known of them.

    @ivar untried: How many of those were not tried any more.

    @ivar first: The first failure, with its line.
    """

    def __init__(self) -> None:
        self.sent = 0
        self.unanswered = 0
        self.failed = dict.fromkeys(Persisted, 0)
        self.untried = 0
        self.first: tuple[int, Exception] | None = None
        self._reasons: set[str] = set()

    @property
    def failures(self) -> int:
        """
        How many failed.
        """
        return sum(self.failed.values())

    @property
    def total(self) -> int:
        """
        How many there were.
        """
        return self.sent + self.failures

    def add(self, number: int, outcome: Outcome) -> None:
        """
        Count an outcome.
        """
        if not isinstance(outcome, Exception):
            self.sent += 1
            self.unanswered += outcome is None
            return
        self.failed[persistedOf(outcome)] += 1
        self.first = self.first or (number, outcome)
        if isinstance(outcome, GaveUp):
            self.untried += 1
        elif len(self._reasons) < 100:
            # Times and addresses do not make another reason.
            self._reasons.add(NUMBERS.sub("0", reasonOf(outcome)))

    def sentence(self) -> str:
        """
        All of it in one line; the first failure speaks for the others.
        """
        if self.first is None:
            ended = "sent one-way" if self.unanswered else "stored"
            return f"{counted(self.total, 'message')} {ended}"
        known = [
            f"{count:,} {STORED[persisted]}"
            for persisted, count in self.failed.items()
            if count
        ]
        number, error = self.first
        return (
            f"{self.failures:,} of {counted(self.total, 'message')} failed "
            f"({', '.join(known)}{self._givenUp()}); line {number}: "
            f"{reasonOf(error)}{self._others()}"
        )

    def _givenUp(self) -> str:
        """
        How many were not tried.
        """
        if not self.untried:
            return ""
        return f"; the last {self.untried:,} not tried, as nothing could be reached"

    def _others(self) -> str:
        """
        How many reasons are not shown.
        """
        others = len(self._reasons) - 1
        return f" (and {counted(others, 'other reason')})" if others > 0 else ""
