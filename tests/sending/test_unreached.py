"""
Tests of L{txrocketmq._sending.unreached}: sends for which no broker can be reached.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, succeed

from tests.sending.support import ClusterTestCase
from txrocketmq._remoting.protocol import RemotingProtocol
from txrocketmq._sending import unreached
from txrocketmq._sending.lull import CROWD
from txrocketmq._sending.pending import Pending
from txrocketmq.errors import (
    ConnectFailed,
    ConnectTimeout,
    InvalidMessage,
    NoNameServer,
    NotRunning,
    NoWritableQueue,
    RemotingTimeout,
    SendCancelled,
    SendFailed,
)
from txrocketmq.message import Message, MessageQueue, Persisted, SendResult
from txrocketmq.sandbox import faults

NO, MAYBE = Persisted.NO, Persisted.MAYBE


class UnreachedTests(ClusterTestCase):
    """
    One broker, which is there or not.  The client has not heard of the topic U.
    """

    brokers = 1

    def setUp(self) -> None:
        """
        Begin with a warm connection.
        """
        super().setUp()
        self.result(self.sandbox.createTopic("U"))
        self.warm()

    def down(self) -> None:
        """
        Let the broker die, and everybody notice.
        """
        self.brokerA.setDown()
        self.cluster.flush()

    def many(self, count: int, **options: Any) -> list[Any]:
        """
        Begin sends.

        @return: Their ends, as they come.
        """
        ends: list[Any] = []
        for at in range(count):
            self.send(b"%d" % at, **options).addBoth(ends.append)
        return ends

    def ended(self, sent: Deferred[SendResult]) -> Any:
        """
        What a send has failed with by now.
        """
        return self.failureResultOf(sent).value

    def swallow(self) -> None:
        """
        Let no connection to the broker be made any more.
        """
        self.down()
        self.cluster.network.blackholes.add(self.brokerA.address)

    def pending(self) -> Sequence[Pending]:
        """
        Those that are remembered.
        """
        return self.producer._sending._attempts._unreached._all

    def test_wakesWithTheBroker(self) -> None:
        """
        Those that rest are stored as soon as somebody is connected again.
        """
        self.down()
        ends = self.many(50)
        self.cluster.advance(5.0)
        self.assertEqual(ends, [])
        self.brokerA.setUp()
        while self.client.peers.live(self.brokerA.address) is None:
            self.assertEqual(ends, [])
            self.cluster.advance(0.01)
        self.cluster.advance(0.01)
        self.assertEqual([type(each) for each in ends], [SendResult] * 50)

    def test_crowd(self) -> None:
        """
        However many they are, they try again at most a thousand times in a second,
        and when the broker is back they are all stored soon.
        """
        self.down()
        count = 5 * CROWD
        ends = self.many(count)
        self.cluster.advance(1.0)
        before = self.producer.stats().attempts
        self.cluster.advance(2.0)
        tried = self.producer.stats().attempts - before
        self.assertGreater(tried, CROWD)
        self.assertLess(tried, 2.2 * CROWD)
        self.brokerA.setUp()
        self.cluster.advance(1.5)
        self.assertEqual([type(each) for each in ends], [SendResult] * count)
        self.assertEqual(len(self.stored()), count)
        self.assertLess(len(self.pending()), 100)

    def test_crowdWithoutHope(self) -> None:
        """
        Where the broker does not come back each fails at its deadline, as it would
        if it were alone, and nothing of them stays.
        """
        self.swallow()
        ends = self.many(3 * CROWD, timeout=4.5)
        self.cluster.advance(4.3)
        self.assertEqual(ends, [])
        self.cluster.advance(0.21)
        self.assertEqual(len(ends), 3 * CROWD)
        for end in ends:
            self.assertIsInstance(end.value.cause, ConnectFailed)
            self.assertIs(end.value.persisted, NO)
        lull = self.producer._sending._attempts._unreached.lull
        self.assertLess(len(lull._crowd), CROWD)
        self.assertEqual((lull.resting, lull._entries), (0, 0))

    def test_newsOfSomethingElse(self) -> None:
        """
        Who rests for long hears of news after a minute as well.
        """
        self.swallow()
        self.brokerA.setUp()
        producer = self.producerOf("patient", sendTimeout=200.0)
        sent = producer.send(Message("T", b"x"))
        self.cluster.advance(150.0)
        self.cluster.network.blackholes.clear()
        self.assertIsInstance(self.result(sent), SendResult)

    def test_cancelled(self) -> None:
        """
        What is cancelled while it rests, or waits for a connection or a route,
        ends at once, and surely is not stored; the others go on.
        """
        self.swallow()
        waits, other = self.send(), self.send()
        waits.cancel()
        self.assertIs(self.ended(waits).persisted, NO)
        self.cluster.advance(5.0)
        rests = self.send()
        self.cluster.network.blackholes.clear()
        self.cluster.advance(0.05)
        rests.cancel()
        other.cancel()
        for each in (rests, other):
            error = self.ended(each)
            self.assertIsInstance(error, SendCancelled)
            self.assertIs(error.persisted, NO)
        self.assertEqual(self.producer.stats().inFlight, 0)

    def test_cancelledWhileAsked(self) -> None:
        """
        What is cancelled when the broker was asked after all may be stored; what
        was handed to the loop, too.
        """
        self.down()
        sends = [self.send(), self.send()]
        self.cluster.advance(0.3)
        self.brokerA.push(faults.silence(), times=1000)
        self.brokerA.setUp()
        self.cluster.advance(2.0)
        self.assertEqual(self.producer.stats().inFlight, 2)
        sends[0].cancel()
        self.assertIs(self.ended(sends[0]).persisted, MAYBE)
        self.cluster.advance(2.0)
        sends[1].cancel()
        self.assertIs(self.ended(sends[1]).persisted, MAYBE)
        self.assertEqual(self.producer.stats().inFlight, 0)

    def test_cancelledBeforeItIsWritten(self) -> None:
        """
        What the connection keeps because its peer reads too slowly is surely not
        stored when it is cancelled.
        """
        live, send = self.atOnce()
        live.pauseProducing()
        sent = send()
        sent.cancel()
        self.assertIs(self.ended(sent).persisted, NO)
        live.resumeProducing()
        self.cluster.flush()
        self.assertEqual(self.stored(), [])

    def test_cancelledWhileItEnds(self) -> None:
        """
        A send that is cancelled while others hear of the room it leaves ends as it
        was about to.
        """
        self.down()
        producer = self.producerOf("narrow", maxInFlightMessages=1)
        sent = producer.send(Message("T", b"x"), timeout=1.0)
        producer.whenWritable().addCallback(lambda _: sent.cancel())
        self.cluster.advance(2.0)
        self.assertIsInstance(self.ended(sent), SendFailed)

    def test_atOnce(self) -> None:
        """
        A connection that is there at once is asked at once.
        """
        _, send = self.atOnce()
        self.assertEqual(len(self.result(send()).attempts), 1)

    def atOnce(self) -> tuple[RemotingProtocol, Callable[[], Deferred[SendResult]]]:
        """
        A connection, and what sends to it as if it had been made for that.
        """
        live = self.client.peers.live(self.brokerA.address)
        assert live is not None
        connection = self.client.pool.connections[self.brokerA.address]
        sends = self.producer._sending._attempts._unreached
        sends._connect = lambda address: succeed(live)
        sends.live = lambda address: None

        def send() -> Deferred[SendResult]:
            connection._protocol = None
            try:
                return self.send()
            finally:
                connection._protocol = live

        return live, send

    def test_cancelledByItsSelector(self) -> None:
        """
        A selector may cancel the very send it chooses a queue for.
        """
        producer = self.producerOf("another")
        sends: list[Deferred[SendResult]] = []

        def cancels(queues: Sequence[MessageQueue], message: Message) -> MessageQueue:
            sends[0].cancel()
            return queues[0]

        sends.append(producer.send(Message("U", b"x"), selector=cancels))
        self.assertNoResult(sends[0])
        self.cluster.advance(5.0)
        self.assertIs(self.ended(sends[0]).persisted, NO)
        self.assertEqual(self.stored("U"), [])
        self.assertEqual(producer.stats().inFlight, 0)

    def test_selectorThatFails(self) -> None:
        """
        Where it fails when the route comes, the message is invalid.
        """

        def fails(queues: Sequence[MessageQueue], message: Message) -> MessageQueue:
            raise ZeroDivisionError

        sent = self.producer.send(Message("U", b"x"), selector=fails)
        self.failure(sent, InvalidMessage)
        self.assertEqual(self.producer.stats().inFlight, 0)

    def test_connectsTooLate(self) -> None:
        """
        A connection that takes longer than an attempt may ends that attempt.
        """
        self.swallow()
        producer = self.producerOf("hasty", attemptTimeout=1.0, sendTimeout=2.5)
        error = self.failure(producer.send(Message("T", b"x")), SendFailed)
        self.assertIsInstance(error.attempts[0].error, ConnectTimeout)
        self.assertAlmostEqual(error.attempts[0].elapsed, 1.0, 1)
        self.assertIs(error.persisted, NO)

    def test_routeComesTooLate(self) -> None:
        """
        A route that takes longer than a send has time ends it.
        """
        for each in self.sandbox.nameServers:
            each.push(faults.silence(), times=1000)
        sent = self.producer.send(Message("U", b"x"), timeout=1.0)
        error = self.failure(sent, SendFailed)
        self.assertIsInstance(error.cause, RemotingTimeout)
        self.assertIs(error.persisted, NO)

    def test_routeComes(self) -> None:
        """
        Where no name server answers it is asked for again, until one does.
        """
        for each in self.sandbox.nameServers:
            each.setDown()
        self.cluster.flush()
        failing = self.producer.send(Message("U", b"x"), timeout=1.0)
        lasting = self.producer.send(Message("U", b"x"))
        error = self.failure(failing, SendFailed)
        self.assertIsInstance(error.cause, NoNameServer)
        for each in self.sandbox.nameServers:
            each.setUp()
        self.assertIsInstance(self.result(lasting), SendResult)

    def test_noMaster(self) -> None:
        """
        A broker that has no master is waited for, until a route names one.
        """
        self.client.routes.usable["T"].masters.clear()
        result = self.sent(queue=MessageQueue("T", "broker-a", 0))
        self.assertIsInstance(result.attempts[0].error, NoWritableQueue)

    def test_stopped(self) -> None:
        """
        A stop ends them all, wherever they are, and leaves nothing on the clock.
        """
        self.swallow()
        rest = self.many(3)
        self.cluster.advance(3.05)
        wait = self.many(2)
        self.result(self.client.stopService())
        errors: list[Any] = [each.value for each in (*rest, *wait)]
        self.assertEqual(len(errors), 5)
        for error in errors:
            self.assertIsInstance(error.cause, NotRunning | ConnectFailed)
            self.assertIs(error.persisted, NO)

    def test_gatesAreForgotten(self) -> None:
        """
        Addresses at which nobody waits any more are not remembered for ever.
        """
        self.patch(unreached, "MOST_GATES", 3)
        sends = self.producer._sending._attempts._unreached
        self.swallow()
        sent = self.send()
        for at in range(10):
            sends.gateTo(f"127.0.0.1:{at}")
        self.assertIn(self.brokerA.address, sends._gates)
        self.assertLess(len(sends._gates), 5)
        sent.cancel()
        self.ended(sent)
