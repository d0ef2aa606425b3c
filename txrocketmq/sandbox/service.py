"""
The whole sandbox as one service.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import random as anyFraction
from typing import Any, ClassVar

import attrs
from msgspec.structs import replace
from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger
from twisted.python.failure import Failure

from txrocketmq._remoting.moment import Moment
from txrocketmq._wire.codes import SerializeType, SysFlag
from txrocketmq._wire.malformed import Malformed
from txrocketmq._wire.records import StoredMessage
from txrocketmq.compression import decompress
from txrocketmq.errors import InvalidConfiguration, NotRunning

from .broker import SandboxBroker
from .nameserver import SandboxNameServer
from .network import Connect, Listen, Network, connectTCP, listenTCP
from .settings import BrokerSettings
from .state import BrokerState
from .topics import TopicConfig

_MOST_DECOMPRESSED = 64 * 1024 * 1024
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Sandbox(Service):
    """
    Name servers and brokers in this process, for trying things out and for
    tests: the real protocol, on loopback, in memory.  Never for production:
    nothing is written to a disk, and nothing is ever forgotten.

    @ivar brokers: The brokers by name: C{broker-a}, C{broker-b}, ...

    @ivar nameServers: The name servers.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        reactor: Any,
        *,
        brokers: int = 1,
        nameServers: int = 1,
        port: int = 0,
        host: str = "127.0.0.1",
        autoCreateTopicEnable: bool | None = None,
        serializeType: SerializeType | None = None,
        credentials: Mapping[str, str] | None = None,
        tls: Any | None = None,
        settings: BrokerSettings = BrokerSettings(),  # noqa: B008  # it is frozen
        listen: Listen = listenTCP,
        connect: Connect = connectTCP,
        random: Callable[[], float] = anyFraction,
        wallClock: Callable[[], float] | None = None,
    ) -> None:
        """
        @param reactor: The clock, and what the endpoints are made with.

        @param brokers: How many brokers.

        @param nameServers: How many name servers.

        @param port: Where the first name server listens; 0 takes a free port.
            Everything else always takes free ones.

        @param host: The address all of them listen at.  With C{0.0.0.0} or
            C{::} routes name the loopback address all the same.

        @param autoCreateTopicEnable: Instead of that of the settings.

        @param serializeType: Instead of that of the settings.

        @param credentials: Instead of those of the settings.

        @param tls: What makes TLS connections of the servers' side, such as
            L{CertificateOptions<twisted.internet.ssl.CertificateOptions>} with
            a certificate.  Plain text is refused then.

        @param listen: What makes the endpoints to listen at.

        @param connect: What makes the endpoints to connect to.

        @param random: Gives numbers from 0 up to, but not including, 1.

        @param wallClock: Gives the seconds since 1970; L{None} takes the
            reactor's time for that.
        """
        given: dict[str, Any] = {
            "autoCreateTopicEnable": autoCreateTopicEnable,
            "serializeType": serializeType,
            "credentials": credentials,
        }
        changes = {name: value for name, value in given.items() if value is not None}
        self._settings = attrs.evolve(settings, **changes)
        self._network = Network(reactor, host, random, listen, connect, tls)
        self._ready: Moment[Sandbox] = Moment()
        self._ready.happen(_notRunning())
        self.nameServers = [
            SandboxNameServer(
                self._network, self._settings, 0 if index else port, self._announceAll
            )
            for index in range(nameServers)
        ]
        self.brokers = {
            name: self._broker(name, random, wallClock)
            for name in map(brokerName, range(brokers))
        }

    def _broker(
        self,
        name: str,
        random: Callable[[], float],
        wallClock: Callable[[], float] | None,
    ) -> SandboxBroker:
        """
        Make a broker.
        """
        state = BrokerState(
            self._network.clock, self._settings, name, random, wallClock
        )
        return SandboxBroker(self._network, state, self.nameServers)

    @property
    def nameServerAddresses(self) -> list[str]:
        """
        The name servers' addresses, as C{host:port}, once they are known.
        """
        return [each.address for each in self.nameServers if each.address]

    def startService(self) -> None:
        """
        Begin to listen; L{whenReady} tells when that is done.
        """
        super().startService()  # type: ignore[no-untyped-call]  # Twisted's
        self._network.warnUnlessLoopback()
        self._ready = Moment()
        Deferred.fromCoroutine(self._start()).addCallbacks(
            self._started,
            self._failed,
            callbackArgs=(self._ready,),
            errbackArgs=(self._ready,),
        )

    async def _start(self) -> None:
        """
        Bring everything up, the name servers first.
        """
        for server in (*self.nameServers, *self.brokers.values()):
            if self.running:
                await server.setUp()

    def _started(self, result: None, ready: Moment[Sandbox]) -> None:
        """
        Tell those who wait, unless it was stopped meanwhile.
        """
        if self.running and self._ready is ready:
            ready.happen(self)
        else:
            ready.happen(_notRunning())

    def _failed(self, reason: Failure, ready: Moment[Sandbox]) -> Deferred[None]:
        """
        Tell those who wait that a port was taken, and take the others back.
        """
        self._log.error("The sandbox cannot start: {reason}", reason=reason.value)
        ready.happen(reason)
        return self._setDown()

    def stopService(self) -> Deferred[None]:
        """
        Stop listening and drop all connections.  Messages stay; they are there
        if it is started again.

        @return: Fires when nothing of it is left on the reactor.
        """
        super().stopService()  # type: ignore[no-untyped-call]  # Twisted's
        self._ready.happen(_notRunning())
        return self._setDown()

    def _setDown(self) -> Deferred[None]:
        """
        Bring everything down, the brokers first.
        """
        servers = (*self.brokers.values(), *self.nameServers)
        down = [server.setDown() for server in servers]
        return gatherResults(down, consumeErrors=True).addCallback(lambda _: None)

    def whenReady(self) -> Deferred[Sandbox]:
        """
        Tell when everything listens and every broker is in the routes.

        @return: The sandbox itself.  It may fail with

            - L{CannotListenError<twisted.internet.error.CannotListenError>}
              when its port is taken

            - L{NotRunning} when it is stopped first, or was not started
        """
        return self._ready.when()

    def createTopic(self, name: str, queues: int = 4, perm: int = 6) -> Deferred[None]:
        """
        Make a topic on every broker, or change it.

        @param perm: 6 is read and write, 4 read only, 2 write only.

        @return: Fires when the name servers know.
        """
        config = TopicConfig(name, queues, queues, perm)
        told = [broker.createTopic(config) for broker in self.brokers.values()]
        return gatherResults(told).addCallback(lambda _: None)

    def messages(self, topic: str) -> list[StoredMessage]:
        """
        What consumers of a topic could read, by broker, queue and offset;
        bodies that were sent compressed are as they were before that.
        """
        return [
            decompressed(message)
            for name in sorted(self.brokers)
            for message in self.brokers[name].state.store.messages(topic)
        ]

    def _announceAll(self) -> Deferred[None]:
        """
        Have all brokers register again: a name server came up.
        """
        told = [broker.announce() for broker in self.brokers.values() if broker.isUp]
        return gatherResults(told).addCallback(lambda _: None)


def brokerName(index: int) -> str:
    """
    The name of a broker: C{broker-a}, C{broker-b}, ..., C{broker-z},
    C{broker-26}, ...
    """
    return f"broker-{_LETTERS[index] if index < len(_LETTERS) else index}"


def decompressed(message: StoredMessage) -> StoredMessage:
    """
    A message with the body its sender gave it, as consumers get it; one that
    cannot be decompressed is left as it is.
    """
    if not message.sysFlag & SysFlag.COMPRESSED:
        return message
    try:
        body = decompress(message.body, message.sysFlag, _MOST_DECOMPRESSED)
    except (Malformed, InvalidConfiguration):
        return message
    return replace(message, body=body, sysFlag=message.sysFlag & ~SysFlag.COMPRESSED)


def _notRunning() -> Failure:
    """
    Why nobody will be told that the sandbox is ready.
    """
    return Failure(NotRunning("the sandbox is not running"))
