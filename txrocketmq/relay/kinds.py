"""
Kinds of settings: how each is read from a text and from TOML, and how it is shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import attrs
from twisted.python.usage import UsageError

from txrocketmq._options import producerGroup, seconds
from txrocketmq._remoting.endpoints import parseNameServers

UNITS = {"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
"""
What sizes may be followed by.
"""

SIZE = re.compile(r"(\d{1,18}) ?([KMGT]iB|B)?")

YES = {"1", "true", "yes", "on"}
NO = {"0", "false", "no", "off"}


@attrs.frozen
class Kind:
    """
    One kind of setting.

    @ivar words: What it is, for a page.

    @ivar parse: Makes its value of a text.  It raises L{UsageError}, or an
        L{InvalidConfiguration<txrocketmq.errors.InvalidConfiguration>}.

    @ivar native: Makes the text of a TOML value that is not a string already;
        L{None} of one that is of the wrong type.

    @ivar shown: Makes a text of a value, which L{parse} reads.

    @ivar several: Whether it is a list, which options add to.
    """

    words: str
    parse: Callable[[str], Any]
    native: Callable[[Any], str | None] = lambda value: None
    shown: Callable[[Any], str] = str
    several: bool = False


def plain(text: str) -> str:
    """
    Make a value of a text with something in it, on one line.
    """
    if not text.strip() or not text.isprintable():
        raise UsageError(f"{text[:80]!r} is empty, or has characters of no use")
    return text


def size(text: str) -> int:
    """
    Make a number of bytes of a text like C{64MiB} or C{1000000}.
    """
    match = SIZE.fullmatch(text.strip())
    if match is None or not int(match[1]):
        raise UsageError(
            f"{text[:80]!r} is no size: bytes, or a number with KiB, MiB, GiB or TiB"
        )
    return int(match[1]) * UNITS[match[2] or ""]


def sizeShown(value: int) -> str:
    """
    Write a number of bytes in the largest unit that gives a whole number.
    """
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if value % UNITS[unit] == 0:
            return f"{value // UNITS[unit]}{unit}"
    return str(value)


def flag(text: str) -> bool:
    """
    Make yes or no of a text.
    """
    word = text.strip().lower()
    if word not in YES | NO:
        raise UsageError(f"{text[:80]!r} is neither true nor false")
    return word in YES


def several(text: str) -> tuple[str, ...]:
    """
    Make several values of a text with blanks between them.
    """
    return tuple(map(plain, text.split()))


def choice(*allowed: str) -> Callable[[str], str]:
    """
    What makes sure that a text is one of some words.
    """

    def chosen(text: str) -> str:
        if text not in allowed:
            raise UsageError(f"{text[:80]!r} is not {' or '.join(allowed)}")
        return text

    return chosen


def nameServers(text: str) -> tuple[str, ...]:
    """
    Make addresses of name servers of a text.
    """
    return parseNameServers(text)


def _number(value: Any) -> str | None:
    """
    The text of a number.
    """
    isNumber = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if isNumber else None


def _truth(value: Any) -> str | None:
    """
    The text of true or false.
    """
    return str(value).lower() if isinstance(value, bool) else None


def _joined(value: Any) -> str | None:
    """
    The text of a list of texts.
    """
    return ";".join(value) if isTexts(value) else None


def isTexts(value: object) -> bool:
    """
    Whether something is a list of texts.
    """
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


TEXT = Kind("text", plain)
FILE = Kind("file", plain)
DIRECTORY = Kind("directory", plain)
GROUP = Kind("text", producerGroup)
SECONDS = Kind("seconds", seconds, _number, lambda value: f"{value:g}")
BYTES = Kind("bytes, or 64MiB", size, _number, sizeShown)
FLAG = Kind("true or false", flag, _truth, lambda value: str(value).lower())
FORMAT = Kind("text or json", choice("text", "json"))
ADDRESSES = Kind("host:port;host:port", nameServers, _joined, ";".join)
ENDPOINTS = Kind("endpoints", several, shown=" ".join, several=True)
