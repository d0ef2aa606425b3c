"""
Asking the servers of a cluster, with every hook around what is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from txrocketmq._circuits import Circuits
from txrocketmq._remoting.pool import ConnectionPool
from txrocketmq._remoting.protocol import RemotingProtocol
from txrocketmq._rpchooks import Hooks
from txrocketmq._wire.command import RemotingCommand

if TYPE_CHECKING:
    from txrocketmq.acl import SigningHook


class Peers:
    """
    The name servers and brokers of one client, by address.

    @ivar pool: The connections to them.
    """

    def __init__(self, pool: ConnectionPool, hooks: Hooks | None) -> None:
        """
        @param hooks: What is around each request; L{None} is nothing.
        """
        self.pool = pool
        self._hooks = hooks
        self._connections = pool.connections

    @property
    def hooked(self) -> bool:
        """
        Whether something is around each request.
        """
        return self._hooks is not None

    @property
    def circuits(self) -> Circuits | None:
        """
        The refusals of credentials that were met, where requests are signed.
        """
        return None if self._hooks is None else self._hooks.circuits

    @property
    def signing(self) -> SigningHook | None:
        """
        What signs each request, if anything does.
        """
        return None if self._hooks is None else self._hooks.signing

    @property
    def fixed(self) -> Mapping[str, str] | None:
        """
        What is added to the fields of each request beside its signature; L{None} if
        that cannot be known beforehand.
        """
        return {} if self._hooks is None else self._hooks.fixed

    def live(self, address: str) -> RemotingProtocol | None:
        """
        The connection to an address, if there is one.
        """
        connection = self._connections.get(address)
        return None if connection is None else connection.live

    def connect(self, address: str) -> Deferred[RemotingProtocol]:
        """
        The connection to an address, made if there is none.

        @return: It fails as C{BrokerConnection.protocol} does.
        """
        return self.pool.connection(address).protocol()

    def invoke(
        self,
        address: str,
        command: RemotingCommand,
        timeout: float,
        most: float = -inf,
    ) -> Deferred[RemotingCommand]:
        """
        Ask an address, connecting first if need be.

        @param most: See L{Waiting<txrocketmq._remoting.waiters.Waiting>}.

        @return: The answer, whatever its code; it fails as
            C{BrokerConnection.invoke} does, and as hooks do.
        """
        connection = self.pool.connection(address)
        if self._hooks is None:
            return connection.invoke(command, timeout, most)
        return self._hooks.around(
            address, command, lambda hooked: connection.invoke(hooked, timeout, most)
        )

    def oneway(
        self, address: str, command: RemotingCommand, timeout: float
    ) -> Deferred[None]:
        """
        Tell an address something that is not answered.
        """
        connection = self.pool.connection(address)
        if self._hooks is None:
            return connection.oneway(command, timeout)
        return self._hooks.before(
            address, command, lambda hooked: connection.oneway(hooked, timeout)
        )
