"""
Why there is no connection: Twisted's and OpenSSL's errors as ours.
"""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet import error
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.python.failure import Failure

from txrocketmq.errors import (
    ConnectFailed,
    ConnectionClosed,
    ConnectTimeout,
    RemotingError,
    RemotingTimeout,
    ResolveFailed,
    TLSFailed,
)
from txrocketmq.message import Persisted

from .waiters import UNWRITTEN, Waiting

# How much of a text that is not ours an error shows.
SHOWN = 256

_TLS_ERRORS = (SSL.Error, VerificationError)

_REFUSALS: tuple[tuple[type[Exception], type[ConnectFailed], str], ...] = (
    (
        error.ConnectionRefusedError,
        ConnectFailed,
        "connection refused: nobody listens there",
    ),
    (error.TimeoutError, ConnectTimeout, "nobody answered the connection attempt"),
    (error.TCPTimedOutError, ConnectTimeout, "nobody answered the connection attempt"),
    (error.DNSLookupError, ResolveFailed, "the host name has no address"),
    (error.UnknownHostError, ResolveFailed, "the host name has no address"),
    (error.NoRouteError, ConnectFailed, "there is no route to the host"),
    (
        error.ConnectionClosed,
        ConnectFailed,
        "the connection was lost while it was being made",
    ),
)


def peerName(address: object) -> str:
    """
    A transport's address as C{host:port}, or what it says of itself.
    """
    if isinstance(address, IPv4Address):
        return f"{address.host}:{address.port}"
    if isinstance(address, IPv6Address):
        return f"[{address.host}]:{address.port}"
    return str(address)


def malformedWords(data: bytes | None, e: Exception) -> str:
    """
    Say that a peer sent no frames, and what it may be instead.

    @param data: What it sent first, if it is that.
    """
    if data is None:
        return f"the peer sent something that is no RocketMQ frame ({clipped(str(e))})"
    if data.startswith(b"HTTP/"):
        guess = "this is an HTTP server"
    elif data.startswith((b"\x15\x03", b"\x16\x03")):
        guess = "the peer speaks TLS, and tls is not set"
    else:
        guess = "is this a RocketMQ port?"
    return f"the peer sent {data[:32]!r}, which is no RocketMQ frame: {guess}"


def clipped(text: str) -> str:
    """
    As much of a text that is not ours as can stand in one line.
    """
    return text[:SHOWN].replace("\r", " ").replace("\n", " ")


def connectError(address: str, e: Exception) -> ConnectFailed:
    """
    What a connection that was not made fails with.

    @param address: The address that was asked for.

    @param e: What the endpoint failed with.
    """
    if isinstance(e, _TLS_ERRORS):
        return TLSFailed(address, _tlsWords(e))
    for cause, cls, words in _REFUSALS:
        if isinstance(e, cause):
            return cls(address, words)
    return ConnectFailed(address, f"cannot connect: {clipped(_words(e))}")


def handshakeError(address: str, e: Exception) -> ConnectFailed:
    """
    What a connection fails with that was made, but ended in its TLS handshake.
    """
    if isinstance(e, error.ConnectionClosed):
        return TLSFailed(
            address,
            "the peer closed the connection in the TLS handshake: "
            "does it speak TLS, and does it want a client certificate?",
        )
    return connectError(address, e)


def lostError(
    address: str, reason: Failure, persisted: Persisted, *, wordless: bool = False
) -> RemotingError:
    """
    What a request fails with whose connection was lost.

    A TLS peer may refuse our certificate only after we have written: that is
    a L{TLSFailed} here too.

    @param reason: What C{connectionLost} was called with.

    @param wordless: Whether the peer said nothing, not even in TLS.
    """
    e = reason.value
    if isinstance(e, _TLS_ERRORS):
        return TLSFailed(address, _tlsWords(e), persisted)
    if isinstance(e, error.ConnectionDone):
        words = "the peer closed the connection"
        if wordless:
            words += " without a word: does it want TLS?"
        return ConnectionClosed(address, words, persisted)
    return ConnectionClosed(
        address,
        f"the connection was lost: {clipped(_words(e))}",
        persisted,
    )


def timeoutError(address: str, waiter: Waiting[Any]) -> RemotingTimeout:
    """
    What a request fails with whose time is over.
    """
    unwritten = waiter.heard == UNWRITTEN
    words = "the peer did not read" if unwritten else "there was no answer"
    return RemotingTimeout(
        address, f"{words} within {round(waiter.timeout, 2):g} s", waiter.persisted
    )


def _tlsWords(e: BaseException) -> str:
    """
    Say what is wrong with a peer's certificate, with ours, or with its TLS.
    """
    if isinstance(e, VerificationError):
        return "TLS: its certificate is not for this host"
    queue = e.args[0] if e.args and isinstance(e.args[0], list) else []
    words = "; ".join(str(entry[-1]) for entry in queue) or _words(e)
    if "wrong version number" in words or "packet length too long" in words:
        words += ": it does not speak TLS"
    return clipped(f"TLS: {words}")


def _words(e: BaseException | None) -> str:
    """
    An error's text, or its name if it has none.
    """
    return str(e) or type(e).__name__
