"""
The HTTP server behind C{--admin-listen}.

Laws:

    - A request that is long, slow or not surely one request ends its connection.

    - No answer has anything of a request in it, nor says what this runs on.

It is for a few people and programs: unlike L{RelaySite
<txrocketmq.relay.site.RelaySite>} it takes no bodies to speak of.  Twisted's own
methods are untyped.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.http import Request as HTTPRequest
from twisted.web.resource import IResource
from twisted.web.server import Request, Site

from txrocketmq.relay.answers import Answer, problem
from txrocketmq.relay.framing import MALFORMED, headFault, lengthFault, lineFault

MOST_BODY = 4096
"""
The longest body: there is nothing to say in one.
"""

DEADLINE = 10.0
"""
Seconds a request may take to come.
"""

MOST_CONNECTIONS = 64
"""
The most connections at a time.
"""

TOO_LONG = problem(413, "too_long", "there is nothing to say in a body here")


class AdminRequest(Request):
    """
    A request whose body is short, and in memory.
    """

    channel: Any
    _length = 0

    def gotLength(self, length: int | None) -> None:
        """
        The headers are there.

        @param length: The length of the body; L{None} for one in chunks.
        """
        self.content = BytesIO()
        if length is not None and length > MOST_BODY:
            self.channel.refuse(TOO_LONG)

    def handleContentChunk(self, data: bytes) -> None:
        """
        Keep a part of the body.
        """
        self._length += len(data)
        if self._length > MOST_BODY:
            self.channel.refuse(TOO_LONG)
        elif not self.channel.refused:
            super().handleContentChunk(data)  # type: ignore[no-untyped-call]

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """
        Everything is there.
        """
        self.channel.complete()
        if not self.channel.refused:
            super().requestReceived(command, path, version)  # type: ignore[no-untyped-call]


class AdminChannel(HTTPChannel):
    """
    A connection, of HTTP/1.1 and nothing else.

    @ivar refused: Whether nothing more is taken.
    """

    site: AdminSite
    transport: Any
    requests: list[AdminRequest]

    refused = False
    _deadline: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """
        Somebody is there.
        """
        super().connectionMade()  # type: ignore[no-untyped-call]
        self.site.channels.add(self)
        self._begin()
        if len(self.site.channels) > MOST_CONNECTIONS:
            self.transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        """
        Something has come.
        """
        if not self.refused:
            self._begin()
            super().dataReceived(data)  # type: ignore[no-untyped-call]

    def lineReceived(self, line: bytes) -> None:
        """
        Take a line of the head.
        """
        wrong = lineFault(line)
        if wrong is not None:
            self.refuse(wrong)
        elif not self.refused:
            super().lineReceived(line)  # type: ignore[no-untyped-call]

    def headerReceived(self, line: bytes) -> bool:
        """
        Take a header.

        @return: Whether it is one.
        """
        name, _, value = line.partition(b":")
        wrong = lengthFault(name.lower(), value)
        if wrong is not None:
            self.refuse(wrong)
            return False
        taken: bool = super().headerReceived(line)  # type: ignore[no-untyped-call]
        return taken

    def allHeadersReceived(self) -> None:
        """
        The head is there.
        """
        request = self.requests[-1]
        fields = dict(request.requestHeaders.getAllRawHeaders())
        wrong = headFault(fields, self._version)
        if wrong is not None:
            self.refuse(wrong)
        else:
            super().allHeadersReceived()  # type: ignore[no-untyped-call]

    def complete(self) -> None:
        """
        A request is there: there is time for the next one.
        """
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None

    def refuse(self, answer: Answer) -> None:
        """
        Answer at once, and end the connection.
        """
        if not self.refused:
            self.refused = True
            self.transport.write(answer.rendered(b"Connection: close\r\n"))
            self.loseConnection()  # type: ignore[no-untyped-call]

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        The client has gone.
        """
        self.site.channels.discard(self)
        self.complete()
        super().connectionLost(reason)  # type: ignore[no-untyped-call]

    def _begin(self) -> None:
        """
        Give a request its time.
        """
        if self._deadline is None:
            abort = self.transport.abortConnection
            self._deadline = self.callLater(DEADLINE, abort)  # type: ignore[no-untyped-call]

    def _respondToBadRequestAndDisconnect(self) -> None:
        """
        What Twisted finds wrong is refused as everything else is.
        """
        self.refuse(MALFORMED)


class AdminSite(Site):
    """
    The server.

    @ivar channels: The connections there are.
    """

    # Not what Twisted has there, which chooses between this and HTTP/2.
    protocol = AdminChannel  # type: ignore[assignment]
    requestFactory = AdminRequest
    displayTracebacks = False

    def __init__(self, reactor: Any, resource: IResource) -> None:
        """
        @param resource: What answers.
        """
        super().__init__(  # type: ignore[no-untyped-call]
            resource, reactor=reactor, parsePOSTFormSubmission=False
        )
        self.noisy = False
        self.channels: set[AdminChannel] = set()

    def acceptableProtocols(self) -> list[bytes]:
        """
        What is spoken with TLS: never HTTP/2.
        """
        return [b"http/1.1"]

    def close(self) -> None:
        """
        Drop all connections: the relay has stopped.
        """
        for channel in list(self.channels):
            channel.transport.abortConnection()

    def startFactory(self) -> None:
        """
        Open no access log.
        """

    def stopFactory(self) -> None:
        """
        There is no access log to close.
        """

    def log(self, request: HTTPRequest) -> None:
        """
        Log nothing.
        """
