"""
What else a producer does, on real brokers of 5.5.0 and 4.9.7: Apache's reader
finds what was sent, or the broker refuses it as it refuses the Java client.
"""

from __future__ import annotations

import time
from base64 import urlsafe_b64encode
from collections import defaultdict
from pathlib import Path

from twisted.internet.threads import deferToThread

from txrocketmq import (
    Message,
    Producer,
    ProducerSettings,
)
from txrocketmq.errors import BrokerError
from txrocketmq.selectors import byHash

from .features import FeatureTestCase, javaTries
from .jars import V4
from .readers import Line, Source, bodyOf, read

ZLIB, LZ4, ZSTD = 0x300, 0x100, 0x200
TYPE = 0x700
REAL_TEXT = b"".join(Path(__file__).read_bytes() for _ in range(3))


class Features5Tests(FeatureTestCase):
    """
    Release 5.5.0.
    """

    async def producer(self, group: str, **settings: object) -> Producer:
        """
        Make a producer, with a client of its own.
        """
        client = self.client((await self.cluster()).nameServerAddress)
        return Producer(client, group, ProducerSettings(**settings))  # type: ignore[arg-type]

    async def read(self, topic: str, expected: int) -> list[Line]:
        """
        Read a topic of the shared cluster.
        """
        nameServer = (await self.cluster()).nameServerAddress
        return await self.stored(nameServer, topic, expected)

    async def test_kinds(self) -> None:
        """
        Plain, in a batch, and without an answer: all is there, once.
        """
        topic = await self.topic("Kinds")
        producer = await self.producer("kinds")
        plain = [await producer.send(Message(topic, b"plain %d" % i)) for i in range(5)]
        batch = await producer.sendBatch(
            [Message(topic, b"batch %d" % i, tags="t", keys=[str(i)]) for i in range(5)]
        )
        for i in range(5):
            await producer.sendOneway(Message(topic, b"oneway %d" % i))
        lines = await self.read(topic, 15)
        self.assertEqual(
            {bodyOf(line) for line in lines},
            {
                b"%s %d" % (kind, i)
                for kind in (b"plain", b"batch", b"oneway")
                for i in range(5)
            },
        )
        told = {result.offsetMsgId for result in (*plain, *batch)}
        there = [line for line in lines if line["offsetMsgId"] in told]
        self.assertStored(plain, [s for s in there if bodyOf(s).startswith(b"plain")])
        self.assertEqual(len(there), len(told))
        tagged = [line for line in lines if bodyOf(line).startswith(b"batch")]
        self.assertEqual(
            {(line["tags"], line["keys"]) for line in tagged},
            {("t", str(i)) for i in range(5)},
        )
        self.assertBatchIds({each.msgId for each in batch}, tagged)

    def assertBatchIds(self, msgIds: set[str], lines: list[Line]) -> None:
        """
        Each message of a batch has the id that its result tells.
        """
        self.assertEqual({line["msgId"] for line in lines}, msgIds)

    async def test_ordered(self) -> None:
        """
        What a selector sends to one queue is there, in the order it was sent.
        """
        topic = await self.topic("Ordered")
        producer = await self.producer("ordered")
        for i in range(40):
            key = f"order-{i % 5}"
            message = Message(topic, b"%s %03d" % (key.encode(), i))
            await producer.send(message, selector=byHash(key))
        queues: defaultdict[bytes, set[tuple[str, int]]] = defaultdict(set)
        bodies: defaultdict[bytes, list[bytes]] = defaultdict(list)
        lines = await self.read(topic, 40)
        for line in sorted(lines, key=lambda line: line["queueOffset"]):
            order, body = bodyOf(line).split()
            queues[order].add((line["brokerName"], line["queueId"]))
            bodies[order].append(body)
        self.assertEqual({len(each) for each in queues.values()}, {1})
        self.assertEqual([len(each) for each in bodies.values()], [8] * 5)
        for each in bodies.values():
            self.assertEqual(each, sorted(each))

    async def test_compression(self) -> None:
        """
        Java decompresses what was compressed in each of three ways.
        """
        topic = await self.topic("Compression")
        results = {}
        for name, flag in (("ZLIB", ZLIB), ("LZ4", LZ4), ("ZSTD", ZSTD)):
            producer = await self.producer(name, compressType=name)
            result = await producer.send(Message(topic, REAL_TEXT + name.encode()))
            results[result.msgId] = (REAL_TEXT + name.encode(), flag)
        lines = await self.read(topic, 3)
        self.assertEqual(
            {line["msgId"]: (bodyOf(line), line["sysFlag"] & TYPE) for line in lines},
            results,
        )

    async def test_delayTimeLevel(self) -> None:
        """
        Level 2 is delivered after five seconds.
        """
        topic = await self.topic("Level")
        producer = await self.producer("level")
        await producer.send(Message(topic, b"late", delayTimeLevel=2))
        [line] = await self.read(topic, 1)
        self.assertEqual(bodyOf(line), b"late")
        waited = line["storeTimestamp"] - line["bornTimestamp"]
        self.assertGreater(waited, 4_500)

    async def test_timer(self) -> None:
        """
        A message is delivered at its time; one that was recalled is not.
        """
        topic = await self.topic("Timer")
        producer = await self.producer("timer")
        at = time.time() + 3
        kept = await producer.send(Message(topic, b"kept", deliverAt=at))
        gone = await producer.send(Message(topic, b"gone", deliverAfter=4.0))
        assert kept.recallHandle is not None
        assert gone.recallHandle is not None
        self.assertEqual(await producer.recall(topic, gone.recallHandle), gone.msgId)
        nameServer = (await self.cluster()).nameServerAddress
        # One that would come too much is waited for.
        source = Source(nameServer, topic, 2, self.version, quiet=5.0)
        [line] = await deferToThread(read, source)
        self.assertEqual(bodyOf(line), b"kept")
        # Brokers take the time for whole seconds.
        self.assertGreater(line["storeTimestamp"], (at - 1) * 1000)

    async def test_namespace(self) -> None:
        """
        With a namespace, the topic has another name for everybody else.
        """
        plain = f"Spaced-{type(self).__name__}"
        cluster = await self.cluster()
        await deferToThread(cluster.createTopic, f"space%{plain}")
        client = self.client(cluster.nameServerAddress, namespace="space")
        producer = Producer(client, self.group)
        result = await producer.send(Message(plain, b"spaced"))
        self.assertEqual(result.messageQueue.topic, plain)
        lines = await self.read(f"space%{plain}", 1)
        self.assertStored([result], lines)
        self.assertEqual(bodyOf(lines[0]), b"spaced")
        self.assertEqual(lines[0]["properties"]["INSTANCE_ID"], "space")


class Features4Tests(Features5Tests):
    """
    Release 4.9.7.
    """

    version = V4

    async def test_timer(self) -> None:
        """
        4.9.7 knows no times of delivery: the message comes at once, and nothing
        can be recalled, by Java no more than by us.
        """
        topic = await self.topic("Timer")
        producer = await self.producer("timer")
        result = await producer.send(Message(topic, b"at once", deliverAfter=60.0))
        self.assertIsNone(result.recallHandle)
        self.assertStored([result], await self.read(topic, 1))
        words = f"v1 {topic} broker-a {int(time.time() + 60) * 1000} {result.msgId}"
        handle = urlsafe_b64encode(words.encode()).decode()
        nameServer = (await self.cluster()).nameServerAddress
        [java] = await deferToThread(javaTries, nameServer, topic, "recall", handle)
        try:
            await producer.recall(topic, handle)
        except BrokerError as error:
            self.assertEqual((error.code, java["code"]), (3, 3))
        else:
            self.fail("it was recalled")
