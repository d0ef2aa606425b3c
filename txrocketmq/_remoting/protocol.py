"""
The remoting protocol: requests, answers, and the requests of the other side.

Laws:

    1. Register, then write.

    2. The response bit decides what a frame is, never the table: the peer
       counts its own opaques, and they are the same numbers as ours.

    3. A request is C{NO} until its frame is given to the transport, and
       C{MAYBE} from then on.  While the transport is paused, frames stay here.

    4. There is one delayed call for a connection, whatever waits for time on
       it; none for a request.

Both ends are the same class; what differs is who answers what.  Follows
C{NettyRemotingAbstract}.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, ClassVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IHandshakeListener,
    IPushProducer,
    ITCPTransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from txrocketmq._wire.codes import ResponseCode
from txrocketmq._wire.frames import FrameBuffer
from txrocketmq.errors import ConnectionClosed, ProtocolError, RemotingError
from txrocketmq.message import Persisted

from .answering import Responder, notSupported
from .asking import Asking
from .goodbye import endBelow
from .moment import Moment
from .reasons import lostError, malformedWords
from .transport import Transport
from .waiters import UNWRITTEN, wanting

if TYPE_CHECKING:
    from .factory import RemotingFactory

__all__ = ["RemotingProtocol", "Responder", "notSupported"]

GO_AWAY = int(ResponseCode.GO_AWAY)

# Bytes of answers that a peer may leave unread.
MAX_ANSWERS = 64 * 1024 * 1024


@implementer(IPushProducer, IHandshakeListener)
class RemotingProtocol(Asking, Protocol):
    """
    One connection, from either end.

    @ivar retired: Whether no new request should be made here: the peer said
        GO_AWAY, or the connection is ending, or is not there.

    @ivar goingAway: Whether the peer said GO_AWAY.
    """

    _log: ClassVar[Logger] = Logger()

    transport: Transport
    factory: RemotingFactory

    def __init__(self, factory: RemotingFactory, address: str) -> None:
        Asking.__init__(
            self, address, factory.clock, factory.frameTimeout, factory.opaques()
        )
        self.factory = factory
        self.retired = True
        self.goingAway = False
        self._closing = False
        self._aborted = False
        self._isSecure = False
        self._verdict: tuple[type[RemotingError], str] | None = None
        self._reason: Failure | None = None
        self._buffer = FrameBuffer(factory.maxFrame)
        self._answering = factory.answering(self)
        self._closed: Moment[None] = Moment()
        self._secured: Moment[None] = Moment()

    def __repr__(self) -> str:
        return f"<RemotingProtocol {self.address} pending={self.pending}>"

    def whenClosed(self) -> Deferred[None]:
        """
        Tell when the connection has ended, for whatever reason.
        """
        return self._closed.when()

    def whenSecured(self) -> Deferred[None]:
        """
        Tell when the TLS handshake is done.  It fails with what
        C{connectionLost} was told if the connection ends first.
        """
        return self._secured.when()

    def whyClosed(self, persisted: Persisted = Persisted.NO) -> RemotingError:
        """
        What requests fail with because the connection has ended, or is about
        to.

        @param persisted: What is known of the request.
        """
        if self._verdict is not None:
            cls, words = self._verdict
            return cls(self.address, words, persisted)
        if self._reason is not None:
            wordless = not self._watch.heard and not self._isSecure
            return lostError(self.address, self._reason, persisted, wordless=wordless)
        return ConnectionClosed(self.address, "there is no connection", persisted)

    def writeBytes(self, data: bytes) -> None:
        """
        Write whole frames that need no answer, in their turn.  Nothing happens
        when the connection is ending.
        """
        if not self._open:
            return
        if not self.paused:
            self._write(data)
            return
        self._outbox.putAnswer(data)
        if self._outbox.answered > MAX_ANSWERS:
            self._condemn(ConnectionClosed, "the peer does not read its answers")

    def retire(self) -> None:
        """
        Close the connection as soon as no request waits for its answer.
        """
        self.retired = True
        self._closeIfDrained()

    def close(self) -> None:
        """
        Close the connection when what waits to be written is written, or the
        peer has not read it within the frame timeout.
        """
        if not self._open:
            return
        self._open = False
        self.retired = True
        self._closing = True
        self._writeGathered()
        self._verdict = ConnectionClosed, "we closed the connection before the answer"
        self._watch.closing()
        self._loseIfWritten()

    def abort(self) -> None:
        """
        Drop the connection at once.
        """
        self._condemn(ConnectionClosed, "the connection was dropped")

    def connectionMade(self) -> None:
        """
        Begin.
        """
        self._open = True
        self.retired = False
        self.factory.protocols.add(self)
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
            self.transport.setTcpKeepAlive(True)
        self._writesTo(self.transport)
        self.transport.registerProducer(self, True)

    def dataReceived(self, data: bytes) -> None:
        """
        Give answers to those who wait for them, and requests to the responder.
        """
        watch = self._watch
        watch.heard += 1
        watch.patience.silentSince = inf
        live = self._waiters.live
        buffer = self._buffer
        commands = buffer.feed(data)
        # What is asked because of these answers leaves in one go.
        self._gathering = True
        for command in commands:
            if not command.flag & 1:
                self._answering.asked(command, self._clock.seconds())
                continue
            if command.code == GO_AWAY:
                self.goingAway = self.retired = True
            waiter = live.pop(command.opaque, None)
            if waiter is None or waiter.heard == UNWRITTEN:
                self._strayed(command, waiter)
            else:
                waiter.answered(command)
        self._gathering = False
        if self._gathered:
            self._writeGathered()
            self._writeNow()
        if buffer.error is not None:
            self._malformed(data, buffer.error)
        elif buffer.pending:
            watch.frameArriving(bool(commands))
        else:
            watch.patience.frameSince = inf
        self._closeIfDrained()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        End everything that waits.
        """
        self.connected = 0
        self._open = False
        self.retired = True
        self.factory.protocols.discard(self)
        self._watch.alarm.unset()
        self._outbox.clear()
        self._reason = reason
        waiters = self._waiters.takeAll()
        self._secured.happen(reason)
        self._closed.happen(None)
        for waiter in wanting(waiters):
            waiter.failed(self.whyClosed(waiter.persisted))

    def handshakeCompleted(self) -> None:
        """
        Take note that TLS is up.

        Before Twisted 26 this is called too when the certificate turns out to be
        another host's, and the connection is already being dropped: then the
        reason comes with its end.
        """
        if self.transport.disconnecting:
            return
        self._isSecure = True
        self._secured.happen(None)

    def pauseProducing(self) -> None:
        """
        Keep frames here: the transport has enough.
        """
        self.paused = True
        self._watch.paused()

    def resumeProducing(self) -> None:
        """
        Write what was kept, until the transport has enough again.
        """
        self.paused = False
        self._watch.patience.pausedSince = inf
        # One write for much of it: frame by frame, the transport would have enough
        # each time after a small part of what the peer reads meanwhile.
        wasGathering, self._gathering = self._gathering, True
        while self._outbox and not self.paused:
            self._handOver(*self._outbox.take())
        self._gathering = wasGathering
        self._writeGathered()
        if self._closing:
            self._loseIfWritten()

    def stopProducing(self) -> None:
        """
        Keep frames here: the transport is about to tell that it is no more.
        """
        self.paused = True

    def _malformed(self, data: bytes, e: Exception) -> None:
        """
        Drop a peer that sends no frames.
        """
        words = malformedWords(data if self._watch.heard == 1 else None, e)
        self._log.warn("{address}: {words}", address=self.address, words=words)
        self._condemn(ProtocolError, words)

    def _closeIfDrained(self) -> None:
        """
        Close a retired connection that nobody waits on.
        """
        if self.retired and not self._waiters.live:
            self.close()

    def _loseIfWritten(self) -> None:
        """
        Let the transport write what it has, and end; not while something is
        kept here.  TLS does not end while a producer is registered.
        """
        if not self._outbox:
            self._closing = False
            self.transport.unregisterProducer()
            self.transport.loseConnection()
            if not self.paused:
                endBelow(self.transport)

    def _condemn(self, cls: type[RemotingError], words: str) -> None:
        """
        Drop the connection at once.

        @param cls: What the requests fail with that wait.

        @param words: Why.
        """
        if not self.connected or self._aborted:
            return
        self._aborted = True
        self._open = False
        self.retired = True
        self._closing = False
        self._verdict = cls, words
        self._writeGathered()
        self.transport.abortConnection()
