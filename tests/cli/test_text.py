"""
Tests for L{txrocketmq._cli.text}.
"""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txrocketmq._cli.text import columnsOf, counted, duration, fitted, printable

#: All characters, surrogates as well.
ANY = st.text(st.characters(exclude_categories=()))


class PrintableTests(SynchronousTestCase):
    """
    What is safe.
    """

    @given(ANY)
    def test_harmless(self, text: str) -> None:
        """
        Whatever comes in, what comes out is one line that can be written and
        does nothing to a terminal.
        """
        shown = printable(text, 10_000)
        shown.encode()
        for character in shown:
            self.assertNotIn(
                unicodedata.category(character), ("Cc", "Cf", "Cs", "Zl", "Zp")
            )

    def test_readable(self) -> None:
        """
        What is harmless stays; the rest is shown as escapes.
        """
        self.assertEqual(printable("Grüße, 世界"), "Grüße, 世界")
        self.assertEqual(printable("a\x1b[31m\nb"), "a\\x1b[31m\\nb")
        self.assertEqual(printable("a\u202eb"), "a\\u202eb")
        self.assertEqual(printable("a\u3000b"), "a\u3000b")

    def test_clipped(self) -> None:
        """
        What is long is cut.
        """
        self.assertEqual(printable("x" * 20, 10), "x" * 7 + "...")


class WidthTests(SynchronousTestCase):
    """
    How wide text is.
    """

    def test_columns(self) -> None:
        """
        Wide characters take two columns, and marks on others none.
        """
        self.assertEqual(columnsOf("abc"), 3)
        self.assertEqual(columnsOf("世界"), 4)
        self.assertEqual(columnsOf("e\u0301"), 1)
        self.assertEqual(columnsOf("a\u20dd"), 1)

    def test_fitted(self) -> None:
        """
        What fits stays; what does not ends with an ellipsis.
        """
        self.assertEqual(fitted("abc", 3), "abc")
        self.assertEqual(fitted("abcd", 3), "ab…")
        self.assertEqual(fitted("世界世界", 4), "世…")

    @given(st.text(st.characters(categories=("Lu", "Lo", "Mn"))), st.integers(1, 20))
    def test_neverWider(self, text: str, width: int) -> None:
        """
        It is never wider than it may be.
        """
        self.assertLessEqual(columnsOf(fitted(text, width)), width)


class NumberTests(SynchronousTestCase):
    """
    Numbers in words.
    """

    def test_counted(self) -> None:
        """
        One thing, several things.
        """
        self.assertEqual(counted(1, "line"), "1 line")
        self.assertEqual(counted(10_000, "line"), "10,000 lines")

    def test_duration(self) -> None:
        """
        Minutes and seconds, then hours.
        """
        self.assertEqual(duration(0.9), "0:00")
        self.assertEqual(duration(75), "1:15")
        self.assertEqual(duration(2 * 3600 + 61), "2h01")
