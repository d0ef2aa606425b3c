"""
Tests for collecting bytes of known number.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txrocketmq._wire.gathering import LARGEST_BLOCK, SMALLEST_BLOCK, Gathering


class GatheringTests(SynchronousTestCase):
    """
    L{Gathering} takes what belongs to it, and no more.
    """

    @given(st.binary(max_size=3 * SMALLEST_BLOCK), st.integers(1, 5000))
    def test_pieces(self, data: bytes, step: int) -> None:
        """
        Pieces of any size make the whole.
        """
        gathering = Gathering(len(data))
        for at in range(0, len(data), step):
            self.assertFalse(gathering.isWhole)
            gathering.take(data[at : at + step], 0)
        self.assertTrue(gathering.isWhole)
        self.assertEqual(gathering.whole(), data)

    def test_leavesTheRest(self) -> None:
        """
        It begins where it is told to, and says where it ended.
        """
        gathering = Gathering(3)
        self.assertEqual(gathering.take(b"..ab", 2), 4)
        self.assertEqual((gathering.held, gathering.isWhole), (2, False))
        self.assertEqual(gathering.take(b"cdef", 0), 1)
        self.assertEqual(gathering.whole(), b"abc")
        self.assertEqual(gathering.take(b"cdef", 1), 1)

    def test_nothing(self) -> None:
        """
        Of no bytes, nothing is missing.
        """
        self.assertTrue(Gathering(0).isWhole)
        self.assertEqual(Gathering(0).whole(), b"")

    def test_memoryFollowsWhatCame(self) -> None:
        """
        A peer that announces much and sends little makes us reserve little.
        """
        gathering = Gathering(2**24)
        self.assertEqual(gathering.blocks, [])
        gathering.take(b"x", 0)
        self.assertEqual(sum(map(len, gathering.blocks)), SMALLEST_BLOCK)
        for _ in range(100):
            gathering.take(bytes(65536), 0)
            reserved = sum(map(len, gathering.blocks))
            self.assertLessEqual(reserved, 2 * gathering.held)
            self.assertLessEqual(reserved, gathering.held + LARGEST_BLOCK)
