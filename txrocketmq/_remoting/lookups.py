"""
Host names: one lookup for each at a time.

A lookup occupies a thread of the reactor's pool until the system gives up,
which may take minutes; connecting gives up after seconds, and tries again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHostnameResolver,
    IHostResolution,
    IReactorPluggableNameResolver,
    IReactorTime,
    IResolutionReceiver,
)
from zope.interface import implementer

from .addresses import IPAddress, asIP
from .moment import Moment

# For so many seconds a name that has no address any more has its last ones:
# name services fail for moments too.
KEPT = 60.0

# A lookup that has not ended after so many seconds may never end, and another
# is begun.
GIVEN_UP = 60.0


class Lookups:
    """
    The addresses of host names, as the reactor's resolver finds them.
    """

    def __init__(
        self, clock: IReactorTime, resolver: Callable[[], IHostnameResolver]
    ) -> None:
        """
        @param resolver: Gives what to ask.
        """
        self._clock = clock
        self._resolver = resolver
        self._running: dict[str, _Receiver] = {}
        self._known: dict[str, tuple[float, Sequence[IPAddress]]] = {}

    def addresses(self, name: str) -> Deferred[Sequence[IPAddress]]:
        """
        Where a name leads, best first; nowhere is empty.

        Cancelling it does not end the lookup: the next who asks for the name
        gets what it finds.
        """
        now = self._clock.seconds()
        receiver = self._running.get(name)
        if receiver is None or now - receiver.since >= GIVEN_UP:
            receiver = self._running[name] = _Receiver(name, now, self._found)
            self._resolver().resolveHostName(receiver, name)
        return receiver.complete.when()

    def _found(self, receiver: _Receiver) -> None:
        """
        Remember what was found, or find what is remembered.
        """
        now = self._clock.seconds()
        name, found = receiver.name, receiver.found
        if self._running.get(name) is receiver:
            del self._running[name]
        if found:
            self._known[name] = now, found
        else:
            since, known = self._known.pop(name, (now, ()))
            if now - since < KEPT:
                self._known[name] = since, known
                found = known
        receiver.complete.happen(found)


@implementer(IResolutionReceiver)
class _Receiver:
    """
    Collects what a resolver finds for a name.

    @ivar complete: Happens when all is found that there is.
    """

    def __init__(
        self, name: str, since: float, ended: Callable[[_Receiver], None]
    ) -> None:
        self.name = name
        self.since = since
        self.found: Sequence[IPAddress] = ()
        self.complete: Moment[Sequence[IPAddress]] = Moment()
        self._ended = ended

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        """
        Nothing: a lookup is not cancelled.
        """

    def addressResolved(self, address: IAddress) -> None:
        """
        Take an address; not what is none.
        """
        ip = asIP(str(getattr(address, "host", "")))
        if ip is not None:
            self.found = (*self.found, ip)

    def resolutionComplete(self) -> None:
        """
        Tell what was found.
        """
        self._ended(self)


@implementer(IReactorPluggableNameResolver, IHostnameResolver, IHostResolution)
class Resolved:
    """
    A reactor whose resolver has one answer: what makes a L{HostnameEndpoint
    <twisted.internet.endpoints.HostnameEndpoint>} try these addresses.
    """

    name = ""

    def __init__(self, reactor: Any, addresses: Sequence[IPAddress]) -> None:
        """
        @param reactor: What connects.

        @param addresses: What any name is resolved to.
        """
        self._addresses = addresses
        self.nameResolver = self
        self.connectTCP = reactor.connectTCP
        self.callLater: Callable[..., IDelayedCall] = reactor.callLater
        self.seconds: Callable[[], float] = reactor.seconds

    def installNameResolver(self, resolver: IHostnameResolver) -> IHostnameResolver:
        """
        Refuse: there is one answer.
        """
        raise NotImplementedError

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[IAddress]] | None = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        """
        Give the addresses.
        """
        resolutionReceiver.resolutionBegan(self)
        for ip in self._addresses:
            kind = IPv4Address if ip.version == 4 else IPv6Address
            resolutionReceiver.addressResolved(kind("TCP", str(ip), portNumber))
        resolutionReceiver.resolutionComplete()
        return self

    def cancel(self) -> None:
        """
        Nothing: it is over.
        """
