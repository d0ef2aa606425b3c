"""
What can be seen of a client and its producers: snapshots, taken when asked for.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

__all__ = ["ClientStats", "ProducerStats"]


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
    """

    connections: int
    lateAnswers: int
    routeAge: Mapping[str, float]
    nameServer: str | None
    clientId: str
    brokers: tuple[str, ...]


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
    """

    inFlight: int
    inFlightBytes: int
    waiting: int
    sent: int
    failed: int
    attempts: int
    retries: int
