"""
The connections of one client.

Follows C{MQClientInstance.cleanOfflineBroker} in what it keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from random import random as anyFraction
from types import MappingProxyType

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime

from .connection import BrokerConnection, Connect, nobody


class ConnectionPool:
    """
    One L{BrokerConnection} for each address that is in use.
    """

    def __init__(
        self,
        clock: IReactorTime,
        connect: Connect,
        connected: Callable[[BrokerConnection], None] = nobody,
        *,
        random: Callable[[], float] = anyFraction,
    ) -> None:
        """
        @param connect: What makes connections.

        @param connected: Told each time one was made.

        @param random: Where the jitter of back-offs comes from.
        """
        self._clock = clock
        self._connect = connect
        self._connected = connected
        self._random = random
        self._connections: dict[str, BrokerConnection] = {}
        self._ending: set[BrokerConnection] = set()
        self._late = 0
        self._closed = False

    @property
    def connections(self) -> Mapping[str, BrokerConnection]:
        """
        The connections by address: a view.
        """
        return MappingProxyType(self._connections)

    @property
    def lateAnswers(self) -> int:
        """
        How many answers came for which nobody waited any more.
        """
        everyone = (*self._connections.values(), *self._ending)
        return self._late + sum(each.lateAnswers for each in everyone)

    def connection(self, address: str) -> BrokerConnection:
        """
        The connection to an address; a closed one after L{close}.
        """
        connection = self._connections.get(address)
        if connection is None:
            connection = BrokerConnection(
                address,
                self._connect,
                self._clock,
                connected=self._connected,
                random=self._random,
            )
            if self._closed:
                connection.close()
            else:
                self._connections[address] = connection
        return connection

    def retain(self, addresses: Collection[str]) -> None:
        """
        Give up the connections to all other addresses.  Requests that were
        made, or wait for a connection, still end as they would.
        """
        for address in self._connections.keys() - set(addresses):
            connection = self._connections.pop(address)
            self._ending.add(connection)
            connection.retire().addBoth(self._ended, connection)

    def close(self) -> Deferred[None]:
        """
        Close all connections.

        @return: Fires when none is open.  It may be called again.
        """
        self._closed = True
        everyone = (*self._connections.values(), *self._ending)
        return gatherResults([each.close() for each in everyone]).addCallback(
            lambda _: None
        )

    def abort(self) -> Deferred[None]:
        """
        Drop all connections at once.

        @return: Fires when none is open.
        """
        for each in (*self._connections.values(), *self._ending):
            each.abort()
        return self.close()

    def _ended(self, _: object, connection: BrokerConnection) -> None:
        """
        Forget a connection that was given up.
        """
        self._ending.remove(connection)
        self._late += connection.lateAnswers
