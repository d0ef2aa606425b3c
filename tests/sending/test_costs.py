"""
What a send costs is held at what it is: in calls and in memory, for no clock tells
the same twice.
"""

from __future__ import annotations

import sys
import tracemalloc
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

import txrocketmq.producer
from tests.sending.costs import Calls, Warm
from txrocketmq._sending.fastpath import FastPath
from txrocketmq.context import SendMessageContext
from txrocketmq.interfaces import ISendMessageHook
from txrocketmq.remoting import SerializeType
from txrocketmq.settings import SessionCredentials

SENDS = 256

BINARY = {"serializeType": SerializeType.ROCKETMQ}
SIGNED = {"credentials": SessionCredentials("key", "secret")}


@implementer(ISendMessageHook)
class Nothing:
    """
    Does nothing.
    """

    def sendMessageBefore(self, context: SendMessageContext) -> None:
        """
        Do nothing.
        """

    def sendMessageAfter(self, context: SendMessageContext) -> None:
        """
        Do nothing.
        """


COSTS: dict[str, tuple[int, int, dict[str, Any]]] = {
    "plain": (12, 22, {}),
    "ROCKETMQ headers": (13, 23, BINARY),
    "signed": (16, 26, SIGNED),
    "hooked": (19, 31, {"hooks": (Nothing(),)}),
}
"""
How many of our functions a send and its answer call, and how many in all, Twisted's
and the test's own two among them.  Whoever makes them fewer writes it here; more of
them need a reason.
"""

MOST_BLOCKS = 13
MOST_BYTES = 920
"""
What an outstanding send holds of memory beside its body.
"""


class CostTestCase(SynchronousTestCase):
    """
    Counts on the warm path.
    """

    def setUp(self) -> None:
        """
        Let it always be the same millisecond: in a new one, ids begin anew.
        """
        self.patch(txrocketmq.producer, "millis", lambda: 1_700_000_000_123)

    def warm(self, **options: Any) -> Warm:
        """
        A warm producer.
        """
        warm = Warm(**options)
        self.addCleanup(warm.stop)
        return warm


class GuardTests(CostTestCase):
    """
    Today's figures are the most there may be.
    """

    def test_calls(self) -> None:
        """
        No send calls more functions than it did.
        """
        for name, (ours, all_, options) in COSTS.items():
            calls = self.warm(**options).calls(SENDS)
            each = calls.each(SENDS)
            sys.stdout.write(f"\n{name}: {each[0]} calls of ours, {each[1]} in all")
            self.assertLessEqual(each[0], ours, f"{name}:\n{calls.listed(SENDS)}")
            self.assertLessEqual(each[1], all_, f"{name}:\n{calls.listed(SENDS)}")

    def test_oneMore(self) -> None:
        """
        One call more is noticed.
        """
        before = self.warm().calls(SENDS).each(SENDS)
        admitted = FastPath._admitted
        self.patch(FastPath, "_admitted", lambda self, each: admitted(self, each))
        after = self.warm().calls(SENDS).each(SENDS)
        self.assertEqual(after, (before[0], before[1] + 1))

    def test_blocks(self) -> None:
        """
        No outstanding send holds more blocks of memory than it did, and none holds
        any when it has ended; nor does it leave work for the garbage collector.
        """
        warm = self.warm()
        warm.blocks(SENDS)
        held, left = warm.blocks(SENDS)
        sys.stdout.write(f"\n{held / SENDS:.2f} blocks each")
        self.assertLessEqual(held // SENDS, MOST_BLOCKS)
        self.assertLess(left, SENDS // 10)
        self.assertEqual(warm.cycles, 0)

    def test_bytes(self) -> None:
        """
        Nor does one hold more bytes; the bodies are not counted.
        """
        warm, sends = self.warm(), 20_000
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        before, _ = tracemalloc.get_traced_memory()
        warm.send(sends)
        held = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        warm.answer()
        sys.stdout.write(f"\n{held / sends:.0f} bytes each")
        self.assertLessEqual(held / sends, MOST_BYTES)


class ScaleTests(CostTestCase):
    """
    A send costs the same however many there are.
    """

    def each(self, warm: Warm, sends: int) -> float:
        """
        The calls for each send, what is done for many together among them.
        """
        calls: Calls = warm.calls(sends)
        return (calls.ours.total() + calls.others.total()) / sends

    def test_inFlight(self) -> None:
        """
        However many are outstanding.
        """
        warm = self.warm()
        few = self.each(warm, SENDS)
        warm.send(100_000 - SENDS)
        many = self.each(warm, SENDS)
        warm.answer()
        sys.stdout.write(f"\n{few:.2f} calls at {SENDS}, {many:.2f} at 100000")
        self.assertLessEqual(many, few)

    def test_topics(self) -> None:
        """
        However many topics they go to.
        """
        one = self.each(self.warm(), 2000)
        many = self.each(self.warm(topics=1000), 2000)
        sys.stdout.write(f"\n{one:.2f} calls for one topic, {many:.2f} for 1000")
        self.assertLessEqual(many, one)

    def test_brokers(self) -> None:
        """
        However many brokers they go to, but for what is done for each read: there
        are as many reads as brokers.
        """
        one = self.each(self.warm(), 6400)
        many = self.each(self.warm(brokers=64), 6400)
        sys.stdout.write(f"\n{one:.2f} calls for one broker, {many:.2f} for 64")
        self.assertLess(many, 1.02 * one)
