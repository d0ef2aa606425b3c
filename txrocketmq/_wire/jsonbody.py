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

# More such keys than any body has that is not too large for other reasons.
MAX_BARE_KEYS = 1 << 17

# Everything up to a key without quotes, strings as a whole, and that key if
# there is one.  No part gives back what it has taken, and a string that does
# not end is taken as well: so the time is linear whatever the text.
_KEY = re.compile(
    rb"""
    ( (?: [^"{,]++
        | " (?: [^"\\]++ | \\. )*+ "?
        | [{,] (?! [ \t\r\n]*+ -?[0-9]++ [ \t\r\n]*+ : )
      )*+
    )
    (?: ( [{,] [ \t\r\n]*+ ) ( -?[0-9]++ ) )?
    """,
    re.DOTALL | re.VERBOSE,
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
    Give the keys quotes that are numbers without; after L{MAX_BARE_KEYS} the
    rest stays as it is.
    """
    return _KEY.sub(_quoted, data, MAX_BARE_KEYS)


def _quoted(match: re.Match[bytes]) -> bytes:
    """
    Give a part of the text with quotes around the key it ends with.
    """
    text, start, key = match.groups()
    return text if key is None else b'%b%b"%b"' % (text, start, key)
