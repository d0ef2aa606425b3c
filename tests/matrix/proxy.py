"""
A proxy on loopback that does what networks do.

It carries bytes from whoever connects to one target and back, and can at any time
delay them, lose them in one direction, cut them into slices, stop reading, end
connections by FIN or by RST, or have a connection end after so many bytes.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

UP, DOWN = "up", "down"
"""
The directions: to the target, and from it.
"""

SLICE_PAUSE = 0.0005
"""
Seconds between two slices.
"""


class _Side(Protocol):
    """
    One connection of a pair.
    """

    transport: Any

    def __init__(self, proxy: ChaosProxy, direction: str) -> None:
        """
        @param direction: Where what arrives here goes.
        """
        self.proxy = proxy
        self.direction = direction
        self.other: _Side | None = None
        self.busyUntil = 0.0
        self._early: list[bytes] = []

    def connectionMade(self) -> None:
        """
        Begin, paused where the proxy reads nothing.
        """
        self.transport.setTcpNoDelay(True)
        self.proxy.sides.add(self)
        if self.proxy.isStuck:
            self.transport.pauseProducing()

    def meet(self, other: _Side) -> None:
        """
        Hand over what came before there was somebody to have it.
        """
        self.other = other
        for data in self._early:
            self.dataReceived(data)
        self._early.clear()

    def dataReceived(self, data: bytes) -> None:
        """
        Carry bytes over, as the proxy says.
        """
        if self.other is None:
            self._early.append(data)
        elif self.direction not in self.proxy.lost:
            self.proxy.carry(self, data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        End the other side too, unless nobody may notice.
        """
        self.connected = 0
        self.proxy.sides.discard(self)
        if self.other is not None and not self.proxy.lost:
            self.other.transport.loseConnection()


class _Front(Factory):
    """
    What takes connections.
    """

    noisy = False

    def __init__(self, proxy: ChaosProxy) -> None:
        self.proxy = proxy

    def buildProtocol(self, addr: object) -> _Side:
        """
        Take one, and connect on.
        """
        side = _Side(self.proxy, UP)
        self.proxy.connectOn(side)
        return side


class ChaosProxy:
    """
    A proxy to one target.

    @ivar lost: The directions in which bytes, and the ends of connections, are
        lost.

    @ivar delay: How many seconds everything takes longer.

    @ivar slice: In pieces of how many bytes what the target says arrives, each
        after a pause; 0 is as it came.

    @ivar limits: After how many more bytes in a direction a connection ends.

    @ivar isStuck: Whether nothing is read.

    @ivar accepted: How many connections were taken.
    """

    def __init__(self, reactor: Any, target: str) -> None:
        """
        @param target: As C{host:port}.
        """
        self._reactor = reactor
        self.target = target
        self.lost: set[str] = set()
        self.delay = 0.0
        self.slice = 0
        self.limits: dict[str, int] = {}
        self.isStuck = False
        self.accepted = 0
        self.sides: set[_Side] = set()
        self._calls: set[Any] = set()
        self._connecting: set[Deferred[Any]] = set()
        self._port: IListeningPort | None = None

    async def listen(self) -> str:
        """
        Begin.

        @return: Where it listens, as C{host:port}.
        """
        endpoint = TCP4ServerEndpoint(self._reactor, 0, interface="127.0.0.1")
        self._port = await endpoint.listen(_Front(self))
        address: Any = self._port.getHost()
        return f"127.0.0.1:{address.port}"

    def connectOn(self, side: _Side) -> None:
        """
        Connect to the target for a connection that was taken.
        """
        self.accepted += 1
        host, _, port = self.target.rpartition(":")
        factory: Any = Factory.forProtocol(lambda: _Side(self, DOWN))
        factory.noisy = False
        endpoint = TCP4ClientEndpoint(self._reactor, host, int(port))
        connecting: Deferred[Any] = endpoint.connect(factory)
        self._connecting.add(connecting)

        def made(other: _Side) -> None:
            self._connecting.discard(connecting)
            other.meet(side)
            side.meet(other)

        def failed(reason: Failure) -> None:
            self._connecting.discard(connecting)
            if side.transport is not None:
                side.transport.abortConnection()

        connecting.addCallbacks(made, failed)

    def carry(self, side: _Side, data: bytes) -> None:
        """
        Let bytes arrive at the other side, when and as they should.
        """
        size = self.slice if self.slice and side.direction == DOWN else len(data)
        now = self._reactor.seconds()
        if size == len(data) and not self.delay and side.busyUntil <= now:
            self._given(side, data)
            return
        # Nothing overtakes what is on its way.
        at = max(now + self.delay, side.busyUntil)
        for start in range(0, len(data), size):
            at += SLICE_PAUSE
            self._later(at - now, side, data[start : start + size])
        side.busyUntil = at

    def _given(self, side: _Side, data: bytes) -> None:
        """
        Let bytes arrive now.
        """
        other = side.other
        if other is None or not other.connected or side.direction in self.lost:
            return
        limit = self.limits.get(side.direction)
        other.transport.write(data if limit is None else data[:limit])
        if limit is not None:
            self.limits[side.direction] = limit - len(data)
            if limit <= len(data):
                del self.limits[side.direction]
                self.end(reset=False)

    def _later(self, delay: float, side: _Side, data: bytes) -> None:
        """
        Let bytes arrive later.
        """

        def arrive() -> None:
            self._calls.discard(call)
            self._given(side, data)

        call = self._reactor.callLater(delay, arrive)
        self._calls.add(call)

    def end(self, *, reset: bool) -> None:
        """
        End all connections, by FIN or by RST.
        """
        for side in list(self.sides):
            if reset:
                side.transport.abortConnection()
            else:
                side.transport.loseConnection()

    def stick(self) -> None:
        """
        Read nothing from now on.
        """
        self.isStuck = True
        for side in self.sides:
            side.transport.pauseProducing()

    async def stop(self) -> None:
        """
        End everything.
        """
        for call in self._calls:
            call.cancel()
        for connecting in list(self._connecting):
            connecting.cancel()
        if self._port is not None:
            await maybeDeferred(self._port.stopListening)
        ended = [_whenLost(side) for side in self.sides]
        for side in list(self.sides):
            side.transport.abortConnection()
        await gatherResults(ended)

    def stopped(self) -> Deferred[None]:
        """
        The same, for who awaits nothing.
        """
        return Deferred.fromCoroutine(self.stop())


def _whenLost(side: _Side) -> Deferred[None]:
    """
    Tell when a connection has ended.
    """
    lost: Deferred[None] = Deferred()
    connectionLost = side.connectionLost

    def ended(reason: Failure = connectionDone) -> None:
        connectionLost(reason)
        lost.callback(None)

    side.connectionLost = ended  # type: ignore[method-assign]
    return lost
