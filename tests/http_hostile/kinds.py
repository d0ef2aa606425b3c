"""
The kinds of attackers: what each sends, how long it may last, and how it is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

POST = b"POST /v1/topics/T/messages HTTP/1.1\r\n"
HOST = b"Host: h\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
NDJSON = b"Content-Type: application/x-ndjson\r\n"
WRONG = 200 * b"x\n"
MUCH = 64 * 1024
CHUNK = b"10000\r\n" + MUCH * b"x" + b"\r\n"


class Kind(NamedTuple):
    """
    A kind of attackers.

    @ivar begin: What it sends at once.

    @ivar more: What it sends then.

    @ivar pause: The seconds between two of those; 0 for at each of its turns, a
        hundredth of a second apart at most.

    @ivar within: The seconds after which the daemon must have had enough.

    @ivar reads: Whether it reads what it is answered.

    @ivar statuses: What it may be answered; none for nothing at all.
    """

    name: str
    begin: bytes
    more: bytes
    pause: float
    within: float
    statuses: frozenset[int]
    reads: bool = True


SLOW = (
    Kind("slow head", POST + HOST + b"X: ", b"x", 1.0, 10.0, frozenset({400})),
    Kind(
        "slow body",
        POST + HOST + b"Content-Length: 1000\r\n\r\n",
        b"x",
        1.0,
        30.0,
        frozenset({400}),
    ),
    Kind("silence", b"", b"", 1.0, 10.0, frozenset()),
    Kind(
        "slow stream",
        POST + HOST + NDJSON + CHUNKED + b"\r\n",
        b'10\r\n{"body":"abcde"}\r\n1\r\n\n\r\n',
        1.0,
        12.0,
        frozenset({200}),
    ),
)
"""
Those who take their time.
"""

ENDLESS = (
    Kind(
        "announced body",
        POST + HOST + b"Content-Length: 10737418240\r\n\r\n",
        MUCH * b"x",
        0.0,
        1.0,
        frozenset({413}),
    ),
    Kind(
        "body in chunks",
        POST + HOST + CHUNKED + b"\r\n",
        CHUNK,
        0.0,
        10.0,
        frozenset({413}),
    ),
    Kind(
        "endless line",
        POST + HOST + NDJSON + CHUNKED + b"\r\n",
        CHUNK,
        0.005,
        30.0,
        frozenset({400}),
    ),
    Kind("endless head", POST + HOST + b"X: ", MUCH * b"x", 0.0, 1.0, frozenset({400})),
    Kind(
        "never reads",
        POST + HOST + NDJSON + CHUNKED + b"\r\n",
        b"%x\r\n%b\r\n" % (len(WRONG), WRONG),
        0.1,
        30.0,
        frozenset(),
        False,
    ),
)
"""
Those who never end.
"""


def _malformed() -> Iterator[bytes]:
    """
    Requests that are none.
    """
    whole = POST + HOST
    one = b"Content-Length: 1\r\n\r\nx"
    chunk = b"\r\n1\r\nx\r\n0\r\n\r\n"
    for length in (b"-1", b"+1", b"0x1", b"1_0", b"1, 1", b"", b"9" * 20, b"9" * 5000):
        yield whole + b"Content-Length: " + length + b"\r\n\r\nx"
    yield whole + b"Content-Length: 1\r\n" + one
    yield whole + CHUNKED + one
    yield whole + b"Content-Length: 1\r\n" + CHUNKED + chunk
    for coding in (b"gzip, chunked", b"xchunked", b"\x0bchunked", b'"chunked"', b""):
        yield whole + b"Transfer-Encoding: " + coding + b"\r\n" + chunk
    yield whole + CHUNKED + CHUNKED + chunk
    yield whole + b"Transfer-Encoding : chunked\r\n" + chunk
    for size in (b"+1", b"0x1", b"-1", b"z", b"1;\0", b"0" * 5000 + b"1"):
        yield whole + CHUNKED + b"\r\n" + size + b"\r\nx\r\n0\r\n\r\n"
    yield whole + CHUNKED + b"\r\n1\r\nxyz\r\n0\r\n\r\n"
    yield whole + CHUNKED + b"\r\n1\r\nx\r\n0\r\nX: a\nY: b\r\n\r\n"
    yield POST + one
    yield POST + HOST + HOST + one
    yield POST + b"Host: a b\r\n" + one
    for header in (b"X: a\r\n b", b"X: a\0b", b"X: a\rb", b"X: a\nb", b"X", b": x"):
        yield whole + header + b"\r\n" + one
    yield whole + b"X\x01: y\r\n" + one
    yield whole + b"X: " + 20_000 * b"a" + b"\r\n" + one
    yield whole + 600 * b"X: a\r\n" + one
    yield POST.replace(b"1.1", b"2.0") + HOST + one
    yield POST.replace(b"POST ", b"POST  ") + HOST + one
    yield POST.replace(b"POST ", b"POST\t") + HOST + one
    yield POST.replace(b"/T/", b"/T\0/") + HOST + one
    yield b"GET /healthz\r\n"
    yield b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    yield b"POST / HTTP/1.1\nHost: h\n\n"
    yield bytes(range(256))


MALFORMED = tuple(
    Kind(f"malformed {number}", data, b"", 1.0, 1.0, frozenset({400}))
    for number, data in enumerate(_malformed(), 1)
)
"""
Those who speak another language, or two at once.
"""
