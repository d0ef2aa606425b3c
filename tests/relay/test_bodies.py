"""
Tests for whole bodies: L{txrocketmq.relay.ingest}, L{txrocketmq.relay.documents},
L{txrocketmq.relay.metadata}, L{txrocketmq.relay.work} and
L{txrocketmq.relay.outcomes}.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.cli.results import failed, stored
from tests.matrix.marks import row
from tests.relay.http import JSON, NDJSON, PATH, RelayTestCase, Reply
from txrocketmq import Message, Persisted
from txrocketmq.errors import (
    BrokerError,
    ConnectFailed,
    ConnectionClosed,
    FlowControl,
    GoAway,
    InvalidMessage,
    InvalidParameter,
    MalformedAnswer,
    MessageIllegal,
    NoNameServer,
    NoPermission,
    NotRunning,
    NoWritableQueue,
    ProtocolError,
    RemotingTimeout,
    RocketMQError,
    SendCancelled,
    ServiceNotAvailable,
    SpoolFull,
    SpoolUnavailable,
    SystemBusy,
    TooManyInFlight,
    TopicNotExist,
    TopicNotFound,
    WeakAck,
)
from txrocketmq.relay.documents import Fault, itemOf, messageOf
from txrocketmq.relay.limits import Limits

SECRET = "s3cret\x1b"
NO, MAYBE, YES = Persisted.NO, Persisted.MAYBE, Persisted.YES
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def posted(*messages: dict[str, Any]) -> bytes:
    """
    A document of messages.
    """
    return json.dumps({"messages": messages}).encode()


class BodyTestCase(RelayTestCase):
    """
    A test of whole bodies.
    """

    limits = Limits(maxBody=200_000, maxMessage=50_000, maxMessages=5)
    hasSpool = True

    def sent(self, body: bytes = b"x", topic: str = "T", **headers: str) -> Message:
        """
        The message that is made of a request.
        """
        self.client.post(body, topic, **headers)
        self.assertIsNone(self.client.reply())
        self.store()
        self.assertEqual(self.client.answer().status, 200)
        return self.sender.messages[-1]

    def refused(self, status: int, code: str, body: bytes = b"x", **more: str) -> Any:
        """
        Check that a request is refused, in words that are not its own.

        @return: What is said of it.
        """
        topic = more.pop("topic", "T")
        self.client.post(body, topic, **more)
        reply = self.client.answer()
        self.assertEqual((reply.status, reply.code), (status, code))
        self.assertEqual(list(reply.json), ["error"])
        self.assertNotIn(b"s3cret", reply.body)
        self.assertEqual(self.sender.messages, [])
        self.assertEqual(self.spool.groups, [])
        return reply.json["error"]


class RawTests(BodyTestCase):
    """
    Bodies that are one message's bytes.
    """

    def test_body(self) -> None:
        """
        The body's bytes are the message's, whatever they are said to be; form
        data are nothing else.
        """
        for kind in ("text/plain", "application/x-www-form-urlencoded", "x"):
            message = self.sent(b"a=b&\0\n", "Orders", Content_Type=kind)
            self.assertEqual(message, Message("Orders", b"a=b&\0\n"))
        self.assertEqual(self.sent(b"\xff"), Message("T", b"\xff"))

    def test_metadata(self) -> None:
        """
        Tags, keys and properties come in headers, in UTF-8; the names of properties
        are as they were spelled.
        """
        message = self.sent(
            X_RocketMQ_Tags="neu \u00e4",
            x_rocketmq_keys="a  b",
            X_RocketMQ_Property_orderId="Blue",
            X_ROCKETMQ_PROPERTY_ORDER_ID="7",
        )
        self.assertEqual(
            message,
            Message(
                "T",
                b"x",
                tags="neu \u00e4",
                keys=["a", "b"],
                properties={"orderId": "Blue", "ORDER-ID": "7"},
            ),
        )

    def test_badMetadata(self) -> None:
        """
        What could not be stored as it is is refused; one is not there twice.
        """
        for headers in (
            {"X_RocketMQ_Tags": " "},
            {"X_RocketMQ_Tags": SECRET + "\x01"},
            {"X_RocketMQ_Property_TAGS": "s3cret"},
            {"X_RocketMQ_Property_": "s3cret"},
            {"X_RocketMQ_Tags": "s3cret", "x_rocketmq_TAGS": "s3cret"},
            {"X_RocketMQ_Property_a": "s3cret", "X_RocketMQ_Property_A": "b"},
        ):
            error = self.refused(422, "invalid_message", b"x", **headers)
            self.assertEqual(error["path"], "headers")
        self.client.give(
            b"POST /v1/topics/T/messages HTTP/1.1\r\nHost: h\r\n"
            b"X-RocketMQ-Tags: \xff\r\nContent-Length: 1\r\n\r\nx"
        )
        self.assertEqual(self.client.answer().code, "invalid_message")

    def test_tooMuchMetadata(self) -> None:
        """
        What describes a message has to be what a broker stores.
        """
        many = {f"X_RocketMQ_Property_p{n}": "\u00e4" * 4000 for n in range(4)}
        error = self.refused(400, "bad_request", b"x", **many)
        self.assertEqual(list(error), ["code", "message"])

    def test_noBody(self) -> None:
        """
        There has to be one, and it may be too long for a message.
        """
        error = self.refused(422, "invalid_message", b"")
        self.assertEqual((error["path"], error["limit"]), ("body", 50_000))
        self.refused(422, "invalid_message", b"x" * 50_001)

    def test_trace(self) -> None:
        """
        A trace goes on in properties, if it is one.
        """
        self.assertEqual(
            self.sent(traceparent=TRACE, tracestate="a=1").properties,
            {"traceparent": TRACE, "tracestate": "a=1"},
        )
        self.assertEqual(
            self.sent(traceparent=TRACE, tracestate="\x1b").properties,
            {"traceparent": TRACE},
        )
        for wrong in (TRACE.upper(), TRACE[:-1], "ff" + TRACE[2:], "0" * 55):
            self.assertIsNone(self.sent(traceparent=wrong, tracestate="a=1").properties)
        own = {"X_RocketMQ_Property_traceparent": "mine"}
        self.assertEqual(
            self.sent(b"x", "T", traceparent=TRACE, **own).properties,
            {"traceparent": "mine"},
        )


class DocumentTests(BodyTestCase):
    """
    Bodies that are JSON.
    """

    def test_messages(self) -> None:
        """
        Each object is a message, with all it says of itself.
        """
        body = posted(
            {"body": "t\u00e4xt", "tags": "t", "keys": "one", "shardingKey": "s"},
            {"bodyBase64": "AP8=", "keys": ["a", "b"], "delayTimeLevel": 3},
            {"json": {"a": [1, None]}, "properties": {"p": "1"}, "deliverAt": 1e9},
            {"body": "x", "deliverAfter": 2},
        )
        self.client.post(body, Content_Type=f"{JSON}; charset=utf-8")
        self.assertEqual(
            self.sender.messages,
            [
                Message(
                    "T", "t\u00e4xt".encode(), tags="t", keys="one", shardingKey="s"
                ),
                Message("T", b"\0\xff", keys=["a", "b"], delayTimeLevel=3),
                Message("T", b'{"a": [1, null]}', properties={"p": "1"}, deliverAt=1e9),
                Message("T", b"x", deliverAfter=2),
            ],
        )
        self.store()
        results = self.client.answer().json["results"]
        self.assertEqual(
            [each["msgId"] for each in results], ["ID0", "ID1", "ID2", "ID3"]
        )

    def test_lines(self) -> None:
        """
        With one object in each line there is a message for each that is not blank.
        """
        self.client.post(b'{"body": "a"}\r\n\n  \n{"body": "b"}', Content_Type=NDJSON)
        bodies = [message.body for message in self.sender.messages]
        self.assertEqual(bodies, [b"a", b"b"])

    def test_trace(self) -> None:
        """
        A trace goes on in every message that does not name one.
        """
        body = posted({"body": "a"}, {"body": "b", "properties": {"traceparent": "m"}})
        self.client.post(body, Content_Type=JSON, traceparent=TRACE)
        traces = [message.properties for message in self.sender.messages]
        self.assertEqual(traces, [{"traceparent": TRACE}, {"traceparent": "m"}])

    def test_malformed(self) -> None:
        """
        What is no JSON is said to be none, and where it ends to be some.
        """
        for body, path, more in (
            (b"", "$", {"reason": "is not JSON: it ends too soon"}),
            (b'{"messages":[', "$", {"reason": "is not JSON: it ends too soon"}),
            (b"s3cret", "$", {"reason": "is not JSON", "byte": 0}),
            (posted({"body": "x"}) + b" y", "$", {"byte": 31}),
            (b'{"messages":[{"body":"\xff"}]}', "$", {"reason": "is not UTF-8"}),
            (b'{"messages":[{"body":"a\nb"}]}', "$", {"byte": 23}),
            (b'{"messages":[{"json":"\xff"}]}', "$.messages[0].json", {}),
            (b'{"messages":[{"json":' + b"[" * 50_000, "$", {}),
        ):
            error = self.refused(400, "malformed", body, Content_Type=JSON)
            self.assertEqual(error["path"], path)
            self.assertLessEqual(more.items(), error.items())

    def test_wrong(self) -> None:
        """
        What is JSON, and no message, is told with its path.
        """
        for message, path, reason in (
            ({"body": 1}, ".body", "must be str, not int"),
            (
                {"body": "x", "tags": ["s3cret"]},
                ".tags",
                "must be str or null, not array",
            ),
            ({"body": "x", "keys": [1]}, ".keys[0]", "must be str, not int"),
            ({"body": "x", "properties": {"s3cret": 1}}, ".properties[...]", "must be"),
            ({"body": "x", "delayTimeLevel": True}, ".delayTimeLevel", "must be int"),
            (
                {"body": "x", "delayTimeLevel": 10**30},
                ".delayTimeLevel",
                "must be a whole",
            ),
            ({"bodyBase64": "s3cret!"}, ".bodyBase64", "must be base64"),
            ({}, "", "has to have exactly one"),
            ({"body": "x", "json": 1}, "", "has to have exactly one"),
            ({"body": ""}, ".body", "must not be empty"),
            ({"bodyBase64": ""}, ".bodyBase64", "must not be empty"),
            ({"json": "y" * 50_000}, ".json", "must not be empty, nor longer"),
            ({"body": "x", "tags": " "}, ".tags", "must be text that is not"),
            ({"body": "x", "keys": ["a b"]}, ".keys", "must be texts that"),
            (
                {"body": "x", "properties": {"UNIQ_KEY": "s3cret"}},
                ".properties",
                "must",
            ),
            ({"body": "x", "shardingKey": "\x01"}, ".shardingKey", "must be text"),
            ({"body": "x", "delayTimeLevel": -1}, ".delayTimeLevel", "must be a whole"),
            ({"body": "x", "deliverAt": -1}, ".deliverAt", "must be a time"),
            ({"body": "x", "deliverAfter": -1}, ".deliverAfter", "must be a number"),
            ({"body": "x", "deliverAfter": 1, "deliverAt": 1}, "", "may have one of"),
            (
                {"body": "x", "properties": {"p": "\u00e4" * 17_000}},
                "",
                "the tags, keys",
            ),
            ({"body": "x", "tags": "t" * 33_000}, "", "the tags, keys"),
        ):
            body = posted({"body": "ok"}, message)
            error = self.refused(422, "invalid_message", body, Content_Type=JSON)
            self.assertEqual(error["path"], f"$.messages[1]{path}")
            self.assertIn(reason, error["reason"])

    def test_range(self) -> None:
        """
        A number that is none to us is out of range.
        """
        body = b'{"messages":[{"body":"x","deliverAt":1e400}]}'
        error = self.refused(422, "invalid_message", body, Content_Type=JSON)
        self.assertEqual(error["reason"], "is out of range")

    def test_unknownField(self) -> None:
        """
        A field that does not exist is named, if it is a name.
        """
        body = posted({"body": "x", "tagz": 1})
        error = self.refused(422, "invalid_message", body, Content_Type=JSON)
        self.assertEqual((error["path"], error["field"]), ("$.messages[0]", "tagz"))
        body = posted({"body": "x", SECRET: 1})
        error = self.refused(422, "invalid_message", body, Content_Type=JSON)
        self.assertNotIn("field", error)

    def test_noMessages(self) -> None:
        """
        There has to be one, at the place for it.
        """
        for body, reason in (
            (b"[]", "must be object, not array"),
            (b"{}", "has no messages"),
            (b'{"messages": {}}', "must be array, not object"),
        ):
            error = self.refused(422, "invalid_message", body, Content_Type=JSON)
            self.assertEqual(error["reason"], reason)
        self.refused(422, "invalid_message", b'{"messages": []}', Content_Type=JSON)
        self.refused(422, "invalid_message", b"\n \n", Content_Type=NDJSON)

    def test_wrongLine(self) -> None:
        """
        Among lines, the line is told, too.
        """
        body = b'{"body": "a"}\n\n{"body": 1}'
        error = self.refused(422, "invalid_message", body, Content_Type=NDJSON)
        self.assertEqual((error["path"], error["line"]), ("$[1].body", 3))
        error = self.refused(400, "malformed", b"{", Content_Type=NDJSON)
        self.assertEqual((error["path"], error["line"]), ("$[0]", 1))

    def test_tooMany(self) -> None:
        """
        There are not more messages in a body than the limit, which is told.
        """
        body = posted(*[{"body": "x"}] * 6)
        error = self.refused(413, "too_many", body, Content_Type=JSON)
        self.assertEqual(error["limitMessages"], 5)
        self.refused(413, "too_many", b'{"body":"x"}\n' * 6, Content_Type=NDJSON)

    def test_onlyNames(self) -> None:
        """
        A path never shows what was sent.
        """
        line = json.dumps({"body": "x", "properties": {SECRET: 1}}).encode()
        fault = self.assertRaises(Fault, itemOf, line, "$")
        self.assertNotIn("s3cret", str(fault))


class PropertyTests(SynchronousTestCase):
    """
    Whatever is sent.
    """

    @given(st.binary(max_size=200))
    def test_anyBytes(self, line: bytes) -> None:
        """
        Bytes are a message, or a fault with a path.
        """
        try:
            messageOf("T", itemOf(line, "$"), "$", 100, None)
        except Fault as fault:
            self.assertTrue(fault.path.startswith("$"))
            self.assertTrue(fault.reason)

    @given(
        st.fixed_dictionaries(
            {},
            optional={
                name: st.none()
                | st.booleans()
                | st.integers()
                | st.floats()
                | st.text()
                for name in ("body", "tags", "keys", "deliverAt", "delayTimeLevel", "x")
            },
        )
    )
    def test_anyDocument(self, document: dict[str, Any]) -> None:
        """
        So are documents of all kinds.
        """
        try:
            line = json.dumps(document).encode()
            message = messageOf("T", itemOf(line, "$"), "$", 100, None)
        except Fault as fault:
            self.assertTrue(fault.path.startswith("$"))
        else:
            self.assertEqual(message.body.decode(), document["body"])


class AnswerTests(BodyTestCase):
    """
    What became of messages a broker was to store.
    """

    def ended(self, *ends: object, **headers: str) -> Reply:
        """
        The answer for messages whose sends end like this.
        """
        first = len(self.sender.sends)
        body = posted(*[{"body": "x"}] * len(ends))
        self.client.post(body, Content_Type=JSON, **headers)
        for sending, end in zip(self.sender.sends[first:], ends, strict=True):
            self.assertIsNone(self.client.reply())
            if isinstance(end, BaseException):
                sending.errback(Failure(end))
            else:
                sending.callback(end)  # type: ignore[arg-type]  # wrong ones, too
        return self.client.answer()

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
        self.assertEqual(reply.headers["cache-control"], "no-store")
        self.assertNotIn("server", reply.headers)
        self.assertEqual(self.server.tally.taken["broker"], 1)
        self.assertEqual(self.server.tally.delivered["broker"], 1)
        self.assertEqual(self.server.tally.answers[200], 1)

    def test_order(self) -> None:
        """
        Results stand in the order of the messages, whichever ended first.
        """
        self.client.post(posted(*[{"body": "x"}] * 3), Content_Type=JSON)
        for at in (2, 0, 1):
            self.assertIsNone(self.client.reply())
            self.sender.sends[at].callback(stored(at))
        results = self.client.answer().json["results"]
        self.assertEqual([each["queueOffset"] for each in results], [0, 1, 2])

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
            (InvalidParameter(29, SECRET, address), NO, 502, "refused the message"),
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
            self.assertEqual(
                reply.headers.get("retry-after"), "1" if status == 503 else None
            )
        self.assertEqual(self.server.tally.failures["timeout", "MAYBE"], 1)

    def test_mixed(self) -> None:
        """
        Several ends make one status.
        """
        busy = failed(SystemBusy(2, SECRET, ""), NO)
        illegal = failed(MessageIllegal(13, SECRET, ""), NO)
        lost = failed(ConnectionClosed("", SECRET), MAYBE)
        for ends, status in (
            ((stored(), stored()), 200),
            ((busy, stored()), 207),
            ((stored(), lost), 207),
            ((busy, busy), 503),
            ((busy, illegal), 502),
            ((busy, lost, illegal), 504),
        ):
            reply = self.ended(*ends)
            self.assertEqual(reply.status, status)
            self.assertEqual(len(reply.json["results"]), len(ends))

    def test_notBegun(self) -> None:
        """
        What was not begun has no id.
        """
        for error in (TooManyInFlight(SECRET), NotRunning(SECRET)):
            reply = self.ended(error)
            self.assertEqual(reply.status, 503)
            self.assertIsNone(reply.json["results"][0]["msgId"])
            self.assertEqual(reply.json["results"][0]["persisted"], "NO")
        self.assertEqual(self.ended(InvalidMessage(SECRET)).status, 502)

    def test_cancelled(self) -> None:
        """
        A send that somebody else cancelled was one when the relay stopped.
        """
        for error in (SendCancelled(MAYBE), CancelledError()):
            reply = self.ended(error)
            self.assertEqual(reply.status, 504)
            self.assertIn("stopping", reply.json["results"][0]["error"])

    def test_bug(self) -> None:
        """
        What nobody foresaw is logged, and not shown; nobody knows what it left.
        """
        reply = self.ended(KeyError(SECRET), stored())
        self.assertEqual(reply.status, 207)
        self.assertEqual(reply.json["results"][0]["persisted"], "MAYBE")
        self.assertNotIn(b"s3cret", reply.body)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    @row("F81")
    def test_clientGone(self) -> None:
        """
        When the client has gone, the send goes on, and nobody is answered.
        """
        self.client.post()
        self.client.close()
        self.assertEqual(self.sender.cancelled, 0)
        self.store()
        self.assertIsNone(self.client.reply())
        self.assertEqual(self.server.tally.delivered["broker"], 1)


class SpoolTests(BodyTestCase):
    """
    What became of messages the spool was to keep.
    """

    def ended(self, end: Exception | None) -> Reply:
        """
        The answer when keeping a message ends like this.
        """
        self.client.begin("POST", f"{PATH}?ack=spool", b"x")
        self.assertIsNone(self.client.reply())
        if end is None:
            self.spool.appends[-1].callback(None)
        else:
            self.spool.appends[-1].errback(end)
        return self.client.answer()

    def test_kept(self) -> None:
        """
        They are accepted when they are committed, with their ids; then they are
        forwarded.
        """
        body = posted({"body": "a"}, {"body": "b"})
        self.client.begin("POST", f"{PATH}?ack=spool", body, Content_Type=JSON)
        self.assertIsNone(self.client.reply())
        self.assertEqual(self.server.woken, 0)
        self.spool.appends[0].callback(None)
        reply = self.client.answer()
        self.assertEqual((reply.status, reply.reason), (202, "Accepted"))
        self.assertEqual(reply.json, {"results": [{"msgId": "ID1"}, {"msgId": "ID2"}]})
        self.assertEqual(self.spool.groups, [[Message("T", b"a"), Message("T", b"b")]])
        self.assertEqual(self.server.woken, 1)
        self.assertEqual(self.server.tally.taken["spool"], 2)
        self.assertEqual(self.server.tally.takenBytes["spool"], 2)
        self.assertEqual(self.sender.messages, [])

    def test_notKept(self) -> None:
        """
        What is not committed is not accepted.
        """
        for end, status, code in (
            (SpoolFull(SECRET), 507, "spool_full"),
            (SpoolUnavailable(SECRET), 503, "spool_unavailable"),
            (RocketMQError(SECRET), 503, "spool_unavailable"),
        ):
            reply = self.ended(end)
            self.assertEqual((reply.status, reply.code), (status, code))
            self.assertIn("retry-after", reply.headers)
            self.assertNotIn(b"s3cret", reply.body)
        reply = self.ended(KeyError(SECRET))
        self.assertEqual((reply.status, reply.code), (500, "internal"))
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
        self.assertEqual(self.server.woken, 0)
        self.assertEqual(self.server.tally.taken["spool"], 0)

    @row("F81")
    def test_clientGone(self) -> None:
        """
        When the client has gone, its messages are kept all the same.
        """
        self.client.begin("POST", f"{PATH}?ack=spool", b"x")
        self.client.close()
        self.spool.appends[0].callback(None)
        self.assertEqual(self.server.woken, 1)
        self.assertIsNone(self.client.reply())


class NoSpoolTests(BodyTestCase):
    """
    A relay without a spool.
    """

    hasSpool = False

    def test_refused(self) -> None:
        """
        It can promise only what a broker confirms.
        """
        reply = self.client.ask("POST", f"{PATH}?ack=spool", b"x")
        self.assertEqual((reply.status, reply.code), (400, "no_spool"))
        reply = self.client.ask("POST", PATH, b"x", Idempotency_Key="k")
        self.assertEqual((reply.status, reply.code), (400, "no_spool"))
