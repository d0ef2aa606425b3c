"""
A broker is killed while messages go out, and every promise is held against
what lies in the stores afterwards.

SIGKILL loses nothing that a broker acknowledged, even with ASYNC_FLUSH: its
commit log is memory mapped and the kernel keeps the pages of a process that
ends.  (The power cord would be another matter.)
"""

from __future__ import annotations

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from txrocketmq import Message, MessageQueue, Persisted, Producer, ProducerSettings

from .cluster import Cluster
from .ledger import Promise, promiseOf, promiseOfFailure, violations
from .readers import Source, read
from .shared import ClusterTestCase

_COUNT = 20_000
_IN_FLIGHT = 200
_KILL_AFTER = 5_000
# Not at once: the window would just be full of what has not left yet.
_KILL_DELAY = 0.02
_VICTIM = "broker-a"
_SEND_TIMEOUT = 10.0
_TICK = 0.5


class Flood:
    """
    Many sends, with the kill of a broker in their midst.

    @ivar promises: How each send ended.

    @ivar late: How long those took that ended after their deadline.
    """

    def __init__(self, cluster: Cluster, producer: Producer, topic: str) -> None:
        self.promises: list[Promise] = []
        self.late: list[float] = []
        self._cluster = cluster
        self._producer = producer
        self._topic = topic

    async def run(self, pinned: MessageQueue | None = None, every: int = 0) -> None:
        """
        Send everything; return when all sends have ended and the broker is dead.

        @param pinned: A queue for some of the messages.

        @param every: For which: one of so many.
        """
        ends: list[Deferred[None]] = []
        for index in range(_COUNT):
            if index == _KILL_AFTER:
                ends.append(deferLater(reactor, _KILL_DELAY).addCallback(self._kill))
            await self._producer.whenWritable()
            if pinned is not None and index % every == 0:
                ends.append(self._send(index, pinned, 1.0))
            else:
                ends.append(self._send(index, None, _SEND_TIMEOUT))
        await gatherResults(ends, consumeErrors=True)

    def _kill(self, ignored: object) -> Deferred[None]:
        """
        Kill the broker while this thread goes on sending.
        """
        return deferToThread(self._cluster.killBroker, _VICTIM)

    def _send(
        self, index: int, queue: MessageQueue | None, timeout: float
    ) -> Deferred[None]:
        """
        Send one message and note how it ends.
        """
        body = f"message {index}".encode()
        started = reactor.seconds()

        def note(promise: Promise) -> None:
            self.promises.append(promise)
            elapsed = reactor.seconds() - started
            if elapsed > timeout + _TICK:
                self.late.append(elapsed)

        message = Message(self._topic, body)
        return (
            self._producer.send(message, queue=queue, timeout=timeout)
            .addCallbacks(
                lambda result: promiseOf(body, result),
                lambda failure: promiseOfFailure(body, failure),
            )
            .addCallback(note)
        )

    def ended(self, persisted: Persisted) -> int:
        """
        How many sends ended so.
        """
        return sum(promise.persisted is persisted for promise in self.promises)


class CrashTests(ClusterTestCase):
    """
    Two brokers of release 5.5.0, one of which is killed.
    """

    async def flood(self, settings: ProducerSettings, *, pinned: bool) -> Flood:
        """
        Send, kill, restart the broker on its store, and check the promises.
        """
        cluster = await self.cluster()
        topic = await self.topic("Crash")
        client = self.client(cluster.nameServerAddress)
        producer = Producer(client, "crash", settings)
        flood = Flood(cluster, producer, topic)
        self.addCleanup(self.mend, cluster)
        queue = MessageQueue(topic, _VICTIM, 0) if pinned else None
        await flood.run(queue, every=40)
        await self.mend(cluster)
        self.assertEqual(len(flood.promises), _COUNT)
        self.assertEqual(flood.late, [])
        source = Source(cluster.nameServerAddress, topic, _COUNT, self.version, 3.0)
        stored = await deferToThread(read, source)
        self.assertEqual(violations(flood.promises, stored), [])
        return flood

    def mend(self, cluster: Cluster) -> Deferred[None]:
        """
        Start the killed broker again, if it was killed.
        """
        if cluster.brokers[_VICTIM].running:
            return succeed(None)
        return deferToThread(cluster.restartBroker, _VICTIM)

    async def test_otherBrokerTakesOver(self) -> None:
        """
        20,000 messages, 200 in flight, one of two brokers killed on the way:
        every send succeeds, every message is stored, and what is there more
        than once was declared to be possible.
        """
        settings = ProducerSettings(maxInFlightMessages=_IN_FLIGHT)
        flood = await self.flood(settings, pinned=False)
        self.assertEqual(flood.ended(Persisted.YES), _COUNT)
        unknown = sum(promise.unknown for promise in flood.promises)
        self.assertGreater(unknown, 0, "the kill hit nothing in flight")


class SynchronousFlushCrashTests(CrashTests):
    """
    The same with brokers that answer only after they have flushed: much of what
    is in flight when one is killed is stored and not yet answered.
    """

    flushDiskType = "SYNC_FLUSH"

    async def test_failuresAreTruthful(self) -> None:
        """
        Without resends of what may be stored, and with some messages bound to
        the killed broker, sends fail: NO means that the message is not there,
        MAYBE is said only of what was in flight.
        """
        settings = ProducerSettings(
            maxInFlightMessages=_IN_FLIGHT, resendWhenMaybe=False
        )
        flood = await self.flood(settings, pinned=True)
        self.assertGreater(flood.ended(Persisted.NO), 0)
        self.assertGreater(flood.ended(Persisted.MAYBE), 0)
        self.assertLessEqual(flood.ended(Persisted.MAYBE), _IN_FLIGHT)
