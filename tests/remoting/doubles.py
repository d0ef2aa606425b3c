"""
Transports in memory: one end of a connection, or both, with the clock in the
test's hand.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.task import Clock
from twisted.internet.testing import EventLoggingObserver, StringTransport
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure
from twisted.test.iosim import FakeTransport, IOPump, connect
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides

from tests.support import TestCase
from txrocketmq._remoting.answering import Responder, notSupported
from txrocketmq._remoting.factory import RemotingFactory
from txrocketmq._remoting.protocol import RemotingProtocol
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.frames import FrameBuffer, encodeFrame

BROKER = "broker:10911"
FIRST = 1000
"""
The first opaque of each L{Line}'s protocol.
"""

REQUEST = RemotingCommand(10, {"a": "topic"}, b"body")


def noAnswer(command: RemotingCommand, protocol: RemotingProtocol) -> None:
    """
    Answer nothing.
    """


class Line(StringTransport):
    """
    A transport that behaves as TCP's: C{connectionLost} comes in another turn
    of the reactor than C{abortConnection} and C{loseConnection}.

    @ivar isStuck: Whether the peer does not let it close.

    @ivar aborted: How often it was aborted.
    """

    def __init__(self, protocol: RemotingProtocol, clock: Clock) -> None:
        super().__init__(peerAddress=IPv4Address("TCP", "10.0.0.9", 4321))
        self.protocol = protocol
        self.clock = clock
        self.isStuck = False
        self.aborted = 0
        self.options: list[tuple[str, object]] = []
        alsoProvides(self, ITCPTransport)

    def setTcpNoDelay(self, enabled: object) -> None:
        """
        See L{ITCPTransport}.
        """
        self.options.append(("TCP_NODELAY", enabled))

    def setTcpKeepAlive(self, enabled: object) -> None:
        """
        See L{ITCPTransport}.
        """
        self.options.append(("SO_KEEPALIVE", enabled))

    def loseConnection(self) -> None:
        """
        Close in the next turn.
        """
        self.disconnecting = True
        if not self.isStuck:
            self.clock.callLater(0, self.lose, ConnectionDone())

    def abortConnection(self) -> None:
        """
        Drop in the next turn.
        """
        self.aborted += 1
        self.clock.callLater(0, self.lose, ConnectionAborted())

    def lose(self, reason: Exception) -> None:
        """
        Lose the connection, once.
        """
        if self.connected:
            self.connected = False
            self.protocol.connectionLost(Failure(reason))

    def frames(self) -> list[RemotingCommand]:
        """
        What was written since the last time, as commands.
        """
        commands = FrameBuffer().feed(self.value())
        self.clear()
        return commands


def logged(test: SynchronousTestCase) -> EventLoggingObserver:
    """
    What is logged until the test ends.
    """
    observer = EventLoggingObserver()
    globalLogPublisher.addObserver(observer)
    test.addCleanup(globalLogPublisher.removeObserver, observer)
    return observer


class LineTestCase(TestCase):
    """
    Tests of one end of one connection.
    """

    def line(
        self, respond: Responder = noAnswer, *, first: int = FIRST, **settings: Any
    ) -> tuple[RemotingProtocol, Line]:
        """
        Connect, and count requests from a number that is known.
        """
        factory = RemotingFactory(
            self.reactor, respond, address=BROKER, opaques=lambda: first, **settings
        )
        protocol = factory.buildProtocol(None)
        transport = Line(protocol, self.reactor)
        protocol.makeConnection(transport)
        self.addCleanup(transport.lose, ConnectionDone())
        return protocol, transport

    def failing(self, d: Deferred[Any], *errors: type[Exception]) -> Any:
        """
        What a Deferred failed with.
        """
        return self.failureResultOf(d, *errors).value


def readsSlowly(test: SynchronousTestCase, protocol: RemotingProtocol) -> None:
    """
    Let a transport have enough with each write, and now.
    """
    write = protocol.transport.write

    def writeAndPause(data: bytes) -> None:
        write(data)
        protocol.pauseProducing()

    test.patch(protocol.transport, "write", writeAndPause)
    protocol.pauseProducing()


def answer(opaque: int, code: int = 0, **fields: Any) -> bytes:
    """
    The frame of an answer.
    """
    return encodeFrame(RemotingCommand(code, opaque=opaque, flag=1, **fields))


def frame(code: int, *, opaque: int = 7, flag: int = 0) -> bytes:
    """
    Some frame.
    """
    return encodeFrame(RemotingCommand(code, opaque=opaque, flag=flag))


class Pair:
    """
    Two protocols, connected.

    @ivar client: One end.

    @ivar server: The other.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        client: Responder = lambda command, _: notSupported(command),
        server: Responder = lambda command, _: command.response(remark="done"),
        address: str = BROKER,
        **settings: Any,
    ) -> None:
        """
        @param client: What answers at the client's end.

        @param server: What answers at the server's.
        """
        self.client = RemotingFactory(
            clock, client, address=address, **settings
        ).buildProtocol(None)
        self.server = RemotingFactory(clock, server, **settings).buildProtocol(
            IPv4Address("TCP", "10.0.0.9", 4321)
        )
        self.clientIO = FakeTransport(self.client, isServer=False)
        self.serverIO = FakeTransport(self.server, isServer=True)
        self.pump: IOPump = connect(
            self.server, self.serverIO, self.client, self.clientIO, clock=clock
        )

    def flush(self) -> None:
        """
        Carry everything over, in both directions.
        """
        self.pump.flush()


class Dialed:
    """
    A C{connect} whose outcome is the test's.

    @ivar waiting: The attempts nobody has decided yet, each with its address.

    @ivar lines: What was accepted, oldest first.

    @ivar cancelled: How many attempts were cancelled.
    """

    def __init__(self, clock: Clock, **settings: Any) -> None:
        self.clock = clock
        self.settings = settings
        self.waiting: list[tuple[str, Deferred[RemotingProtocol]]] = []
        self.lines: list[Line] = []
        self.attempts = 0
        self.cancelled = 0

    def __call__(self, address: str) -> Deferred[RemotingProtocol]:
        """
        Begin an attempt.
        """
        d: Deferred[RemotingProtocol] = Deferred(self._cancelled)
        self.waiting.append((address, d))
        self.attempts += 1
        return d

    def _cancelled(self, d: Deferred[RemotingProtocol]) -> None:
        """
        Forget an attempt.
        """
        self.cancelled += 1
        self.waiting = [each for each in self.waiting if each[1] is not d]

    def accept(self) -> Line:
        """
        Let the oldest attempt succeed.
        """
        address, d = self.waiting.pop(0)
        factory = RemotingFactory(
            self.clock,
            noAnswer,
            address=address,
            opaques=lambda: FIRST,
            **self.settings,
        )
        protocol = factory.buildProtocol(None)
        line = Line(protocol, self.clock)
        protocol.makeConnection(line)
        self.lines.append(line)
        d.callback(protocol)
        return line

    def refuse(self, e: Exception) -> None:
        """
        Let the oldest attempt fail.
        """
        _, d = self.waiting.pop(0)
        d.errback(e)
