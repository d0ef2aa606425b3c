"""
Tests for L{txrocketmq.relay.channel}, L{txrocketmq.relay.framing} and
L{txrocketmq.relay.site}: what is a request, how long it may take, and how a
connection ends.
"""

from __future__ import annotations

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from tests.http_hostile.kinds import MALFORMED
from tests.matrix.marks import row
from tests.relay.http import NDJSON, PATH, RelayTestCase
from txrocketmq.relay.channel import DISCARDED
from txrocketmq.relay.limits import Limits
from txrocketmq.relay.request import DRAINED
from txrocketmq.relay.site import MOST_TURNED_AWAY, TICK

POST = f"POST {PATH} HTTP/1.1\r\nHost: h\r\n".encode()


class FramingTests(RelayTestCase):
    """
    What is no request.
    """

    @row("F80")
    def test_malformed(self) -> None:
        """
        Whatever two servers could understand differently is refused, ends its
        connection, and leaves nothing in the log; nothing of it is sent.
        """
        for kind in MALFORMED:
            self.renew()
            self.client.give(kind.begin)
            reply = self.client.answer()
            self.assertEqual(reply.status, 400, kind.begin[:100])
            self.assertIn(reply.code, ("bad_request", "too_long"))
            self.assertEqual(reply.headers["connection"], "close")
            self.assertFalse(self.client.isOpen)
            self.client.give(POST + b"Content-Length: 1\r\n\r\nx")
            self.assertEqual(self.sender.messages, [])
            self.assertIsNone(self.client.reply())
        self.assertEqual(self.flushLoggedErrors(), [])

    @row("F80")
    def test_bytewise(self) -> None:
        """
        So it is when each byte comes alone.
        """
        for kind in MALFORMED:
            if len(kind.begin) > 1000:
                continue
            self.renew()
            for at in range(len(kind.begin)):
                self.client.give(kind.begin[at : at + 1])
            self.assertEqual(self.client.answer().status, 400, kind.begin)
        self.assertEqual(self.sender.messages, [])

    @row("F80")
    def test_oddButGood(self) -> None:
        """
        What is unusual, and can mean one thing only, is taken.
        """
        for data in (
            b"\r\n" + POST + b"Content-Length: 1\r\n\r\nx",
            POST + b"content-LENGTH:0001 \r\n\r\nx",
            POST + b"Transfer-Encoding: Chunked\r\n\r\n1;a=b\r\nx\r\n0\r\nX: y\r\n\r\n",
            POST.replace(b"/T/", b"/%54/") + b"Content-Length: 1\r\n\r\nx",
            f"POST {PATH} HTTP/1.0\r\nContent-Length: 1\r\n\r\nx".encode(),
        ):
            self.renew()
            self.client.give(data)
            self.store()
            self.assertEqual(self.client.answer().status, 200, data)
            self.assertEqual(self.sender.messages.pop().body, b"x")

    def test_oldVersion(self) -> None:
        """
        A connection of HTTP/1.0 ends with its answer, whatever it asks.
        """
        self.client.give(
            f"POST {PATH} HTTP/1.0\r\nConnection: keep-alive\r\n"
            "Content-Length: 1\r\n\r\nx".encode()
        )
        self.store()
        self.assertEqual(self.client.answer().headers["connection"], "close")
        self.assertFalse(self.client.isOpen)

    def test_expect(self) -> None:
        """
        Who asks whether to go on is told so when the head is good, and else why
        not.
        """
        self.client.begin("POST", PATH, b"", Content_Length="1", Expect="100-continue")
        self.assertEqual(
            self.client.transport.value(), b"HTTP/1.1 100 Continue\r\n\r\n"
        )
        self.client.transport.clear()
        self.client.give(b"x")
        self.store()
        self.assertEqual(self.client.answer().status, 200)
        self.renew().begin(
            "POST", PATH, b"", Content_Length="101", Expect="100-continue"
        )
        self.assertEqual(self.client.answer().status, 413)
        self.assertFalse(self.client.isOpen)

    @row("F80")
    def test_lateTrailer(self) -> None:
        """
        A stream whose chunks are followed by what is no header has results for its
        lines, and ends with what was wrong.
        """
        self.client.post(
            b'10\r\n{"body": "abc"}\n\r\n0\r\nX: a\nY: b\r\n\r\n',
            Transfer_Encoding="chunked",
            Content_Type=NDJSON,
        )
        self.store()
        *_, last = self.client.answer().lines
        self.assertEqual((last["done"], last["error"]["code"]), (False, "bad_request"))


class LengthTests(RelayTestCase):
    """
    Bodies that are too long, and such that are not what they say.
    """

    def check(self) -> None:
        """
        Check what came back.
        """
        reply = self.client.answer()
        self.assertEqual((reply.status, reply.reason), (413, "Content Too Large"))
        self.assertEqual(reply.code, "too_long")
        self.assertEqual(reply.json["error"]["limitBytes"], 100)
        self.assertEqual(self.sender.messages, [])

    def test_longest(self) -> None:
        """
        What is just not too long is taken.
        """
        self.client.post(b"x" * 100)
        self.assertEqual(len(self.sender.messages), 1)

    @row("F76")
    def test_announced(self) -> None:
        """
        A long body is refused before it comes, and not waited for: what still comes
        is read for a moment, so that the answer is read, and not kept.
        """
        self.client.post(b"", Content_Length=str(10 << 30))
        self.check()
        self.assertFalse(self.client.isOpen)
        self.client.give(b"x" * DISCARDED)
        self.assertEqual(self.client.transport.producerState, "producing")
        self.client.give(b"x")
        self.assertEqual(self.client.transport.producerState, "paused")
        self.client.wait(self.server.limits.linger + TICK)
        self.assertFalse(self.client.transport.connected)

    def test_short(self) -> None:
        """
        One that is only a little too long is read, and its connection goes on.
        """
        self.client.post(b"x" * 101)
        self.check()
        self.assertTrue(self.client.isOpen)
        self.client.post(b"", Content_Length=str(DRAINED + 1))
        self.check()
        self.assertFalse(self.client.isOpen)

    @row("F77")
    def test_chunked(self) -> None:
        """
        One in chunks is refused as soon as it is too long.
        """
        chunk = b"3c\r\n" + b"x" * 60 + b"\r\n"
        self.client.post(chunk, Transfer_Encoding="chunked")
        self.assertIsNone(self.client.reply())
        self.client.give(chunk)
        self.check()
        self.client.give(chunk + b"0\r\n\r\n")
        self.assertIsNone(self.client.reply())
        self.assertFalse(self.client.isOpen)

    @row("F77")
    def test_lyingShort(self) -> None:
        """
        A body that is longer than its length is followed by no request; one that is
        shorter never ends, and nothing of it is sent.
        """
        self.client.post(b"xyz\r\n\r\n", Content_Length="1")
        self.store()
        self.assertEqual([reply.status for reply in self.client.replies()], [200, 400])
        self.assertEqual([each.body for each in self.sender.messages], [b"x"])
        self.renew().post(b"x" * 9, Content_Length="10")
        self.client.finish()
        self.assertEqual(self.client.answer().code, "cut_short")
        self.assertFalse(self.client.isOpen)
        self.renew().post(b"a\r\nxxxxx", Transfer_Encoding="chunked")
        self.client.finish()
        self.assertEqual(self.client.answer().code, "cut_short")
        self.renew().post(b"x" * 9, Content_Length="10")
        self.client.close()
        self.assertEqual(len(self.sender.messages), 1)


class DeadlineTests(RelayTestCase):
    """
    How long a client may take.
    """

    limits = Limits(maxBody=100, headerDeadline=10, bodyDeadline=30, idle=60)

    def slowly(self, data: bytes, seconds: int) -> None:
        """
        Send the same again each second.
        """
        for _ in range(seconds):
            self.client.wait(1)
            self.client.give(data)

    @row("F78")
    def test_slowHead(self) -> None:
        """
        No byte of a head puts its deadline off.
        """
        self.client.give(POST + b"X: ")
        self.slowly(b"x", 9)
        self.assertTrue(self.client.isOpen)
        self.client.wait(1 + TICK)
        reply = self.client.answer()
        self.assertEqual((reply.status, reply.code), (400, "too_slow"))
        self.assertEqual(reply.json["error"]["limitSeconds"], 10)
        self.assertFalse(self.client.transport.connected)

    @row("F78")
    def test_slowBody(self) -> None:
        """
        Nor does one of a body.
        """
        self.client.post(b"", Content_Length="100")
        self.slowly(b"x", 29)
        self.assertTrue(self.client.isOpen)
        self.client.wait(1 + TICK)
        reply = self.client.answer()
        self.assertEqual((reply.status, reply.code), (400, "too_slow"))
        self.assertEqual(reply.json["error"]["limitSeconds"], 30)
        self.assertEqual(self.sender.messages, [])

    @row("F78")
    def test_silence(self) -> None:
        """
        Who says nothing is left without a word: at first soon, between requests
        later.
        """
        self.client.wait(10 + TICK)
        self.assertFalse(self.client.transport.connected)
        self.assertIsNone(self.client.reply())
        self.renew().ask("GET", "/healthz")
        self.client.wait(60 - TICK)
        self.assertTrue(self.client.isOpen)
        self.client.wait(2 * TICK)
        self.assertFalse(self.client.transport.connected)

    def test_ourTime(self) -> None:
        """
        What we take is not the client's fault.
        """
        self.client.post()
        self.client.wait(1000)
        self.store()
        self.assertEqual(self.client.answer().status, 200)

    @row("F78")
    def test_neverReads(self) -> None:
        """
        Who does not read what it is answered is cut off.
        """
        self.client.ask("GET", "/healthz")
        self.client.protocol.pauseProducing()
        self.client.wait(30 - TICK)
        self.client.protocol.resumeProducing()
        self.client.protocol.pauseProducing()
        self.client.wait(30 - TICK)
        self.assertFalse(self.client.transport.aborted)
        self.client.wait(2 * TICK)
        self.assertTrue(self.client.transport.aborted)

    def test_noTimer(self) -> None:
        """
        Without a connection there is nothing to look after.
        """
        self.client.close()
        self.assertEqual(self.reactor.getDelayedCalls(), [])


class OrderTests(RelayTestCase):
    """
    Several requests on one connection.
    """

    @row("F79")
    def test_pipelined(self) -> None:
        """
        A request is looked at when the one before it is answered: each answer is
        its own request's, in their order.
        """
        for body in (b"a", b"b", b"c"):
            self.client.post(body, X_Request_Id=body.decode())
        self.assertEqual([each.body for each in self.sender.messages], [b"a"])
        self.store(0)
        self.assertEqual([each.body for each in self.sender.messages], [b"a", b"b"])
        self.store(1)
        self.store(2)
        replies = self.client.replies()
        self.assertEqual(
            [each.headers["x-request-id"] for each in replies], ["a", "b", "c"]
        )
        self.assertEqual(
            [each.json["results"][0]["queueOffset"] for each in replies], [0, 1, 2]
        )

    @row("F79")
    def test_behindClose(self) -> None:
        """
        What follows the request that closes the connection is not looked at.
        """
        self.client.post(b"a", Connection="keep-alive, Close")
        self.client.post(b"b")
        self.store()
        reply = self.client.answer()
        self.assertEqual(reply.headers["connection"], "close")
        self.assertEqual(len(self.sender.messages), 1)
        self.assertFalse(self.client.transport.connected)

    @row("F79")
    def test_muchBehind(self) -> None:
        """
        A client that sends on while it is not answered is not read from.
        """
        self.client.post(b"a")
        self.client.give(b"x" * 100_000)
        self.assertEqual(self.client.transport.producerState, "paused")
        self.store()
        self.assertEqual([each.status for each in self.client.replies()], [200, 400])


class HalfTests(RelayTestCase):
    """
    Clients that say that they send no more.
    """

    def test_answered(self) -> None:
        """
        One whose request is whole is answered.
        """
        self.client.post(b"a")
        self.client.post(b"b")
        self.client.finish()
        self.assertTrue(self.client.transport.connected)
        self.store(0)
        self.store(1)
        self.assertEqual([each.status for each in self.client.replies()], [200, 200])
        self.assertFalse(self.client.transport.connected)

    def test_cut(self) -> None:
        """
        One whose request is not is told so; one that asks nothing leaves.
        """
        self.client.give(POST)
        self.client.finish()
        self.assertEqual(self.client.answer().code, "cut_short")
        self.renew().finish()
        self.assertFalse(self.client.transport.connected)
        self.assertIsNone(self.client.reply())


class RoomTests(RelayTestCase):
    """
    Connections too many.
    """

    limits = Limits(maxBody=100, maxConnections=4, maxConnectionsPerAddress=2)

    @row("F78")
    def test_tooMany(self) -> None:
        """
        An address has only some, and all together have not more; who is turned away
        is told why.
        """
        own = self.connect()
        reply = self.connect().answer()
        self.assertEqual((reply.status, reply.code), (429, "share"))
        self.assertEqual(reply.headers["retry-after"], "1")
        for host in ("127.0.0.2", "127.0.0.3"):
            self.connect(host)
        turnedAway = self.connect("127.0.0.4")
        reply = turnedAway.answer()
        self.assertEqual((reply.status, reply.code), (503, "busy"))
        self.assertFalse(turnedAway.isOpen)
        turnedAway.give(POST + b"Content-Length: 1\r\n\r\nx")
        self.assertEqual(self.sender.messages, [])
        own.close()
        self.assertEqual(self.connect("127.0.0.4").ask("GET", "/healthz").status, 200)

    def test_stays(self) -> None:
        """
        One that does not go when it is turned away is cut off; when there are many
        of those, the others are told why with its end.
        """
        self.connect()
        many = [self.connect() for _ in range(MOST_TURNED_AWAY)]
        self.assertTrue(all(each.transport.connected for each in many))
        another = self.connect()
        another.transport.settle(another.protocol)
        self.assertEqual(another.answer().code, "share")
        self.assertFalse(another.transport.connected)
        many[0].wait(self.server.limits.linger + TICK)
        self.assertTrue(all(each.transport.aborted for each in many))


class ClosingTests(RelayTestCase):
    """
    A server that stops.
    """

    def test_close(self) -> None:
        """
        Connections without a request end at once, those with one when they are
        answered, and those with a part of one soon.
        """
        partly, busy = self.connect(), self.connect()
        partly.give(POST)
        busy.post()
        closed = self.server.site.close()
        self.client.wait()
        self.assertFalse(self.client.transport.connected)
        self.assertTrue(partly.isOpen)
        partly.wait(self.server.limits.linger + TICK)
        self.assertFalse(partly.transport.connected)
        self.assertNoResult(closed)
        self.store()
        self.assertEqual(busy.answer().headers["connection"], "close")
        busy.transport.settle(busy.protocol)
        self.successResultOf(closed)
        self.successResultOf(self.server.site.close())

    def test_lost(self) -> None:
        """
        A connection that is lost in the middle of anything leaves nothing.
        """
        for data in (b"", POST, POST + b"Content-Length: 9\r\n\r\nx"):
            self.renew().give(data)
            self.client.protocol.connectionLost(Failure(ConnectionDone()))
            self.client.transport.connected = False
        self.client = self.connect()
        self.assertEqual(self.server.site._channels, 1)
