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
        self._running: dict[str, Moment[Sequence[IPAddress]]] = {}
        self._known: dict[str, tuple[float, Sequence[IPAddress]]] = {}

    def addresses(self, name: str) -> Deferred[Sequence[IPAddress]]:
        """
        Where a name leads, best first; nowhere is empty.

        Cancelling it does not end the lookup: the next who asks for the name
        gets what it finds.
        """
        running = self._running.get(name)
        if running is not None:
            return running.when()
        moment: Moment[Sequence[IPAddress]] = Moment()
        self._running[name] = moment
        self._resolver().resolveHostName(
            _Receiver(lambda found: self._found(name, found)), name
        )
        return moment.when()

    def _found(self, name: str, found: Sequence[IPAddress]) -> None:
        """
        Remember what was found, or find what is remembered.
        """
        now = self._clock.seconds()
        if found:
            self._known[name] = now, found
        else:
            since, known = self._known.pop(name, (now, ()))
            if now - since < KEPT:
                self._known[name] = since, known
                found = known
        self._running.pop(name).happen(found)


@implementer(IResolutionReceiver)
class _Receiver:
    """
    Collects what a resolver finds.
    """

    def __init__(self, complete: Callable[[Sequence[IPAddress]], None]) -> None:
        self._complete = complete
        self._found: list[IPAddress] = []

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
            self._found.append(ip)

    def resolutionComplete(self) -> None:
        """
        Tell what was found.
        """
        self._complete(self._found)


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
