"""
Rows over real sockets, through the chaos proxy.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet import reactor as globalReactor
from twisted.internet.defer import Deferred, DeferredList, gatherResults
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from txrocketmq.client import MQClient
from txrocketmq.errors import (
    ConnectionClosed,
    ConnectTimeout,
    RemotingTimeout,
    SendFailed,
)
from txrocketmq.message import Message, MessageQueue, SendResult
from txrocketmq.producer import Producer
from txrocketmq.sandbox import Sandbox, faults
from txrocketmq.settings import ClientSettings, ProducerSettings

from .marks import row
from .proxy import DOWN, UP, ChaosProxy
from .support import MAYBE, NO, SEND

reactor: Any = globalReactor

ATTEMPT = 0.5
QUEUES = [MessageQueue("T", name, 0) for name in ("broker-a", "broker-b")]


class ProxyTestCase(TestCase):
    """
    A sandbox of two brokers, each behind a proxy, and a client that is warm.
    """

    timeout = 20

    async def setUp(self) -> None:  # type: ignore[override]
        """
        Bring everything up.
        """
        self.sandbox = Sandbox(reactor, brokers=2)
        self.sandbox.startService()
        self.addCleanup(self.sandbox.stopService)
        await self.sandbox.whenReady()
        await self.sandbox.createTopic("T", queues=1)
        self.proxies: dict[str, ChaosProxy] = {}
        places = {}
        for name, broker in self.sandbox.brokers.items():
            proxy = self.proxies[name] = ChaosProxy(reactor, broker.address)
            self.addCleanup(proxy.stopped)
            places[broker.address] = await proxy.listen()
        settings = ClientSettings(
            addressMap=places,
            heartbeatBrokerInterval=0.3,
            connectTimeout=ATTEMPT,
            requestTimeout=ATTEMPT,
            stopTimeout=1.0,
        )
        addresses = self.sandbox.nameServerAddresses
        self.client = MQClient(reactor, addresses, settings)
        self.producer = Producer(
            self.client,
            "group",
            ProducerSettings(
                attemptTimeout=ATTEMPT,
                sendTimeout=5.0,
                compressMsgBodyOverHowmuch=1 << 30,
            ),
        )
        self.client.startService()
        self.addCleanup(self.client.stopService)
        await self.client.whenReady("T")

    @property
    def first(self) -> ChaosProxy:
        """
        The proxy before broker-a.
        """
        return self.proxies["broker-a"]

    def send(self, at: int | None = None, body: bytes = b"x") -> Deferred[SendResult]:
        """
        Send, to the queue of one of the brokers or to any.
        """
        queue = None if at is None else QUEUES[at]
        return self.producer.send(Message("T", body), queue=queue)

    def copies(self, result: SendResult) -> int:
        """
        How often a message is stored.
        """
        stored = self.sandbox.messages("T")
        return sum(each.msgId == result.msgId for each in stored)


class PartitionTests(ProxyTestCase):
    """
    Packets that are lost.
    """

    @row("F03")
    async def test_neverAnswers(self) -> None:
        """
        A broker that is reached and never answers costs one attempt, MAYBE; the
        sends to the other one are not slowed.
        """
        self.first.lost.add(DOWN)
        slow = self.send(0)
        began = reactor.seconds()
        await gatherResults([self.send(1) for _ in range(50)])
        self.assertLess(reactor.seconds() - began, ATTEMPT)
        await deferLater(reactor, ATTEMPT + 0.05)
        self.first.lost.clear()
        result = await slow
        self.assertIs(result.attempts[0].persisted, MAYBE)
        # The heartbeat's time may be over first, and with it the connection's.
        expected = (RemotingTimeout, ConnectionClosed)
        self.assertIsInstance(result.attempts[0].error, expected)
        self.assertTrue(2 <= self.copies(result) <= len(result.attempts))

    @row("F50")
    async def test_slowBroker(self) -> None:
        """
        Beside a broker that takes nearly as long as it may, the sends to another
        are not slower, up to the slowest of them; nothing is sent twice.
        """
        took: dict[str, list[float]] = {"broker-a": [], "broker-b": []}
        patient = ProducerSettings(attemptTimeout=5.0)
        producer = Producer(self.client, "patient", patient)

        async def timed(at: int | None) -> None:
            began = reactor.seconds()
            queue = None if at is None else QUEUES[at]
            result = await producer.send(Message("T", b"x"), queue=queue)
            name = result.messageQueue.brokerName
            took[name].append(reactor.seconds() - began)
            self.assertEqual(len(result.attempts), 1)

        async def flow(seconds: float) -> None:
            until, sends = reactor.seconds() + seconds, []
            while reactor.seconds() < until:
                sends += [Deferred.fromCoroutine(timed(at)) for at in (None, 1)]
                await deferLater(reactor, 0.005)
            await gatherResults(sends)

        slow = 1.0
        broker = self.sandbox.brokers["broker-a"]
        broker.push(faults.delay(slow), code=SEND, times=10_000)
        await flow(2.0)
        self.assertGreater(len(took["broker-a"]), 10)
        self.assertGreaterEqual(min(took["broker-a"]), slow)
        fast = sorted(took["broker-b"])
        self.assertGreater(len(fast), 50)
        # Whoever waits behind the slow broker waits at least as long as it takes.
        self.assertLess(fast[int(0.99 * len(fast))], slow / 2)
        self.assertEqual(producer.stats().retries, 0)

    @row("F19")
    async def test_silentlyDead(self) -> None:
        """
        A connection that loses everything, its end too, is given up by the
        heartbeats, and another one is made.
        """
        self.first.lost.update({UP, DOWN})
        taken = self.first.accepted
        address = self.sandbox.brokers["broker-a"].address
        before = self.client.peers.live(address)
        self.assertIsNotNone(before)
        await deferLater(reactor, 2 * 0.3 + ATTEMPT + 0.2)
        self.assertIsNot(self.client.peers.live(address), before)
        self.first.lost.clear()
        result = await self.send(0)
        self.assertLessEqual(len(result.attempts), 6)
        self.assertGreater(self.first.accepted, taken)

    @row("F51")
    async def test_answersAreLost(self) -> None:
        """
        Where requests arrive and answers do not, there are no more copies than
        tries, all of them declared and under one id.
        """
        # Heartbeats give connections up, too, so that tries may be short and many.
        patient = ProducerSettings(
            attemptTimeout=ATTEMPT, sendTimeout=10.0, retryTimesWhenSendFailed=20
        )
        producer = Producer(self.client, "patient", patient)
        for proxy in self.proxies.values():
            proxy.lost.add(DOWN)
        sent = producer.send(Message("T", b"x"))
        await deferLater(reactor, 1.2 * ATTEMPT)
        for proxy in self.proxies.values():
            proxy.lost.clear()
        result = await sent
        self.assertGreater(len(result.attempts), 1)
        tries = producer.stats().attempts
        self.assertEqual(result.possibleDuplicates, tries - 1)
        self.assertTrue(2 <= self.copies(result) <= tries)


class BytesTests(ProxyTestCase):
    """
    Bytes that arrive in part, or slowly, or not at all.
    """

    @row("F20", "F21")
    async def test_cut(self) -> None:
        """
        A connection that ends inside of an answer, by FIN or by RST, ends all
        that waits on it at once, as MAYBE.
        """
        for reset in (False, True):
            if reset:
                self.first.delay = 0.1
            else:
                self.first.limits[DOWN] = 20
            began = reactor.seconds()
            sends = [self.send(0) for _ in range(5)]
            if reset:
                await deferLater(reactor, 0.05)
                self.first.end(reset=True)
            results = await gatherResults(sends)
            for result in results:
                self.assertGreater(len(result.attempts), 1)
                self.assertIs(result.attempts[0].persisted, MAYBE)
                self.assertLess(result.attempts[0].elapsed, ATTEMPT)
                self.assertLessEqual(self.copies(result), len(result.attempts))
            self.assertLess(reactor.seconds() - began, 3)
            self.first.delay = 0.0

    @row("F28")
    async def test_drip(self) -> None:
        """
        An answer that arrives in many small pieces is an answer if that is done
        in time, and else nobody waits for it.
        """
        self.first.slice = 4
        self.assertEqual(len((await self.send(0)).attempts), 1)
        self.first.slice = 0
        self.first.delay = 2 * ATTEMPT
        sent = self.send(0)
        await deferLater(reactor, 1.2 * ATTEMPT)
        self.first.delay = 0.0
        self.assertIs((await sent).attempts[0].persisted, MAYBE)

    @row("F30b")
    async def test_neverReads(self) -> None:
        """
        Of what goes to a peer that does not read, what was not given to the
        transport is NO, what was is MAYBE, and little is given to it.
        """
        self.first.stick()
        body = b"z" * 500_000
        sends = [
            self.producer.send(Message("T", body), queue=QUEUES[0], timeout=0.8)
            for _ in range(60)
        ]
        ends: Any = await DeferredList(sends, consumeErrors=True)
        errors = [end.value for ok, end in ends if not ok]
        self.assertEqual(len(errors), 60)
        self.assertEqual({type(each) for each in errors}, {SendFailed})
        first = [each.attempts[0].persisted for each in errors]
        self.assertGreater(first.count(NO), 20)
        self.assertGreater(first.count(MAYBE), 0)


class BacklogTests(TestCase):
    """
    A server that takes no more connections.
    """

    timeout = 20

    @row("F04")
    async def test_full(self) -> None:
        """
        A full accept queue is as good as a lost SYN: NO after connectTimeout.
        """
        listening = socket.socket()
        self.addCleanup(listening.close)
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        address = listening.getsockname()
        for _ in range(4):
            filler = socket.socket()
            self.addCleanup(filler.close)
            filler.setblocking(False)
            filler.connect_ex(address)
        settings = ClientSettings(connectTimeout=0.3, stopTimeout=0.5)
        client = MQClient(reactor, f"127.0.0.1:{address[1]}", settings)
        client.startService()
        self.addCleanup(client.stopService)
        producer = Producer(client, "group")
        began = reactor.seconds()
        sent = producer.send(Message("T", b"x"), timeout=0.5)
        error: Any = await self.assertFailure(sent, SendFailed)
        self.assertIs(error.persisted, NO)
        self.assertLess(reactor.seconds() - began, 1.0)
        ((_, cause),) = error.attempts[0].error.tried
        self.assertIsInstance(cause, ConnectTimeout)
