"""
SQLite's file format, read without SQLite: rows of a file that SQLite refuses.

Follows U{the file format<https://www.sqlite.org/fileformat2.html>}: pages, the table
b-tree's leaves, overflow chains, the freelist, and the write-ahead log's frames.

Law: nothing here is believed.  Whatever does not fit is left out, and what is found
is for its own checksum to judge.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from .records import PAGE

LEAF = 0x0D
FRAME = 24 + PAGE
WAL_HEADER = 32
MAX_LOCAL = PAGE - 35
"""
The longest row that has no overflow pages.
"""

MIN_LOCAL = (PAGE - 12) * 32 // 255 - 23

INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
"""
The types of integers, and how many bytes they have.
"""

LONGEST = 64 * 1024 * 1024
"""
The longest row: a length that is longer is a wrong one, and is not read.
"""

Column = int | float | bytes | None


class Pages:
    """
    The pages of a database, as the log has them where it has them.

    Close it in the end.
    """

    def __init__(self, path: Path, log: Path) -> None:
        """
        @param log: Its write-ahead log, which need not be there.

        @raise OSError: When the file cannot be read.
        """
        self._file = path.open("rb")
        self._log: BinaryIO | None = None
        self._newer: dict[int, int] = {}
        self._last: dict[int, int] = {}
        try:
            self._count = path.stat().st_size // PAGE
            if log.exists():
                self._log = log.open("rb")
                self._newer, self._last = _framesOf(self._log)
                self._count = max([self._count, *self._newer])
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """
        Close the files.
        """
        self._file.close()
        if self._log is not None:
            self._log.close()

    def rows(self) -> Iterator[tuple[int, list[Column]]]:
        """
        All rows that have the form of one, each with its number.
        """
        free = self._free()
        for number in range(1, self._count + 1):
            if number not in free:
                yield from self._rowsOf(number)

    def lastRows(self) -> Iterator[tuple[int, list[Column]]]:
        """
        The rows of the last write, where its end is not what was written: whether it
        was cut off before it was committed, or damaged after that, nobody can tell.

        Read no others after these.
        """
        self._newer |= self._last
        self._count = max([self._count, *self._last])
        for number in self._last:
            yield from self._rowsOf(number)

    def marks(self) -> tuple[int, int]:
        """
        What the header says of whose database it is, and of which version.
        """
        header = self._read(1)
        return int.from_bytes(header[68:72], "big"), int.from_bytes(
            header[60:64], "big"
        )

    def _read(self, number: int) -> bytes:
        """
        A page; nothing if there is none.
        """
        if not 0 < number <= self._count:
            return b""
        offset = self._newer.get(number)
        if offset is not None and self._log is not None:
            self._log.seek(offset)
            return self._log.read(PAGE)
        self._file.seek((number - 1) * PAGE)
        return self._file.read(PAGE)

    def _free(self) -> set[int]:
        """
        The pages that are not in use: what lies there was deleted.
        """
        free: set[int] = set()
        header = self._read(1)
        trunk = int.from_bytes(header[32:36], "big")
        while 0 < trunk <= self._count and trunk not in free:
            free.add(trunk)
            page = self._read(trunk)
            count = min(int.from_bytes(page[4:8], "big"), PAGE // 4 - 2)
            free.update(struct.unpack_from(f">{count}I", page.ljust(PAGE, b"\0"), 8))
            trunk = int.from_bytes(page[:4], "big")
        return free

    def _rowsOf(self, number: int) -> Iterator[tuple[int, list[Column]]]:
        """
        The rows of a page, if it is a leaf.
        """
        page = self._read(number)
        start = 100 if number == 1 else 0
        if len(page) != PAGE or page[start] != LEAF:
            return
        count = int.from_bytes(page[start + 3 : start + 5], "big")
        count = min(count, (PAGE - start - 8) // 2)
        for place in struct.unpack_from(f">{count}H", page, start + 8):
            try:
                yield self._cell(page, place)
            except (IndexError, ValueError, struct.error):
                continue

    def _cell(self, page: bytes, place: int) -> tuple[int, list[Column]]:
        """
        A row.

        @raise IndexError: When it is none.

        @raise ValueError: The same.
        """
        length, place = _varint(page, place)
        number, place = _varint(page, place)
        if length > MAX_LOCAL:
            payload = self._overflowing(page, place, length)
        else:
            payload = page[place : place + length]
        if len(payload) != length:
            raise ValueError("it ends too early")
        return number, _columns(payload)

    def _overflowing(self, page: bytes, place: int, length: int) -> bytes:
        """
        A row of several pages.
        """
        if length > min(self._count * PAGE, LONGEST):
            raise ValueError("it is longer than the file, or than any row")
        local = MIN_LOCAL + (length - MIN_LOCAL) % (PAGE - 4)
        local = local if local <= MAX_LOCAL else MIN_LOCAL
        parts = [page[place : place + local]]
        following = int.from_bytes(page[place + local : place + local + 4], "big")
        left = length - local
        while left > 0:
            more = self._read(following)
            if len(more) != PAGE:
                raise ValueError("a page of it is missing")
            parts.append(more[4 : 4 + left])
            left -= PAGE - 4
            following = int.from_bytes(more[:4], "big")
        return b"".join(parts)


def _framesOf(log: BinaryIO) -> tuple[dict[int, int], dict[int, int]]:
    """
    Where in the log the newest form of each page lies, of what was committed; and the
    same of the last write alone, if its last frame is not what was written.

    SQLite writes a frame in two steps.  When it is killed between them, there is the
    head of a last frame before what the log had in that place before.
    """
    header = log.read(WAL_HEADER)
    order = _orderOf(header)
    sums = struct.unpack_from(">II", header.ljust(WAL_HEADER, b"\0"), 24)
    committed: dict[int, int] = {}
    pending: dict[int, int] = {}
    last: dict[int, int] = {}
    offset = WAL_HEADER
    while len(frame := log.read(FRAME)) == FRAME:
        number, size = struct.unpack_from(">II", frame)
        if frame[8:16] == header[16:24]:
            # A frame that is wrong says what the next one is to be summed up with.
            right = _frameSums(order, frame, sums) == _sumsOf(frame)
            sums = _sumsOf(frame)
            pending[number] = offset + 24
            if size:
                committed.update(last)
                last = {} if right else pending
                committed.update(pending if right else {})
                pending = {}
        offset += FRAME
    return committed, last


def isLogWhole(log: Path) -> bool:
    """
    Whether SQLite would read all of a log that was ever committed: it stops without
    a word where a checksum is wrong.
    """
    try:
        with log.open("rb") as file:
            return _isWhole(file)
    except FileNotFoundError:
        return True


def _isWhole(file: BinaryIO) -> bool:
    """
    Whether there is no commit behind the first frame that is wrong.
    """
    header = file.read(WAL_HEADER)
    if len(header) < WAL_HEADER:
        return True
    order = _orderOf(header)
    sums = _summed(order, header[:24], (0, 0))
    right = sums == struct.unpack_from(">II", header, 24)
    while len(frame := file.read(FRAME)) == FRAME:
        _, size = struct.unpack_from(">II", frame)
        if frame[8:16] != header[16:24] and right:
            # What was there before the log was begun anew.
            return True
        if right:
            sums = _frameSums(order, frame, sums)
            right = sums == _sumsOf(frame)
        if not right and size and frame[8:16] == header[16:24]:
            return False
    return True


def _orderOf(header: bytes) -> str:
    """
    The order of the bytes that a log's checksums are made of.
    """
    return ">" if header[3:4] and header[3] & 1 else "<"


def _frameSums(order: str, frame: bytes, sums: tuple[int, int]) -> tuple[int, int]:
    """
    The checksums of the log up to the end of a frame.

    @param sums: Those up to its begin.
    """
    return _summed(order, frame[24:], _summed(order, frame[:8], sums))


def _sumsOf(frame: bytes) -> tuple[int, int]:
    """
    The checksums that a frame has.
    """
    first, second = struct.unpack_from(">II", frame, 16)
    return first, second


def _summed(order: str, data: bytes, sums: tuple[int, int]) -> tuple[int, int]:
    """
    Go on with the log's checksums.
    """
    first, second = sums
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """
    A number of one to nine bytes, and where it ends.

    @raise IndexError: When the data end before.
    """
    value = 0
    for index in range(8):
        byte = data[place + index]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place + index + 1
    return _signed(value << 8 | data[place + 8]), place + 9


def _signed(value: int) -> int:
    """
    Read 64 bits as a signed number.
    """
    return value - (1 << 64) if value >> 63 else value


def _columns(payload: bytes) -> list[Column]:
    """
    The columns of a row; texts as their bytes.

    @raise IndexError: When it is none.

    @raise ValueError: The same.
    """
    end, place = _varint(payload, 0)
    content = end
    columns: list[Column] = []
    while place < end:
        kind, place = _varint(payload, place)
        value, size = _column(payload, content, kind)
        columns.append(value)
        content += size
    return columns


def _column(payload: bytes, place: int, kind: int) -> tuple[Column, int]:
    """
    One column, and how many bytes it has.
    """
    if kind in INTEGERS:
        size = INTEGERS[kind]
        return int.from_bytes(payload[place : place + size], "big", signed=True), size
    if kind == 7:
        return struct.unpack_from(">d", payload, place)[0], 8
    if kind < 12:
        return {8: 0, 9: 1}.get(kind), 0
    size = (kind - 12) // 2
    if place + size > len(payload):
        raise ValueError("a column ends behind its row")
    return payload[place : place + size], size
