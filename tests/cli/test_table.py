"""
Tests for L{txrocketmq._cli.table} and L{txrocketmq._cli.stored}.
"""

from __future__ import annotations

import re

from twisted.trial.unittest import SynchronousTestCase

from txrocketmq._cli.stored import Sent, storedLines
from txrocketmq._cli.table import Column, Palette, paletteFor, tableLines
from txrocketmq._cli.text import columnsOf
from txrocketmq.sandbox import StoredMessage

ESCAPE = re.compile("\x1b\\[[0-9;]*m")


class PaletteTests(SynchronousTestCase):
    """
    Colours.
    """

    def test_where(self) -> None:
        """
        On terminals that have them, unless somebody wants none.
        """
        self.assertTrue(paletteFor(True, {"TERM": "xterm"}).coloured)
        for isTerminal, environment in (
            (False, {"TERM": "xterm"}),
            (True, {"TERM": "dumb"}),
            (True, {}),
            (True, {"TERM": "xterm", "NO_COLOR": "1"}),
        ):
            self.assertFalse(paletteFor(isTerminal, environment).coloured)

    def test_plain(self) -> None:
        """
        Without colours text is as it was.
        """
        plain = Palette()
        for colour in (
            plain.bold,
            plain.dim,
            plain.good,
            plain.bad,
            plain.notable,
            plain.heading,
        ):
            self.assertEqual(colour("a"), "a")

    def test_coloured(self) -> None:
        """
        With them each one differs, and ends where the text does; nothing has no
        colour.
        """
        palette = Palette(True)
        shown = {
            colour("a")
            for colour in (
                palette.bold,
                palette.dim,
                palette.good,
                palette.bad,
                palette.notable,
                palette.heading,
            )
        }
        self.assertEqual(len(shown), 6)
        for text in shown:
            self.assertTrue(text.endswith("a\x1b[0m"))
        self.assertEqual(palette.bold(""), "")


class TableTests(SynchronousTestCase):
    """
    Tables.
    """

    def test_aligned(self) -> None:
        """
        Columns are as wide as their widest cell, whatever its script; numbers end
        at the right.
        """
        columns = (Column("NAME"), Column("N", right=True), Column("X"))
        lines = list(tableLines(columns, [("世界", 1, "a"), ("b", 22, "")], 80))
        self.assertEqual(lines, ["NAME   N  X", "世界   1  a", "b     22"])

    def test_narrowed(self) -> None:
        """
        A column that may is narrowed until the table fits, as far as it may.
        """
        columns = (Column("A"), Column("B", least=4))
        rows = [("a" * 10, "b" * 20)]
        for width, shown in ((40, 20), (20, 8), (5, 4)):
            line = list(tableLines(columns, rows, width))[1]
            self.assertEqual(columnsOf(line), 12 + shown)

    def test_colours(self) -> None:
        """
        Colours take no room.
        """
        palette = Palette(True)
        columns = (Column("A", colour=palette.bold), Column("B", right=True))
        rows = [("a", "b"), ("aaa", "bbb")]
        coloured = list(tableLines(columns, rows, 80, palette))
        self.assertIn("\x1b[1ma\x1b[0m", coloured[1])
        self.assertEqual(
            [ESCAPE.sub("", line).rstrip() for line in coloured],
            list(tableLines((Column("A"), Column("B", right=True)), rows, 80)),
        )


class StoredTests(SynchronousTestCase):
    """
    What brokers have stored.
    """

    def message(self, body: bytes, **properties: str) -> StoredMessage:
        """
        A stored message.
        """
        return StoredMessage(
            topic="T",
            queueId=3,
            flag=0,
            queueOffset=7,
            commitLogOffset=0,
            sysFlag=0,
            bornTimestamp=0,
            bornHost="127.0.0.1:1",
            storeTimestamp=0,
            storeHost="127.0.0.1:2",
            reconsumeTimes=0,
            preparedTransactionOffset=0,
            body=body,
            properties=properties,
        )

    def lines(self, width: int, *messages: StoredMessage) -> list[str]:
        """
        The table of messages.
        """
        sent = {b"a": Sent("send", 2), b"b": Sent("sendOneway", None)}
        names = {"127.0.0.1:2": "broker-a"}
        return list(storedLines(messages, names, sent, width, Palette()))

    def test_cells(self) -> None:
        """
        A row says where a message is, which one, and what is known of it.
        """
        identity = "C0A8" * 8
        (_, *rows) = self.lines(
            120,
            self.message(b"a", UNIQ_KEY=identity),
            self.message(b"b", UNIQ_KEY=identity),
            self.message(b"\xffc", UNIQ_KEY=identity),
        )
        start = ["T", "broker-a:3", "7", identity]
        self.assertEqual(rows[0].split(), [*start, "send", "2", "a"])
        self.assertEqual(rows[1].split(), [*start, "sendOneway", "-", "b"])
        self.assertEqual(rows[2].split(), [*start, "-", "-", "\\xffc"])

    def test_narrow(self) -> None:
        """
        Where there is less room, ids are shown by their ends, and bodies cut.
        """
        (_, row) = self.lines(
            80, self.message(b"x" * 100, UNIQ_KEY="0" * 24 + "12345678")
        )
        self.assertIn("…12345678 ", row)
        self.assertLessEqual(columnsOf(row), 80)
        self.assertTrue(row.endswith("…"))

    def test_attention(self) -> None:
        """
        More than one try is notable.
        """
        message = self.message(b"a", UNIQ_KEY="1")
        sent = {b"a": Sent("send", 2)}
        shown = list(storedLines([message], {}, sent, 80, Palette(True)))
        self.assertIn("\x1b[33m2\x1b[0m", shown[1])
        self.assertIn("127.0.0.1:2:3", ESCAPE.sub("", shown[1]))
