"""
The relay as a service: what it starts, and in which order it stops.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from zope.interface import implementer

from txrocketmq import ClientSettings, MQClient, Producer, ProducerSettings
from txrocketmq.errors import RocketMQError
from txrocketmq.interfaces import INameServers
from txrocketmq.relay.bodies import RelaySite
from txrocketmq.relay.desk import Desk
from txrocketmq.relay.front import Front
from txrocketmq.relay.listening import Doors
from txrocketmq.sandbox import Sandbox


@implementer(INameServers)
class SandboxNameServers:
    """
    The name servers of a sandbox, whose ports are known when it is ready.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        """
        @param sandbox: Whose they are.
        """
        self._sandbox = sandbox

    def addresses(self) -> Deferred[Sequence[str]]:
        """
        Where they are.
        """
        ready = self._sandbox.whenReady()
        return ready.addCallback(lambda sandbox: sandbox.nameServerAddresses)


class Relay(Service):
    """
    Takes messages over HTTP and sends them to one cluster.

    It starts from the bottom (cluster, client, listeners) and stops from the top:
    no new requests, then those under way, then the client with its connections,
    then the sandbox, where there is one.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        nameServers: Sequence[str] | None,
        clientSettings: ClientSettings,
        group: str,
        producerSettings: ProducerSettings,
        endpoints: Sequence[str],
        warnings: Sequence[str] = (),
    ) -> None:
        """
        @param nameServers: The cluster; L{None} makes a sandbox.

        @param group: The producer group.

        @param endpoints: Where to listen, as endpoint strings.

        @param warnings: What to log at the start.

        @raise InvalidConfiguration: When a setting cannot work.
        """
        self._sandbox: Sandbox | None = None
        source: Sequence[str] | SandboxNameServers
        if nameServers is None:
            self._sandbox = Sandbox(reactor, wallClock=time.time)
            source = SandboxNameServers(self._sandbox)
        else:
            source = nameServers
        self._client = MQClient(reactor, source, clientSettings)
        producer = Producer(self._client, group, producerSettings)
        self._desk = Desk(producer)
        self._site = RelaySite(
            reactor, Front(self._desk), producerSettings.maxMessageSize
        )
        self._doors = Doors(reactor, endpoints)
        self._warnings = warnings
        self._readying: Deferred[None] | None = None

    def privilegedStartService(self) -> None:
        """
        Listen while there may still be a right to ports below 1024.

        @raise CannotListen: When one of the endpoints is taken.
        """
        self._doors.open(self._site)

    def startService(self) -> None:
        """
        Begin to take requests.

        @raise CannotListen: When one of the endpoints is taken.
        """
        self._doors.open(self._site)
        for warning in self._warnings:
            self._log.warn("{text}", text=warning)
        super().startService()  # type: ignore[no-untyped-call]
        if self._sandbox is not None:
            self._sandbox.startService()
        self._client.startService()
        self._readying = self._client.whenReady().addCallbacks(
            self._ready, self._notReady
        )

    def stopService(self) -> Deferred[None]:
        """
        Take no more requests, end those under way, and close everything.

        @return: Fires when that is done.
        """
        super().stopService()  # type: ignore[no-untyped-call]
        if self._readying is not None:
            self._readying.cancel()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        """
        Close everything, from the top.
        """
        for closing in self._doors.close():
            await closing
        await self._desk.drained()
        await self._client.stopService()
        if self._sandbox is not None:
            stopping = self._sandbox.stopService()
            if stopping is not None:
                await stopping
        self._log.info("drained")

    def _ready(self, _: None) -> None:
        """
        The cluster is there.
        """
        self._desk.ready = True
        self._log.info("Connected to the cluster: {client}", client=self._client)

    def _notReady(self, failure: Any) -> None:
        """
        The cluster was not there before we were told to stop.
        """
        failure.trap(CancelledError, RocketMQError)
