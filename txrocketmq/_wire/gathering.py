"""
Bytes of known number that arrive in pieces of any size.
"""

from __future__ import annotations

# A block is as large as what has been gathered already, within these bounds:
# memory follows what a peer has sent, not what it has announced.
SMALLEST_BLOCK = 4096
LARGEST_BLOCK = 1 << 20


class Gathering:
    """
    Collect a fixed number of bytes, copying each of them once when it comes
    and once when the whole is taken.

    @ivar size: How many bytes there will be.

    @ivar held: How many of them have come.

    @ivar blocks: The memory they are in.
    """

    __slots__ = ("_room", "blocks", "held", "size")

    def __init__(self, size: int) -> None:
        """
        Begin with nothing held.
        """
        self.size = size
        self.held = 0
        self.blocks: list[bytearray] = []
        self._room = 0

    @property
    def isWhole(self) -> bool:
        """
        Tell whether nothing is missing.
        """
        return self.held == self.size

    def take(self, data: bytes, at: int) -> int:
        """
        Take what belongs here from some bytes, from C{at} on.

        @return: Where the part begins that does not belong here.
        """
        end = min(len(data), at + self.size - self.held)
        while at < end:
            if self._room == 0:
                self._grow()
            block = self.blocks[-1]
            count = min(self._room, end - at)
            start = len(block) - self._room
            block[start : start + count] = memoryview(data)[at : at + count]
            self._room -= count
            self.held += count
            at += count
        return at

    def _grow(self) -> None:
        """
        Make room for more.
        """
        wanted = min(max(self.held, SMALLEST_BLOCK), LARGEST_BLOCK)
        self._room = min(wanted, self.size - self.held)
        self.blocks.append(bytearray(self._room))

    def whole(self) -> bytes:
        """
        Give everything that was gathered, when nothing is missing.
        """
        return b"".join(self.blocks)
