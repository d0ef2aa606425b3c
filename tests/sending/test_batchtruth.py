"""
What batching promises, whatever happens: each send ends once, in time and with the
truth, and the brokers hold exactly that.
"""

from __future__ import annotations

from collections import Counter
from typing import Any
from zlib import decompress

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.sending.batchcase import BATCH, SEND
from tests.support import TestCase
from txrocketmq._wire.codes import SysFlag
from txrocketmq.errors import RocketMQError, SendCancelled, SendFailed
from txrocketmq.message import Message, MessageQueue, Persisted, SendResult
from txrocketmq.producer import Producer
from txrocketmq.sandbox import StoredMessage, faults
from txrocketmq.settings import Batching, ProducerSettings
from txrocketmq.testing import MemoryCluster

SEND_TIMEOUT = 10.0

#: What a broker can do, and whether it stores before: never a lie.
FAULTS: list[tuple[faults.Fault, bool]] = [
    (faults.respond(2, "[PCBUSY_CLEAN_QUEUE]broker busy"), False),
    (faults.respond(13, "the message is illegal"), False),
    (faults.respond(14, "not available"), False),
    (faults.respond(3, "not supported"), False),
    (faults.respond(16, "no permission"), False),
    (faults.respond(1, "who knows"), False),
    (faults.respond(1, "who knows"), True),
    (faults.silence(), False),
    (faults.silence(), True),
    (faults.close(), False),
    (faults.close(), True),
    (faults.reset(), False),
    (faults.reset(), True),
    (faults.goAway(), False),
    (faults.delay(0.7), False),
    (faults.garbage(b"no frame at all"), True),
]

NAMES = ["broker-a", "broker-b"]

sends = st.tuples(
    st.just("send"),
    st.integers(1, 12),
    st.sampled_from([None, None, ("broker-a", 0), ("broker-b", 1)]),
    st.sampled_from(
        ["plain", "plain", "plain", "large", "keys", "impatient", "unsafe"]
    ),
)
steps = st.one_of(
    sends,
    sends,
    st.tuples(st.just("fault"), st.sampled_from(NAMES), st.sampled_from(FAULTS)),
    st.tuples(st.just("cancel"), st.integers(0, 200)),
    st.tuples(st.just("chain"), st.integers(0, 200), st.integers(0, 200)),
    st.tuples(st.just("pass"), st.sampled_from([0.0, 0.0, 0.0, 0.3, 1.5])),
    st.tuples(st.just("turn")),
    st.tuples(
        st.sampled_from(["pause", "resume", "down", "up"]), st.sampled_from(NAMES)
    ),
)


class History:
    """
    One run: what was sent, what was told of it, and what is stored.
    """

    def __init__(self, case: SynchronousTestCase, **more: Any) -> None:
        """
        Bring a cluster up, and a producer that batches.
        """
        self.case = case
        self.cluster = MemoryCluster(brokers=2)
        self.cluster.result(self.cluster.sandbox.createTopic("T", queues=2))
        self.client = self.cluster.client()
        self.cluster.result(self.client.whenReady("T"))
        self.cluster.flush()
        own = ProducerSettings(batching=Batching(maxMessages=5), **more)
        self.producer = Producer(self.client, "truth", own)
        self.deferreds: list[Deferred[SendResult]] = []
        self.began: list[float] = []
        self.chained: dict[int, list[int]] = {}
        self.ends: dict[int, tuple[float, SendResult | Failure]] = {}

    def play(self, step: tuple[Any, ...]) -> None:
        """
        Do one thing.
        """
        what, *how = step
        getattr(self, f"do{what.capitalize()}")(*how)

    def doSend(self, count: int, queue: tuple[str, int] | None, kind: str) -> None:
        """
        Send some messages; their bodies begin with their numbers.
        """
        options: dict[str, Any] = {"timeout": 2.0} if kind == "impatient" else {}
        if queue is not None:
            options["queue"] = MessageQueue("T", *queue)
        for _ in range(count):
            number = len(self.deferreds)
            body = b"%d " % number + b"x" * (5000 if kind == "large" else 1)
            message = Message(
                "T",
                body,
                keys=["k"] if kind == "keys" else (),
                waitStoreMsgOK=kind != "unsafe",
            )
            self.began.append(self.cluster.clock.seconds())
            sending = self.producer.send(message, **options)
            self.deferreds.append(sending)
            sending.addBoth(self.told, number)

    def told(self, outcome: SendResult | Failure, number: int) -> None:
        """
        A send has ended.
        """
        self.case.assertNotIn(number, self.ends)
        self.ends[number] = (self.cluster.clock.seconds(), outcome)
        for other in self.chained.get(number, ()):
            self.doCancel(other)

    def doFault(self, name: str, fault: tuple[faults.Fault, bool]) -> None:
        """
        Let a broker misbehave once.
        """
        self.cluster.sandbox.brokers[name].push(fault[0], code=SEND, stored=fault[1])
        self.cluster.sandbox.brokers[name].push(fault[0], code=BATCH, stored=fault[1])

    def doCancel(self, number: int) -> None:
        """
        Cancel a send.
        """
        if self.deferreds:
            self.deferreds[number % len(self.deferreds)].cancel()

    def doChain(self, number: int, other: int) -> None:
        """
        Let the end of a send be the end of another.
        """
        if self.deferreds:
            self.chained.setdefault(number % len(self.deferreds), []).append(other)

    def doPass(self, seconds: float) -> None:
        """
        Let time pass.
        """
        self.cluster.advance(seconds)

    def doTurn(self) -> None:
        """
        Let one turn pass: what is sent is not answered yet.
        """
        self.cluster.clock.advance(0)

    def doPause(self, name: str) -> None:
        """
        Let a transport have enough.
        """
        live = self.client.peers.live(self.cluster.sandbox.brokers[name].address)
        if live is not None:
            live.pauseProducing()

    def doResume(self, name: str) -> None:
        """
        Let it take more.
        """
        live = self.client.peers.live(self.cluster.sandbox.brokers[name].address)
        if live is not None:
            live.resumeProducing()

    def doDown(self, name: str) -> None:
        """
        Let a broker die.
        """
        self.cluster.sandbox.brokers[name].setDown()

    def doUp(self, name: str) -> None:
        """
        Bring it back.
        """
        self.cluster.sandbox.brokers[name].setUp()

    def finish(self) -> None:
        """
        See how everything has ended.
        """
        self.cluster.advance(SEND_TIMEOUT + 1)
        stats = self.producer.stats()
        for broker in self.cluster.sandbox.brokers.values():
            broker.clear()
            broker.setUp()
        self.cluster.advance(5)
        self.case.assertEqual(set(self.ends), set(range(len(self.deferreds))))
        self.case.assertEqual((stats.inFlight, stats.inFlightBytes), (0, 0))
        self.case.assertEqual(stats.sent + stats.failed, len(self.deferreds))
        stored = self.cluster.sandbox.messages("T")
        copies = Counter(numberOf(each) for each in stored)
        places = {each.offsetMsgId: each for each in stored}
        for number, (at, outcome) in self.ends.items():
            self.case.assertLessEqual(at - self.began[number], SEND_TIMEOUT + 0.01)
            if isinstance(outcome, SendResult):
                self.stored(number, outcome, copies[number], places)
            else:
                self.unstored(outcome.value, copies[number])
        self.cluster.stop()
        self.case.assertEqual(self.cluster.clock.getDelayedCalls(), [])

    def stored(
        self,
        number: int,
        result: SendResult,
        copies: int,
        places: dict[str, StoredMessage],
    ) -> None:
        """
        What was told to be stored is where it was told to be.
        """
        one = places[result.offsetMsgId]
        self.case.assertEqual(
            (one.properties["UNIQ_KEY"], one.queueId, one.queueOffset),
            (result.msgId, result.messageQueue.queueId, result.queueOffset),
        )
        self.case.assertEqual(numberOf(one), number)
        self.case.assertGreaterEqual(copies, 1)
        self.case.assertLessEqual(copies, 1 + result.possibleDuplicates)

    def unstored(self, error: BaseException | None, copies: int) -> None:
        """
        What is said of the others is true.
        """
        assert isinstance(error, RocketMQError | SendCancelled)
        persisted = error.persisted
        if persisted is Persisted.NO:
            self.case.assertEqual(copies, 0, repr(error))
        elif persisted is Persisted.YES:
            self.case.assertGreaterEqual(copies, 1, repr(error))
        elif isinstance(error, SendFailed) and not error.omittedAttempts:
            maybes = sum(each.persisted is Persisted.MAYBE for each in error.attempts)
            self.case.assertLessEqual(copies, maybes, repr(error))


def numberOf(stored: StoredMessage) -> int:
    """
    The number of the send a stored message came from.
    """
    compressed = stored.sysFlag & SysFlag.COMPRESSED
    body = decompress(stored.body) if compressed else stored.body
    return int(body.split()[0])


class TruthTests(TestCase):
    """
    Under faults at any moment.
    """

    @settings(max_examples=60)
    @given(st.lists(steps, min_size=3, max_size=25), st.booleans())
    def test_truth(self, script: list[tuple[Any, ...]], resend: bool) -> None:
        """
        Each accepted send ends once, with the truth.
        """
        history = History(self, resendWhenMaybe=resend)
        for step in script:
            history.play(step)
        history.finish()
