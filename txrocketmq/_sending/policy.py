"""
What a failed attempt means for its message, and what is to be done about it.

Laws:

    - What an answer's code means is data, and stands in one place: L{BY_CODE}
      and, for the one code that means many things, L{BY_REMARK}.

    - A failure is taken for "not stored" only where the server surely had not
      begun to store; everything else may be stored.
"""

from __future__ import annotations

from enum import Enum
from random import Random
from typing import Final

import msgspec

from txrocketmq._wire.codes import ResponseCode
from txrocketmq.errors import (
    BrokerError,
    MalformedAnswer,
    RemotingError,
    RouteError,
    TopicNotFound,
    WeakAck,
)
from txrocketmq.message import Persisted

NO, MAYBE, YES = Persisted.NO, Persisted.MAYBE, Persisted.YES


class Again(Enum):
    """
    Whether trying again can help.

    @cvar NEVER: It cannot: the answer would be the same.

    @cvar ONCE: It can once, on another broker or with a fresh route.

    @cvar ALWAYS: It can, until the deadline.
    """

    NEVER = "never"
    ONCE = "once"
    ALWAYS = "always"


class Verdict(msgspec.Struct, frozen=True):
    """
    What a failed attempt means.

    @ivar persisted: Whether the message may be stored because of it.

    @ivar again: Whether to try again.

    @ivar refresh: Whether the route is to be looked up anew first.

    @ivar avoid: Whether the broker is to be left out for a while.

    @ivar busy: Whether it has more to do than it can.
    """

    persisted: Persisted
    again: Again
    refresh: bool = False
    avoid: bool = False
    busy: bool = False


_FINAL: Final = Verdict(NO, Again.NEVER)
_UNKNOWN: Final = Verdict(MAYBE, Again.ALWAYS)
_BUSY: Final = Verdict(NO, Again.ALWAYS, avoid=True, busy=True)

BY_CODE: Final[dict[int, Verdict]] = {
    ResponseCode.SYSTEM_BUSY: _BUSY,
    ResponseCode.REQUEST_CODE_NOT_SUPPORTED: _FINAL,
    ResponseCode.MESSAGE_ILLEGAL: _FINAL,
    ResponseCode.SERVICE_NOT_AVAILABLE: Verdict(NO, Again.ALWAYS, avoid=True),
    ResponseCode.VERSION_NOT_SUPPORTED: _FINAL,
    ResponseCode.NO_PERMISSION: _FINAL,
    ResponseCode.TOPIC_NOT_EXIST: Verdict(NO, Again.ONCE, refresh=True),
    ResponseCode.INVALID_PARAMETER: _FINAL,
    ResponseCode.NO_BUYER_ID: Verdict(NO, Again.ALWAYS),
    ResponseCode.NOT_IN_CURRENT_UNIT: Verdict(NO, Again.ALWAYS),
    ResponseCode.FLOW_CONTROL: msgspec.structs.replace(_BUSY, refresh=True),
    ResponseCode.NOT_LEADER_FOR_QUEUE: Verdict(NO, Again.ALWAYS, refresh=True),
    ResponseCode.GO_AWAY: Verdict(NO, Again.ALWAYS, avoid=True),
}
"""
The answers that mean "not stored", by code.  Read from Apache's
C{SendMessageProcessor}, C{AbstractSendMessageProcessor} and
C{BrokerFastFailure} (4.9.7 to 5.5.0).  Any other code may be stored.
"""

BY_REMARK: Final[tuple[tuple[int, str, Verdict], ...]] = (
    (
        ResponseCode.NO_PERMISSION,
        "sending message is forbidden",
        Verdict(NO, Again.ONCE, refresh=True),
    ),
    (
        ResponseCode.INVALID_PARAMETER,
        "queueId",
        Verdict(NO, Again.ONCE, refresh=True),
    ),
    # Of SYSTEM_ERROR, only what is refused before the store is touched.  These
    # are texts of the servers 4.9.7 to 5.5.0.
    (ResponseCode.SYSTEM_ERROR, "queueId", Verdict(NO, Again.ONCE, refresh=True)),
    (ResponseCode.SYSTEM_ERROR, "AclException", _FINAL),
    (ResponseCode.SYSTEM_ERROR, "accurate timer message is not enabled", _FINAL),
    (
        ResponseCode.SYSTEM_ERROR,
        "create mapped file failed",
        Verdict(NO, Again.ALWAYS, avoid=True),
    ),
    (
        ResponseCode.SYSTEM_ERROR,
        "timer message is under flow control",
        Verdict(NO, Again.ALWAYS),
    ),
    (
        ResponseCode.SYSTEM_ERROR,
        "broker unable to service, until",
        Verdict(NO, Again.ALWAYS, avoid=True),
    ),
    (
        ResponseCode.SYSTEM_ERROR,
        "no master available",
        Verdict(NO, Again.ALWAYS, refresh=True, avoid=True),
    ),
    (
        ResponseCode.SYSTEM_ERROR,
        "[LMQ_CONSUME_QUEUE_NUM_EXCEEDED]",
        Verdict(NO, Again.ALWAYS),
    ),
)
"""
The answers whose remark says more than their code; looked at first.
"""


def verdictOn(error: Exception) -> Verdict:
    """
    What a failed attempt means under this package's own rules.

    @param error: Any exception an attempt ended with but a cancellation.
    """
    if isinstance(error, WeakAck | MalformedAnswer):
        return Verdict(YES, Again.NEVER)
    if isinstance(error, BrokerError):
        return _onAnswer(error.code, error.remark or "")
    if isinstance(error, RemotingError):
        return Verdict(error.persisted, Again.ALWAYS, refresh=True, avoid=True)
    if isinstance(error, RouteError) and not isinstance(error, TopicNotFound):
        return Verdict(NO, Again.ALWAYS, refresh=True)
    return _FINAL


def _onAnswer(code: int, remark: str) -> Verdict:
    """
    What an answer that is no success means.
    """
    for itsCode, text, verdict in BY_REMARK:
        if itsCode == code and text in remark:
            return verdict
    return BY_CODE.get(code, _UNKNOWN)


FIRST_DELAY: Final = 0.1
LONGEST_DELAY: Final = 1.0
JITTER: Final = 0.2


def backOff(round: int, random: Random) -> float:
    """
    How long to wait before another round of brokers.

    @param round: How many rounds there were before, from 0.

    @return: Seconds: 0.1 doubling to 1, give or take a fifth, so that many
        senders do not come back at once.
    """
    delay = min(FIRST_DELAY * (1 << min(round, 10)), LONGEST_DELAY)
    return delay * (1 - JITTER + 2 * JITTER * random.random())
