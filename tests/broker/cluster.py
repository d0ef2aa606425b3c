"""
A RocketMQ cluster of real processes on loopback, to be broken and mended.

    1. Everything here blocks.  A test whose own client is in the same process
       calls it by C{deferToThread}.

    2. A method that changes the cluster returns when the change can be seen:
       a broker that was started is in the answers of every name server.

    3. L{Cluster.stop} ends exactly the processes the cluster started; if we
       die before, they end by themselves (see L{servers<tests.broker.servers>}).

SIGKILL takes nothing from a store: the commit log is memory mapped, and what a
broker has acknowledged is in the kernel's pages, which outlive the process.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from . import commands, configuration
from .ports import freePort
from .servers import Server

_START_TIMEOUT = 90.0
_CHANGE_TIMEOUT = 15.0
_POLL = 0.05
_NUDGE_AFTER = 0.2
_NUDGE_INTERVAL = 1.0


class NotSeen(Exception):
    """
    A change of the cluster did not show in time.
    """


class Protection(NamedTuple):
    """
    What keeps others out of a cluster.

    @ivar access: What lets us in.

    @ivar flags: For the servers' JVMs.

    @ivar prepare: Puts what they need into the directory of each; that is
        where they are started, too.
    """

    access: commands.Access
    flags: Sequence[str]
    prepare: Callable[[Path], None]


NO_PROTECTION = Protection(commands.OPEN, (), lambda directory: None)


class Cluster:
    """
    Name servers and brokers of one release.

    @ivar version: The release.

    @ivar nameServers: The name servers, started or killed.

    @ivar brokers: The brokers, started or killed, by C{brokerName}.
    """

    def __init__(
        self,
        version: str,
        *,
        nameServers: int = 1,
        brokers: Iterable[str] = ("broker-a",),
        overrides: Mapping[str, str] | None = None,
        protection: Protection = NO_PROTECTION,
    ) -> None:
        self.version = version
        self._protection = protection
        self._access = protection.access
        self._overrides = dict(overrides or {})
        self._directory = Path(tempfile.mkdtemp(prefix="txrocketmq-cluster-"))
        self.nameServers = [self._nameServer(i) for i in range(nameServers)]
        self.brokers = {name: self._broker(name) for name in brokers}

    @property
    def nameServerAddress(self) -> str:
        """
        What a client is given: all name servers, killed ones as well.
        """
        return ";".join(server.address for server in self.nameServers)

    def start(self) -> None:
        """
        Start everything at once and wait until all is registered.

        @raise NotStarted: A server did not come up.

        @raise NotSeen: A broker did not register.
        """
        try:
            self._start(*self.nameServers, *self.brokers.values())
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """
        End every process and remove all files.
        """
        for server in (*self.brokers.values(), *self.nameServers):
            server.kill()
        shutil.rmtree(self._directory, ignore_errors=True)

    def createTopic(
        self, topic: str, queues: int = 4, brokers: Iterable[str] | None = None
    ) -> None:
        """
        Create a topic, or change how many queues it has.

        @param brokers: The brokers it shall be on, by default all that run.

        @raise NotSeen: The routes do not show it.
        """
        names = set(brokers if brokers is not None else self._running())
        for name in names:
            commands.createTopic(
                self.brokers[name].address, topic, queues, self._access
            )

        def routed(nameServer: str) -> bool:
            route = commands.routedQueues(nameServer, topic, self._access)
            return all(route.get(name) == queues for name in names)

        self._await(f"topic {topic}", routed, _CHANGE_TIMEOUT)

    def addBroker(self, name: str) -> None:
        """
        Start one broker more.
        """
        self.brokers[name] = self._broker(name)
        self._start(self.brokers[name])

    def removeBroker(self, name: str) -> None:
        """
        Kill a broker for good.
        """
        self.killBroker(name)
        del self.brokers[name]

    def killBroker(self, name: str) -> None:
        """
        End a broker by SIGKILL; its store stays.
        """
        self.brokers[name].kill()

    def restartBroker(self, name: str) -> None:
        """
        Start a killed broker again, on the same port and store.
        """
        self._start(self.brokers[name])

    def killNameServer(self, index: int) -> None:
        """
        End a name server by SIGKILL.
        """
        self.nameServers[index].kill()

    def restartNameServer(self, index: int) -> None:
        """
        Start a killed name server again, on the same port.
        """
        self._start(self.nameServers[index])

    def _nameServer(self, index: int) -> Server:
        """
        Prepare a name server.
        """
        server = self._server(f"nameServer-{index}", (0,))
        settings = configuration.nameServerSettings(
            server.settingsFile.parent, server.port
        )
        configuration.writeSettings(server.settingsFile, settings)
        server.configure(
            self.version,
            configuration.NAME_SERVER,
            (*configuration.NAME_SERVER_MEMORY, *self._protection.flags),
        )
        return server

    def _broker(self, name: str) -> Server:
        """
        Prepare a broker.
        """
        server = self._server(name, (-2, 0, 1))
        settings = configuration.brokerSettings(
            server.settingsFile.parent,
            name,
            server.port,
            self.nameServerAddress,
            self._overrides,
        )
        configuration.writeSettings(server.settingsFile, settings)
        self._configureBroker(
            server, (*configuration.BROKER_MEMORY, *self._protection.flags)
        )
        return server

    def _configureBroker(self, server: Server, flags: Sequence[str]) -> None:
        """
        Settle how a broker is started.
        """
        server.configure(self.version, configuration.BROKER, flags)

    def _server(self, name: str, ports: Iterable[int]) -> Server:
        """
        Give a server its port and its directory.
        """
        server = Server(name, freePort(ports), self._directory / name)
        self._protection.prepare(server.settingsFile.parent)
        return server

    def _start(self, *servers: Server) -> None:
        """
        Start some servers and wait until every running broker is registered.
        """
        deadline = time.monotonic() + _START_TIMEOUT
        for server in servers:
            server.start()
        for server in servers:
            server.awaitBoot(deadline)
        wanted = self._running()
        booted = nudged = time.monotonic()

        def registered(nameServer: str) -> bool:
            nonlocal nudged
            if wanted <= commands.brokerNames(nameServer, self._access):
                return True
            now = time.monotonic()
            if now - booted > _NUDGE_AFTER and now - nudged > _NUDGE_INTERVAL:
                nudged = now
                for name in wanted:
                    commands.registerNow(self.brokers[name].address, self._access)
            return False

        nudged -= _NUDGE_INTERVAL
        self._await(f"registration of {sorted(wanted)}", registered, deadline - booted)

    def _running(self) -> set[str]:
        """
        The names of the brokers that run.
        """
        return {name for name, broker in self.brokers.items() if broker.running}

    def _await(self, what: str, shown: Callable[[str], bool], timeout: float) -> None:
        """
        Wait until every running name server shows something.
        """
        deadline = time.monotonic() + timeout
        for server in self.nameServers:
            while server.running:
                with contextlib.suppress(OSError, commands.Refused):
                    if shown(server.address):
                        break
                if time.monotonic() > deadline:
                    raise NotSeen(f"{what} at {server.name}")
                time.sleep(_POLL)
