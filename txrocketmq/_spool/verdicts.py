"""
What a failed send means for a message of the spool.

Law: a message is put aside only when the answer would be the same for ever; whatever
somebody can mend, it waits for.
"""

from __future__ import annotations

from enum import Enum

import attrs

from txrocketmq._sending.policy import Again, verdictOn
from txrocketmq.errors import (
    BrokerError,
    ConnectFailed,
    ConnectionClosed,
    InvalidMessage,
    NoNameServer,
    NoPermission,
    NotRunning,
    NoWritableQueue,
    RemotingTimeout,
    RouteError,
    SendFailed,
    SystemBusy,
    TooManyInFlight,
    TopicNotExist,
    TopicNotFound,
)
from txrocketmq.message import Persisted


class Fate(Enum):
    """
    What becomes of a message.

    @cvar STORED: A broker has it.

    @cvar REFUSED: No broker will ever have it.

    @cvar TOPIC: All messages of its topic wait, as they would fail alike.

    @cvar AGAIN: It is tried again.
    """

    STORED = "stored"
    REFUSED = "refused"
    TOPIC = "topic"
    AGAIN = "again"


@attrs.frozen
class Judgement:
    """
    What a failure means.

    @ivar label: What it is counted as.

    @ivar words: What is said of it.

    @ivar open: Whether a broker may have the message all the same.
    """

    fate: Fate
    label: str
    words: str
    open: bool = False


NO_TOPIC = ("topic_not_found", "the topic does not exist")

WORDS: tuple[tuple[type[Exception], tuple[str, str]], ...] = (
    (NoNameServer, ("name_server_unreachable", "no name server answered")),
    (TopicNotFound, NO_TOPIC),
    (TopicNotExist, NO_TOPIC),
    (
        NoWritableQueue,
        ("no_writable_queue", "no queue of the topic can be written to"),
    ),
    (RouteError, ("name_server_unreachable", "no route of the topic is known")),
    (ConnectFailed, ("connect_failed", "a connection could not be made")),
    (ConnectionClosed, ("connection_lost", "the connection was lost")),
    (RemotingTimeout, ("timeout", "there was no answer in time")),
    (NoPermission, ("no_permission", "the broker does not allow it")),
    (InvalidMessage, ("message_refused", "the message cannot be sent as it is")),
    (TooManyInFlight, ("relay_full", "too many messages are under way")),
    (NotRunning, ("relay_stopping", "the relay is stopping")),
    (SystemBusy, ("broker_overloaded", "the broker is overloaded")),
)
"""
How failures are counted, and what is said of them.
"""

REFUSED = ("message_refused", "the broker refused the message")
UNAVAILABLE = ("broker_unavailable", "the broker takes no messages now")
OTHER = ("other", "the send failed")

MENDABLE = (NoPermission, TopicNotFound, TopicNotExist)
"""
What an operator can mend, and what is the same for a whole topic.
"""

CREDENTIALS = "AclException"
"""
What a broker's remark has when it does not know who sends.
"""


def judged(error: Exception) -> Judgement:
    """
    What a failed send means.
    """
    cause = error.cause if isinstance(error, SendFailed) else error
    persisted = getattr(error, "persisted", Persisted.MAYBE)
    fate = Fate.STORED if persisted is Persisted.YES else _fateOf(cause)
    label, words = _wordsOf(cause, fate)
    return Judgement(fate, label, words, persisted is Persisted.MAYBE)


def _fateOf(cause: Exception) -> Fate:
    """
    What becomes of a message that is not stored, or may not be.
    """
    if isinstance(cause, InvalidMessage):
        return Fate.REFUSED
    if isinstance(cause, MENDABLE):
        return Fate.TOPIC
    if not isinstance(cause, BrokerError) or verdictOn(cause).again is not Again.NEVER:
        return Fate.AGAIN
    return Fate.TOPIC if CREDENTIALS in (cause.remark or "") else Fate.REFUSED


def _wordsOf(cause: Exception, fate: Fate) -> tuple[str, str]:
    """
    How a failure is counted, and what is said of it.
    """
    for cls, words in WORDS:
        if isinstance(cause, cls):
            return words
    if fate is Fate.REFUSED:
        return REFUSED
    return UNAVAILABLE if isinstance(cause, BrokerError) else OTHER
