"""
Tests for L{txrocketmq.relay.ingest}, L{txrocketmq.relay.front},
L{txrocketmq.relay.answers}, L{txrocketmq.relay.bodies} and
L{txrocketmq.relay.desk}.
"""

from __future__ import annotations

from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure

from tests.cli.results import REFUSED, failed, stored
from tests.relay.http import Client, Reply
from tests.support import TestCase
from txrocketmq import Message, Persisted
from txrocketmq.errors import (
    BrokerError,
    ConnectFailed,
    ConnectionClosed,
    FlowControl,
    GoAway,
    InvalidMessage,
    MalformedAnswer,
    MessageIllegal,
    NoNameServer,
    NoPermission,
    NotRunning,
    NoWritableQueue,
    ProtocolError,
    RemotingTimeout,
    SendCancelled,
    ServiceNotAvailable,
    SystemBusy,
    TooManyInFlight,
    TopicNotExist,
    TopicNotFound,
    WeakAck,
)
from txrocketmq.relay.bodies import LINGER

SECRET = "s3cret\x1b"
NO, MAYBE, YES = Persisted.NO, Persisted.MAYBE, Persisted.YES


class RelayTestCase(TestCase):
    """
    A test of one connection.
    """

    def setUp(self) -> None:
        """
        Connect.
        """
        super().setUp()
        self.client = Client(self.reactor)
        self.addCleanup(self.client.close)

    def ended(self, end: object) -> Reply:
        """
        The answer for a send that ends like this.
        """
        self.client.post()
        sending = self.client.sender.sends[-1]
        if isinstance(end, BaseException):
            sending.errback(Failure(end))
        else:
            sending.callback(end)  # type: ignore[arg-type]  # wrong ones, too
        reply = self.client.reply()
        assert reply is not None, "no answer"
        return reply


class MessageTests(RelayTestCase):
    """
    What is sent.
    """

    def sent(self, body: bytes = b"x", topic: str = "T", **headers: str) -> Message:
        """
        The message that is made of a request.
        """
        self.client.post(body, topic, **headers)
        self.assertIsNone(self.client.reply())
        self.client.sender.sends[-1].callback(stored())
        self.client.reply()
        return self.client.sender.messages[-1]

    def test_body(self) -> None:
        """
        The body's bytes are the message's, whatever they are said to be; form
        data are nothing else.
        """
        for kind in ("text/plain", "application/x-www-form-urlencoded", "x"):
            message = self.sent(b"a=b&\0\n", "Orders", Content_Type=kind)
            self.assertEqual(message, Message("Orders", b"a=b&\0\n"))

    def test_metadata(self) -> None:
        """
        Tags, keys and properties come in headers, in UTF-8; the names of
        properties have no case.
        """
        message = self.sent(
            X_RocketMQ_Tags="neu \u00e4",
            x_rocketmq_keys="a  b",
            X_RocketMQ_Property_Color="Blue",
            X_ROCKETMQ_PROPERTY_ORDER_ID="7",
        )
        self.assertEqual(
            message,
            Message(
                "T",
                b"x",
                tags="neu \u00e4",
                keys=["a", "b"],
                properties={"color": "Blue", "order-id": "7"},
            ),
        )

    def test_chunked(self) -> None:
        """
        A body may come in chunks.
        """
        message = self.sent(
            b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", Transfer_Encoding="chunked"
        )
        self.assertEqual(message.body, b"abcde")

    def test_ack(self) -> None:
        """
        The broker's confirmation may be asked for: it is what there is.
        """
        self.client.begin("POST", "/v1/topics/T/messages?ack=broker", b"x")
        self.assertEqual(len(self.client.sender.sends), 1)
        self.client.sender.sends[0].callback(stored())


class RefusalTests(RelayTestCase):
    """
    What is not sent.
    """

    def refused(
        self, status: int, code: str, body: bytes = b"x", topic: str = "T", **more: str
    ) -> None:
        """
        Check that a request is refused, in words that are not its own.
        """
        self.client.post(body, topic, **more)
        reply = self.client.reply()
        assert reply is not None, "no answer"
        self.assertEqual((reply.status, reply.json["error"]["code"]), (status, code))
        self.assertEqual(list(reply.json), ["error"])
        self.assertEqual(list(reply.json["error"]), ["code", "message"])
        self.assertNotIn(b"s3cret", reply.body)
        self.assertEqual(self.client.sender.messages, [])

    def test_topic(self) -> None:
        """
        A topic must be one that users send to.
        """
        for topic in (
            "s3cret%20x",
            "%2e%2e%2fs3cret",
            "%ff",
            "",
            "x" * 128,
            "SCHEDULE_TOPIC_XXXX",
            "rmq_sys_TRACE",
            "%25RETRY%25g",
        ):
            self.refused(422, "invalid_topic", topic=topic)

    def test_empty(self) -> None:
        """
        There must be a body.
        """
        self.refused(422, "invalid_message", b"")

    def test_metadata(self) -> None:
        """
        Metadata must be such as can be stored.
        """
        self.refused(422, "invalid_message", X_RocketMQ_Tags="a\x01s3cret")
        self.refused(422, "invalid_message", X_RocketMQ_Property_a=" ")
        self.client.begin(
            "POST",
            "/v1/topics/T/messages",
            b"x",
            X_RocketMQ_Tags="a\r\nX-RocketMQ-Tags: b",
        )
        reply = self.client.reply()
        assert reply is not None
        self.assertEqual(reply.status, 422)

    def test_notUTF8(self) -> None:
        """
        It must be text.
        """
        self.client.give(
            b"POST /v1/topics/T/messages HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n"
            b"X-RocketMQ-Tags: \xff\r\n\r\nx"
        )
        reply = self.client.reply()
        assert reply is not None
        self.assertEqual(reply.status, 422)

    def test_browser(self) -> None:
        """
        Web pages may not send.
        """
        self.refused(403, "forbidden", Origin="https://s3cret")

    def test_types(self) -> None:
        """
        What is not one message's bytes is not taken for it.
        """
        for headers in (
            {"Content_Type": "application/json; charset=utf-8"},
            {"Content_Type": "Application/X-NDJSON"},
            {"Content_Encoding": "gzip"},
        ):
            self.refused(415, "unsupported", b"x", "T", **headers)

    def test_ack(self) -> None:
        """
        There is no other confirmation than the broker's.
        """
        for query in ("ack=spool", "ack=", "ack=broker&ack=broker", "ack=s3cret"):
            reply = self.client.ask("POST", f"/v1/topics/T/messages?{query}", b"x")
            self.assertEqual(reply.status, 400)
            self.assertEqual(reply.json["error"]["code"], "bad_ack")

    def test_method(self) -> None:
        """
        Messages are posted.
        """
        for method in ("GET", "HEAD", "DELETE"):
            reply = self.client.ask(method, "/v1/topics/T/messages")
            self.assertEqual((reply.status, reply.headers["allow"]), (405, "POST"))

    def test_lateRefusal(self) -> None:
        """
        What only the producer finds wrong is wrong all the same.
        """
        reply = self.ended(InvalidMessage(SECRET))
        self.assertEqual(reply.status, 422)
        self.assertNotIn(b"s3cret", reply.body)


class LengthTests(RelayTestCase):
    """
    Bodies that are too long.
    """

    def check(self) -> None:
        """
        Check what came back.
        """
        reply = self.client.reply()
        assert reply is not None, "no answer"
        self.assertEqual(reply.status, 413)
        self.assertEqual(reply.reason, "Request Entity Too Large")
        self.assertEqual(reply.json["error"]["code"], "too_long")
        self.assertEqual(reply.headers["connection"], "close")

    def test_longest(self) -> None:
        """
        What is just not too long is taken.
        """
        self.client.post(b"x" * 100)
        self.assertEqual(len(self.client.sender.messages), 1)
        self.client.sender.sends[0].callback(stored())

    def test_announced(self) -> None:
        """
        A long body is refused before it comes; it is read on for a moment, so
        that the answer is read, and not kept.
        """
        self.client.post(b"x" * 10, Content_Length="101")
        self.check()
        self.assertTrue(self.client.transport.connected)
        self.client.give(b"x" * 91)
        self.assertFalse(self.client.transport.connected)
        self.assertEqual(self.client.sender.messages, [])

    def test_neverSent(self) -> None:
        """
        A sender that does not leave is left.
        """
        self.client.post(b"", Content_Length="101")
        self.check()
        self.client.wait(LINGER)
        self.assertFalse(self.client.transport.connected)

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
        self.assertFalse(self.client.transport.connected)
        self.assertEqual(self.client.sender.messages, [])


class FramingTests(RelayTestCase):
    """
    What is no HTTP.
    """

    def raw(self, data: bytes) -> Reply:
        """
        What comes back for bytes.
        """
        self.client.method = "POST"
        self.client.give(data)
        reply = self.client.reply()
        assert reply is not None, "no answer"
        return reply

    def test_absurdLength(self) -> None:
        """
        A length no number has ends the connection, and not in a traceback.
        """
        for digits in (b"9" * 20, b"9" * 5000):
            self.client.close()
            self.client.connect()
            reply = self.raw(
                b"POST /v1/topics/T/messages HTTP/1.1\r\nHost: h\r\n"
                b"content-length : %b\r\nX: y\r\n\r\nPOST /" % digits
            )
            self.assertEqual(reply.status, 400)
            self.assertFalse(self.client.transport.connected)

    def test_longLength(self) -> None:
        """
        One that is only too long is refused as such.
        """
        reply = self.raw(
            b"POST /v1/topics/T/messages HTTP/1.1\r\nHost: h\r\n"
            b"Content-Length: %b\r\n\r\n" % (b"9" * 19)
        )
        self.assertEqual(reply.status, 413)

    def test_rubbish(self) -> None:
        """
        What Twisted refuses is refused.
        """
        for data in (
            b"rubbish\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        ):
            self.client.close()
            self.client.connect()
            self.assertEqual(self.raw(data).status, 400)


class AnswerTests(RelayTestCase):
    """
    What became of a message.
    """

    def test_stored(self) -> None:
        """
        A message that is stored is answered when it is, with its place.
        """
        reply = self.ended(stored(7))
        self.assertEqual((reply.status, reply.reason), (200, "OK"))
        self.assertEqual(
            reply.json,
            {
                "results": [
                    {
                        "msgId": "ID7",
                        "offsetMsgId": "OFF7",
                        "brokerName": "broker-a",
                        "queueId": 3,
                        "queueOffset": 7,
                        "sendStatus": "SEND_OK",
                    }
                ]
            },
        )
        self.assertEqual(reply.headers["content-type"], "application/json")
        self.assertEqual(reply.headers["x-content-type-options"], "nosniff")
        self.assertNotIn("server", reply.headers)

    def test_statuses(self) -> None:
        """
        Each end has its status and fixed words: 503 where trying again may help
        and nothing is stored, 504 where it may be, 502 otherwise.
        """
        address = f"{SECRET}:1"
        for cause, persisted, status, words in (
            (NoNameServer([]), NO, 503, "no name server answered"),
            (TopicNotFound(SECRET, []), NO, 503, "the topic does not exist"),
            (TopicNotExist(17, SECRET, address), NO, 503, "the topic does not exist"),
            (NoWritableQueue(SECRET), NO, 503, "no queue of the topic"),
            (ConnectFailed(address, SECRET), NO, 503, "a connection could not"),
            (ConnectionClosed(address, SECRET), MAYBE, 504, "the connection was lost"),
            (RemotingTimeout(address, SECRET), MAYBE, 504, "no answer in time"),
            (ProtocolError(address, SECRET), MAYBE, 504, "was not understood"),
            (MalformedAnswer(0, SECRET, address), YES, 502, "was not understood"),
            (SystemBusy(2, SECRET, address), NO, 503, "overloaded"),
            (FlowControl(215, SECRET, address), NO, 503, "overloaded"),
            (ServiceNotAvailable(14, SECRET, address), NO, 503, "no messages now"),
            (GoAway(1500, SECRET, address), NO, 503, "stopping"),
            (MessageIllegal(13, SECRET, address), NO, 502, "refused the message"),
            (NoPermission(16, SECRET, address), NO, 502, "does not allow it"),
            (WeakAck(10, SECRET, address), YES, 502, "not as safely"),
            (BrokerError(999, SECRET, address), MAYBE, 504, "refused the message"),
        ):
            reply = self.ended(failed(cause, persisted))
            self.assertEqual(reply.status, status, cause)
            (found,) = reply.json["results"]
            self.assertEqual(list(found), ["error", "persisted", "msgId"])
            self.assertIn(words, found["error"])
            self.assertEqual(found["persisted"], persisted.name)
            self.assertEqual(found["msgId"], "ID")
            self.assertNotIn(b"s3cret", reply.body)
            self.assertEqual("retry-after" in reply.headers, status == 503)

    def test_noRoom(self) -> None:
        """
        What was not begun has no id.
        """
        for error in (TooManyInFlight(SECRET), NotRunning(SECRET)):
            reply = self.ended(error)
            self.assertEqual(reply.status, 503)
            self.assertIsNone(reply.json["results"][0]["msgId"])
            self.assertEqual(reply.json["results"][0]["persisted"], "NO")

    def test_cancelled(self) -> None:
        """
        A send that somebody else cancelled was one when the relay stopped.
        """
        for error in (SendCancelled(MAYBE), CancelledError()):
            reply = self.ended(error)
            self.assertEqual(reply.status, 503)
            self.assertEqual(reply.json["error"]["code"], "stopping")

    def test_bug(self) -> None:
        """
        What nobody foresaw is logged, and not shown.
        """
        reply = self.ended(KeyError(SECRET))
        self.assertEqual((reply.status, reply.json["error"]["code"]), (500, "internal"))
        self.assertNotIn(b"s3cret", reply.body)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_clientGone(self) -> None:
        """
        When the client has gone, the send is cancelled, and nobody is answered.
        """
        self.client.post()
        self.client.close()
        self.assertEqual(self.client.sender.cancelled, 1)
        self.assertIsNone(self.client.reply())

    def test_keptAlive(self) -> None:
        """
        A connection serves one message after the other, in order.
        """
        self.client.post(b"a")
        self.client.post(b"b")
        self.assertEqual(len(self.client.sender.messages), 1)
        self.client.sender.sends[0].callback(stored(1))
        self.assertEqual(len(self.client.sender.messages), 2)
        first = self.client.reply()
        self.client.sender.sends[1].errback(Failure(failed(REFUSED)))
        second = self.client.reply()
        assert first is not None
        assert second is not None
        self.assertEqual((first.status, second.status), (200, 503))


class FrontTests(RelayTestCase):
    """
    The other addresses.
    """

    def test_nothing(self) -> None:
        """
        Everything else is not there, whatever is asked.
        """
        for path in ("/", "/v1", "/v1/topics/T", "/healthz/", "/v1/topics/T/messages/"):
            for method in ("GET", "DELETE"):
                reply = self.client.ask(method, path)
                self.assertEqual((reply.status, reply.reason), (404, "Not Found"))
                self.assertEqual(reply.json["error"]["code"], "not_found")

    def test_health(self) -> None:
        """
        A relay that answers lives.
        """
        self.assertEqual(self.client.ask("GET", "/healthz").json, {"status": "ok"})
        self.assertEqual(self.client.ask("HEAD", "/healthz").status, 200)
        self.assertEqual(self.client.ask("PUT", "/healthz").status, 405)

    def test_readiness(self) -> None:
        """
        It is ready when a name server has answered, until it stops.
        """
        reply = self.client.ask("GET", "/readyz")
        self.assertEqual(
            (reply.status, reply.json["error"]["code"]), (503, "not_ready")
        )
        self.client.desk.ready = True
        self.assertEqual(self.client.ask("GET", "/readyz").status, 200)
        self.successResultOf(self.client.desk.drained())
        reply = self.client.ask("GET", "/readyz")
        self.assertEqual((reply.status, reply.json["error"]["code"]), (503, "stopping"))
        self.assertEqual(self.client.ask("GET", "/healthz").status, 200)


class DeskTests(RelayTestCase):
    """
    Stopping.
    """

    def test_drained(self) -> None:
        """
        No more are taken in; those that are have their answer first.
        """
        desk = self.client.desk
        self.client.post()
        drained = desk.drained()
        self.assertNoResult(drained)
        self.client.sender.sends[0].callback(stored())
        self.successResultOf(drained)
        reply = self.client.reply()
        assert reply is not None
        self.assertEqual(reply.status, 200)
        reply = self.client.ask("POST", "/v1/topics/T/messages", b"x")
        self.assertEqual((reply.status, reply.json["error"]["code"]), (503, "stopping"))
        self.assertEqual(reply.headers["retry-after"], "1")

    def test_failuresEnd(self) -> None:
        """
        A send that fails has ended, too; who waits may stop waiting.
        """
        self.client.post()
        desk = self.client.desk
        impatient, patient = desk.drained(), desk.drained()
        impatient.addErrback(lambda _: None)
        impatient.cancel()
        self.client.sender.sends[0].errback(Failure(failed()))
        self.successResultOf(patient)
