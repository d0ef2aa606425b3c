"""
A broker's process stands still for half a minute, and goes on.
"""

from __future__ import annotations

import signal
import sys
from typing import Any

from twisted.internet import reactor as theReactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from txrocketmq import Message, MessageQueue, Producer, SendResult

from .ledger import promiseOf, violations
from .readers import Source, read
from .servers import Server
from .shared import ClusterTestCase

_VICTIM = "broker-a"
_STANDS = 30.0
_GOES_ON = 35.0
_PACE = 0.02
_ATTEMPT = 3.0
_SETTLED = 0.2

reactor: Any = theReactor


class StandstillTests(ClusterTestCase):
    """
    Two brokers of release 5.5.0, one of which is stopped with SIGSTOP.
    """

    async def flood(self, producer: Producer, topic: str) -> None:
        """
        Send at an even pace, and note when each began, what it took, and its end.
        """
        sends: list[Deferred[Any]] = []
        until = reactor.seconds() + _STANDS + _GOES_ON
        while reactor.seconds() < until:
            sends.append(self.send(producer, topic, b"message %d" % len(sends)))
            await deferLater(reactor, _PACE)
        await gatherResults(sends)

    def send(self, producer: Producer, topic: str, body: bytes) -> Deferred[None]:
        """
        Send one message.
        """
        began = reactor.seconds()

        def note(result: SendResult) -> None:
            took = reactor.seconds() - began
            self.ends.append((began, took, body, result))

        return producer.send(Message(topic, body)).addCallback(note)

    def goOn(self, victim: Server) -> None:
        """
        Let the broker go on.
        """
        victim.signal(signal.SIGCONT)

    def mend(self, going: IDelayedCall, victim: Server) -> None:
        """
        Let the broker go on though the test has failed.
        """
        if going.active():
            going.cancel()
            self.goOn(victim)

    async def test_halfAMinute(self) -> None:
        """
        None of the sends fails or takes longer than an attempt and a second, none
        is told twice, only probes go to that broker until it goes on, and what it
        stores late was declared; then it is sent to again.
        """
        cluster = await self.cluster()
        topic = await self.topic("Standstill")
        client = self.client(cluster.nameServerAddress)
        producer = Producer(client, "standstill")
        self.ends: list[tuple[float, float, bytes, SendResult]] = []
        for name in cluster.brokers:
            queue = MessageQueue(topic, name, 0)
            await producer.send(Message(topic, name.encode()), queue=queue)
        victim = cluster.brokers[_VICTIM]
        stopped = reactor.seconds()
        victim.signal(signal.SIGSTOP)
        going = reactor.callLater(_STANDS, self.goOn, victim)
        self.addCleanup(self.mend, going, victim)
        await self.flood(producer, topic)
        told = [body for _, _, body, _ in self.ends]
        self.assertEqual(len(set(told)), len(told))
        slowest = max(took for _, took, _, _ in self.ends)
        self.assertLess(slowest, _ATTEMPT + 1.0)
        probes = self.tries(stopped + _ATTEMPT + _SETTLED, stopped + _STANDS)
        self.assertIn(len(probes), range(1, 10))
        self.assertTrue(self.tries(stopped + _STANDS, stopped + 1000, stored=True))
        promises = [promiseOf(body, result) for _, _, body, result in self.ends]
        source = Source(
            cluster.nameServerAddress, topic, len(told) + 2, self.version, 3.0
        )
        stored = await deferToThread(read, source)
        faults = violations(promises, stored)
        warm = [f"{name.encode()!r} was never sent" for name in cluster.brokers]
        self.assertEqual(sorted(faults), sorted(warm))
        copies = len(stored) - len(told) - len(cluster.brokers)
        sys.stdout.write(
            f"\n{len(told)} sends, the slowest took {slowest:.2f} s, {len(probes)} "
            f"probes, {copies} copies stored late\n"
        )

    def tries(self, since: float, until: float, stored: bool = False) -> list[float]:
        """
        When those tries at the broker began that were made by sends of a time.

        @param stored: Only those that stored their message.
        """
        return [
            began
            for began, _, _, result in self.ends
            for attempt in result.attempts
            if since < began < until
            and attempt.messageQueue is not None
            and attempt.messageQueue.brokerName == _VICTIM
            and (attempt.error is None or not stored)
        ]
