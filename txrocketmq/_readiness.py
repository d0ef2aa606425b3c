"""
Where a cluster is found, when it can be used, and which brokers it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from twisted.internet.defer import gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from txrocketmq._remoting.endpoints import parseNameServers
from txrocketmq._remoting.pool import ConnectionPool
from txrocketmq._routing.nameserver import FixedNameServers, NameServerClient
from txrocketmq._routing.table import DEFAULT_TOPIC, RouteTable
from txrocketmq.errors import (
    ConnectFailed,
    NoNameServer,
    NoWritableQueue,
    RocketMQError,
    TopicNotFound,
)
from txrocketmq.interfaces import INameServers
from txrocketmq.namespaces import wrap
from txrocketmq.settings import ClientSettings
from txrocketmq.stats import BrokerStats

READY_PAUSE = 0.5
"""
Seconds between two looks at a cluster that is not ready.
"""

DEFAULT_QUEUES = 4

_log = Logger()


class Cluster(Protocol):
    """
    What is looked at.
    """

    clock: IReactorTime
    routes: RouteTable
    pool: ConnectionPool
    settings: ClientSettings

    def refusal(self) -> RocketMQError | None:
        """
        Why nothing can be sent now, if nothing can.
        """

    def sendAddress(self, master: str) -> str:
        """
        Where sends to a master go.
        """


async def ready(
    cluster: Cluster, nameServers: NameServerClient, topic: str | None
) -> None:
    """
    Look again and again until a cluster, or a topic of it, can be used.
    """
    while True:
        refusal = cluster.refusal()
        if refusal is not None:
            raise refusal
        try:
            await _looked(cluster, nameServers, topic)
            return
        except (NoNameServer, NoWritableQueue, ConnectFailed) as error:
            _log.debug("Not ready: {error}", error=str(error))
        await deferLater(cluster.clock, READY_PAUSE)


async def _looked(
    cluster: Cluster, nameServers: NameServerClient, topic: str | None
) -> None:
    """
    See whether a cluster is ready.
    """
    if topic is None:
        try:
            await nameServers.route(DEFAULT_TOPIC)
        except TopicNotFound:
            # That is an answer, and an answer is what was wanted.
            return
        return
    wireTopic = wrap(cluster.settings.namespace, topic)
    info = await cluster.routes.publishInfo(wireTopic, DEFAULT_QUEUES)
    addresses = sorted(set(info.masters.values()))
    connected = [cluster.pool.connection(address).protocol() for address in addresses]
    await gatherResults(connected, consumeErrors=True)


def brokersOf(cluster: Cluster) -> tuple[BrokerStats, ...]:
    """
    The brokers there are queues at, and how they can be reached.
    """
    infos = map(cluster.routes.known, cluster.routes.topics())
    named = {pair for info in infos if info for pair in info.masters.items()}
    return tuple(_broker(cluster, *pair) for pair in sorted(named))


def _broker(cluster: Cluster, brokerName: str, master: str) -> BrokerStats:
    """
    What is known of a broker.
    """
    address = cluster.sendAddress(master)
    connection = cluster.pool.connections.get(address)
    if connection is None:
        return BrokerStats(brokerName, address, False)
    failures, failure = connection.failures, connection.failure
    why = str(failure) if failures and failure is not None else None
    live = connection.live is not None
    return BrokerStats(brokerName, address, live, failures, why)


def nameServerSource(nameServers: Any) -> INameServers:
    """
    What finds the name servers a client was given.

    @raise TypeError: When it is nothing that could.

    @raise InvalidConfiguration: When an address is none.
    """
    if isinstance(nameServers, str | Sequence):
        return FixedNameServers(parseNameServers(nameServers))
    if INameServers.providedBy(nameServers):
        return nameServers
    raise TypeError(
        "nameServers must be 'host:port;host:port', a list of addresses or provide "
        f"INameServers, not {type(nameServers).__name__}"
    )
