"""
Bytes into lines, and files into one long line each.

A line ends at C{\\n} and at nothing else.  Of a line that is longer than a message
may be only so much is kept as shows that it is: input without any line end is
read in bounded memory too.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from txrocketmq.errors import InvalidMessage


class Line(msgspec.Struct, frozen=True):
    """
    What becomes one message.

    @ivar number: Its place in the input, from 1.

    @ivar body: Its bytes without the line end; no more than one byte beyond what
        is allowed.

    @ivar size: How many bytes it really has.
    """

    number: int
    body: bytes
    size: int


class Splitter(Protocol):
    """
    What makes lines of the chunks of one input after the other.
    """

    def feed(self, data: bytes) -> list[Line]:
        """
        The lines that end in these bytes.
        """

    def finish(self) -> list[Line]:
        """
        What is left at the end of an input.
        """


class _Held:
    """
    The beginning of a line whose end has not come.
    """

    def __init__(self, longest: int) -> None:
        """
        @param longest: The most bytes a line may have.
        """
        self._kept = longest + 1
        self._pieces: list[bytes] = []
        self._length = 0
        self.size = 0

    def add(self, data: bytes) -> None:
        """
        Hold more of the line, as far as it matters.
        """
        self.size += len(data)
        if data and self._length < self._kept:
            piece = data[: self._kept - self._length]
            self._pieces.append(piece)
            self._length += len(piece)

    def take(self, number: int) -> Line:
        """
        The line, which has ended.
        """
        line = Line(number, b"".join(self._pieces), self.size)
        self._pieces = []
        self._length = self.size = 0
        return line


class LineSplitter:
    """
    One message for each line; the lines of all inputs are counted through.
    """

    def __init__(self, longest: int) -> None:
        """
        @param longest: The most bytes a line may have.
        """
        self._held = _Held(longest)
        self._kept = longest + 1
        self._number = 0

    def feed(self, data: bytes) -> list[Line]:
        """
        The lines that end in these bytes.
        """
        first, *pieces = data.split(b"\n")
        self._held.add(first)
        if not pieces:
            return []
        self._number += 1
        lines = [self._held.take(self._number)]
        self._held.add(pieces.pop())
        for piece in pieces:
            self._number += 1
            lines.append(Line(self._number, piece[: self._kept], len(piece)))
        return lines

    def finish(self) -> list[Line]:
        """
        The last line, where it has no end; no line, where it has.
        """
        if not self._held.size:
            return []
        self._number += 1
        return [self._held.take(self._number)]


class FileSplitter:
    """
    One message for each input, an empty one included.
    """

    def __init__(self, longest: int) -> None:
        """
        @param longest: The most bytes a file may have.
        """
        self._held = _Held(longest)
        self._number = 0

    def feed(self, data: bytes) -> list[Line]:
        """
        Nothing: a file ends where it ends.
        """
        self._held.add(data)
        return []

    def finish(self) -> list[Line]:
        """
        The file.
        """
        self._number += 1
        return [self._held.take(self._number)]


def lineFault(line: Line, longest: int) -> InvalidMessage | None:
    """
    Why a line cannot be a message, if it cannot.
    """
    if not line.size:
        return InvalidMessage(
            "empty: brokers refuse a message without a body (--skip-empty leaves "
            "these out)"
        )
    if line.size > longest:
        return InvalidMessage(f"{line.size} bytes: at most {longest} are allowed")
    return None
