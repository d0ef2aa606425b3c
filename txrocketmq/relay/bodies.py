"""
Request bodies that are no longer than they may be.

Law: what is too long is never kept, and is answered before it has all come.

Twisted's own methods are untyped; hence what mypy is told to ignore.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.http import Request as HTTPRequest
from twisted.web.resource import IResource
from twisted.web.server import Request, Site

from txrocketmq.relay.answers import Answer, problem

LINGER = 2.0
"""
Seconds a sender has to read the answer, while what it still sends goes nowhere: a
connection closed with bytes unread is reset, and the answer lost.
"""

MOST_DIGITS = 19
"""
The most digits of a length that means anything: Twisted stumbles over thousands.
"""

BAD_LENGTH = problem(400, "bad_request", "the Content-Length is not a sensible one")
TOO_LONG = problem(413, "too_long", "the body is longer than a message may be")


class BoundedRequest(Request):
    """
    A request whose body has a limit, that of its L{RelaySite}.
    """

    #: The connection; Twisted says too little of it.
    channel: Any

    _length = 0
    _leaving: IDelayedCall | None = None

    def gotLength(self, length: int | None) -> None:
        """
        The headers are there: refuse what is announced to be too long.

        @param length: The length of the body; L{None} for one in chunks.
        """
        # Always in memory: it is short, or refused.
        self.content = BytesIO()
        if length is not None and length > self.channel.site.maxBody:
            self.refuse(TOO_LONG)

    def handleContentChunk(self, data: bytes) -> None:
        """
        Keep a part of the body, unless it has become too long.
        """
        self._length += len(data)
        if self._leaving is None and self._length > self.channel.site.maxBody:
            self.refuse(TOO_LONG)
        if self._leaving is None:
            super().handleContentChunk(data)  # type: ignore[no-untyped-call]

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """
        Everything is there: answer it, unless that is done already.
        """
        if self._leaving is None:
            super().requestReceived(command, path, version)  # type: ignore[no-untyped-call]
        else:
            self.channel.loseConnection()

    def connectionLost(self, reason: Failure) -> None:
        """
        The sender has gone.
        """
        if self._leaving is not None and self._leaving.active():
            self._leaving.cancel()
        super().connectionLost(reason)  # type: ignore[no-untyped-call]

    def refuse(self, answer: Answer) -> None:
        """
        Answer at once, and end the connection when the sender had time to see it.
        """
        self.content = BytesIO()
        body = answer.body()
        transport = self.channel.transport
        transport.write(
            b"HTTP/1.1 %d %b\r\nContent-Type: application/json\r\n"
            b"X-Content-Type-Options: nosniff\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n%b"
            % (answer.status, answer.phrase(), len(body), body)
        )
        self._leaving = self.channel.callLater(LINGER, transport.abortConnection)


class RelayChannel(HTTPChannel):
    """
    A connection, of HTTP/1.1 and nothing else.
    """

    def headerReceived(self, line: bytes) -> bool:
        """
        Take a header, unless it is a length no number has.
        """
        name, _, value = line.partition(b":")
        isLength = name.strip().lower() == b"content-length"
        if not isLength or len(value.strip()) <= MOST_DIGITS:
            taken: bool = super().headerReceived(line)  # type: ignore[no-untyped-call]
            return taken
        request: BoundedRequest = self.requests[-1]
        request.refuse(BAD_LENGTH)
        self.loseConnection()  # type: ignore[no-untyped-call]
        return False


class RelaySite(Site):
    """
    The relay's HTTP server.

    @ivar maxBody: The most bytes of a body.
    """

    # Not what Twisted has there, which chooses between this and HTTP/2.
    protocol = RelayChannel  # type: ignore[assignment]
    requestFactory = BoundedRequest
    displayTracebacks = False

    def __init__(self, reactor: Any, resource: IResource, maxBody: int) -> None:
        """
        @param resource: The root of everything.

        @param maxBody: The most bytes of a body.
        """
        super().__init__(  # type: ignore[no-untyped-call]
            resource, reactor=reactor, parsePOSTFormSubmission=False
        )
        self.noisy = False
        self.maxBody = maxBody

    def startFactory(self) -> None:
        """
        Open no access log: a relay would write a line for each message.
        """

    def stopFactory(self) -> None:
        """
        There is no access log to close.
        """

    def log(self, request: HTTPRequest) -> None:
        """
        Log nothing.
        """
