"""
A cluster in memory for tests of the producer and the client.
"""

from __future__ import annotations

from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from txrocketmq.errors import SendFailed
from txrocketmq.message import Message, SendResult
from txrocketmq.producer import Producer
from txrocketmq.sandbox import SandboxBroker, StoredMessage
from txrocketmq.settings import ClientSettings, ProducerSettings
from txrocketmq.testing import MemoryCluster

T = TypeVar("T")
E = TypeVar("E", bound=Exception)


class ClusterTestCase(SynchronousTestCase):
    """
    A test with a cluster of two brokers, a client and a producer.

    After the test nothing is left on the clock.
    """

    brokers = 2

    def setUp(self) -> None:
        """
        Bring everything up; the topic C{T} has two queues on each broker.
        """
        self.cluster = MemoryCluster(brokers=self.brokers)
        self.clock = self.cluster.clock
        self.sandbox = self.cluster.sandbox
        self.cluster.result(self.sandbox.createTopic("T", queues=2))
        self.addCleanup(self._stopped)
        self.client = self.cluster.client(self.clientSettings())
        self.producer = self.producerOf("group")

    def clientSettings(self) -> ClientSettings:
        """
        What the client is made with.
        """
        return ClientSettings()

    def producerOf(self, group: str, **settings: Any) -> Producer:
        """
        Another producer of the same client.
        """
        return Producer(self.client, group, ProducerSettings(**settings))

    def _stopped(self) -> None:
        """
        Stop everything and see that nothing is left.
        """
        self.cluster.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    @property
    def brokerA(self) -> SandboxBroker:
        """
        The first broker.
        """
        return self.sandbox.brokers["broker-a"]

    @property
    def brokerB(self) -> SandboxBroker:
        """
        The second broker.
        """
        return self.sandbox.brokers["broker-b"]

    def result(self, deferred: Deferred[T], timeout: float = 60.0) -> T:
        """
        What a Deferred gives, in as much time as it needs.
        """
        return self.cluster.result(deferred, timeout)

    def failure(self, deferred: Deferred[Any], kind: type[E]) -> E:
        """
        What a Deferred fails with, which is of this kind.
        """
        try:
            self.result(deferred)
        except kind as error:
            return error
        raise AssertionError(f"it did not fail with {kind.__name__}")

    def send(self, body: bytes = b"x", **options: Any) -> Deferred[SendResult]:
        """
        Send a message to C{T}.
        """
        return self.producer.send(Message("T", body), **options)

    def sent(self, body: bytes = b"x", **options: Any) -> SendResult:
        """
        Send a message to C{T}, successfully.
        """
        return self.result(self.send(body, **options))

    def failed(self, **options: Any) -> SendFailed:
        """
        Send a message to C{T} in vain.
        """
        return self.failure(self.send(**options), SendFailed)

    def stored(self, topic: str = "T") -> list[StoredMessage]:
        """
        What the brokers hold.
        """
        return self.sandbox.messages(topic)

    def bothDown(self) -> None:
        """
        Let both brokers die, and everybody notice.
        """
        self.brokerA.setDown()
        self.brokerB.setDown()
        self.cluster.flush()

    def warm(self) -> None:
        """
        Know the route and be connected to every broker, as if long running.
        """
        self.result(self.client.whenReady("T"))
        self.cluster.flush()
        for broker in self.sandbox.brokers.values():
            broker.clear()
