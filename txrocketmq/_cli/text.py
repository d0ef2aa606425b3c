"""
Text for people: what is safe on a terminal, and how wide it is there.
"""

from __future__ import annotations

import unicodedata

CLIPPED = 400
"""
The most characters of one text in an error line.
"""

UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""
The categories of characters that move the cursor, hide, or turn text around.
"""

WIDE = {"W", "F"}
"""
The East Asian widths that take two columns.
"""


def printable(text: str, most: int = CLIPPED) -> str:
    """
    A text from anywhere as one line that does nothing to a terminal.
    """
    if len(text) > most:
        text = text[: most - 3] + "..."
    if text.isascii() and text.isprintable():
        return text
    return "".join(_safe(character) for character in text)


def _safe(character: str) -> str:
    """
    A character, or its escape.
    """
    if character.isprintable() or unicodedata.category(character) not in UNSAFE:
        return character
    return character.encode("unicode_escape").decode("ascii")


def columnsOf(text: str) -> int:
    """
    How many columns a printable text takes.
    """
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    """
    How many columns a character takes: marks on others take none.
    """
    if unicodedata.combining(character) or unicodedata.category(character) == "Me":
        return 0
    return 2 if unicodedata.east_asian_width(character) in WIDE else 1


def fitted(text: str, width: int) -> str:
    """
    A printable text, cut to a width with an ellipsis where it is wider.
    """
    if columnsOf(text) <= width:
        return text
    kept, room = "", width - 1
    for character in text:
        room -= _columns(character)
        if room < 0:
            break
        kept += character
    return f"{kept}…"


def counted(number: int, noun: str) -> str:
    """
    A number of things, the number grouped and the noun in its right form.
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def duration(seconds: float) -> str:
    """
    A time as minutes and seconds, or hours and minutes.
    """
    whole = int(seconds)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02}"
    return f"{whole // 3600}h{whole % 3600 // 60:02}"
