"""
Connections through a SOCKS5 proxy.

Law: what the proxy sends after its last word is the broker's, and none of it is
lost.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectingCancelledError
from twisted.internet.interfaces import (
    IAddress,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from txrocketmq.errors import ConnectFailed
from txrocketmq.settings import SocksProxy

from .proxytalk import ProxyRefused, Talk, talk
from .reasons import connectError

__all__ = ["SocksEndpoint", "proxyFailed"]


class _Tunnel(Protocol):
    """
    A connection to a proxy, and then through it.

    @ivar _user: The protocol that uses it, once there is a way through.

    @ivar _received: What the proxy has said and nobody has read yet.

    @ivar _wanted: How much of that is read next.
    """

    def __init__(
        self,
        spoken: Talk,
        factory: IProtocolFactory,
        address: Any,
        through: Deferred[IProtocol],
    ) -> None:
        """
        @param spoken: What is said to the proxy.

        @param factory: What makes the protocol that uses the connection.

        @param through: Fires with that protocol, or fails.
        """
        self._talk = spoken
        self._factory = factory
        self._address = address
        self._through = through
        self._user: IProtocol | None = None
        self._received = b""
        self._wanted = 0
        self._line: Any = None

    def makeConnection(self, transport: Any) -> None:
        """
        Begin to talk to the proxy.
        """
        self._line = transport
        self._go(lambda: next(self._talk))

    def dataReceived(self, data: bytes) -> None:
        """
        Hear the proxy out; what comes after that is not for us.
        """
        if self._user is not None:
            self._user.dataReceived(data)
            return
        self._received += data
        while self._wanted and len(self._received) >= self._wanted:
            heard = self._received[: self._wanted]
            self._received = self._received[self._wanted :]
            self._go(partial(self._talk.send, heard))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Tell whose connection it was.
        """
        if self._user is not None:
            self._user.connectionLost(reason)
        else:
            self._fail(ProxyRefused("it closed the connection"))

    def abort(self) -> None:
        """
        Drop the connection.
        """
        self._wanted = 0
        self._line.abortConnection()

    def _go(self, on: Callable[[], tuple[bytes, int]]) -> None:
        """
        Say the next thing, or be done.
        """
        try:
            words, self._wanted = on()
        except StopIteration:
            self._wanted = 0
            self._open()
        except ProxyRefused as error:
            self.abort()
            self._fail(error)
        else:
            self._line.write(words)

    def _open(self) -> None:
        """
        Let the protocol that was meant use the connection.
        """
        user = self._factory.buildProtocol(self._address)
        if user is None:
            self.abort()
            self._fail(ProxyRefused("nobody wants the connection any more"))
            return
        self._user = user
        rest, self._received = self._received, b""
        user.makeConnection(self._line)
        self._through.callback(user)
        if rest:
            user.dataReceived(rest)

    def _fail(self, error: Exception) -> None:
        """
        Say that there is no way through, if nobody knows yet.
        """
        if not self._through.called:
            self._through.errback(error)


class _Tunnels(Factory):
    """
    Makes the one connection to a proxy that is wanted.

    @ivar through: Fires with the protocol that uses it.
    """

    noisy = False

    def __init__(self, spoken: Talk, factory: IProtocolFactory) -> None:
        """
        @param factory: What makes the protocol that uses the connection.
        """
        self._talk = spoken
        self._factory = factory
        self._tunnel: _Tunnel | None = None
        self.through: Deferred[IProtocol] = Deferred(self._giveUp)

    def doStart(self) -> None:
        """
        Tell the factory that it is used.
        """
        self._factory.doStart()

    def doStop(self) -> None:
        """
        Tell the factory that it is no longer used.
        """
        self._factory.doStop()

    def buildProtocol(self, addr: IAddress | None) -> _Tunnel:
        """
        Make the tunnel.
        """
        self._tunnel = _Tunnel(self._talk, self._factory, addr, self.through)
        return self._tunnel

    def _giveUp(self, through: Deferred[IProtocol]) -> None:
        """
        Nobody waits any longer.
        """
        if self._tunnel is not None:
            self._tunnel.abort()


@implementer(IStreamClientEndpoint)
class SocksEndpoint:
    """
    A place that is reached through a proxy.
    """

    def __init__(
        self,
        endpoint: IStreamClientEndpoint,
        proxy: SocksProxy,
        address: str,
        host: str,
        port: int,
    ) -> None:
        """
        @param endpoint: Where the proxy is.

        @param address: What is reached through it, as errors name it.

        @param host: The same as the proxy is told.
        """
        self._endpoint = endpoint
        self._proxy = proxy
        self._address = address
        self._host = host
        self._port = port

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:
        """
        Connect through the proxy, however long that takes.

        @return: The protocol.  It may fail with L{ConnectFailed} and what is derived
            from it.
        """
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, protocolFactory: IProtocolFactory) -> IProtocol:
        """
        The same, step by step.
        """
        spoken = talk(self._host, self._port, self._proxy)
        tunnels = _Tunnels(spoken, protocolFactory)
        try:
            await self._endpoint.connect(tunnels)
            return await tunnels.through
        except (CancelledError, ConnectingCancelledError):
            raise
        except ProxyRefused as e:
            error = ConnectFailed(self._proxy.address, str(e))
            raise proxyFailed(self._address, error) from e
        except Exception as e:
            error = connectError(self._proxy.address, e)
            raise proxyFailed(self._address, error) from e


def proxyFailed(address: str, error: ConnectFailed) -> ConnectFailed:
    """
    The failure to reach an address, made of the failure to reach its proxy.
    """
    return type(error)(address, f"SOCKS proxy {error}")
