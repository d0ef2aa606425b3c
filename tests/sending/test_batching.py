"""
Tests of L{txrocketmq._sending.batching}: which sends leave together, and when.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from tests.sending.batchcase import BATCH, SEND, BatchingTestCase
from txrocketmq._sending import batching
from txrocketmq._sending.batch import assembleBatch
from txrocketmq._sending.lane import MOST_GONE, Lane
from txrocketmq._sending.places import LEAST_SHARE, OUTSTANDING
from txrocketmq._wire.records import decodeBatch, decodeProperties
from txrocketmq.errors import (
    InvalidMessage,
    NotRunning,
    SendCancelled,
    SendFailed,
    TooManyInFlight,
)
from txrocketmq.message import (
    CommunicationMode,
    Message,
    MessageQueue,
    Persisted,
    SendResult,
)
from txrocketmq.sandbox import faults
from txrocketmq.sandbox.access import Access
from txrocketmq.settings import Batching, ClientSettings, SessionCredentials


class TurnTests(BatchingTestCase):
    """
    What is called for in one turn.
    """

    def test_oneTurn(self) -> None:
        """
        Sends of one turn leave in one request, in order, and each has its own
        result.
        """
        messages = [Message("T", b"%d" % n, tags="t", keys=[f"k{n}"]) for n in range(9)]
        sends = [self.producer.send(message) for message in messages]
        self.assertEqual(self.sizes(), [])
        results = self.results(sends)
        self.assertEqual(self.sizes(), [9])
        self.assertEqual(self.bodies(), [b"%d" % n for n in range(9)])
        self.agree(list(zip(messages, results, strict=True)))
        self.assertEqual([one.queueOffset for one in results], list(range(9)))
        self.assertEqual(len({one.offsetMsgId for one in results}), 9)
        for one in results:
            self.assertEqual([each.error for each in one.attempts], [None])
        self.assertEqual(self.stored()[4].properties["KEYS"], "k4")

    def test_sameBytesAsSendBatch(self) -> None:
        """
        The request is the one C{sendBatch} makes of the same messages.
        """
        sends = self.results([self.send(b"a"), self.send(b"b")])
        (frame,) = self.frames()
        envelope = self.producer._envelope
        made = assembleBatch(envelope, [Message("T", b"a"), Message("T", b"b")])
        own, theirs = decodeBatch(frame.body), decodeBatch(made.body)
        for mine, other, result in zip(own, theirs, sends, strict=True):
            expected = {**decodeProperties(other.properties), "UNIQ_KEY": result.msgId}
            self.assertEqual(decodeProperties(mine.properties), expected)
        command = made.command(sends[0].messageQueue, "broker-a")
        fields = {**command.extFields, "g": frame.extFields["g"]}
        self.assertEqual(frame.extFields, fields)

    def test_alone(self) -> None:
        """
        A send that is alone leaves as a single one, and without any time passing.
        """
        before = self.clock.seconds()
        sent = self.send(b"x")
        self.cluster.flush()
        self.assertTrue(sent.called)
        self.assertEqual(self.clock.seconds(), before)
        self.assertEqual([frame.code for frame in self.frames()], [SEND])

    def test_offByDefault(self) -> None:
        """
        Without the setting nothing leaves together.
        """
        self.producer = self.producerOf("plain")
        self.results(self.several(3))
        self.assertEqual(self.sizes(), [0, 0, 0])

    def test_whatMayNot(self) -> None:
        """
        What may not be in a batch leaves by itself, and the others together.
        """
        odd = [
            Message("T", b"delayed", delayTimeLevel=1),
            Message("T", b"timed", deliverAfter=2.0),
            Message("T", b"large" * 2000),
            Message("T", b"queues", properties={"INNER_MULTI_DISPATCH": "%LMQ%a"}),
            Message("%RETRY%group", b"retried"),
            Message("%RETRY%group", b"retried, too"),
        ]
        self.result(self.producer.send(odd[-1]))
        self.brokerA.clear()
        sends = [self.send(b"1"), self.send(b"2")]
        sends += [self.producer.send(message) for message in odd]
        sends += [
            self.send(b"SYNC", mode=CommunicationMode.SYNC),
            self.send(b"own time", timeout=5.0),
            self.send(b"3"),
        ]
        self.results(sends)
        self.assertEqual([size for size in self.sizes() if size], [3])
        self.assertEqual(len(self.frames()), len(odd) + 2 + 1)
        self.cluster.advance(5)

    def test_topicsApart(self) -> None:
        """
        Each topic has its own batches.
        """
        self.result(self.sandbox.createTopic("U", queues=1))
        sends = [
            self.producer.send(Message(topic, topic.encode()))
            for topic in ("T", "U", "T", "U", "T")
        ]
        self.results(sends)
        self.assertEqual(sorted(self.sizes())[-1:], [3])
        self.assertEqual(len(self.stored("T")), 3)
        self.assertEqual(len(self.stored("U")), 2)

    def test_waitStoreMsgOK(self) -> None:
        """
        So have those that the broker is to answer otherwise.
        """
        waits = [True, True, False, False, True]
        messages = [Message("T", b"x", waitStoreMsgOK=wait) for wait in waits]
        self.results([self.producer.send(message) for message in messages])
        self.assertEqual(self.sizes(), [2, 2, 0])
        own = [
            decodeProperties(frame.extFields["i"])["WAIT"] for frame in self.frames()
        ]
        self.assertEqual(own, ["true", "false", "true"])

    def test_bounds(self) -> None:
        """
        A batch has at most so many messages, and so many bytes.
        """
        self.producer = self.batching("count", batching=Batching(maxMessages=3))
        self.results(self.several(8))
        self.assertEqual(self.sizes(), [3, 3, 2])
        self.brokerA.clear()
        small = Batching(maxBytes=1000)
        self.producer = self.batching("bytes", batching=small)
        self.results([self.send(b"x" * 300) for _ in range(6)])
        self.results([self.send(b"x" * 1001), self.send(b"x")])
        for frame in self.frames():
            if frame.code == BATCH:
                self.assertLessEqual(len(frame.body), 1000)
        self.assertEqual(self.sizes(), [2, 2, 2, 0, 0])
        self.brokerA.clear()
        self.producer = self.batching("size", maxMessageSize=200)
        self.results([self.send(b"x" * 100) for _ in range(2)])
        self.assertEqual(self.sizes(), [0, 0])

    def test_dealtOut(self) -> None:
        """
        What has gathered is dealt out among the frames there may be, in parts that
        are worth it.
        """
        self.results(self.several(4 * LEAST_SHARE))
        self.assertEqual(self.sizes(), [LEAST_SHARE] * 4)
        self.brokerA.clear()
        self.producer = self.batching("more", batching=Batching(maxMessages=1000))
        self.results(self.several(16 * LEAST_SHARE))
        self.assertEqual(self.sizes(), [2 * LEAST_SHARE] * OUTSTANDING)

    def test_invalid(self) -> None:
        """
        What cannot be sent fails at once, and alone.
        """
        sends = self.several(2)
        for wrong in (
            Message("T", b""),
            Message("T", b"x", tags="\x01"),
            Message("T", b"x", tags=5),  # type: ignore[arg-type]
            Message("no good", b"x"),
        ):
            self.failureResultOf(self.producer.send(wrong), InvalidMessage)
        self.results(sends)
        self.assertEqual(self.sizes(), [2])

    def test_unknownRoute(self) -> None:
        """
        What is sent before the route is known goes its own way, and ends well.
        """
        other = self.cluster.client()
        self.client = other
        self.producer = self.batching("early")
        self.results(self.several(5))
        self.assertEqual(len(self.stored()), 5)

    def test_namespace(self) -> None:
        """
        A namespace is the batch's, and the results do not show it.
        """
        self.client = self.cluster.client(
            type(self.client.settings)(namespace="NS", instanceName="other")
        )
        self.result(self.sandbox.createTopic("NS%T", queues=1))
        self.result(self.client.whenReady("NS%T"))
        self.cluster.flush()
        self.producer = self.batching("named")
        self.results(self.several(1))
        self.brokerA.clear()
        results = self.results(self.several(3))
        self.assertEqual(self.sizes(), [3])
        self.assertEqual({one.messageQueue.topic for one in results}, {"T"})
        (frame,) = self.frames()
        own = decodeProperties(frame.extFields["i"])
        self.assertEqual(own, {"WAIT": "true", "INSTANCE_ID": "NS"})
        for record in decodeBatch(frame.body):
            self.assertNotIn("INSTANCE_ID", decodeProperties(record.properties))

    def test_resend(self) -> None:
        """
        A resend, and what has properties and a flag, is in a batch as it is alone.
        """
        first = self.sent(b"first")
        message = Message("T", b"x", flag=7, properties={"a": "b"})
        results = self.results(
            [self.send(b"y"), self.producer.send(message, msgId=first.msgId)]
        )
        self.assertEqual(self.sizes(), [0, 2])
        self.assertEqual(results[1].msgId, first.msgId)
        (last,) = [each for each in self.stored() if each.flag == 7]
        self.assertEqual((last.body, last.properties["a"]), (b"x", "b"))


class QueueTests(BatchingTestCase):
    """
    Sends whose callers chose the queue.
    """

    brokers = 2

    def queue(self, number: int = 0, broker: str = "broker-a") -> MessageQueue:
        """
        A queue of C{T}.
        """
        return MessageQueue("T", broker, number)

    def test_chosen(self) -> None:
        """
        Those to one queue leave together, and for that queue.
        """
        queues = [self.queue(0), self.queue(1), self.queue(0), self.queue(1)]
        results = self.results([self.send(b"x", queue=each) for each in queues])
        self.assertEqual([one.messageQueue for one in results], queues)
        self.assertEqual(self.sizes(self.brokerA), [2, 2])

    def test_selected(self) -> None:
        """
        So do those for which a selector or a shardingKey chose it; a selector that
        chooses none fails its send, and no other.
        """
        messages = [Message("T", b"%d" % n, shardingKey="key") for n in range(3)]
        sends = [self.producer.send(message) for message in messages]
        wrong = self.send(b"w", selector=lambda queues, _: None)
        self.failureResultOf(wrong, InvalidMessage)
        direct = self.send(
            b"w",
            selector=lambda queues, _: None,
            mode=CommunicationMode.SYNC,
        )
        self.failureResultOf(direct, InvalidMessage)
        results = self.results(sends)
        self.assertEqual(len({one.messageQueue for one in results}), 1)
        self.assertEqual(self.sizes(), [3])
        self.assertEqual(self.producer.stats().inFlight, 0)

    def test_order(self) -> None:
        """
        What may not be in a batch leaves in its turn, if its queue was chosen.
        """
        queue = self.queue()
        sends = [
            self.send(b"1", queue=queue),
            self.send(b"2", queue=queue),
            self.send(b"3" * 5000, queue=queue),
            self.send(b"4", queue=queue),
            self.send(b"5", queue=queue, mode=CommunicationMode.SYNC),
            self.send(b"6", queue=queue),
        ]
        oneway = self.producer.sendOneway(Message("T", b"7"), queue=queue)
        batch = self.producer.sendBatch([Message("T", b"8")], queue=queue)
        sends.append(self.send(b"9", queue=queue, timeout=3.0))
        self.results(sends)
        self.result(oneway)
        self.result(batch)
        self.cluster.flush()
        told = [
            "large" if each.sysFlag else each.body.decode() for each in self.stored()
        ]
        self.assertEqual(told, ["1", "2", "large", "4", "5", "6", "7", "8", "9"])

    def test_oneByOne(self) -> None:
        """
        With at most one message on a queue there is nothing to put together, and
        the order is kept through retries.
        """
        self.producer = self.batching("ordered", maxInFlightPerQueue=1)
        self.brokerA.push(faults.respond(2), code=SEND)
        self.results([self.send(b"%d" % n, queue=self.queue()) for n in range(4)])
        self.assertEqual(self.bodies(), [b"0", b"1", b"2", b"3"])
        self.assertNotIn(2, self.sizes())

    def test_allBrokers(self) -> None:
        """
        Batches of a topic go round its queues.
        """
        self.results(self.several(8 * LEAST_SHARE))
        self.assertEqual(self.sizes(self.brokerA), [LEAST_SHARE] * 4)
        self.assertEqual(self.sizes(self.brokerB), [LEAST_SHARE] * 4)
        places = {(each.storeHost, each.queueId) for each in self.stored()}
        self.assertEqual(len(places), 4)


class BrokersTests(BatchingTestCase):
    """
    Windows of several brokers.
    """

    brokers = 2

    def test_oneIsSilent(self) -> None:
        """
        A broker that does not answer keeps nobody from another one.
        """
        self.brokerA.push(faults.silence(), times=999)
        for _ in range(4 * OUTSTANDING):
            self.send(b"x").addErrback(lambda _: None)
            self.cluster.flush()
        self.assertEqual(len(self.frames(self.brokerA)), OUTSTANDING)
        before = len(self.frames(self.brokerB))
        self.results(self.several(10))
        self.assertEqual(len(self.frames(self.brokerA)), OUTSTANDING)
        self.assertEqual(self.sizes(self.brokerB)[before:], [10])
        self.cluster.advance(11)

    def test_oneTakesNothing(self) -> None:
        """
        Nor does one whose transport has enough: one frame waits for it, no more.
        """
        live = self.live(self.brokerA)
        live.pauseProducing()
        for _ in range(4):
            self.send(b"x")
            self.cluster.flush()
        self.assertEqual(live.pending, 1)
        self.assertEqual(len(self.frames(self.brokerB)), 3)
        live.resumeProducing()
        self.cluster.flush()
        self.assertEqual(len(self.bodies()), 4)

    def test_oneFails(self) -> None:
        """
        While one is left out, who waits for the other waits for that.
        """
        self.brokerA.setDown()
        self.cluster.flush()
        self.result(self.send(b"x"))
        self.result(self.send(b"x"))
        self.brokerB.clear()
        self.brokerB.push(faults.delay(0.5), times=OUTSTANDING)
        for _ in range(OUTSTANDING):
            self.send(b"before")
            self.cluster.flush()
        self.assertEqual(len(self.frames(self.brokerB)), OUTSTANDING)
        sends = self.several(10)
        self.cluster.advance(0.6)
        self.results(sends)
        self.assertEqual(self.sizes(self.brokerB)[OUTSTANDING:], [10])


class WindowTests(BatchingTestCase):
    """
    What waits while the window is full.
    """

    def fill(self) -> None:
        """
        Let as many frames be outstanding as may be.
        """
        self.brokerA.push(faults.delay(1.0), code=SEND, times=OUTSTANDING)
        for _ in range(OUTSTANDING):
            self.send(b"before")
            self.clock.advance(0)
        self.cluster.flush()
        self.assertEqual(self.sizes(), [0] * OUTSTANDING)

    def test_waits(self) -> None:
        """
        A full window makes sends wait; the end of one frame lets all go that have
        gathered.
        """
        self.fill()
        sends = self.several(5)
        self.cluster.advance(0.9)
        sends += self.several(5)
        self.cluster.advance(0.05)
        self.assertEqual(len(self.frames()), OUTSTANDING)
        self.cluster.advance(0.05)
        self.results(sends)
        self.assertEqual(self.sizes(), [0] * OUTSTANDING + [10])

    def test_severalTurns(self) -> None:
        """
        As long as it is open nobody waits for anybody.
        """
        self.brokerA.push(faults.delay(1.0), code=SEND, times=9)
        for number in range(1, OUTSTANDING + 1):
            self.send(b"x")
            self.cluster.flush()
            self.assertEqual(len(self.frames()), number)
        self.cluster.advance(2)

    def test_deadline(self) -> None:
        """
        Who never left in time is told so in time, and is surely not stored.
        """
        self.producer = self.batching("hasty", batching=Batching(maxMessages=2))
        self.brokerA.push(faults.delay(2.9), code=BATCH, times=999)
        sends = self.several(200)
        ends: list[tuple[float, object]] = []

        def failed(failure: Failure) -> None:
            ends.append((self.clock.seconds(), failure.value))

        for one in sends:
            one.addErrback(failed)
        began = self.clock.seconds()
        self.cluster.advance(11)
        late = [error for _, error in ends if isinstance(error, TooManyInFlight)]
        self.assertEqual(len(late), 200 - 4 * 2 * OUTSTANDING)
        for at, _ in ends:
            self.assertLessEqual(at - began, 10.001)
        self.assertIn("no time left", str(late[0]))
        self.assertIs(late[0].persisted, Persisted.NO)
        self.cluster.advance(5)
        self.assertEqual(self.producer.stats().inFlight, 0)
        self.brokerA.clear()

    def test_stalled(self) -> None:
        """
        Whose time is over before the turn ends does not leave.
        """
        sends = self.several(2)
        self.clock.advance(20)
        for one in sends:
            error = self.failureResultOf(one, TooManyInFlight).value
            self.assertIs(error.persisted, Persisted.NO)
        self.assertEqual(self.sizes(), [])
        self.sent()

    def test_alike(self) -> None:
        """
        Who has much less time left than another does not leave with it.
        """
        self.producer = self.batching("tight", sendTimeout=2.0)
        self.brokerA.push(faults.delay(0.5), code=SEND, times=OUTSTANDING)
        for _ in range(OUTSTANDING):
            self.send(b"before")
            self.clock.advance(0)
        early = self.several(2)
        self.cluster.advance(0.4)
        late = self.several(3)
        self.cluster.advance(0.1)
        self.results(early + late)
        self.assertEqual(self.sizes()[OUTSTANDING:], [2, 3])


class EndTests(BatchingTestCase):
    """
    Cancelling, flushing, stopping.
    """

    def test_cancelledWhileWaiting(self) -> None:
        """
        Who is cancelled before the frame is written is not in it.
        """
        sends = self.several(4)
        sends[1].cancel()
        error = self.failureResultOf(sends[1], SendCancelled).value
        self.assertIs(error.persisted, Persisted.NO)
        self.results([sends[0], *sends[2:]])
        self.assertEqual(self.sizes(), [3])
        self.assertEqual(self.bodies(), [b"0", b"2", b"3"])
        stats = self.producer.stats()
        self.assertEqual((stats.sent, stats.failed, stats.inFlight), (3, 1, 0))

    def test_cancelledOnTheWay(self) -> None:
        """
        Who is cancelled after that may be stored; the others do not notice.
        """
        self.brokerA.push(faults.delay(0.1), code=BATCH)
        sends = self.several(4)
        self.cluster.flush()
        self.assertNoResult(sends[1])
        sends[1].cancel()
        error = self.failureResultOf(sends[1], SendCancelled).value
        self.assertIs(error.persisted, Persisted.MAYBE)
        results = self.results([sends[0], *sends[2:]])
        self.assertEqual([one.queueOffset for one in results], [0, 2, 3])
        self.assertEqual(self.bodies(), [b"0", b"1", b"2", b"3"])
        stats = self.producer.stats()
        self.assertEqual((stats.sent, stats.failed, stats.inFlight), (3, 1, 0))

    def test_allCancelled(self) -> None:
        """
        When nobody is left nothing waits for the answer, and the window is open.
        """
        self.brokerA.push(faults.silence(), code=BATCH)
        sends = self.several(3)
        self.cluster.flush()
        self.assertEqual(self.live(self.brokerA).pending, 1)
        for one in sends:
            one.cancel()
            self.failureResultOf(one, SendCancelled)
        self.assertEqual(self.live(self.brokerA).pending, 0)
        self.assertEqual(self.producer.stats().inFlight, 0)
        self.sent()

    def test_cancelledUnwritten(self) -> None:
        """
        While the transport has enough, a frame can still be taken back: who is
        cancelled is surely not stored, and the others leave without it.
        """
        live = self.live(self.brokerA)
        live.pauseProducing()
        sends = self.several(3)
        self.cluster.flush()
        more = self.several(2)
        self.cluster.flush()
        self.assertEqual(live.pending, 1)
        sends[0].cancel()
        error = self.failureResultOf(sends[0], SendCancelled).value
        self.assertIs(error.persisted, Persisted.NO)
        self.cluster.flush()
        live.resumeProducing()
        self.results(sends[1:] + more)
        self.assertEqual(self.bodies(), [b"1", b"2", b"0", b"1"])
        self.assertEqual(self.producer.stats().attempts, 5)

    def test_cancelledByOthers(self) -> None:
        """
        Whoever is told of one end may cancel another send: that is stored, too.
        """
        sends = self.several(3)
        sends[0].addCallback(lambda _: sends[2].cancel())
        self.results(sends[1:])
        self.assertEqual(self.producer.stats().sent, 3)

    def test_flush(self) -> None:
        """
        A flush waits for those that gather, and they have been told by then.
        """
        told: list[object] = []
        for one in self.several(3):
            one.addCallback(told.append)
        self.result(self.producer.flush())
        self.assertEqual(len(told), 3)

    def test_close(self) -> None:
        """
        Closing lets what has gathered leave.
        """
        sends = self.several(3)
        self.result(self.producer.close())
        self.results(sends)

    def test_stop(self) -> None:
        """
        What has gathered when the client stops in a hurry ends; nothing is left.
        """
        self.brokerA.push(faults.silence(), code=SEND, times=99)
        ends: list[object] = []
        for _ in range(OUTSTANDING):
            self.send(b"before").addErrback(ends.append)
            self.clock.advance(0)
        waiting = self.several(3)
        self.cluster.flush()
        stopped = self.client.stopService()
        self.cluster.advance(2.5)
        self.producer._sending.stop()
        for one in waiting:
            error = self.failureResultOf(one, SendFailed).value
            self.assertIsInstance(error.cause, NotRunning)
            self.assertIs(error.persisted, Persisted.NO)
        self.result(stopped)
        self.assertEqual(len(ends), OUTSTANDING)

    def test_room(self) -> None:
        """
        Room is taken by each and given back by each; who waits for it is let in.
        """
        self.producer = self.batching("small", maxInFlightMessages=4)
        sends = self.several(10)
        stats = self.producer.stats()
        self.assertEqual((stats.inFlight, stats.waiting), (4, 6))
        self.assertEqual(stats.inFlightBytes, 4)
        self.results(sends)
        stats = self.producer.stats()
        self.assertEqual((stats.inFlight, stats.inFlightBytes), (0, 0))
        self.assertEqual(self.sizes(), [4, 4, 2])
        self.assertEqual(sorted(self.bodies()), [b"%d" % n for n in range(10)])


class LaneTests(BatchingTestCase):
    """
    What is kept of lanes, and of who was in them.
    """

    def lanes(self) -> dict[str | MessageQueue, Lane]:
        """
        The producer's lanes.
        """
        batcher = self.producer._sending._batcher
        assert batcher is not None
        return batcher.lanes

    def test_cancelled(self) -> None:
        """
        However many are cancelled while the window is full, few of them are kept.
        """
        self.brokerA.push(faults.delay(1.0), code=SEND, times=OUTSTANDING)
        for _ in range(OUTSTANDING):
            self.send(b"before")
            self.cluster.flush()
        (lane,) = self.lanes().values()
        sends: list[Deferred[SendResult]] = []
        for number in range(1000):
            one = self.send(b"x")
            self.assertLessEqual(len(lane.waiting), 2 * len(sends) + MOST_GONE + 2)
            if number % 100:
                one.cancel()
                self.failureResultOf(one, SendCancelled)
            else:
                sends.append(one)
        self.cluster.advance(1.1)
        self.results(sends)
        self.assertEqual(self.sizes()[OUTSTANDING:], [len(sends)])

    def test_many(self) -> None:
        """
        Lanes in which nothing happens are forgotten when there are many.
        """
        self.patch(batching, "MOST_LANES", 3)
        self.brokerA.push(faults.delay(1.0), code=SEND)
        busy = self.send(b"x")
        self.cluster.flush()
        for name in "UVWXYZ":
            self.result(self.sandbox.createTopic(name, queues=1))
            self.result(self.client.whenReady(name))
            for _ in range(2):
                self.result(self.producer.send(Message(name, b"x")), timeout=0.1)
            self.assertLessEqual(len(self.lanes()), 3)
            self.assertIn("T", self.lanes())
        self.result(busy)


class SignedTests(BatchingTestCase):
    """
    Batches of a client with credentials.
    """

    def setUp(self) -> None:
        """
        Bring everything up, with brokers that take signed requests only.
        """
        super().setUp()
        self.brokerA._access = Access({"me": "secret" * 2})

    def signing(self, secretKey: str) -> None:
        """
        Have a client that signs.
        """
        credentials = SessionCredentials("me", secretKey)
        self.client = self.cluster.client(
            ClientSettings(credentials=credentials, instanceName="signing")
        )
        self.warm()
        self.producer = self.batching("signing")

    def test_signed(self) -> None:
        """
        A batch is signed as a whole.
        """
        self.signing("secret" * 2)
        self.results(self.several(3))
        self.assertEqual(self.sizes(), [3])
        self.assertEqual(len(self.bodies()), 3)

    def test_refused(self) -> None:
        """
        Where credentials are refused once, nothing is asked again for a while.
        """
        self.signing("another")
        for one in self.several(3):
            self.assertIs(self.failure(one, SendFailed).persisted, Persisted.NO)
        self.assertEqual(self.sizes(), [3])
        for one in self.several(3):
            self.assertIs(self.failure(one, SendFailed).persisted, Persisted.NO)
        self.assertEqual(self.sizes(), [3])
