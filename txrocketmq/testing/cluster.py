"""
The sandbox without sockets, in virtual time.
"""

from __future__ import annotations

from random import Random
from typing import Any, TypeVar

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from txrocketmq.client import MQClient
from txrocketmq.sandbox import Sandbox
from txrocketmq.settings import ClientSettings

from .network import MemoryNetwork

T = TypeVar("T")

MOST_TURNS = 100_000
"""
So many turns of the clock without time passing mean that it never ends.
"""


class MemoryCluster:
    """
    A cluster whose network and time are in the hands of a test.

    Clients, brokers and name servers are the real ones and speak the real
    protocol; only sockets and seconds are not real.  Nothing happens until
    L{flush}, L{advance} or L{result} is called.

    @ivar clock: The time of everything here.

    @ivar network: The network of everything here.

    @ivar sandbox: The name servers and brokers.
    """

    def __init__(self, clock: Clock | None = None, **options: Any) -> None:
        """
        Bring the servers up.

        @param clock: Whose time it is; L{None} makes a clock.

        @param options: What L{Sandbox} takes: C{brokers=2} and the like.
        """
        self.clock = clock if clock is not None else Clock()
        self.network = MemoryNetwork(self.clock)
        self._clients: list[MQClient] = []
        options.setdefault("random", Random(0).random)
        self.sandbox = Sandbox(
            self.clock,
            listen=self.network.listenAt,
            connect=self.network.connectTo,
            **options,
        )
        self.sandbox.startService()
        self.result(self.sandbox.whenReady())

    def client(
        self, settings: ClientSettings | None = None, **options: Any
    ) -> MQClient:
        """
        A client of this cluster, started.

        @param settings: Its settings; how it connects is the cluster's business.

        @param options: What else L{MQClient} takes.
        """
        own = attrs.evolve(
            settings or ClientSettings(), endpointFactory=self.network.connectTo
        )
        client = MQClient(self.clock, self.sandbox.nameServerAddresses, own, **options)
        client.startService()
        self._clients.append(client)
        return client

    def flush(self) -> None:
        """
        Let everything happen that needs no time.
        """
        for _ in range(MOST_TURNS):
            if not self._due(0.0):
                return
            self.clock.advance(0)
        raise RuntimeError("the cluster never comes to rest")

    def advance(self, seconds: float) -> None:
        """
        Let time pass, and everything happen in its order.
        """
        until = self.clock.seconds() + seconds
        self.flush()
        while True:
            left = until - self.clock.seconds()
            due = self._due(left)
            if not due:
                break
            self.clock.advance(max(0.0, min(due) - self.clock.seconds()))
            self.flush()
        self.clock.advance(max(0.0, left))

    def result(self, deferred: Deferred[T], timeout: float = 60.0) -> T:
        """
        Let as much time pass as a Deferred needs, and give its result.

        @param timeout: The most seconds that may be.

        @raise Exception: What it fails with.

        @raise AssertionError: When it does not fire in that time.
        """
        ended: list[T | Failure] = []
        deferred.addBoth(ended.append)
        until = self.clock.seconds() + timeout
        self.flush()
        while not ended:
            due = self._due(until - self.clock.seconds())
            if not due:
                raise AssertionError(f"{deferred!r} has not fired in {timeout} s")
            self.clock.advance(max(0.0, min(due) - self.clock.seconds()))
            self.flush()
        outcome = ended[0]
        if isinstance(outcome, Failure):
            outcome.raiseException()
        return outcome

    def stop(self) -> None:
        """
        Stop all clients, then the servers; nothing of them is left on the clock.
        """
        for client in self._clients:
            self.result(client.stopService())
        self.result(self.sandbox.stopService())
        self.flush()

    def _due(self, seconds: float) -> list[float]:
        """
        The times of what is to happen within so many seconds.
        """
        until = self.clock.seconds() + seconds
        times = [call.getTime() for call in self.clock.getDelayedCalls()]
        return [time for time in times if time <= until]
