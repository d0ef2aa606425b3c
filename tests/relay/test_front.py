"""
Tests for L{txrocketmq.relay.front}, L{txrocketmq.relay.targets},
L{txrocketmq.relay.request}, L{txrocketmq.relay.shares} and L{txrocketmq.relay.desk}:
who is let in, and what is answered without a look at the body.
"""

from __future__ import annotations

from hashlib import sha256

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.matrix.marks import row
from tests.relay.http import JSON, PATH, RelayTestCase, Reply
from txrocketmq.errors import InvalidConfiguration
from txrocketmq.relay.answers import phrase
from txrocketmq.relay.limits import Limits
from txrocketmq.relay.shares import Client, Shares
from txrocketmq.relay.targets import MOST_KEPT, Targets
from txrocketmq.relay.tokens import Grant, Tokens

SECRET = "s3cret"


def digest(token: str) -> bytes:
    """
    What is known of a token.
    """
    return sha256(token.encode()).digest()


class AddressTests(RelayTestCase):
    """
    What is at which address.
    """

    def test_nothing(self) -> None:
        """
        Everything else is not there, whatever is asked.
        """
        for path in (
            "/",
            "/v1",
            "/v1/topics/T",
            "/healthz/",
            "/v1/topics/T/messages/",
            "//v1/topics/T/messages",
            "*",
            "http://h/healthz",
            "/metrics",
        ):
            for method in ("GET", "DELETE", "POST"):
                reply = self.client.ask(method, path)
                self.assertEqual((reply.status, reply.reason), (404, "Not Found"))
                self.assertEqual(reply.code, "not_found")

    def test_health(self) -> None:
        """
        A relay that answers lives.
        """
        self.assertEqual(self.client.ask("GET", "/healthz").json, {"status": "ok"})
        reply = self.client.ask("HEAD", "/healthz")
        self.assertEqual((reply.status, reply.body), (200, b""))
        reply = self.client.ask("PUT", "/healthz")
        self.assertEqual((reply.status, reply.headers["allow"]), (405, "GET, HEAD"))

    def test_readiness(self) -> None:
        """
        It is ready when somebody says so, until it stops.
        """
        self.assertEqual(self.client.ask("GET", "/readyz").status, 200)
        self.server.ready = (False, "no name server has answered yet")
        reply = self.client.ask("GET", "/readyz")
        self.assertEqual((reply.status, reply.code), (503, "not_ready"))
        self.assertIn("no name server", reply.json["error"]["message"])
        self.server.ready = (True, "")
        self.server.desk.drained()
        self.client.wait()
        reply = self.client.ask("GET", "/readyz")
        self.assertEqual((reply.status, reply.code), (503, "stopping"))
        self.assertEqual(reply.headers["retry-after"], "1")
        self.assertEqual(self.client.ask("GET", "/healthz").status, 200)

    def test_methods(self) -> None:
        """
        Messages are posted.
        """
        for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"):
            reply = self.client.ask(method, PATH)
            self.assertEqual((reply.status, reply.headers["allow"]), (405, "POST"))

    def test_topics(self) -> None:
        """
        A topic must be one that users send to.
        """
        for topic in (
            "",
            "a%20b",
            "..%2F..%2Fx",
            "t" * 128,
            "%25RETRY%25g",
            "SCHEDULE_TOPIC_XXXX",
            "rmq_sys_x",
            "s3cret%0d%0a",
            "%ff",
        ):
            reply = self.client.ask("POST", f"/v1/topics/{topic}/messages", b"x")
            self.assertEqual((reply.status, reply.code), (422, "invalid_topic"))
            self.assertNotIn(b"s3cret", reply.body)

    def test_queries(self) -> None:
        """
        What follows the address says when to answer, and nothing else: tokens, above
        all, do not come there.
        """
        for query, code in (
            ("ack=", "bad_ack"),
            ("ack=disk", "bad_ack"),
            ("ack=broker&ack=spool", "bad_ack"),
            ("token=s3cret", "bad_query"),
            ("ACK=broker", "bad_query"),
        ):
            reply = self.client.ask("POST", f"{PATH}?{query}", b"x")
            self.assertEqual((reply.status, reply.code), (400, code))
            self.assertNotIn(b"s3cret", reply.body)
        self.client.begin("POST", f"{PATH}?ack=broker", b"x")
        self.assertEqual(len(self.sender.messages), 1)

    def test_remembered(self) -> None:
        """
        Addresses are remembered, some of them, and only those of something.
        """
        targets = Targets()
        for number in range(MOST_KEPT + 2):
            targets.of(b"/v1/topics/T%d/messages" % number)
            targets.of(b"/%d" % number)
        self.assertLessEqual(len(targets._kept), MOST_KEPT)
        self.assertIs(targets.of(b"/healthz"), targets.of(b"/healthz"))

    def test_browsers(self) -> None:
        """
        Web pages do not send messages.
        """
        reply = self.client.ask("POST", PATH, b"x", Origin="http://localhost")
        self.assertEqual((reply.status, reply.code), (403, "forbidden"))

    def test_encoded(self) -> None:
        """
        Bodies come as they are, as one kind.
        """
        reply = self.client.ask("POST", PATH, b"x", Content_Encoding="gzip")
        self.assertEqual((reply.status, reply.code), (415, "unsupported"))
        reply = self.client.ask("POST", PATH, b"x", Content_Type="a", content_type="b")
        self.assertEqual(reply.status, 415)

    def test_noLength(self) -> None:
        """
        How long a body is has to be said.
        """
        self.client.give(b"POST %b HTTP/1.1\r\nHost: h\r\n\r\n" % PATH.encode())
        self.assertEqual(self.client.answer().status, 411)
        self.assertTrue(self.client.isOpen)

    def test_phrases(self) -> None:
        """
        Statuses are called what RFC 9110 calls them, on any Python.
        """
        self.assertEqual(phrase(422), b"Unprocessable Content")
        self.assertEqual(phrase(413), b"Content Too Large")
        self.assertEqual(phrase(507), b"Insufficient Storage")
        self.assertEqual(phrase(429), b"Too Many Requests")

    def test_stopping(self) -> None:
        """
        A relay that stops takes no messages.
        """
        self.server.desk.drained()
        self.client.wait()
        reply = self.client.ask("POST", PATH, b"x")
        self.assertEqual((reply.status, reply.code), (503, "stopping"))

    def test_stopsMeanwhile(self) -> None:
        """
        Nor those whose body ends only then.
        """
        self.client.begin("POST", PATH, b"", Content_Length="2")
        self.client.give(b"x")
        self.server.desk.drained()
        self.client.wait()
        self.client.give(b"x")
        self.assertEqual(self.client.answer().code, "stopping")

    def test_bug(self) -> None:
        """
        What nobody foresaw is logged, and an answer all the same.
        """
        self.server.front._admit = None  # type: ignore[assignment, method-assign]
        reply = self.client.ask("POST", PATH, b"x")
        self.assertEqual((reply.status, reply.code), (500, "internal"))
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)

    def test_laterBug(self) -> None:
        """
        So it is when the body is there.
        """
        self.server.front._ingest._messages = None  # type: ignore[assignment, method-assign]
        reply = self.client.ask("POST", PATH, b"x")
        self.assertEqual((reply.status, reply.code), (500, "internal"))
        self.assertFalse(self.client.isOpen)
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)


class IdTests(RelayTestCase):
    """
    What tells requests apart.
    """

    def idOf(self, **headers: str) -> str:
        """
        The id of a request.
        """
        return self.client.ask("GET", "/healthz", b"", **headers).headers[
            "x-request-id"
        ]

    def test_given(self) -> None:
        """
        A client's own is given back, if it is one.
        """
        self.assertEqual(self.idOf(X_Request_ID="a-B.9_~/+=:@"), "a-B.9_~/+=:@")
        for wrong in ("", "a b", "\u00e4", "x" * 129, "{s3cret}", "\x1b[1m"):
            self.assertNotIn(self.idOf(X_Request_ID=wrong), (wrong, ""))
        self.assertNotEqual(self.idOf(X_Request_ID="a", x_request_id="b"), "a")

    def test_made(self) -> None:
        """
        Without one, there is a new one each time.
        """
        self.assertNotEqual(self.idOf(), self.idOf())


class TokenTests(RelayTestCase):
    """
    Who may send where.
    """

    tokens = Tokens(
        [
            (digest("one"), Grant("one", ("T", "orders-*"))),
            (digest("slow"), Grant("slow", ("*",), 2.0)),
        ]
    )

    def ask(self, token: str | None, topic: str = "T") -> Reply | None:
        """
        What is answered at once when a message is posted.
        """
        headers = {} if token is None else {"Authorization": token}
        self.client.post(b"x", topic, **headers)
        reply = self.client.reply()
        self.store()
        return reply or self.client.reply()

    def test_right(self) -> None:
        """
        A token lets messages in, to its topics.
        """
        for topic in ("T", "orders-", "orders-eu"):
            reply = self.ask("bearer  one", topic)
            assert reply is not None
            self.assertEqual(reply.status, 200)

    def test_wrong(self) -> None:
        """
        Whatever is wrong with a token, the answer is the same.
        """
        answers = set()
        for wrong in (None, "", "Bearer", "Bearer ", "Bearer two", "Basic one", "one"):
            reply = self.ask(wrong)
            assert reply is not None
            self.assertEqual(reply.headers["www-authenticate"], "Bearer")
            answers.add((reply.status, reply.body, len(reply.headers)))
        self.assertEqual(len(answers), 1)
        self.assertEqual(answers.pop()[0], 401)
        self.client.post(b"x", Authorization="Bearer one", authorization="Bearer two")
        self.assertEqual(self.client.answer().status, 401)

    def test_topics(self) -> None:
        """
        Other topics are not for it.
        """
        for topic in ("t", "TT", "orders", "x-orders-"):
            reply = self.ask("Bearer one", topic)
            assert reply is not None
            self.assertEqual((reply.status, reply.code), (403, "forbidden"))

    def test_healthIsForAll(self) -> None:
        """
        Whether it lives may be asked by everybody.
        """
        self.assertEqual(self.client.ask("GET", "/healthz").status, 200)

    def test_reload(self) -> None:
        """
        Others may be let in, without a restart.
        """
        self.server.front.reload(Tokens([(digest("two"), Grant("two", ("*",)))]))
        one, two = self.ask("Bearer one"), self.ask("Bearer two")
        assert one is not None
        assert two is not None
        self.assertEqual((one.status, two.status), (401, 200))
        self.server.front.reload(None)
        nobody = self.ask(None)
        assert nobody is not None
        self.assertEqual(nobody.status, 200)

    def test_rate(self) -> None:
        """
        A client that brings more than its rate waits as long as it is told.
        """
        statuses = []
        for _ in range(3):
            reply = self.ask("Bearer slow")
            assert reply is not None
            statuses.append(reply.status)
        self.assertEqual(statuses, [200, 200, 429])
        assert reply is not None
        self.assertEqual(reply.code, "rate")
        self.assertEqual(reply.headers["retry-after"], "1")
        self.assertEqual(reply.json["error"]["limitMessagesPerSecond"], 2.0)
        self.client.wait(1)
        reply = self.ask("Bearer slow")
        assert reply is not None
        self.assertEqual(reply.status, 200)


class ShareTests(SynchronousTestCase):
    """
    L{Shares}.
    """

    limits = Limits(
        maxBody=10, maxMessages=2, maxHeld=100, maxInFlight=10, share=0.5, freeBody=1
    )

    def setUp(self) -> None:
        """
        Nothing is taken yet.
        """
        self.clock = Clock()
        self.shares = Shares(self.clock, self.limits)

    def test_bytes(self) -> None:
        """
        One client cannot take everything, and all together no more.
        """
        one, two, three = Client("1"), Client("2"), Client("3")
        self.assertIsNone(self.shares.hold(one, 50))
        own = self.shares.hold(one, 1)
        assert own is not None
        self.assertEqual(own.status, 429)
        self.assertIsNone(self.shares.hold(two, 50))
        whole = self.shares.hold(three, 1)
        assert whole is not None
        self.assertEqual(whole.status, 503)
        self.assertIn(b"Retry-After: 1", whole.start)
        self.shares.unhold(one, 50)
        self.assertIsNone(self.shares.hold(three, 50))

    def test_messages(self) -> None:
        """
        So it is with messages under way.
        """
        one, two, three = Client("1"), Client("2"), Client("3")
        self.assertIsNone(self.shares.take(one, 5))
        self.assertTrue(self.shares.isFull(one))
        own = self.shares.take(one, 1)
        assert own is not None
        self.assertEqual(own.status, 429)
        self.assertFalse(self.shares.isFull(two))
        self.assertIsNone(self.shares.take(two, 5))
        whole = self.shares.take(three, 1)
        assert whole is not None
        self.assertEqual(whole.status, 503)
        self.shares.give(one, 5)
        self.assertIsNone(self.shares.take(three, 5))

    def test_nothingIsKept(self) -> None:
        """
        Of a client with nothing under way nothing is kept: their number is not
        bounded.
        """
        for number in range(100):
            client = Client(str(number))
            self.shares.isFull(client)
            self.shares.take(client, 1)
            self.shares.hold(client, 1)
            self.shares.give(client, 1)
            self.shares.unhold(client, 1)
        self.assertEqual(self.shares._shares, {})

    def test_rate(self) -> None:
        """
        What is brought at once may be more than a second's, and is waited for.
        """
        client = Client("1", 1.0)
        self.assertIsNone(self.shares.take(client, 4))
        self.shares.give(client, 4)
        late = self.shares.take(client, 1)
        assert late is not None
        self.assertIn(b"Retry-After: 3\r\n", late.start)
        self.clock.advance(2.9)
        self.assertIsNotNone(self.shares.take(client, 1))
        self.clock.advance(0.2)
        self.assertIsNone(self.shares.take(client, 1))


class LimitTests(SynchronousTestCase):
    """
    L{Limits}.
    """

    def test_room(self) -> None:
        """
        What is never taken is no limit.
        """
        for settings in (
            {"maxBody": 0},
            {"share": 0.0},
            {"share": 1.5},
            {"maxHeld": 1},
            {"maxInFlight": 1},
            {"headerDeadline": 0.0},
        ):
            self.assertRaises(InvalidConfiguration, Limits, **settings)
        self.assertGreater(Limits(maxBody=1 << 30).maxHeld, 1 << 31)


class RoomTests(RelayTestCase):
    """
    What a request does when there is no room for it.
    """

    limits = Limits(
        maxBody=1000, maxHeld=2000, freeBody=10, maxMessages=2, maxInFlight=4
    )

    @row("F83")
    def test_messages(self) -> None:
        """
        Messages are taken while there is room for them; then each client is told to
        come again, and so are all.
        """
        clients = [self.connect(f"127.0.0.{at}") for at in (1, 1, 2, 2)]
        for client in clients:
            client.post()
            self.assertIsNone(client.reply())
        own = self.connect("127.0.0.1")
        own.post()
        reply = own.answer()
        self.assertEqual((reply.status, reply.code), (503, "busy"))
        self.assertEqual(reply.headers["retry-after"], "1")
        self.store()
        for client in clients:
            self.assertEqual(client.answer().status, 200)
        for client in clients[:2]:
            client.post()
        own.post()
        reply = own.answer()
        self.assertEqual((reply.status, reply.code), (429, "share"))
        self.assertEqual(reply.json["error"]["limitMessages"], 2)
        self.assertEqual(len(self.sender.messages), 6)

    def test_bytes(self) -> None:
        """
        Longer bodies need room from their first byte to their answer.
        """
        self.client.post(b"", Content_Length="1000")
        other = self.connect()
        other.post(b"x" * 11)
        reply = other.answer()
        self.assertEqual((reply.status, reply.code), (429, "share"))
        other.post(b"x" * 10)
        self.assertIsNone(other.reply())
        self.client.give(b"x" * 1000)
        self.assertEqual(self.server.desk.shares.held, 1000)
        self.store()
        self.assertEqual(self.server.desk.shares.held, 0)

    def test_chunks(self) -> None:
        """
        Nobody knows how long one in chunks will be: it needs the most.
        """
        self.client.post(b"b\r\n12345678901\r\n", Transfer_Encoding="chunked")
        self.assertEqual(self.server.desk.shares.held, 1000)
        other = self.connect()
        other.post(b"b\r\n12345678901\r\n", Transfer_Encoding="chunked")
        self.assertEqual(other.answer().status, 429)
        self.assertFalse(other.isOpen)
        self.client.close()
        self.assertEqual(self.server.desk.shares.held, 0)

    def test_invalid(self) -> None:
        """
        What is refused holds nothing.
        """
        self.client.post(b"x" * 100, Content_Type=JSON)
        self.assertEqual(self.client.answer().status, 400)
        self.assertEqual(self.server.desk.shares.held, 0)


class DeskTests(RelayTestCase):
    """
    Stopping.
    """

    def test_drained(self) -> None:
        """
        No more are taken in; those that are have their answer first.
        """
        self.client.post()
        drained = self.server.desk.drained()
        self.assertNoResult(drained)
        self.store()
        self.successResultOf(drained)
        self.assertEqual(self.client.answer().status, 200)

    def test_patience(self) -> None:
        """
        Who waits may stop waiting.
        """
        self.client.post()
        desk = self.server.desk
        impatient, patient = desk.drained(), desk.drained()
        impatient.addErrback(lambda _: None)
        impatient.cancel()
        self.store()
        self.successResultOf(patient)

    def test_nobodyWaits(self) -> None:
        """
        When nobody waits any more, nothing is left to be done.
        """
        drained = self.server.desk.drained()
        drained.addErrback(lambda _: None)
        drained.cancel()
        self.assertEqual(len(self.reactor.getDelayedCalls()), 1)
        self.successResultOf(self._drained())
