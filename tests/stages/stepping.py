"""
A cluster that goes forward one step at a time.

Laws:

    - A step is one call the clock makes: a piece of an answer that arrives, a
      connection that is made or ends, a time that is over.

    - What is written arrives in order, piece by piece, one piece in a step.  A
      reset loses what has not arrived yet; a close does not.

    - The same life takes the same steps each time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IProtocol
from twisted.internet.task import Clock

from txrocketmq._remoting.opaques import Opaques
from txrocketmq.sandbox import Sandbox
from txrocketmq.testing import MemoryCluster, MemoryNetwork
from txrocketmq.testing.transport import MemoryTransport

FIRST_OPAQUE = 1_000_000_000

SINGLE_BYTES = 700
"""
So many bytes that go to the client arrive each by itself.
"""

EDGE, PIECE = 12, 16
"""
After that, only those at the edges of an answer do, so many of them; what is
between them arrives in pieces.
"""

HANDSHAKE = 3
"""
So many writes of a TLS server are its handshake, whose length is never the same.
"""


class StepClock(Clock):
    """
    A clock that counts the calls it makes, and does something before one.

    @ivar steps: How many it has made.

    @ivar label: What the step was at which something was done.
    """

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0
        self.label = ""
        self._at = 0
        self._act: Callable[[], object] | None = None

    def inject(self, at: int, act: Callable[[], object]) -> None:
        """
        Do something before a step.

        @param at: Which one; the first is 1.
        """
        self._at = at
        self._act = act

    def advance(self, amount: float) -> None:
        """
        Let time pass, step by step.
        """
        self.rightNow += amount
        self._sortCalls()
        calls = self.calls
        while calls and calls[0].getTime() <= self.rightNow:
            if self.steps + 1 == self._at and self._act is not None:
                act, self._act = self._act, None
                self.label = getattr(calls[0].func, "__qualname__", "?")
                act()
                continue
            self.steps += 1
            call = calls.pop(0)
            call.called = 1
            call.func(*call.args, **call.kw)
            self._sortCalls()


class SteppedTransport(MemoryTransport):
    """
    One end of a connection in memory, whose bytes arrive piece by piece.

    @ivar isServer: Whether it is the server's.

    @ivar deaf: Whether nothing arrives here any more, not even the end.
    """

    peer: SteppedTransport

    def __init__(
        self, network: SteppedNetwork, isServer: bool, protocol: Any, *ends: Any
    ) -> None:
        super().__init__(network.clock, protocol, *ends)
        self._network = network
        self._pieces: deque[bytes] = deque()
        self._moving = False
        self._closing = False
        self._writes = 0
        self.isServer = isServer
        self.deaf = False

    def write(self, data: bytes) -> None:
        """
        Let bytes arrive at the other end, in the turns that follow.
        """
        if not self.connected or self.disconnecting or not data:
            return
        self.written += len(data)
        self._writes += 1
        if self._network.tls and self._writes <= HANDSHAKE:
            self._pieces.extend(_parts(bytes(data), 3))
        elif self.isServer:
            self._pieces.extend(self._network.cut(bytes(data)))
        else:
            self._pieces.extend((bytes(data[:-1]), bytes(data[-1:])))
        self._move()

    def loseConnection(self) -> None:
        """
        End the connection after what was written.
        """
        if not self.disconnecting:
            self.disconnecting = self._closing = True
            self._move()

    def abortConnection(self) -> None:
        """
        End the connection at once, as a reset does.
        """
        if self.connected and not (self.disconnecting and not self._closing):
            self.disconnecting, self._closing = True, False
            self._ended(ConnectionLost())

    def insert(self, data: bytes) -> None:
        """
        Have bytes arrive here that nobody wrote.
        """
        if self.connected and not self.deaf:
            self._protocol.dataReceived(data)

    def _move(self) -> None:
        """
        See to it that the next piece arrives.
        """
        if not self._moving:
            self._moving = True
            self._clock.callLater(0, self._arrive)

    def _arrive(self) -> None:
        """
        Let one piece arrive, or the end after the last one.
        """
        self._moving = False
        if self._pieces:
            piece = self._pieces.popleft()
            if self._pieces or self._closing:
                self._move()
            if piece:
                self.peer.insert(piece)
        elif self._closing:
            self._closing = False
            self._ended(ConnectionDone())

    def _ended(self, reason: Exception) -> None:
        """
        Tell both ends, at the next turn; what is on its way is lost.
        """
        for end in (self, self.peer):
            end._pieces.clear()
            if end is self or not end.deaf:
                end._clock.callLater(0, end._lost, reason)


class SteppedNetwork(MemoryNetwork):
    """
    A network whose connections move piece by piece.

    @ivar tls: Whether what connects speaks TLS.

    @ivar frames: All that clients gave to their transports, before TLS.
    """

    clock: StepClock

    def __init__(self, clock: StepClock, tls: bool) -> None:
        super().__init__(clock)
        self.tls = tls
        self.frames: list[bytes] = []
        self._singles = SINGLE_BYTES

    def cut(self, data: bytes) -> Iterator[bytes]:
        """
        Cut an answer to pieces.
        """
        edge = EDGE
        if len(data) <= self._singles:
            self._singles -= len(data)
            edge = len(data)
        head, rest = data[:edge], data[edge:]
        tail = rest[-EDGE:]
        middle = rest[: len(rest) - len(tail)]
        yield from (bytes([byte]) for byte in head)
        for start in range(0, len(middle), PIECE):
            yield middle[start : start + PIECE]
        yield from (bytes([byte]) for byte in tail)

    def join(self, client: IProtocol, server: IProtocol, port: int) -> None:
        """
        Connect two protocols.
        """
        clientEnd = IPv4Address("TCP", "127.0.0.1", self._nextPort)
        serverEnd = IPv4Address("TCP", "127.0.0.1", port)
        self._nextPort += 1
        one = SteppedTransport(self, False, client, clientEnd, serverEnd)
        other = SteppedTransport(self, True, server, serverEnd, clientEnd)
        one.peer, other.peer = other, one
        self.connections = [pair for pair in self.connections if pair[0].connected]
        self.connections.append((one, other))
        self._watch(client, one)
        server.makeConnection(other)
        client.makeConnection(one)

    def _watch(self, client: Any, transport: Any) -> None:
        """
        Take note of what a client writes, and have it count from where it always
        does.
        """
        inner = getattr(client, "wrappedProtocol", client)
        if getattr(inner, "opaques", None) is None:
            return
        inner.opaques = Opaques(FIRST_OPAQUE)
        outer = transport if inner is client else client
        write = outer.write

        def written(data: bytes) -> None:
            if inner.connected and not outer.disconnecting:
                self.frames.append(bytes(data))
            write(data)

        def together(frames: Any) -> None:
            written(b"".join(frames))

        outer.write, outer.writeSequence = written, together


class SteppedCluster(MemoryCluster):
    """
    A cluster on such a network.
    """

    clock: StepClock
    network: SteppedNetwork

    def __init__(self, clock: StepClock, **options: Any) -> None:
        # Not super's: the network is another.
        self.clock = clock
        self.network = SteppedNetwork(clock, options.get("tls") is not None)
        self._clients = []
        self.sandbox = Sandbox(
            clock,
            listen=self.network.listenAt,
            connect=self.network.connectTo,
            random=Random(0).random,
            **options,
        )
        self.sandbox.startService()
        self.result(self.sandbox.whenReady())


def _parts(data: bytes, count: int) -> Iterator[bytes]:
    """
    Cut into so many parts, however long it is.
    """
    size = len(data) // count
    for at in range(count - 1):
        yield data[at * size : (at + 1) * size]
    yield data[(count - 1) * size :]
