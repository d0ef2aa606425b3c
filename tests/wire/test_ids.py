"""
Tests for message ids.
"""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.strategies import INT32, INT64
from txrocketmq._wire.ids import (
    CLOCK_TOLERANCE,
    UniqueId,
    UniqueIds,
    decodeOffsetId,
    decodeUniqueId,
    encodeOffsetId,
)

HOME = bytes((127, 0, 0, 1))
MONTH = 30 * 86_400_000


def monthBounds(now: int) -> tuple[int, int]:
    """
    Give the bounds of a month, all of which have 30 days here.
    """
    start = now - now % MONTH
    return start, start + MONTH


class Clock:
    """
    A clock in the test's hand.
    """

    def __init__(self, now: int) -> None:
        """
        @param now: What it shows.
        """
        self.now = now

    def __call__(self) -> int:
        """
        Tell the time.
        """
        return self.now


class UniqueIdsTests(SynchronousTestCase):
    """
    Ids clients give.
    """

    def test_form(self) -> None:
        """
        An id has address, process, salt, time and count.
        """
        clock = Clock(5 * MONTH + 0x00ABCDEF)
        ids = UniqueIds(HOME, 0x1234, 0x0A0B0C0D, clock, monthBounds, 1)
        self.assertEqual(ids.next(), "7F00000112340A0B0C0D00ABCDEF0001")
        self.assertEqual(ids.next(), "7F00000112340A0B0C0D00ABCDEF0002")

    def test_several(self) -> None:
        """
        Several are those that would be given one by one, also where the count or the
        time goes on.
        """
        clock = Clock(5 * MONTH)
        one, many = (
            UniqueIds(HOME, 1, 2, clock, monthBounds, 0xFFF0) for _ in range(2)
        )
        for count in (1, 20, 0, 300, 2):
            self.assertEqual(many.several(count), [one.next() for _ in range(count)])
            clock.now += count % 3

    def test_verySeveral(self) -> None:
        """
        More than there are counts are unique, as the time goes on meanwhile.
        """
        times = iter(range(MONTH, MONTH + 99))
        ids = UniqueIds(HOME, 1, 2, lambda: next(times), monthBounds)
        many = ids.several(150_000)
        self.assertEqual((len(many), len(set(many))), (150_000, 150_000))

    def test_IPv6(self) -> None:
        """
        With an address of IPv6 it is longer.
        """
        ids = UniqueIds(bytes(16), 1, 2, Clock(MONTH + 3), monthBounds)
        self.assertEqual(ids.next(), "00" * 16 + "000100000002000000030000")

    def test_otherAddress(self) -> None:
        """
        There are no other addresses.
        """
        for size in (0, 5, 15):
            with self.assertRaises(ValueError):
                UniqueIds(bytes(size), 1, 2, Clock(0), monthBounds)

    def test_largeNumbers(self) -> None:
        """
        Of a process number 16 bits are used, of a salt 32 and a sign, of a
        count 16.
        """
        for salt in (-1, 0xFFFFFFFF):
            ids = UniqueIds(HOME, 0x123456, salt, Clock(0), monthBounds, 0x1FFFF)
            self.assertEqual(ids.next(), "7F0000013456FFFFFFFF00000000FFFF")
            self.assertEqual(ids.next()[-4:], "0000")

    def test_lateInTheMonth(self) -> None:
        """
        After 24.8 days the time has all its 32 bits.
        """
        ids = UniqueIds(HOME, 1, 2, Clock(MONTH - 1), monthBounds)
        self.assertEqual(decodeUniqueId(ids.next()).span, MONTH - 1)
        self.assertGreater(MONTH - 1, 2**31)

    def test_monthRollsOver(self) -> None:
        """
        With a new month the time begins anew.
        """
        clock = Clock(2 * MONTH - 1)
        ids = UniqueIds(HOME, 1, 2, clock, monthBounds)
        spans = []
        for now in (2 * MONTH - 1, 2 * MONTH, 2 * MONTH + 7, 5 * MONTH + 1):
            clock.now = now
            spans.append(decodeUniqueId(ids.next()).span)
        self.assertEqual(spans, [MONTH - 1, 0, 7, 1])

    def test_clockStepsBack(self) -> None:
        """
        A clock that steps back a little over the begin of a month stands
        there; one that steps back far gives times as before 1970.
        """
        clock = Clock(MONTH)
        ids = UniqueIds(HOME, 1, 2, clock, monthBounds)
        spans = []
        for back in (1, CLOCK_TOLERANCE - 1, CLOCK_TOLERANCE):
            clock.now = MONTH - back
            spans.append(decodeUniqueId(ids.next()).span)
        self.assertEqual(spans, [0, 0, 2**32 - CLOCK_TOLERANCE])

    def test_noTwoAreEqual(self) -> None:
        """
        65,536 ids of one millisecond are all different.
        """
        ids = UniqueIds(HOME, 1, 2, Clock(0), monthBounds)
        self.assertEqual(len({ids.next() for _ in range(0x10000)}), 0x10000)

    @given(
        st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16),
        st.integers(0, 0xFFFF),
        INT32,
        st.integers(0, 10 * MONTH),
        st.integers(0, 0xFFFF),
    )
    def test_roundTrip(
        self, address: bytes, pid: int, salt: int, now: int, counter: int
    ) -> None:
        """
        An id is taken apart into what it was made of, in digits of either case.
        """
        ids = UniqueIds(address, pid, salt, Clock(now), monthBounds, counter)
        text = ids.next()
        self.assertEqual(text, text.upper())
        for some in (text, text.lower()):
            self.assertEqual(
                decodeUniqueId(some), UniqueId(address, pid, salt, now % MONTH, counter)
            )

    def test_malformed(self) -> None:
        """
        Other texts are no ids.
        """
        for text in (
            "",
            "0" * 31,
            "0" * 33,
            "0" * 55,
            "0" * 64,
            "g" * 32,
            "0 " * 16,
            "\uff10" * 32,
            "0x" + "0" * 30,
        ):
            for decode in (decodeUniqueId, decodeOffsetId):
                with self.assertRaises(ValueError, msg=text):
                    decode(text)

    @given(st.text(max_size=60))
    def test_anyText(self, text: str) -> None:
        """
        Any text is an id or a C{ValueError}.
        """
        for decode in (decodeUniqueId, decodeOffsetId):
            with contextlib.suppress(ValueError):
                decode(text)


class MillisTests(SynchronousTestCase):
    """
    When an id was made.
    """

    def test_thisMonth(self) -> None:
        """
        It was made this month, if that is past.
        """
        made = UniqueId(HOME, 1, 2, 1000, 0)
        self.assertEqual(made.millis(5 * MONTH + 1001, monthBounds), 5 * MONTH + 1000)

    def test_lastMonth(self) -> None:
        """
        Otherwise it was made the month before.
        """
        made = UniqueId(HOME, 1, 2, 1000, 0)
        self.assertEqual(made.millis(5 * MONTH + 1000, monthBounds), 4 * MONTH + 1000)

    @given(st.integers(2 * MONTH, 9 * MONTH), st.integers(1, MONTH))
    def test_recent(self, made: int, age: int) -> None:
        """
        The time of an id that is not older than a month is known.
        """
        ids = UniqueIds(HOME, 1, 2, Clock(made), monthBounds)
        read = decodeUniqueId(ids.next()).millis(made + age, monthBounds)
        self.assertEqual(read, made)


class OffsetIdTests(SynchronousTestCase):
    """
    Ids brokers give.
    """

    def test_form(self) -> None:
        """
        An id has address, port and offset.
        """
        text = "7F00000100002A9F0000000000001234"
        self.assertEqual(encodeOffsetId("127.0.0.1", 10911, 0x1234), text)
        self.assertEqual(decodeOffsetId(text), ("127.0.0.1", 10911, 0x1234))

    @given(st.ip_addresses().map(str), INT32, INT64)
    def test_roundTrip(self, host: str, port: int, offset: int) -> None:
        """
        An id is taken apart into what it was made of.
        """
        text = encodeOffsetId(host, port, offset)
        self.assertEqual(decodeOffsetId(text), (host, port, offset))
        self.assertEqual(decodeOffsetId(text.lower()), (host, port, offset))

    def test_impossible(self) -> None:
        """
        A host that is no address makes none, nor do numbers beyond their bits.
        """
        for host, port, offset in (
            ("localhost", 1, 1),
            ("10.0.0.1", 2**31, 1),
            ("10.0.0.1", 1, 2**63),
        ):
            with self.assertRaises(ValueError):
                encodeOffsetId(host, port, offset)
