"""
Tests of L{txrocketmq.tls}, and of connections with it, in memory.  F14 to F17.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import CertificateOptions, TLSVersion, optionsForClientTLS
from twisted.protocols import tls as twistedTLS
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.test.iosim import FakeTransport, IOPump, connect
from zope.interface import implementer

from tests.certificates import Authority
from tests.openssl import TLS_1_2, TLS_1_3, OpenSSLServer, library
from tests.remoting.doubles import REQUEST, LineTestCase, logged, noAnswer
from tests.support import TestCase
from txrocketmq import tls
from txrocketmq._remoting.endpoints import Connector
from txrocketmq._remoting.factory import RemotingFactory
from txrocketmq._remoting.protocol import RemotingProtocol
from txrocketmq._wire.command import RemotingCommand
from txrocketmq.errors import (
    ConnectionClosed,
    ConnectTimeout,
    InvalidConfiguration,
    Persisted,
    TLSFailed,
)
from txrocketmq.settings import ClientSettings, TLSSettings
from txrocketmq.tls import wrapper


class FileTests(TestCase):
    """
    The files of the settings are read at once.
    """

    def setUp(self) -> None:
        """
        Make an authority.
        """
        super().setUp()
        self.authority = Authority(self.mktemp())

    def refused(self, **settings: Any) -> str:
        """
        What is wrong with some settings.
        """
        e = self.assertRaises(InvalidConfiguration, wrapper, TLSSettings(**settings))
        return str(e)

    def test_platformTrust(self) -> None:
        """
        Nothing need be set.
        """
        self.assertTrue(callable(wrapper(TLSSettings())))

    def test_good(self) -> None:
        """
        A key may be in a file of its own, or with its certificate.
        """
        certificate, key = self.authority.client()
        wrapper(TLSSettings(certificate=certificate, privateKey=key))
        content = Path(key).read_bytes() + Path(certificate).read_bytes()
        both = self.authority.file("both.pem", content)
        wrapper(TLSSettings(certificate=both, trustRoots=self.authority.roots))

    def test_missing(self) -> None:
        """
        A file that is not there is named, with its setting.
        """
        certificate, _ = self.authority.client()
        for settings in (
            {"trustRoots": "/nowhere.pem"},
            {"certificate": "/nowhere.pem"},
            {"certificate": certificate, "privateKey": "/nowhere.pem"},
        ):
            why = self.refused(**settings)
            self.assertIn(f"{list(settings)[-1]} '/nowhere.pem': No such file", why)

    def test_notPEM(self) -> None:
        """
        So is one that holds nothing of the kind.
        """
        empty = self.authority.file("empty.pem", b"")
        broken = self.authority.file(
            "broken.pem",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        )
        certificate, _ = self.authority.client()
        self.assertIn("holds no PEM certificate", self.refused(trustRoots=empty))
        self.assertIn("does not load", self.refused(trustRoots=broken))
        self.assertIn("does not load", self.refused(certificate=broken))
        why = self.refused(certificate=certificate)
        self.assertIn("holds no private key", why)
        self.assertIn("certificate", why)

    def test_encrypted(self) -> None:
        """
        Nobody is asked for a passphrase.
        """
        certificate, _ = self.authority.client()
        why = self.refused(
            certificate=certificate, privateKey=self.authority.encrypted()
        )
        self.assertIn("without a passphrase", why)

    def test_otherKey(self) -> None:
        """
        A key must be that of its certificate.
        """
        certificate, _ = self.authority.client("one")
        _, key = self.authority.client("other")
        why = self.refused(certificate=certificate, privateKey=key)
        self.assertIn("not that of certificate", why)

    def test_keyAlone(self) -> None:
        """
        A key is nothing without a certificate.
        """
        self.assertIn("certificate is not", self.refused(privateKey="x.pem"))

    def test_insecure(self) -> None:
        """
        That certificates are not checked is warned of once, not for each
        connection.
        """
        observer = logged(self)
        wrap = wrapper(TLSSettings(insecureSkipVerify=True))
        self.assertEqual(len(observer), 1)
        for host in ("broker", "10.0.0.1", "::1"):
            wrap(MemoryEndpoint(self, Protocol), host)
        self.assertEqual(len(observer), 1)


class ServerTransport(FakeTransport):
    """
    A transport whose protocol may fail, as a reactor's may: it is lost then.

    Twisted's TLS does, before 26, where nothing in the client's hello suits.
    """

    def bufferReceived(self, buf: Any) -> None:
        """
        Receive something.
        """
        try:
            super().bufferReceived(buf)
        except IndexError:
            self.loseConnection()


@implementer(IStreamClientEndpoint)
class MemoryEndpoint:
    """
    An endpoint that leads to a protocol in this process.
    """

    def __init__(self, test: Any, server: Any) -> None:
        """
        @param server: What makes the server's protocol.
        """
        self.test = test
        self.server = server
        self.pump: IOPump | None = None

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        """
        Connect.
        """
        client = protocolFactory.buildProtocol(None)
        server = self.server()
        self.clientIO = FakeTransport(client, isServer=False)
        self.serverIO = ServerTransport(server, isServer=True)
        self.pump = connect(
            server,
            self.serverIO,
            client,
            self.clientIO,
            greet=False,
            clock=self.test.reactor,
        )
        return succeed(client)


class TLSTestCase(LineTestCase):
    """
    Connections with TLS, in memory.
    """

    def setUp(self) -> None:
        """
        Make an authority, and keep Twisted's TLS away from the real reactor.
        """
        super().setUp()
        self.authority = Authority(self.mktemp())
        self.patch(twistedTLS, "_get_default_clock", lambda: self.reactor)
        self.heard: list[int] = []

    def respond(
        self, command: RemotingCommand, protocol: RemotingProtocol
    ) -> RemotingCommand:
        """
        The server answers everything.
        """
        self.heard.append(command.code)
        return command.response(remark="secret")

    def connect(
        self,
        server: Any,
        host: str = "broker.example",
        *,
        flush: bool = True,
        **settings: Any,
    ) -> Deferred[RemotingProtocol]:
        """
        Connect to what makes a server's protocol, or with what it has of TLS.
        """
        self.heard.clear()
        if isinstance(server, CertificateOptions):
            remoting = RemotingFactory(self.reactor, self.respond)
            factory = TLSMemoryBIOFactory(server, False, remoting, self.reactor)
            self.endpoint = MemoryEndpoint(self, lambda: factory.buildProtocol(None))
        else:
            self.endpoint = MemoryEndpoint(self, server)
        settings.setdefault("trustRoots", self.authority.roots)
        self.connector = Connector(
            self.reactor,
            self.reactor,
            ClientSettings(
                tls=TLSSettings(**settings), endpointFactory=lambda *_: self.endpoint
            ),
            noAnswer,
        )
        d = self.connector.connect(f"{host}:10911")
        if flush:
            self.flush()
        return d

    def flush(self) -> None:
        """
        Carry everything over.
        """
        assert self.endpoint.pump is not None
        self.endpoint.pump.flush()

    def refused(self, server: Any, *args: Any, **settings: Any) -> str:
        """
        Why a connection is not made; nothing was said on it.
        """
        e = self.failing(self.connect(server, *args, **settings), TLSFailed)
        self.assertEqual((e.persisted, self.heard), (Persisted.NO, []))
        self.flush()
        return str(e)

    def accepted(self, server: Any, *args: Any, **settings: Any) -> None:
        """
        A connection is made, and a request goes over it and back.
        """
        protocol = self.successResultOf(self.connect(server, *args, **settings))
        d = protocol.invoke(REQUEST, 3.0)
        self.flush()
        self.assertEqual(self.successResultOf(d).remark, "secret")
        self.close(protocol)

    def close(self, protocol: RemotingProtocol) -> None:
        """
        Close, with TLS's own goodbye.
        """
        d = protocol.whenClosed()
        protocol.close()
        self.flush()
        self.successResultOf(d)


class HandshakeTests(TLSTestCase):
    """
    With whom there is a connection, and with whom there is not.
    """

    def test_good(self) -> None:
        """
        A host with a certificate for its name, or its address, is spoken to.
        """
        self.accepted(self.authority.server("broker.example"))
        self.accepted(self.authority.server("10.0.0.9"), "10.0.0.9")
        self.accepted(self.authority.server("2001:db8::9"), "[2001:db8::9]")

    def test_serverName(self) -> None:
        """
        The name may be set, where routes name addresses.
        """
        server = self.authority.server("broker.example")
        self.accepted(server, "10.0.0.9", serverName="broker.example")
        self.refused(server, "10.0.0.9")

    def test_wrongHost(self) -> None:
        """
        A certificate for another host, or another address, is refused.
        """
        why = self.refused(self.authority.server("other.example"))
        self.assertIn("not for this host", why)
        self.refused(self.authority.server("10.0.0.8"), "10.0.0.9")

    def test_otherAuthority(self) -> None:
        """
        So is one of an authority that is not trusted: another one, or, with
        the platform's trust, ours.
        """
        other = Authority(self.mktemp())
        why = self.refused(other.server("broker.example"))
        self.assertIn("certificate verify failed", why)
        self.refused(self.authority.server("broker.example"), trustRoots=None)

    def test_peerThatSaysNoGoodbye(self) -> None:
        """
        Who closes does not wait for the peer to close TLS too; the peer gets all
        that was written, and a goodbye.
        """
        protocol = self.successResultOf(
            self.connect(self.authority.server("broker.example"))
        )
        self.successResultOf(protocol.oneway(REQUEST))
        ended = protocol.whenClosed()
        protocol.close()
        assert self.endpoint.clientIO is not None
        assert self.endpoint.serverIO is not None
        self.assertTrue(self.endpoint.clientIO.disconnecting)
        # Nothing comes back.
        self.patch(self.endpoint.serverIO, "write", lambda data: None)
        self.flush()
        self.successResultOf(ended)
        self.assertEqual(self.heard, [REQUEST.code])
        server = self.endpoint.serverIO.protocol
        self.assertIsNone(server._reason)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_closedWhilePaused(self) -> None:
        """
        While TLS holds something back, what is under it is not ended.
        """
        protocol = self.successResultOf(
            self.connect(self.authority.server("broker.example"))
        )
        protocol.pauseProducing()
        protocol.close()
        assert self.endpoint.clientIO is not None
        self.assertFalse(self.endpoint.clientIO.disconnecting)
        self.flush()
        self.successResultOf(protocol.whenClosed())

    def test_exchanged(self) -> None:
        """
        Who is trusted can be exchanged, for the connections made from then on;
        where there is no TLS there is nothing to exchange.
        """
        other = Authority(self.mktemp())
        self.refused(other.server("broker.example"))
        wrap = wrapper(TLSSettings(trustRoots=other.roots))
        self.connector.secureWith(wrap)
        d = self.connector.connect("broker.example:10911")
        self.flush()
        self.close(self.successResultOf(d))
        plain = Connector(self.reactor, self.reactor, ClientSettings(), noAnswer)
        self.assertRaises(ValueError, plain.secureWith, wrap)

    def test_expired(self) -> None:
        """
        So is one that has expired.
        """
        self.refused(self.authority.expired("broker.example"))

    def test_oldTLS(self) -> None:
        """
        A peer that knows nothing better than TLS 1.1 is refused.
        """
        self.refused(
            self.authority.server(
                "broker.example",
                insecurelyLowerMinimumTo=TLSVersion.TLSv1_0,
                lowerMaximumSecurityTo=TLSVersion.TLSv1_1,
            )
        )

    def test_insecure(self) -> None:
        """
        Anybody is spoken to if that is what is wanted.
        """
        other = Authority(self.mktemp())
        for host in ("broker.example", "10.0.0.9", "[2001:db8::9]"):
            self.accepted(other.expired("x"), host, insecureSkipVerify=True)

    def test_nameIsSent(self) -> None:
        """
        A peer with many names is told which is wanted, checked or not; it is
        not told an address.
        """
        server = self.authority.server("broker.example", "10.0.0.9", "2001:db8::9")
        for host, name in (
            ("broker.example", b"broker.example"),
            ("10.0.0.9", None),
            ("[2001:db8::9]", None),
        ):
            for insecure in (False, True):
                d = self.connect(server, host, insecureSkipVerify=insecure)
                protocol = self.successResultOf(d)
                handle = self.endpoint.serverIO.protocol.getHandle()
                self.assertEqual(handle.get_servername(), name)
                self.close(protocol)

    def test_clientCertificate(self) -> None:
        """
        A peer that wants a certificate gets ours, with its chain.
        """
        certificate, key = self.authority.client()
        self.accepted(
            self.authority.demanding("broker.example"),
            certificate=certificate,
            privateKey=key,
        )

    def test_noClientCertificate(self) -> None:
        """
        A peer that wants one, and gets none, may say so only after the first
        request was written: that is a TLSFailed, and MAYBE.
        """
        server = self.authority.demanding("broker.example")
        d = self.connect(server, flush=False)
        pump = self.endpoint.pump
        while pump is not None and not d.called:
            pump.pump()
        asked = self.successResultOf(d).invoke(REQUEST, 3.0)
        self.flush()
        e = self.failing(asked, TLSFailed)
        self.assertEqual((self.heard, e.persisted), ([], Persisted.MAYBE))
        self.assertIn("certificate required", str(e))

    def test_noClientCertificateLater(self) -> None:
        """
        When it has said so before the first request, that is a TLSFailed too,
        and NO.
        """
        d = self.connect(self.authority.demanding("broker.example"))
        e = self.failing(self.successResultOf(d).invoke(REQUEST, 3.0), TLSFailed)
        self.assertEqual(e.persisted, Persisted.NO)

    def test_plainText(self) -> None:
        """
        A peer that speaks plain RocketMQ, or HTTP, is refused, and hears
        nothing but TLS.
        """
        plain = RemotingFactory(self.reactor, self.respond)
        observer = logged(self)
        why = self.refused(lambda: plain.buildProtocol(None))
        self.assertIn("does it speak TLS", why)
        self.assertEqual(len(observer), 1)

        class HTTP(Protocol):
            """
            A server that knows what to say to everybody.
            """

            def dataReceived(self, data: bytes) -> None:
                """
                Say it.
                """
                assert self.transport is not None
                self.transport.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        self.assertIn("does not speak TLS", self.refused(HTTP))

    def test_silent(self) -> None:
        """
        A handshake that does not go on ends with connectTimeout, and the
        connection is dropped.
        """
        d = self.connect(Protocol)
        self.assertNoResult(d)
        self.reactor.advance(3.0)
        self.failing(d, ConnectTimeout)
        self.assertTrue(self.endpoint.clientIO.disconnecting)
        self.flush()

    def test_closedInTheHandshake(self) -> None:
        """
        A peer that hangs up in the handshake is a TLSFailed.
        """
        closing = Factory.forProtocol(Protocol)
        d = self.connect(lambda: closing.buildProtocol(None))
        self.endpoint.serverIO.loseConnection()
        self.flush()
        e = self.failing(d, TLSFailed)
        self.assertIn("closed the connection in the TLS handshake", str(e))

    def test_truncated(self) -> None:
        """
        A connection that ends without TLS's goodbye, in the middle of an
        answer, has given no answer.
        """
        protocol = self.successResultOf(
            self.connect(self.authority.server("broker.example"))
        )
        d = protocol.invoke(REQUEST, 3.0)
        self.endpoint.clientIO.protocol.connectionLost(Failure(ConnectionLost()))
        e = self.failing(d, ConnectionClosed)
        self.assertEqual(e.persisted, Persisted.MAYBE)
        # Before Twisted 26 its write buffer has a delayed call left.
        self.reactor.advance(0)
        self.endpoint.serverIO.protocol.connectionLost(Failure(ConnectionDone()))

    def test_oneContextForAHost(self) -> None:
        """
        What a host is checked with is made once.
        """
        made: list[str] = []

        def counting(host: str, *args: Any, **options: Any) -> Any:
            made.append(host)
            return optionsForClientTLS(host, *args, **options)

        self.patch(tls, "optionsForClientTLS", counting)
        wrap = wrapper(TLSSettings(trustRoots=self.authority.roots))
        for host in ("a", "b", "a"):
            wrap(MemoryEndpoint(self, Protocol), host)
        self.assertEqual(made, ["a", "b"])


class LaterTests(TLSTestCase):
    """
    What a peer may do after the handshake.
    """

    if library() is None:
        skip = "there is no OpenSSL library to be found"

    def meet(self, version: int) -> tuple[RemotingProtocol, OpenSSLServer]:
        """
        Connect to such a peer.
        """
        certificate, key = self.authority.client("broker.example")
        server = OpenSSLServer(certificate, key, version)
        return self.successResultOf(self.connect(lambda: server)), server

    def asks(self, protocol: RemotingProtocol) -> Deferred[RemotingCommand]:
        """
        Ask something, that is not carried over yet.
        """
        return protocol.invoke(REQUEST, 3.0)

    def test_newKeys(self) -> None:
        """
        New keys in between, at any time, change nothing (TLS 1.3).
        """
        protocol, server = self.meet(TLS_1_3)
        for _ in range(3):
            asked = self.asks(protocol)
            server.newKeys()
            self.flush()
            self.assertEqual(self.successResultOf(asked).remark, "secret")
            server.newKeys()
            self.flush()
        self.assertEqual(server.heard, 3)
        self.close(protocol)

    def test_newTickets(self) -> None:
        """
        Nor do tickets for other connections.
        """
        for version in (TLS_1_3, TLS_1_2):
            protocol, server = self.meet(version)
            if version == TLS_1_3:
                server.newTicket()
            asked = self.asks(protocol)
            self.flush()
            self.assertEqual(self.successResultOf(asked).remark, "secret")
            self.close(protocol)

    def test_anotherHandshake(self) -> None:
        """
        Another handshake (TLS 1.2) is done, or is the end of the connection: then
        what was asked may have been carried out.
        """
        protocol, server = self.meet(TLS_1_2)
        asked = self.asks(protocol)
        server.handshakeAgain()
        self.flush()
        self.assertEqual(self.successResultOf(asked).remark, "secret")
        again = self.asks(protocol)
        self.flush()
        self.assertEqual(self.successResultOf(again).remark, "secret")
        self.assertEqual(server.handshakes, 1)
        self.close(protocol)

    def test_halfAnAnswer(self) -> None:
        """
        Half an answer under new keys, and then nothing more, is no answer.
        """
        protocol, server = self.meet(TLS_1_3)
        asked = self.asks(protocol)
        answer = server._answer
        self.patch(server, "_answer", lambda frame: answer(frame[:-3]))
        self.flush()
        server.newKeys()
        self.flush()
        self.assertNoResult(asked)
        self.endpoint.clientIO.protocol.connectionLost(Failure(ConnectionLost()))
        e = self.failing(asked, ConnectionClosed)
        self.assertEqual(e.persisted, Persisted.MAYBE)
        self.reactor.advance(0)
