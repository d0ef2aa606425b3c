"""
Bytes that come in pieces, as lines.
"""

from __future__ import annotations

TOO_LONG = b"\n"
"""
What stands for a line that was too long to be kept: no line has that in it.
"""


class Lines:
    """
    Cuts what comes into lines, and keeps none that is too long.

    @ivar number: The number of the line that was taken last, from 1.
    """

    def __init__(self, longest: int) -> None:
        """
        @param longest: The most bytes of a line.
        """
        self._longest = longest
        self._data = bytearray()
        self._scanned = 0
        self._isCut = False
        self._isWhole = False
        self.number = 0

    def __len__(self) -> int:
        """
        How many bytes are kept.
        """
        return len(self._data)

    @property
    def isPartial(self) -> bool:
        """
        Whether anything is left: a line that has begun and has not ended, where there
        is no whole one.
        """
        return self._isCut or bool(self._data)

    @property
    def hasWhole(self) -> bool:
        """
        Whether there is a whole line, or the last one, which has no end.
        """
        isLast = self._isWhole and self.isPartial
        return isLast or self._data.find(b"\n", self._scanned) >= 0

    def add(self, data: bytes) -> None:
        """
        More has come.
        """
        self._data += data

    def end(self) -> None:
        """
        No more will: what is left is a line.
        """
        self._isWhole = True

    def clear(self) -> None:
        """
        Forget what is left.
        """
        self._data.clear()
        self._isCut = False

    def next(self) -> bytes | None:
        """
        Take a line, without its end.

        @return: L{TOO_LONG} for one that was; L{None} when there is no whole one.
        """
        data = self._data
        at = data.find(b"\n", self._scanned)
        if at < 0:
            return self._rest()
        wasCut, self._isCut = self._isCut or at > self._longest, False
        line = TOO_LONG if wasCut else bytes(data[:at])
        del data[: at + 1]
        self._scanned = 0
        self.number += 1
        return line

    def _rest(self) -> bytes | None:
        """
        What is left, if it is a line, or will be one that is too long.
        """
        data = self._data
        if self._isCut or len(data) > self._longest:
            # The rest of it is not kept either: it may never end.
            self._isCut = True
            data.clear()
        self._scanned = len(data)
        if not self._isWhole or not (data or self._isCut):
            return None
        line = TOO_LONG if self._isCut else bytes(data)
        self.clear()
        self._scanned = 0
        self.number += 1
        return line
