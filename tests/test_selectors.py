"""
The same key goes to the same queue from clients in every language.
"""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.vectors import records
from txrocketmq.message import Message, MessageQueue, Selector
from txrocketmq.selectors import byFnv1a, byHash, byMd5, byRandom

MESSAGE = Message("T", b"x")

SPACE = 1 << 40
"""
More queues than any hash is large: the index is the hash itself.
"""

QUEUES = [MessageQueue("T", "broker-a", at) for at in range(4)]


def index(selector: Selector, count: int = SPACE) -> int:
    """
    Which of so many queues is chosen.
    """
    queues: Any = range(count)
    chosen: Any = selector(queues, MESSAGE)
    assert isinstance(chosen, int)
    return chosen


class HashTests(SynchronousTestCase):
    """
    C{byHash} is Java's C{SelectMessageQueueByHash}.
    """

    def test_strings(self) -> None:
        """
        Strings have Java's C{String.hashCode}, made positive.
        """
        for text, code in (
            ("", 0),
            ("a", 97),
            ("TagA", 2598919),
            ("order-1", -1207111310),
            ("_RECALL_TAG_", -847619372),
            ("polygenelubricants", -(2**31)),
        ):
            self.assertEqual(index(byHash(text)), abs(code), text)

    def test_units(self) -> None:
        """
        It counts UTF-16 units: two of them beyond the first plane; a lone one is
        one.
        """
        self.assertEqual(index(byHash("é")), 0xE9)
        self.assertEqual(index(byHash("\U0001f600")), 31 * 0xD83D + 0xDE00)
        self.assertEqual(index(byHash("\ud83d")), 0xD83D)

    def test_integers(self) -> None:
        """
        What fits 32 bits is an C{Integer}, which is its own hash.
        """
        for number in (0, 7, -7, 2**31 - 1, -(2**31)):
            self.assertEqual(index(byHash(number)), abs(number))

    def test_longs(self) -> None:
        """
        What does not is a C{Long}, whose halves are combined.
        """
        for number, code in (
            (12345678901, -539222985),
            (2**31, -(2**31)),
            (2**32, 1),
            (-(2**31) - 1, -(2**31)),
            (2**63 - 1, -(2**31)),
            (-(2**63), -(2**31)),
        ):
            self.assertEqual(index(byHash(number)), abs(code), number)

    def test_booleans(self) -> None:
        """
        Booleans have Java's two primes.
        """
        self.assertEqual(index(byHash(True)), 1231)
        self.assertEqual(index(byHash(False)), 1237)

    def test_others(self) -> None:
        """
        Anything else has no hash that Java would agree on: it is refused at once.
        """
        for arg in (None, b"key", 1.5, ("a",), 2**63, -(2**63) - 1, object()):
            self.assertRaises(TypeError, byHash, arg)

    def test_remainder(self) -> None:
        """
        A negative hash's remainder is Java's, not Python's.
        """
        self.assertEqual(index(byHash("order-1"), 4), 2)
        self.assertEqual(index(byHash(-1), 4), 1)
        self.assertEqual(index(byHash("polygenelubricants"), 7), 2**31 % 7)

    def test_captured(self) -> None:
        """
        Keys go to the queues Java's clients sent them to.
        """
        wanted = {
            "order-1": "order-1",
            "7": 7,
            "12345678901": 12345678901,
            "True": True,
        }
        count = 0
        for record in records():
            fields = record.get("frame", {}).get("extFields") or {}
            if record["scenario"] == "selector-hash" and "e" in fields:
                key = wanted[bytes.fromhex(record["bodyHex"]).decode()]
                chosen = byHash(key)(QUEUES, MESSAGE)
                self.assertEqual(str(chosen.queueId), fields["e"], key)
                count += 1
        self.assertGreaterEqual(count, 8)

    @given(st.text() | st.integers(-(2**63), 2**63 - 1) | st.booleans())
    def test_anyKey(self, key: object) -> None:
        """
        Every key has a queue, and always the same one.
        """
        self.assertEqual(byHash(key)(QUEUES, MESSAGE), byHash(key)(QUEUES, MESSAGE))


class FnvTests(SynchronousTestCase):
    """
    C{byFnv1a} is Go's hash.
    """

    def test_vectors(self) -> None:
        """
        It is the 32-bit FNV-1a of the UTF-8 bytes.
        """
        for text, digest in (
            ("", 0x811C9DC5),
            ("a", 0xE40C292C),
            ("foobar", 0xBF9CF968),
            ("é", 0x1E9DE8C1),
        ):
            self.assertEqual(index(byFnv1a(text)), digest, text)

    def test_remainder(self) -> None:
        """
        The hash has no sign.
        """
        self.assertEqual(index(byFnv1a("a"), 10), 0xE40C292C % 10)

    def test_others(self) -> None:
        """
        Only strings are hashed.
        """
        for arg in (b"key", 1, None):
            self.assertRaises(TypeError, byFnv1a, arg)


class Md5Tests(SynchronousTestCase):
    """
    C{byMd5} is ali-ons' hash.
    """

    def test_vectors(self) -> None:
        """
        It is the first four bytes, the largest first.
        """
        self.assertEqual(index(byMd5("")), 0xD41D8CD9)
        self.assertEqual(index(byMd5("a")), 0x0CC175B9)
        self.assertEqual(index(byMd5("a"), 10), 0x0CC175B9 % 10)

    def test_others(self) -> None:
        """
        Only strings are hashed.
        """
        for arg in (b"key", 1, None):
            self.assertRaises(TypeError, byMd5, arg)


class RandomTests(SynchronousTestCase):
    """
    C{byRandom} goes by chance, and by no chance of its own.
    """

    def test_range(self) -> None:
        """
        The numbers from 0 to 1 are spread over the queues.
        """
        for number, queueId in ((0.0, 0), (0.24, 0), (0.25, 1), (0.999999, 3)):
            chosen = byRandom(lambda number=number: number)(QUEUES, MESSAGE)  # type: ignore[misc]
            self.assertEqual(chosen.queueId, queueId)

    def test_all(self) -> None:
        """
        Each queue has its turn.
        """
        select = byRandom(random.Random(1).random)
        chosen = {select(QUEUES, MESSAGE).queueId for _ in range(100)}
        self.assertEqual(chosen, {0, 1, 2, 3})
