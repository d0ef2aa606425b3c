"""
A connection of the relay's HTTP server.

Laws:

    - Each wait for a client has an end that no byte of the client puts off.

    - After a refusal nothing that still comes is looked at, and little of it read.

    - Requests are answered one after the other, in order.

Twisted's channel reads the lines and the bodies.  What it does not know, limits,
absolute deadlines and half-closed connections, is here.  Its own methods are untyped.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from zope.interface import implementer

from txrocketmq.relay.answers import Answer
from txrocketmq.relay.framing import (
    CUT_SHORT,
    MALFORMED,
    headFault,
    lengthFault,
    lineFault,
    trailerFault,
)
from txrocketmq.relay.gate import Gate
from txrocketmq.relay.metadata import OURS
from txrocketmq.relay.request import RelayRequest
from txrocketmq.relay.shares import Client

if TYPE_CHECKING:
    from txrocketmq.relay.site import RelaySite

DISCARDED = 256 * 1024
"""
How much of what comes after a refusal is read, so that a client that is just sending
reads the answer, too.
"""

CLOSING = b"Connection: close\r\n"


@implementer(IHalfCloseableProtocol)
class RelayChannel(HTTPChannel):
    """
    A connection, of HTTP/1.1 and nothing else.

    @ivar site: Whose it is.

    @ivar host: The address at its other end, if there is one.

    @ivar client: Who is there, where there are no tokens.

    @ivar deadline: When what is waited for must have come.

    @ivar unread: When the client must have read what it has been sent.

    @ivar leaving: Whether it was refused something: only the end is left.
    """

    site: RelaySite
    gate: Gate
    host: str | None
    client: Client
    transport: Any
    requests: list[RelayRequest]

    deadline = inf
    unread = inf
    leaving = False
    _isFresh = True
    _isHalf = False
    _discarded = 0

    def connectionMade(self) -> None:
        """
        Somebody is there.
        """
        super().connectionMade()  # type: ignore[no-untyped-call]
        self.gate = Gate(self.transport)
        self._networkProducer = self.gate  # type: ignore[assignment]
        self.deadline = self.site.now() + self.site.limits.headerDeadline
        self.site.connected(self)

    def dataReceived(self, data: bytes) -> None:
        """
        Something has come.
        """
        if self.leaving:
            self._discard(len(data))
            return
        if self._isFresh:
            self._begin()
        super().dataReceived(data)  # type: ignore[no-untyped-call]
        if self.line_mode and b"\n" in self._buffer and not self._busyReceiving:
            # No line is left in it: it is an end of line of another kind.
            self.refuse(MALFORMED)

    def lineReceived(self, line: bytes) -> bool:
        """
        Take a line of the head.

        @return: Whether to look at no more of them.
        """
        if self.leaving:
            return True
        if self._isFresh:
            self._begin()
        wrong = lineFault(line)
        if wrong is None:
            super().lineReceived(line)  # type: ignore[no-untyped-call]
        else:
            self.refuse(wrong)
        return self.leaving

    def lineLengthExceeded(self, line: bytes) -> None:
        """
        A line does not end.
        """
        self.refuse(self.site.tooLongHead)

    def rawDataReceived(self, data: bytes) -> None:
        """
        Take a part of a body, or of what comes after it.
        """
        if not self.leaving:
            super().rawDataReceived(data)

    def headerReceived(self, line: bytes) -> bool:
        """
        Take a header.

        @return: Whether it is one.
        """
        name, _, value = line.partition(b":")
        lowered = name.lower()
        wrong = lengthFault(lowered, value)
        if wrong is not None:
            self.refuse(wrong)
            return False
        if lowered.startswith(OURS):
            self.requests[-1].spelled.append((name, value.strip(b" \t")))
        taken: bool = super().headerReceived(line)  # type: ignore[no-untyped-call]
        return taken

    def allHeadersReceived(self) -> None:
        """
        The head is there: look at it before anything of the body is taken.
        """
        request = self.requests[-1]
        request.fields = fields = dict(request.requestHeaders.getAllRawHeaders())
        wrong = headFault(fields, self._version)
        if wrong is not None:
            self.refuse(wrong)
            return
        self.persistent = self._version == b"HTTP/1.1" and not _says(
            fields.get(b"Connection"), b"close"
        )
        self.deadline = self.site.now() + self.site.limits.bodyDeadline
        request.method, request.uri = self._command, self._path
        request.clientproto = self._version
        request.gotLength(self.length)
        waits = fields.get(b"Expect")
        if waits and not self.leaving and self._version == b"HTTP/1.1":
            # Whatever is expected, all there is to expect is that we go on.
            self._send100Continue()  # type: ignore[no-untyped-call]

    def allContentReceived(self) -> None:
        """
        The body is there, and what may come behind its last chunk.
        """
        trailers = getattr(self._transferDecoder, "_trailerHeaders", ())
        wrong = trailerFault(trailers)
        if wrong is None:
            super().allContentReceived()  # type: ignore[no-untyped-call]
        else:
            self.refuse(wrong)

    def requestDone(self, request: RelayRequest) -> None:
        """
        A request is answered: look at the next one.
        """
        self.deadline = self.site.now() + self.site.limits.idle
        self._isFresh = True
        if self.site.closing:
            self.persistent = False
        super().requestDone(request)  # type: ignore[no-untyped-call]
        if not self.persistent:
            self._depart(self.site.limits.unreadDeadline)
        elif self._isHalf and not self._handlingRequest:
            self.readConnectionLost()

    def pauseProducing(self) -> None:
        """
        The client does not read as fast as we write.
        """
        self.unread = self.site.now() + self.site.limits.unreadDeadline
        super().pauseProducing()  # type: ignore[no-untyped-call]

    def resumeProducing(self) -> None:
        """
        It has read everything.
        """
        self.unread = inf
        super().resumeProducing()  # type: ignore[no-untyped-call]

    def readConnectionLost(self) -> None:
        """
        The client will send no more, and may still read.
        """
        self._isHalf = True
        if self.leaving or (self._isFresh and not self._handlingRequest):
            self._close()
        elif not self._handlingRequest:
            self.refuse(CUT_SHORT)

    def writeConnectionLost(self) -> None:
        """
        We have said that we write no more.
        """

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        The client has gone.
        """
        self.site.disconnected(self)
        super().connectionLost(reason)  # type: ignore[no-untyped-call]

    def expire(self) -> None:
        """
        What was waited for has not come in time.
        """
        now = self.site.now()
        if self.leaving or self.unread <= now:
            self.transport.abortConnection()
        elif self._isFresh:
            self._close()
        else:
            self.refuse(
                self.site.tooSlow(bool(self.requests and self.requests[-1].fields))
            )
            self._close()

    def refuse(self, answer: Answer) -> None:
        """
        Answer at once, and end the connection when the client had time to see it.
        """
        if self.leaving:
            return
        request = self.requests[-1] if self.requests else None
        if request is not None and request.abandon(answer):
            # A stream tells it, when the lines it has taken have results.
            self._depart(self.site.limits.unreadDeadline)
            return
        more = CLOSING if request is None else CLOSING + request.idLine()
        self.transport.write(answer.rendered(more + self.site.dateLine))
        self.site.answered(answer.status)
        self.leave()

    def leave(self) -> None:
        """
        End the connection when the client had time to see what was written.
        """
        self._depart(self.site.limits.linger)
        if self.isSecure():  # type: ignore[no-untyped-call]
            # Beneath TLS, one direction cannot be closed alone.
            self._close()
        else:
            self.transport.loseWriteConnection()

    def end(self) -> None:
        """
        The relay stops: end the connection unless an answer is under way.
        """
        if self._handlingRequest:
            return
        if self._isFresh:
            self._close()
        else:
            soon = self.site.now() + self.site.limits.linger
            self.deadline = min(self.deadline, soon)

    def _begin(self) -> None:
        """
        The first byte of a request is there.
        """
        self._isFresh = False
        self.deadline = self.site.now() + self.site.limits.headerDeadline

    def _depart(self, seconds: float) -> None:
        """
        Leave the client some time to read, and nothing else.
        """
        self.leaving = True
        self.deadline = self.site.now() + seconds

    def _close(self) -> None:
        """
        End the connection when everything is written, or when that takes long.
        """
        self._depart(self.site.limits.linger)
        self.loseConnection()  # type: ignore[no-untyped-call]

    def _discard(self, size: int) -> None:
        """
        Let what comes after a refusal go, as far as it is little.
        """
        self._discarded += size
        if self._discarded > DISCARDED:
            self.gate.hold()

    def _respondToBadRequestAndDisconnect(self) -> None:
        """
        What Twisted finds wrong is refused as everything else is.
        """
        self.refuse(MALFORMED)


def _says(values: Any, word: bytes) -> bool:
    """
    Whether one of several comma-separated words is this one.
    """
    if not values:
        return False
    return any(
        each.strip().lower() == word for value in values for each in value.split(b",")
    )
