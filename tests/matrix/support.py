"""
A cluster in memory whose network can lose things, and what all tests of the
matrix look at.
"""

from __future__ import annotations

import random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from tests.sending.support import ClusterTestCase
from txrocketmq._wire.codes import RequestCode
from txrocketmq.errors import SendFailed
from txrocketmq.message import Persisted, SendResult
from txrocketmq.producer import Producer
from txrocketmq.sandbox import SandboxBroker
from txrocketmq.testing.network import MemoryNetwork
from txrocketmq.testing.transport import MemoryTransport

NO, MAYBE, YES = Persisted.NO, Persisted.MAYBE, Persisted.YES
SEND = RequestCode.SEND_MESSAGE_V2
TICK = 0.01
"""
What "in time" allows: a turn of a reactor.
"""


class Ends:
    """
    How sends end, and when.

    @ivar of: For each send its ends, each with the time: one, if all is well.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.of: list[list[tuple[float, SendResult | Failure]]] = []

    def watch(self, sent: Deferred[SendResult]) -> Deferred[SendResult]:
        """
        Note how a send ends.
        """
        ends: list[tuple[float, SendResult | Failure]] = []
        self.of.append(ends)
        sent.addBoth(lambda end: ends.append((self._clock.seconds(), end)))
        return sent

    @property
    def all(self) -> list[SendResult | Failure]:
        """
        All ends, in the order of the sends.
        """
        return [end for ends in self.of for _, end in ends]

    @property
    def results(self) -> list[SendResult]:
        """
        Of those sends that were stored.
        """
        return [end for end in self.all if not isinstance(end, Failure)]

    @property
    def errors(self) -> list[Any]:
        """
        Of those sends that failed.
        """
        return [end.value for end in self.all if isinstance(end, Failure)]


def portOf(address: str) -> int:
    """
    The port of a C{host:port}.
    """
    return int(address.rpartition(":")[2])


def connectionsTo(
    network: MemoryNetwork, address: str
) -> list[tuple[MemoryTransport, MemoryTransport]]:
    """
    The open connections to an address: the client's end and the server's.
    """
    return [
        pair
        for pair in network.connections
        if pair[0].connected and pair[0].getPeer().port == portOf(address)
    ]


def deafen(*ends: MemoryTransport) -> None:
    """
    Lose all bytes that arrive at these ends from now on, and how the connection
    ends: as a network does that drops packets.
    """
    for end in ends:
        end._receive = _lost  # type: ignore[method-assign]
        end.peer._end = _onlyHere(end.peer)  # type: ignore[method-assign]


def _lost(data: bytes) -> None:
    """
    What becomes of bytes that are lost.
    """


def _onlyHere(end: MemoryTransport) -> Any:
    """
    What ends a connection at one end alone.
    """

    def ended(reason: Exception) -> None:
        if not end.disconnecting:
            end.disconnecting = True
            end._clock.callLater(0, end._lost, reason)

    return ended


class FaultTestCase(ClusterTestCase):
    """
    A warm cluster of two brokers to break.
    """

    def setUp(self) -> None:
        """
        Begin with warm connections, and watch how sends end.
        """
        super().setUp()
        self.warm()
        self.ends = Ends(self.clock)

    def producerOf(self, group: str, **settings: Any) -> Producer:
        """
        Another producer of the same client, whose chances are the same in each
        run; those of the client and of connections are too.
        """
        producer = super().producerOf(group, **settings)
        producer._random.seed(group)
        self.client._random.seed(group)
        self.addCleanup(random.setstate, random.getstate())
        random.seed(group)
        return producer

    def both(self, fault: Any, times: int = 1, **options: Any) -> None:
        """
        Have both brokers do this to sends.
        """
        for broker in self.sandbox.brokers.values():
            broker.push(fault, code=SEND, times=times, **options)

    def sends(self, count: int, **options: Any) -> None:
        """
        Begin some sends.
        """
        for at in range(count):
            self.ends.watch(self.send(b"%d" % at, **options))

    def partition(self, broker: SandboxBroker) -> None:
        """
        Let no packet pass between the client and a broker, in either direction.
        """
        network = self.cluster.network
        network.blackholes.add(broker.address)
        for client, server in connectionsTo(network, broker.address):
            deafen(client, server)

    def heal(self, broker: SandboxBroker) -> None:
        """
        Let new connections to a broker be made again.
        """
        self.cluster.network.blackholes.discard(broker.address)

    def storedIds(self) -> list[str]:
        """
        The ids of what the brokers hold, as often as they hold it.
        """
        return [each.msgId for each in self.stored()]

    def failedWith(self, error: SendFailed, kind: type[Exception]) -> None:
        """
        See that a send failed with this cause, and with nothing stored.
        """
        self.assertIsInstance(error.cause, kind)
        self.assertIs(error.persisted, NO)
        self.assertEqual(self.stored(), [])
