"""
A real cluster changes and the client follows: more queues, a broker more, a
name server less.
"""

from __future__ import annotations

from collections.abc import Collection

from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from txrocketmq import Message, MessageQueue, Producer

from .shared import ClusterTestCase

_POLL = 1
_BOUND = 3.0
_PATIENCE = 10.0
_BURST = 24


class GrowthTests(ClusterTestCase):
    """
    Release 5.5.0, asked for its routes every second.
    """

    async def usedAfter(
        self, producer: Producer, topic: str, wanted: Collection[MessageQueue]
    ) -> float:
        """
        Send until all of some queues have been used.

        @return: How long that took, in seconds.
        """
        began = reactor.seconds()
        left = set(wanted)
        while left:
            sends = [producer.send(Message(topic, b"x")) for _ in range(_BURST)]
            for result in await gatherResults(sends, consumeErrors=True):
                left.discard(result.messageQueue)
            if reactor.seconds() - began > _PATIENCE:
                self.fail(f"never used: {left}")
        return reactor.seconds() - began

    async def test_moreQueues(self) -> None:
        """
        New queues of a topic are used within three seconds.
        """
        cluster = await self.cluster()
        topic = await self.topic("Queues", 2)
        client = self.client(cluster.nameServerAddress, pollNameServerInterval=_POLL)
        producer = Producer(client, "growth")
        before = queuesOf(topic, cluster.brokers, 2)
        await self.usedAfter(producer, topic, before)
        self.assertEqual(len(await producer.publishQueues(topic)), len(before))
        await deferToThread(cluster.createTopic, topic, 6)
        new = queuesOf(topic, cluster.brokers, 6) - before
        self.assertLess(await self.usedAfter(producer, topic, new), _BOUND)

    async def test_moreBrokers(self) -> None:
        """
        The queues of a new broker are used within three seconds.
        """
        cluster = await self.cluster()
        topic = await self.topic("Brokers", 2)
        client = self.client(cluster.nameServerAddress, pollNameServerInterval=_POLL)
        producer = Producer(client, "growth")
        await self.usedAfter(producer, topic, queuesOf(topic, cluster.brokers, 2))
        self.addCleanup(deferToThread, cluster.removeBroker, "broker-c")
        await deferToThread(cluster.addBroker, "broker-c")
        await deferToThread(cluster.createTopic, topic, 2, ["broker-c"])
        new = queuesOf(topic, ["broker-c"], 2)
        self.assertLess(await self.usedAfter(producer, topic, new), _BOUND)

    async def test_nameServerDies(self) -> None:
        """
        When the name server in use is killed the other one serves: no send
        fails, neither to a known topic nor to one not yet looked up.
        """
        cluster = await self.cluster()
        known = await self.topic("Known", 2)
        unseen = await self.topic("Unseen", 2)
        client = self.client(cluster.nameServerAddress, pollNameServerInterval=_POLL)
        producer = Producer(client, "growth")
        await producer.send(Message(known, b"x"))
        addresses = [server.address for server in cluster.nameServers]
        inUse = client.stats().nameServer
        assert inUse is not None
        index = addresses.index(inUse)
        self.addCleanup(deferToThread, cluster.restartNameServer, index)
        await deferToThread(cluster.killNameServer, index)
        await producer.send(Message(unseen, b"x"))
        began = reactor.seconds()
        while reactor.seconds() - began < _BOUND:
            await producer.send(Message(known, b"x"))
            await deferLater(reactor, 0.01)
        self.assertEqual(client.stats().nameServer, addresses[1 - index])
        self.assertLess(client.stats().routeAge[known], 2 * _POLL)


def queuesOf(topic: str, brokers: Collection[str], queues: int) -> set[MessageQueue]:
    """
    All queues of a topic.
    """
    return {
        MessageQueue(topic, broker, queueId)
        for broker in brokers
        for queueId in range(queues)
    }
