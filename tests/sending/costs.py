"""
What a send costs, counted: calls, blocks and bytes of memory, and not seconds.

Time is virtual, and the other end of each connection is written here: what is
counted is the client's own.
"""

from __future__ import annotations

import gc
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from twisted.python.failure import Failure

import txrocketmq
from tests.matrix.support import connectionsTo
from txrocketmq._remoting.protocol import RemotingProtocol
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.frames import encodeFrame
from txrocketmq.message import Message, SendResult
from txrocketmq.producer import Producer
from txrocketmq.settings import ClientSettings, ProducerSettings
from txrocketmq.testing import MemoryCluster

OURS = str(Path(txrocketmq.__path__[0]))

MANY = 10**6
BODY = b"x" * 100

FIELDS = {
    "TRACE_ON": "true",
    "MSG_REGION": "DefaultRegion",
    "msgId": "7F00000100002A9F0000000000000000",
    "transactionId": "7F000001000000000000000000000000",
}
"""
What brokers say of each message, beside its queue and its offset.
"""


class Calls:
    """
    Calls of Python functions.

    @ivar ours: How often each of ours was called.

    @ivar others: The same for all others.
    """

    def __init__(self) -> None:
        self.ours: Counter[str] = Counter()
        self.others: Counter[str] = Counter()

    @contextmanager
    def counted(self) -> Iterator[None]:
        """
        Count those that are made meanwhile.
        """
        before = sys.getprofile()
        sys.setprofile(self._note)
        try:
            yield
        finally:
            sys.setprofile(before)

    def each(self, sends: int) -> tuple[int, int]:
        """
        How many there were for each send: of ours, and in all.  What is done for
        all of them together is not among them.
        """
        ours, others = self.ours.total(), self.others.total()
        return ours // sends, (ours + others) // sends

    def listed(self, sends: int) -> str:
        """
        All that are called for each send, one a line.
        """
        each = [*self.ours.items(), *self.others.items()]
        lines = [f"{count / sends:6.2f} {name}" for name, count in each]
        return "\n".join(sorted(line for line in lines if not line.startswith("  0.0")))

    def _note(self, frame: FrameType, event: str, argument: Any) -> None:
        """
        Count a call.
        """
        code = frame.f_code
        if event == "call" and code is not _LEAVING:
            isOurs = code.co_filename.startswith(OURS)
            name = f"{code.co_filename.rpartition('/')[2]} {code.co_qualname}"
            (self.ours if isOurs else self.others)[name] += 1


# Leaving a counted part is a call, too.
_LEAVING = Calls.counted.__wrapped__.__code__  # type: ignore[attr-defined]


class Warm:
    """
    A producer on its warm path: it knows all routes, is connected to all brokers,
    and has sent to each queue.

    @ivar results: How many sends succeeded.

    @ivar cycles: How many objects the collector found, the last time.
    """

    cycles = 0

    def __init__(
        self,
        brokers: int = 1,
        topics: int = 1,
        hooks: tuple[Any, ...] = (),
        **own: Any,
    ) -> None:
        """
        @param own: The client's settings.
        """
        self.cluster = cluster = MemoryCluster(brokers=brokers)
        client = cluster.client(ClientSettings(**own))
        room = ProducerSettings(maxInFlightMessages=MANY, maxInFlightBytes=MANY * 1000)
        self.producer = Producer(client, "group", room, hooks=hooks)
        self.topics = [f"T{at}" for at in range(topics)]
        self.results = 0
        self._ends = self._stored, self._failed
        for topic in self.topics:
            cluster.result(cluster.sandbox.createTopic(topic, queues=1))
            cluster.result(client.whenReady(topic))
        # Twice round: the first send finds the way, the second makes what is kept.
        self.send(2 * brokers * topics)
        cluster.flush()
        assert self.results == 2 * brokers * topics
        self.protocols: list[RemotingProtocol] = []
        for broker in cluster.sandbox.brokers.values():
            ((ours, _),) = connectionsTo(cluster.network, broker.address)
            ours.write = self._written  # type: ignore[method-assign]
            self.protocols.append(ours._protocol)  # type: ignore[arg-type]

    def send(self, count: int) -> None:
        """
        Send so many messages, to one topic after another.
        """
        send, ends, topics = self.producer.send, self._ends, self.topics
        for at in range(count):
            message = Message(topics[at % len(topics)], BODY, tags="T")
            send(message).addCallbacks(*ends)

    def reads(self, sends: int = MANY) -> list[tuple[RemotingProtocol, bytes]]:
        """
        The answers to the latest of what is outstanding: what each connection reads.

        @param sends: The most answers for each connection.
        """
        return [
            (each, b"".join(map(_answer, waiting[-sends:])))
            for each in self.protocols
            if (waiting := list(each._waiters.live.values()))
        ]

    def answer(self) -> None:
        """
        Answer all that is outstanding.
        """
        for protocol, data in self.reads():
            protocol.dataReceived(data)

    def calls(self, sends: int) -> Calls:
        """
        Count the calls of sends and of their answers, beside what is outstanding.
        """
        calls = Calls()
        before = self.results
        with calls.counted():
            self.send(sends)
        reads = self.reads(sends)
        with calls.counted():
            for protocol, data in reads:
                protocol.dataReceived(data)
        assert self.results == before + sends
        return calls

    def blocks(self, sends: int) -> tuple[int, int]:
        """
        The blocks of memory that outstanding sends hold, and what is left of them
        when they have ended.
        """
        gc.collect()
        gc.disable()
        try:
            before = sys.getallocatedblocks()
            self.send(sends)
            held = sys.getallocatedblocks() - before
            self.answer()
            self.cycles = gc.collect()
            return held, sys.getallocatedblocks() - before
        finally:
            gc.enable()

    def stop(self) -> None:
        """
        Stop.
        """
        for protocol in self.protocols:
            protocol.abort()
        self.cluster.stop()

    def _written(self, data: bytes) -> None:
        """
        Keep nothing of what is written.
        """

    def _stored(self, result: SendResult) -> None:
        """
        Count a send that succeeded.
        """
        self.results += 1

    def _failed(self, reason: Failure) -> None:
        """
        None is to fail.
        """
        reason.raiseException()


def _answer(waiting: Any) -> bytes:
    """
    The answer to a send that is under way.
    """
    queueId = waiting.target.queueId
    return encodeFrame(
        RemotingCommand(
            0,
            {"queueId": queueId, "queueOffset": str(waiting.opaque), **FIELDS},
            opaque=waiting.opaque,
            flag=1,
            serializeType=waiting.path.envelope.serializeType,
        )
    )
