"""
Tests of L{txrocketmq.relay.site.TurnedAway} over TLS: whoever is one too many is told
so there, too.
"""

from __future__ import annotations

from typing import Any, ClassVar

from twisted.internet.address import IPv4Address
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import optionsForClientTLS
from twisted.protocols import tls
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.test.iosim import FakeTransport, IOPump, connect

from tests.certificates import Authority
from tests.matrix.marks import row
from tests.relay.http import RelayTestCase
from txrocketmq.relay.limits import Limits
from txrocketmq.relay.site import MOST_TURNED_AWAY, TICK


class Reader(Protocol):
    """
    A client that asks, and keeps what it is told.

    @ivar isOver: Whether its connection has ended.
    """

    def __init__(self) -> None:
        self.told = b""
        self.isOver = False

    def connectionMade(self) -> None:
        """
        Ask.
        """
        assert self.transport is not None
        self.transport.write(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")

    def dataReceived(self, data: bytes) -> None:
        """
        Keep it.
        """
        self.told += data

    def connectionLost(self, reason: object = None) -> None:
        """
        It is over.
        """
        self.isOver = True


class TLSTests(RelayTestCase):
    """
    Connections too many.
    """

    limits: ClassVar[Limits] = Limits(maxConnections=1)  # type: ignore[misc]

    def setUp(self) -> None:
        """
        Take all the room there is.
        """
        super().setUp()
        # Twisted takes the reactor's for connections of which it is told nothing.
        self.patch(tls, "_get_default_clock", lambda: self.reactor)
        self.authority = Authority(self.mktemp())
        self.options = self.authority.server("relay.example")
        self.connect()

    def secured(self) -> tuple[Reader, IOPump]:
        """
        Connect over TLS.
        """
        address = IPv4Address("TCP", "127.0.0.9", 1)
        server: Any = TLSMemoryBIOFactory(
            self.options, False, self.server.site, self.reactor
        ).buildProtocol(address)
        reader = Reader()
        trusting = optionsForClientTLS("relay.example", self.authority.certificate)
        client: Any = TLSMemoryBIOFactory(
            trusting, True, Factory.forProtocol(lambda: reader), self.reactor
        ).buildProtocol(address)
        pump = connect(
            server,
            FakeTransport(server, isServer=True, peerAddress=address),
            client,
            FakeTransport(client, isServer=False),
        )
        pump.flush()
        return reader, pump

    @row("F78")
    def test_told(self) -> None:
        """
        Once the handshake is done, it has the answer, and its connection ends.
        """
        reader, _ = self.secured()
        self.assertTrue(reader.told.startswith(b"HTTP/1.1 503 "), reader.told)
        self.assertTrue(reader.isOver)

    def test_many(self) -> None:
        """
        Where there are many that do not go, the next one is not even given a
        handshake.
        """
        many = [self.connect() for _ in range(MOST_TURNED_AWAY)]
        reader, _ = self.secured()
        self.assertEqual((reader.told, reader.isOver), (b"", True))
        many[0].wait(self.server.limits.linger + TICK)
