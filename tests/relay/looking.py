"""
A relay to look into: a cluster in memory, and a spool that is a list.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from txrocketmq import Message, Producer
from txrocketmq._spool.entries import Refused, SpoolCounts
from txrocketmq.errors import RocketMQError
from txrocketmq.relay.state import RelayState
from txrocketmq.relay.tally import Tally
from txrocketmq.testing import MemoryCluster

EPOCH = 1_800_000_000.0


class MemorySpool:
    """
    What of a spool is looked at.

    @ivar messages: Those that were refused.

    @ivar failure: What everything fails with, if it does.
    """

    def __init__(self) -> None:
        self.messages: list[Refused] = []
        self.accepting = True
        self.failure: RocketMQError | None = None
        self.figures: dict[str, Any] = {
            "waiting": 0,
            "waitingBytes": 0,
            "refusedBytes": 0,
            "limit": 1 << 20,
            "oldest": None,
            "recovered": 0,
            "lost": 0,
            "commits": 0,
            "fileBytes": 4096,
        }

    @property
    def counts(self) -> SpoolCounts:
        """
        What it says of itself.
        """
        return SpoolCounts(refused=len(self.messages), **self.figures)

    def add(self, count: int) -> None:
        """
        Have refused some messages.
        """
        for _ in range(count):
            number = len(self.messages) + 1
            self.messages.append(
                Refused(number, f"ID{number}", "T", 5, "no", EPOCH, EPOCH - 1)
            )

    def refused(self, after: int, most: int) -> Deferred[list[Refused]]:
        """
        A page of them.
        """
        if self.failure is not None:
            return fail(self.failure)
        return succeed([each for each in self.messages if each.number > after][:most])

    def replay(self, numbers: Sequence[int] | None) -> Deferred[int]:
        """
        Let some wait again.
        """
        before = self.figures["waiting"]
        return self.deleteRefused(numbers).addCallback(self._wait, before)

    def deleteRefused(self, numbers: Sequence[int] | None) -> Deferred[int]:
        """
        Forget some.
        """
        if self.failure is not None:
            return fail(self.failure)
        before = len(self.messages)
        self.messages = [
            each
            for each in self.messages
            if numbers is not None and each.number not in numbers
        ]
        return succeed(before - len(self.messages))

    def _wait(self, count: int, before: int) -> int:
        """
        Let so many wait.
        """
        self.figures["waiting"] = before + count
        return count


class MemoryForwarder:
    """
    What of a forwarder is looked at.
    """

    def __init__(self) -> None:
        self.state = "idle"
        self.lastError: str | None = None


class LookingTestCase(SynchronousTestCase):
    """
    A test with a relay to look into.

    @ivar spool: Its spool, which it does not have unless the test says so.
    """

    brokers = 2

    def setUp(self) -> None:
        """
        Bring a cluster up, and a client that has found it.
        """
        self.cluster = MemoryCluster(brokers=self.brokers)
        self.clock = self.cluster.clock
        self.cluster.result(self.cluster.sandbox.createTopic("T", queues=2))
        self.addCleanup(self._stop)
        self.client = self.cluster.client()
        self.producer = Producer(self.client, "group")
        self.tally = Tally(self.now)
        self.spool = MemorySpool()
        self.forwarder = MemoryForwarder()
        self.state = RelayState(
            self.clock,
            self.tally,
            client=self.client,
            producer=self.producer,
            group="group",
            wallClock=self.now,
        )
        self.cluster.result(self.client.whenReady())
        self.state.clientReady = True
        self.state.start()

    def now(self) -> float:
        """
        The time of day.
        """
        return EPOCH + self.cluster.clock.seconds()

    def spooling(self) -> None:
        """
        Have a spool.
        """
        self.state.spool = self.spool
        self.state.forwarder = self.forwarder

    def send(self, count: int = 1) -> None:
        """
        Send messages, and count them as the relay does.
        """
        for _ in range(count):
            self.tally.accepted("broker", 1, 4)
            result = self.cluster.result(self.producer.send(Message("T", b"body")))
            self.tally.stored(0.004, len(result.attempts))

    def warm(self) -> None:
        """
        Be connected to every broker.
        """
        self.cluster.result(self.client.whenReady("T"))

    def setDown(self, *names: str) -> None:
        """
        Let brokers die, and everybody notice.
        """
        for name in names:
            self.cluster.sandbox.brokers[name].setDown()
        self.cluster.flush()
        self.cluster.advance(31.0)

    def _stop(self) -> None:
        """
        Stop everything, and see that nothing is left.
        """
        self.state.stop()
        self.cluster.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
