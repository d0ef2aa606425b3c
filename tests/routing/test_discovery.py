"""
An address server says where the name servers are, and can do no harm.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from tests.support import TestCase
from txrocketmq._routing.discovery import (
    MAX_ADDRESSES,
    MAX_BODY,
    POLL_INTERVAL,
    RETRY_INTERVAL,
    TIMEOUT,
    HTTPNameServers,
)
from txrocketmq.errors import InvalidConfiguration, RouteError
from txrocketmq.interfaces import INameServers

from .doubles import ONE, TWO, Log

URL = "http://127.0.0.1:8080/rocketmq/nsaddr?key=SECRET"


class Connection(StringTransport):
    """
    The far end of a connection that a test plays.

    As with a real one, what was received before it was closed still arrives.

    @ivar protocol: Our end.
    """

    protocol: Any = None

    @property
    def lost(self) -> bool:
        """
        Whether our end was closed.
        """
        return self.disconnecting or self.disconnected


def response(
    body: bytes, status: str = "200 OK", *headers: str, length: int | None = None
) -> bytes:
    """
    What an HTTP server sends.
    """
    count = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {count}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


class DiscoveryTests(TestCase):
    """
    Real HTTP, but no sockets.
    """

    def setUp(self) -> None:
        """
        Know the address server.
        """
        super().setUp()
        self.source = HTTPNameServers(self.reactor, URL)

    def connect(self) -> tuple[Any, Connection]:
        """
        Accept the only connection there is.
        """
        host: str
        port: int
        factory: Any
        ((host, port, factory, *_),) = self.reactor.tcpClients
        self.assertEqual((host, port), ("127.0.0.1", 8080))
        self.reactor.tcpClients.clear()
        protocol: Any = factory.buildProtocol(None)
        connection = Connection()
        connection.protocol = protocol
        protocol.makeConnection(connection)
        return protocol, connection

    def ask(self, *pieces: bytes) -> tuple[Deferred[Sequence[str]], Connection]:
        """
        Ask for the addresses, and answer.
        """
        addresses = self.source.addresses()
        protocol, connection = self.connect()
        for piece in pieces:
            protocol.dataReceived(piece)
        return addresses, connection

    def learn(self, *addresses: str) -> None:
        """
        Have the address server list these, and see them arrive.
        """
        asked, connection = self.ask(response(";".join(addresses).encode()))
        self.assertEqual(self.successResultOf(asked), addresses)
        self.assertTrue(connection.lost)

    def refused(self, *pieces: bytes) -> str:
        """
        Ask, answer with nonsense, and give what the error says.
        """
        asked, connection = self.ask(*pieces)
        error = self.failureResultOf(asked, RouteError).value
        self.assertTrue(connection.lost)
        self.assertNotIn("SECRET", str(error))
        return str(error)


class ListTests(DiscoveryTests):
    """
    The list is one short line.
    """

    def test_interface(self) -> None:
        """
        It is a source of name servers.
        """
        verifyObject(INameServers, self.source)

    def test_request(self) -> None:
        """
        It is asked for plainly: nothing is told, nothing compressed is wanted.
        """
        asked, connection = self.ask()
        lines = connection.value().decode().split("\r\n")
        self.assertEqual(lines[0], "GET /rocketmq/nsaddr?key=SECRET HTTP/1.1")
        self.assertIn("Host: 127.0.0.1:8080", lines)
        self.assertIn("Client-Version: V5_5_0", lines)
        self.assertNotIn("accept-encoding", connection.value().decode().lower())
        asked.cancel()
        self.failureResultOf(asked, CancelledError)

    def test_addresses(self) -> None:
        """
        The first line of the answer counts, without what is around it.
        """
        for text in (
            b"127.0.0.1:9876;127.0.0.2:9876",
            b"\n 127.0.0.1:9876;127.0.0.2:9876;\r\n",
            b"127.0.0.1:9876;127.0.0.2:9876\rnot this",
            b"127.0.0.1:9876;127.0.0.2:9876\n<html>",
        ):
            self.source = HTTPNameServers(self.reactor, URL)
            asked, _ = self.ask(response(text))
            self.assertEqual(self.successResultOf(asked), (ONE, TWO))

    def test_pieces(self) -> None:
        """
        It may come in pieces, and in chunks, and end with the connection.
        """
        for head, body, tail in (
            (b"Content-Length: 14\r\n", b"127.0.0.1:9876", b""),
            (
                b"Transfer-Encoding: chunked\r\n",
                b"e\r\n127.0.0.1:9876",
                b"\r\n0\r\n\r\n",
            ),
            (b"", b"127.0.0.1:9876", b""),
        ):
            self.source = HTTPNameServers(self.reactor, URL)
            whole = b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + body + tail
            asked, connection = self.ask(*(bytes([byte]) for byte in whole))
            if not head:
                self.assertNoResult(asked)
                connection.protocol.connectionLost(Failure(ConnectionDone()))
            self.assertEqual(self.successResultOf(asked), (ONE,))

    def test_kept(self) -> None:
        """
        A list is good for two minutes, and then asked for again.
        """
        self.learn(ONE, TWO)
        self.reactor.advance(POLL_INTERVAL - 0.1)
        self.assertEqual(self.successResultOf(self.source.addresses()), (ONE, TWO))
        self.assertEqual(self.reactor.tcpClients, [])
        self.reactor.advance(0.1)
        self.learn(TWO)

    def test_together(self) -> None:
        """
        All who ask at the same time share one request.
        """
        first, second = self.source.addresses(), self.source.addresses()
        protocol, _ = self.connect()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        protocol.dataReceived(response(b"127.0.0.1:9876"))
        self.assertEqual(self.successResultOf(second), (ONE,))

    def test_agent(self) -> None:
        """
        Another agent may make the requests.
        """
        requests: list[tuple[bytes, bytes]] = []

        class Agent:
            def request(
                self, method: bytes, uri: bytes, headers: object, body: object
            ) -> Deferred[Any]:
                requests.append((method, uri))
                return Deferred()

        source = HTTPNameServers(self.reactor, URL, agent=Agent())  # type: ignore[arg-type]
        asked = source.addresses()
        self.assertEqual(requests, [(b"GET", URL.encode())])
        asked.cancel()
        self.failureResultOf(asked, CancelledError)


class BoundTests(DiscoveryTests):
    """
    Nothing an address server does costs much.
    """

    def test_slow(self) -> None:
        """
        Connection, answer and body share three seconds; then the connection ends.
        """
        whole = response(b"127.0.0.1:9876")
        for sent in (0, 10, len(whole) - 1):
            asked, connection = self.ask(whole[:sent])
            self.reactor.advance(TIMEOUT - 0.1)
            self.assertNoResult(asked)
            self.reactor.advance(0.2)
            error = self.failureResultOf(asked, RouteError).value
            self.assertIn("did not answer within 3 seconds", str(error))
            self.assertTrue(connection.lost)

    def test_drip(self) -> None:
        """
        A byte now and then does not make it longer.
        """
        asked = self.source.addresses()
        protocol, connection = self.connect()
        for byte in response(b"127.0.0.1:9876")[:40]:
            if not connection.lost:
                protocol.dataReceived(bytes([byte]))
            self.reactor.advance(0.1)
        self.failureResultOf(asked, RouteError)

    def test_noConnection(self) -> None:
        """
        A connection that is never made is waited for as long.
        """
        asked = self.source.addresses()
        self.reactor.advance(TIMEOUT)
        self.failureResultOf(asked, RouteError)

    def test_refused(self) -> None:
        """
        A connection that is refused is no list.
        """
        asked = self.source.addresses()
        factory: Any = self.reactor.tcpClients[0][2]
        factory.clientConnectionFailed(None, Failure(ConnectionRefusedError()))
        self.reactor.advance(0.3)
        error = self.failureResultOf(asked, RouteError).value
        self.assertIn("refused", str(error))

    def test_cancel(self) -> None:
        """
        Cancelling ends the connection too.
        """
        asked, connection = self.ask(response(b"127.0", length=14))
        asked.cancel()
        self.failureResultOf(asked, CancelledError)
        self.assertTrue(connection.lost)

    def test_huge(self) -> None:
        """
        More than 4 KiB are not read, said or not.
        """
        address = b"127.0.0.1:9876;"
        for pieces in (
            [response(address * 1000)],
            [response(b"", length=10**9), *[address] * 274],
            [b"HTTP/1.1 200 OK\r\n\r\n", *[address] * 274],
        ):
            text = self.refused(*pieces)
            self.assertIn(f"more than {MAX_BODY} bytes", text)

    def test_restIsIgnored(self) -> None:
        """
        What still arrives afterwards is dropped.
        """
        chunks = b"1388\r\n" + b"x" * 5000 + b"\r\n5\r\nxxxxx\r\n0\r\n\r\n"
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        self.refused(head + chunks)

    def test_mostAddresses(self) -> None:
        """
        So many name servers nobody has.
        """
        listed = [f"127.0.0.1:{9000 + at}" for at in range(MAX_ADDRESSES + 1)]
        self.assertIn(
            "65 name servers", self.refused(response(";".join(listed).encode()))
        )
        self.learn(*listed[:-1])

    def test_compressed(self) -> None:
        """
        A compressed body is no list: a few bytes could be many.
        """
        bomb = gzip.compress(b"127.0.0.1:9876")
        self.refused(response(bomb, "200 OK", "Content-Encoding: gzip"))


class NonsenseTests(DiscoveryTests):
    """
    Only a list is a list.
    """

    def test_status(self) -> None:
        """
        Any other status than 200 is no list, whatever the body says.
        """
        for status in ("404 Not Found", "500 Oh", "204 No Content", "206 Partial"):
            for length in (14, 10**9):
                text = self.refused(response(b"127.0.0.1:9876", status, length=length))
                self.assertIn(f"status {status[:3]}", text)

    def test_redirect(self) -> None:
        """
        Redirects are not followed.
        """
        for status in (301, 302, 303, 307, 308):
            text = self.refused(
                response(b"", f"{status} There", "Location: http://127.0.0.1:1/")
            )
            self.assertIn(f"status {status}", text)
            self.assertEqual(self.reactor.tcpClients, [])

    def test_noList(self) -> None:
        """
        HTML, nothing, and addresses that are none, are no list, one bad among good
        ones included.
        """
        for body in (
            b"",
            b"\n",
            b";;",
            b"<html><body>login</body></html>",
            b"127.0.0.1",
            b"127.0.0.1:0",
            b"127.0.0.1:9876,127.0.0.2:9876",
            b"127.0.0.1:9876;evil",
            b"http://127.0.0.1:9876",
            b"\xff\xfe",
            "\uff11.0.0.1:9876".encode(),
        ):
            self.refused(response(body))

    def test_noHTTP(self) -> None:
        """
        Something that is no HTTP server is no address server.
        """
        self.refused(b"SSH-2.0-OpenSSH\r\n\r\n")
        self.flushLoggedErrors()

    def test_lost(self) -> None:
        """
        Half a body is no list.
        """
        asked, connection = self.ask(response(b"127.0.0.1:98", length=14))
        connection.protocol.connectionLost(Failure(ConnectionDone()))
        self.failureResultOf(asked, RouteError)


class LastListTests(DiscoveryTests):
    """
    The last good list stays.
    """

    def test_stays(self) -> None:
        """
        Nothing but a list replaces it, and the failure is a line in the log.
        """
        log = Log(self)
        self.learn(ONE)
        self.reactor.advance(POLL_INTERVAL)
        for at, body in enumerate((b"", b"<html>", b"x" * 5000)):
            asked, _ = self.ask(response(body))
            self.assertEqual(self.successResultOf(asked), (ONE,))
            self.assertEqual(len(log.at("warn")), at + 1)
            self.reactor.advance(RETRY_INTERVAL)
        self.assertNotIn("SECRET", "".join(log.at("warn")))
        self.learn(TWO)

    def test_notAskedAtOnce(self) -> None:
        """
        An address server that is down is not asked for each lookup.
        """
        self.learn(ONE)
        self.reactor.advance(POLL_INTERVAL)
        asked = self.source.addresses()
        self.reactor.advance(TIMEOUT)
        self.assertEqual(self.successResultOf(asked), (ONE,))
        self.reactor.tcpClients.clear()
        self.reactor.advance(RETRY_INTERVAL - 0.1)
        self.assertEqual(self.successResultOf(self.source.addresses()), (ONE,))
        self.assertEqual(self.reactor.tcpClients, [])

    def test_none(self) -> None:
        """
        Without any list the error names the server and what was wrong; the next
        one who asks finds out whether it is better now.
        """
        text = self.refused(response(b"", "503 Busy"))
        self.assertIn("http://127.0.0.1:8080/rocketmq/nsaddr", text)
        self.learn(ONE)

    def test_cancelledRefresh(self) -> None:
        """
        Cancelling is no failure of the address server.
        """
        self.learn(ONE)
        self.reactor.advance(POLL_INTERVAL)
        asked = self.source.addresses()
        asked.cancel()
        self.failureResultOf(asked, CancelledError)
        self.reactor.tcpClients.clear()
        self.learn(TWO)


class URLTests(TestCase):
    """
    What is asked for is what was meant.
    """

    def askedFor(self, url: str, unitName: str | None = None) -> str:
        """
        The URL requests are made for.
        """
        return HTTPNameServers(self.reactor, url, unitName=unitName)._url

    def test_unit(self) -> None:
        """
        A unit has a list of its own.
        """
        self.assertEqual(
            self.askedFor("https://x.test/rocketmq/nsaddr", "u1"),
            "https://x.test/rocketmq/nsaddr-u1?nofix=1",
        )
        self.assertEqual(
            self.askedFor("http://x.test", "u1"), "http://x.test/-u1?nofix=1"
        )
        self.assertEqual(self.askedFor("http://x.test/a?b=c"), "http://x.test/a?b=c")

    def test_refused(self) -> None:
        """
        What is no address server's URL is refused, and a password never shown.
        """
        for url in (
            "",
            "nsaddr",
            "127.0.0.1:8080",
            "ftp://x.test/a",
            "http://",
            "http:///a",
            "http://x.test:port/a",
            "http://me:hunter2@x.test/a",
            None,
        ):
            error = self.assertRaises(InvalidConfiguration, self.askedFor, url)
            self.assertNotIn("hunter2", str(error))
