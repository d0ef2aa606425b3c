"""
Messages and results are values: frozen, comparable, and shown in one short line.
"""

from __future__ import annotations

import copy
from collections import UserDict
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from twisted.trial.unittest import SynchronousTestCase

from tests import support
from txrocketmq.message import (
    Attempt,
    Message,
    MessageQueue,
    Persisted,
    SendResult,
    SendStatus,
)

assert support

QUEUE = MessageQueue("Orders", "broker-a", 3)
RESULT = SendResult(SendStatus.SEND_OK, "7F00", "7F01", QUEUE, 42)


class MessageTests(SynchronousTestCase):
    """
    What users make.
    """

    def test_least(self) -> None:
        """
        A topic and a body are enough.
        """
        message = Message("Orders", b"\0")
        self.assertEqual((message.topic, message.body), ("Orders", b"\0"))
        self.assertEqual(
            (message.tags, message.keys, message.flag, message.properties),
            (None, (), 0, None),
        )
        self.assertEqual(message.delayTimeLevel, 0)
        self.assertIsNone(message.deliverAfter)
        self.assertIsNone(message.deliverAt)
        self.assertTrue(message.waitStoreMsgOK)
        self.assertIsNone(message.shardingKey)

    def test_byName(self) -> None:
        """
        Everything else is given by name.
        """
        make: Any = Message
        self.assertRaises(TypeError, make, "Orders", b"x", "tag")
        self.assertRaises(TypeError, make, "Orders")
        self.assertRaises(TypeError, make, "Orders", b"x", nonsense=1)

    def test_frozen(self) -> None:
        """
        Nothing of it can be set; a changed copy can be made.
        """
        message = Message("Orders", b"x", keys=["1"])
        for name in message.__struct_fields__:
            self.assertRaises(AttributeError, setattr, message, name, None)
        other = replace(message, body=b"y")
        self.assertEqual((other.body, other.keys, message.body), (b"y", ("1",), b"x"))

    def test_keys(self) -> None:
        """
        A string is one key; of several a copy is kept.
        """
        self.assertEqual(Message("T", b"x", keys="one key").keys, ("one key",))
        keys = ["a", "b"]
        message = Message("T", b"x", keys=keys)
        keys.append("c")
        self.assertEqual(message.keys, ("a", "b"))
        self.assertEqual(Message("T", b"x", keys=iter(keys)).keys, ("a", "b", "c"))
        self.assertEqual(Message("T", b"x", keys=[]).keys, ())

    def test_properties(self) -> None:
        """
        Of properties a copy is kept, of whatever kind of mapping they were.
        """
        properties = {"a": "1"}
        message = Message("T", b"x", properties=properties)
        properties["b"] = "2"
        self.assertEqual(message.properties, {"a": "1"})
        self.assertIs(
            type(Message("T", b"x", properties=UserDict(a="1")).properties), dict
        )

    @given(st.sampled_from(Message.__struct_fields__), st.data())
    def test_checksNothing(self, field: str, data: st.DataObject) -> None:
        """
        Whatever it is given it takes: it is the send that fails.
        """
        wrong: Any = data.draw(
            st.sampled_from([None, 1, 1.5, b"x", {}, {"a": 1}, object])
        )
        fields: dict[str, Any] = {"topic": "T", "body": b"x", field: wrong}
        message = Message(fields.pop("topic"), fields.pop("body"), **fields)
        kept = getattr(message, field)
        self.assertTrue(kept == wrong or kept == tuple(wrong))
        self.assertIn("<Message", repr(message))

    def test_equal(self) -> None:
        """
        Messages of the same content are equal.
        """
        first = Message("T", b"x", keys=["a"], properties={"a": "1"})
        second = Message("T", b"x", keys=("a",), properties={"a": "1"})
        self.assertEqual(first, second)
        self.assertNotEqual(first, replace(first, tags="t"))

    def test_shown(self) -> None:
        """
        Topic, keys and length are shown; the body never is.
        """
        message = Message("T", b"hunter2", keys=["k"], properties={"a": "hunter2"})
        self.assertEqual(repr(message), "<Message 'T' keys=('k',) body=7B>")
        self.assertEqual(str(message), repr(message))
        wrong: Any = "hunter2"
        self.assertEqual(repr(Message("T", wrong)), "<Message 'T' keys=() body=?B>")


class ResultTests(SynchronousTestCase):
    """
    What users get.
    """

    def test_queue(self) -> None:
        """
        Queues are compared, sorted, and usable as keys.
        """
        other = MessageQueue("Orders", "broker-a", 10)
        self.assertLess(QUEUE, other)
        self.assertEqual({QUEUE: 1}[MessageQueue("Orders", "broker-a", 3)], 1)
        self.assertEqual(repr(QUEUE), "<MessageQueue Orders broker-a:3>")
        self.assertRaises(AttributeError, setattr, QUEUE, "queueId", 1)

    def test_result(self) -> None:
        """
        A result is a value with defaults for what brokers leave out.
        """
        self.assertEqual(
            RESULT, SendResult(SendStatus.SEND_OK, "7F00", "7F01", QUEUE, 42)
        )
        self.assertEqual(RESULT.regionId, "DefaultRegion")
        self.assertTrue(RESULT.traceOn)
        self.assertIsNone(RESULT.transactionId)
        self.assertIsNone(RESULT.recallHandle)
        self.assertEqual((RESULT.attempts, RESULT.possibleDuplicates), ((), 0))
        self.assertRaises(AttributeError, setattr, RESULT, "msgId", "x")

    def test_resultShown(self) -> None:
        """
        A result is one line.
        """
        self.assertEqual(repr(RESULT), "<SendResult SEND_OK 7F00 Orders broker-a:3@42>")

    def test_attemptShown(self) -> None:
        """
        So is an attempt, that ended well or not.
        """
        good = Attempt(QUEUE, "127.0.0.1:10911", 0.0123, None, Persisted.YES)
        self.assertEqual(
            repr(good),
            "<Attempt <MessageQueue Orders broker-a:3> at 127.0.0.1:10911 "
            "0.012s YES ok>",
        )
        bad = Attempt(None, None, 3.0, ValueError("no"), Persisted.NO)
        self.assertEqual(repr(bad), "<Attempt None at None 3.000s NO ValueError('no')>")

    def test_copies(self) -> None:
        """
        Values survive being copied.
        """
        message = Message("T", b"x", keys=["a"], properties={"a": "1"})
        for value in (QUEUE, RESULT, message):
            self.assertEqual(copy.deepcopy(value), value)

    def test_statuses(self) -> None:
        """
        Statuses have the numbers they have on the wire.
        """
        self.assertEqual([status.value for status in SendStatus], [0, 10, 11, 12])
