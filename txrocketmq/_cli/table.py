"""
Tables that line up, and colours where there is somebody to see them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from txrocketmq._cli.text import columnsOf, fitted

GAP = "  "


@attrs.frozen
class Palette:
    """
    The colours of a terminal, or none.
    """

    coloured: bool = False

    def bold(self, text: str) -> str:
        """
        What matters most.
        """
        return self._in("1", text)

    def dim(self, text: str) -> str:
        """
        What matters least.
        """
        return self._in("2", text)

    def good(self, text: str) -> str:
        """
        What went well.
        """
        return self._in("32", text)

    def bad(self, text: str) -> str:
        """
        What went wrong.
        """
        return self._in("31", text)

    def notable(self, text: str) -> str:
        """
        What is unusual.
        """
        return self._in("33", text)

    def heading(self, text: str) -> str:
        """
        A title.
        """
        return self._in("1;36", text)

    def _in(self, code: str, text: str) -> str:
        """
        A text between escape sequences.
        """
        return f"\x1b[{code}m{text}\x1b[0m" if self.coloured and text else text


def paletteFor(isTerminal: bool, environment: Mapping[str, str]) -> Palette:
    """
    Colours on a terminal that has them, unless C{NO_COLOR} asks for none.
    """
    plain = environment.get("NO_COLOR") or environment.get("TERM", "") in ("", "dumb")
    return Palette(isTerminal and not plain)


@attrs.frozen
class Column:
    """
    One column of a table.

    @ivar title: What it holds.

    @ivar right: Whether its cells end at its right edge, as numbers do.

    @ivar least: How narrow it may be made when the table does not fit; 0 keeps
        it as it is.

    @ivar colour: What colours a cell.
    """

    title: str
    right: bool = False
    least: int = 0
    colour: Callable[[str], str] = str


def tableLines(
    columns: Sequence[Column],
    rows: Sequence[Sequence[Any]],
    width: int,
    palette: Palette | None = None,
) -> Iterator[str]:
    """
    A table with a title line.

    @param rows: Cells, each of them printable.

    @param width: The most columns of the terminal it may take, as far as its
        columns can be narrowed.
    """
    colours = palette or Palette()
    cells = [[str(cell) for cell in row] for row in rows]
    widths = _widths(columns, cells, width)
    titles = [column.title for column in columns]
    yield _line(columns, titles, widths, [colours.dim] * len(columns))
    for row in cells:
        yield _line(columns, row, widths, [column.colour for column in columns])


def _widths(
    columns: Sequence[Column], cells: Sequence[Sequence[str]], width: int
) -> list[int]:
    """
    How wide each column is: as its widest cell, then narrowed until they fit.
    """
    widths = [
        max(columnsOf(text) for text in [column.title, *(row[at] for row in cells)])
        for at, column in enumerate(columns)
    ]
    excess = sum(widths) + len(GAP) * (len(columns) - 1) - width
    for at, column in reversed(list(enumerate(columns))):
        if excess > 0 and column.least:
            narrowed = max(column.least, widths[at] - excess)
            narrowed = min(narrowed, widths[at])
            excess -= widths[at] - narrowed
            widths[at] = narrowed
    return widths


def _line(
    columns: Sequence[Column],
    texts: Sequence[str],
    widths: Sequence[int],
    colours: Sequence[Callable[[str], str]],
) -> str:
    """
    One line of a table, without blanks at its end.
    """
    parts = []
    for column, text, width, colour in zip(
        columns, texts, widths, colours, strict=True
    ):
        shown = fitted(text, width)
        blank = " " * (width - columnsOf(shown))
        coloured = colour(shown)
        parts.append(f"{blank}{coloured}" if column.right else f"{coloured}{blank}")
    return GAP.join(parts).rstrip()
