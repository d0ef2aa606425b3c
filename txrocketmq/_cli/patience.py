"""
When to stop trying.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime

from txrocketmq._cli.ordering import Outcome
from txrocketmq.errors import (
    InvalidMessage,
    RemotingError,
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
    """
    return error.cause if isinstance(error, SendFailed) else error


class Patience:
    """
    Notices that a cluster cannot be reached: for as long as one message may take
    nothing was stored, and every message failed for want of anybody to send to.

    Without this each window of an endless input would wait for its own timeouts.
    An answer of any kind, a refusal included, shows that somebody is there.

    @ivar cause: Why nothing can be reached, once that is settled.
    """

    def __init__(self, clock: IReactorTime, timeout: float) -> None:
        """
        @param timeout: How long one message may take, in seconds.
        """
        self._clock = clock
        # Timers may be early by a rounding error.
        self._timeout = timeout * 0.99
        self._since = clock.seconds()
        self._failures = 0
        self.cause: Exception | None = None

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
            self._since = self._clock.seconds()
            return
        self._failures += 1
        waited = self._clock.seconds() - self._since
        if self._failures >= IN_A_ROW and waited >= self._timeout:
            self.cause = self.cause or cause
