"""
Tests of L{txrocketmq._remoting.socks} and L{proxytalk
<txrocketmq._remoting.proxytalk>}, with proxies that do as a test says.
"""

from __future__ import annotations

import contextlib
from ipaddress import ip_network
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.remoting.doubles import REQUEST, answer
from txrocketmq._remoting.protocol import RemotingProtocol
from txrocketmq._remoting.proxytalk import REPLIES, ProxyRefused, talk
from txrocketmq._remoting.socks import _Tunnels
from txrocketmq.client import MQClient
from txrocketmq.errors import (
    ConnectFailed,
    ConnectionClosed,
    ConnectTimeout,
    InvalidConfiguration,
    ResolveFailed,
)
from txrocketmq.message import Message
from txrocketmq.producer import Producer
from txrocketmq.settings import ClientSettings, SocksProxy
from txrocketmq.testing import MemoryCluster

from .socksproxy import THROUGH, Proxy
from .test_endpoints import EndpointTestCase

PLAIN = SocksProxy("10.0.0.1:1080")
KNOWN = SocksProxy("10.0.0.1:1080", "till", "hünter2")

HELLO = b"\x05\x01\x00"
WELCOME = b"\x05\x00"
BROKER = "broker:10911"
TO_BROKER = b"\x05\x01\x00\x03\x06broker\x2a\x9f"


def said(
    *answers: bytes, host: str = "broker", port: int = 10911, proxy: SocksProxy = PLAIN
) -> list[bytes]:
    """
    What is said to a proxy that gives these answers, to its end.
    """
    spoken = talk(host, port, proxy)
    heard = b"".join(answers)
    words = []
    step = next(spoken)
    while True:
        written, wanted = step
        words.append(written)
        piece, heard = heard[:wanted], heard[wanted:]
        if len(piece) < wanted:
            raise EOFError(piece)
        try:
            step = spoken.send(piece)
        except StopIteration:
            return [each for each in words if each]


class TalkTests(SynchronousTestCase):
    """
    What is said to a proxy.
    """

    def refused(self, *answers: bytes, proxy: SocksProxy = PLAIN) -> str:
        """
        What is wrong with a proxy's answers.
        """
        error = self.assertRaises(ProxyRefused, said, *answers, proxy=proxy)
        return str(error)

    def test_name(self) -> None:
        """
        A name is the proxy's to resolve.
        """
        self.assertEqual(said(WELCOME, THROUGH), [HELLO, TO_BROKER])

    def test_addresses(self) -> None:
        """
        An address is given as what it is; an IPv4 address in IPv6 clothes is one.
        """
        for host, place in (
            ("10.1.2.3", b"\x01\x0a\x01\x02\x03"),
            ("::1", b"\x04" + bytes(15) + b"\x01"),
            ("::ffff:10.1.2.3", b"\x01\x0a\x01\x02\x03"),
        ):
            words = said(WELCOME, THROUGH, host=host, port=65535)
            self.assertEqual(words[1], b"\x05\x01\x00" + place + b"\xff\xff")

    def test_password(self) -> None:
        """
        A password is given to a proxy that asks for one, and to no other.
        """
        words = said(b"\x05\x02", b"\x01\x00", THROUGH, proxy=KNOWN)
        self.assertEqual(words[0], b"\x05\x02\x00\x02")
        self.assertEqual(words[1], b"\x01\x04till\x08h\xc3\xbcnter2")
        words = said(WELCOME, THROUGH, proxy=KNOWN)
        self.assertEqual(words[1], TO_BROKER)

    def test_wherefrom(self) -> None:
        """
        Where the proxy connects from may be said in any way, and is read to its end.
        """
        for place in (
            b"\x01" + bytes(4),
            b"\x04" + bytes(16),
            b"\x03\x02ab",
            b"\x03\0",
        ):
            said(WELCOME, b"\x05\x00\x00" + place + b"\x00\x01")
            self.assertRaises(
                EOFError, said, WELCOME, b"\x05\x00\x00" + place + b"\x00"
            )

    def test_noSocks(self) -> None:
        """
        What is no SOCKS5 proxy is told by its first words.
        """
        for words in (b"\x04\x00", b"HTTP/1.1", b"\x00\x5b", b"\x15\x03"):
            self.assertIn("does not speak SOCKS5", self.refused(words))

    def test_methods(self) -> None:
        """
        A proxy that wants to know who we are gets what we have, or nothing.
        """
        self.assertIn("wants a user name", self.refused(b"\x05\xff"))
        words = self.refused(b"\x05\xff", proxy=KNOWN)
        self.assertIn("another proof than a password", words)
        self.assertIn("method 2", self.refused(b"\x05\x02"))
        self.assertIn("method 1", self.refused(b"\x05\x01", proxy=KNOWN))

    def test_wrongPassword(self) -> None:
        """
        A password may be wrong; it is not repeated.
        """
        words = self.refused(b"\x05\x02", b"\x01\x01", proxy=KNOWN)
        self.assertIn("refused the user name or the password", words)
        self.assertNotIn("nter2", words)
        words = self.refused(b"\x05\x02", b"\x05\x00", proxy=KNOWN)
        self.assertIn("makes no sense", words)

    def test_replies(self) -> None:
        """
        Why it does not connect is said in words, also where it is new to us.
        """
        for code, words in REPLIES.items():
            reply = b"\x05" + bytes((code,)) + b"\x00\x01" + bytes(6)
            self.assertEqual(self.refused(WELCOME, reply), words)
        self.assertIn("code 9", self.refused(WELCOME, b"\x05\x09\x00\x01"))

    def test_nonsense(self) -> None:
        """
        An answer that is none is not taken for one.
        """
        for reply in (b"\x04\x00\x00\x01", b"\x05\x00\x01\x01", b"\x05\x00\x00\x02"):
            self.assertIn("makes no sense", self.refused(WELCOME, reply))

    @given(st.binary(max_size=300))
    def test_anything(self, heard: bytes) -> None:
        """
        Whatever a proxy says, it is understood, refused or not yet complete.
        """
        for proxy in (PLAIN, KNOWN):
            with contextlib.suppress(ProxyRefused, EOFError):
                said(heard, proxy=proxy)


class Noting(Protocol):
    """
    Notes what it hears.
    """

    def __init__(self) -> None:
        self.heard = b""
        self.ended: Failure | None = None

    def dataReceived(self, data: bytes) -> None:
        """
        Note it.
        """
        self.heard += data

    def connectionLost(self, reason: Any = None) -> None:
        """
        Note it.
        """
        self.ended = reason


class TunnelTests(SynchronousTestCase):
    """
    What becomes of a connection to a proxy.
    """

    def setUp(self) -> None:
        """
        Connect to one.
        """
        self.started: list[str] = []
        self.factory = Factory.forProtocol(Noting)
        self.factory.doStart = lambda: self.started.append("start")  # type: ignore[method-assign]
        self.factory.doStop = lambda: self.started.append("stop")  # type: ignore[method-assign]
        self.begin()

    def begin(self) -> None:
        """
        Be connected.
        """
        self.tunnels = _Tunnels(talk("broker", 10911, PLAIN), self.factory)
        self.tunnel = self.tunnels.buildProtocol(IPv4Address("TCP", "10.0.0.1", 1080))
        self.line = StringTransport()
        self.tunnel.makeConnection(self.line)

    @given(st.lists(st.integers(0, 20)), st.binary(max_size=9))
    def test_anyPieces(self, cuts: list[int], rest: bytes) -> None:
        """
        However the proxy's words arrive, they are understood, and what follows them
        is the user's to the byte.
        """
        self.begin()
        data = WELCOME + THROUGH + rest
        ends = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
        for start, end in pairwise(ends):
            self.tunnel.dataReceived(data[start:end])
        self.assertEqual(self.line.value(), HELLO + TO_BROKER)
        user: Any = self.successResultOf(self.tunnels.through)
        self.assertIs(user.transport, self.line)
        self.assertEqual(user.heard, rest)
        self.tunnel.dataReceived(b"more")
        self.assertEqual(user.heard, rest + b"more")
        reason = Failure(ConnectionDone())
        self.tunnel.connectionLost(reason)
        self.assertIs(user.ended, reason)

    def test_factory(self) -> None:
        """
        The factory hears that it is used, and no longer.
        """
        self.tunnels.doStart()
        self.tunnels.doStop()
        self.assertEqual(self.started, ["start", "stop"])

    def test_refused(self) -> None:
        """
        A proxy that does not do it is left at once, and not listened to.
        """
        self.tunnel.dataReceived(b"\x05\xff\x00\x00")
        self.failureResultOf(self.tunnels.through, ProxyRefused)
        self.assertTrue(self.line.disconnected)
        self.tunnel.dataReceived(WELCOME)
        self.tunnel.connectionLost(Failure(ConnectionDone()))

    def test_lost(self) -> None:
        """
        A proxy may go away.
        """
        self.tunnel.connectionLost(Failure(ConnectionDone()))
        failure = self.failureResultOf(self.tunnels.through, ProxyRefused)
        self.assertIn("closed the connection", str(failure.value))

    def test_cancelled(self) -> None:
        """
        Who does not wait any longer leaves the proxy.
        """
        self.tunnels.through.cancel()
        self.failureResultOf(self.tunnels.through, CancelledError)
        self.assertTrue(self.line.disconnected)
        self.tunnel.connectionLost(Failure(ConnectionDone()))

    def test_cancelledEarly(self) -> None:
        """
        There may be no connection yet.
        """
        tunnels = _Tunnels(talk("broker", 10911, PLAIN), self.factory)
        tunnels.through.cancel()
        self.failureResultOf(tunnels.through, CancelledError)

    def test_nobody(self) -> None:
        """
        A factory may have changed its mind.
        """
        self.factory.buildProtocol = lambda _: None  # type: ignore[method-assign,assignment]
        self.tunnel.dataReceived(WELCOME + THROUGH)
        self.failureResultOf(self.tunnels.through, ProxyRefused)
        self.assertTrue(self.line.disconnected)


class ConnectorTests(EndpointTestCase):
    """
    A connector with a proxy.
    """

    def proxied(self, address: str = BROKER, **settings: Any) -> Deferred[Any]:
        """
        Connect through one.
        """
        settings.setdefault("socks", PLAIN)
        return self.connector(**settings).connect(address)

    def test_connected(self) -> None:
        """
        The proxy is connected to and told the name; requests go through it.
        """
        d = self.proxied()
        self.assertEqual(self.asked(), [("10.0.0.1", 1080)])
        self.assertEqual(self.resolver.count, 0)
        line = self.accept()
        self.assertEqual(line.value(), HELLO)
        line.protocol.dataReceived(WELCOME)
        self.assertNoResult(d)
        line.clear()
        line.protocol.dataReceived(THROUGH)
        protocol = self.successResultOf(d)
        self.assertIsInstance(protocol, RemotingProtocol)
        self.assertEqual(protocol.address, BROKER)
        asked = protocol.invoke(REQUEST, 1.0)
        self.reactor.advance(0)
        (command,) = line.frames()
        line.protocol.dataReceived(answer(command.opaque))
        self.assertEqual(self.successResultOf(asked).code, 0)
        lost = protocol.invoke(REQUEST, 1.0)
        line.lose(ConnectionDone())
        self.failing(lost, ConnectionClosed)

    def test_refused(self) -> None:
        """
        What the proxy says is said with its address and the broker's.
        """
        d = self.proxied()
        line = self.accept()
        line.protocol.dataReceived(WELCOME + b"\x05\x05\x00\x01" + bytes(6))
        e = self.failing(d, ConnectFailed)
        self.assertEqual(
            str(e),
            "broker:10911: SOCKS proxy 10.0.0.1:1080: "
            "connection refused: nobody listens there",
        )
        self.assertEqual(e.address, BROKER)
        self.assertIsInstance(e.__cause__, ProxyRefused)
        self.assertEqual(line.aborted, 1)
        self.reactor.advance(0)

    def test_noProxy(self) -> None:
        """
        So is that there is none.
        """
        d = self.proxied()
        self.refuse()
        e = self.failing(d, ConnectFailed)
        self.assertIn("SOCKS proxy 10.0.0.1:1080: connection refused", str(e))
        self.assertIsInstance(e.__cause__, ConnectionRefusedError)

    def test_timeout(self) -> None:
        """
        All that together takes no longer than connectTimeout.
        """
        d = self.proxied(connectTimeout=2.0)
        self.reactor.advance(1.0)
        line = self.accept()
        line.protocol.dataReceived(WELCOME)
        self.reactor.advance(0.99)
        self.assertNoResult(d)
        self.reactor.advance(0.01)
        self.failing(d, ConnectTimeout)
        self.assertEqual(line.aborted, 1)

    def test_cancelled(self) -> None:
        """
        An attempt can be given up before and after there is a connection.
        """
        d = self.proxied()
        d.cancel()
        self.failing(d, CancelledError)
        self.assertTrue(self.reactor.connectors[0].stoppedConnecting)
        d = self.proxied()
        line = self.accept(1)
        d.cancel()
        self.failing(d, CancelledError)
        self.assertEqual(line.aborted, 1)
        self.reactor.advance(0)

    def test_proxyByName(self) -> None:
        """
        The proxy's own name is resolved here, and may lead anywhere.
        """
        settings: dict[str, Any] = {
            "socks": SocksProxy("proxy:1080"),
            "allowedAddresses": [ip_network("10.0.0.0/8")],
        }
        d = self.proxied("10.0.0.9:10911", **settings)
        self.resolver.find("192.0.2.1")
        self.reactor.advance(0)
        self.assertEqual(self.asked(), [("192.0.2.1", 1080)])
        d.cancel()
        self.failing(d, CancelledError)

    def test_proxyUnknown(self) -> None:
        """
        A proxy that has no address is a ResolveFailed, and named.
        """
        d = self.proxied(socks=SocksProxy("proxy:1080"))
        self.resolver.find()
        e = self.failing(d, ResolveFailed)
        self.assertIn("broker:10911: SOCKS proxy proxy:1080:", str(e))

    def test_allowed(self) -> None:
        """
        Where only some addresses are allowed, no name is: the proxy would resolve
        it.
        """
        inside = [ip_network("10.0.0.0/8")]
        e = self.failing(self.proxied(allowedAddresses=inside), ConnectFailed)
        self.assertIn("would resolve this name", str(e))
        self.failing(self.proxied("11.0.0.1:1", allowedAddresses=inside), ConnectFailed)
        self.assertEqual(self.asked(), [])

    def test_addressMap(self) -> None:
        """
        The proxy is told where an address is really reached.
        """
        d = self.proxied(addressMap={BROKER: "10.1.2.3:1"})
        line = self.accept()
        line.protocol.dataReceived(WELCOME)
        self.assertEqual(
            line.value(), HELLO + b"\x05\x01\x00\x01\x0a\x01\x02\x03\x00\x01"
        )
        d.cancel()
        self.failing(d, CancelledError)
        self.reactor.advance(0)

    def test_badAddress(self) -> None:
        """
        A proxy's address that is none is refused when the client is made.
        """
        for text in ("a b:1", "::1:80", "1.2.3:80"):
            self.assertRaises(
                InvalidConfiguration, self.connector, socks=SocksProxy(text)
            )


class ClusterTests(SynchronousTestCase):
    """
    A cluster that is reached through a proxy only.
    """

    def test_send(self) -> None:
        """
        Name servers and brokers are both reached through it, by names that only the
        proxy knows.
        """
        cluster = MemoryCluster()
        self.addCleanup(cluster.stop)
        network = cluster.network
        names = {"inside": "127.0.0.1"}
        proxy = Proxy(lambda name, port: network.connectTo(None, names[name], port))
        network.open("proxy", 1080, proxy)

        def toInside(address: str) -> str:
            return address.replace("127.0.0.1", "inside")

        settings = ClientSettings(
            socks=SocksProxy("proxy:1080"),
            addressMap=toInside,
            endpointFactory=network.connectTo,
        )
        client = MQClient(cluster.clock, cluster.sandbox.nameServerAddresses, settings)
        client.startService()
        producer = Producer(client, "through")
        result = cluster.result(producer.send(Message("T", b"tea")))
        self.assertEqual(result.sendStatus.name, "SEND_OK")
        self.assertEqual([m.body for m in cluster.sandbox.messages("T")], [b"tea"])
        self.assertEqual({host for host, _ in proxy.asked}, {"inside"})
        self.assertGreaterEqual(len(proxy.asked), 2)
        cluster.result(client.stopService())
        cluster.flush()
        self.assertEqual(producer.stats().sent, 1)
