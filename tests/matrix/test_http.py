"""
Rows of section F that are about what clients do to the relay's HTTP server.
"""

from __future__ import annotations

import tempfile
from typing import Any

from tests.relay.http import JSON, NDJSON, PATH, RelayTestCase
from txrocketmq.relay.limits import Limits

from .marks import row

HEAD = f"POST {PATH} HTTP/1.1\r\n".encode()
CHUNKED = HEAD + b"Host: h\r\nTransfer-Encoding: chunked\r\n\r\n"


class BodyTests(RelayTestCase):
    """
    F76, F77: bodies that are too long, or not as long as they say.
    """

    def setUp(self) -> None:
        """
        Count the files that bodies are kept in.
        """
        super().setUp()
        self.files = 0

        make = tempfile.TemporaryFile

        def file(*arguments: Any) -> Any:
            self.files += 1
            return make(*arguments)

        self.patch(tempfile, "TemporaryFile", file)
        self.addCleanup(lambda: self.assertEqual(self.files, 0))

    @row("F76")
    def test_announced(self) -> None:
        """
        A body that is said to be too long is refused before a byte of it has come,
        and its connection ends.
        """
        self.client.give(HEAD + b"Host: h\r\nContent-Length: 999999\r\n\r\n")
        reply = self.client.answer()
        self.assertEqual((reply.status, reply.code), (413, "too_long"))
        self.assertEqual(reply.headers["connection"], "close")
        self.assertFalse(self.client.isOpen)

    @row("F76")
    def test_afterTheRefusal(self) -> None:
        """
        What comes after that is neither kept nor sent, and not read for ever.
        """
        self.client.give(HEAD + b"Host: h\r\nContent-Length: 1000000000\r\n\r\n")
        self.assertEqual(self.client.answer().status, 413)
        for _ in range(5):
            self.client.give(bytes(100 * 1024))
        self.assertEqual(self.client.transport.producerState, "paused")
        self.client.wait(2.5)
        self.assertTrue(self.client.transport.aborted)
        self.assertEqual(self.sender.messages, [])

    @row("F76")
    def test_longest(self) -> None:
        """
        The longest is taken.
        """
        self.client.post(100 * b"x")
        self.store()
        self.assertEqual(self.client.answer().status, 200)

    @row("F77")
    def test_endless(self) -> None:
        """
        Chunks without end are refused at the limit; the part of a body that has
        come is no message.
        """
        self.client.give(CHUNKED)
        for _ in range(10):
            self.client.give(b"a\r\n0123456789\r\n")
            self.assertIsNone(self.client.reply())
        self.client.give(b"a\r\n0123456789\r\n0\r\n\r\n")
        reply = self.client.answer()
        self.assertEqual((reply.status, reply.code), (413, "too_long"))
        self.assertEqual(self.sender.messages, [])

    @row("F77")
    def test_cutShort(self) -> None:
        """
        A body that ends before it is as long as it says is refused; so are chunks
        without their last one.
        """
        for head, part in (
            (HEAD + b"Host: h\r\nContent-Length: 10\r\n\r\n", b"012345678"),
            (CHUNKED, b"5\r\n01234\r\n"),
        ):
            client = self.renew()
            client.give(head + part)
            client.finish()
            reply = client.answer()
            self.assertEqual((reply.status, reply.code), (400, "cut_short"))
            self.assertFalse(client.isOpen)
        self.assertEqual(self.sender.messages, [])

    @row("F77")
    def test_gone(self) -> None:
        """
        Nothing is sent of a body whose client has gone before its end.
        """
        self.client.give(HEAD + b"Host: h\r\nContent-Length: 10\r\n\r\n012345678")
        self.client.close()
        self.assertEqual(self.sender.messages, [])

    @row("F77")
    def test_longer(self) -> None:
        """
        What comes after a body's length is another request, or none.
        """
        self.client.give(HEAD + b"Host: h\r\nContent-Length: 2\r\n\r\nabcd\r\n\r\n")
        self.store()
        first, second = self.client.replies()
        self.assertEqual((first.status, second.status), (200, 400))
        self.assertEqual([each.body for each in self.sender.messages], [b"ab"])
        self.assertFalse(self.client.isOpen)


class SlowTests(RelayTestCase):
    """
    F78: clients that take their time.
    """

    limits = Limits(maxBody=1000, maxConnections=8, maxConnectionsPerAddress=4)

    def drip(self, data: bytes, most: float) -> float:
        """
        Send a byte a second until something comes back.

        @return: The seconds that took.
        """
        for at in range(int(most) + 2):
            if self.client.transport.value():
                return float(at)
            self.client.give(data[at : at + 1])
            self.client.wait(1.0)
        raise AssertionError("it may go on")

    @row("F78")
    def test_head(self) -> None:
        """
        A head of a byte a second is refused after ten seconds.
        """
        took = self.drip(HEAD + 100 * b"X: y\r\n", 10.0)
        reply = self.client.answer()
        self.assertEqual((reply.status, reply.code), (400, "too_slow"))
        self.assertEqual(reply.json["error"]["limitSeconds"], 10.0)
        self.assertGreaterEqual(took, 10.0)

    @row("F78")
    def test_body(self) -> None:
        """
        A body of a byte a second is refused after thirty seconds, and sent in no
        part.
        """
        self.client.give(HEAD + b"Host: h\r\nContent-Length: 900\r\n\r\n")
        took = self.drip(900 * b"x", 30.0)
        reply = self.client.answer()
        self.assertEqual((reply.status, reply.code), (400, "too_slow"))
        self.assertGreaterEqual(took, 30.0)
        self.assertEqual(self.sender.messages, [])

    @row("F78")
    def test_stream(self) -> None:
        """
        A stream may last, but not bring less than its floor.
        """
        self.client.give(CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Type: "))
        self.client.give(NDJSON.encode() + b"\r\n\r\n")
        line = b'{"body": "%b"}\n' % (100 * b"x")
        for _ in range(60):
            self.client.give(b"%x\r\n%b\r\n" % (len(line), line))
            self.store()
            self.client.wait(1.0)
        self.assertTrue(self.client.isOpen)
        self.assertEqual(len(self.sender.messages), 60)
        self.client.transport.clear()
        for _ in range(12):
            self.client.give(b"1\r\n{\r\n")
            self.client.wait(1.0)
        self.assertIn(b"too_slow", self.client.transport.value())
        self.assertFalse(self.client.isOpen)

    @row("F78")
    def test_unread(self) -> None:
        """
        Whoever does not read answers is gone after thirty seconds.
        """
        self.client.post()
        self.client.protocol.pauseProducing()
        self.client.wait(29.0)
        self.assertFalse(self.client.transport.aborted)
        self.client.wait(2.0)
        self.assertTrue(self.client.transport.aborted)

    @row("F78")
    def test_idle(self) -> None:
        """
        So is, after ten, whoever sends nothing at all.
        """
        self.client.wait(9.0)
        self.assertTrue(self.client.isOpen)
        self.client.wait(2.0)
        self.assertFalse(self.client.isOpen)
        self.assertEqual(self.client.transport.value(), b"")

    @row("F78")
    def test_connections(self) -> None:
        """
        One address has so many connections, and all together have so many; who is
        one too many is told so, and a client that ends makes room.
        """
        own = [self.connect() for _ in range(3)]
        self.assertEqual(self.connect().answer().status, 429)
        for at in range(4):
            self.connect(f"127.0.0.{2 + at}")
        self.assertEqual(self.connect("127.0.0.9").answer().status, 503)
        own[0].close()
        client = self.connect("127.0.0.9")
        client.post()
        self.store()
        self.assertEqual(client.answer().status, 200)


class OrderTests(RelayTestCase):
    """
    F79: several requests on one connection.
    """

    @row("F79")
    def test_pipelined(self) -> None:
        """
        Each answer is that of its request, though the messages are stored in
        another order than they came.
        """
        request = HEAD + b"Host: h\r\nX-Request-Id: %d\r\nContent-Length: 1\r\n\r\n%d"
        self.client.give(b"".join(request % (at, at) for at in range(5)))
        other = self.connect()
        other.post(b"9")
        self.store(len(self.sender.sends) - 1)
        self.assertEqual(other.answer().status, 200)
        for _ in range(5):
            self.store()
        replies = self.client.replies()
        ids = [each.headers["x-request-id"] for each in replies]
        self.assertEqual(ids, [str(at) for at in range(5)])
        self.assertEqual([each.status for each in replies], 5 * [200])
        mine = [each.body for each in self.sender.messages if each.body != b"9"]
        self.assertEqual(mine, [b"%d" % at for at in range(5)])

    @row("F79")
    def test_withinOne(self) -> None:
        """
        The results of one body are in its order, whichever message is stored
        first.
        """
        document = b'{"messages": [{"body": "a"}, {"body": "b"}, {"body": "c"}]}'
        self.client.post(document, Content_Type=JSON)
        for at in (2, 0, 1):
            self.assertIsNone(self.client.reply())
            self.store(at)
        results = self.client.answer().json["results"]
        self.assertEqual([each["queueOffset"] for each in results], [0, 1, 2])

    @row("F79")
    def test_afterARefusal(self) -> None:
        """
        A request behind one that was no request is not looked at.
        """
        self.client.give(b"nonsense\r\n\r\n" + HEAD + b"Host: h\r\n\r\n")
        self.assertEqual(self.client.answer().status, 400)
        self.assertEqual(self.sender.messages, [])


SMUGGLED = {
    "two lengths": b"Host: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
    "two lengths in one": b"Host: h\r\nContent-Length: 1, 1\r\n\r\nx",
    "length and chunks": b"Host: h\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": b"Host: h\r\nTransfer-Encoding: chunked\r\n"
    b"Content-Length: 5\r\n\r\n0\r\n\r\n",
    "another coding": b"Host: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "no coding": b"Host: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "coding twice": b"Host: h\r\nTransfer-Encoding: chunked\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a sign": b"Host: h\r\nContent-Length: +3\r\n\r\nabc",
    "a minus": b"Host: h\r\nContent-Length: -3\r\n\r\nabc",
    "an underscore": b"Host: h\r\nContent-Length: 1_0\r\n\r\n0123456789",
    "hexadecimal": b"Host: h\r\nContent-Length: 0x3\r\n\r\nabc",
    "Arabic digits": "Host: h\r\nContent-Length: \u0663\r\n\r\nabc".encode(),
    "many digits": b"Host: h\r\nContent-Length: " + 5000 * b"9" + b"\r\n\r\n",
    "folded": b"Host: h\r\nX: a\r\n b\r\nContent-Length: 1\r\n\r\nx",
    "folded length": b"Host: h\r\nContent-Length:\r\n 1\r\n\r\nx",
    "no host": b"Content-Length: 1\r\n\r\nx",
    "two hosts": b"Host: a\r\nHost: b\r\nContent-Length: 1\r\n\r\nx",
    "a host that is none": b"Host: a b\r\nContent-Length: 1\r\n\r\nx",
    "NUL": b"Host: h\r\nX: \0\r\nContent-Length: 1\r\n\r\nx",
    "bare LF": b"Host: h\r\nX: a\nContent-Length: 1\r\n\r\nx",
    "bare CR": b"Host: h\r\nX: a\rb\r\nContent-Length: 1\r\n\r\nx",
    "space before the colon": b"Host: h\r\nContent-Length : 1\r\n\r\nx",
    "no colon": b"Host: h\r\nContent-Length 1\r\n\r\nx",
    "no name": b"Host: h\r\n: 1\r\nContent-Length: 1\r\n\r\nx",
}
"""
Heads that two servers could understand differently.
"""

CHUNKS = {
    "no length": b"\r\nx\r\n0\r\n\r\n",
    "no digits": b"z\r\nx\r\n0\r\n\r\n",
    "a sign": b"+1\r\nx\r\n0\r\n\r\n",
    "a minus": b"-1\r\nx\r\n0\r\n\r\n",
    "0x": b"0x1\r\nx\r\n0\r\n\r\n",
    "an underscore": b"1_0\r\n0123456789abcdef\r\n0\r\n\r\n",
    "longer than it says": b"1\r\nxy\r\n0\r\n\r\n",
    "a bad extension": b"1;\n\r\nx\r\n0\r\n\r\n",
    "many digits": 5000 * b"f" + b"\r\n",
    "bare LF": b"1\nx\n0\n\n" + 20_000 * b"x",
}
"""
Chunks that are none.
"""


class SmugglingTests(RelayTestCase):
    """
    F80: what is no request.
    """

    def refused(self, data: bytes) -> None:
        """
        Make sure that something is refused, nothing sent, and the connection ended;
        what comes behind it is not looked at.
        """
        client = self.renew()
        client.give(data)
        client.give(HEAD + b"Host: h\r\nContent-Length: 1\r\n\r\nx")
        reply = client.answer()
        self.assertEqual(reply.status, 400)
        self.assertEqual(reply.headers["connection"], "close")
        self.assertFalse(client.isOpen)
        self.assertEqual(self.sender.messages, [])
        self.assertEqual(self.flushLoggedErrors(), [])

    @row("F80")
    def test_heads(self) -> None:
        """
        A head that could be understood in two ways is refused.
        """
        for name, rest in SMUGGLED.items():
            with self.subTest(name):
                self.refused(HEAD + rest)

    @row("F80")
    def test_chunks(self) -> None:
        """
        So are chunks that are none.
        """
        for name, chunks in CHUNKS.items():
            with self.subTest(name):
                self.refused(CHUNKED + chunks)

    @row("F80")
    def test_everyPart(self) -> None:
        """
        And in whichever parts it comes.
        """
        for rest in SMUGGLED.values():
            if len(rest) < 200:
                client = self.renew()
                whole = HEAD + rest
                for at in range(len(whole)):
                    client.give(whole[at : at + 1])
                self.assertEqual(client.answer().status, 400)
        self.assertEqual(self.sender.messages, [])


class GoneTests(RelayTestCase):
    """
    F81: clients that go before they are answered; F82: keys that come again.
    """

    hasSpool = True
    KEY = "order-7"
    SPOOLED = f"{PATH}?ack=spool"

    def keyed(self, body: bytes = b"x") -> None:
        """
        Post a message to the spool, under the key.
        """
        self.client.begin("POST", self.SPOOLED, body, Idempotency_Key=self.KEY)

    @row("F81")
    def test_replayed(self) -> None:
        """
        What was taken stays, its answer is dropped, and who comes back with the key
        has it: the same id, and nothing kept twice.
        """
        self.keyed()
        self.client.close()
        self.spool.appends[0].callback(None)
        self.client = self.connect()
        self.keyed()
        reply = self.client.answer()
        self.assertEqual(
            (reply.status, reply.headers["idempotency-replayed"]), (202, "true")
        )
        self.assertEqual(reply.json["results"], [{"msgId": "ID1"}])
        self.assertEqual(len(self.spool.groups), 1)

    @row("F81")
    def test_sent(self) -> None:
        """
        What was to be sent at once is sent, whoever has gone.
        """
        self.client.post(b"x")
        self.client.close()
        self.assertEqual(self.sender.cancelled, 0)
        self.store()
        self.assertEqual([each.body for each in self.sender.messages], [b"x"])

    @row("F82")
    def test_atOnce(self) -> None:
        """
        While the first request has no answer, a second one is told so and does
        nothing; afterwards it has the first one's answer.
        """
        self.keyed()
        first, self.client = self.client, self.connect()
        self.keyed()
        reply = self.client.answer()
        self.assertEqual((reply.status, reply.code), (409, "in_progress"))
        self.assertIn("retry-after", reply.headers)
        self.spool.appends[0].callback(None)
        answer = first.answer()
        self.keyed()
        self.assertEqual(self.client.answer().body, answer.body)
        self.assertEqual(len(self.spool.groups), 1)

    @row("F82")
    def test_another(self) -> None:
        """
        Another body under the same key is refused.
        """
        self.keyed()
        self.spool.appends[0].callback(None)
        self.assertEqual(self.client.answer().status, 202)
        self.keyed(b"y")
        reply = self.client.answer()
        self.assertEqual((reply.status, reply.code), (422, "key_used"))
        self.assertEqual(len(self.spool.groups), 1)


class CrowdTests(RelayTestCase):
    """
    F83: many posts while nothing can be sent.
    """

    limits = Limits(maxBody=100, maxMessages=10, maxInFlight=100, share=1.0)

    @row("F83")
    def test_bounded(self) -> None:
        """
        As many are taken as there is room for; the rest are told when to come
        again, and what was taken is answered.
        """
        clients = [self.connect(f"10.0.{at // 200}.{at % 200}") for at in range(500)]
        for client in clients:
            client.post()
        replies = [client.reply() for client in clients]
        refused = [each for each in replies if each is not None]
        self.assertEqual(len(self.sender.messages), 100)
        self.assertEqual(len(refused), 400)
        for each in refused:
            self.assertIn(each.status, (429, 503))
            self.assertGreater(int(each.headers["retry-after"]), 0)
        self.store()
        waiting = [
            one for one, reply in zip(clients, replies, strict=True) if not reply
        ]
        self.assertEqual({each.answer().status for each in waiting}, {200})
