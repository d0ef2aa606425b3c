"""
When to stop trying.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime

from txrocketmq._cli.ordering import Outcome
from txrocketmq.errors import (
    Attempt,
    InvalidMessage,
    RemotingError,
    RemotingTimeout,
    RocketMQError,
    RouteError,
    SendFailed,
    TooManyInFlight,
)

IN_A_ROW = 3
"""
How many messages must have failed one after the other: one alone may have been
unlucky.
"""

BRIEF = 0.05
"""
Seconds in which nobody can be expected to answer.
"""


class GaveUp(RocketMQError):
    """
    A message was not tried, because nothing can be reached.
    """

    def __init__(self, cause: Exception) -> None:
        self.cause = cause
        super().__init__(f"not tried, as nothing could be reached before: {cause}")


def causeOf(error: Exception) -> Exception:
    """
    What ended a send, without the account of its attempts.

    The last try may say little: that there was no time left, or that it was too
    early for another one.  Then an earlier one speaks for it.
    """
    if not isinstance(error, SendFailed):
        return error
    tried = error.attempts
    told = [each.error for each in tried if each.error and not _wasCutShort(each)]
    alike = [earlier for earlier in told if type(earlier) is type(error.cause)]
    return (alike or told[-1:] or [error.cause])[0]


def _wasCutShort(attempt: Attempt) -> bool:
    """
    Whether a try ended because time was over, and not because of anybody.
    """
    late = isinstance(attempt.error, RemotingTimeout)
    return late and (attempt.messageQueue is None or attempt.elapsed < BRIEF)


class Patience:
    """
    Notices that a cluster cannot be reached: for as long as one message may take
    nothing was stored, and every message failed for want of anybody to send to.

    Without this each window of an endless input would wait for its own timeouts.
    An answer of any kind, a refusal included, shows that somebody is there.

    @ivar cause: Why nothing can be reached, once that is settled.

    @ivar doubtful: Whether it looks so: those under way will tell.
    """

    def __init__(self, clock: IReactorTime, timeout: float) -> None:
        """
        @param timeout: How long one message may take, in seconds.
        """
        self._clock = clock
        # Timers may be early by a rounding error.
        self._timeout = timeout / 2
        self._since = clock.seconds()
        self._failures = 0
        self.cause: Exception | None = None
        self.doubtful = False

    def began(self) -> None:
        """
        Count from now, unless something is failing already: input may come late.
        """
        if not self._failures:
            self._since = self._clock.seconds()

    def learn(self, outcome: Outcome) -> None:
        """
        Take note of how a message ended.
        """
        cause = causeOf(outcome) if isinstance(outcome, Exception) else None
        if isinstance(cause, InvalidMessage | TooManyInFlight):
            # Nobody was asked.
            return
        if not isinstance(cause, RouteError | RemotingError):
            self._failures = 0
            self.doubtful = False
            self._since = self._clock.seconds()
            return
        self._failures += 1
        waited = self._clock.seconds() - self._since
        self.doubtful = waited >= self._timeout
        if self.doubtful and self._failures >= IN_A_ROW:
            self.cause = self.cause or cause
