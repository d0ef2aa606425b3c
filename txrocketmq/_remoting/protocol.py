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

from collections.abc import Callable
from math import inf
from typing import ClassVar

from msgspec.structs import replace
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import (
    IAddress,
    IConsumer,
    IHandshakeListener,
    IPushProducer,
    IReactorTime,
    ITCPTransport,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from txrocketmq._wire.codes import ResponseCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.frames import MAX_FRAME, FrameBuffer, encodeFrame
from txrocketmq.errors import (
    ConnectionClosed,
    ProtocolError,
    RemotingError,
    RemotingTimeout,
)
from txrocketmq.message import Persisted

from .alarm import Alarm
from .answering import Answering, Responder, notSupported
from .moment import Moment
from .opaques import Opaques, anyOpaque
from .outbox import Outbox
from .patience import Grace, Patience
from .quotas import Quota, Tolerance
from .reasons import lostError, malformedWords, peerName
from .waiters import UNWRITTEN, Waiter, Waiters

__all__ = ["RemotingFactory", "RemotingProtocol", "Responder", "notSupported"]

GO_AWAY = int(ResponseCode.GO_AWAY)

# Answers to requests that were never made here: so many, within so many
# seconds, and the peer is not believed any more.
STRANGERS = 16
STRANGERS_PERIOD = 60.0

# Bytes of answers that a peer may leave unread.
MAX_ANSWERS = 64 * 1024 * 1024

_NOTHING = RemotingCommand(0)


class _Transport(ITCPTransport, IConsumer):
    """
    What is wanted of a transport.
    """


@implementer(IPushProducer, IHandshakeListener)
class RemotingProtocol(Protocol):
    """
    One connection, from either end.

    @ivar address: What errors name: the address that was asked for, or the
        peer's own where it was the peer who connected.

    @ivar retired: Whether no new request should be made here: the peer said
        GO_AWAY, or the connection is ending, or is not there.

    @ivar goingAway: Whether the peer said GO_AWAY.

    @ivar lateAnswers: How many answers came for which nobody waited any more.

    @ivar strangers: How many came to requests that were never made.
    """

    _log: ClassVar[Logger] = Logger()

    transport: _Transport
    factory: RemotingFactory

    def __init__(self, factory: RemotingFactory, address: str) -> None:
        self.factory = factory
        self.address = address
        self.retired = True
        self.goingAway = False
        self.lateAnswers = 0
        self.strangers = 0
        self._clock = clock = factory.clock
        self._open = False
        self._opaques = Opaques(factory.opaques())
        self._waiters = Waiters()
        self._outbox = Outbox()
        self._buffer = FrameBuffer(factory.maxFrame)
        self._answering = factory.answering(self)
        self._alarm = Alarm(clock, self._timePassed)
        self._tolerance = Tolerance(STRANGERS, STRANGERS_PERIOD)
        self._closed: Moment[None] = Moment()
        self._secured: Moment[None] = Moment()
        self._verdict: tuple[type[RemotingError], str] | None = None
        self._patience = Patience(factory.frameTimeout)
        self._grace = Grace()
        self._aborted = False
        self._paused = False
        self._heard = 0

    def __repr__(self) -> str:
        return f"<RemotingProtocol {self.address} pending={self.pending}>"

    @property
    def pending(self) -> int:
        """
        How many requests wait for their answers, or to be written.
        """
        return len(self._waiters.live)

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

    def invoke(
        self, command: RemotingCommand, timeout: float
    ) -> Deferred[RemotingCommand]:
        """
        Ask the peer something and wait for its answer.

        The command is given the connection's next opaque; the one it came
        with is ignored.

        @param command: The request.  It must not be marked oneway.

        @param timeout: How long to wait for the answer, in seconds.

        @return: The answer, whatever its code.  It may fail with

            - L{RemotingTimeout} when no answer came in time

            - L{ConnectionClosed}, or L{TLSFailed
              <txrocketmq.errors.TLSFailed>}, when the connection was lost
              first

            - L{ProtocolError} when the peer sent something that is no frame

            - L{ValueError} when the command does not fit into a frame

            - L{CancelledError<twisted.internet.defer.CancelledError>} when
              cancelled; the request may still have been carried out
        """
        if not self._open or timeout <= 0:
            return fail(self._refusal(timeout))
        waiters = self._waiters
        opaque = self._opaques.issue(waiters.live)
        try:
            frame = encodeFrame(replace(command, opaque=opaque))
        except ValueError:
            return fail()
        waiter = self._register(opaque, timeout)
        if self._paused:
            self._outbox.putRequest(opaque, frame)
        else:
            waiter.heard = self._heard
            if self._patience.silentSince == inf:
                self._patience.silentSince = waiter.deadline - timeout
            self.transport.write(frame)
        return waiter

    def oneway(self, command: RemotingCommand, timeout: float = inf) -> Deferred[None]:
        """
        Tell the peer something.

        @param timeout: How long to wait until the transport takes it, in
            seconds.

        @return: Fires when the bytes were handed to the transport.  It may
            fail as L{invoke} does, and the request was not written then.
        """
        if not self._open or timeout <= 0:
            return fail(self._refusal(timeout))
        opaque = self._opaques.issue(self._waiters.live)
        try:
            frame = encodeFrame(replace(command.asOneway(), opaque=opaque))
        except ValueError:
            return fail()
        if not self._paused:
            self.transport.write(frame)
            return succeed(None)
        waiter = self._register(opaque, timeout)
        waiter.oneway = True
        self._outbox.putRequest(opaque, frame)
        return waiter.addCallback(_nothing)

    def writeBytes(self, data: bytes) -> None:
        """
        Write whole frames that need no answer, in their turn.  Nothing happens
        when the connection is ending.
        """
        if not self._open:
            return
        if not self._paused:
            self.transport.write(data)
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
        self._verdict = ConnectionClosed, "we closed the connection before the answer"
        self._patience.closingSince = self._clock.seconds()
        self._setAlarm()
        if not self._outbox:
            self._lose()

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
        self.transport.setTcpNoDelay(True)
        self.transport.setTcpKeepAlive(True)
        self.transport.registerProducer(self, True)

    def dataReceived(self, data: bytes) -> None:
        """
        Give answers to those who wait for them, and requests to the responder.
        """
        self._heard += 1
        self._patience.silentSince = inf
        live = self._waiters.live
        buffer = self._buffer
        commands = buffer.feed(data)
        for command in commands:
            if not command.flag & 1:
                self._answering.asked(command, self._clock.seconds())
                continue
            waiter = live.pop(command.opaque, None)
            if waiter is None or waiter.heard == UNWRITTEN:
                self._unexpected(command, waiter)
                continue
            if command.code == GO_AWAY:
                self.goingAway = self.retired = True
            waiter.callback(command)
        if buffer.error is not None:
            self._malformed(data, buffer.error)
        elif buffer.pending:
            self._frameArriving(bool(commands))
        else:
            self._patience.frameSince = inf
        if self.retired:
            self._closeIfDrained()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        End everything that waits.
        """
        self.connected = 0
        self._open = False
        self.retired = True
        self.factory.protocols.discard(self)
        self._alarm.unset()
        self._outbox.clear()
        waiters = self._waiters.takeAll()
        self._secured.happen(reason)
        self._closed.happen(None)
        for waiter in waiters:
            waiter.errback(self._lostError(reason, waiter.persisted))

    def handshakeCompleted(self) -> None:
        """
        Take note that TLS is up.
        """
        self._secured.happen(None)

    def pauseProducing(self) -> None:
        """
        Keep frames here: the transport has enough.
        """
        self._paused = True
        self._patience.pausedSince = self._clock.seconds()

    def resumeProducing(self) -> None:
        """
        Write what was kept, until the transport has enough again.
        """
        self._paused = False
        self._patience.pausedSince = inf
        while self._outbox and not self._paused:
            self._writeKept(*self._outbox.take())
        if self._patience.closingSince != inf and not self._outbox:
            self._lose()

    def stopProducing(self) -> None:
        """
        Keep frames here: the transport is about to tell that it is no more.
        """
        self._paused = True

    def _register(self, opaque: int, timeout: float) -> Waiter:
        """
        Make the waiter of a request that is not written yet.
        """
        waiter = Waiter(self._abandon)
        waiter.opaque = opaque
        waiter.timeout = timeout
        waiter.heard = UNWRITTEN
        waiter.deadline = deadline = self._clock.seconds() + timeout
        self._waiters.add(waiter)
        if deadline < self._alarm.at:
            self._alarm.setTo(deadline)
        return waiter

    def _abandon(self, waiter: Deferred[RemotingCommand]) -> None:
        """
        Forget a request that was cancelled.
        """
        assert isinstance(waiter, Waiter)
        del self._waiters.live[waiter.opaque]
        self._outbox.takeBack(waiter.opaque)
        if self.retired:
            self._closeIfDrained()

    def _writeKept(self, key: int, frame: bytes) -> None:
        """
        Write a frame that had to wait.

        @param key: What L{Outbox.take} gave with it.
        """
        waiter = self._waiters.live.get(key)
        if waiter is not None:
            waiter.heard = self._heard
            self._patience.silentSince = min(
                self._patience.silentSince, self._clock.seconds()
            )
        self.transport.write(frame)
        if waiter is not None and waiter.oneway:
            del self._waiters.live[key]
            waiter.callback(_NOTHING)

    def _unexpected(self, answer: RemotingCommand, waiter: Waiter | None) -> None:
        """
        Look at an answer nobody may have: it is late, or it is made up.

        @param waiter: The request it answers, if that is not written yet.
        """
        now = self._clock.seconds()
        if waiter is not None:
            self._waiters.live[waiter.opaque] = waiter
            self._condemn(ProtocolError, "the peer answered a request before it came")
        elif self._opaques.wasIssued(answer.opaque):
            self.lateAnswers += 1
        else:
            self.strangers += 1
            if self._tolerance.exceeded(now):
                self._condemn(
                    ProtocolError, "the peer answers requests that were never made"
                )

    def _frameArriving(self, isNew: bool) -> None:
        """
        Wait for the rest of a frame, but not for ever.
        """
        self._patience.frameArriving(isNew, self._clock.seconds())
        self._setAlarm()

    def _malformed(self, data: bytes, e: Exception) -> None:
        """
        Drop a peer that sends no frames.
        """
        words = malformedWords(data if self._heard == 1 else None, e)
        self._log.warn("{address}: {words}", address=self.address, words=words)
        self._condemn(ProtocolError, words)

    def _timePassed(self, at: float) -> None:
        """
        End what has waited long enough.
        """
        now = self._clock.seconds()
        if self._grace.isDue(at, now, self._heard):
            self._alarm.setTo(now)
            return
        expired = self._waiters.takeExpired(now)
        for waiter in expired:
            self._outbox.takeBack(waiter.opaque)
        verdict = self._patience.verdict(now, expired, self._heard)
        if verdict is not None:
            self._condemn(ConnectionClosed, verdict)
        self._setAlarm()
        for waiter in expired:
            waiter.errback(self._timeoutError(waiter))
        if self.retired:
            self._closeIfDrained()

    def _setAlarm(self) -> None:
        """
        See to it that what is waited for next is not missed.
        """
        self._alarm.setTo(min(self._waiters.earliest(), self._patience.until()))

    def _closeIfDrained(self) -> None:
        """
        Close a retired connection that nobody waits on.
        """
        if not self._waiters.live:
            self.close()

    def _lose(self) -> None:
        """
        Let the transport write what it has, and end.  TLS does not while a
        producer is registered.
        """
        self.transport.unregisterProducer()
        self.transport.loseConnection()

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
        self._verdict = cls, words
        self._patience.end()
        self.transport.abortConnection()

    def _refusal(self, timeout: float) -> RemotingError:
        """
        Why a request is not written at all.
        """
        if timeout <= 0:
            return RemotingTimeout(self.address, "there was no time left to ask")
        return ConnectionClosed(self.address, "the connection is closed")

    def _timeoutError(self, waiter: Waiter) -> RemotingTimeout:
        """
        What a request fails with whose time is over.
        """
        words = "no answer" if waiter.heard != UNWRITTEN else "the peer did not read"
        return RemotingTimeout(
            self.address, f"{words} within {waiter.timeout:g} s", waiter.persisted
        )

    def _lostError(self, reason: Failure, persisted: Persisted) -> RemotingError:
        """
        What a request fails with when the connection has ended.
        """
        if self._verdict is None:
            return lostError(self.address, reason, persisted)
        cls, words = self._verdict
        return cls(self.address, words, persisted)


class RemotingFactory(Factory["RemotingProtocol"]):
    """
    What makes the protocols of one client or one server.

    @ivar protocols: Those that are connected now.
    """

    noisy = False

    def __init__(
        self,
        clock: IReactorTime,
        respond: Responder,
        *,
        address: str | None = None,
        maxFrame: int = MAX_FRAME,
        frameTimeout: float = 3.0,
        requestRate: float | None = None,
        opaques: Callable[[], int] = anyOpaque,
    ) -> None:
        """
        @param respond: What answers the peer's requests.

        @param address: What errors call the peer; L{None} is its own address.

        @param maxFrame: The longest frame a peer may send.

        @param frameTimeout: Seconds a frame may take to arrive, a peer may
            stay silent while requests wait, or not read.

        @param requestRate: How many of the peer's requests are looked at in a
            second; L{None} is all.

        @param opaques: Where a connection begins to count its requests.
        """
        self.clock = clock
        self.maxFrame = maxFrame
        self.frameTimeout = frameTimeout
        self.opaques = opaques
        self.protocols: set[RemotingProtocol] = set()
        self._respond = respond
        self._address = address
        self._requestRate = requestRate

    def buildProtocol(self, addr: IAddress | None) -> RemotingProtocol:
        """
        Make the protocol of a connection.
        """
        return RemotingProtocol(self, self._address or peerName(addr))

    def answering(self, protocol: RemotingProtocol) -> Answering:
        """
        Make the answering side of a protocol.
        """
        rate = self._requestRate
        quota = None if rate is None else Quota(rate, self.clock.seconds())
        return Answering(protocol, self._respond, quota)


def _nothing(written: RemotingCommand) -> None:
    """
    The result of a request that has no answer.
    """
