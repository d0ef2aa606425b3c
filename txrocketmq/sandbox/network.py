"""
How the sandbox listens and connects: on loopback, or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_address
from typing import Any, ClassVar, TypeAlias

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import (
    TCP4ClientEndpoint,
    TCP4ServerEndpoint,
    TCP6ClientEndpoint,
    TCP6ServerEndpoint,
    wrapClientTLS,
)
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
)
from twisted.internet.ssl import CertificateOptions
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory

from txrocketmq._remoting.endpoints import Connector
from txrocketmq._remoting.protocol import Responder
from txrocketmq.settings import ClientSettings

Listen: TypeAlias = Callable[[Any, str, int], IStreamServerEndpoint]
"""
What makes an endpoint to listen at, of the reactor, a host and a port.
"""

Connect: TypeAlias = Callable[[Any, str, int], IStreamClientEndpoint]
"""
What makes an endpoint to connect to, of the reactor, a host and a port.
"""

# Below the range most systems take the ports of outgoing connections from: a
# client that connects to such a port while nobody listens may meet itself.
_FIRST_PORT = 12000
_LAST_PORT = 30000
_TRIES = 100

_LOOPBACKS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def listenTCP(reactor: Any, host: str, port: int) -> IStreamServerEndpoint:
    """
    An endpoint to listen at over TCP.
    """
    cls = TCP6ServerEndpoint if ":" in host else TCP4ServerEndpoint
    return cls(reactor, port, interface=host)


def connectTCP(reactor: Any, host: str, port: int) -> IStreamClientEndpoint:
    """
    An endpoint to connect to over TCP.
    """
    cls = TCP6ClientEndpoint if ":" in host else TCP4ClientEndpoint
    return cls(reactor, host, port)


def joined(host: str, port: int) -> str:
    """
    A host and a port as one text.
    """
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def hostOf(port: IListeningPort) -> tuple[str, int]:
    """
    The IP address and the port at which a port of ours can be reached.
    """
    address: Any = port.getHost()
    return reachable(address.host), address.port


def reachable(host: str) -> str:
    """
    What to call a host we listen at: nobody connects to all addresses at once.
    """
    return _LOOPBACKS.get(host, host)


def isLoopback(host: str) -> bool:
    """
    Tell whether only this machine can reach an address.
    """
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Network:
    """
    The one place where the sandbox makes endpoints.

    @ivar clock: Where its time comes from.

    @ivar host: The address its servers listen at.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        reactor: Any,
        host: str,
        random: Callable[[], float],
        listen: Listen = listenTCP,
        connect: Connect = connectTCP,
        tls: Any | None = None,
    ) -> None:
        """
        @param tls: What makes TLS connections of the servers' side, such as
            L{CertificateOptions<twisted.internet.ssl.CertificateOptions>}.
        """
        self.clock: IReactorTime = reactor
        self.host = host
        self._reactor = reactor
        self._random = random
        self._listen = listen
        self._connect = connect
        self._tls = tls

    def warnUnlessLoopback(self) -> None:
        """
        Say what it means to let others in.
        """
        if not isLoopback(self.host):
            self._log.warn(
                "The sandbox listens at {host}: whoever reaches it can read, write "
                "and delete everything in it",
                host=self.host,
            )

    def addressOf(self, port: int) -> str:
        """
        What clients call a port of ours.
        """
        return joined(reachable(self.host), port)

    def connector(self, respond: Responder) -> Connector:
        """
        What connects the servers of the sandbox to one another.

        @param respond: What answers if the other side asks something.
        """
        settings = ClientSettings(endpointFactory=self._endpoint)
        return Connector(self._reactor, self.clock, settings, respond)

    def _endpoint(self, reactor: Any, host: str, port: int) -> IStreamClientEndpoint:
        """
        An endpoint to connect to a server of ours.  Nobody's certificate is
        checked: the other end is in this process.
        """
        endpoint = self._connect(reactor, host, port)
        if self._tls is None:
            return endpoint
        return wrapClientTLS(CertificateOptions(), endpoint)

    def _wrapped(self, factory: IProtocolFactory) -> IProtocolFactory:
        """
        What makes a server's connections, with TLS if that is wanted.
        """
        if self._tls is None:
            return factory
        wrapped: IProtocolFactory = TLSMemoryBIOFactory(self._tls, False, factory)
        return wrapped

    def listen(
        self, factories: Sequence[IProtocolFactory], port: int
    ) -> Deferred[Sequence[IListeningPort]]:
        """
        Listen at as many ports as there are factories: the first at the port
        itself, the others two below the one before.

        @param port: Where; 0 takes free ones.

        @return: The ports.  It may fail with L{CannotListenError}.
        """
        return Deferred.fromCoroutine(self._listenAll(factories, port))

    async def _listenAll(
        self, factories: Sequence[IProtocolFactory], port: int
    ) -> Sequence[IListeningPort]:
        """
        The same, as a sequence.
        """
        if port:
            return await self._listenAt(factories, port)
        for candidate in self._candidates():
            try:
                return await self._listenAt(factories, candidate)
            except CannotListenError as e:
                refusal = e
        raise refusal

    def _candidates(self) -> Iterator[int]:
        """
        Ports that may be free.
        """
        for _ in range(_TRIES):
            yield _FIRST_PORT + int(self._random() * (_LAST_PORT - _FIRST_PORT))

    async def _listenAt(
        self, factories: Sequence[IProtocolFactory], port: int
    ) -> Sequence[IListeningPort]:
        """
        Listen at all ports, or at none.
        """
        ports: list[IListeningPort] = []
        try:
            for index, factory in enumerate(factories):
                endpoint = self._listen(self._reactor, self.host, port - 2 * index)
                ports.append(await endpoint.listen(self._wrapped(factory)))
        except CannotListenError:
            for each in ports:
                await maybeDeferred(each.stopListening)
            raise
        return ports
