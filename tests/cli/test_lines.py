"""
Tests for L{txrocketmq._cli.lines}.
"""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txrocketmq._cli.lines import (
    FileSplitter,
    Line,
    LineSplitter,
    Splitter,
    lineFault,
)

TEXT = st.binary(max_size=40) | st.text("a\n\r", max_size=40).map(str.encode)


def chunked(data: bytes, cuts: list[int]) -> list[bytes]:
    """
    Cut bytes into pieces.
    """
    at = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(at)]


def run(splitter: Splitter, *inputs: list[bytes]) -> list[Line]:
    """
    Split inputs, each of which comes in chunks.
    """
    lines: list[Line] = []
    for chunks in inputs:
        for chunk in chunks:
            lines += splitter.feed(chunk)
        lines += splitter.finish()
    return lines


class LineSplitterTests(SynchronousTestCase):
    """
    Lines.
    """

    @given(TEXT, st.lists(st.integers(min_value=0), max_size=5))
    def test_anyChunksGiveTheSameLines(self, data: bytes, cuts: list[int]) -> None:
        """
        Only C{\\n} ends a line, wherever the input is cut; a last line without
        it counts, and what is after a last C{\\n} is no line.
        """
        expected = data.split(b"\n")
        if not expected[-1]:
            expected.pop()
        found = run(LineSplitter(100), chunked(data, cuts))
        self.assertEqual([line.body for line in found], expected)
        self.assertEqual([line.size for line in found], [len(e) for e in expected])
        self.assertEqual(
            [line.number for line in found], list(range(1, len(expected) + 1))
        )

    @given(TEXT, st.lists(st.integers(min_value=0), max_size=5), st.integers(1, 5))
    def test_longLinesAreCutAndMeasured(
        self, data: bytes, cuts: list[int], longest: int
    ) -> None:
        """
        Of a line that is too long one byte more than allowed is kept, and its
        real length known.
        """
        whole = run(LineSplitter(100), [data])
        found = run(LineSplitter(longest), chunked(data, cuts))
        self.assertEqual(
            [(line.body, line.size) for line in found],
            [(line.body[: longest + 1], line.size) for line in whole],
        )

    def test_inputsAreCountedThrough(self) -> None:
        """
        The next input begins a new line, whose number goes on.
        """
        found = run(LineSplitter(10), [b"a\nb"], [b"c\n"], [])
        self.assertEqual(found, [Line(1, b"a", 1), Line(2, b"b", 1), Line(3, b"c", 1)])


class FileSplitterTests(SynchronousTestCase):
    """
    Whole files.
    """

    def test_eachInputIsOne(self) -> None:
        """
        Line ends are content, and an empty input counts.
        """
        found = run(FileSplitter(10), [b"a\n", b"b"], [], [b"c"])
        self.assertEqual(
            found, [Line(1, b"a\nb", 3), Line(2, b"", 0), Line(3, b"c", 1)]
        )

    def test_longFilesAreCut(self) -> None:
        """
        Of a file that is too long no more is kept than shows it.
        """
        found = run(FileSplitter(2), [b"aa", b"aa", b"a"])
        self.assertEqual(found, [Line(1, b"aaa", 5)])


class LineFaultTests(SynchronousTestCase):
    """
    What cannot be a message.
    """

    def test_empty(self) -> None:
        """
        An empty line cannot.
        """
        self.assertIn("empty", str(lineFault(Line(1, b"", 0), 10)))

    def test_long(self) -> None:
        """
        A longer one cannot; the error names both lengths.
        """
        self.assertIn("11 bytes: at most 10", str(lineFault(Line(1, b"", 11), 10)))

    def test_fits(self) -> None:
        """
        Everything in between can.
        """
        self.assertIsNone(lineFault(Line(1, b"a", 1), 10))
        self.assertIsNone(lineFault(Line(1, b"a" * 10, 10), 10))
