"""
One cluster as a Twisted service: its connections, its routes, its heartbeats.

Follows Java's C{MQClientInstance}, but for two things: nothing is shared between
clients, whatever their settings, and starting one opens nothing.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, TypeVar

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txrocketmq._deferreds import Deadline, within
from txrocketmq._identity import (
    clientIdOf,
    messageAddress,
    thisProcess,
    uniqueIds,
)
from txrocketmq._inbound import Inbound, Responder
from txrocketmq._membership import Membership
from txrocketmq._peers import Peers
from txrocketmq._readiness import brokersOf, nameServerSource, ready
from txrocketmq._remoting.connection import BrokerConnection
from txrocketmq._remoting.endpoints import Connector
from txrocketmq._remoting.pool import ConnectionPool
from txrocketmq._routing.nameserver import NameServerClient
from txrocketmq._routing.table import RouteTable
from txrocketmq._rpchooks import hooksOf
from txrocketmq._steady import clockFor, unwatch, watch
from txrocketmq._wire.command import RemotingCommand
from txrocketmq.errors import InvalidConfiguration, NotRunning, RocketMQError
from txrocketmq.interfaces import INameServers, IRPCHook
from txrocketmq.namespaces import wrap
from txrocketmq.settings import ClientSettings
from txrocketmq.stats import ClientStats

__all__ = ["MQClient"]

T = TypeVar("T")


class MQClient(Service):
    """
    The connections, routes and heartbeats of one cluster.

    It may be started again after it was stopped.  In a
    L{MultiService<twisted.application.service.MultiService>}, add it before
    those who use it: services stop in the opposite order.

    @ivar clientId: Who this client is to its brokers.

    @ivar clock: The clock of everything it does: nobody sets it.

    @ivar connector: What makes its connections.

    @ivar peers: What asks its servers.

    @ivar routes: The routes of all topics asked for.

    @ivar settings: The settings it was made with.

    @ivar owner: The process it belongs to: the child of a fork must not use its
        parent's sockets and ids.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        nameServers: str | Sequence[str] | INameServers,
        settings: ClientSettings | None = None,
        *,
        hooks: Sequence[IRPCHook] = (),
    ) -> None:
        """
        @param reactor: What connects and keeps time.

        @param nameServers: C{"host:port;host:port"}, a list of such addresses,
            or what finds them.

        @param hooks: L{IRPCHook}s, called in this order.

        @raise TypeError: When a hook is no L{IRPCHook}.

        @raise InvalidConfiguration: When an address or a setting cannot work.
        """
        self.settings = settings = settings or ClientSettings()
        self._vip = settings.vipChannelEnabled
        self.clock: IReactorTime = clockFor(reactor)
        self._random = random.Random()
        self._address = messageAddress(settings.clientIP)
        self.clientId = clientIdOf(settings, self._address, self._random)
        self.ids = uniqueIds(self._address, self._random)
        self.owner = thisProcess.pid
        self._inbound = Inbound()
        self._hooks = hooksOf(settings, hooks, self.clock)
        self.connector = Connector(reactor, self.clock, settings, self._inbound.respond)
        self._nameServers = NameServerClient(
            nameServerSource(nameServers),
            self._invoke,
            requestTimeout=settings.requestTimeout,
            random=self._random.random,
            serializeType=settings.serializeType,
        )
        self._membership = Membership(
            self.clock,
            self.clientId,
            settings,
            self._invoke,
            lambda: self.routes.masters(),
        )
        self._producers: list[Any] = []
        self._stopping: Deferred[None] | None = None
        self._renew()

    def startService(self) -> None:
        """
        Begin to keep routes and send heartbeats; open nothing yet.
        """
        if self.running:
            return
        self._renew()
        super().startService()  # type: ignore[no-untyped-call]  # Twisted's
        watch(self.clock)
        self.routes.start()
        self._membership.start()
        for producer in self._producers:
            producer.started()

    def stopService(self) -> Deferred[None]:
        """
        Let what is in flight end, say goodbye to the brokers, and close.

        @return: Fires when it is done, at the latest after C{stopTimeout}; what
            had not ended then has failed.  It does not fail.
        """
        if not self.running:
            return self._whenStopped()
        super().stopService()  # type: ignore[no-untyped-call]  # Twisted's
        deadline = Deadline.after(self.clock, self.settings.stopTimeout)
        self._stopping = Deferred.fromCoroutine(self._stop(deadline))
        return self._whenStopped()

    def whenReady(self, topic: str | None = None) -> Deferred[None]:
        """
        Wait until the cluster can be used.

        It waits as long as that takes.  With a topic, its route must be known and
        its brokers be connected.

        @return: Fires once a name server has answered.  It may fail with

            - L{NotRunning} when the client is not started, or is stopped

            - L{TopicNotFound} when there is no such topic
        """
        return Deferred.fromCoroutine(ready(self, self._nameServers, topic))

    def prefetch(self, topic: str, queueNums: int) -> None:
        """
        Fetch a topic's route before anybody needs it; a failure is logged.
        """
        wireTopic = wrap(self.settings.namespace, topic)
        self.routes.publishInfo(wireTopic, queueNums).addErrback(
            lambda reason: self._log.warn(
                "No route of {topic} yet: {error}",
                topic=topic,
                error=reason.getErrorMessage(),
            )
        )

    def stats(self) -> ClientStats:
        """
        A look at this client.
        """
        connections = self.pool.connections.values()
        return ClientStats(
            sum(connection.live is not None for connection in connections),
            self.pool.lateAnswers,
            self.routes.ages(),
            self._nameServers.current,
            self.clientId,
            tuple(sorted(self.routes.masters())),
            brokersOf(self),
        )

    def register(self, group: str, responder: Responder) -> None:
        """
        Give the requests of brokers that name a group to C{responder}.

        @param responder: Called as C{responder(address, command)}.  What it
            gives, a command or a Deferred of one, is the answer; L{None} is no
            answer.  An answer is made by C{command.response(...)}.

        @raise ValueError: When the group has a responder already.
        """
        self._inbound.register(group, responder)

    def __repr__(self) -> str:
        """
        Short enough for a log line.
        """
        state = "running" if self.running else "stopped"
        return f"<MQClient {self.clientId} {state}>"

    def sendAddress(self, master: str) -> str:
        """
        Where sends to a master go: two ports lower with the VIP channel.

        Follows C{MixAll.brokerVIPChannel}.
        """
        if not self._vip:
            return master
        host, _, port = master.rpartition(":")
        return f"{host}:{int(port) - 2}"

    def nameServers(self) -> tuple[str, ...]:
        """
        The addresses of the name servers, as they were known last.
        """
        return self._nameServers.addresses

    def refusal(self) -> RocketMQError | None:
        """
        Why nothing can be sent now, if nothing can.
        """
        if thisProcess.pid != self.owner:
            return InvalidConfiguration(
                "this client was made before a fork: make one in each process"
            )
        if self.running:
            return None
        return NotRunning(
            "the client is stopped" if self._stopping else "the client is not started"
        )

    def join(self, group: str, producer: Any) -> None:
        """
        Add a producer; brokers hear of its group at once.
        """
        self._membership.join(wrap(self.settings.namespace, group))
        self._producers.append(producer)
        self._membership.beat(self._connected())

    def leave(self, group: str, producer: Any, timeout: float) -> Deferred[None]:
        """
        Remove a producer, and tell brokers that its group is gone.
        """
        self._producers.remove(producer)
        return self._membership.leave(
            wrap(self.settings.namespace, group), self._connected(), timeout
        )

    def _renew(self) -> None:
        """
        Begin with no connection and no route.
        """
        self.pool = ConnectionPool(
            self.clock, self.connector.connect, self._connectionMade
        )
        self.peers = Peers(self.pool, self._hooks)
        self.routes = RouteTable(
            self.clock,
            self._nameServers,
            pollInterval=self.settings.pollNameServerInterval,
            changed=self._routesChanged,
        )

    def _invoke(
        self, address: str, command: RemotingCommand, timeout: float
    ) -> Deferred[RemotingCommand]:
        """
        Ask one of the peers of now.
        """
        return self.peers.invoke(address, command, timeout)

    def _connectionMade(self, connection: BrokerConnection) -> None:
        """
        Say who is here, if it is a master that is connected.
        """
        self.routes.news.tell(connection.address)
        if connection.address in self.routes.masters():
            self._membership.beat([connection.address])

    def _routesChanged(self) -> None:
        """
        Keep only the connections that routes and name servers still need.
        """
        self.pool.retain(self._needed())

    def _needed(self) -> set[str]:
        """
        The addresses connections may stay open to.
        """
        masters = self.routes.masters()
        return {*masters, *map(self.sendAddress, masters), *self._nameServers.addresses}

    def _connected(self) -> list[str]:
        """
        The masters there is a connection to.
        """
        connections = self.pool.connections
        return [
            address
            for address in sorted(self.routes.masters())
            if address in connections and connections[address].live is not None
        ]

    async def _stop(self, deadline: Deadline) -> None:
        """
        Drain, say goodbye, close; each within what is left of the time.
        """
        drained = DeferredList([p.drained() for p in self._producers])
        await within(self.clock, deadline.remaining, drained)
        for producer in list(self._producers):
            producer.stopped()
        self.routes.stop()
        self._membership.stop()
        timeout = min(max(deadline.remaining, 0.1), self.settings.requestTimeout)
        goodbye = self._membership.goodbye(self._connected(), timeout)
        await within(self.clock, timeout, goodbye)
        await within(self.clock, max(deadline.remaining, 0.1), self.pool.close())
        await within(self.clock, 0.1, self.pool.abort())
        unwatch(self.clock)

    def _whenStopped(self) -> Deferred[None]:
        """
        A Deferred of its own for each who waits for the stop.
        """
        if self._stopping is None or self._stopping.called:
            return succeed(None)
        waiter: Deferred[None] = Deferred()

        def tell(ended: T) -> T:
            waiter.callback(None)
            return ended

        self._stopping.addBoth(tell)
        return waiter
