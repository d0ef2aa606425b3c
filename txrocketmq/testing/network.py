"""
A network in memory: ports, connections and what can happen to them.

Laws:

    - Nothing moves by itself.  What is written arrives at the clock's next turn,
      in order and whole; so does the end of a connection, after what was written
      before it.

    - Whoever connects to a port nobody listens at is refused, as on loopback.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import (
    CannotListenError,
    ConnectionRefusedError,
)
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
)
from zope.interface import implementer

from .transport import MemoryTransport

FIRST_PORT = 10000


class MemoryNetwork:
    """
    Where servers listen and clients connect, on one clock.

    @ivar blackholes: C{host:port}s that swallow connections: neither taken nor
        refused.

    @ivar connections: All open connections, as (client's end, server's end).
    """

    def __init__(self, clock: IReactorTime) -> None:
        """
        @param clock: Whose turns things happen in.
        """
        self.clock = clock
        self.blackholes: set[str] = set()
        self.connections: list[tuple[MemoryTransport, MemoryTransport]] = []
        self._listening: dict[tuple[str, int], IProtocolFactory] = {}
        self._nextPort = FIRST_PORT

    def listenAt(self, reactor: Any, host: str, port: int) -> IStreamServerEndpoint:
        """
        An endpoint to listen at; what makes the sandbox's servers listen here.
        """
        return _ServerEndpoint(self, host, port)

    def connectTo(self, reactor: Any, host: str, port: int) -> IStreamClientEndpoint:
        """
        An endpoint to connect to: a client's C{endpointFactory}.
        """
        return _ClientEndpoint(self, host, port)

    def open(self, host: str, port: int, factory: IProtocolFactory) -> int:
        """
        Give what connects to a port to a factory.

        @param port: 0 takes a free one.

        @return: The port.

        @raise CannotListenError: When somebody listens there.
        """
        if not port:
            port = self._nextPort
            self._nextPort += 10
        if (host, port) in self._listening:
            raise CannotListenError(host, port, OSError("in use"))
        self._listening[host, port] = factory
        return port

    def close(self, host: str, port: int) -> None:
        """
        Refuse what connects to a port from now on.
        """
        self._listening.pop((host, port), None)

    def factoryAt(self, host: str, port: int) -> IProtocolFactory | None:
        """
        Who listens at a port.
        """
        return self._listening.get((host, port))

    def join(self, client: IProtocol, server: IProtocol, port: int) -> None:
        """
        Connect two protocols.
        """
        clientEnd = IPv4Address("TCP", "127.0.0.1", self._nextPort)
        serverEnd = IPv4Address("TCP", "127.0.0.1", port)
        self._nextPort += 1
        one = MemoryTransport(self.clock, client, clientEnd, serverEnd)
        other = MemoryTransport(self.clock, server, serverEnd, clientEnd)
        one.peer, other.peer = other, one
        self.connections = [pair for pair in self.connections if pair[0].connected]
        self.connections.append((one, other))
        server.makeConnection(other)
        client.makeConnection(one)


@implementer(IListeningPort)
class _Port:
    """
    A port somebody listens at.
    """

    def __init__(self, network: MemoryNetwork, host: str, port: int) -> None:
        self._network = network
        self._host = host
        self._number = port

    def startListening(self) -> None:
        """
        Nothing: it listens from the start.
        """

    def stopListening(self) -> Deferred[None]:
        """
        Refuse what connects from now on.
        """
        self._network.close(self._host, self._number)
        return succeed(None)

    def getHost(self) -> IAddress:
        """
        Where this is.
        """
        return IPv4Address("TCP", self._host, self._number)


@implementer(IStreamServerEndpoint)
class _ServerEndpoint:
    """
    A place to listen at.
    """

    def __init__(self, network: MemoryNetwork, host: str, port: int) -> None:
        self._network = network
        self._host = host
        self._port = port

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """
        Listen there.
        """
        try:
            port = self._network.open(self._host, self._port, protocolFactory)
        except CannotListenError:
            return fail()
        return succeed(_Port(self._network, self._host, port))


@implementer(IStreamClientEndpoint)
class _ClientEndpoint:
    """
    A place to connect to.
    """

    def __init__(self, network: MemoryNetwork, host: str, port: int) -> None:
        self._network = network
        self._host = host
        self._port = port

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Connect at the next turn.
        """
        connected: Deferred[IProtocol] = Deferred(lambda _: call.cancel())
        call = self._network.clock.callLater(0, self._try, protocolFactory, connected)
        if f"{self._host}:{self._port}" in self._network.blackholes:
            call.cancel()
            return Deferred()
        return connected

    def _try(
        self, protocolFactory: IProtocolFactory, connected: Deferred[IProtocol]
    ) -> None:
        """
        Connect, or be refused.
        """
        factory = self._network.factoryAt(self._host, self._port)
        if factory is None:
            connected.errback(ConnectionRefusedError())
            return
        here = IPv4Address("TCP", self._host, self._port)
        server = factory.buildProtocol(here)
        client = protocolFactory.buildProtocol(here)
        if server is None or client is None:
            connected.errback(ConnectionRefusedError())
            return
        self._network.join(client, server, self._port)
        connected.callback(client)
