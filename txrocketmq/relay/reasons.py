"""
Why a message was not stored: in words for its sender, and as a label that is counted.
"""

from __future__ import annotations

from twisted.internet.defer import CancelledError

from txrocketmq.errors import (
    ConnectFailed,
    ConnectionClosed,
    FlowControl,
    GoAway,
    InvalidMessage,
    InvalidParameter,
    MalformedAnswer,
    MessageIllegal,
    NoNameServer,
    NoPermission,
    NotRunning,
    NoWritableQueue,
    ProtocolError,
    RemotingTimeout,
    SendFailed,
    ServiceNotAvailable,
    SpoolFull,
    SpoolUnavailable,
    SystemBusy,
    TooManyInFlight,
    TopicNotExist,
    TopicNotFound,
    WeakAck,
)

NO_TOPIC = "the topic does not exist"
UNCLEAR = "the answer was not understood"
OVERLOADED = "the broker is overloaded"
REFUSED = "the broker refused the message"
STOPPING = "the relay is stopping"

REASONS: tuple[tuple[type[Exception], str, str], ...] = (
    (NoNameServer, "name_server_unreachable", "no name server answered"),
    (TopicNotFound, "topic_not_found", NO_TOPIC),
    (TopicNotExist, "topic_not_found", NO_TOPIC),
    (NoWritableQueue, "no_writable_queue", "no queue of the topic can be written to"),
    (ConnectFailed, "connect_failed", "a connection could not be made"),
    (ConnectionClosed, "connection_lost", "the connection was lost"),
    (RemotingTimeout, "timeout", "there was no answer in time"),
    (ProtocolError, "not_understood", UNCLEAR),
    (MalformedAnswer, "not_understood", UNCLEAR),
    (SystemBusy, "broker_overloaded", OVERLOADED),
    (FlowControl, "broker_overloaded", OVERLOADED),
    (ServiceNotAvailable, "broker_unavailable", "the broker takes no messages now"),
    (GoAway, "broker_stopping", "the broker is stopping"),
    (MessageIllegal, "message_refused", REFUSED),
    (InvalidParameter, "message_refused", REFUSED),
    (InvalidMessage, "message_refused", "the message cannot be sent as it is"),
    (NoPermission, "no_permission", "the broker does not allow it"),
    (WeakAck, "weak_ack", "stored, but not as safely as required"),
    (
        TooManyInFlight,
        "relay_full",
        "the relay has no room for another message now",
    ),
    (SpoolFull, "relay_full", "the spool is full"),
    (SpoolUnavailable, "relay_full", "the spool cannot take messages now"),
    (NotRunning, "relay_stopping", STOPPING),
    (CancelledError, "relay_stopping", STOPPING),
)
"""
What is counted, and said, for each cause of a failed send.
"""

OTHER = ("other", "the broker refused the message")


def causeOf(error: BaseException | None) -> BaseException | None:
    """
    What made a send fail.
    """
    return error.cause if isinstance(error, SendFailed) else error


def reasonOf(error: BaseException | None) -> tuple[str, str]:
    """
    The label and the words of a failed send.
    """
    cause = causeOf(error)
    for cls, label, words in REASONS:
        if isinstance(cause, cls):
            return label, words
    return OTHER
