"""
Tests of L{txrocketmq.Producer} against the sandbox in memory.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Any

from tests.sending.support import ClusterTestCase
from txrocketmq import selectors
from txrocketmq._wire.codes import RequestCode
from txrocketmq.errors import (
    ConnectFailed,
    ConnectionClosed,
    GoAway,
    IllegalOperation,
    InvalidConfiguration,
    InvalidMessage,
    MalformedAnswer,
    MessageIllegal,
    NoNameServer,
    NotRunning,
    NoWritableQueue,
    ProtocolError,
    RemotingTimeout,
    SendCancelled,
    SendFailed,
    SystemBusy,
    TooManyInFlight,
    TopicNotFound,
    WeakAck,
)
from txrocketmq.message import (
    CommunicationMode,
    Message,
    MessageQueue,
    Persisted,
    RequiredAck,
    SendStatus,
    WhenFull,
)
from txrocketmq.producer import Producer
from txrocketmq.sandbox import faults

NO, MAYBE, YES = Persisted.NO, Persisted.MAYBE, Persisted.YES
SEND = RequestCode.SEND_MESSAGE_V2


class StoredTests(ClusterTestCase):
    """
    Messages that reach their queue.
    """

    def test_stored(self) -> None:
        """
        What is stored is what was sent, where the result says.
        """
        message = Message(
            "T", b"\0body", tags="tag", keys=["k1", "k2"], properties={"own": "é"}
        )
        result = self.result(self.producer.send(message))
        (stored,) = self.stored()
        self.assertEqual(stored.body, b"\0body")
        self.assertEqual(stored.properties["TAGS"], "tag")
        self.assertEqual(stored.properties["KEYS"], "k1 k2")
        self.assertEqual(stored.properties["own"], "é")
        self.assertEqual(stored.properties["UNIQ_KEY"], result.msgId)
        self.assertEqual(stored.offsetMsgId, result.offsetMsgId)
        self.assertEqual(stored.queueId, result.messageQueue.queueId)
        self.assertEqual(stored.queueOffset, result.queueOffset)
        self.assertIs(result.sendStatus, SendStatus.SEND_OK)
        (attempt,) = result.attempts
        self.assertEqual(attempt.messageQueue, result.messageQueue)
        self.assertEqual((attempt.error, attempt.persisted), (None, YES))
        self.assertEqual(result.possibleDuplicates, 0)

    def test_allQueuesInTurn(self) -> None:
        """
        Each queue of each broker gets its share.
        """
        queues = [self.sent().messageQueue for _ in range(8)]
        self.assertEqual(len(set(queues)), 4)
        self.assertEqual(queues[:4], queues[4:])

    def test_unknownTopicIsMade(self) -> None:
        """
        A topic that does not exist goes by the default topic's route.
        """
        result = self.result(self.producer.send(Message("New", b"x")))
        self.assertEqual(result.messageQueue.topic, "New")
        self.assertEqual(len(self.stored("New")), 1)

    def test_chosenQueue(self) -> None:
        """
        A queue that is named gets the message.
        """
        queue = MessageQueue("T", "broker-b", 1)
        for _ in range(3):
            self.assertEqual(self.sent(queue=queue).messageQueue, queue)

    def test_selector(self) -> None:
        """
        It is given all queues and the message, and its choice is taken.
        """
        seen: list[Any] = []

        def last(queues: Any, message: Message) -> MessageQueue:
            seen.append((queues, message))
            return queues[-1]  # type: ignore[no-any-return]

        message = Message("T", b"x")
        result = self.result(self.producer.send(message, selector=last))
        self.assertEqual(result.messageQueue, MessageQueue("T", "broker-b", 1))
        ((queues, given),) = seen
        self.assertEqual(len(queues), 4)
        self.assertIs(given, message)

    def test_shardingKey(self) -> None:
        """
        One key goes to one queue, the one its selector says.
        """
        message = Message("T", b"x", shardingKey="order-7")
        queues = {
            self.result(self.producer.send(message)).messageQueue for _ in range(4)
        }
        every = self.result(self.producer.publishQueues("T"))
        self.assertEqual(queues, {selectors.byHash("order-7")(every, message)})

    def test_oneway(self) -> None:
        """
        It is over when it is written, and the message arrives.
        """
        self.assertIsNone(self.result(self.producer.sendOneway(Message("T", b"one"))))
        self.cluster.flush()
        self.assertEqual([message.body for message in self.stored()], [b"one"])
        (request,) = self.brokerA.requests(SEND) + self.brokerB.requests(SEND)
        self.assertTrue(request.isOneway)

    def test_batch(self) -> None:
        """
        Each message has its own id and its own place in one queue.
        """
        messages = [Message("T", b"%d" % at) for at in range(5)]
        results = self.result(self.producer.sendBatch(messages))
        stored = sorted(self.stored(), key=lambda each: each.queueOffset)
        self.assertEqual([each.body for each in stored], [m.body for m in messages])
        self.assertEqual(
            [(r.msgId, r.offsetMsgId, r.queueOffset) for r in results],
            [(s.msgId, s.offsetMsgId, s.queueOffset) for s in stored],
        )

    def test_publishQueues(self) -> None:
        """
        They are those of a route that was just looked up.
        """
        self.assertEqual(len(self.result(self.producer.publishQueues("T"))), 4)
        self.result(self.sandbox.createTopic("T", queues=3))
        queues = self.result(self.producer.publishQueues("T"))
        self.assertEqual(len(queues), 6)
        self.assertEqual(queues[0], MessageQueue("T", "broker-a", 0))
        self.failure(self.producer.publishQueues("Nowhere"), TopicNotFound)
        self.failure(self.producer.publishQueues("a b"), InvalidMessage)

    def test_resendUnderTheSameId(self) -> None:
        """
        A resend has the id of the send before.
        """
        first = self.sent()
        second = self.sent(msgId=first.msgId)
        self.assertEqual(first.msgId, second.msgId)
        self.assertEqual({each.msgId for each in self.stored()}, {first.msgId})

    def test_stats(self) -> None:
        """
        What was sent and what failed is counted.
        """
        self.sent()
        self.brokerA.push(faults.respond(13), times=9)
        self.brokerB.push(faults.respond(13), times=9)
        self.failed()
        stats = self.producer.stats()
        self.assertEqual((stats.sent, stats.failed, stats.attempts), (1, 1, 2))
        self.assertEqual(
            (stats.inFlight, stats.inFlightBytes, stats.waiting), (0, 0, 0)
        )


class RefusedHereTests(ClusterTestCase):
    """
    What is refused before anything is sent.
    """

    def test_invalid(self) -> None:
        """
        It fails at once, and no broker hears of it.
        """
        queue = MessageQueue("T", "broker-a", 0)
        for message, options in (
            (Message("T", b""), {}),
            (Message("a b", b"x"), {}),
            ("no message", {}),
            (Message("T", b"x"), {"queue": MessageQueue("U", "broker-a", 0)}),
            (Message("T", b"x"), {"queue": "broker-a:0"}),
            (Message("T", b"x"), {"queue": queue, "selector": lambda q, m: q[0]}),
            (Message("T", b"x"), {"queue": MessageQueue("T", "broker-a", -1)}),
            (Message("T", b"x"), {"selector": "first"}),
            (Message("T", b"x"), {"timeout": float("nan")}),
            (Message("T", b"x"), {"mode": "SYNC"}),
            (Message("T", b"x"), {"msgId": ""}),
        ):
            sent = self.producer.send(message, **options)  # type: ignore[arg-type]
            error = self.failureResultOf(sent, InvalidMessage).value
            self.assertIs(error.persisted, NO)
        self.failureResultOf(self.producer.sendBatch([]), InvalidMessage)
        self.failureResultOf(
            self.producer.sendOneway(Message("T", b"")), InvalidMessage
        )
        self.assertEqual(self.brokerA.requests(), [])

    def test_selectorsThatChooseNothing(self) -> None:
        """
        One that raises, and one that invents a queue, with and without a route.
        """

        def raises(queues: Any, message: Any) -> MessageQueue:
            raise ZeroDivisionError("oh")

        invents = lambda queues, message: MessageQueue("T", "nowhere", 0)  # noqa: E731
        for _ in range(2):
            error = self.failure(self.send(selector=raises), InvalidMessage)
            self.assertIn("ZeroDivisionError", str(error))
            self.failure(self.send(selector=invents), InvalidMessage)
            self.warm()
        self.assertEqual(self.producer.stats().inFlight, 0)

    def test_notRunning(self) -> None:
        """
        Before the start, after the stop, and once the producer is closed.
        """
        closed = self.producerOf("closed")
        self.result(closed.close())
        self.failureResultOf(closed.send(Message("T", b"x")), NotRunning)
        self.failureResultOf(closed.sendOneway(Message("T", b"x")), NotRunning)
        self.failureResultOf(closed.sendBatch([Message("T", b"x")]), NotRunning)
        self.failureResultOf(closed.publishQueues("T"), NotRunning)
        self.result(self.client.stopService())
        error = self.failureResultOf(self.send(), NotRunning).value
        self.assertEqual((error.persisted, error.retriable), (NO, False))

    def test_badProducers(self) -> None:
        """
        A wrong group or setting, and a second producer of one group.
        """
        self.assertRaises(InvalidConfiguration, Producer, self.client, "a b")
        self.assertRaises(ValueError, Producer, self.client, "group")
        self.assertRaises(InvalidConfiguration, self.producerOf, "g", compressLevel=99)

    def test_afterAFork(self) -> None:
        """
        A child process is told to make its own client.
        """
        self.client.owner = 0
        self.failureResultOf(self.send(), InvalidConfiguration)


class RetryTests(ClusterTestCase):
    """
    Failures on the way, and how the send goes on.
    """

    def setUp(self) -> None:
        """
        Begin with warm connections.
        """
        super().setUp()
        self.warm()

    def both(self, fault: Any, times: int = 1, **options: Any) -> None:
        """
        Have both brokers do this.
        """
        for broker in self.sandbox.brokers.values():
            broker.push(fault, code=SEND, times=times, **options)

    def test_busyBrokerIsLeft(self) -> None:
        """
        The next try is on the other broker, at once.
        """
        self.both(faults.respond(2, "[REJECTREQUEST]"), times=1)
        started = self.clock.seconds()
        # Both are busy once: the third try is after a back-off.
        result = self.sent()
        first, second, _ = result.attempts
        self.assertIsInstance(first.error, SystemBusy)
        self.assertEqual([a.persisted for a in result.attempts], [NO, NO, YES])
        assert first.messageQueue is not None
        assert second.messageQueue is not None
        self.assertNotEqual(
            first.messageQueue.brokerName, second.messageQueue.brokerName
        )
        self.assertTrue(0.08 <= self.clock.seconds() - started <= 0.12)
        self.assertEqual(result.possibleDuplicates, 0)
        self.assertEqual(len(self.stored()), 1)

    def test_finalAnswers(self) -> None:
        """
        What will not change ends the send with the broker's words.
        """
        self.both(faults.respond(13, "the message is illegal"), times=9)
        error = self.failed()
        self.assertIsInstance(error.cause, MessageIllegal)
        self.assertEqual((error.persisted, error.code), (NO, 13))
        self.assertEqual(len(error.attempts), 1)
        self.assertFalse(error.retriable)
        self.assertIn("the message is illegal", str(error))

    def test_lostAfterStoring(self) -> None:
        """
        A connection that is lost before the answer leaves a possible duplicate,
        under the same id.
        """
        self.both(faults.reset(), stored=True)
        result = self.sent(b"once")
        self.assertEqual(result.possibleDuplicates, 2)
        self.assertEqual([a.persisted for a in result.attempts], [MAYBE, MAYBE, YES])
        self.assertIsInstance(result.attempts[0].error, ConnectionClosed)
        self.assertEqual({m.msgId for m in self.stored()}, {result.msgId})
        self.assertEqual(len(self.stored()), 3)

    def test_silence(self) -> None:
        """
        A broker that says nothing has its three seconds, then the other one.
        """
        self.both(faults.silence(), times=1)
        started = self.clock.seconds()
        result = self.sent()
        self.assertEqual([a.persisted for a in result.attempts], [MAYBE, MAYBE, YES])
        self.assertIsInstance(result.attempts[0].error, RemotingTimeout)
        self.assertApproximates(self.clock.seconds() - started, 6.1, 0.1)

    def test_noResendWhenMaybe(self) -> None:
        """
        With C{resendWhenMaybe=False} one MAYBE is the end.
        """
        self.producer = self.producerOf("careful", resendWhenMaybe=False)
        self.both(faults.close(), stored=True)
        error = self.failed()
        self.assertIs(error.persisted, MAYBE)
        self.assertEqual(len(error.attempts), 1)
        self.assertEqual(len(self.stored()), 1)

    def test_maybeIsRetriedByCount(self) -> None:
        """
        Three tries that may have stored it are the end.
        """
        self.both(faults.close(), times=9)
        error = self.failed()
        self.assertEqual(len(error.attempts), 3)
        self.assertIs(error.persisted, MAYBE)
        self.assertTrue(error.retriable)

    def test_garbage(self) -> None:
        """
        Bytes that are no frames end the connection, not the send.
        """
        self.both(faults.garbage(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
        result = self.sent()
        self.assertIsInstance(result.attempts[0].error, ProtocolError)
        self.assertEqual(len(result.attempts), 3)

    def test_goAway(self) -> None:
        """
        A stopping broker is asked again on a new connection; that counts for
        nothing.
        """
        self.both(faults.goAway())
        result = self.sent()
        self.assertEqual(len(result.attempts), 1)
        self.assertEqual(len(self.stored()), 1)

    def test_goAwayTwice(self) -> None:
        """
        One that goes on saying so is left for the other.
        """
        self.brokerA.push(faults.goAway(), code=SEND, times=50)
        for _ in range(4):
            result = self.sent()
            self.assertEqual(result.messageQueue.brokerName, "broker-b")

    def test_goAwayForEver(self) -> None:
        """
        Where every broker goes on saying so, that is what the send ends with,
        however often it was not even connected in the end.
        """
        self.both(faults.goAway(), times=999)
        error = self.failed()
        self.assertIsInstance(error.cause, GoAway)
        self.assertEqual((error.code, error.persisted), (1500, NO))
        self.assertTrue(error.retriable)
        # The next one is not even connected any more, and is told why.
        error = self.failed(timeout=1.0)
        self.assertIsInstance(error.cause, ConnectFailed)
        self.assertIn("GO_AWAY", str(error))
        self.assertIs(error.persisted, NO)

    def test_goneAway(self) -> None:
        """
        One that has said so and is gone is not there: that is what it ends with.
        """
        self.both(faults.goAway(), times=999)
        sending = self.send(timeout=5.0)
        self.cluster.advance(0.3)
        self.bothDown()
        error = self.failure(sending, SendFailed)
        self.assertIsInstance(error.cause, ConnectFailed)
        self.assertIs(error.persisted, NO)

    def test_unreadableSuccessIsNotSentAgain(self) -> None:
        """
        It is stored, and that is known.
        """
        self.both(faults.respond(0, extFields={}), stored=True)
        error = self.failed()
        self.assertIsInstance(error.cause, MalformedAnswer)
        self.assertIs(error.persisted, YES)
        self.assertEqual(len(self.stored()), 1)

    def test_anotherQueueIsNotBelieved(self) -> None:
        """
        A confirmation that names another queue, or none, says that the message is
        stored and not where: it is not sent again.
        """
        for queueId in ("1", "-1", "x", ""):
            for options in ({}, {"timeout": 5.0}):
                fields = {"msgId": "A", "queueId": queueId, "queueOffset": "0"}
                self.brokerA.clear()
                self.brokerA.push(faults.respond(0, extFields=fields), code=SEND)
                queue = MessageQueue("T", "broker-a", 0)
                error = self.failed(queue=queue, **options)
                self.assertIsInstance(error.cause, MalformedAnswer)
                self.assertIs(error.persisted, YES)
                self.assertEqual(len(self.brokerA.requests(SEND)), 1)

    def test_anotherQueueIsNotBelievedOfPlainSends(self) -> None:
        """
        Nor is it where the queue was chosen here.
        """
        fields = {"msgId": "A", "queueId": "7", "queueOffset": "0"}
        self.both(faults.respond(0, extFields=fields), times=9)
        for _ in range(4):
            error = self.failed()
            self.assertIsInstance(error.cause, MalformedAnswer)
            self.assertIn("in queue 7", str(error))
            self.assertEqual(len(error.attempts), 1)

    def test_oldBroker(self) -> None:
        """
        A broker that does not know the short header is sent the long one, at once
        and from then on, until it is connected to anew.
        """
        self.brokerA.push(faults.respond(3, "not supported"), code=SEND, times=99)
        queue = MessageQueue("T", "broker-a", 1)
        for tries in (2, 1, 1):
            result = self.sent(queue=queue)
            self.assertEqual([a.messageQueue for a in result.attempts], [queue] * tries)
            self.assertEqual(result.possibleDuplicates, 0)
        self.result(self.producer.sendOneway(Message("T", b"x"), queue=queue))
        self.cluster.flush()
        self.assertEqual(len(self.brokerA.requests(SEND)), 1)
        old = self.brokerA.requests(RequestCode.SEND_MESSAGE)
        self.assertEqual(len(old), 4)
        self.assertEqual(old[0].extFields["queueId"], "1")
        self.assertEqual(old[0].extFields["bname"], "broker-a")
        self.assertEqual(len(self.stored()), 4)
        self.brokerA.setDown()
        self.cluster.flush()
        self.result(self.brokerA.setUp())
        self.brokerA.clear()
        self.sent(queue=queue)
        self.assertEqual(len(self.brokerA.requests(SEND)), 1)
        self.assertEqual(self.brokerA.requests(RequestCode.SEND_MESSAGE), [])

    def test_knowsNeitherHeader(self) -> None:
        """
        A broker that knows neither ends the send, as one does that is sent a
        batch, or under Java's rules.
        """
        self.brokerA.push(faults.respond(3, "not supported"), times=99)
        queue = MessageQueue("T", "broker-a", 1)
        error = self.failed(queue=queue)
        self.assertEqual((error.code, len(error.attempts)), (3, 2))
        self.assertIs(error.persisted, NO)
        error = self.failed(queue=queue, mode=CommunicationMode.SYNC)
        self.assertEqual((error.code, len(error.attempts)), (3, 1))
        batch = self.producer.sendBatch([Message("T", b"x")], queue=queue)
        error = self.failure(batch, SendFailed)
        self.assertEqual((error.code, len(error.attempts)), (3, 1))

    def test_longHeader(self) -> None:
        """
        C{sendSmartMsg=False} is the long header for single messages; there is no
        other way then.
        """
        self.producer = self.producerOf("long", sendSmartMsg=False)
        for mode in (None, CommunicationMode.SYNC):
            self.sent(mode=mode)
        self.result(self.producer.sendBatch([Message("T", b"x")]))
        codes = [
            each.code
            for broker in self.sandbox.brokers.values()
            for each in broker.requests()
            if each.code in (10, 310, 320)
        ]
        self.assertEqual(sorted(codes), [10, 10, 320])
        self.both(faults.respond(3), times=9)
        queue = MessageQueue("T", "broker-a", 1)
        self.brokerA.push(faults.respond(3), times=9)
        self.assertEqual(len(self.failed(queue=queue).attempts), 1)

    def test_weakAck(self) -> None:
        """
        Less than is required is a failure that says YES.
        """
        fields = {"msgId": "A", "queueId": "0", "queueOffset": "0"}
        self.both(faults.respond(12, extFields=fields), times=9)
        queue = MessageQueue("T", "broker-a", 0)
        result = self.sent(queue=queue)
        self.assertIs(result.sendStatus, SendStatus.FLUSH_SLAVE_TIMEOUT)
        self.producer = self.producerOf("s", requiredAck=RequiredAck.REPLICATED)
        error = self.failed(queue=queue)
        self.assertIsInstance(error.cause, WeakAck)
        self.assertIs(error.persisted, YES)

    def test_brokerDown(self) -> None:
        """
        No send fails while another broker is there, and the dead one is left
        out of first tries.
        """
        self.brokerA.setDown()
        self.cluster.flush()
        tries = [len(self.sent().attempts) for _ in range(10)]
        self.assertEqual(sorted(tries), [1] * 9 + [2])
        self.assertEqual(len(self.stored()), 10)

    def test_brokerComesBack(self) -> None:
        """
        A broker that is there again is used again, soon.
        """
        self.brokerA.setDown()
        for _ in range(4):
            self.sent()
        self.result(self.brokerA.setUp())
        self.cluster.advance(30)
        brokers = {self.sent().messageQueue.brokerName for _ in range(8)}
        self.assertEqual(brokers, {"broker-a", "broker-b"})

    def test_allDown(self) -> None:
        """
        The send goes on until its time is over, and says NO.
        """
        self.bothDown()
        started = self.clock.seconds()
        error = self.failed()
        self.assertIs(error.persisted, NO)
        self.assertApproximates(self.clock.seconds() - started, 9.9, 0.01)
        self.assertEqual(len(error.attempts), 4)
        self.assertTrue(error.omittedAttempts > 5)
        self.assertIsInstance(error.cause, ConnectFailed)
        self.assertTrue(error.retriable)

    def test_lastTryHasTime(self) -> None:
        """
        No try is begun whose answer could not come in time: what every broker
        refuses is surely not stored.
        """
        self.both(faults.respond(2), times=999)
        for _ in range(50):
            error = self.failed(timeout=1)
            self.assertIs(error.persisted, NO)

    def test_downForAMoment(self) -> None:
        """
        A cluster that is back within the time costs no send.
        """
        self.bothDown()
        sending = self.send()
        self.cluster.advance(4)
        self.assertNoResult(sending)
        self.result(self.brokerB.setUp())
        self.assertTrue(len(self.result(sending).attempts) > 2)
        self.assertEqual(len(self.stored()), 1)

    def test_noRetryOnAnotherQueue(self) -> None:
        """
        A send to one queue tries that queue again, and no other.
        """
        queue = MessageQueue("T", "broker-a", 1)
        self.brokerA.push(faults.respond(2), code=SEND, times=3)
        result = self.sent(queue=queue)
        self.assertEqual({a.messageQueue for a in result.attempts}, {queue})
        self.assertEqual(len(result.attempts), 4)

    def test_noSuchBroker(self) -> None:
        """
        A queue of a broker that is in no route cannot be written to.
        """
        error = self.failed(queue=MessageQueue("T", "gone", 0), timeout=1)
        self.assertIsInstance(error.cause, NoWritableQueue)

    def test_topicGoneFromABroker(self) -> None:
        """
        A broker without the topic is asked once, then the other.
        """
        self.brokerA.push(faults.respond(17, "topic[T] not exist"), code=SEND, times=9)
        for _ in range(4):
            self.assertEqual(self.sent().messageQueue.brokerName, "broker-b")
        self.both(faults.respond(17, "topic[T] not exist"), times=9)
        error = self.failed()
        self.assertEqual((error.code, len(error.attempts)), (17, 2))

    def test_sync(self) -> None:
        """
        Java's SYNC: three tries at once, then the end.
        """
        self.both(faults.respond(2), times=9)
        started = self.clock.seconds()
        error = self.failed(mode=CommunicationMode.SYNC)
        self.assertEqual((len(error.attempts), error.code), (3, 2))
        self.assertEqual(self.clock.seconds(), started)
        brokers = [a.messageQueue and a.messageQueue.brokerName for a in error.attempts]
        self.assertEqual(brokers[0], brokers[2])
        self.assertNotEqual(brokers[0], brokers[1])

    def test_syncTimeout(self) -> None:
        """
        Java's SYNC: one hung broker takes all of the time.
        """
        self.both(faults.silence(), times=9)
        error = self.failed(mode=CommunicationMode.SYNC, timeout=3)
        self.assertEqual(len(error.attempts), 1)
        self.assertIs(error.persisted, MAYBE)

    def test_async(self) -> None:
        """
        Java's ASYNC: an answer is the end, a lost connection is not.
        """
        self.both(faults.respond(2), times=1)
        error = self.failed(mode=CommunicationMode.ASYNC)
        self.assertEqual((len(error.attempts), error.code), (1, 2))
        for broker in self.sandbox.brokers.values():
            broker.clear()
        self.both(faults.close(), times=9)
        error = self.failed(mode=CommunicationMode.ASYNC)
        self.assertEqual(len(error.attempts), 3)

    def test_syncBettersWeakResults(self) -> None:
        """
        Java's C{retryAnotherBrokerWhenNotStoreOK}: the last weak result is the
        result when there is no better one.
        """
        self.producer = self.producerOf("b", retryAnotherBrokerWhenNotStoreOK=True)
        self.both(faults.respond(10), times=9, stored=True)
        result = self.sent(mode=CommunicationMode.SYNC)
        self.assertIs(result.sendStatus, SendStatus.FLUSH_DISK_TIMEOUT)
        self.assertEqual(self.producer.stats().attempts, 3)

    def test_oneTryOfAOneway(self) -> None:
        """
        A one-way send that cannot be written says NO.
        """
        self.bothDown()
        error = self.failure(self.producer.sendOneway(Message("T", b"x")), SendFailed)
        self.assertIs(error.persisted, NO)
        self.assertEqual(len(error.attempts), 1)


class RouteTests(ClusterTestCase):
    """
    Topics and name servers that are not there.
    """

    def test_noSuchTopic(self) -> None:
        """
        A topic nobody would make ends the send at once, by name.
        """
        self.bothDown()
        error = self.failure(self.producer.send(Message("Nope", b"x")), SendFailed)
        self.assertIsInstance(error.cause, TopicNotFound)
        self.assertIn("'Nope'", str(error))
        self.assertTrue(self.clock.seconds() < 2)

    def test_noNameServer(self) -> None:
        """
        Without a route the send waits for a name server, until its time is over.
        """
        self.sandbox.nameServers[0].setDown()
        error = self.failed(timeout=2)
        self.assertIsInstance(error.cause, NoNameServer)
        self.assertIs(error.persisted, NO)
        self.assertApproximates(self.clock.seconds(), 1.9, 0.01)

    def test_nameServerComesBack(self) -> None:
        """
        And a send that still has time goes on.
        """
        self.sandbox.nameServers[0].setDown()
        sending = self.send()
        self.cluster.advance(3)
        self.result(self.sandbox.nameServers[0].setUp())
        self.result(sending)

    def test_silentNameServer(self) -> None:
        """
        A name server that says nothing does not hold a send beyond its time.
        """
        self.sandbox.nameServers[0].push(faults.silence(), times=99)
        error = self.failed(timeout=2)
        self.assertIsInstance(error.cause, RemotingTimeout)
        self.assertIs(error.persisted, NO)
        self.assertEqual(self.clock.seconds(), 2)

    def test_knownRoutesOutliveNameServers(self) -> None:
        """
        A route that is known is used without any name server.
        """
        self.sent()
        self.sandbox.nameServers[0].setDown()
        self.cluster.advance(300)
        self.sent()
        self.assertTrue(self.client.stats().routeAge["T"] > 299)


class RoomTests(ClusterTestCase):
    """
    How many sends there are at once.
    """

    def setUp(self) -> None:
        """
        Brokers that take a second.
        """
        super().setUp()
        self.warm()
        for broker in self.sandbox.brokers.values():
            broker.push(faults.delay(1), code=SEND, times=99)

    def test_wait(self) -> None:
        """
        Who finds no room waits for it, in order.
        """
        self.producer = self.producerOf("small", maxInFlightMessages=1)
        ended: list[int] = []

        def end(result: object, at: int) -> None:
            ended.append(at)

        for at in range(3):
            self.send().addCallback(end, at)
        stats = self.producer.stats()
        self.assertEqual((stats.inFlight, stats.waiting), (1, 2))
        self.cluster.advance(2.5)
        self.assertEqual(ended, [0, 1])
        self.cluster.advance(1)
        self.assertEqual(ended, [0, 1, 2])

    def test_waitCountsInTheTimeout(self) -> None:
        """
        A send that never gets its turn fails when its time is over.
        """
        self.producer = self.producerOf("small", maxInFlightMessages=1)
        first, second = self.send(), self.send(timeout=0.5)
        error = self.failure(second, TooManyInFlight)
        self.assertIs(error.persisted, NO)
        self.assertApproximates(self.clock.seconds(), 0.5, 0.1)
        self.result(first)

    def test_fail(self) -> None:
        """
        With FAIL there is no waiting.
        """
        self.producer = self.producerOf(
            "small", maxInFlightMessages=1, whenFull=WhenFull.FAIL
        )
        first = self.send()
        self.failureResultOf(self.send(), TooManyInFlight)
        self.result(first)

    def test_whenWritable(self) -> None:
        """
        It says when there is room again.
        """
        self.producer = self.producerOf("small", maxInFlightMessages=1)
        self.successResultOf(self.producer.whenWritable())
        first = self.send()
        writable = self.producer.whenWritable()
        self.assertNoResult(writable)
        self.result(first)
        self.successResultOf(writable)

    def test_flush(self) -> None:
        """
        It waits for what was sent before it, not for what comes after.
        """
        self.successResultOf(self.producer.flush())
        first = self.send()
        flushed = self.producer.flush()
        self.cluster.advance(0.5)
        second = self.send()
        again = self.producer.flush()
        self.cluster.advance(0.6)
        self.successResultOf(first)
        self.successResultOf(flushed)
        self.assertNoResult(again)
        self.assertNoResult(second)
        self.cluster.advance(1)
        self.successResultOf(again)
        self.successResultOf(second)


class OrderTests(ClusterTestCase):
    """
    The order of what is sent to one queue.
    """

    def setUp(self) -> None:
        """
        A producer with one send to a queue at a time.
        """
        super().setUp()
        self.warm()
        self.producer = self.producerOf("ordered", maxInFlightPerQueue=1)

    def keyed(self, at: int, key: str = "k", **options: Any) -> Any:
        """
        Send a numbered message with a shardingKey.
        """
        message = Message("T", b"%s-%d" % (key.encode(), at), shardingKey=key)
        return self.producer.send(message, **options)

    def test_keptThroughRetries(self) -> None:
        """
        Messages of a key are stored in order, though the first ones have to be
        tried again; another key does not wait for them.
        """
        queue = self.result(self.keyed(0)).messageQueue
        broker = self.sandbox.brokers[queue.brokerName]
        broker.push(faults.respond(2), code=SEND, times=3)
        sending = [self.keyed(at) for at in range(1, 6)]
        for each in sending:
            self.result(each)
        stored = [m.body for m in self.stored() if m.queueId == queue.queueId]
        self.assertEqual(stored, [b"k-%d" % at for at in range(6)])
        self.assertEqual(self.producer.stats().retries, 3)

    def test_oneAtATime(self) -> None:
        """
        The second one is not written before the first has ended.
        """
        queue = self.result(self.keyed(0)).messageQueue
        broker = self.sandbox.brokers[queue.brokerName]
        broker.clear()
        broker.push(faults.delay(1), code=SEND, times=9)
        first, second = self.keyed(1), self.keyed(2)
        self.cluster.advance(0.5)
        self.assertEqual(len(broker.requests(SEND)), 1)
        self.cluster.advance(1)
        self.successResultOf(first)
        self.assertEqual(len(broker.requests(SEND)), 2)
        self.result(second)

    def test_waitIsBounded(self) -> None:
        """
        Who waits too long fails with NO; who is cancelled leaves the others.
        """
        queue = self.result(self.keyed(0)).messageQueue
        broker = self.sandbox.brokers[queue.brokerName]
        broker.push(faults.delay(2), code=SEND, times=1)
        first, late = self.keyed(1), self.keyed(2, timeout=1)
        gone, last = self.keyed(3), self.keyed(4)
        gone.cancel()
        self.assertIs(self.failureResultOf(gone, SendCancelled).value.persisted, NO)
        error = self.failure(late, SendFailed)
        self.assertIsInstance(error.cause, TooManyInFlight)
        self.assertIs(error.persisted, NO)
        self.result(first)
        self.result(last)

    def test_noKey(self) -> None:
        """
        Messages without a key share the queues, and all go.
        """
        sending = [self.send() for _ in range(20)]
        for each in sending:
            self.result(each)
        self.assertEqual(len(self.stored()), 20)


class FlushTests(ClusterTestCase):
    """
    Who is told first.
    """

    def test_sendersAreToldFirst(self) -> None:
        """
        When a flush fires, every send before it has called its callbacks; its
        place is free already then.
        """
        self.producer = self.producerOf(
            "one", maxInFlightMessages=1, whenFull=WhenFull.FAIL
        )
        for warm in (self.warm, lambda: None):
            warm()
            told: list[str] = []
            free: list[int] = []

            def ended(result: object, told: list[str], free: list[int]) -> None:
                told.append("send")
                free.append(self.producer.stats().inFlight)

            def flushed(result: None, told: list[str]) -> None:
                told.append("flush")

            self.send().addCallback(ended, told, free)
            self.producer.flush().addCallback(flushed, told)
            self.cluster.advance(1)
            self.assertEqual((told, free), (["send", "flush"], [0]))


class CancelTests(ClusterTestCase):
    """
    Callers who no longer want an answer.
    """

    def cancelled(self, sending: Any) -> SendCancelled:
        """
        Cancel a send, and see that it ends at once and leaves no place taken.
        """
        sending.cancel()
        error: SendCancelled = self.failureResultOf(sending, SendCancelled).value
        self.assertEqual(self.producer.stats().inFlight, 0)
        return error

    def test_beforeTheRoute(self) -> None:
        """
        Nothing was sent.
        """
        self.assertIs(self.cancelled(self.send()).persisted, NO)

    def test_inFlight(self) -> None:
        """
        It may be stored, and nobody tries again.
        """
        self.warm()
        sending = self.send()
        self.assertIs(self.cancelled(sending).persisted, MAYBE)
        self.cluster.advance(20)
        self.assertTrue(len(self.stored()) <= 1)
        self.assertEqual(self.producer.stats().attempts, 1)

    def test_betweenTries(self) -> None:
        """
        What the tries before say stands.
        """
        self.warm()
        for fault, persisted in ((faults.respond(2), NO), (faults.close(), MAYBE)):
            for broker in self.sandbox.brokers.values():
                broker.clear()
                broker.push(fault, code=SEND, times=9)
            sending = self.send()
            self.cluster.advance(0.01)
            error = self.cancelled(sending)
            self.assertIs(error.persisted, persisted)
            self.assertEqual(len(error.attempts), 2)
            # Brokers that were busy are left alone for a moment.
            self.cluster.advance(0.2)

    def test_waitingForRoom(self) -> None:
        """
        It leaves the queue, and its place to others.
        """
        self.warm()
        self.producer = self.producerOf("small", maxInFlightMessages=1)
        first, second, third = self.send(), self.send(), self.send()
        second.cancel()
        error = self.failureResultOf(second, SendCancelled).value
        self.assertIs(error.persisted, NO)
        self.result(first)
        self.result(third)

    def test_oneway(self) -> None:
        """
        A one-way send that is not written is surely not stored.
        """
        sending = self.producer.sendOneway(Message("T", b"x"))
        self.assertIs(self.cancelled(sending).persisted, NO)


class StopTests(ClusterTestCase):
    """
    The end of a client while sends are under way.
    """

    def test_drains(self) -> None:
        """
        What is under way ends well before anything is closed.
        """
        self.warm()
        for broker in self.sandbox.brokers.values():
            broker.push(faults.delay(2), code=SEND, times=99)
        sending = [self.send() for _ in range(5)]
        stopped = self.client.stopService()
        self.failureResultOf(self.send(), NotRunning)
        self.result(stopped)
        for each in sending:
            self.successResultOf(each)
        self.assertEqual(len(self.stored()), 5)

    def test_isBounded(self) -> None:
        """
        Brokers that never answer hold a stop for its timeout, and every send
        says that it may be stored.
        """
        self.warm()
        self.producer = self.producerOf("slow", sendTimeout=60, attemptTimeout=60)
        for broker in self.sandbox.brokers.values():
            broker.push(faults.silence(), times=99)
        sending = [self.send() for _ in range(3)]
        self.result(self.client.stopService(), timeout=14)
        for each in sending:
            error = self.failureResultOf(each, SendFailed).value
            self.assertIs(error.persisted, MAYBE)
        self.assertEqual(self.producer.stats().inFlight, 0)

    def test_sendsThatRetryAreEnded(self) -> None:
        """
        A send that was never written says NO when the stop takes its time.
        """
        self.warm()
        self.producer = self.producerOf("slow", sendTimeout=600)
        small = self.producerOf("small", sendTimeout=600, maxInFlightMessages=1)
        self.bothDown()
        sending = [self.send(), small.send(Message("T", b"x"))]
        waiting = small.send(Message("T", b"x"))
        self.result(self.client.stopService(), timeout=14)
        for each in sending:
            error = self.failureResultOf(each, SendFailed).value
            self.assertIs(error.persisted, NO)
            self.assertIsInstance(error.cause, NotRunning)
        self.failureResultOf(waiting, NotRunning)

    def test_closeOfOneProducer(self) -> None:
        """
        It drains, says goodbye, and frees its group; others go on.
        """
        self.warm()
        sending = self.send()
        self.result(self.producer.close())
        self.successResultOf(sending)
        goodbyes = self.brokerA.requests(RequestCode.UNREGISTER_CLIENT)
        self.assertEqual(goodbyes[0].extFields["producerGroup"], "group")
        self.result(self.producer.close())
        again = self.producerOf("group")
        self.result(again.send(Message("T", b"x")))

    def test_startAgain(self) -> None:
        """
        A stopped client can be started, and its producers with it.
        """
        self.sent()
        self.result(self.client.stopService())
        self.client.startService()
        self.sent()
        self.assertEqual(self.producer.stats().sent, 1)


class HookTests(ClusterTestCase):
    """
    An answer that is an error of a hook.
    """

    def test_hookThatRaises(self) -> None:
        """
        It ends the send; nothing was written.
        """
        from zope.interface import implementer

        from txrocketmq.interfaces import IRPCHook

        @implementer(IRPCHook)
        class Refuses:
            def beforeRequest(self, address: str, command: Any) -> Any:
                if command.code == SEND:
                    raise LookupError("not today")
                return command

            def afterResponse(self, address: str, request: Any, response: Any) -> None:
                raise LookupError("too late")

        client = self.cluster.client(hooks=[Refuses()])
        producer = Producer(client, "hooked")
        for _ in range(2):
            error = self.failure(producer.send(Message("T", b"x")), SendFailed)
            self.assertIsInstance(error.cause, LookupError)
            self.assertIs(error.persisted, NO)
            self.result(client.whenReady("T"))
        self.assertEqual(self.stored(), [])
        self.result(client.stopService())
        self.assertTrue(self.flushLoggedErrors(LookupError))


class RecallTests(ClusterTestCase):
    """
    Timer messages that are taken back.
    """

    def test_takenBack(self) -> None:
        """
        It is never delivered; another one is.
        """
        late = Message("T", b"late", deliverAfter=10)
        kept, gone = (self.result(self.producer.send(late)) for _ in range(2))
        assert gone.recallHandle is not None
        self.assertEqual(
            self.result(self.producer.recall("T", gone.recallHandle)), gone.msgId
        )
        self.cluster.advance(12)
        self.assertEqual([each.msgId for each in self.stored()], [kept.msgId])

    def test_tooLate(self) -> None:
        """
        What is delivered cannot be taken back.
        """
        result = self.result(self.producer.send(Message("T", b"x", deliverAfter=2)))
        assert result.recallHandle is not None
        self.cluster.advance(5)
        error = self.failure(
            self.producer.recall("T", result.recallHandle), IllegalOperation
        )
        self.assertEqual(error.code, 604)

    def test_refusedHere(self) -> None:
        """
        What is no handle is not sent anywhere.
        """
        handle = "djEgVCBicm9rZXItYSAxIFg="
        for topic, wrong in (
            ("T", ""),
            ("T", None),
            ("T", "ä"),
            ("T", "djIgVCBicm9rZXItYSAxIFg="),
            ("a b", handle),
            ("%RETRY%g", handle),
        ):
            recalled = self.producer.recall(topic, wrong)  # type: ignore[arg-type]
            self.failureResultOf(recalled, InvalidMessage)
        self.result(self.client.stopService())
        self.failureResultOf(self.producer.recall("T", handle), NotRunning)

    def test_answersThatAreNone(self) -> None:
        """
        A success without a msgId, and a broker that routes do not name: any
        broker is asked, as behind a proxy.
        """
        for broker in self.sandbox.brokers.values():
            broker.push(
                faults.respond(0, extFields={}), code=RequestCode.RECALL_MESSAGE
            )
        handle = urlsafe_b64encode(b"v1 T elsewhere 1 ID").decode()
        self.failure(self.producer.recall("T", handle), MalformedAnswer)
