"""
Tests for properties, batches and stored messages.
"""

from __future__ import annotations

import contextlib
from struct import pack
from zlib import crc32

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.strategies import INT32, INT64, PROPERTIES, WORDS
from txrocketmq._wire.codes import SysFlag
from txrocketmq._wire.malformed import MalformedBody
from txrocketmq._wire.records import (
    RESERVED,
    BatchRecord,
    MessageConst,
    StoredMessage,
    decodeBatch,
    decodeProperties,
    decodeStoredMessages,
    encodeBatch,
    encodeProperties,
    encodeStoredMessage,
    unwrapInnerBatch,
)
from txrocketmq._wire.stored import MAGIC_BLANK

RECORDS = st.lists(
    st.builds(BatchRecord, st.binary(max_size=20), INT32, st.text(max_size=20)),
    max_size=4,
)

HOSTS = st.one_of(
    st.builds("{}:{}".format, st.ip_addresses(v=4), st.integers(0, 65535)),
    st.builds("[{}]:{}".format, st.ip_addresses(v=6), st.integers(0, 65535)),
)

STORED = st.builds(
    StoredMessage,
    st.text(max_size=150),
    INT32,
    INT32,
    INT64,
    INT64,
    st.integers(0, 0x7FF).map(lambda bits: bits & ~0x30),
    INT64,
    HOSTS,
    INT64,
    HOSTS,
    INT32,
    INT64,
    st.binary(max_size=50),
    PROPERTIES,
    INT32,
)

MESSAGE = StoredMessage(
    "T",
    1,
    0,
    5,
    0x1234,
    0,
    1700000000000,
    "10.0.0.2:40000",
    1700000000001,
    "127.0.0.1:10911",
    0,
    0,
    b"hello",
    {"UNIQ_KEY": "A"},
)

# Where the parts of that message are.
TOTAL, MAGIC, BODY_SIZE, TOPIC_SIZE, PROPERTIES_SIZE = 0, 4, 84, 93, 95


def patched(data: bytes, at: int, part: bytes) -> bytes:
    """
    Put other bytes at a place.
    """
    return data[:at] + part + data[at + len(part) :]


def withoutHosts(sysFlag: int) -> int:
    """
    Give a C{sysFlag} without the bits that tell of IPv6.
    """
    return sysFlag & ~(SysFlag.BORN_HOST_V6 | SysFlag.STORE_HOST_V6)


class PropertiesTests(SynchronousTestCase):
    """
    Properties as one text.
    """

    @given(PROPERTIES)
    def test_roundTrip(self, properties: dict[str, str]) -> None:
        """
        Properties are read as they were written.
        """
        self.assertEqual(decodeProperties(encodeProperties(properties)), properties)

    @given(st.dictionaries(st.text(), st.text()))
    def test_noOtherProperty(self, properties: dict[str, str]) -> None:
        """
        No value makes a property that was not meant.
        """
        try:
            text = encodeProperties(properties)
        except ValueError:
            return
        self.assertLessEqual(
            decodeProperties(text).items(), properties.items(), "one more than meant"
        )

    def test_form(self) -> None:
        """
        Each pair is ended, the last one too.
        """
        self.assertEqual(encodeProperties({}), "")
        self.assertEqual(
            encodeProperties({"WAIT": "true", "KEYS": ""}),
            "WAIT\x01true\x02KEYS\x01\x02",
        )

    def test_separators(self) -> None:
        """
        Separators in a name or a value are refused.
        """
        for properties in (
            {"a": "x\x02b\x01y"},
            {"a\x01b": "x"},
            {"a": "x\x01"},
            {"a\x02": "x"},
        ):
            with self.assertRaises(ValueError):
                encodeProperties(properties)

    def test_lenient(self) -> None:
        """
        The last end may be missing; what has no name or no value is nothing.
        """
        for text, expected in (
            ("", {}),
            ("a\x01b", {"a": "b"}),
            ("a\x01b\x02", {"a": "b"}),
            ("a\x01b\x02\x02c\x01d", {"a": "b", "c": "d"}),
            ("a\x01\x02b\x01c", {"b": "c"}),
            ("\x01a\x02b\x01c", {"b": "c"}),
            ("ab\x02abc\x02b\x01c", {"b": "c"}),
            ("a\x01b\x01c\x02", {"a": "b\x01c"}),
            ("a\x01b\x02a\x01c\x02", {"a": "c"}),
        ):
            self.assertEqual(decodeProperties(text), expected, repr(text))

    def test_reserved(self) -> None:
        """
        51 names are reserved, all of them names RocketMQ uses; some it uses
        are not.
        """
        names = {v for k, v in vars(MessageConst).items() if not k.startswith("_")}
        self.assertEqual(len(RESERVED), 51)
        self.assertLessEqual(RESERVED, names)
        self.assertIn("UNIQ_KEY", RESERVED)
        self.assertEqual(
            RESERVED
            & {
                MessageConst.TRANSACTION_ID,
                MessageConst.CHECK_IMMUNITY_TIME_IN_SECONDS,
                MessageConst.SHARDING_KEY,
                MessageConst.INNER_MULTI_DISPATCH,
                MessageConst.TRACE_CONTEXT,
                MessageConst.TRANSACTION_CHECK_TIMES,
            },
            set(),
        )


class BatchTests(SynchronousTestCase):
    """
    Several messages in one body.
    """

    @given(RECORDS)
    def test_roundTrip(self, records: list[BatchRecord]) -> None:
        """
        A batch is read as it was written.
        """
        self.assertEqual(decodeBatch(encodeBatch(records)), records)

    def test_form(self) -> None:
        """
        A record has its lengths, its flag, its body and its properties.
        """
        record = BatchRecord(b"hello", 0, encodeProperties({"UNIQ_KEY": "A"}))
        self.assertEqual(
            encodeBatch([record]).hex(),
            "000000260000000000000000000000000000000568656c6c6f"
            "000b554e49515f4b4559014102",
        )
        self.assertEqual(encodeBatch([BatchRecord(b"", -1)])[12:16], b"\xff" * 4)

    def test_longProperties(self) -> None:
        """
        Properties have at most 32767 bytes.
        """
        longest = BatchRecord(b"", 0, "x" * 32767)
        self.assertEqual(decodeBatch(encodeBatch([longest])), [longest])
        for more in ("x" * 32768, "\u00fc" * 16384):
            with self.assertRaises(ValueError):
                encodeBatch([BatchRecord(b"", 0, more)])

    def test_malformed(self) -> None:
        """
        What is no batch is refused.
        """
        sound = encodeBatch([BatchRecord(b"hello", 0, "a\x01b\x02")])
        for data in (
            *(sound[:size] for size in range(1, len(sound))),
            sound + b"\0",
            patched(sound, 0, pack(">i", len(sound) + 1)),
            patched(sound, 0, pack(">i", 0)),
            patched(sound, 16, pack(">i", -1)),
            patched(sound, 16, pack(">i", -(2**31))),
            patched(sound, 16, pack(">i", 2**31 - 1)),
            patched(sound, 25, pack(">h", -1)),
            patched(sound, 25, pack(">h", 32767)),
            patched(sound, 27, b"\xff"),
        ):
            with self.assertRaises(MalformedBody, msg=data.hex()):
                decodeBatch(data)

    @given(st.binary(max_size=60))
    def test_anyBytes(self, data: bytes) -> None:
        """
        Any bytes are a batch or the one error.
        """
        with contextlib.suppress(MalformedBody):
            self.assertEqual(len(encodeBatch(decodeBatch(data))), len(data))

    @given(RECORDS, st.integers(0, 1000), st.integers(1, 255))
    def test_oneByteChanged(
        self, records: list[BatchRecord], place: int, change: int
    ) -> None:
        """
        So is a batch with a byte that is another.
        """
        data = bytearray(encodeBatch([*records, BatchRecord(b"x")]))
        data[place % len(data)] ^= change
        with contextlib.suppress(MalformedBody):
            decodeBatch(bytes(data))


class StoredMessageTests(SynchronousTestCase):
    """
    Messages as brokers keep them.
    """

    @given(st.lists(STORED, max_size=3))
    def test_roundTrip(self, messages: list[StoredMessage]) -> None:
        """
        Records are read as they were written, with IPv4 and IPv6, but for the
        two bits that tell of that.
        """
        read = decodeStoredMessages(b"".join(map(encodeStoredMessage, messages)))
        plain = [
            msgspec.structs.replace(each, sysFlag=withoutHosts(each.sysFlag))
            for each in read
        ]
        self.assertEqual(plain, messages)
        for each in read:
            self.assertEqual(bool(each.sysFlag & 0x10), each.bornHost[0] == "[")
            self.assertEqual(bool(each.sysFlag & 0x20), each.storeHost[0] == "[")

    def test_form(self) -> None:
        """
        A record with IPv4 and a short topic has 91 bytes beside its texts.
        """
        data = encodeStoredMessage(MESSAGE)
        self.assertEqual(len(data), 91 + 5 + 1 + 11)
        self.assertEqual(data[:12].hex(), "0000006cdaa320a73610a686")
        self.assertEqual(data[BODY_SIZE:][:9], b"\0\0\0\5hello")
        self.assertEqual(data[TOPIC_SIZE:], b"\1T\0\x0bUNIQ_KEY\1A\2")

    def test_checksum(self) -> None:
        """
        The checksum is made unless one is given; it is what the record says.
        """
        (made,) = decodeStoredMessages(encodeStoredMessage(MESSAGE))
        self.assertEqual(made.bodyCRC, 907060870)
        self.assertEqual(made.bodyCRC, crc32(b"hello") & 0x7FFFFFFF)
        given = msgspec.structs.replace(MESSAGE, bodyCRC=7)
        (read,) = decodeStoredMessages(encodeStoredMessage(given))
        self.assertEqual(read.bodyCRC, 7)

    def test_longTopic(self) -> None:
        """
        A topic of more than 127 bytes makes a record of the second version,
        whose topic has a longer length.
        """
        for topic, magic in (
            ("x" * 127, "daa320a7"),
            ("x" * 128, "daa320ab"),
            ("\u00fc" * 64, "daa320ab"),
        ):
            message = msgspec.structs.replace(MESSAGE, topic=topic)
            data = encodeStoredMessage(message)
            self.assertEqual(data[4:8].hex(), magic)
            self.assertEqual(decodeStoredMessages(data)[0].topic, topic)

    def test_hosts(self) -> None:
        """
        The bits that tell of IPv6 are those of the hosts, whatever was there.
        """
        message = msgspec.structs.replace(
            MESSAGE, sysFlag=0x31, bornHost="[::1]:7", storeHost="10.0.0.1:10911"
        )
        data = encodeStoredMessage(message)
        self.assertEqual(len(data), 91 + 12 + 5 + 1 + 11)
        (read,) = decodeStoredMessages(data)
        self.assertEqual(read.sysFlag, 0x11)
        self.assertEqual((read.bornHost, read.storeHost), ("[::1]:7", "10.0.0.1:10911"))

    def test_ids(self) -> None:
        """
        A message has the id its sender gave it, or else that of its place.
        """
        self.assertEqual(MESSAGE.msgId, "A")
        self.assertEqual(MESSAGE.offsetMsgId, "7F00000100002A9F0000000000001234")
        bare = msgspec.structs.replace(MESSAGE, properties={})
        self.assertEqual(bare.msgId, MESSAGE.offsetMsgId)
        distant = msgspec.structs.replace(MESSAGE, storeHost="[::1]:10911")
        self.assertEqual(
            distant.offsetMsgId,
            "00000000000000000000000000000001" + MESSAGE.offsetMsgId[8:],
        )

    def test_noPlace(self) -> None:
        """
        What cannot be written is refused.
        """
        for change in (
            {"bornHost": "nowhere:1"},
            {"bornHost": "10.0.0.1"},
            {"storeHost": "10.0.0.1:x"},
            {"storeHost": f"10.0.0.1:{2**31}"},
            {"storeHost": "10.0.0.1:1_0"},
            {"queueId": 2**31},
            {"queueOffset": 2**63},
            {"storeTimestamp": 2**63},
            {"topic": "x" * 32768},
            {"topic": "\ud800"},
            {"properties": {"x": "y" * 32768}},
            {"properties": {"x": "\ud800"}},
            {"properties": {"x": "\x01"}},
        ):
            with self.assertRaises(ValueError, msg=str(change)[:60]):
                encodeStoredMessage(msgspec.structs.replace(MESSAGE, **change))

    def test_filler(self) -> None:
        """
        What fills the end of a file is no message.
        """
        filler = pack(">ii", 12, MAGIC_BLANK) + bytes(4)
        data = encodeStoredMessage(MESSAGE)
        self.assertEqual(len(decodeStoredMessages(data + filler + data)), 2)

    def test_malformed(self) -> None:
        """
        What is no record is refused.
        """
        sound = encodeStoredMessage(MESSAGE)
        for data in (
            *(sound[:size] for size in range(1, len(sound))),
            sound + b"\0",
            *(patched(sound, TOTAL, pack(">i", n)) for n in (-1, 0, 7, 8, 2**31 - 1)),
            patched(sound, TOTAL, pack(">i", len(sound) + 1)) + b"\0",
            patched(sound, MAGIC, pack(">i", 0)),
            *(patched(sound, BODY_SIZE, pack(">i", n)) for n in (-1, 4, 6, 2**31 - 1)),
            *(patched(sound, TOPIC_SIZE, pack(">b", n)) for n in (-1, 0, 127)),
            *(patched(sound, PROPERTIES_SIZE, pack(">h", n)) for n in (-1, 0, 32767)),
            patched(sound, TOPIC_SIZE + 1, b"\xff"),
            patched(sound, PROPERTIES_SIZE + 2, b"\xff"),
        ):
            with self.assertRaises(MalformedBody, msg=data.hex()):
                decodeStoredMessages(data)

    @given(st.binary(max_size=120))
    def test_anyBytes(self, data: bytes) -> None:
        """
        Any bytes are records or the one error.
        """
        for some in (data, pack(">i", 4 + len(data)) + data):
            with contextlib.suppress(MalformedBody):
                decodeStoredMessages(some)

    @given(STORED, st.integers(0, 1000), st.integers(1, 255))
    def test_oneByteChanged(
        self, message: StoredMessage, place: int, change: int
    ) -> None:
        """
        So is a record with a byte that is another.
        """
        data = bytearray(encodeStoredMessage(message))
        data[place % len(data)] ^= change
        with contextlib.suppress(MalformedBody):
            decodeStoredMessages(bytes(data))


class InnerBatchTests(SynchronousTestCase):
    """
    Batches that are kept as one record.
    """

    @given(STORED, RECORDS)
    def test_members(self, message: StoredMessage, records: list[BatchRecord]) -> None:
        """
        Their members are messages of the same queue, one after the other.
        """
        batch = msgspec.structs.replace(
            message, body=encodeBatch(records), sysFlag=message.sysFlag | 0xC0
        )
        members = unwrapInnerBatch(batch)
        self.assertEqual([each.body for each in members], [r.body for r in records])
        self.assertEqual([each.flag for each in members], [r.flag for r in records])
        for index, (member, record) in enumerate(zip(members, records, strict=True)):
            self.assertEqual(member.queueOffset, batch.queueOffset + index)
            self.assertEqual(member.properties, decodeProperties(record.properties))
            self.assertEqual(member.sysFlag & 0xC0, 0)
            self.assertEqual(member.topic, message.topic)

    def test_others(self) -> None:
        """
        Any other message is itself, one of both bits or not.
        """
        for sysFlag in (0, 0x40, 0x80):
            message = msgspec.structs.replace(MESSAGE, sysFlag=sysFlag)
            self.assertEqual(unwrapInnerBatch(message), [message])

    def test_malformed(self) -> None:
        """
        A body that is no batch is refused.
        """
        with self.assertRaises(MalformedBody):
            unwrapInnerBatch(msgspec.structs.replace(MESSAGE, sysFlag=0xC0))

    @given(WORDS)
    def test_words(self, word: str) -> None:
        """
        The words that make properties in these tests make properties.
        """
        self.assertEqual(decodeProperties(encodeProperties({word: word})), {word: word})
