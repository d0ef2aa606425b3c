"""
Where the relay takes requests.

Law: without tokens only this machine may send: whoever reaches the relay sends in
its name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.usage import UsageError

FIELDS = re.compile(r"(?:\\.|[^:\\])+")
"""
The fields of an endpoint string, in which a backslash protects a colon.
"""

PORTS = 1 << 16


def checkListen(text: str) -> str:
    """
    Make sure that an endpoint string is one that this machine alone can reach.

    @raise UsageError: When it is not.
    """
    kind, *fields = [_plain(field) for field in FIELDS.findall(text)] or [""]
    values = dict(field.split("=", 1) for field in fields if "=" in field)
    if kind == "unix":
        return text
    if kind not in ("tcp", "tcp6"):
        raise UsageError(
            f"--listen: {text!r} is neither a tcp, a tcp6 nor a unix endpoint"
        )
    port = values.get("port", fields[0] if fields else "")
    if not (port.isascii() and port.isdigit() and int(port[:6]) < PORTS):
        raise UsageError(f"--listen: {text!r} has no port from 0 to 65535")
    if not _isLoopback(values.get("interface", "")):
        raise UsageError(
            f"--listen: {text!r} can be reached from other machines, which needs "
            "tokens; say interface=127.0.0.1"
        )
    return text


def _plain(field: str) -> str:
    """
    A field without the backslashes that protect its characters.
    """
    return re.sub(r"\\(.)", r"\1", field)


def _isLoopback(interface: str) -> bool:
    """
    Whether an interface is this machine's own.
    """
    try:
        return ip_address(interface).is_loopback
    except ValueError:
        return interface == "localhost"


class CannotListen(SystemExit, Exception):
    """
    The relay cannot start: an endpoint is taken or cannot be used.

    It ends the process with its text as the one line that is shown, and status 1.
    It is an exception like others, too: only for those does twistd remove its pid
    file, and tell a waiting parent.
    """


class Doors:
    """
    The ports that requests come in by.
    """

    _log = Logger()

    def __init__(self, reactor: Any, endpoints: Sequence[str]) -> None:
        """
        @param endpoints: Endpoint strings that L{checkListen} passed.
        """
        self._reactor = reactor
        self._endpoints = endpoints
        self._ports: list[IListeningPort] = []
        self._opened = False

    def open(self, factory: IProtocolFactory) -> None:
        """
        Listen everywhere, unless that is done already.

        @raise CannotListen: When one of the endpoints is taken or not usable.
        """
        if self._opened:
            return
        self._opened = True
        for text in self._endpoints:
            self._openOne(text, factory)

    def _openOne(self, text: str, factory: IProtocolFactory) -> None:
        """
        Listen at one endpoint.
        """
        failures: list[Failure] = []
        try:
            opening = serverFromString(self._reactor, text).listen(factory)
        except (ValueError, TypeError, KeyError) as wrong:
            raise CannotListen(f"txrocketmq: --listen: {text!r}: {wrong}") from None
        # Sockets on this machine are bound at once.
        opening.addCallbacks(self._ports.append, failures.append)
        if failures:
            raise CannotListen(f"txrocketmq: {_reason(text, failures[0])}")

    def close(self) -> list[Deferred[Any]]:
        """
        Listen no more.

        @return: Fire when that is so.
        """
        ports, self._ports = self._ports, []
        self._opened = False
        return [closing for port in ports if (closing := port.stopListening())]


def _reason(text: str, failure: Failure) -> str:
    """
    Why nothing can listen at an endpoint.
    """
    error = failure.value
    cause = error.socketError if isinstance(error, CannotListenError) else error
    return f"cannot listen on {text!r}: {getattr(cause, 'strerror', None) or cause}"
