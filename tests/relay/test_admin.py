"""
Tests for C{--admin-listen}: what is at which address, and for whom.
"""

from __future__ import annotations

import json
from http.client import HTTPResponse
from io import BytesIO
from typing import Any, cast

import attrs
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IProtocol
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.relay.looking import LookingTestCase
from txrocketmq.errors import SpoolUnavailable
from txrocketmq.relay import refusals
from txrocketmq.relay.admin import Admin
from txrocketmq.relay.adminsite import (
    DEADLINE,
    MOST_BODY,
    MOST_CONNECTIONS,
    AdminSite,
)
from txrocketmq.relay.origins import isOurs
from txrocketmq.relay.page.render import MOST_FAILURES, STATIC
from txrocketmq.relay.tally import REASONS

#: What is nowhere in an answer, though it is in the request.
MARK = "Xq7Zmark"


class Wire(StringTransport):
    """
    A transport that is gone when somebody closes it.
    """

    gone = False

    def abortConnection(self) -> None:
        """
        Be gone.
        """
        self.loseConnection()

    def settle(self, protocol: IProtocol) -> None:
        """
        Tell that it is gone, once.
        """
        if self.disconnecting and not self.gone:
            self.gone = True
            protocol.connectionLost(Failure(ConnectionDone()))


@attrs.frozen
class Reply:
    """
    What came back.
    """

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """
        The body, read.
        """
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """
        What is wrong.
        """
        code: str = self.json["error"]["code"]
        return code


class AdminTestCase(LookingTestCase):
    """
    A test with a connection to an admin listener.
    """

    def setUp(self) -> None:
        """
        Connect.
        """
        super().setUp()
        self.clock_: Any = self.clock
        self.site = AdminSite(self.clock, Admin(self.state, ["relay.example.org"]))
        self.connect()

    def connect(self) -> None:
        """
        Make a new connection.
        """
        address = IPv4Address("TCP", "127.0.0.1", 1)
        self.protocol = cast(Any, self.site.buildProtocol(address))
        self.protocol.callLater = self.clock.callLater
        self.wire = Wire(peerAddress=address)
        self.protocol.makeConnection(self.wire)
        self.addCleanup(self._end, self.wire, self.protocol)

    def _end(self, wire: Wire, protocol: Any) -> None:
        """
        End a connection.
        """
        wire.loseConnection()
        wire.settle(protocol)

    def give(self, data: bytes) -> None:
        """
        Send bytes.
        """
        self.protocol.dataReceived(data)
        self.wire.settle(self.protocol)

    def reply(self, method: str = "GET") -> Reply:
        """
        Read what has come back.
        """
        data = self.wire.value()
        self.wire.clear()
        response = HTTPResponse(cast(Any, _Received(data)), method=method)
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, headers, response.read())

    def ask(self, method: str, path: str, **headers: str) -> Reply:
        """
        Send a request, and read its answer.

        @param headers: Names with C{_} for C{-}.
        """
        named = {"Host": "127.0.0.1:8089"}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        self.give(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode())
        return self.reply(method)


class _Received:
    """
    What the standard library takes for a socket.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, mode: str) -> BytesIO:
        """
        The bytes, to be read.
        """
        return BytesIO(self._data)


class AddressTests(AdminTestCase):
    """
    What is where.
    """

    def test_page(self) -> None:
        """
        At the root is the page, with the figures of now.
        """
        self.send(3)
        reply = self.ask("GET", "/")
        self.assertEqual(reply.status, 200)
        self.assertEqual(reply.headers["content-type"], "text/html; charset=utf-8")
        page = reply.body.decode()
        self.assertTrue(page.startswith("<!DOCTYPE html>\n<html"))
        for figure in ("Everything is stored as it comes", ">broker-a<", "reached"):
            self.assertIn(figure, page)
        self.assertIn('data-level="ok"', page)
        self.assertIn('data-spool="no"', page)
        self.assertNotIn("t:render", page)
        for old in ("src", "href"):
            self.assertNotIn(f'{old}="http', page)

    def test_pageEscapes(self) -> None:
        """
        What a cluster says of itself is text in it.
        """
        self.state.group = "<b onload=alert(1)>"
        page = self.ask("GET", "/").body
        self.assertNotIn(b"<b onload", page)
        self.assertIn(b"&lt;b onload=alert(1)&gt;", page)

    def test_pageWithSpool(self) -> None:
        """
        With a spool the page shows what waits and what is refused.
        """
        self.spooling()
        self.spool.add(2)
        self.spool.figures.update(waiting=7, waitingBytes=1 << 19)
        self.tally.refused("damaged")
        page = self.ask("GET", "/").body.decode()
        self.assertIn('data-spool="yes"', page)
        self.assertIn('data-refused="yes"', page)
        self.assertIn("512 KiB of 1.0 MiB", page)
        self.assertIn('value="50"', page)
        self.assertIn("it was damaged in the spool", page)

    def test_manyFailures(self) -> None:
        """
        The page has the last failures, and says how many more there are.
        """
        for reason in REASONS:
            self.tally.failed(reason, 0.1, 1, "NO")
        page = self.ask("GET", "/").body.decode()
        self.assertEqual(page.count('class="failed"'), MOST_FAILURES)
        self.assertIn(f"{len(REASONS) - MOST_FAILURES} more in /v1/status", page)

    def test_static(self) -> None:
        """
        Beside it are a style sheet, a script and an icon.
        """
        for name, kind in STATIC.items():
            reply = self.ask("GET", f"/{name}")
            self.assertEqual((reply.status, reply.headers["content-type"]), (200, kind))
            self.assertGreater(len(reply.body), 100)

    def test_status(self) -> None:
        """
        All figures are there as JSON, with as much history as is asked for.
        """
        self.cluster.advance(3.0)
        reply = self.ask("GET", "/v1/status")
        self.assertEqual(reply.headers["content-type"], "application/json")
        self.assertEqual(reply.json["group"], "group")
        self.assertNotIn("history", reply.json)
        more = self.ask("GET", "/v1/status?history=1&texts=true").json
        self.assertEqual(len(more["history"]["accepted"]), 2)
        self.assertIn("uptime", more["texts"])

    def test_badHistory(self) -> None:
        """
        A point that is no number is refused.
        """
        for bad in ("history=", "history=x", "history=1&history=2", "history=-1"):
            reply = self.ask("GET", f"/v1/status?{bad}")
            self.assertEqual((reply.status, reply.code), (400, "bad_request"), bad)

    def test_metrics(self) -> None:
        """
        So are all metrics, under whatever name.
        """
        reply = self.ask("GET", "/metrics", Host="relay.monitoring.example.com")
        self.assertEqual(reply.status, 200)
        self.assertIn("version=0.0.4", reply.headers["content-type"])
        self.assertIn(b"txrocketmq_ready 1.0\n", reply.body)
        reply = self.ask("GET", "/metrics", Accept="application/openmetrics-text")
        self.assertTrue(reply.body.endswith(b"# EOF\n"))

    def test_health(self) -> None:
        """
        Whether it lives, and whether it is ready.
        """
        for path in ("/healthz", "/readyz"):
            self.assertEqual(self.ask("GET", path).json, {"status": "ok"})
        self.state.draining = True
        reply = self.ask("GET", "/readyz")
        self.assertEqual((reply.status, reply.headers["retry-after"]), (503, "1"))
        self.assertEqual(reply.json["error"]["message"], "the relay is stopping")
        self.assertEqual(self.ask("GET", "/healthz").status, 200)

    def test_nothing(self) -> None:
        """
        Elsewhere there is nothing.
        """
        for path in ("/x", "/v1", "/v1/status/", "/metrics/x", "//", "/v1/refused/x"):
            reply = self.ask("GET", path)
            self.assertEqual((reply.status, reply.code), (404, "not_found"), path)

    def test_methods(self) -> None:
        """
        What is only to be seen cannot be posted to.
        """
        for path in ("/", "/page.js", "/metrics", "/v1/status", "/healthz"):
            reply = self.ask("POST", path)
            self.assertEqual(reply.status, 405, path)
            self.assertEqual(reply.headers["allow"], "GET, HEAD")
            reply = self.ask("HEAD", path)
            self.assertEqual((reply.status, reply.body), (200, b""), path)

    def test_headers(self) -> None:
        """
        Every answer forbids what a page does not need, and says nothing of what
        this runs on.
        """
        paths = ("/", "/page.css", "/metrics", "/v1/status", "/nowhere", "/v1/refused")
        for path in paths:
            headers = self.ask("GET", path).headers
            self.assertEqual(headers["x-content-type-options"], "nosniff")
            self.assertEqual(headers["cache-control"], "no-store")
            policy = headers["content-security-policy"]
            self.assertIn("default-src 'none'", policy)
            self.assertNotIn("unsafe", policy)
            self.assertNotIn("server", headers)
            self.assertNotIn("access-control-allow-origin", headers)

    def test_failure(self) -> None:
        """
        What goes wrong is logged, and not told.
        """
        self.state.group = cast(Any, 1 + 2j)
        reply = self.ask("GET", "/v1/status")
        self.assertEqual((reply.status, reply.code), (500, "internal"))
        self.assertNotIn(b"omplex", reply.body)
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)

    def test_gone(self) -> None:
        """
        Who goes away before the answer is not answered.
        """
        self.spooling()
        self.wire.loseConnection()
        self.give(b"GET /v1/refused HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertTrue(self.wire.gone)


class RefusedTests(AdminTestCase):
    """
    The messages no broker will have.
    """

    def setUp(self) -> None:
        """
        Have 120 of them.
        """
        super().setUp()
        self.spooling()
        self.spool.add(120)

    def numbers(self, reply: Reply) -> list[int]:
        """
        Which ones are listed.
        """
        return [each["number"] for each in reply.json["refused"]]

    def test_pages(self) -> None:
        """
        They are listed by pages.
        """
        reply = self.ask("GET", "/v1/refused")
        self.assertEqual(self.numbers(reply), list(range(1, 51)))
        self.assertEqual((reply.json["next"], reply.json["total"]), (50, 120))
        self.assertEqual(
            set(reply.json["refused"][0]),
            {"number", "msgId", "topic", "size", "reason", "refusedAt", "acceptedAt"},
        )
        reply = self.ask("GET", "/v1/refused?after=50&most=100")
        self.assertEqual(self.numbers(reply), list(range(51, 121)))
        self.assertIsNone(reply.json["next"])

    def test_replay(self) -> None:
        """
        Some or all can be replayed.
        """
        reply = self.ask("POST", "/v1/refused/replay?number=3&number=5")
        self.assertEqual((reply.status, reply.json), (200, {"replayed": 2}))
        self.assertEqual(self.spool.counts.waiting, 2)
        reply = self.ask("POST", "/v1/refused/replay?all=true")
        self.assertEqual(reply.json, {"replayed": 118})
        self.assertEqual(self.spool.counts.refused, 0)

    def test_delete(self) -> None:
        """
        Some or all can be deleted.
        """
        self.assertEqual(self.ask("DELETE", "/v1/refused?number=1").json["deleted"], 1)
        reply = self.ask("DELETE", "/v1/refused?all=true")
        self.assertEqual(reply.json, {"deleted": 119})
        self.assertEqual(self.spool.counts.waiting, 0)

    def test_badQuestions(self) -> None:
        """
        What is not clearly one or the other does nothing.
        """
        many = "&".join(f"number={n}" for n in range(refusals.MOST + 1))
        for bad in (
            "",
            "all=yes",
            "all=true&all=true",
            "all=true&number=1",
            "number=",
            "number=x",
            "number=1&other=2",
            "numbers=1",
            "number=99999999999999999999",
            many,
        ):
            reply = self.ask("DELETE", f"/v1/refused?{bad}")
            self.assertEqual((reply.status, reply.code), (400, "bad_request"), bad)
        for bad in ("most=0", "most=501", "after=x", "number=1", "after=1&after=2"):
            reply = self.ask("GET", f"/v1/refused?{bad}")
            self.assertEqual((reply.status, reply.code), (400, "bad_request"), bad)
        self.assertEqual(self.spool.counts.refused, 120)

    def test_methods(self) -> None:
        """
        Listing changes nothing, and what changes is not done by asking.
        """
        self.assertEqual(self.ask("POST", "/v1/refused?all=true").status, 405)
        reply = self.ask("GET", "/v1/refused/replay?all=true")
        self.assertEqual((reply.status, reply.headers["allow"]), (405, "POST"))
        self.assertEqual(self.spool.counts.refused, 120)

    def test_otherPages(self) -> None:
        """
        The pages of others may not change anything, and our own may.
        """
        for headers in (
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": "http://127.0.0.1:1"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
        ):
            reply = self.ask("DELETE", "/v1/refused?all=true", **headers)
            self.assertEqual((reply.status, reply.code), (403, "forbidden"), headers)
        self.assertEqual(self.spool.counts.refused, 120)
        own = {"Origin": "http://127.0.0.1:8089", "Sec_Fetch_Site": "same-origin"}
        self.assertEqual(self.ask("DELETE", "/v1/refused?all=true", **own).status, 200)

    def test_rebound(self) -> None:
        """
        A name that somebody else lets point here opens nothing.
        """
        own = {"Origin": "http://evil.example:8089"}
        for method, path in (
            ("DELETE", "/v1/refused?all=true"),
            ("GET", "/v1/refused"),
            ("GET", "/v1/status"),
            ("GET", "/"),
        ):
            reply = self.ask(method, path, Host="evil.example:8089", **own)
            self.assertEqual((reply.status, reply.code), (421, "misdirected"))
        self.assertEqual(self.ask("GET", "/", Host="relay.example.org").status, 200)

    def test_noSpool(self) -> None:
        """
        Without a spool there is none.
        """
        self.state.spool = None
        reply = self.ask("GET", "/v1/refused")
        self.assertEqual((reply.status, reply.code), (404, "no_spool"))

    def test_notNow(self) -> None:
        """
        A spool that cannot do it now is no reason to give up.
        """
        self.spool.failure = SpoolUnavailable("the disk is at /secret/place")
        reply = self.ask("DELETE", "/v1/refused?all=true")
        self.assertEqual((reply.status, reply.code), (503, "spool_unavailable"))
        self.assertNotIn(b"secret", reply.body)
        self.assertIn("retry-after", reply.headers)


class SafetyTests(AdminTestCase):
    """
    Who means no good.
    """

    def test_nothingIsReflected(self) -> None:
        """
        Nothing of a request is in its answer.
        """
        self.spooling()
        for method, path in (
            ("GET", f"/{MARK}?{MARK}={MARK}"),
            (MARK, f"/{MARK}"),
            (MARK, "/"),
            ("GET", f"/v1/status?history={MARK}"),
            ("GET", f"/v1/refused?{MARK}=1"),
            ("DELETE", f"/v1/refused?number={MARK}"),
        ):
            self.connect()
            header = f"Host: localhost\r\n{MARK}: {MARK}\r\nAccept: {MARK}"
            self.give(f"{method} {path} HTTP/1.1\r\n{header}\r\n\r\n".encode())
            answer = self.wire.value()
            self.assertTrue(answer.startswith(b"HTTP/1.1 4"), answer[:40])
            self.assertNotIn(MARK.encode(), answer)
            self.assertNotIn(b"<html", answer)

    def test_malformed(self) -> None:
        """
        What is not surely one request ends its connection, with JSON.
        """
        for request in (
            b"nonsense\r\n\r\n",
            b"GET / HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\n folded: x\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nA: x\x00y\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: "
            + b"1" * 5000
            + b"\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\n",
            (
                b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n"
            ),
        ):
            self.connect()
            self.give(request)
            reply = self.reply()
            self.assertEqual((reply.status, reply.code), (400, "bad_request"), request)
            self.assertTrue(self.wire.gone, request)
            self.assertEqual(reply.headers["connection"], "close")

    def test_longBody(self) -> None:
        """
        A long body is refused when it is announced, and when it comes.
        """
        length = f"Content-Length: {MOST_BODY + 1}\r\n"
        chunked = "Transfer-Encoding: chunked\r\n"
        chunk = b"%x\r\n%b\r\n" % (MOST_BODY + 1, b"x" * (MOST_BODY + 1))
        for header, body in ((length, b""), (chunked, chunk)):
            self.connect()
            self.give(f"POST / HTTP/1.1\r\nHost: a\r\n{header}\r\n".encode() + body)
            reply = self.reply()
            self.assertEqual((reply.status, reply.code), (413, "too_long"))
            self.assertTrue(self.wire.gone)

    def test_shortBody(self) -> None:
        """
        A short one does no harm.
        """
        self.give(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
        self.assertEqual(self.reply().status, 405)

    def test_slow(self) -> None:
        """
        A request has so much time, whatever comes of it meanwhile.
        """
        for _ in range(int(DEADLINE) - 1):
            self.give(b"G")
            self.cluster.advance(1.0)
        self.assertFalse(self.wire.gone)
        self.cluster.advance(1.1)
        self.wire.settle(self.protocol)
        self.assertTrue(self.wire.gone)

    def test_keptAlive(self) -> None:
        """
        Who asks again in time keeps its connection.
        """
        for _ in range(5):
            self.assertEqual(self.ask("GET", "/healthz").status, 200)
            self.cluster.advance(DEADLINE - 1)
        self.wire.settle(self.protocol)
        self.assertFalse(self.wire.gone)

    def test_manyConnections(self) -> None:
        """
        There is a limit to connections, and there is room again when some end.
        """
        first = self.wire, self.protocol
        for _ in range(MOST_CONNECTIONS):
            self.connect()
        self.wire.settle(self.protocol)
        self.assertTrue(self.wire.gone)
        first[0].loseConnection()
        first[0].settle(first[1])
        self.connect()
        self.assertEqual(self.ask("GET", "/healthz").status, 200)

    def test_close(self) -> None:
        """
        The relay ends all connections when it stops.
        """
        self.site.close()
        self.wire.settle(self.protocol)
        self.assertTrue(self.wire.gone)
        self.assertEqual(self.site.channels, set())

    def test_noTrace(self) -> None:
        """
        There is no access log.
        """
        self.site.startFactory()
        self.site.stopFactory()
        self.assertEqual(self.ask("GET", "/healthz").status, 200)


class NameTests(SynchronousTestCase):
    """
    Names of this machine.
    """

    def test_ours(self) -> None:
        """
        Addresses, names without a dot and names nobody can register are ours.
        """
        for host in (
            "127.0.0.1",
            "127.0.0.1:8089",
            "[::1]:8089",
            "[::1]",
            "10.1.2.3:80",
            "localhost",
            "LOCALHOST:8089",
            "relay",
            "relay:8089",
            "relay.local",
            "relay.orders.svc",
            "a.internal:1",
        ):
            self.assertTrue(isOurs(host), host)
        self.assertTrue(isOurs("a.example.org:1", frozenset({"a.example.org"})))

    def test_others(self) -> None:
        """
        All others may be somebody else's.
        """
        for host in (
            "",
            ":8089",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.nip.io",
            "a@localhost",
            "localhost/x",
            "[::1]x",
            "[evil]",
            "evil.example.",
        ):
            self.assertFalse(isOurs(host), host)
