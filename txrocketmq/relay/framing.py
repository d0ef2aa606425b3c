"""
What is no request: whatever two servers could understand differently.

Law: what is not surely one request is none, and ends its connection.

Follows RFC 9112, and refuses what it leaves to servers to accept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from txrocketmq.relay.answers import Answer, problem

BAD_BYTE = re.compile(rb"[\x00\r\n]")
HOST = re.compile(
    rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])?(?::[0-9]*)?\Z"
)

MOST_DIGITS = 19
"""
The most digits of a length that means anything: Python stumbles over thousands.
"""

MALFORMED = problem(400, "bad_request", "this is no HTTP request")
BAD_LENGTH = problem(400, "bad_request", "the Content-Length is not a sensible one")
BAD_CODING = problem(400, "bad_request", "the Transfer-Encoding is not chunked alone")
BAD_HOST = problem(400, "bad_request", "there is not one Host, or it is none")
BAD_TRAILER = problem(400, "bad_request", "what follows the chunks is no header")
FOLDED = problem(400, "bad_request", "a header goes on in a second line")
CUT_SHORT = problem(400, "cut_short", "the request ended too soon")


def lineFault(line: bytes) -> Answer | None:
    """
    Why a line cannot be in the head of a request.
    """
    if BAD_BYTE.search(line):
        return MALFORMED
    # The line is empty where the headers end.
    return FOLDED if line[:1] in (b" ", b"\t") else None


def lengthFault(name: bytes, value: bytes) -> Answer | None:
    """
    Why a header has no length that can be.

    @param name: Its name, in lower case.
    """
    if name == b"content-length" and len(value.strip()) > MOST_DIGITS:
        return BAD_LENGTH
    return None


def trailerFault(lines: Iterable[bytes]) -> Answer | None:
    """
    Why lines cannot be what comes behind the last chunk.  What they say is of no use
    to us, but another server may see the end of the request in them.
    """
    for line in lines:
        if lineFault(line) is not None or b":" not in line:
            return BAD_TRAILER
    return None


def headFault(fields: Mapping[bytes, Sequence[bytes]], version: bytes) -> Answer | None:
    """
    Why all headers together are no request's.

    @param fields: The headers by their canonical names.
    """
    hosts = fields.get(b"Host", ())
    isNew = version == b"HTTP/1.1"
    if len(hosts) != 1 and (hosts or isNew):
        return BAD_HOST
    if hosts and not HOST.match(hosts[0]):
        return BAD_HOST
    codings = fields.get(b"Transfer-Encoding")
    if codings is None:
        return None
    lowered = [coding.lower() for coding in codings]
    if not isNew or lowered != [b"chunked"] or b"Content-Length" in fields:
        return BAD_CODING
    return None
