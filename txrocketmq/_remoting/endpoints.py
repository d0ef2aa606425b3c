"""
From a C{host:port} to a connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    TCP6ClientEndpoint,
)
from twisted.internet.error import ConnectingCancelledError
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint

from txrocketmq import tls
from txrocketmq.errors import (
    ConnectFailed,
    ConnectTimeout,
    InvalidConfiguration,
    ResolveFailed,
)
from txrocketmq.settings import ClientSettings, SocksProxy

from .addresses import asIP, isAllowed, parseAddress, parseNameServers
from .answering import Responder
from .factory import RemotingFactory
from .lookups import Lookups, Resolved
from .protocol import RemotingProtocol
from .reasons import connectError, handshakeError
from .socks import SocksEndpoint, proxyFailed

__all__ = ["Connector", "parseAddress", "parseNameServers"]

# How many requests of one broker are looked at in a second.
REQUEST_RATE = 1000.0

# For endpoints, whose timers are the reactor's: the time is kept by connect, on a
# clock that nobody sets.  Their annotations leave out what they allow.
_NO_TIMEOUT: Any = None


class Connector:
    """
    Makes the connections of one client, as its settings say.
    """

    def __init__(
        self,
        reactor: Any,
        clock: IReactorTime,
        settings: ClientSettings,
        respond: Responder,
    ) -> None:
        """
        @param reactor: What connects and resolves names.

        @param respond: What answers the brokers' requests.

        @raise InvalidConfiguration: A file of the TLS settings does not load, or
            the proxy's address is none.
        """
        self._reactor = reactor
        self._clock = clock
        self._settings = settings
        self._respond = respond
        self._wrap = None if settings.tls is None else tls.wrapper(settings.tls)
        if settings.socks is not None:
            parseAddress(settings.socks.address)
        self._lookups = Lookups(clock, lambda: reactor.nameResolver)

    def secureWith(self, wrap: tls.Wrap) -> None:
        """
        Put other certificates in place, for the connections made from now on.

        @raise ValueError: When they are to have no TLS.
        """
        if self._wrap is None:
            raise ValueError("these connections are made without TLS")
        self._wrap = wrap

    def connect(self, address: str) -> Deferred[RemotingProtocol]:
        """
        Connect to a name server or a broker.

        @param address: The C{host:port} it is known by.

        @return: The connection; with TLS, after its handshake.  It may fail
            with L{ConnectFailed} and what is derived from it.
        """
        timeout = self._settings.connectTimeout

        def tooLate(result: object, timeout: float) -> RemotingProtocol:
            raise ConnectTimeout(address, f"there was no connection in {timeout:g} s")

        return Deferred.fromCoroutine(self._connect(address)).addTimeout(
            timeout, self._clock, tooLate
        )

    async def _connect(self, address: str) -> RemotingProtocol:
        """
        Connect, without a limit of time.
        """
        factory = RemotingFactory(
            self._clock,
            self._respond,
            address=address,
            frameTimeout=self._settings.requestTimeout,
            requestRate=REQUEST_RATE,
        )
        try:
            endpoint = await self._endpoint(address)
            protocol = await endpoint.connect(factory)
        except (CancelledError, ConnectFailed):
            raise
        except ConnectingCancelledError as e:
            raise CancelledError from e
        except Exception as e:
            raise connectError(address, e) from e
        if not isinstance(protocol, RemotingProtocol):
            raise ConnectFailed(address, f"the endpoint made a {type(protocol)!r}")
        if self._wrap is not None:
            await self._secure(protocol)
        return protocol

    async def _secure(self, protocol: RemotingProtocol) -> None:
        """
        Wait for the TLS handshake.
        """
        try:
            await protocol.whenSecured()
        except CancelledError:
            protocol.abort()
            raise
        except Exception as e:
            raise handshakeError(protocol.address, e) from e

    async def _endpoint(self, address: str) -> IStreamClientEndpoint:
        """
        Find where an address leads, and what connects there.
        """
        host, port = self._place(address)
        proxy = self._settings.socks
        endpoint: IStreamClientEndpoint
        if proxy is None:
            endpoint = await self._direct(address, host, port)
        else:
            direct = await self._toProxy(proxy, address, host)
            endpoint = SocksEndpoint(direct, proxy, address, host, port)
        return endpoint if self._wrap is None else self._wrap(endpoint, host)

    async def _direct(
        self, address: str, host: str, port: int, anywhere: bool = False
    ) -> IStreamClientEndpoint:
        """
        What connects to an address without a proxy.

        @param anywhere: Whether it is one that only the settings name.
        """
        if self._settings.endpointFactory is not None:
            return self._settings.endpointFactory(self._reactor, host, port)
        return await self._tcp(address, host, port, anywhere)

    async def _toProxy(
        self, proxy: SocksProxy, address: str, host: str
    ) -> IStreamClientEndpoint:
        """
        What connects to the proxy that an address is reached through.
        """
        if self._settings.allowedAddresses and asIP(host) is None:
            raise ConnectFailed(
                address,
                "the SOCKS proxy would resolve this name, and allowedAddresses lets "
                "only addresses through",
            )
        try:
            return await self._direct(
                proxy.address, *parseAddress(proxy.address), anywhere=True
            )
        except ConnectFailed as e:
            raise proxyFailed(address, e) from e

    def _place(self, address: str) -> tuple[str, int]:
        """
        Find the host and the port where an address is reached.
        """
        addressMap = self._settings.addressMap
        if isinstance(addressMap, Mapping):
            mapped = addressMap.get(address, address)
        else:
            mapped = addressMap(address)
        try:
            host, port = parseAddress(mapped)
        except InvalidConfiguration as e:
            raise ConnectFailed(address, str(e)) from e
        ip = asIP(host)
        if ip is not None and not isAllowed(ip, self._settings.allowedAddresses):
            raise ConnectFailed(address, "connections to this address are not allowed")
        return host, port

    async def _tcp(
        self, address: str, host: str, port: int, anywhere: bool
    ) -> IStreamClientEndpoint:
        """
        What connects to an address, or to the first of a name's that answers.
        """
        ip = asIP(host)
        if ip is not None:
            kind = TCP4ClientEndpoint if ip.version == 4 else TCP6ClientEndpoint
            return kind(self._reactor, str(ip), port, _NO_TIMEOUT)
        found = await self._lookups.addresses(host)
        if not found:
            raise ResolveFailed(address, "the host name has no address")
        networks = self._settings.allowedAddresses
        allowed = [each for each in found if anywhere or isAllowed(each, networks)]
        if not allowed:
            raise ConnectFailed(
                address, "connections to what this name leads to are not allowed"
            )
        # Not by its name: the endpoint is stricter with names than resolvers are.
        resolved = Resolved(self._reactor, allowed)
        return HostnameEndpoint(resolved, str(allowed[0]), port, _NO_TIMEOUT)
