"""
The relay's answers: JSON of fixed wording, in which nothing of a request or of a
server's text appears.

Law: an answer is one piece of bytes, made once where it can be; nothing is worked
out for a request but its length and its id.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import attrs
import msgspec
from twisted.web.http import Request

RETRY_AFTER = b"1"
"""
Seconds after which it makes sense to ask again.
"""

NEWER_PHRASES = {413: b"Content Too Large", 422: b"Unprocessable Content"}
"""
What RFC 9110 calls what Python calls otherwise before 3.13.
"""

JSON = b"application/json"

HEADERS = (
    (b"X-Content-Type-Options", b"nosniff"),
    (b"Cache-Control", b"no-store"),
)
"""
What every answer has.
"""


def phrase(status: int) -> bytes:
    """
    What a status is called.
    """
    return NEWER_PHRASES.get(status) or HTTPStatus(status).phrase.encode("ascii")


def head(status: int, *headers: tuple[bytes, bytes], kind: bytes = JSON) -> bytes:
    """
    How an answer begins: the status and those headers that are known.
    """
    lines = [b"HTTP/1.1 %d %b\r\nContent-Type: %b\r\n" % (status, phrase(status), kind)]
    lines += [b"%b: %b\r\n" % header for header in (*HEADERS, *headers)]
    return b"".join(lines)


@attrs.frozen
class Answer:
    """
    One answer.

    @ivar status: The HTTP status.

    @ivar content: The body.

    @ivar headers: Headers besides the usual ones.

    @ivar start: The status line and all headers that are the same for each request.
    """

    status: int
    content: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    start: bytes = attrs.field(
        default=attrs.Factory(
            lambda self: head(self.status, *self.headers), takes_self=True
        )
    )

    def rendered(self, more: bytes, withBody: bool = True) -> bytes:
        """
        All of it.

        @param more: Further headers, each with its end of line.

        @param withBody: Whether the body goes with it: it does not for C{HEAD}.
        """
        return b"%b%bContent-Length: %d\r\n\r\n%b" % (
            self.start,
            more,
            len(self.content),
            self.content if withBody else b"",
        )

    def write(self, request: Request) -> bytes:
        """
        Set status and headers of a request to another server than
        L{RelaySite<txrocketmq.relay.site.RelaySite>}.

        @return: The body that is still to be written.
        """
        request.setResponseCode(self.status, phrase(self.status))
        usual = ((b"Content-Type", JSON), *HEADERS, *self.headers)
        for name, value in usual:
            request.setHeader(name, value)
        # It says nothing that a client needs.
        request.responseHeaders.removeHeader(b"Server")
        request.setHeader(b"Content-Length", b"%d" % len(self.content))
        return b"" if request.method == b"HEAD" else self.content


def document(status: int, content: dict[str, Any], **headers: bytes) -> Answer:
    """
    An answer whose body is JSON.

    @param headers: Further headers, with C{_} for C{-}.
    """
    named = tuple(
        (name.replace("_", "-").title().encode(), value)
        for name, value in headers.items()
    )
    return Answer(status, msgspec.json.encode(content) + b"\n", named)


def problem(
    status: int, code: str, message: str, headers: Any = None, **fields: Any
) -> Answer:
    """
    An answer that says what is wrong with a request.

    @param headers: Further headers, with C{_} for C{-}.

    @param fields: What is told besides: a limit, where in the body it is.
    """
    error = {"code": code, "message": message, **fields}
    return document(status, {"error": error}, **(headers or {}))


def later(status: int, code: str, message: str, **fields: Any) -> Answer:
    """
    An answer that says that it may be otherwise soon.
    """
    return problem(status, code, message, {"retry_after": RETRY_AFTER}, **fields)


NOT_FOUND = problem(404, "not_found", "there is nothing at this address")
STOPPING = later(503, "stopping", "the relay is stopping")
UNEXPECTED = problem(500, "internal", "the relay failed; its log says how")
