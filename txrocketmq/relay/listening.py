"""
Where the relay takes requests.

Laws:

    - Every port is bound before anything else is done, and one that cannot be is one
      line; none takes a connection before L{Doors.accept}.

    - A socket that somebody else has made is looked at before it is used: see the
      law of L{txrocketmq.relay.endpoints}.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IListeningPort, IProtocolFactory
from twisted.python.failure import Failure

from txrocketmq.relay.certificates import Identity
from txrocketmq.relay.endpoints import UNGUARDED, Place, isLoopback
from txrocketmq.relay.leaving import CannotStart

BACKLOG = 511
"""
How many connections may wait to be taken, where an endpoint does not say.
"""


class Doors:
    """
    The ports that requests come in by.
    """

    def __init__(
        self,
        reactor: Any,
        places: Sequence[Place],
        identities: Mapping[str, Identity],
        guarded: bool,
    ) -> None:
        """
        @param places: Where to listen.

        @param identities: Who the relay is at the places where TLS is spoken, by
            their texts.

        @param guarded: Whether tokens are asked for.
        """
        self._reactor = reactor
        self._places = places
        self._identities = identities
        self._guarded = guarded
        self._ports: list[IListeningPort] = []
        self._opened = False

    @property
    def addresses(self) -> list[str]:
        """
        Where it listens.
        """
        return [shownAddress(port.getHost()) for port in self._ports]

    @property
    def links(self) -> list[str]:
        """
        The same as a browser takes it.
        """
        return [
            _link(place, port.getHost())
            for place, port in zip(self._places, self._ports, strict=True)
        ]

    def open(self, factory: IProtocolFactory) -> None:
        """
        Bind everything, unless that is done already; take no connections yet.

        @raise CannotStart: When one of the places is taken or not usable.
        """
        if self._opened:
            return
        self._opened = True
        for place in self._places:
            port = self._bind(place, factory)
            self._ports.append(port)
            self._reactor.removeReader(port)

    def accept(self) -> None:
        """
        Take connections, first those that have waited.
        """
        for port in self._ports:
            self._reactor.addReader(port)

    def close(self) -> list[Deferred[Any]]:
        """
        Listen no more.

        @return: Fire when that is so.
        """
        ports, self._ports = self._ports, []
        self._opened = False
        return [closing for port in ports if (closing := port.stopListening())]

    def _bind(self, place: Place, factory: IProtocolFactory) -> IListeningPort:
        """
        Listen at one place.
        """
        opening: Mapping[str, Callable[[Place, IProtocolFactory], IListeningPort]] = {
            "systemd": self._adopt,
            "ssl": self._secure,
            "tls": self._secure,
            "unix": self._local,
        }
        try:
            return opening.get(place.kind, self._plain)(place, factory)
        except CannotStart:
            raise
        except Exception as wrong:
            raise _cannot(place, wrong) from None

    def _plain(self, place: Place, factory: IProtocolFactory) -> IListeningPort:
        """
        Listen as Twisted understands the text.
        """
        text = place.text
        if "backlog" not in place.fields:
            text += f":backlog={BACKLOG}"
        return _bound(place, serverFromString(self._reactor, text).listen(factory))

    def _local(self, place: Place, factory: IProtocolFactory) -> IListeningPort:
        """
        Listen at a socket of this machine.
        """
        port: IListeningPort = self._reactor.listenUNIX(
            place.fields["address"],
            factory,
            int(place.fields.get("backlog", BACKLOG)),
            int(place.fields.get("mode", "666"), 8),
            place.fields.get("lockfile", "1") == "1",
        )
        return port

    def _secure(self, place: Place, factory: IProtocolFactory) -> IListeningPort:
        """
        Listen with TLS, by certificates that can be exchanged.
        """
        port: IListeningPort = self._reactor.listenSSL(
            int(place.fields["port"]),
            factory,
            self._identities[place.text],
            int(place.fields.get("backlog", BACKLOG)),
            place.fields.get("interface", ""),
        )
        return port

    def _adopt(self, place: Place, factory: IProtocolFactory) -> IListeningPort:
        """
        Listen at a socket that systemd has made.
        """
        try:
            endpoint: Any = serverFromString(self._reactor, place.text)
        except (IndexError, KeyError):
            raise _cannot(place, "systemd has not passed such a socket") from None
        with socket.socket(fileno=os.dup(endpoint.fileno)) as looked:
            if looked.family != endpoint.addressFamily:
                raise _cannot(
                    place, f"the socket is of another family: {looked.family.name}"
                )
            address = looked.getsockname()
        near = place.reach is False or isLoopback(address[0])
        if not (near or self._guarded):
            raise _cannot(place, UNGUARDED)
        return _bound(place, endpoint.listen(factory))


def _bound(place: Place, opening: Deferred[IListeningPort]) -> IListeningPort:
    """
    The port that has been opened: sockets on this machine are bound at once.
    """
    bound: list[IListeningPort] = []
    failures: list[Failure] = []
    opening.addCallbacks(bound.append, failures.append)
    if failures:
        raise _cannot(place, failures[0].value)
    return bound[0]


def shownAddress(address: IAddress) -> str:
    """
    An address as people write it.
    """
    match address:
        case IPv4Address():
            return f"{address.host}:{address.port}"
        case IPv6Address():
            return f"[{address.host}]:{address.port}"
        case UNIXAddress(name=bytes() as name):
            return name.decode(errors="replace")
    return str(address)


def _link(place: Place, address: IAddress) -> str:
    """
    The address of a place's first page, if a browser can get there.
    """
    shown = shownAddress(address)
    if isinstance(address, UNIXAddress):
        return shown
    return f"{'https' if place.secure else 'http'}://{shown}/"


def _cannot(place: Place, why: object) -> CannotStart:
    """
    Say why nothing can listen at a place.
    """
    cause = why.socketError if isinstance(why, CannotListenError) else why
    reason = " ".join(str(getattr(cause, "strerror", None) or cause).split())
    return CannotStart(f"cannot listen on {place.text!r}: {reason}")
