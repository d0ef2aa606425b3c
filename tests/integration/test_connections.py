"""
Connections over real sockets, to good peers and to bad ones.
"""

from __future__ import annotations

import socket
import struct
from typing import Any

from twisted.internet import reactor as globalReactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import (
    TCP4ClientEndpoint,
    TCP4ServerEndpoint,
    TCP6ServerEndpoint,
    wrapClientTLS,
)
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import (
    CertificateOptions,
    optionsForClientTLS,
)
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.trial.unittest import SkipTest, TestCase
from twisted.web.resource import Resource
from twisted.web.server import Site

from tests.certificates import Authority
from tests.remoting.doubles import REQUEST
from txrocketmq._remoting.connection import BrokerConnection
from txrocketmq._remoting.endpoints import Connector
from txrocketmq._remoting.factory import RemotingFactory
from txrocketmq._remoting.pool import ConnectionPool
from txrocketmq._remoting.protocol import RemotingProtocol
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.frames import MAX_FRAME
from txrocketmq.errors import (
    ConnectFailed,
    ConnectionClosed,
    ConnectTimeout,
    Persisted,
    ProtocolError,
    RemotingTimeout,
    ResolveFailed,
    TLSFailed,
)
from txrocketmq.settings import ClientSettings, TLSSettings

reactor: Any = globalReactor

SOON = 0.3
"""
Seconds, where a test must wait for a time to be over.
"""


def echo(command: RemotingCommand, protocol: RemotingProtocol) -> RemotingCommand:
    """
    Answer with the request's body.
    """
    return command.response(body=command.body)


class SocketTestCase(TestCase):
    """
    Tests with a server, and a pool of connections to it.
    """

    timeout = 30

    def pool(self, **settings: Any) -> ConnectionPool:
        """
        Make a pool that is closed when the test ends.
        """
        settings.setdefault("connectTimeout", 10.0)
        connector = Connector(reactor, reactor, ClientSettings(**settings), echo)
        pool = ConnectionPool(reactor, connector.connect)
        self.addCleanup(pool.close)
        return pool

    def connection(self, address: str, **settings: Any) -> BrokerConnection:
        """
        Make one connection.
        """
        return self.pool(**settings).connection(address)

    async def listen(self, factory: Any, *, v6: bool = False) -> str:
        """
        Listen, and give the address.
        """
        if v6:
            endpoint: Any = TCP6ServerEndpoint(reactor, 0, interface="::1")
        else:
            endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        port = await endpoint.listen(factory)
        self.addCleanup(port.stopListening)
        return f"{'[::1]' if v6 else '127.0.0.1'}:{port.getHost().port}"

    async def serve(self, tls: CertificateOptions | None = None, **more: Any) -> str:
        """
        Listen with the protocol's other role, and give the address.
        """
        self.server: Any = RemotingFactory(reactor, echo, **more)
        self.addCleanup(self.closeServer)
        if tls is None:
            return await self.listen(self.server)
        return await self.listen(TLSMemoryBIOFactory(tls, False, self.server))

    async def closeServer(self) -> None:
        """
        Drop what the server has, and wait until it is gone.
        """
        protocols = list(self.server.protocols)
        ended = gatherResults([each.whenClosed() for each in protocols])
        for protocol in protocols:
            protocol.abort()
        await ended

    async def fails(self, d: Deferred[Any], *errors: type[Exception]) -> Any:
        """
        What a Deferred failed with.
        """
        return await self.assertFailure(d, *errors)

    def raw(self, backlog: int = 5) -> tuple[socket.socket, str]:
        """
        Listen with a bare socket.
        """
        listener = socket.socket()
        self.addCleanup(listener.close)
        listener.bind(("127.0.0.1", 0))
        listener.listen(backlog)
        return listener, f"127.0.0.1:{listener.getsockname()[1]}"


class PlainTests(SocketTestCase):
    """
    Good peers, over TCP.
    """

    async def exchange(self, connection: BrokerConnection) -> None:
        """
        Ask and be answered.
        """
        answer = await connection.invoke(REQUEST, 5.0)
        self.assertEqual((answer.code, answer.body), (0, b"body"))

    async def test_IPv4(self) -> None:
        """
        By IPv4 address, and without delay for small frames.
        """
        connection = self.connection(await self.serve())
        await self.exchange(connection)
        assert connection.live is not None
        transport: Any = connection.live.transport
        self.assertTrue(transport.getTcpNoDelay())
        self.assertTrue(transport.getTcpKeepAlive())

    async def test_IPv6(self) -> None:
        """
        By IPv6 address.
        """
        try:
            factory = RemotingFactory(reactor, echo)
            address = await self.listen(factory, v6=True)
        except CannotListenError as e:
            raise SkipTest("there is no IPv6 here") from e
        await self.exchange(self.connection(address))

    async def test_name(self) -> None:
        """
        By host name.
        """
        port = (await self.serve()).rpartition(":")[2]
        await self.exchange(self.connection(f"localhost:{port}"))

    async def test_both(self) -> None:
        """
        The other side asks too, and knows us by our own address.
        """
        connection = self.connection(await self.serve())
        await self.exchange(connection)
        [protocol] = self.server.protocols
        self.assertRegex(protocol.address, r"127\.0\.0\.1:\d+")
        answer = await protocol.invoke(RemotingCommand(39, body=b"back"), 5.0)
        self.assertEqual(answer.body, b"back")

    async def test_large(self) -> None:
        """
        The largest frame there is goes there and back.
        """
        connection = self.connection(await self.serve())
        body = bytes(range(256)) * ((MAX_FRAME - 4096) // 256)
        answer = await connection.invoke(RemotingCommand(10, body=body), 20.0)
        self.assertEqual(answer.body, body)

    async def test_many(self) -> None:
        """
        Thousands at once are answered, each its own.
        """
        connection = self.connection(await self.serve())
        waiting = [
            connection.invoke(RemotingCommand(10, body=b"%d" % n), 20.0)
            for n in range(3000)
        ]
        answers = await gatherResults(waiting)
        self.assertEqual([int(each.body) for each in answers], list(range(3000)))

    async def test_reconnect(self) -> None:
        """
        After the peer has dropped the connection the next request makes a new
        one.
        """
        connection = self.connection(await self.serve())
        await self.exchange(connection)
        assert connection.live is not None
        ended = connection.live.whenClosed()
        await self.closeServer()
        await ended
        self.assertIsNone(connection.live)
        await self.exchange(connection)

    async def test_goAway(self) -> None:
        """
        A peer that says GO_AWAY is asked again on another connection, and the
        first is closed.
        """
        asked: list[RemotingProtocol] = []

        def respond(
            command: RemotingCommand, protocol: RemotingProtocol
        ) -> RemotingCommand:
            asked.append(protocol)
            return command.response(1500 if len(asked) == 1 else 0, body=b"body")

        self.server = RemotingFactory(reactor, respond)
        self.addCleanup(self.closeServer)
        await self.exchange(self.connection(await self.listen(self.server)))
        first, second = asked
        self.assertIsNot(first, second)
        await first.whenClosed()
        self.assertFalse(second.retired)


class AbsentTests(SocketTestCase):
    """
    Peers that are not there.  F01, F02, F05.
    """

    async def test_nobodyListens(self) -> None:
        """
        Nobody listens: at once, in plain words.
        """
        listener, address = self.raw()
        listener.close()
        e = await self.fails(
            self.connection(address).invoke(REQUEST, 5.0), ConnectFailed
        )
        self.assertEqual(str(e), f"{address}: connection refused: nobody listens there")
        self.assertIs(e.persisted, Persisted.NO)

    async def test_unknownHost(self) -> None:
        """
        A name that has no address.
        """
        e = await self.fails(
            self.connection("no-such-host.invalid:9876").invoke(REQUEST, 20.0),
            ResolveFailed,
        )
        self.assertIn("has no address", str(e))

    async def test_swallowed(self) -> None:
        """
        A peer whose accept queue is full lets connections hang: they end
        after connectTimeout.
        """
        _, address = self.raw(backlog=0)
        place = ("127.0.0.1", int(address.rpartition(":")[2]))
        for _ in range(2):
            filler = socket.socket()
            filler.setblocking(False)
            self.addCleanup(filler.close)
            filler.connect_ex(place)
        connection = self.connection(address, connectTimeout=SOON)
        e = await self.fails(connection.invoke(REQUEST, 5.0), ConnectTimeout)
        self.assertIs(e.persisted, Persisted.NO)


class Bytes(Protocol):
    """
    A peer that says something, whatever it hears.
    """

    def __init__(self, data: bytes, reset: bool) -> None:
        self.data = data
        self.reset = reset

    def dataReceived(self, data: bytes) -> None:
        """
        Say it, and hang up or not.
        """
        transport: Any = self.transport
        transport.write(self.data)
        if self.reset:
            reactor.callLater(0.05, self._reset)

    def _reset(self) -> None:
        """
        Hang up so that the other side gets an RST.
        """
        transport: Any = self.transport
        linger = struct.pack("ii", 1, 0)
        transport.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abortConnection()


class BadPeerTests(SocketTestCase):
    """
    Peers that do not do as they should.  F03, F20 to F23, F30b.
    """

    async def says(self, data: bytes, *, reset: bool = False) -> str:
        """
        Listen with a peer that says something.
        """
        factory = Factory()
        factory.buildProtocol = lambda addr: Bytes(data, reset)  # type: ignore[method-assign]
        return await self.listen(factory)

    async def test_HTTP(self) -> None:
        """
        An HTTP server on the port is recognised.
        """
        address = await self.listen(Site(Resource()))
        # A request line, for a server that waits for its end.
        command = RemotingCommand(10, body=b"\r\n\r\n")
        e = await self.fails(
            self.connection(address).invoke(command, 5.0), ProtocolError
        )
        self.assertIn("this is an HTTP server", str(e))
        self.assertIs(e.persisted, Persisted.MAYBE)

    async def test_garbage(self) -> None:
        """
        Bytes that are no frame end the connection at once.
        """
        address = await self.says(b"220 mail.example ESMTP\r\n")
        e = await self.fails(
            self.connection(address).invoke(REQUEST, 5.0), ProtocolError
        )
        self.assertIn("is this a RocketMQ port?", str(e))

    async def test_reset(self) -> None:
        """
        A reset in the middle of an answer fails the request at once.
        """
        address = await self.says(b"\0\0\1\0\0\0\0\x20{", reset=True)
        e = await self.fails(
            self.connection(address).invoke(REQUEST, 25.0), ConnectionClosed
        )
        self.assertIs(e.persisted, Persisted.MAYBE)

    async def test_halfAFrame(self) -> None:
        """
        Half an answer, and then nothing: the connection is dropped after the
        frame's time.
        """
        address = await self.says(b"\0\0\1\0\0\0\0\x20{")
        connection = self.connection(address, requestTimeout=SOON)
        e = await self.fails(connection.invoke(REQUEST, 25.0), ConnectionClosed)
        self.assertIn("did not arrive whole", str(e))

    async def test_silent(self) -> None:
        """
        A listener that never says anything: the request may have been carried
        out, and the connection is dropped.
        """
        _, address = self.raw()
        connection = self.connection(address, requestTimeout=SOON)
        protocol = await connection.protocol()
        e = await self.fails(connection.invoke(REQUEST, SOON), RemotingTimeout)
        self.assertIs(e.persisted, Persisted.MAYBE)
        await protocol.whenClosed()
        self.assertIsNone(connection.live)

    async def test_neverReads(self) -> None:
        """
        A peer that never reads: what the transport has taken may have been
        carried out, all else surely was not, and the connection is dropped.
        """
        _, address = self.raw()
        connection = self.connection(address, requestTimeout=SOON)
        protocol = await connection.protocol()
        command = RemotingCommand(10, body=bytes(1_000_000))
        waiting = [connection.invoke(command, SOON) for _ in range(50)]
        seen = []
        for d in waiting:
            e = await self.fails(d, RemotingTimeout, ConnectionClosed)
            seen.append(e.persisted)
        self.assertIs(seen[0], Persisted.MAYBE)
        # What the kernel's buffers and one of the transport's hold.
        self.assertLess(seen.count(Persisted.MAYBE), 25)
        self.assertEqual(seen, sorted(seen, key=lambda p: p is Persisted.NO))
        await protocol.whenClosed()

    async def test_readsLater(self) -> None:
        """
        When it reads after all, everything gets there, in its order.
        """
        connection = self.connection(await self.serve())
        await connection.invoke(REQUEST, 5.0)
        [protocol] = self.server.protocols
        protocol.transport.pauseProducing()
        bodies = [b"%07d" % n * 100_000 for n in range(30)]
        waiting = [
            connection.invoke(RemotingCommand(10, body=body), 20.0) for body in bodies
        ]
        assert connection.live is not None
        self.assertTrue(connection.live.paused)
        reactor.callLater(0.05, protocol.transport.resumeProducing)
        answers = await gatherResults(waiting)
        self.assertEqual([each.body[:7] for each in answers], [b[:7] for b in bodies])


class TLSTests(SocketTestCase):
    """
    TLS.  F14, F15.
    """

    def setUp(self) -> None:
        """
        Make an authority.
        """
        self.authority = Authority(self.mktemp())

    def secure(self, address: str, **more: Any) -> BrokerConnection:
        """
        A connection with TLS.
        """
        trust = more.pop("trustRoots", self.authority.roots)
        return self.connection(address, tls=TLSSettings(trustRoots=trust, **more))

    async def test_good(self) -> None:
        """
        Requests of all sizes, many at once.
        """
        address = await self.serve(self.authority.server("127.0.0.1"))
        connection = self.secure(address)
        bodies = [bytes([n % 256]) * (n * 997) for n in range(200)]
        waiting = [
            connection.invoke(RemotingCommand(10, body=body), 20.0) for body in bodies
        ]
        answers = await gatherResults(waiting)
        self.assertEqual([each.body for each in answers], bodies)

    async def test_name(self) -> None:
        """
        By host name.
        """
        address = await self.serve(self.authority.server("localhost"))
        port = address.rpartition(":")[2]
        answer = await self.secure(f"localhost:{port}").invoke(REQUEST, 5.0)
        self.assertEqual(answer.code, 0)

    async def test_refused(self) -> None:
        """
        Another authority's certificate, or another host's, is refused before
        anything is said.
        """
        other = Authority(self.mktemp())
        for server in (other.server("127.0.0.1"), self.authority.server("127.0.0.2")):
            address = await self.serve(server)
            e = await self.fails(self.secure(address).invoke(REQUEST, 5.0), TLSFailed)
            self.assertIs(e.persisted, Persisted.NO)

    async def test_clientCertificate(self) -> None:
        """
        A peer that wants our certificate takes it, and refuses us without.
        """
        address = await self.serve(self.authority.demanding("127.0.0.1"))
        certificate, key = self.authority.client()
        connection = self.secure(address, certificate=certificate, privateKey=key)
        self.assertEqual((await connection.invoke(REQUEST, 5.0)).code, 0)
        e = await self.fails(self.secure(address).invoke(REQUEST, 5.0), TLSFailed)
        self.assertIs(e.persisted, Persisted.MAYBE)

    async def test_plainPeer(self) -> None:
        """
        A peer that speaks no TLS is never spoken to without.
        """
        address = await self.serve()
        e = await self.fails(self.secure(address).invoke(REQUEST, 5.0), TLSFailed)
        self.assertIn("does it speak TLS", str(e))

    async def test_plainClient(self) -> None:
        """
        A peer that wants TLS hangs up on us without; the error guesses why.
        """
        address = await self.serve(self.authority.server("127.0.0.1"))
        e = await self.fails(
            self.connection(address).invoke(REQUEST, 5.0), ConnectionClosed
        )
        self.assertIn("does it want TLS?", str(e))

    async def test_stalledHandshake(self) -> None:
        """
        A handshake that does not go on ends with connectTimeout.
        """
        _, address = self.raw()
        connection = self.connection(address, tls=TLSSettings(), connectTimeout=SOON)
        await self.fails(connection.invoke(REQUEST, 5.0), ConnectTimeout)

    async def test_ownEndpoint(self) -> None:
        """
        An endpoint of one's own may have its own TLS.
        """
        address = await self.serve(self.authority.server("127.0.0.1"))
        root = self.authority.certificate

        def endpoint(reactor: Any, host: str, port: int) -> Any:
            options = optionsForClientTLS(host, trustRoot=root)
            return wrapClientTLS(options, TCP4ClientEndpoint(reactor, host, port))

        connection = self.connection(address, endpointFactory=endpoint)
        self.assertEqual((await connection.invoke(REQUEST, 5.0)).code, 0)
