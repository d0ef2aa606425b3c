"""
A relay with everything but its front door, on a cluster in this process.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from twisted.internet.defer import DeferredList
from twisted.internet.task import LoopingCall, deferLater
from twisted.python.failure import Failure

from txrocketmq import ClientSettings, Message, MQClient, Producer, ProducerSettings
from txrocketmq._spool import Forwarder, Spool, SpoolEntry
from txrocketmq.relay.admin import Admin
from txrocketmq.relay.adminsite import AdminSite
from txrocketmq.relay.cluster import SandboxNameServers
from txrocketmq.relay.lag import LagSampler
from txrocketmq.relay.reasons import reasonOf
from txrocketmq.relay.state import RelayState
from txrocketmq.relay.tally import Tally
from txrocketmq.sandbox import Sandbox

TOPIC = "Orders"
TICK = 0.02


class Punctual(LagSampler):
    """
    Never late: how busy this machine is must not show on the page.
    """

    def start(self) -> None:
        """
        Do not look.
        """


class Stage:
    """
    Everything there is to see, and hands to make it happen.

    @ivar address: Where the page is.
    """

    def __init__(
        self,
        reactor: Any,
        directory: Path,
        *,
        brokers: int = 3,
        spooling: bool = True,
        limit: int = 64 << 20,
        sendTimeout: float = 10.0,
        group: str = "orders",
    ) -> None:
        """
        @param directory: Where the spool is to be.
        """
        self._reactor = reactor
        self.sandbox = Sandbox(reactor, brokers=brokers, wallClock=time.time)
        nameServers = SandboxNameServers(self.sandbox)
        self.client = MQClient(reactor, nameServers, ClientSettings(stopTimeout=1.0))
        settings = ProducerSettings(sendTimeout=sendTimeout)
        self.producer = Producer(self.client, group, settings)
        self.tally = Tally()
        self.spool: Spool | None = None
        self.forwarder: Forwarder | None = None
        if spooling:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.spool = Spool(reactor, str(directory), limit=limit)
            self.forwarder = Forwarder(reactor, self.spool, self.producer, self.tally)
        self.state = RelayState(
            reactor,
            self.tally,
            client=self.client,
            producer=self.producer,
            group=group,
            spool=self.spool,
            forwarder=self.forwarder,
        )
        self.state.lag = Punctual(reactor)
        self._site = AdminSite(reactor, Admin(self.state))
        self._port: Any = None
        self._load: LoopingCall | None = None
        self._sends: set[Any] = set()
        self.address = ""

    async def start(self) -> None:
        """
        Start everything.
        """
        self.sandbox.startService()
        await self.sandbox.whenReady()
        self.client.startService()
        if self.spool is not None and self.forwarder is not None:
            await self.spool.open()
            self.forwarder.start()
        await self.client.whenReady()
        self.state.clientReady = True
        self.state.start()
        self.listen()

    def listen(self, port: int = 0) -> None:
        """
        Answer.
        """
        site: Any = self._site
        self._port = self._reactor.listenTCP(port, site, interface="127.0.0.1")
        self.address = f"http://127.0.0.1:{self._port.getHost().port}/"

    async def hide(self) -> None:
        """
        Answer no more, as a process that was killed.
        """
        port, self._port = self._port, None
        if port is not None:
            await port.stopListening()
        self._site.close()

    async def stop(self) -> None:
        """
        Stop everything.
        """
        self.rest()
        await self.hide()
        await DeferredList(list(self._sends))
        self.state.stop()
        if self.forwarder is not None:
            await self.forwarder.stop(0.0)
        await self.client.stopService()
        if self.spool is not None:
            await self.spool.close()
        await self.sandbox.stopService()

    def work(self, rate: int, *, spooling: bool = False) -> None:
        """
        Take so many messages a second.

        @param spooling: For the spool.
        """
        self.rest()
        # Not so often that a turn would have less than one.
        tick = max(TICK, 1 / rate)
        most = round(rate * tick)
        loop = LoopingCall.withCount(lambda count: self._tick(count * most, spooling))
        loop.clock = self._reactor
        self._load = loop
        loop.start(tick)

    def rest(self) -> None:
        """
        Take no more messages.
        """
        loop, self._load = self._load, None
        if loop is not None and loop.running:
            loop.stop()

    async def wait(self, seconds: float) -> None:
        """
        Let time pass.
        """
        await deferLater(self._reactor, seconds)

    def _tick(self, count: int, spooling: bool) -> None:
        """
        Take some messages.
        """
        for _ in range(count):
            self.take(spooling=spooling)

    def take(self, topic: str = TOPIC, *, spooling: bool = False) -> None:
        """
        Take a message.
        """
        message = Message(topic, b"x" * 400)
        if spooling:
            self.keep(message)
            return
        self.tally.accepted("broker", 1, len(message.body))
        began = time.monotonic()
        sending = self.producer.send(message)
        self._sends.add(sending)
        sending.addCallbacks(
            lambda result: self.tally.stored(
                time.monotonic() - began, len(result.attempts)
            ),
            lambda reason: self._failed(reason, time.monotonic() - began),
        ).addBoth(lambda _: self._sends.discard(sending))

    def keep(self, message: Message) -> None:
        """
        Put a message into the spool.
        """
        assert self.spool is not None
        keeping = self.spool.append([SpoolEntry(message, self.client.ids.next())])
        self._sends.add(keeping)
        keeping.addCallbacks(lambda _: self._kept(message), self._unkept)
        keeping.addBoth(lambda _: self._sends.discard(keeping))

    def _kept(self, message: Message) -> None:
        """
        Count a message that was kept, and have it forwarded.
        """
        assert self.forwarder is not None
        self.tally.accepted("spool", 1, len(message.body))
        self.tally.answered(202)
        self.forwarder.wake()

    def _failed(self, reason: Failure, seconds: float) -> None:
        """
        Count a failed send.
        """
        error: Any = reason.value
        label, _ = reasonOf(error)
        self.tally.failed(label, seconds, 1, error.persisted.name)
        self.tally.answered(503)

    def _unkept(self, reason: Failure) -> None:
        """
        Count a message that was not kept.
        """
        label, _ = reasonOf(reason.value)
        self.tally.failed(label, 0.0, 0, "NO")
        self.tally.answered(507)
