"""
Section D: routes and brokers, in virtual time.
"""

from __future__ import annotations

import time
from random import Random
from typing import Any

from tests.remoting.doubles import logged
from txrocketmq._wire.codes import RequestCode, ResponseCode
from txrocketmq.errors import (
    BrokerError,
    NoWritableQueue,
    RemotingTimeout,
    SendFailed,
)
from txrocketmq.message import (
    CommunicationMode,
    Message,
    MessageQueue,
    Persisted,
    SendResult,
)
from txrocketmq.producer import Producer
from txrocketmq.sandbox import faults
from txrocketmq.sandbox.settings import BrokerSettings
from txrocketmq.settings import ClientSettings, SessionCredentials
from txrocketmq.testing import MemoryCluster

from .marks import row
from .support import (
    MAYBE,
    NO,
    SEND,
    TICK,
    Ends,
    FaultTestCase,
    connectionsTo,
    deafen,
)

LOOKUP = RequestCode.GET_ROUTEINFO_BY_TOPIC


class RouteTests(FaultTestCase):
    """
    Routes that vanish and change.
    """

    @row("F43")
    def test_forgotten(self) -> None:
        """
        While name servers have forgotten a topic, sends to it go on.
        """
        for server in self.sandbox.nameServers:
            answer = faults.respond(ResponseCode.TOPIC_NOT_EXIST, "forgotten")
            server.push(answer, code=LOOKUP, times=1000)
        for _ in range(5):
            self.cluster.advance(11)
            self.assertEqual(len(self.sent().attempts), 1)
        for server in self.sandbox.nameServers:
            self.assertTrue(server.requests(LOOKUP))
            server.clear()

    @row("F44")
    def test_notWritable(self) -> None:
        """
        With nothing to write to a send fails as NO when its time is over; until
        then it looks the route up each second, and no oftener than ten times.
        """
        self.result(self.sandbox.createTopic("T", queues=2, perm=4))
        self.result(self.client.routes.refresh("T"))
        (server,) = self.sandbox.nameServers
        server.clear()
        self.failedWith(self.failed(), NoWritableQueue)
        lookups = len(server.requests(LOOKUP))
        self.assertTrue(10 <= lookups <= 40, lookups)
        self.assertEqual(self.brokerA.requests(SEND), [])

    @row("F44")
    def test_writableAgain(self) -> None:
        """
        A send that waits for a queue goes within 2.5 s of there being one.
        """
        self.result(self.sandbox.createTopic("T", queues=2, perm=4))
        self.result(self.client.routes.refresh("T"))
        self.sends(1)
        self.cluster.advance(5)
        self.assertEqual(self.ends.all, [])
        self.result(self.sandbox.createTopic("T", queues=2, perm=6))
        self.cluster.advance(2.5)
        self.assertEqual(len(self.ends.results), 1)

    @row("F45")
    def test_masterMoves(self) -> None:
        """
        A master that has moved is found within a second of the first failure,
        because of that failure, and its old connection is gone.
        """
        broker = self.brokerA
        old = broker.address
        broker.setDown()
        broker._port = 0
        self.result(broker.setUp())
        self.assertNotEqual(broker.address, old)
        queue = MessageQueue("T", "broker-a", 0)
        began = self.clock.seconds()
        result = self.sent(queue=queue)
        self.assertLessEqual(self.clock.seconds() - began, 1.0)
        self.assertEqual(result.attempts[-1].address, broker.address)
        self.assertNotIn(old, self.client.pool.connections)


class ReturnTests(FaultTestCase):
    """
    Sends to one queue, whose broker is gone and comes back.
    """

    QUEUE = MessageQueue("T", "broker-a", 0)

    def waits(self, away: float) -> float:
        """
        How long a send waits after its broker is back.
        """
        self.producer = self.producerOf(f"p{away * 10:.0f}", sendTimeout=30.0)
        self.brokerA.setDown()
        self.ends.watch(self.send(queue=self.QUEUE))
        self.cluster.advance(away)
        self.result(self.brokerA.setUp())
        back = self.clock.seconds()
        self.cluster.advance(5)
        ((ended, end),) = self.ends.of[-1]
        self.assertIsInstance(end, SendResult)
        return ended - back

    @row("F46")
    def test_soon(self) -> None:
        """
        Whenever it comes back, such a send goes within the time between two
        lookups of a route, and not after another one.
        """
        for at in range(12):
            self.cluster.advance(10)
            self.assertLessEqual(self.waits(6.0 + at / 10), 1.2 + TICK)

    @row("F46")
    def test_allAtOnce(self) -> None:
        """
        As soon as one of them is connected, the others go.
        """
        self.producer = self.producerOf("many", sendTimeout=30.0)
        self.brokerA.setDown()
        for _ in range(50):
            self.ends.watch(self.send(queue=self.QUEUE))
            self.cluster.advance(0.11)
        self.cluster.advance(3)
        self.result(self.brokerA.setUp())
        self.cluster.advance(1.2 + TICK)
        self.assertEqual(len(self.ends.results), 50)
        first = min(ended for ((ended, _),) in self.ends.of)
        last = max(ended for ((ended, _),) in self.ends.of)
        self.assertLessEqual(last - first, 0.3)


class RestartTests(FaultTestCase):
    """
    Brokers that go and come back.
    """

    @row("F47")
    def test_killedAgainAndAgain(self) -> None:
        """
        While brokers die and return in any order, at any moment: each send ends
        once and in time, what was acked is there, what was NO is not, and
        copies are declared.
        """
        for seed in range(5):
            self._nemesis(Random(seed))

    def _nemesis(self, random: Random) -> None:
        """
        One run.
        """
        began: list[float] = []
        affected = 0
        for at in range(150):
            if random.random() < 0.2:
                broker = random.choice([self.brokerA, self.brokerB])
                affected += broker.isUp
                if broker.isUp:
                    broker.setDown()
                else:
                    broker.setUp()
            began.append(self.clock.seconds())
            self.ends.watch(self.send(b"%d" % at))
            self.cluster.advance(random.choice([0, 0, 0.001, 0.3, 1.1]))
        for broker in (self.brokerA, self.brokerB):
            self.result(broker.setUp())
        self.cluster.advance(10 + TICK)
        self.assertGreater(affected, 5)
        stored = self.storedIds()
        for start, ends in zip(began, self.ends.of[-150:], strict=True):
            ((ended, end),) = ends
            self.assertLessEqual(ended - start, 10 + TICK)
            error = getattr(end, "value", None)
            if error is None:
                copies = stored.count(end.msgId)  # type: ignore[union-attr]
                allowed = 1 + end.possibleDuplicates  # type: ignore[union-attr]
                self.assertTrue(1 <= copies <= allowed)
            elif error.persisted is NO:
                self.assertEqual(stored.count(getattr(error, "msgId", "")), 0)

    @row("F48")
    def test_stopped(self) -> None:
        """
        A broker that stands still for so long costs its sends one attempt; they
        go elsewhere, and what it answers late is counted and nothing else.
        """
        for pause in (5, 30, 120):
            self.brokerA.push(faults.delay(pause), code=SEND, times=5, stored=True)
            queues = [MessageQueue("T", "broker-a", 0), None]
            before = self.client.stats().lateAnswers
            self.sends(4)
            self.cluster.advance(3.2)
            results = self.ends.results[-4:]
            self.assertEqual(len(results), 4)
            for result in results:
                self.assertEqual(result.possibleDuplicates, len(result.attempts) - 1)
                self.assertEqual(
                    self.storedIds().count(result.msgId), len(result.attempts)
                )
            self.cluster.advance(pause)
            late = self.client.stats().lateAnswers - before
            # A connection that said nothing was dropped, and its answers with it.
            self.assertIn(late, (0, 1, 2))
            self.brokerA.clear()
            del queues

    @row("F48", "F33")
    def test_lateAnswers(self) -> None:
        """
        A late answer on a connection that lives is counted, and the send that
        had timed out stays what it was.
        """
        queue = MessageQueue("T", "broker-a", 0)
        self.brokerA.push(faults.delay(4), code=SEND, stored=True)
        sent = self.ends.watch(self.send(queue=queue, timeout=3.0))
        self.cluster.advance(2)
        # Something else is answered: the connection is seen to live.
        self.sent(queue=queue)
        self.cluster.advance(3)
        (error,) = self.ends.errors
        self.assertIsInstance(error.cause, RemotingTimeout)
        self.assertIs(error.persisted, MAYBE)
        self.assertEqual(self.client.stats().lateAnswers, 1)
        self.assertTrue(sent.called)
        self.assertEqual(len(self.ends.all), 1)

    @row("F49")
    def test_onlyBroker(self) -> None:
        """
        Without another broker the send goes on trying until its deadline, backs
        off, and tells the most that is to be feared.
        """
        queue = MessageQueue("T", "broker-a", 0)
        self.brokerA.push(faults.reset(), code=SEND)
        sent = self.ends.watch(self.send(queue=queue))
        self.cluster.flush()
        self.brokerA.setDown()
        began = self.clock.seconds()
        self.cluster.advance(10 + TICK)
        self.assertTrue(sent.called)
        (error,) = self.ends.errors
        self.assertIs(error.persisted, MAYBE)
        (ended, _), *more = self.ends.of[0]
        self.assertEqual(more, [])
        self.assertApproximates(ended - began, 10.0, 1.3)
        self.assertLessEqual(ended - began, 10 + TICK)
        made = len(error.attempts) + error.omittedAttempts
        self.assertTrue(10 <= made <= 25, made)
        self.assertIsInstance(error.cause, NoWritableQueue)


class RecoveryTests(FaultTestCase):
    """
    The only broker, which goes and comes back.
    """

    brokers = 1

    @row("F46")
    def test_recovered(self) -> None:
        """
        However long the broker was away, a send that waits for it is stored
        within 1.5 s of its return; nothing acked is lost, and nothing is there
        twice.
        """
        self.producer = self.producerOf("patient", sendTimeout=60.0)
        acked = [self.sent().msgId]
        random = Random(46)
        for _ in range(60):
            # Connections that are lost within seconds are another matter: F18.
            self.cluster.advance(6)
            self.brokerA.setDown()
            self.sends(1)
            self.cluster.advance(random.choice([0.05, 1.0, 7.0]) + random.random())
            self.result(self.brokerA.setUp())
            self.cluster.advance(1.5)
            ((_, end),) = self.ends.of[-1]
            assert isinstance(end, SendResult)
            acked.append(end.msgId)
        self.assertEqual(sorted(self.storedIds()), sorted(acked))


class SlowTests(FaultTestCase):
    """
    Brokers that answer late, or lose answers.
    """

    @row("F50")
    def test_slow(self) -> None:
        """
        A broker that answers just in time is asked once for each message, and
        sends to the other one take no time.
        """
        self.brokerA.push(faults.delay(2.9), code=SEND, times=1000)
        self.sends(40)
        self.cluster.flush()
        fast = self.ends.results
        self.assertEqual({r.messageQueue.brokerName for r in fast}, {"broker-b"})
        self.assertEqual(len(fast), 20)
        self.cluster.advance(2.9 + TICK)
        self.assertEqual(len(self.ends.results), 40)
        self.assertEqual({len(r.attempts) for r in self.ends.results}, {1})
        self.assertEqual(self.producer.stats().retries, 0)

    @row("F51")
    def test_answersAreLost(self) -> None:
        """
        Where requests arrive and answers do not, each try but the last leaves
        one declared copy under the same id, and no other.
        """
        network = self.cluster.network
        for client, _ in connectionsTo(network, self.brokerA.address):
            deafen(client)
        for client, _ in connectionsTo(network, self.brokerB.address):
            deafen(client)
        result = self.sent()
        self.assertEqual(len(result.attempts), 3)
        self.assertEqual(result.possibleDuplicates, 2)
        self.assertEqual(self.storedIds(), [result.msgId] * 3)

    @row("F53")
    def test_weakIsNotPlain(self) -> None:
        """
        A weak status is a result that says so.
        """
        for code, name in (
            (10, "FLUSH_DISK_TIMEOUT"),
            (11, "SLAVE_NOT_AVAILABLE"),
            (12, "FLUSH_SLAVE_TIMEOUT"),
        ):
            self.both(faults.respond(code), stored=True)
            self.assertEqual(self.sent().sendStatus.name, name)
            for broker in self.sandbox.brokers.values():
                broker.clear()
        self.assertEqual(len(self.stored()), 3)

    @row("F55")
    def test_busyStorm(self) -> None:
        """
        When brokers that refused everything for a minute take messages again, a
        send that waits is stored within five seconds.
        """
        self.producer = self.producerOf("patient", sendTimeout=120.0)
        self.both(faults.respond(2, "[PCBUSY_CLEAN_QUEUE]"), times=10_000)
        self.sends(10)
        self.cluster.advance(60)
        self.assertEqual(self.ends.all, [])
        for broker in self.sandbox.brokers.values():
            broker.clear()
        self.cluster.advance(5)
        self.assertEqual(len(self.ends.results), 10)
        self.assertEqual({r.possibleDuplicates for r in self.ends.results}, {0})


class CodeTests(FaultTestCase):
    """
    Answers that are no success, from end to end.
    """

    @row("F52")
    def test_everyCode(self) -> None:
        """
        Each answer's code alone decides whether the failure is NO or MAYBE, in
        single sends and batches, and sends of one queue end with the code.
        """
        queue = MessageQueue("T", "broker-a", 0)
        no = {2, 3, 13, 14, 15, 16, 17, 29, 204, 205, 215, 501}
        for code in sorted(no | {-1, 1, 4, 201, 206, 2000, 40_000, -77}):
            wanted = Persisted.NO if code in no else Persisted.MAYBE
            for batch in (False, True):
                self.brokerA.push(faults.respond(code, "words"), times=1000)
                if batch:
                    messages = [Message("T", b"a"), Message("T", b"b")]
                    error = self.failure(
                        self.producer.sendBatch(messages, queue=queue, timeout=0.3),
                        SendFailed,
                    )
                else:
                    error = self.failed(queue=queue, timeout=0.3)
                self.brokerA.clear()
                self.assertIs(error.persisted, wanted, f"{code}: {error}")
                self.assertIsInstance(error.cause, BrokerError)
                self.assertEqual(error.code, code)
                # One that was busy is left alone for a moment.
                self.cluster.advance(1.2)
        self.assertEqual(self.stored(), [])

    @row("F52")
    def test_codesOfOneway(self) -> None:
        """
        A oneway send is over when it is written, whatever is answered.
        """
        self.both(faults.respond(2, "busy"), times=9)
        self.assertIsNone(self.result(self.producer.sendOneway(Message("T", b"x"))))
        self.cluster.flush()


class AccessTests(FaultTestCase):
    """
    Brokers that know who may send.
    """

    SECRET = "CANARY-7d1b"

    def setUp(self) -> None:
        """
        Have brokers with other secrets than the client's.
        """
        super().setUp()
        settings = BrokerSettings(credentials={"me": "another", "bad": "secret"})
        self.closed = MemoryCluster(brokers=2, settings=settings)
        self.closed.result(self.closed.sandbox.createTopic("T"))
        self.addCleanup(self.closed.stop)

    def signing(self, secret: str = SECRET, **options: Any) -> Producer:
        """
        A producer whose credentials are wrong, unless they are said to be others.
        """
        self.credentials = SessionCredentials("me", secret)
        settings = ClientSettings(credentials=lambda: self.credentials)
        return Producer(self.closed.client(settings), "group", **options)

    def refused(self, producer: Producer, topic: str = "T") -> SendFailed:
        """
        Send in vain.
        """
        try:
            self.closed.result(producer.send(Message(topic, b"x")))
        except SendFailed as failed:
            return failed
        raise AssertionError("it was stored")

    def requests(self) -> int:
        """
        How many sends have reached these brokers.
        """
        brokers = self.closed.sandbox.brokers.values()
        return sum(len(broker.requests(SEND)) for broker in brokers)

    @row("F54")
    def test_badSignature(self) -> None:
        """
        A send that is not authorised is NO after one try, and neither the error
        nor the log shows the secret.
        """
        log = logged(self)
        error = self.refused(self.signing())
        self.assertIs(error.persisted, NO)
        self.assertEqual(len(error.attempts), 1)
        self.assertFalse(error.retriable)
        self.assertEqual(self.requests(), 1)
        self.assertNotIn(self.SECRET, f"{error} {error!r} {error.attempts!r}")
        self.assertNotIn(self.SECRET, repr(list(log)))

    @row("F54")
    def test_circuit(self) -> None:
        """
        Refused credentials are tried once at each broker in half a minute; all
        other sends fail at once, as if they had been answered.
        """
        producer = self.signing()
        for minutes in range(3):
            for _ in range(50):
                error = self.refused(producer)
                self.assertEqual((error.code, len(error.attempts)), (16, 1))
                self.assertIn("check signature failed", str(error))
                self.assertIs(error.persisted, NO)
                self.closed.advance(0.5)
            self.assertEqual(self.requests(), 2 * (minutes + 1))
            self.assertIsNone(error.attempts[0].address)
            self.closed.advance(6)

    @row("F54")
    def test_newCredentials(self) -> None:
        """
        Other credentials are used at once, and those that were refused are, once
        a broker takes them.
        """
        producer = self.signing()
        for _ in range(4):
            self.refused(producer)
        self.assertEqual(self.requests(), 2)
        self.credentials = SessionCredentials("me", "another")
        for _ in range(8):
            self.closed.result(producer.send(Message("T", b"x")))
        self.assertEqual(self.requests(), 10)

    @row("F54")
    def test_oneTopic(self) -> None:
        """
        Credentials that may not write to one topic, or at one broker, are used for
        the others.
        """
        self.closed.result(self.closed.sandbox.createTopic("U"))
        producer = self.signing("another")
        words = "User:me has no permission to access Topic:T from 127.0.0.1"
        one, _ = self.closed.sandbox.brokers.values()
        one.push(faults.respond(16, words), code=SEND, times=1)
        ends = Ends(self.closed.clock)
        for _ in range(6):
            ends.watch(producer.send(Message("T", b"x")))
            self.closed.flush()
        self.assertEqual((len(ends.all), len(ends.errors)), (6, 1))
        self.assertEqual(len(one.requests(SEND)), 1)
        # Once to each queue, wherever the first one goes.
        for _ in range(8):
            self.closed.result(producer.send(Message("U", b"x")))
        self.assertEqual(len(one.requests(SEND)), 1 + 4)

    @row("F54")
    def test_expiredToken(self) -> None:
        """
        A token that a broker says is over is tried once there; the next one is used
        at once, and is part of what is signed.
        """
        words = "AclException: the security token has expired, accessKey=me"
        for broker in self.closed.sandbox.brokers.values():
            broker.push(faults.respond(1, words), code=SEND)
        producer = self.signing("another")
        self.credentials = SessionCredentials("me", "another", "yesterday's")
        for _ in range(6):
            error = self.refused(producer)
            self.assertEqual((error.code, error.persisted), (1, NO))
            self.assertFalse(error.retriable)
            self.assertNotIn("yesterday", f"{error} {error!r} {error.attempts!r}")
        self.assertEqual(self.requests(), 2)
        self.credentials = SessionCredentials("me", "another", "today's")
        for _ in range(4):
            self.closed.result(producer.send(Message("T", b"x")))
        tokens = [
            each.extFields.get("SecurityToken")
            for broker in self.closed.sandbox.brokers.values()
            for each in broker.requests(SEND)
        ]
        self.assertEqual(tokens.count("yesterday's"), 2)
        self.assertEqual(tokens.count("today's"), 4)

    @row("F54")
    def test_skewedClock(self) -> None:
        """
        What is signed is taken whatever our wall clock says.
        """
        producer = self.signing("another")
        real = time.time
        for step in (3600, -3600, 315_000_000, -315_000_000):
            self.patch(time, "time", lambda step=step: real() + step)
            result = self.closed.result(producer.send(Message("T", b"x")))
            self.assertEqual(len(result.attempts), 1)

    @row("F54")
    def test_javasRules(self) -> None:
        """
        Java's rules ask each time, and three times.
        """
        producer = self.signing()
        for _ in range(3):
            sent = producer.send(Message("T", b"x"), mode=CommunicationMode.SYNC)
            with self.assertRaises(SendFailed):
                self.closed.result(sent)
        self.assertEqual(self.requests(), 9)
