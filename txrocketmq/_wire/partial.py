"""
What bounds a frame, and a frame of which only a part has come.
"""

from __future__ import annotations

from struct import Struct

import msgspec

from .gathering import Gathering
from .malformed import MalformedFrame

_LENGTH = Struct(">i")
_WORD = Struct(">I")


class FrameLimits(msgspec.Struct, frozen=True):
    """
    The checks of a frame's two leading words.

    @ivar maxFrame: The longest frame, length word included.

    @ivar maxHeader: The longest header.
    """

    maxFrame: int
    maxHeader: int

    def checkLength(self, length: int) -> None:
        """
        Judge the first word.

        @raise MalformedFrame: No frame, or none we take, has this length.
        """
        if not 4 <= length <= self.maxFrame - 4:
            raise MalformedFrame(f"frame length {length}, not 4 to {self.maxFrame - 4}")

    def headerSize(self, length: int, word: int) -> int:
        """
        Judge the second word and give the length of the header.

        @raise MalformedFrame: The serialize type is unknown, or the header is
            longer than the frame or than we take.
        """
        size = word & 0xFFFFFF
        if word >> 24 > 1:
            raise MalformedFrame(f"serialize type {word >> 24} is unknown")
        if size > length - 4:
            raise MalformedFrame(f"header of {size} bytes in a frame of {length}")
        if size > self.maxHeader:
            raise MalformedFrame(f"header of {size} bytes, not {self.maxHeader}")
        return size


class PartialFrame:
    """
    A frame that is still arriving.

    @ivar kind: The serialize type, once both words are there.

    @ivar header: The header, once both words are there.

    @ivar body: The body, once both words are there.
    """

    __slots__ = ("_limits", "_words", "body", "header", "kind")

    def __init__(self, limits: FrameLimits) -> None:
        """
        Begin with nothing of it.
        """
        self.kind = 0
        self.header = Gathering(0)
        self.body = Gathering(0)
        self._limits = limits
        self._words = bytearray()

    @property
    def held(self) -> int:
        """
        How many of its bytes have come.
        """
        return len(self._words) + self.header.held + self.body.held

    @property
    def isWhole(self) -> bool:
        """
        Tell whether nothing is missing.
        """
        return self.body.isWhole and self.header.isWhole and len(self._words) == 8

    def take(self, data: bytes, at: int) -> int:
        """
        Take what belongs here from some bytes, from C{at} on.

        @return: Where the part begins that does not belong here.

        @raise MalformedFrame: The words that have come promise no frame.
        """
        if len(self._words) < 8:
            at = self._takeWords(data, at)
        return self.body.take(data, self.header.take(data, at))

    def _takeWords(self, data: bytes, at: int) -> int:
        """
        Take what is missing of the two leading words, and judge what is there.
        """
        part = data[at : at + 8 - len(self._words)]
        self._words += part
        if len(self._words) >= 4:
            (length,) = _LENGTH.unpack_from(self._words)
            self._limits.checkLength(length)
            if len(self._words) == 8:
                (word,) = _WORD.unpack_from(self._words, 4)
                size = self._limits.headerSize(length, word)
                self.kind = word >> 24
                self.header = Gathering(size)
                self.body = Gathering(length - 4 - size)
        return at + len(part)
