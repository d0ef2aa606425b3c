"""
What can be seen of a client and its producers: snapshots, taken when asked for.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

__all__ = ["BrokerStats", "ClientStats", "ProducerStats"]


class BrokerStats(msgspec.Struct, frozen=True):
    """
    A look at a broker that routes name: at its master.

    @ivar brokerName: Its name.

    @ivar address: Where it takes sends.

    @ivar connected: Whether a connection is open.

    @ivar failures: How many attempts to connect have failed since one succeeded.

    @ivar failure: Why the last one has, if it has.
    """

    brokerName: str
    address: str
    connected: bool
    failures: int = 0
    failure: str | None = None


class ClientStats(msgspec.Struct, frozen=True):
    """
    A look at a client.

    @ivar connections: How many connections are open.

    @ivar lateAnswers: How many answers came after nobody waited for them.

    @ivar routeAge: For each topic, seconds since a name server confirmed its
        route.

    @ivar nameServer: The name server in use, if there is one.

    @ivar clientId: Who this client is to its brokers.

    @ivar brokers: The addresses of the masters that routes name.

    @ivar masters: The masters of the brokers there are queues at, by name.
    """

    connections: int
    lateAnswers: int
    routeAge: Mapping[str, float]
    nameServer: str | None
    clientId: str
    brokers: tuple[str, ...]
    masters: tuple[BrokerStats, ...] = ()


class ProducerStats(msgspec.Struct, frozen=True):
    """
    A look at a producer.  The counts are those since the client was started.

    @ivar inFlight: How many sends hold a place.

    @ivar inFlightBytes: The bytes of their bodies.

    @ivar waiting: How many sends wait for a place.

    @ivar sent: How many ended with a result.

    @ivar failed: How many ended otherwise.

    @ivar attempts: How many tries there were at brokers.

    @ivar retries: How many of them were not a send's first.

    @ivar isolated: The names of the brokers that first tries leave out now, as
        sends to them failed.
    """

    inFlight: int
    inFlightBytes: int
    waiting: int
    sent: int
    failed: int
    attempts: int
    retries: int
    isolated: tuple[str, ...] = ()
