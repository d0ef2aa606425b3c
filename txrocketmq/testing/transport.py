"""
One end of a connection in memory.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IProtocol, IReactorTime, ITCPTransport
from twisted.python.failure import Failure
from zope.interface import implementer


@implementer(ITCPTransport)
class MemoryTransport:
    """
    One end of a connection in memory.

    @ivar written: How many bytes were written here.

    @ivar connected: Whether the protocol has not been told of the end.
    """

    disconnecting = False

    def __init__(
        self,
        clock: IReactorTime,
        protocol: IProtocol,
        host: IPv4Address,
        peer: IPv4Address,
    ) -> None:
        self._clock = clock
        self._protocol = protocol
        self._host = host
        self._peerAddress = peer
        self.peer: MemoryTransport
        self.connected = True
        self.written = 0
        self.producer: Any = None

    def write(self, data: bytes) -> None:
        """
        Let bytes arrive at the other end, at the next turn.
        """
        if self.connected and not self.disconnecting and data:
            self.written += len(data)
            self._clock.callLater(0, self.peer._receive, bytes(data))

    def writeSequence(self, data: Any) -> None:
        """
        The same for several pieces.
        """
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """
        End the connection after what was written.
        """
        self._end(ConnectionDone())

    def abortConnection(self) -> None:
        """
        End the connection as a reset does.
        """
        self._end(ConnectionLost())

    def _end(self, reason: Exception) -> None:
        """
        Tell both ends, at the next turn.
        """
        if not self.disconnecting:
            self.disconnecting = True
            self._clock.callLater(0, self._lost, reason)
            self._clock.callLater(0, self.peer._lost, reason)

    def _receive(self, data: bytes) -> None:
        """
        Bytes arrive here.
        """
        if self.connected:
            self._protocol.dataReceived(data)

    def _lost(self, reason: Exception) -> None:
        """
        The connection ends here.
        """
        if self.connected:
            self.connected = False
            self.disconnecting = True
            self._protocol.connectionLost(Failure(reason))

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        Keep who would be paused; this transport takes everything.
        """
        self.producer = producer

    def unregisterProducer(self) -> None:
        """
        Pause nobody.
        """
        self.producer = None

    def pauseProducing(self) -> None:
        """
        Nothing: what is written here arrives at once.
        """

    def resumeProducing(self) -> None:
        """
        Nothing.
        """

    def stopProducing(self) -> None:
        """
        End the connection.
        """
        self.loseConnection()

    def getHost(self) -> IPv4Address:
        """
        This end.
        """
        return self._host

    def getPeer(self) -> IPv4Address:
        """
        The other end.
        """
        return self._peerAddress

    def loseWriteConnection(self) -> None:
        """
        End the connection: halves are not told apart here.
        """
        self.loseConnection()

    def getTcpNoDelay(self) -> bool:
        """
        Always.
        """
        return True

    def setTcpNoDelay(self, enabled: bool) -> None:
        """
        Nothing: nothing is ever held back.
        """

    def getTcpKeepAlive(self) -> bool:
        """
        Never.
        """
        return False

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """
        Nothing.
        """
