"""
Tests of L{txrocketmq._sending.validate}.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support import TestCase
from txrocketmq._sending.validate import (
    MAX_PROPERTIES,
    checkGroup,
    checkMessage,
    checkPropertiesLength,
    checkTopic,
)
from txrocketmq._wire.records import decodeProperties, encodeProperties
from txrocketmq.errors import InvalidConfiguration, InvalidMessage
from txrocketmq.message import Message, Persisted

MAX = 4 * 1024 * 1024


class NameTests(TestCase):
    """
    What topics and groups may be called.
    """

    def test_usualNames(self) -> None:
        """
        Letters, digits, and the four signs brokers allow, up to the limits.
        """
        for name in ("T", "a-b_C9", "%RETRY%group", "a|b", "t" * 127):
            checkTopic(name)
        checkGroup("g" * 120)

    def test_illegalTopics(self) -> None:
        """
        Each is refused with a text that shows it and says what is wrong.
        """
        for topic, part in (
            (None, "must be a str"),
            (b"T", "must be a str"),
            ("", "empty"),
            ("  ", "empty"),
            ("a b", "illegal characters"),
            ("../../etc", "illegal characters"),
            ("T\n", "illegal characters"),
            ("t" * 128, "128 characters"),
            ("SCHEDULE_TOPIC_XXXX", "broker's own"),
        ):
            error = self.assertRaises(InvalidMessage, checkTopic, topic)
            self.assertIn(part, str(error))
            self.assertIs(error.persisted, Persisted.NO)

    def test_illegalGroups(self) -> None:
        """
        A group is refused when the producer is made.
        """
        for group, part in (
            (None, "must be a str"),
            ("", "empty"),
            ("g" * 121, "121 characters"),
            ("a.b", "illegal characters"),
            ("DEFAULT_PRODUCER", "reserved"),
        ):
            error = self.assertRaises(InvalidConfiguration, checkGroup, group)
            self.assertIn(part, str(error))

    def test_longNamesAreClipped(self) -> None:
        """
        An error stays short, whatever it was given.
        """
        error = self.assertRaises(InvalidMessage, checkTopic, "x y" * 10_000)
        self.assertTrue(len(str(error)) < 200)


class MessageTests(TestCase):
    """
    What a message may be.
    """

    def refused(self, part: str, **fields: Any) -> None:
        """
        A message with these fields is refused with this text.
        """
        body = fields.pop("body", b"x")
        error = self.assertRaises(
            InvalidMessage, checkMessage, Message("T", body, **fields), MAX
        )
        self.assertIn(part, str(error))

    def test_bodies(self) -> None:
        """
        Any bytes from one to the limit, and nothing else.
        """
        checkMessage(Message("T", b"\0"), MAX)
        checkMessage(Message("T", bytes(MAX)), MAX)
        self.refused("must be bytes", body="text")
        self.refused("must be bytes", body=None)
        self.refused("must be bytes", body=bytearray(b"x"))
        self.refused("empty", body=b"")
        self.refused("4194305 bytes", body=bytes(MAX + 1))

    def test_types(self) -> None:
        """
        A field of the wrong type fails the send, not the constructor.
        """
        self.refused("flag", flag=1 << 31)
        self.refused("flag", flag=True)
        self.refused("flag", flag="1")
        self.refused("waitStoreMsgOK", waitStoreMsgOK="yes")
        self.refused("tags must be a str", tags=1)
        self.refused("keys must be", keys=5)
        self.refused("key must be a str", keys=[1])
        self.refused("properties must be a mapping", properties=[("a", "b")])
        self.refused("property a must be a str", properties={"a": 1})
        self.refused("property name must be a str", properties={1: "a"})
        self.refused("shardingKey must be a str", shardingKey=7)

    def test_separators(self) -> None:
        """
        The characters that separate properties cannot be in them.
        """
        for sign in "\0\1\2":
            self.refused("separates", tags=f"a{sign}b")
            self.refused("separates", keys=f"a{sign}b")
            self.refused("separates", properties={"a": f"b{sign}"})
            self.refused("separates", properties={f"a{sign}": "b"})
            self.refused("separates", shardingKey=sign + "x")

    def test_whatWouldBeLost(self) -> None:
        """
        Blank values, keys that would be split and text that is no text.
        """
        self.refused("blank", tags="")
        self.refused("blank", properties={"a": " "})
        self.refused("blank", properties={"": "a"})
        self.refused("several keys", keys="two words")
        self.refused("surrogate", properties={"a": "\ud800"})

    def test_reservedProperties(self) -> None:
        """
        RocketMQ's own names cannot be set as properties.
        """
        for name in ("UNIQ_KEY", "TAGS", "KEYS", "DELAY", "TRAN_MSG"):
            self.refused("RocketMQ's own", properties={name: "x"})

    def test_delays(self) -> None:
        """
        One delay at most, and a sensible one.
        """
        checkMessage(Message("T", b"x", delayTimeLevel=18), MAX)
        checkMessage(Message("T", b"x", deliverAfter=0.5), MAX)
        checkMessage(Message("T", b"x", deliverAt=1_800_000_000), MAX)
        self.refused("delayTimeLevel", delayTimeLevel=-1)
        self.refused("delayTimeLevel", delayTimeLevel=1.5)
        self.refused("deliverAfter", deliverAfter=-1)
        self.refused("deliverAfter", deliverAfter=float("nan"))
        self.refused("deliverAfter", deliverAfter=True)
        self.refused("deliverAt", deliverAt="tomorrow")
        self.refused("at most one", delayTimeLevel=1, deliverAfter=1)
        self.refused("at most one", deliverAt=1, deliverAfter=1)

    def test_propertiesLength(self) -> None:
        """
        What a broker cannot store is counted in bytes, not in characters.
        """
        checkPropertiesLength("x" * MAX_PROPERTIES)
        checkPropertiesLength("é" * (MAX_PROPERTIES // 2))
        for text in ("x" * (MAX_PROPERTIES + 1), "é" * (MAX_PROPERTIES // 2 + 1)):
            self.assertRaises(InvalidMessage, checkPropertiesLength, text)

    @given(st.dictionaries(st.text(min_size=1), st.text(), max_size=5))
    def test_whatPassesIsReadBack(self, properties: dict[str, str]) -> None:
        """
        Properties are refused, or come back as they were: no value becomes
        another property.
        """
        try:
            checkMessage(Message("T", b"x", properties=properties), MAX)
        except InvalidMessage:
            return
        self.assertEqual(decodeProperties(encodeProperties(properties)), properties)
