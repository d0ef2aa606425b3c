"""
Many sends at once, in a process of their own: C{python -m tests.integration.scale
SCENARIO COUNT SETTINGS}, where the settings are those of the producer, as JSON.

The broker does not do its part; time is virtual.  What is printed, as JSON, is how
the sends ended and how much memory they took.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count
from pathlib import Path
from resource import getpagesize
from typing import Any

from twisted.internet.base import DelayedCall
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from tests.matrix.support import connectionsTo, deafen
from txrocketmq.message import Message, WhenFull
from txrocketmq.producer import Producer
from txrocketmq.settings import ProducerSettings
from txrocketmq.testing import MemoryCluster

SEND_TIMEOUT = 3.0
TURN = 0.05


class HeapClock(Clock):
    """
    A clock for very many calls: the usual one sorts them all for each new one.
    """

    def __init__(self) -> None:
        super().__init__()
        self._heap: list[tuple[float, int, DelayedCall]] = []
        self._count = count()
        self._live = 0

    def callLater(
        self, delay: float, callable: Any, *args: Any, **kw: Any
    ) -> DelayedCall:
        """
        Call something later.
        """
        call = DelayedCall(
            self.rightNow + delay,
            callable,
            args,
            kw,
            self._cancelled,
            self._put,
            self.seconds,
        )
        self._live += 1
        self._put(call)
        return call

    def getDelayedCalls(self) -> list[DelayedCall]:
        """
        What is still to be called.
        """
        return [call for _, _, call in self._heap if call.active()]

    def advance(self, amount: float) -> None:
        """
        Let time pass.
        """
        until = self.rightNow + amount
        while self._heap and self._heap[0][0] <= until:
            at, _, call = heappop(self._heap)
            if call.active() and call.getTime() > at:
                self._put(call)
            elif call.active():
                self.rightNow = max(self.rightNow, at)
                self._live -= 1
                call.called = 1
                call.func(*call.args, **call.kw)
        self.rightNow = until

    def _put(self, call: DelayedCall) -> None:
        """
        Take a call in, or in earlier.
        """
        heappush(self._heap, (call.getTime(), next(self._count), call))

    def _cancelled(self, call: DelayedCall) -> None:
        """
        Forget the cancelled ones when they are the most.
        """
        self._live -= 1
        if len(self._heap) > 2 * self._live + 100:
            self._heap = [entry for entry in self._heap if entry[2].active()]
            heapify(self._heap)


def gone(cluster: MemoryCluster) -> None:
    """
    Nobody listens at the broker's port any more; the name server has not noticed.
    """
    broker = cluster.sandbox.brokers["broker-a"]
    host, _, port = broker.address.rpartition(":")
    cluster.network.close(host, int(port))
    for client, _ in connectionsTo(cluster.network, broker.address):
        client.abortConnection()


def goneForAll(cluster: MemoryCluster) -> None:
    """
    The broker has died, and no route names it any more.
    """
    cluster.sandbox.brokers["broker-a"].setDown()


def allGone(cluster: MemoryCluster) -> None:
    """
    The broker has died, and the name server too.
    """
    gone(cluster)
    for nameServer in cluster.sandbox.nameServers:
        nameServer.setDown()


def swallowed(cluster: MemoryCluster) -> None:
    """
    No connection to the broker is made or refused any more.
    """
    gone(cluster)
    cluster.network.blackholes.add(cluster.sandbox.brokers["broker-a"].address)


def silent(cluster: MemoryCluster) -> None:
    """
    The broker takes connections, and all it is sent, and never answers.
    """
    network, broker = cluster.network, cluster.sandbox.brokers["broker-a"]
    join = network.join

    def joined(client: Any, server: Any, port: int) -> None:
        join(client, server, port)
        for _, end in connectionsTo(network, broker.address):
            deafen(end)

    network.join = joined  # type: ignore[method-assign]
    for _, end in connectionsTo(network, broker.address):
        deafen(end)


SCENARIOS: dict[str, Callable[[MemoryCluster], None]] = {
    each.__name__: each for each in (gone, goneForAll, allGone, swallowed, silent)
}
"""
What is wrong with the broker.
"""


class Many:
    """
    Many sends to a broker that does not do its part.

    @ivar late: How many seconds after its deadline the latest ended.

    @ivar early: How many seconds before it the earliest did.
    """

    def __init__(self, scenario: str, settings: dict[str, Any]) -> None:
        """
        @param settings: What the producer is made with.
        """
        if "whenFull" in settings:
            settings["whenFull"] = WhenFull[settings["whenFull"]]
        settings.setdefault("sendTimeout", SEND_TIMEOUT)
        self.clock = HeapClock()
        self.cluster = cluster = MemoryCluster(self.clock)
        cluster.result(cluster.sandbox.createTopic("T", queues=4))
        client = cluster.client()
        self.producer = Producer(client, "group", ProducerSettings(**settings))
        cluster.result(client.whenReady("T"))
        cluster.result(self.producer.send(Message("T", b"warm")))
        self._seconds = settings["sendTimeout"]
        self.sent: list[Deferred[Any]] = []
        self.ends: Counter[str] = Counter()
        self.late = self.early = 0.0
        self._deadline = 0.0
        SCENARIOS[scenario](cluster)
        cluster.flush()

    def run(self, sends: int) -> dict[str, Any]:
        """
        Send, and see how it ends.
        """
        note = self._note
        gc.collect()
        before = peak = _memory()
        worked = time.process_time()
        self._deadline = self.clock.seconds() + self._seconds
        for at in range(sends):
            # None is there twice, and each has one who is told of its end.
            sent = self.producer.send(Message("T", b"%d" % at))
            self.sent.append(sent.addBoth(note))
        refused, stats = sum(self.ends.values()), self.producer.stats()
        peak = max(peak, _memory())
        while self.producer.stats().inFlight:
            self.clock.advance(TURN)
            peak = max(peak, _memory())
        return {
            "refused": refused,
            "inFlight": stats.inFlight,
            "waiting": stats.waiting,
            "ends": dict(self.ends),
            "unended": sum(not each.called for each in self.sent),
            "late": self.late,
            "early": self.early,
            "memory": peak - before,
            "cpu": time.process_time() - worked,
        }

    def _note(self, outcome: Any) -> None:
        """
        Take note of how a send ended.
        """
        error = outcome.value if isinstance(outcome, Failure) else outcome
        persisted = getattr(error, "persisted", None)
        name = getattr(persisted, "name", "-")
        self.ends[f"{type(error).__name__} {name}"] += 1
        if type(error).__name__ != "TooManyInFlight":
            late = self.clock.seconds() - self._deadline
            self.late, self.early = max(self.late, late), max(self.early, -late)


def _memory() -> int:
    """
    The bytes this process has in memory.
    """
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * getpagesize()


if __name__ == "__main__":
    scenario, number, options = sys.argv[1:]
    ended = Many(scenario, json.loads(options)).run(int(number))
    sys.stdout.write(json.dumps(ended) + "\n")
