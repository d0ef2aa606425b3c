"""
The relay's answers: JSON of fixed wording, in which nothing of a request or of a
server's text appears.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import attrs
from twisted.web.http import Request

from txrocketmq.errors import (
    ConnectFailed,
    ConnectionClosed,
    FlowControl,
    GoAway,
    MalformedAnswer,
    MessageIllegal,
    NoNameServer,
    NoPermission,
    NotRunning,
    NoWritableQueue,
    ProtocolError,
    RemotingTimeout,
    RocketMQError,
    SendFailed,
    ServiceNotAvailable,
    SystemBusy,
    TooManyInFlight,
    TopicNotExist,
    TopicNotFound,
    WeakAck,
)
from txrocketmq.message import Persisted, SendResult

RETRY_AFTER = b"1"
"""
Seconds after which it makes sense to ask again.
"""

WORDS: tuple[tuple[type[RocketMQError], str], ...] = (
    (NoNameServer, "no name server answered"),
    (TopicNotFound, "the topic does not exist"),
    (TopicNotExist, "the topic does not exist"),
    (NoWritableQueue, "no queue of the topic can be written to"),
    (ConnectFailed, "a connection could not be made"),
    (ConnectionClosed, "the connection was lost"),
    (RemotingTimeout, "there was no answer in time"),
    (ProtocolError, "the answer was not understood"),
    (MalformedAnswer, "the answer was not understood"),
    (SystemBusy, "the broker is overloaded"),
    (FlowControl, "the broker is overloaded"),
    (ServiceNotAvailable, "the broker takes no messages now"),
    (GoAway, "the broker is stopping"),
    (MessageIllegal, "the broker refused the message"),
    (NoPermission, "the broker does not allow it"),
    (WeakAck, "stored, but not as safely as required"),
    (TooManyInFlight, "the relay has no room for another message now"),
    (NotRunning, "the relay is stopping"),
)
"""
What is said of each cause of a failed send.
"""


@attrs.frozen
class Answer:
    """
    One answer.

    @ivar status: The HTTP status.

    @ivar content: What is written as JSON.

    @ivar headers: Headers besides the usual ones.
    """

    status: int
    content: dict[str, Any]
    headers: dict[bytes, bytes] = attrs.field(factory=dict)

    def body(self) -> bytes:
        """
        The content as bytes.
        """
        return json.dumps(self.content).encode() + b"\n"

    def phrase(self) -> bytes:
        """
        What the status is called.
        """
        return HTTPStatus(self.status).phrase.encode("ascii")

    def write(self, request: Request) -> bytes:
        """
        Set a request's status and headers.

        @return: The body that is still to be written.
        """
        body = self.body()
        request.setResponseCode(self.status, self.phrase())
        for name, value in {**HEADERS, **self.headers}.items():
            request.setHeader(name, value)
        # It says nothing that a client needs.
        request.responseHeaders.removeHeader(b"server")
        request.setHeader(b"content-length", b"%d" % len(body))
        return b"" if request.method == b"HEAD" else body


HEADERS = {
    b"content-type": b"application/json",
    b"x-content-type-options": b"nosniff",
    b"cache-control": b"no-store",
}
"""
What every answer has.
"""


def problem(status: int, code: str, message: str, **headers: bytes) -> Answer:
    """
    An answer that says what is wrong with a request.

    @param headers: Further headers, with C{_} for C{-}.
    """
    return Answer(
        status,
        {"error": {"code": code, "message": message}},
        {name.replace("_", "-").encode(): value for name, value in headers.items()},
    )


NOT_FOUND = problem(404, "not_found", "there is nothing at this address")
STOPPING = problem(503, "stopping", "the relay is stopping", retry_after=RETRY_AFTER)
UNEXPECTED = problem(500, "internal", "the relay failed; its log says how")


def sent(result: SendResult) -> Answer:
    """
    The answer for a message that is stored.
    """
    queue = result.messageQueue
    stored = {
        "msgId": result.msgId,
        "offsetMsgId": result.offsetMsgId,
        "brokerName": queue.brokerName,
        "queueId": queue.queueId,
        "queueOffset": result.queueOffset,
        "sendStatus": result.sendStatus.name,
    }
    return Answer(200, {"results": [stored]})


def unsent(error: RocketMQError) -> Answer:
    """
    The answer for a message that is not stored, or may not be.
    """
    cause = error.cause if isinstance(error, SendFailed) else error
    failed = {
        "error": _words(cause),
        "persisted": error.persisted.name,
        "msgId": getattr(error, "msgId", None),
    }
    status = statusOf(error)
    headers = {b"retry-after": RETRY_AFTER} if status == 503 else {}
    return Answer(status, {"results": [failed]}, headers)


def statusOf(error: RocketMQError) -> int:
    """
    The HTTP status of a failed send: whether to try again is what it says.
    """
    if error.persisted is Persisted.MAYBE:
        return 504
    if isinstance(error, NotRunning):
        return 503
    return 503 if error.persisted is Persisted.NO and error.retriable else 502


def _words(cause: Exception) -> str:
    """
    What is said of a cause.
    """
    for cls, words in WORDS:
        if isinstance(cause, cls):
            return words
    return "the broker refused the message"
