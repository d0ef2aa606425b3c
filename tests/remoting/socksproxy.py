"""
A SOCKS5 proxy that is just good enough: over any endpoints, for one user.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IAddress, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

THROUGH = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"


class Proxy(Factory):
    """
    Connects to what it is asked for.

    @ivar asked: What that was: names and ports.

    @ivar user: The user name and password it wants, if it wants any.
    """

    noisy = False

    def __init__(
        self,
        connect: Callable[[str, int], IStreamClientEndpoint],
        user: tuple[bytes, bytes] | None = None,
    ) -> None:
        """
        @param connect: Makes endpoints of names and ports.
        """
        self.connect = connect
        self.user = user
        self.asked: list[tuple[str, int]] = []

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """
        Take a connection.
        """
        return _Here(self)


class _Here(Protocol):
    """
    The near side: its client speaks in turn, so each piece is one of its words.
    """

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._next = self._greeted
        self.there: Any = None
        self.line: Any = None

    def makeConnection(self, transport: Any) -> None:
        """
        See L{Protocol}.
        """
        self.line = transport

    def dataReceived(self, data: bytes) -> None:
        """
        Do as it is told.
        """
        self._next(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        End the far side too.
        """
        if self.there is not None:
            self.there.line.loseConnection()

    def _greeted(self, data: bytes) -> None:
        """
        Choose a method.
        """
        method = 0 if self._proxy.user is None else 2
        if method not in data[2:]:
            method = 0xFF
        self._next = self._authenticated if method == 2 else self._asked
        self.line.write(bytes((5, method)))

    def _authenticated(self, data: bytes) -> None:
        """
        Look at the password.
        """
        size = data[1]
        given = (data[2 : 2 + size], data[3 + size :])
        self._next = self._asked
        self.line.write(b"\x01\x00" if given == self._proxy.user else b"\x01\x01")

    def _asked(self, data: bytes) -> None:
        """
        Connect.
        """
        name = data[5:-2].decode()
        port = int.from_bytes(data[-2:], "big")
        self._proxy.asked.append((name, port))
        endpoint = self._proxy.connect(name, port)
        endpoint.connect(_Far(self)).addCallbacks(self._connected, self._refused)

    def _connected(self, there: Any) -> None:
        """
        Say that there is a way through.
        """
        self.there = there
        self._next = there.line.write
        self.line.write(THROUGH)

    def _refused(self, reason: Failure) -> None:
        """
        Say that there is none.
        """
        self.line.write(b"\x05\x05" + THROUGH[2:])


class _Far(Factory):
    """
    Makes the far side.
    """

    noisy = False

    def __init__(self, here: _Here) -> None:
        self._here = here

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """
        Make it.
        """
        return _There(self._here)


class _There(Protocol):
    """
    The far side.
    """

    def __init__(self, here: _Here) -> None:
        self._here = here
        self.line: Any = None

    def makeConnection(self, transport: Any) -> None:
        """
        See L{Protocol}.
        """
        self.line = transport

    def dataReceived(self, data: bytes) -> None:
        """
        Pass it on.
        """
        self._here.line.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        End the near side too.
        """
        self._here.line.loseConnection()
