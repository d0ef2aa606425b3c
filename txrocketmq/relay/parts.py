"""
The pieces of one relay, and how they are put together.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from txrocketmq import Producer, SessionCredentials
from txrocketmq._spool import Forwarder, Spool
from txrocketmq.errors import RocketMQError
from txrocketmq.relay.admin import Admin
from txrocketmq.relay.adminsite import AdminSite
from txrocketmq.relay.certificates import Identity
from txrocketmq.relay.checking import checkSpool
from txrocketmq.relay.cluster import clientOf, keysOf, sandboxOf
from txrocketmq.relay.configuration import Configuration, Resolved
from txrocketmq.relay.desk import Desk
from txrocketmq.relay.draining import Drain
from txrocketmq.relay.front import Front
from txrocketmq.relay.limits import Limits
from txrocketmq.relay.listening import Doors
from txrocketmq.relay.material import Material
from txrocketmq.relay.shelf import Shelf
from txrocketmq.relay.site import RelaySite
from txrocketmq.relay.state import RelayState
from txrocketmq.relay.tally import Tally

LEAST = 1.0
"""
Seconds that what has not ended in time has to be told so.
"""


class Parts:
    """
    Everything there is in one relay, from its start to its stop.

    @ivar state: How it is.
    """

    _log = Logger()

    def __init__(self, reactor: Any, resolved: Resolved, material: Material) -> None:
        """
        @raise InvalidConfiguration: When a file has changed since it was checked.
        """
        configuration = resolved.configuration
        self._resolved = resolved
        self._keys = keysOf(material)
        self._sandbox = sandboxOf(reactor, configuration)
        self._client = clientOf(
            reactor, configuration, material, self._sandbox, self._keys
        )
        producer = Producer(
            self._client, configuration.group, material.producerSettings
        )
        tally = Tally()
        shelf = self._spooling(reactor, configuration, producer, tally)
        self.state = RelayState(
            reactor,
            tally,
            client=self._client,
            producer=producer,
            group=configuration.group,
            spool=self._spool,
            forwarder=self._forwarder,
        )
        limits = Limits(
            maxBody=configuration.maxBody,
            maxMessage=material.producerSettings.maxMessageSize,
        )
        self._desk = Desk(self._client.clock, producer, limits, tally)
        self._front = Front(
            self._desk,
            limits,
            shelf=shelf,
            tokens=material.tokens,
            ready=self.state.ready,
        )
        self._site = RelaySite(reactor, self._front, limits)
        self._adminSite = AdminSite(reactor, Admin(self.state))
        self._identities = {
            text: Identity(context) for text, context in material.contexts.items()
        }
        guarded = material.tokens is not None
        self._doors = Doors(reactor, material.places, self._identities, guarded)
        self._adminDoors = Doors(reactor, material.adminPlaces, self._identities, False)

    def _spooling(
        self,
        reactor: Any,
        configuration: Configuration,
        producer: Producer,
        tally: Tally,
    ) -> Shelf | None:
        """
        Make a spool and its forwarder, if there is to be one.
        """
        self._spool: Spool | None = None
        self._forwarder: Forwarder | None = None
        if configuration.spool is None:
            return None
        self._spool = Spool(
            reactor, configuration.spool, limit=configuration.spoolLimit
        )
        self._forwarder = Forwarder(reactor, self._spool, producer, tally)
        return Shelf(self._spool, self._client.ids.several, self._forwarder.wake)

    def bind(self) -> None:
        """
        Bind all ports; take no connections yet.

        @raise CannotStart: When one of them is taken.

        @raise UsageError: When the spool's directory is of no use.
        """
        checkSpool(self._resolved)
        self._doors.open(self._site)
        self._adminDoors.open(self._adminSite)

    async def start(self) -> None:
        """
        Start everything, and take connections when it is up.  It may fail with

            - L{SpoolError<txrocketmq.errors.SpoolError>} when the spool does not
              open
        """
        if self._sandbox is not None:
            self._log.warn("The cluster is a sandbox: what it stores ends with it")
            self._sandbox.startService()
        self._client.startService()
        self.state.start()
        if self._spool is not None:
            await self._spool.open()
        if self._forwarder is not None:
            self._forwarder.start()
        self._adminDoors.accept()
        self._doors.accept()

    async def whenConnected(self) -> None:
        """
        Note when the cluster is there; until then only a spool takes messages.
        """
        try:
            await self._client.whenReady()
        except (CancelledError, RocketMQError):
            return
        self.state.clientReady = True
        nameServer = self._client.stats().nameServer
        self._log.info("Connected to the cluster by {server}", server=nameServer)

    async def stop(self, drain: Drain, reserve: float) -> int | None:
        """
        Stop everything, from the top.

        @param reserve: Seconds to leave for the client.

        @return: How many messages stay in the spool; L{None} when nothing is left
            that was under way.
        """
        self.state.draining = True
        for closing in self._doors.close():
            await closing
        ended = await drain.wait(self._desk.drained(), reserve)
        if not ended:
            self._log.warn("Some requests had not ended in time")
        if self._forwarder is not None:
            await self._forwarder.stop(max(0.0, drain.remaining - reserve))
        await drain.wait(self._client.stopService(), least=LEAST)
        await drain.wait(self._site.close(), least=LEAST)
        stays = await self._closeSpool()
        await self._closeRest()
        return None if ended and not stays else stays

    def exchange(self, material: Material) -> None:
        """
        Put other credentials, tokens and certificates in place.
        """
        credentials = material.settings.credentials
        if self._keys is not None and isinstance(credentials, SessionCredentials):
            self._keys.credentials = credentials
        if self._resolvedTLS and material.wrap is not None:
            self._client.connector.secureWith(material.wrap)
        if self._resolved.configuration.tokenFile and material.tokens is not None:
            self._front.reload(material.tokens)
        for text, context in material.contexts.items():
            if text in self._identities:
                self._identities[text].context = context

    def status(self) -> str:
        """
        How things are, in some words.
        """
        words = "draining" if self.state.draining else self.state.ready()[1]
        if self._spool is None:
            return words
        counts = self._spool.counts
        return f"{words}; {counts.waiting} messages wait, {counts.refused} refused"

    def shownPlaces(self) -> str:
        """
        Where it listens, in words.
        """
        return ", ".join(self._doors.addresses)

    def shownPages(self) -> str:
        """
        Where the status page is, in words.
        """
        return ", ".join(self._adminDoors.links)

    @property
    def _resolvedTLS(self) -> bool:
        """
        Whether the client was made with TLS.
        """
        return self._client.settings.tls is not None

    async def _closeSpool(self) -> int:
        """
        Close the spool: what was handed over is kept before that.

        @return: How many messages stay in it.
        """
        if self._spool is None:
            return 0
        stays = self._spool.counts.waiting
        await self._spool.close()
        return stays

    async def _closeRest(self) -> None:
        """
        Close what others looked in by until now.
        """
        for closing in self._adminDoors.close():
            await closing
        self.state.stop()
        if self._sandbox is not None:
            stopping = self._sandbox.stopService()
            if stopping is not None:
                await stopping
