"""
Tests for typed headers.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.strategies import INT32, INT64
from txrocketmq._wire import headers
from txrocketmq._wire.codes import SysFlag
from txrocketmq._wire.extfields import Int32, Int64
from txrocketmq._wire.headers import (
    BoundaryType,
    CreateTopicRequestHeader,
    EndTransactionRequestHeader,
    GetRouteInfoRequestHeader,
    Header,
    HeartbeatRequestHeader,
    MalformedHeader,
    PutKVConfigRequestHeader,
    QueryMessageRequestHeader,
    RequestHeader,
    SearchOffsetRequestHeader,
    SendMessageRequestHeader,
    SendMessageResponseHeader,
    TopicFilterType,
    ViewMessageRequestHeader,
    fromExtFields,
    toExtFields,
)

ALL = [
    value
    for value in vars(headers).values()
    if isinstance(value, type) and issubclass(value, Header)
]

SEND = SendMessageRequestHeader(
    "g", "t", "TBW102", 4, 3, 5, 1700000000000, 7, brokerName="b"
)


def values(kind: Any) -> st.SearchStrategy[Any]:
    """
    Give what a field of some type may hold.
    """
    strategies: dict[Any, st.SearchStrategy[Any]] = {
        Int32: INT32,
        Int64: INT64,
        Int32 | None: st.none() | INT32,
        Int64 | None: st.none() | INT64,
        str: st.text(),
        str | None: st.none() | st.text(),
        bool: st.booleans(),
        bool | None: st.none() | st.booleans(),
        BoundaryType | None: st.none() | st.sampled_from(BoundaryType),
        TopicFilterType: st.sampled_from(TopicFilterType),
    }
    return strategies[kind]


def built(cls: type[Header]) -> st.SearchStrategy[Header]:
    """
    Give any header of a class.
    """
    return st.builds(
        cls, **{info.name: values(info.type) for info in msgspec.structs.fields(cls)}
    )


class ExtFieldsTests(SynchronousTestCase):
    """
    Headers become C{extFields}, and C{extFields} headers.
    """

    @given(st.sampled_from(ALL).flatmap(built))
    def test_roundTrip(self, header: Header) -> None:
        """
        Whatever a header says, it says again after it was read, except that a
        L{None} becomes what is said where nothing is said.
        """
        read = fromExtFields(type(header), toExtFields(header))
        for info in msgspec.structs.fields(type(header)):
            value = getattr(header, info.name)
            if value is None:
                value = info.default
            self.assertEqual(getattr(read, info.name), value)

    def test_all(self) -> None:
        """
        There is a class for each request of which the fields are known.
        """
        self.assertGreaterEqual(len(ALL), 40)
        self.assertLessEqual({each.__name__ for each in ALL}, set(headers.__all__))

    def test_forms(self) -> None:
        """
        Numbers are decimal, booleans lower-case, enumerations their names, and
        what is L{None} is left out.
        """
        self.assertEqual(
            toExtFields(SearchOffsetRequestHeader("t", 0, -1, BoundaryType.UPPER)),
            {"topic": "t", "queueId": "0", "timestamp": "-1", "boundaryType": "UPPER"},
        )
        self.assertEqual(
            toExtFields(CreateTopicRequestHeader("t", "d", 8, 8, 6, force=True)),
            {
                "topic": "t",
                "defaultTopic": "d",
                "readQueueNums": "8",
                "writeQueueNums": "8",
                "perm": "6",
                "topicFilterType": "SINGLE_TAG",
                "order": "false",
                "force": "true",
            },
        )
        self.assertEqual(toExtFields(HeartbeatRequestHeader()), {})

    def test_flagsAreNumbers(self) -> None:
        """
        A member of a flag is a number where a number belongs.
        """
        header = EndTransactionRequestHeader("g", 1, 2, SysFlag.TRANSACTION_COMMIT, "i")
        self.assertEqual(toExtFields(header)["commitOrRollback"], "8")

    def test_inherited(self) -> None:
        """
        What any request may say has short names on the wire.
        """
        header = GetRouteInfoRequestHeader(
            "t",
            namespace="n",
            namespaced=True,
            brokerName="b",
            oneway=False,
            logical=True,
        )
        fields = {
            "topic": "t",
            "ns": "n",
            "nsd": "true",
            "bname": "b",
            "oway": "false",
            "lo": "true",
        }
        self.assertEqual(toExtFields(header), fields)
        self.assertEqual(fromExtFields(GetRouteInfoRequestHeader, fields), header)

    def test_ownNamespace(self) -> None:
        """
        A header that is not such a request has the names it was given.
        """
        self.assertFalse(issubclass(PutKVConfigRequestHeader, RequestHeader))
        self.assertEqual(
            toExtFields(PutKVConfigRequestHeader("n", "k", "v")),
            {"namespace": "n", "key": "k", "value": "v"},
        )

    def test_uniqueKey(self) -> None:
        """
        Whether a query is for a unique id is told by an odd name.
        """
        header = QueryMessageRequestHeader("t", "k", 32, 0, 1, uniqueKeyQuery=True)
        self.assertEqual(toExtFields(header)["_UNIQUE_KEY_QUERY"], "true")

    def test_unknownFields(self) -> None:
        """
        What a header does not declare is ignored.
        """
        header = fromExtFields(ViewMessageRequestHeader, {"offset": "1", "new": "x"})
        self.assertEqual(header, ViewMessageRequestHeader(1))

    def test_missing(self) -> None:
        """
        A field that must be there is named when it is not.
        """
        for name in ("msgId", "queueId", "queueOffset"):
            fields = {"msgId": "m", "queueId": "0", "queueOffset": "0"}
            del fields[name]
            error = self.assertRaises(
                MalformedHeader, fromExtFields, SendMessageResponseHeader, fields
            )
            self.assertEqual(str(error), f"{name}: missing")

    def test_notNumeric(self) -> None:
        """
        Numbers are strict: ASCII digits, and within their bits.
        """
        for text in (
            "",
            "x",
            " 1",
            "1\n",
            "+1",
            "--1",
            "1_0",
            "1.0",
            "0x1",
            "\u0663",
            "2147483648",
            "-2147483649",
            "1" * 5000,
        ):
            fields = {"msgId": "m", "queueId": text, "queueOffset": "0"}
            error = self.assertRaises(
                MalformedHeader, fromExtFields, SendMessageResponseHeader, fields
            )
            self.assertIn("queueId", str(error))
            self.assertLess(len(str(error)), 100)

    def test_bounds(self) -> None:
        """
        The greatest and the smallest numbers are read, and no greater.
        """
        for offset in (2**63 - 1, -(2**63)):
            header = fromExtFields(ViewMessageRequestHeader, {"offset": str(offset)})
            self.assertEqual(header.offset, offset)
        for offset in (2**63, -(2**63) - 1):
            with self.assertRaises(MalformedHeader):
                fromExtFields(ViewMessageRequestHeader, {"offset": str(offset)})

    def test_booleans(self) -> None:
        """
        A boolean is true when Java thinks so.
        """
        for text, expected in (
            ("true", True),
            ("TRUE", True),
            ("false", False),
            ("1", False),
            ("", False),
        ):
            fields = {"topic": "t", "acceptStandardJsonOnly": text}
            header = fromExtFields(GetRouteInfoRequestHeader, fields)
            self.assertIs(header.acceptStandardJsonOnly, expected)

    def test_enumerations(self) -> None:
        """
        A name no enumeration has is refused.
        """
        fields = {"topic": "t", "queueId": "0", "timestamp": "0", "boundaryType": "MID"}
        error = self.assertRaises(
            MalformedHeader, fromExtFields, SearchOffsetRequestHeader, fields
        )
        self.assertEqual(str(error), "boundaryType: 'MID' is no BoundaryType")
        self.assertTrue(issubclass(BoundaryType, Enum))

    @given(st.sampled_from(ALL), st.dictionaries(st.text(), st.text()))
    def test_anyFields(self, cls: type[Header], fields: dict[str, str]) -> None:
        """
        Any C{extFields} make a header or the one error.
        """
        names = toExtFields(SEND) | fields
        for some in (fields, names, dict.fromkeys(names, "7")):
            try:
                fromExtFields(cls, some)
            except MalformedHeader as e:
                self.assertIn(": ", str(e))


class SendMessageRequestHeaderTests(SynchronousTestCase):
    """
    The header of a send has two spellings.
    """

    def test_V1(self) -> None:
        """
        The first has long names.
        """
        self.assertEqual(
            SEND.toV1ExtFields(),
            {
                "producerGroup": "g",
                "topic": "t",
                "defaultTopic": "TBW102",
                "defaultTopicQueueNums": "4",
                "queueId": "3",
                "sysFlag": "5",
                "bornTimestamp": "1700000000000",
                "flag": "7",
                "bname": "b",
            },
        )

    def test_V2(self) -> None:
        """
        The second has names of one letter.
        """
        header = msgspec.structs.replace(
            SEND,
            properties="p",
            reconsumeTimes=1,
            unitMode=True,
            maxReconsumeTimes=16,
            batch=False,
            namespace="n",
            namespaced=True,
        )
        values = [
            "g",
            "t",
            "TBW102",
            "4",
            "3",
            "5",
            "1700000000000",
            "7",
            "p",
            "1",
            "true",
            "16",
            "false",
            "b",
        ]
        self.assertEqual(
            header.toV2ExtFields(),
            dict(zip("abcdefghijklmn", values, strict=True))
            | {"ns": "n", "nsd": "true"},
        )

    def test_V2Short(self) -> None:
        """
        There too, what is L{None} is left out.
        """
        header = msgspec.structs.replace(SEND, brokerName=None)
        self.assertEqual("".join(header.toV2ExtFields()), "abcdefgh")

    def test_V2Missing(self) -> None:
        """
        A field that is not there, or wrong, is named by its long name.
        """
        fields = SEND.toV2ExtFields()
        for letter, name in (("a", "producerGroup"), ("e", "queueId")):
            error = self.assertRaises(
                MalformedHeader,
                SendMessageRequestHeader.fromV2ExtFields,
                {k: v for k, v in fields.items() if k != letter},
            )
            self.assertEqual(str(error), f"{name}: missing")
        with self.assertRaises(MalformedHeader):
            SendMessageRequestHeader.fromV2ExtFields(fields | {"e": "x"})

    @given(built(SendMessageRequestHeader))
    def test_spellingsAgree(self, header: SendMessageRequestHeader) -> None:
        """
        Both say the same.
        """
        # Nothing in V2 says these; neither does Java.
        header = msgspec.structs.replace(header, oneway=None, logical=None)
        for read in (
            SendMessageRequestHeader.fromV1ExtFields(header.toV1ExtFields()),
            SendMessageRequestHeader.fromV2ExtFields(header.toV2ExtFields()),
        ):
            self.assertEqual(read, header)
