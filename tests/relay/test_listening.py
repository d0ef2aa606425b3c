"""
Tests for L{txrocketmq.relay.listening} and L{txrocketmq.relay.certificates}.
"""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.endpoints import AdoptedStreamServerEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactorClock
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from tests.certificates import Authority
from tests.relay.places import ShortPaths
from txrocketmq.relay import listening
from txrocketmq.relay.certificates import Identity, contextOf
from txrocketmq.relay.endpoints import Place, parsePlace
from txrocketmq.relay.leaving import CannotStart
from txrocketmq.relay.listening import BACKLOG, Doors


def parsed(text: str) -> Place:
    """
    A place that is given where the test runs.
    """
    return parsePlace(text, "--listen", str(Path.cwd()))


class FullReactor(MemoryReactorClock):
    """
    A reactor whose port 2 is taken.

    @ivar adopted: The descriptors it was given.
    """

    def __init__(self) -> None:
        super().__init__()
        self.adopted: list[int] = []
        self.sockets: list[tuple[str, int, int, bool]] = []

    def listenTCP(
        self, port: int, factory: object, backlog: int = 50, interface: str = ""
    ) -> object:
        """
        Listen, or not.
        """
        if port == 2:
            raise CannotListenError(interface, port, OSError(98, "Address in use"))
        return super().listenTCP(port, factory, backlog, interface)

    def listenUNIX(
        self,
        address: str,
        factory: object,
        backlog: int = 50,
        mode: int = 0o666,
        wantPID: bool = False,
    ) -> object:
        """
        Keep where it was to listen.
        """
        self.sockets.append((address, backlog, mode, wantPID))
        return super().listenUNIX(address, factory, backlog, mode, wantPID)

    def adoptStreamPort(self, number: int, family: object, factory: object) -> object:
        """
        Take a port over.
        """
        self.adopted.append(number)
        return super().listenTCP(0, factory, 0, "adopted")


class DoorTestCase(ShortPaths, SynchronousTestCase):
    """
    A test of listening.
    """

    def setUp(self) -> None:
        """
        Make a reactor.
        """
        self.reactor: Any = FullReactor()

    def doors(
        self,
        *texts: str,
        identities: dict[str, Identity] | None = None,
        guarded: bool = False,
    ) -> Doors:
        """
        Doors at some places.
        """
        places = [parsed(text) for text in texts]
        return Doors(self.reactor, places, identities or {}, guarded)

    def refused(self, *texts: str, guarded: bool = False) -> str:
        """
        Why it cannot listen.
        """
        doors = self.doors(*texts, guarded=guarded)
        error = self.assertRaises(CannotStart, doors.open, Factory())
        self.assertNotIn("\n", str(error))
        return str(error)


class DoorTests(DoorTestCase):
    """
    Listening.
    """

    def test_open(self) -> None:
        """
        All places are bound, once however often it is asked for, and take
        connections when they are told to; closing closes them all.
        """
        doors = self.doors(
            "tcp:1:interface=127.0.0.1", "tcp:3:interface=127.0.0.1:backlog=7"
        )
        doors.open(Factory())
        doors.open(Factory())
        bound = [(port, backlog) for port, _, backlog, _ in self.reactor.tcpServers]
        self.assertEqual(bound, [(1, BACKLOG), (3, 7)])
        self.assertEqual(len(doors.addresses), 2)
        self.assertEqual(doors.links[0], f"http://{doors.addresses[0]}/")
        self.assertEqual(self.reactor.getReaders(), [])
        doors.accept()
        self.assertEqual(len(self.reactor.getReaders()), 2)
        for closing in doors.close():
            self.successResultOf(closing)
        self.assertEqual(doors.close(), [])
        self.assertEqual(doors.addresses, [])

    def test_unix(self) -> None:
        """
        A socket is where its path leads to from where the program was started.
        """
        here = Path.cwd()
        path = self.shortDirectory()
        os.chdir(path)
        self.addCleanup(os.chdir, here)
        self.doors("unix:s", "unix:/t:mode=660:lockfile=0:backlog=9").open(Factory())
        self.assertEqual(
            self.reactor.sockets,
            [(f"{path}/s", BACKLOG, 0o666, True), ("/t", 9, 0o660, False)],
        )

    def test_again(self) -> None:
        """
        What was closed can be opened again.
        """
        doors = self.doors("tcp:1:interface=127.0.0.1")
        doors.open(Factory())
        doors.close()
        doors.open(Factory())
        self.assertEqual(len(self.reactor.tcpServers), 2)

    def test_taken(self) -> None:
        """
        A port that is taken ends the process with one line; it is an exception
        for others, too.
        """
        text = "tcp:2:interface=127.0.0.1"
        self.assertEqual(
            self.refused(text), f"txrocketmq: cannot listen on {text!r}: Address in use"
        )
        self.assertTrue(issubclass(CannotStart, SystemExit))
        self.assertTrue(issubclass(CannotStart, Exception))

    def test_otherReasons(self) -> None:
        """
        Whatever the reason is, it is told in one line.
        """

        def fail(*_: object, **__: object) -> None:
            raise RuntimeError("odd\nindeed")

        self.patch(self.reactor, "listenTCP", fail)
        self.assertTrue(self.refused("tcp:1").endswith(": odd indeed"))


class InheritedTests(DoorTestCase):
    """
    Sockets that systemd has made.
    """

    def setUp(self) -> None:
        """
        Pass some descriptors, as systemd would.
        """
        super().setUp()
        self.descriptors: list[int] = []

        def fromString(reactor: Any, text: str) -> AdoptedStreamServerEndpoint:
            fields = dict(part.split("=") for part in text.split(":")[1:])
            number = self.descriptors[int(fields["index"])]
            family = getattr(socket, f"AF_{fields['domain']}")
            return AdoptedStreamServerEndpoint(reactor, number, family)

        self.patch(listening, "serverFromString", fromString)

    def inherit(self, address: Any, family: int = socket.AF_INET) -> None:
        """
        Have a socket that was bound by somebody else.
        """
        bound = socket.socket(family)
        self.addCleanup(bound.close)
        bound.bind(address)
        self.descriptors.append(os.dup(bound.fileno()))

    def test_adopted(self) -> None:
        """
        They are listened at.
        """
        self.inherit(("127.0.0.1", 0))
        self.inherit(f"{self.shortDirectory()}/socket", socket.AF_UNIX)
        doors = self.doors("systemd:domain=INET:index=0", "systemd:domain=UNIX:index=1")
        doors.open(Factory())
        self.assertEqual(self.reactor.adopted, self.descriptors)

    def test_otherMachines(self) -> None:
        """
        One that other machines can reach needs a guard as all do.
        """
        text = "systemd:domain=INET:index=0"
        self.inherit(("0.0.0.0", 0))
        self.assertIn("can be reached from other machines", self.refused(text))
        self.doors(text, guarded=True).open(Factory())
        self.assertEqual(self.reactor.adopted, self.descriptors)

    def test_missing(self) -> None:
        """
        One that was not passed, or is another, is told.
        """
        text = "systemd:domain=INET:index=0"
        self.assertIn("systemd has not passed such a socket", self.refused(text))
        self.inherit(f"{self.shortDirectory()}/socket", socket.AF_UNIX)
        self.assertIn("of another family: AF_UNIX", self.refused(text))


class CertificateTests(DoorTestCase):
    """
    Listening with TLS.
    """

    def setUp(self) -> None:
        """
        Make an authority.
        """
        super().setUp()
        self.authority = Authority(self.mktemp())
        self.certificate, self.key = self.authority.client("relay.example")

    def place(self, **fields: str) -> Place:
        """
        A place.
        """
        fields = {"privateKey": self.key, "certKey": self.certificate, **fields}
        text = ":".join(f"{name}={value}" for name, value in fields.items() if value)
        return parsed(f"ssl:1:{text}")

    def wrong(self, **fields: str) -> str:
        """
        Why files do not load: one line, and nothing of what they hold.
        """
        error = str(self.assertRaises(UsageError, contextOf, self.place(**fields)))
        self.assertNotIn("\n", error)
        return error

    def shake(self, server: SSL.Connection, client: SSL.Context) -> SSL.Connection:
        """
        Do a handshake, and one round more.
        """
        connection = SSL.Connection(client, None)
        connection.set_connect_state()
        server.set_accept_state()
        for _ in range(5):
            for here, there in ((connection, server), (server, connection)):
                with contextlib.suppress(SSL.WantReadError):
                    here.do_handshake()
                with contextlib.suppress(SSL.WantReadError):
                    there.bio_write(here.bio_read(65536))
        return connection

    def test_listens(self) -> None:
        """
        It listens with what the files hold; exchanged, that is shown to those who
        come later.
        """
        place = self.place()
        identity = Identity(contextOf(place))
        doors = self.doors(place.text, identities={place.text: identity})
        doors.open(Factory())
        ((port, _, contextFactory, _, interface),) = self.reactor.sslServers
        self.assertEqual((port, interface), (1, ""))
        self.assertIs(contextFactory, identity)
        client = SSL.Context(SSL.TLS_METHOD)
        for name in ("relay.example", "other.example"):
            certificate, key = self.authority.client(name)
            place = self.place(certKey=certificate, privateKey=key)
            identity.context = contextOf(place)
            server = identity.serverConnectionForTLS(None)  # type: ignore[arg-type]
            shown = self.shake(server, client).get_peer_certificate()
            assert shown is not None
            self.assertIn(
                name.encode(), shown.to_cryptography().public_bytes(Encoding.DER)
            )

    def test_protocols(self) -> None:
        """
        Whatever protocols a client offers, it is HTTP/1.1 that is spoken, and told
        if the client has asked for it.
        """
        identity = Identity(contextOf(self.place()))
        for offered, taken in (
            ([b"h2", b"http/1.1"], b"http/1.1"),
            ([b"http/1.1"], b"http/1.1"),
            ([b"h2"], b""),
        ):
            client = SSL.Context(SSL.TLS_METHOD)
            client.set_alpn_protos(offered)
            server = identity.serverConnectionForTLS(None)  # type: ignore[arg-type]
            shaken = self.shake(server, client)
            self.assertEqual(shaken.get_alpn_proto_negotiated(), taken)

    def test_clients(self) -> None:
        """
        Where a client must show a certificate, one of that authority will do, and
        none and another's will not.
        """
        identity = Identity(contextOf(self.place(clientCA=self.authority.roots)))
        for authority, good in (
            (self.authority, True),
            (Authority(self.mktemp()), False),
            (None, False),
        ):
            client = SSL.Context(SSL.TLS_METHOD)
            if authority is not None:
                certificate, key = authority.client("someone")
                client.use_certificate_chain_file(certificate)
                client.use_privatekey_file(key)
            server = identity.serverConnectionForTLS(None)  # type: ignore[arg-type]
            if good:
                self.shake(server, client)
                self.assertIsNotNone(server.get_peer_certificate())
            else:
                self.assertRaises(SSL.Error, self.shake, server, client)

    def test_oneFile(self) -> None:
        """
        One file may hold everything, and another what is between.
        """
        content = Path(self.key).read_bytes() + Path(self.certificate).read_bytes()
        both = self.authority.file("both.pem", content)
        contextOf(self.place(privateKey=both, certKey=""))
        contextOf(self.place(extraCertChain=self.authority.roots))

    def test_wrong(self) -> None:
        """
        What does not load is named.
        """
        broken = self.authority.file(
            "broken.pem",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        )
        other = self.authority.client("other")[1]
        for fields, word in (
            ({"privateKey": "/nowhere"}, "privateKey that does not open: No such"),
            ({"certKey": "/nowhere"}, "certKey that does not open"),
            ({"clientCA": "/nowhere"}, "clientCA that does not open"),
            ({"extraCertChain": "/nowhere"}, "extraCertChain that does not open"),
            ({"certKey": self.key}, "holds no certificate"),
            ({"certKey": broken}, "certificate that does not load"),
            ({"privateKey": self.certificate}, "holds no key"),
            ({"privateKey": self.authority.encrypted()}, "without a passphrase"),
            ({"privateKey": other}, "not its certificate's"),
        ):
            self.assertIn(word, self.wrong(**fields))


class SocketTests(SynchronousTestCase):
    """
    Addresses, as they are shown.
    """

    def test_shown(self) -> None:
        """
        An address is a host and a port, or a path.
        """
        for address, shown in (
            (IPv4Address("TCP", "127.0.0.1", 80), "127.0.0.1:80"),
            (IPv6Address("TCP", "::1", 80), "[::1]:80"),
            (UNIXAddress("/run/relay"), "/run/relay"),
        ):
            self.assertEqual(listening.shownAddress(address), shown)
