"""
Section A: connecting and naming, in virtual time.
"""

from __future__ import annotations

from ipaddress import ip_network
from random import Random
from typing import Any

from twisted.internet.task import Clock

from txrocketmq._remoting.backoff import Backoff
from txrocketmq._wire.bodies import (
    BrokerData,
    QueueData,
    TopicRouteData,
    encodeTopicRouteData,
)
from txrocketmq._wire.codes import RequestCode
from txrocketmq.errors import (
    ConnectFailed,
    ConnectTimeout,
    NoNameServer,
    NoWritableQueue,
    SendFailed,
)
from txrocketmq.message import Message
from txrocketmq.producer import Producer
from txrocketmq.sandbox import faults
from txrocketmq.settings import ClientSettings
from txrocketmq.testing import MemoryCluster

from .marks import row
from .support import MAYBE, NO, SEND, TICK, YES, FaultTestCase, connectionsTo, deafen


class Dials:
    """
    A network's connection attempts, counted.

    @ivar count: How many there were.
    """

    def __init__(self, cluster: MemoryCluster) -> None:
        self.count = 0
        self._connectTo = cluster.network.connectTo
        cluster.network.connectTo = self  # type: ignore[method-assign]

    def __call__(self, reactor: Any, host: str, port: int) -> Any:
        """
        Count an attempt, and make it.
        """
        self.count += 1
        return self._connectTo(reactor, host, port)


class RefusedTests(FaultTestCase):
    """
    Brokers nobody reaches.
    """

    @row("F01")
    def test_nextBrokerAtOnce(self) -> None:
        """
        A refused connection is NO, and the next broker's turn comes in no time.
        """
        self.brokerA.setDown()
        self.cluster.flush()
        began = self.clock.seconds()
        results = [self.sent() for _ in range(4)]
        self.assertLessEqual(self.clock.seconds() - began, TICK)
        tries = [each for result in results for each in result.attempts]
        refused = [each for each in tries if each.error is not None]
        self.assertTrue(refused)
        for each in refused:
            self.assertIsInstance(each.error, ConnectFailed)
            self.assertIs(each.persisted, NO)

    @row("F01")
    def test_noBusyLoop(self) -> None:
        """
        A hundred sends that all wait for dead brokers share a few connection
        attempts.
        """
        dials = Dials(self.cluster)
        self.client = self.cluster.client()
        self.producer = self.producerOf("other")
        self.warm()
        dials.count = 0
        self.bothDown()
        self.sends(100)
        self.cluster.advance(10 + TICK)
        self.assertEqual(len(self.ends.errors), 100)
        # Each broker: 10 s of waits that double from 0.1 s to 0.5 s.
        self.assertLess(dials.count, 2 * 32)
        for error in self.ends.errors:
            self.failedWith(error, ConnectFailed)

    @row("F02")
    def test_swallowed(self) -> None:
        """
        A connection attempt nobody answers is NO after connectTimeout, and the
        send goes on elsewhere.
        """
        self.brokerA.setDown()
        self.cluster.flush()
        self.partition(self.brokerA)
        began = self.clock.seconds()
        results = [self.sent() for _ in range(4)]
        self.assertApproximates(self.clock.seconds() - began, 3.0, TICK)
        errors = [a for r in results for a in r.attempts if a.error is not None]
        (timedOut,) = errors
        self.assertIsInstance(timedOut.error, ConnectTimeout)
        self.assertIs(timedOut.persisted, NO)
        self.heal(self.brokerA)

    @row("F02")
    def test_swallowedEverywhere(self) -> None:
        """
        No send takes longer than it may.
        """
        self.bothDown()
        for broker in self.sandbox.brokers.values():
            self.partition(broker)
        began = self.clock.seconds()
        self.failedWith(self.failed(), ConnectFailed)
        self.assertLessEqual(self.clock.seconds() - began, 10 + TICK)
        for broker in self.sandbox.brokers.values():
            self.heal(broker)


class SilentTests(FaultTestCase):
    """
    Brokers that are reached and do not answer.
    """

    @row("F03")
    def test_siblingsGoOn(self) -> None:
        """
        While one broker says nothing, sends that go to the other take no time,
        and soon all go there.
        """
        self.brokerA.push(faults.silence(), times=1000)
        self.sends(20)
        self.cluster.flush()
        self.assertEqual(len(self.ends.results), 10)
        self.cluster.advance(3 + TICK)
        self.assertEqual(len(self.ends.results), 20)
        moved = [each for each in self.ends.results if len(each.attempts) > 1]
        self.assertEqual({each.attempts[0].persisted for each in moved}, {MAYBE})
        began = self.clock.seconds()
        self.assertEqual(self.sent().messageQueue.brokerName, "broker-b")
        self.assertEqual(self.clock.seconds(), began)

    @row("F03")
    def test_silentConnectionIsDropped(self) -> None:
        """
        A connection that has said nothing since the request was written is of no
        use: it is dropped with the request that times out.
        """
        self.brokerA.push(faults.silence(), times=1000)
        (before,) = connectionsTo(self.cluster.network, self.brokerA.address)
        self.sends(2)
        self.cluster.advance(3 + TICK)
        self.assertFalse(before[0].connected)

    @row("F19")
    def test_silentlyDead(self) -> None:
        """
        A connection whose packets are lost without a word is noticed by the
        heartbeats, within two of their intervals.
        """
        self.partition(self.brokerA)
        ((client, _),) = connectionsTo(self.cluster.network, self.brokerA.address)
        self.cluster.advance(60)
        self.assertFalse(client.connected)
        self.heal(self.brokerA)
        self.cluster.advance(30)
        self.assertTrue(connectionsTo(self.cluster.network, self.brokerA.address))

    @row("F19")
    def test_firstSendAfterIdle(self) -> None:
        """
        The first send over a connection that died while idle is sent again, and
        stored.
        """
        for broker in self.sandbox.brokers.values():
            for ends in connectionsTo(self.cluster.network, broker.address):
                deafen(*ends)
        result = self.sent()
        self.assertEqual(
            [each.persisted for each in result.attempts], [MAYBE, MAYBE, YES]
        )
        self.assertEqual(self.storedIds(), [result.msgId])


class FleetTests(FaultTestCase):
    """
    Many clients that lose the same address.
    """

    @row("F18")
    def test_noStorm(self) -> None:
        """
        A thousand clients whose connections flap try no more than twelve times
        a minute each after their back-off, and not all at the same time.
        """
        tries: list[float] = []
        for seed in range(1000):
            backoff = Backoff(Random(seed).random)
            now = 0.0
            while now < 300:
                backoff.lost(now, now)
                now = max(now, backoff.until) + 0.1
                tries.append(now)
        lastMinutes = [each for each in tries if 60 <= each < 300]
        self.assertLessEqual(len(lastMinutes) / 4 / 1000, 12)
        perSecond = [0] * 240
        for each in lastMinutes:
            perSecond[int(each - 60)] += 1
        # Evenly spread there would be 80 to 100 in each second.
        self.assertLess(max(perSecond[60:]), 250)


class NameServerTests(FaultTestCase):
    """
    Name servers that fail.
    """

    def setUp(self) -> None:
        """
        Have two name servers, and a client that knows nothing yet.
        """
        super().setUp()
        self.pair = MemoryCluster(Clock(), brokers=1, nameServers=2)
        self.pair.result(self.pair.sandbox.createTopic("T"))
        self.addCleanup(self.pair.stop)

    @row("F08")
    def test_otherNameServer(self) -> None:
        """
        Whichever of two is dead, refusing or silent, a first send does not fail.
        """
        for at, server in enumerate(self.pair.sandbox.nameServers):
            server.setDown()
            for group in range(4):
                client = self.pair.client()
                producer = Producer(client, f"group-{at}-{group}")
                began = self.pair.clock.seconds()
                self.pair.result(producer.send(Message("T", b"x")))
                self.assertLessEqual(self.pair.clock.seconds() - began, 3 + TICK)
            self.pair.result(server.setUp())

    @row("F09")
    def test_knownRouteForHours(self) -> None:
        """
        Without any name server, sends go on for hours, and the route's age is
        there to be seen.
        """
        for server in self.sandbox.nameServers:
            server.setDown()
        self.cluster.advance(3601)
        for _ in range(4):
            self.assertEqual(len(self.sent().attempts), 1)
        self.assertGreater(self.client.stats().routeAge["T"], 3600)
        for server in self.sandbox.nameServers:
            self.result(server.setUp())

    @row("F10")
    def test_noneAndNoRoute(self) -> None:
        """
        A send that gets no route says so, as NO, when its time is over.
        """
        for server in self.sandbox.nameServers:
            server.setDown()
        began = self.clock.seconds()
        error = self.failureOf("Unheard", 2.0)
        self.failedWith(error, NoNameServer)
        self.assertApproximates(self.clock.seconds() - began, 2.0, 0.5)

    def failureOf(self, topic: str, timeout: float) -> Any:
        """
        How a send to a topic fails.
        """
        sent = self.producer.send(Message(topic, b"x"), timeout=timeout)
        return self.failure(sent, SendFailed)

    @row("F11")
    def test_return(self) -> None:
        """
        Within two seconds of a name server's return its routes are used.
        """
        (server,) = self.sandbox.nameServers
        server.setDown()
        self.ends.watch(self.producer.send(Message("Fresh", b"x"), timeout=60))
        self.cluster.advance(30)
        self.assertEqual(self.ends.all, [])
        self.result(server.setUp())
        self.cluster.advance(2)
        self.assertEqual(len(self.ends.results), 1)

    @row("F12")
    def test_senseless(self) -> None:
        """
        A route without a queue is no route to send by; no connection follows.
        """
        for server in self.sandbox.nameServers:
            body = encodeTopicRouteData(TopicRouteData((), ()))
            code = RequestCode.GET_ROUTEINFO_BY_TOPIC
            server.push(faults.respond(0, body=body), code=code, times=1000)
        error = self.failureOf("Empty", 1.0)
        self.failedWith(error, NoWritableQueue)
        for server in self.sandbox.nameServers:
            server.clear()


class AllowedTests(FaultTestCase):
    """
    Routes that lead where no connection may go.
    """

    def clientSettings(self) -> ClientSettings:
        """
        Allow loopback only.
        """
        return ClientSettings(allowedAddresses=[ip_network("127.0.0.0/8")])

    @row("F12")
    def test_forbidden(self) -> None:
        """
        A route to another cluster, or to ourselves by another name, is not
        followed: NO, and nobody is connected to.
        """
        dials = Dials(self.cluster)
        self.client = self.cluster.client(self.clientSettings())
        self.producer = self.producerOf("other")
        masters = ["10.9.8.7:10911", "169.254.169.254:80", "0.0.0.0:10911"]
        route = TopicRouteData(
            tuple(QueueData(f"b{at}", 1, 1, 6) for at in range(3)),
            tuple(
                BrokerData("c", f"b{at}", {0: address})
                for at, address in enumerate(masters)
            ),
        )
        body = encodeTopicRouteData(route)
        code = RequestCode.GET_ROUTEINFO_BY_TOPIC
        for server in self.sandbox.nameServers:
            server.push(faults.respond(0, body=body), code=code, times=1000)
        sent = self.producer.send(Message("Far", b"x"), timeout=2.0)
        self.failedWith(self.failure(sent, SendFailed), ConnectFailed)
        # The name server's own.
        self.assertEqual(dials.count, 1)
        self.assertEqual(self.brokerA.requests(SEND), [])
        for server in self.sandbox.nameServers:
            server.clear()
