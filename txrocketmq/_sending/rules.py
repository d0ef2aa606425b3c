"""
Whose rules a send is retried by: ours, or Java's.

Each set of rules is a value that says two things: how long one try may take, and
what follows a try that failed.  Nothing here waits, chooses or sends.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol

import attrs

from txrocketmq.errors import (
    BrokerError,
    ConnectFailed,
    ConnectionClosed,
    GoAway,
    RemotingError,
)
from txrocketmq.message import CommunicationMode, SendResult, SendStatus
from txrocketmq.settings import ProducerSettings

from .hooks import Forbidden
from .policy import Again, Verdict
from .progress import History


class Step(Enum):
    """
    What follows a failed try.

    @cvar END: The send fails.

    @cvar ON: The next try follows at once, on another broker if one is left.

    @cvar WAIT: As L{ON}, but when no other broker is left, after a back-off.
    """

    END = "end"
    ON = "on"
    WAIT = "wait"


class Rules(Protocol):
    """
    How a send is retried.

    @ivar avoids: Whether brokers that failed other sends are left out, and all
        that failed this one; else it is only the last one.

    @ivar mode: What a caller names these rules by.
    """

    @property
    def avoids(self) -> bool:
        """
        See above.
        """

    @property
    def mode(self) -> CommunicationMode | None:
        """
        See above.
        """

    def attemptTimeout(self, remaining: float) -> float:
        """
        How long a try may take, of the seconds that remain of the send.
        """

    def after(self, error: Exception, verdict: Verdict, history: History) -> Step:
        """
        What follows a try that failed; it is in the history already.
        """

    def betters(self, result: SendResult, made: int) -> bool:
        """
        Whether a stored but weak result is tried to be bettered.
        """


@attrs.frozen
class OurRules:
    """
    This package's own: see C{Producer.send}.
    """

    _settings: ProducerSettings
    avoids: bool = True
    mode: CommunicationMode | None = None

    def attemptTimeout(self, remaining: float) -> float:
        """
        One hung broker never takes the whole budget.
        """
        longest = self._settings.attemptTimeout
        return longest if longest < remaining else remaining

    def after(self, error: Exception, verdict: Verdict, history: History) -> Step:
        """
        "Not stored" is tried until the deadline, "may be stored" by count.
        """
        if verdict.again is Again.NEVER or not self._mayResend(history):
            return Step.END
        if verdict.again is Again.ONCE:
            if history.onceUsed:
                return Step.END
            history.onceUsed = True
            return Step.ON
        return Step.WAIT

    def betters(self, result: SendResult, made: int) -> bool:
        """
        Never: what is required is said by C{requiredAck}.
        """
        return False

    def _mayResend(self, history: History) -> bool:
        """
        Whether a message that may be stored may be sent once more.
        """
        if not history.maybes:
            return True
        allowed = self._settings.retryTimesWhenSendFailed
        return self._settings.resendWhenMaybe and history.maybes <= allowed


@attrs.frozen
class SyncRules:
    """
    Java's blocking send.  Follows C{DefaultMQProducerImpl.sendDefaultImpl}.
    """

    _settings: ProducerSettings
    _pinned: bool
    avoids: bool = False
    mode: CommunicationMode | None = CommunicationMode.SYNC

    def attemptTimeout(self, remaining: float) -> float:
        """
        A try may take all that is left.
        """
        return remaining

    def after(self, error: Exception, verdict: Verdict, history: History) -> Step:
        """
        By count; of a broker's answers only those that are listed.
        """
        if self._pinned or history.made > self._settings.retryTimesWhenSendFailed:
            return Step.END
        if isinstance(error, GoAway | Forbidden):
            return Step.ON
        if isinstance(error, BrokerError):
            listed = error.code in self._settings.retryResponseCodes
            return Step.ON if listed else Step.END
        return Step.ON if isinstance(error, RemotingError) else Step.END

    def betters(self, result: SendResult, made: int) -> bool:
        """
        Only when asked to, and while tries are left.
        """
        settings = self._settings
        return (
            settings.retryAnotherBrokerWhenNotStoreOK
            and not self._pinned
            and result.sendStatus is not SendStatus.SEND_OK
            and made <= settings.retryTimesWhenSendFailed
        )


@attrs.frozen
class AsyncRules:
    """
    Java's send with a callback.  Follows C{MQClientAPIImpl.onExceptionImpl}.
    """

    _settings: ProducerSettings
    avoids: bool = False
    mode: CommunicationMode | None = CommunicationMode.ASYNC

    def attemptTimeout(self, remaining: float) -> float:
        """
        A try may take all that is left.
        """
        return remaining

    def after(self, error: Exception, verdict: Verdict, history: History) -> Step:
        """
        Only a connection that fails or ends is tried again.
        """
        if history.made > self._settings.retryTimesWhenSendAsyncFailed:
            return Step.END
        again = isinstance(error, ConnectFailed | ConnectionClosed | GoAway)
        return Step.ON if again else Step.END

    def betters(self, result: SendResult, made: int) -> bool:
        """
        Never.
        """
        return False


def rulesFor(
    mode: CommunicationMode | None, settings: ProducerSettings, pinned: bool
) -> Rules:
    """
    The rules of a send.

    @param pinned: Whether it goes to one queue and to no other.
    """
    if mode is CommunicationMode.SYNC:
        return SyncRules(settings, pinned)
    if mode is CommunicationMode.ASYNC:
        return AsyncRules(settings)
    return OurRules(settings)
