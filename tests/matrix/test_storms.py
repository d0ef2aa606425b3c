"""
Brokers that say they are busy: F55 and what the delivery contract says of load.
"""

from __future__ import annotations

from typing import Any

from txrocketmq.errors import SendFailed, SystemBusy, TooManyInFlight
from txrocketmq.message import CommunicationMode, MessageQueue
from txrocketmq.producer import Producer
from txrocketmq.sandbox import faults

from .marks import row
from .support import NO, SEND, TICK, FaultTestCase

BUSY = faults.respond(2, "[PCBUSY_CLEAN_QUEUE]")
FLOW = faults.respond(215, "flow control")
RATE = 50
"""
Messages a second.
"""


class StormTestCase(FaultTestCase):
    """
    Brokers that are told to be busy, and what reaches them.
    """

    def requests(self) -> int:
        """
        How many sends have reached the brokers since they were cleared.
        """
        brokers = self.sandbox.brokers.values()
        return sum(len(broker.requests(SEND)) for broker in brokers)

    def clear(self) -> None:
        """
        Let the brokers be as they were, and count from now on.
        """
        for broker in self.sandbox.brokers.values():
            broker.clear()

    def offer(self, seconds: float, rate: int = RATE, **options: Any) -> int:
        """
        Send at a rate.

        @return: How many.
        """
        count = round(seconds * rate)
        for _ in range(count):
            self.ends.watch(self.send(**options))
            self.cluster.advance(1 / rate)
        return count


class StormTests(StormTestCase):
    """
    A minute in which every broker refuses everything.
    """

    @row("F55")
    def test_load(self) -> None:
        """
        The brokers get no more than is offered, and less and less of it: one
        probe a second each.  All sends end in time, as NO.
        """
        self.both(BUSY, times=100_000)
        self.offer(10)
        early = self.requests()
        self.assertLessEqual(early, 1.1 * 10 * RATE)
        for _ in range(50):
            self.offer(1)
        later = self.requests() - early
        self.assertLessEqual(later, 2 * 50)
        self.assertGreater(later, 2 * 50 * 0.6)
        self.cluster.advance(10 + TICK)
        self.assertEqual(len(self.ends.all), 60 * RATE)
        self.assertEqual({error.persisted for error in self.ends.errors}, {NO})
        self.assertEqual(len(self.ends.errors), 60 * RATE)

    @row("F55")
    def test_recovery(self) -> None:
        """
        Within five seconds of its end nine of ten are stored at once again, and
        so is what has waited.
        """
        self.both(BUSY, times=100_000)
        self.offer(30)
        self.clear()
        self.offer(5)
        before = len(self.ends.results)
        offered = self.offer(2)
        self.assertGreaterEqual(len(self.ends.results) - before, 0.9 * offered)
        # Nobody waits any more.
        self.assertEqual(self.producer.stats().inFlight, 0)
        self.assertEqual(len(self.stored()), len(self.ends.results))

    @row("F55")
    def test_truth(self) -> None:
        """
        A send that was refused tells of its last refusal; one that was not sent
        at all says so, and why.
        """
        self.both(BUSY, times=100_000)
        self.offer(15)
        refused = [each for each in self.ends.errors if each.code == 2]
        unsent = [each for each in self.ends.errors if each.code is None]
        self.assertTrue(refused)
        self.assertTrue(unsent)
        self.assertEqual(len(refused) + len(unsent), len(self.ends.errors))
        for error in refused:
            self.assertIsInstance(error.cause, SystemBusy)
            self.assertTrue(all(a.address for a in error.attempts))
        for error in unsent:
            self.assertIsInstance(error.cause, TooManyInFlight)
            self.assertIn("PCBUSY_CLEAN_QUEUE", str(error))
            self.assertEqual([a.address for a in error.attempts], [None])
        for error in self.ends.errors:
            self.assertTrue(error.retriable)

    @row("F55")
    def test_shortOne(self) -> None:
        """
        When brokers are busy for a moment, no send fails and few are asked for
        again.
        """
        for fault in (BUSY, FLOW):
            self.both(fault, times=100_000)
            self.sends(100)
            self.cluster.advance(0.05)
            self.clear()
            self.cluster.advance(5)
            self.assertEqual(self.ends.errors, [])
        self.assertEqual(len(self.ends.results), 200)
        self.assertEqual({r.possibleDuplicates for r in self.ends.results}, {0})

    @row("F55")
    def test_onlyOneOfTwo(self) -> None:
        """
        While one broker is busy the other one has all the sends, none of which
        waits; those that must go to the first wait for it, in order.
        """
        self.brokerA.push(BUSY, code=SEND, times=100_000)
        queue = MessageQueue("T", "broker-a", 0)
        for at in range(5):
            self.ends.watch(self.send(b"%d" % at, queue=queue))
        self.cluster.advance(1)
        pinned = len(self.brokerA.requests(SEND))
        for _ in range(20):
            result = self.sent()
            self.assertEqual(result.messageQueue.brokerName, "broker-b")
        self.assertLessEqual(len(self.brokerA.requests(SEND)), pinned + 1)
        self.clear()
        self.cluster.advance(3)
        self.assertEqual(len(self.ends.results), 5)

    @row("F55")
    def test_javasRules(self) -> None:
        """
        Java's rules know nothing of it: three tries each, or one.
        """
        self.both(BUSY, times=100_000)
        self.offer(2)
        for mode, tries in ((CommunicationMode.SYNC, 3), (CommunicationMode.ASYNC, 1)):
            for _ in range(5):
                began, before = self.clock.seconds(), self.requests()
                error = self.failed(mode=mode)
                self.assertEqual(self.clock.seconds(), began)
                self.assertEqual(len(error.attempts), tries)
                self.assertIsInstance(error.cause, SystemBusy)
                self.assertEqual(self.requests() - before, tries)

    def test_stopped(self) -> None:
        """
        A stop does not wait for brokers that are busy beyond its time, and who
        waits for one is told.
        """
        self.both(BUSY, times=100_000)
        self.offer(2, timeout=60.0)
        self.result(self.client.stopService())
        self.assertEqual(len(self.ends.errors), 2 * RATE)
        self.assertEqual({error.persisted for error in self.ends.errors}, {NO})

    def test_cancelled(self) -> None:
        """
        Who waits for a busy broker, or for another try, can be cancelled.
        """
        self.both(BUSY, times=100_000)
        sending = [self.send() for _ in range(50)]
        self.cluster.advance(2)
        for each in sending:
            each.cancel()
            self.assertIs(self.failureResultOf(each).value.persisted, NO)
        self.assertEqual(self.producer.stats().inFlight, 0)


class SameBrokerTests(StormTestCase):
    """
    The only broker, which cannot cope and does not say so.
    """

    brokers = 1

    def lateOnes(self, producer: Producer, seconds: int) -> int:
        """
        Send while all answers come too late.

        @return: How many there were.
        """
        self.producer = producer
        self.brokerA.push(faults.delay(0.8), code=SEND, times=100_000)
        return self.offer(seconds)

    @row("F55")
    def test_timeouts(self) -> None:
        """
        What is not answered in time is asked again for a tenth of what is sent, or for
        what a send alone may ask.
        """
        offered = self.lateOnes(self.producerOf("g", attemptTimeout=0.5), 20)
        self.cluster.advance(10)
        self.assertEqual(len(self.ends.errors), offered)
        self.assertLessEqual(self.requests(), 1.1 * offered)
        self.assertGreater(self.requests(), offered + 30)
        for error in self.ends.errors:
            self.assertIsInstance(error, SendFailed)

    @row("F55")
    def test_isolated(self) -> None:
        """
        One that is alone is asked for as often as it may be.
        """
        self.lateOnes(self.producerOf("g", attemptTimeout=0.5), 0)
        error = self.failed()
        self.assertEqual(len(error.attempts), 3)
