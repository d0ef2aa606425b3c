"""
Section E: life cycle and local resources, in virtual time.
"""

from __future__ import annotations

import time
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txrocketmq._clocks import keepSteadyTime
from txrocketmq.client import MQClient
from txrocketmq.errors import (
    InvalidMessage,
    NotRunning,
    TooManyInFlight,
)
from txrocketmq.message import Message, WhenFull
from txrocketmq.producer import Producer
from txrocketmq.sandbox import faults

from .marks import row
from .support import NO, SEND, TICK, FaultTestCase


class NotRunningTests(FaultTestCase):
    """
    Sends at the wrong time.
    """

    @row("F57")
    def test_beforeTheStart(self) -> None:
        """
        NO, at once.
        """
        addresses = self.sandbox.nameServerAddresses
        producer = Producer(MQClient(self.clock, addresses), "early")
        for sent in (
            producer.send(Message("T", b"x")),
            producer.sendOneway(Message("T", b"x")),
            producer.sendBatch([Message("T", b"x")]),
        ):
            self.assertIs(self.failureResultOf(sent, NotRunning).value.persisted, NO)

    @row("F57")
    def test_duringTheStop(self) -> None:
        """
        The same while a stop waits for other sends, which end well.
        """
        self.both(faults.delay(1), times=9)
        self.sends(3)
        stopped = self.client.stopService()
        late = self.failureResultOf(self.send(), NotRunning).value
        self.assertIs(late.persisted, NO)
        self.cluster.advance(1 + TICK)
        self.assertEqual(len(self.ends.results), 3)
        self.assertIsNone(self.successResultOf(stopped))
        self.assertEqual(len(self.stored()), 3)


class CallbackTests(FaultTestCase):
    """
    Callbacks of sends that do what they like.
    """

    @row("F60")
    def test_raises(self) -> None:
        """
        One that raises leaves the other sends alone.
        """

        def oops(result: object) -> None:
            raise ZeroDivisionError

        first = self.send().addCallback(oops)
        self.sends(20)
        self.cluster.flush()
        self.failureResultOf(first, ZeroDivisionError)
        self.assertEqual(len(self.ends.results), 20)
        self.assertEqual(self.producer.stats().inFlight, 0)

    @row("F60")
    def test_sendsAgain(self) -> None:
        """
        One that sends again, and so on for a thousand times, is no recursion.
        """
        done: list[int] = []

        def again(result: object) -> None:
            done.append(1)
            if len(done) < 1000:
                self.send().addCallback(again)

        self.send().addCallback(again)
        self.cluster.flush()
        self.assertEqual(len(done), 1000)

    @row("F60")
    def test_sendsAgainWhenRefused(self) -> None:
        """
        Nor is one that sends again when it is refused at once.
        """
        self.producer = self.producerOf("full", maxInFlightMessages=1)
        done: list[int] = []

        def again(result: object) -> None:
            done.append(1)
            if len(done) < 50:
                self.send().addBoth(again)

        for _ in range(20):
            self.send().addBoth(again)
        self.cluster.flush()
        self.assertEqual(len(done), 69)
        self.assertEqual(self.producer.stats().inFlight, 0)

    @row("F60")
    def test_stops(self) -> None:
        """
        One that stops the client: sends that were written end well.
        """
        stopped: list[Deferred[None]] = []
        self.send().addCallback(lambda _: stopped.append(self.client.stopService()))
        self.sends(5)
        self.cluster.advance(10 + TICK)
        self.assertIsNone(self.successResultOf(stopped[0]))
        self.assertEqual(len(self.ends.results), 5)

    @row("F60")
    def test_cancelsOthers(self) -> None:
        """
        One that cancels all the others.
        """
        others = [self.ends.watch(self.send()) for _ in range(10)]

        def cancel(result: object) -> None:
            for other in others:
                other.cancel()

        others[4].addCallback(cancel)
        self.cluster.advance(20)
        self.assertEqual({len(ends) for ends in self.ends.of}, {1})
        self.assertEqual(self.producer.stats().inFlight, 0)


class LoadTests(FaultTestCase):
    """
    More sends than there is room for.
    """

    @row("F61")
    def test_longQueue(self) -> None:
        """
        With all brokers down, six hundred sends that wait all end when their
        time is over, as NO, and give back what they held.
        """
        self.producer = self.producerOf(
            "long", maxInFlightMessages=100, maxWaitingMessages=400, sendTimeout=3.0
        )
        self.bothDown()
        self.sends(600)
        refused = self.ends.errors
        self.assertEqual({type(each) for each in refused}, {TooManyInFlight})
        self.assertEqual(len(refused), 100)
        self.cluster.advance(3.0 + TICK)
        self.assertEqual(len(self.ends.errors), 600)
        self.assertEqual({each.persisted for each in self.ends.errors}, {NO})
        self.assertEqual({len(ends) for ends in self.ends.of}, {1})
        stats = self.producer.stats()
        self.assertEqual((stats.inFlight, stats.inFlightBytes, stats.waiting), (0,) * 3)

    @row("F62")
    def test_burst(self) -> None:
        """
        Of a burst exactly as many are taken as the limit says; the others are
        refused at once.
        """
        self.producer = self.producerOf(
            "burst", maxInFlightMessages=500, whenFull=WhenFull.FAIL
        )
        self.sends(5000)
        self.assertEqual(len(self.ends.errors), 4500)
        self.assertEqual({each.persisted for each in self.ends.errors}, {NO})
        self.assertEqual({type(each) for each in self.ends.errors}, {TooManyInFlight})
        self.cluster.flush()
        self.assertEqual(len(self.ends.results), 500)
        self.assertEqual(len(self.stored()), 500)

    @row("F62")
    def test_burstThatWaits(self) -> None:
        """
        The same with a queue: those in flight and those that wait, no more.
        """
        self.producer = self.producerOf(
            "queue", maxInFlightMessages=100, maxWaitingMessages=400
        )
        self.sends(2000)
        self.assertEqual(len(self.ends.errors), 1500)
        self.cluster.flush()
        self.assertEqual(len(self.ends.results), 500)

    @row("F62")
    def test_flood(self) -> None:
        """
        A flood to one topic that brokers are slow to take: another topic's send
        waits for one place, not for all that came before it.
        """
        self.result(self.sandbox.createTopic("Other"))
        self.producer = self.producerOf(
            "flood", maxInFlightMessages=10, sendTimeout=100.0
        )
        self.both(faults.delay(1.0), times=1000)
        self.sends(500)
        self.cluster.flush()
        began = self.clock.seconds()
        self.result(self.producer.send(Message("Other", b"x")))
        self.assertLess(self.clock.seconds() - began, 2.0 + TICK)
        self.assertGreater(self.producer.stats().waiting, 400)
        self.result(self.producer.flush())
        self.assertEqual(len(self.ends.results), 500)
        self.assertEqual(self.producer.stats().inFlight, 0)


class SteadyTests(SynchronousTestCase):
    """
    Clocks that step.
    """

    @row("F64")
    def test_entryPoints(self) -> None:
        """
        A reactor of ours keeps time by a clock nobody sets, from the beginning.
        """
        reactor: Any = Clock()
        keepSteadyTime(reactor)
        self.assertIs(reactor.seconds, time.monotonic)

    @row("F64")
    def test_theirs(self) -> None:
        """
        One that has something to call already is left as it is.
        """
        reactor: Any = Clock()
        reactor.callLater(1, lambda: None)
        seconds = reactor.seconds
        keepSteadyTime(reactor)
        self.assertEqual(reactor.seconds, seconds)


class WallClockTests(FaultTestCase):
    """
    Wall clocks that step.
    """

    @row("F64")
    def test_onlyTheBirthFollows(self) -> None:
        """
        When the wall clock jumps by hours or years, messages are born at other
        times, and nothing else changes.
        """
        real = time.time
        births = []
        for step in (0, 3600, -3600, 315_000_000, -315_000_000):
            self.patch(time, "time", lambda step=step: real() + step)
            began = self.clock.seconds()
            self.assertEqual(len(self.sent().attempts), 1)
            self.assertEqual(self.clock.seconds(), began)
            births.append(max(each.bornTimestamp for each in self.stored()[-1:]))
        self.patch(time, "time", real)
        self.assertEqual(len(set(self.storedIds())), 5)
        self.assertEqual(
            len(self.brokerA.requests(SEND) + self.brokerB.requests(SEND)), 5
        )


class RefusedTests(FaultTestCase):
    """
    Messages no broker would take.
    """

    @row("F65d")
    def test_nothingReachesTheWire(self) -> None:
        """
        Each is refused at once, by the Deferred, and not a byte is written.
        """
        written = [pair[0].written for pair in self.cluster.network.connections]
        anything: Any = Message
        for message in (
            Message("T", b""),
            Message("T", b"x" * (4 * 1024 * 1024 + 1)),
            Message("T", b"x", properties={"a": "b\x01c"}),
            Message("T", b"x", properties={"a\x02": "b"}),
            Message("T", b"x", properties={"a": "\u00e9" * 16_400}),
            Message("T", b"x", properties={"KEYS": "mine"}),
            Message("t" * 128, b"x"),
            Message("a.b/c", b"x"),
            anything(None, b"x"),
            anything("T", "text"),
            anything("T", b"x", tags=7),
            anything("T", b"x", properties={"a": 1}),
        ):
            error = self.failureResultOf(self.producer.send(message), InvalidMessage)
            self.assertIs(error.value.persisted, NO)
        batch = [Message("T", b"x"), Message("U", b"x")]
        self.failureResultOf(self.producer.sendBatch(batch), InvalidMessage)
        delayed = [Message("T", b"x"), Message("T", b"x", delayTimeLevel=3)]
        self.failureResultOf(self.producer.sendBatch(delayed), InvalidMessage)
        self.assertEqual(
            [pair[0].written for pair in self.cluster.network.connections], written
        )
        self.sent()
        self.result(self.producer.send(Message("t" * 127, b"x")))
