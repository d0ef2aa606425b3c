"""
Tests against what Apache's clients and servers said to each other.
"""

from __future__ import annotations

from struct import unpack_from
from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.strategies import decode
from tests.wire.vectors import records, requests, responses, vectors
from txrocketmq._wire import jsonheader
from txrocketmq._wire.bodies import (
    decodeHeartbeatData,
    decodeTopicRouteData,
    encodeHeartbeatData,
    encodeTopicRouteData,
    heartbeatFingerprint,
)
from txrocketmq._wire.codes import (
    LanguageCode,
    RequestCode,
    ResponseCode,
    SerializeType,
    codeName,
)
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.frames import encodeFrame
from txrocketmq._wire.headers import (
    CheckTransactionStateRequestHeader,
    CreateTopicRequestHeader,
    EndTransactionRequestHeader,
    GetEarliestMsgStoretimeRequestHeader,
    GetEarliestMsgStoretimeResponseHeader,
    GetMaxOffsetRequestHeader,
    GetMaxOffsetResponseHeader,
    GetMinOffsetRequestHeader,
    GetMinOffsetResponseHeader,
    GetRouteInfoRequestHeader,
    Header,
    HeartbeatRequestHeader,
    QueryMessageRequestHeader,
    QueryMessageResponseHeader,
    RecallMessageRequestHeader,
    RecallMessageResponseHeader,
    ReplyMessageRequestHeader,
    SearchOffsetRequestHeader,
    SearchOffsetResponseHeader,
    SendMessageRequestHeader,
    SendMessageResponseHeader,
    UnregisterClientRequestHeader,
    ViewMessageRequestHeader,
    fromExtFields,
    toExtFields,
)
from txrocketmq._wire.ids import decodeOffsetId, decodeUniqueId, encodeOffsetId
from txrocketmq._wire.records import (
    decodeBatch,
    decodeProperties,
    decodeStoredMessages,
    encodeBatch,
    encodeProperties,
    encodeStoredMessage,
)

V1_SENDS = (10, 324)
V2_SENDS = (310, 320, 325)

REQUESTS: dict[int, type[Header]] = {
    12: QueryMessageRequestHeader,
    17: CreateTopicRequestHeader,
    29: SearchOffsetRequestHeader,
    30: GetMaxOffsetRequestHeader,
    31: GetMinOffsetRequestHeader,
    32: GetEarliestMsgStoretimeRequestHeader,
    33: ViewMessageRequestHeader,
    34: HeartbeatRequestHeader,
    35: UnregisterClientRequestHeader,
    37: EndTransactionRequestHeader,
    39: CheckTransactionStateRequestHeader,
    105: GetRouteInfoRequestHeader,
    326: ReplyMessageRequestHeader,
    370: RecallMessageRequestHeader,
}

RESPONSES: dict[int, type[Header]] = {
    10: SendMessageResponseHeader,
    12: QueryMessageResponseHeader,
    29: SearchOffsetResponseHeader,
    30: GetMaxOffsetResponseHeader,
    31: GetMinOffsetResponseHeader,
    32: GetEarliestMsgStoretimeResponseHeader,
    310: SendMessageResponseHeader,
    320: SendMessageResponseHeader,
    325: SendMessageResponseHeader,
    370: RecallMessageResponseHeader,
}

# What is no field of a header: hooks add these, and a broker its region.
ADDED = {
    "AccessKey",
    "SecurityToken",
    "Signature",
    "ReqT",
    "MSG_REGION",
    "TRACE_ON",
}


def own(command: RemotingCommand) -> dict[str, str]:
    """
    Give the C{extFields} that are a header's.
    """
    return {k: v for k, v in command.extFields.items() if k not in ADDED}


def bodyOf(record: dict[str, Any]) -> bytes | None:
    """
    Give the body a record tells, if it does.
    """
    if record["bodyLength"] == 0:
        return b""
    return bytes.fromhex(record["bodyHex"]) if "bodyHex" in record else None


class FrameTests(SynchronousTestCase):
    """
    Frames.
    """

    def assertDescribed(self, command: RemotingCommand, frame: dict[str, Any]) -> None:
        """
        A command is what the record of its frame says.
        """
        self.assertEqual(command.code, frame["code"])
        self.assertEqual(command.flag, frame["flag"])
        self.assertEqual(command.opaque, frame["opaque"])
        self.assertEqual(command.language, LanguageCode[frame["language"]])
        self.assertEqual(command.version, frame["version"])
        self.assertEqual(command.remark, frame["remark"] or None)
        self.assertEqual(command.extFields, frame["extFields"] or {})
        self.assertIs(command.serializeType, SerializeType[frame["serializeType"]])
        kind = ResponseCode if command.isResponse else RequestCode
        self.assertEqual(codeName(command.code, kind), frame["name"])

    def test_decoded(self) -> None:
        """
        Each frame says what its record says.
        """
        count = 0
        for vector in vectors():
            count += 1
            record = vector.record
            command = decode(vector.data)
            self.assertDescribed(command, record["frame"])
            self.assertEqual(command.isResponse, vector.isResponse, vector.name)
            body = bodyOf(record)
            if body is not None and vector.data.hex() == record["hex"]:
                self.assertEqual(command.body, body)
        self.assertEqual(count, 980 + 108)

    def test_headerAlone(self) -> None:
        """
        So does the one header whose body is not kept.
        """
        (record,) = (each for each in records() if "headerHex" in each)
        data = bytes.fromhex(record["headerHex"])
        length, size = unpack_from(">iI", data)
        self.assertEqual(length + 4, record["frameLength"])
        self.assertEqual(length - 4 - size, record["bodyLength"])
        self.assertDescribed(jsonheader.decodeHeader(data[8:], b""), record["frame"])

    def test_encoded(self) -> None:
        """
        What we write of it reads the same.
        """
        for vector in vectors():
            command = decode(vector.data)
            self.assertEqual(decode(encodeFrame(command)), command, vector.name)

    def test_sameBytes(self) -> None:
        """
        Java's own frames are written to the byte: all of those that have no
        C{extFields} of no fields, no empty remark and no name twice, and are
        not by Go, whose keys have another order.
        """
        count = 0
        for vector in vectors():
            frame = vector.record["frame"]
            if not (
                (vector.record["client"].startswith("go") and not vector.isResponse)
                or frame["extFields"] == {}
                or frame["remark"] == ""
                or frame.get("duplicateKeys")
            ):
                count += 1
                self.assertEqual(encodeFrame(decode(vector.data)), vector.data)
        self.assertGreater(count, 700)


class HeaderTests(SynchronousTestCase):
    """
    Typed headers.
    """

    def test_requests(self) -> None:
        """
        Each request's C{extFields} make its header, and the header them.
        """
        seen = set()
        for vector in vectors():
            if not vector.isResponse and vector.asked in REQUESTS:
                seen.add(vector.asked)
                fields = own(decode(vector.data))
                header = fromExtFields(REQUESTS[vector.asked], fields)
                written = toExtFields(header)
                self.assertEqual(written, fields, vector.name)
        self.assertEqual(seen, REQUESTS.keys())

    def test_sends(self) -> None:
        """
        So do those of sends, in either spelling.
        """
        for vector in requests(*V1_SENDS):
            fields = own(decode(vector.data))
            header = SendMessageRequestHeader.fromV1ExtFields(fields)
            self.assertEqual(header.toV1ExtFields(), fields, vector.name)
        for vector in requests(*V2_SENDS):
            fields = own(decode(vector.data))
            header = SendMessageRequestHeader.fromV2ExtFields(fields)
            self.assertEqual(header.toV2ExtFields(), fields, vector.name)
            self.assertEqual(
                SendMessageRequestHeader.fromV1ExtFields(header.toV1ExtFields()), header
            )

    def test_responses(self) -> None:
        """
        So do those of answers that have any.
        """
        seen = set()
        for vector in vectors():
            fields = own(decode(vector.data))
            if vector.isResponse and vector.asked in RESPONSES and fields:
                seen.add(vector.asked)
                header = fromExtFields(RESPONSES[vector.asked], fields)
                self.assertEqual(toExtFields(header), fields, vector.name)
        self.assertEqual(seen, RESPONSES.keys())


class BodyTests(SynchronousTestCase):
    """
    Bodies.
    """

    def test_routes(self) -> None:
        """
        Routes of name servers of all ages are read, and those of 5.5.0 are
        written to the byte, with quotes around numbers or without.
        """
        count = 0
        for vector in responses(105):
            body = decode(vector.data).body
            if body:
                route = decodeTopicRouteData(body)
                standard = b'{"0":' in body
                written = encodeTopicRouteData(route, standard)
                if b"enableActingMaster" in body:
                    count += 1
                    self.assertEqual(written, body, vector.name)
                self.assertEqual(decodeTopicRouteData(written), route, vector.name)
                self.assertEqual(route.brokerDatas[0].brokerName, "broker-a")
                self.assertIn(0, route.brokerDatas[0].brokerAddrs)
        self.assertGreater(count, 100)

    def test_heartbeats(self) -> None:
        """
        Heartbeats are read, and those of 5.5.0 are written to the byte.
        """
        for vector in requests(34):
            body = decode(vector.data).body
            heartbeat = decodeHeartbeatData(body)
            written = encodeHeartbeatData(heartbeat)
            if b"withoutSub" in body:
                self.assertEqual(written, body)
            self.assertEqual(decodeHeartbeatData(written), heartbeat)

    def test_fingerprints(self) -> None:
        """
        The fingerprint of a heartbeat is Java's, for one order of its groups:
        Java sends them in an order of its own.
        """
        count = 0
        for vector in requests(34):
            heartbeat = decodeHeartbeatData(decode(vector.data).body)
            if heartbeat.heartbeatFingerprint:
                count += 1
                groups = heartbeat.producerDataSet
                orders = (groups, groups[::-1])
                self.assertIn(
                    heartbeat.heartbeatFingerprint,
                    [
                        heartbeatFingerprint(type(heartbeat)("", order))
                        for order in orders
                    ],
                )
        self.assertEqual(count, 2)

    def test_batches(self) -> None:
        """
        Batches are read, and written to the byte.
        """
        count = 0
        for vector in requests(10, 310, 320):
            command = decode(vector.data)
            if "true" in (command.extFields.get("m"), command.extFields.get("batch")):
                count += 1
                records = decodeBatch(command.body)
                self.assertGreaterEqual(len(records), 1)
                self.assertEqual(encodeBatch(records), command.body, vector.name)
        self.assertEqual(count, 15)

    def test_properties(self) -> None:
        """
        Properties that are read are the same after they were written.
        """
        for vector in requests(*V1_SENDS, *V2_SENDS, 326):
            fields = decode(vector.data).extFields
            text = fields.get("i", fields.get("properties", ""))
            properties = decodeProperties(text)
            self.assertEqual(decodeProperties(encodeProperties(properties)), properties)
            if vector.record["client"] == "java 5.5.0" and not vector.isResponse:
                pairs = set(text.split("\x02"))
                written = set(encodeProperties(properties).split("\x02"))
                # Empty values are sent, but vanish.
                self.assertEqual({p for p in pairs if p[-1:] != "\x01"}, written)

    def test_storedMessages(self) -> None:
        """
        Messages of brokers of all ages are read; those of 5.5.0 are written
        to the byte.
        """
        count = 0
        for vector in (*responses(12, 33), *requests(39)):
            body = decode(vector.data).body
            if body:
                messages = decodeStoredMessages(body)
                written = b"".join(map(encodeStoredMessage, messages))
                if "5.5.0" in vector.record["server"]:
                    self.assertEqual(written, body, vector.name)
                self.assertEqual(decodeStoredMessages(written), messages)
                for message in messages:
                    count += 1
                    self.assertEqual(message.msgId, message.properties["UNIQ_KEY"])
        self.assertEqual(count, 19)

    def test_checkedMessages(self) -> None:
        """
        The message of a transaction check is where its header says, and knows
        the sum of its body.
        """
        for vector in requests(39):
            command = decode(vector.data)
            (message,) = decodeStoredMessages(command.body)
            self.assertEqual(message.offsetMsgId, command.extFields["offsetMsgId"])
            self.assertEqual(message.msgId, command.extFields["msgId"])
            again = msgspec.structs.replace(message, bodyCRC=None)
            (read,) = decodeStoredMessages(encodeStoredMessage(again))
            self.assertEqual(read.bodyCRC, message.bodyCRC)


class IdTests(SynchronousTestCase):
    """
    Message ids.
    """

    def test_ids(self) -> None:
        """
        All ids brokers and clients gave can be taken apart; those of brokers
        can be put together again.
        """
        lengths = set()
        for vector in responses(10, 310, 320):
            fields = decode(vector.data).extFields
            for text in filter(None, fields.get("msgId", "").split(",")):
                self.assertEqual(encodeOffsetId(*decodeOffsetId(text)), text)
            if "transactionId" in fields:
                lengths.add(len(fields["transactionId"]))
                decodeUniqueId(fields["transactionId"])
        self.assertEqual(lengths, {32, 56})
