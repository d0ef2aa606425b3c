"""
Bodies that are JSON texts.

Java's fastjson leaves the quotes away from keys that are numbers, as in
C{{0:"10.0.0.1:10911"}}.  That one quirk is understood here, and no other.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

import msgspec

from .malformed import MalformedBody

# JSON bodies are parsed on the reactor's thread, at about 10 ms a MiB.
MAX_JSON_BODY = 2 * 1024 * 1024

T = TypeVar("T")

# A string, which is kept, or a key without quotes.  Neither gives back what it
# has taken, and a string that does not end is taken whole: so the time is
# linear whatever the text.
_KEY = re.compile(
    rb'"(?:[^"\\]++|\\.)*+"?|([{,][ \t\r\n]*+)(-?[0-9]++)(?=[ \t\r\n]*+:)', re.DOTALL
)


def parseBody(decode: Callable[[bytes], T], data: bytes) -> T:
    """
    Read a body.

    @param decode: Reads plain JSON.

    @raise MalformedBody: It is longer than L{MAX_JSON_BODY}, or not what
        C{decode} reads.
    """
    if len(data) > MAX_JSON_BODY:
        raise MalformedBody(f"a body of {len(data)} bytes; {MAX_JSON_BODY} is the most")
    try:
        data.decode("utf-8")
        try:
            return decode(data)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            return decode(quoteKeys(data))
    except (ValueError, RecursionError) as e:
        raise MalformedBody(f"not the body it should be: {e}") from e


def quoteKeys(data: bytes) -> bytes:
    """
    Give the keys quotes that are numbers without.
    """
    return _KEY.sub(_quoted, data)


def _quoted(match: re.Match[bytes]) -> bytes:
    """
    Give the replacement of a string, itself, or of a key.
    """
    start, key = match.groups()
    return match[0] if key is None else b'%b"%b"' % (start, key)
