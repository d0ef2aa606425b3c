"""
What else a producer does, on real brokers of 5.5.0 and 4.9.7: Apache's reader
finds what was sent, or the broker refuses it as it refuses the Java client.
"""

from __future__ import annotations

import tempfile
import time
from base64 import urlsafe_b64encode
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from twisted.internet.threads import deferToThread

from txrocketmq import (
    Message,
    Persisted,
    Producer,
    ProducerSettings,
    SendResult,
    SessionCredentials,
    TLSSettings,
)
from txrocketmq.errors import BrokerError, SendFailed, TLSFailed
from txrocketmq.selectors import byHash

from .commands import OPEN, Access
from .jars import V4, V5
from .readers import Line, Source, bodyOf, credentialsOf, flagsOf, read, runJava
from .secured import ACCESS, Secured, secured
from .shared import ClusterTestCase

TIMEOUT = 60.0
SHORT = 1.5

ZLIB, LZ4, ZSTD = 0x300, 0x100, 0x200
TYPE = 0x700
REAL_TEXT = b"".join(Path(__file__).read_bytes() for _ in range(3))


class FeatureTestCase(ClusterTestCase):
    """
    What the tests of this module have in common.

    @cvar group: The producer's.
    """

    group = "features"

    async def stored(
        self, nameServer: str, topic: str, expected: int, access: Access = OPEN
    ) -> list[Line]:
        """
        Read a topic, in which there must be so many messages.
        """
        source = Source(nameServer, topic, expected, self.version, access=access)
        lines = await deferToThread(read, source)
        self.assertEqual(len(lines), expected)
        return lines

    def assertStored(self, results: Sequence[SendResult], lines: list[Line]) -> None:
        """
        Check that each result names a message, and says where it lies.
        """
        found = {line["msgId"]: line for line in lines}
        self.assertEqual(len(found), len(results))
        for result in results:
            line = found[result.msgId]
            queue = result.messageQueue
            self.assertEqual(
                (line["brokerName"], line["queueId"], line["queueOffset"]),
                (queue.brokerName, queue.queueId, result.queueOffset),
            )


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

    def assertBatchIds(self, msgIds: set[str], lines: list[Line]) -> None:
        """
        4.9.7 gives each message of a batch the id of the batch, where that has
        one: also to the Java client 5.5.0.
        """
        [one] = {line["msgId"] for line in lines}
        self.assertNotIn(one, msgIds)

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


class Secured5Tests(FeatureTestCase):
    """
    Release 5.5.0, which takes signed requests over TLS only.

    @cvar denied: What it says to those it does not know.
    """

    denied: ClassVar[int] = 16

    async def secured(self) -> Secured:
        """
        The cluster, its broker's certificate as it should be.
        """
        return await deferToThread(secured, self.version)

    async def securedProducer(
        self,
        topic: str,
        credentials: SessionCredentials | None,
        roots: str | None = None,
    ) -> Producer:
        """
        Make a topic, and a producer that trusts the authority.
        """
        there = await self.secured()
        await deferToThread(there.cluster.createTopic, topic)
        client = self.client(
            there.cluster.nameServerAddress,
            credentials=credentials,
            tls=TLSSettings(trustRoots=roots or there.roots),
        )
        return Producer(client, self.group, ProducerSettings(sendTimeout=TIMEOUT))

    async def failure(
        self, producer: Producer, topic: str, within: float = TIMEOUT
    ) -> SendFailed:
        """
        Send what is not stored.
        """
        try:
            await producer.send(Message(topic, b"never"), timeout=within)
        except SendFailed as error:
            self.assertIs(error.persisted, Persisted.NO)
            return error
        return self.fail("it was sent")

    async def test_rightKey(self) -> None:
        """
        With the right key and the right authority, all is stored.
        """
        topic = f"Right-{type(self).__name__}"
        producer = await self.securedProducer(topic, KEY)
        one = await producer.send(Message(topic, b"one"))
        several = await producer.sendBatch(
            [Message(topic, b"two"), Message(topic, b"3")]
        )
        nameServer = (await self.secured()).cluster.nameServerAddress
        lines = await self.stored(nameServer, topic, 3, ACCESS)
        self.assertStored([one, *several], lines)

    async def test_wrongKey(self) -> None:
        """
        With a wrong key it is refused, with the code the Java client gets.
        """
        wrong = ACCESS._replace(secretKey="wrong-key")
        await self.check(wrong, SessionCredentials(wrong.accessKey, wrong.secretKey))

    async def test_unknownKey(self) -> None:
        """
        So it is with the key of somebody nobody knows.
        """
        wrong = ACCESS._replace(accessKey="nobody99")
        await self.checkDenied(SessionCredentials(wrong.accessKey, wrong.secretKey))

    async def test_noKey(self) -> None:
        """
        So it is without any.
        """
        await self.check(ACCESS._replace(accessKey=""), None)

    async def check(
        self, access: Access, credentials: SessionCredentials | None
    ) -> None:
        """
        Send with credentials that are no good.
        """
        topic = await self.checkDenied(credentials)
        nameServer = (await self.secured()).cluster.nameServerAddress
        [java] = await deferToThread(
            javaTries, nameServer, topic, "sync", "never", access
        )
        self.assertEqual(java["code"], self.denied)

    async def checkDenied(self, credentials: SessionCredentials | None) -> str:
        """
        Send with them.

        @return: The topic.
        """
        topic = f"Denied-{type(self).__name__}"
        producer = await self.securedProducer(topic, credentials)
        error = await self.failure(producer, topic)
        self.assertEqual(error.code, self.denied)
        return topic

    async def test_unknownAuthority(self) -> None:
        """
        A broker whose certificate an unknown authority signed gets nothing.
        """
        there = await self.secured()
        await self.checkCertificate(there, there.useUnknown)

    async def test_anotherName(self) -> None:
        """
        Nor does one whose certificate is another host's.
        """
        there = await self.secured()
        await self.checkCertificate(there, there.useMisnamed)

    async def test_expired(self) -> None:
        """
        Nor does one whose certificate has expired.
        """
        there = await self.secured()
        await self.checkCertificate(there, there.useExpired)

    async def checkCertificate(self, there: Secured, use: Callable[[], None]) -> None:
        """
        Send to a broker with a wrong certificate, then to the same with a right
        one.
        """
        topic = f"Refused-{type(self).__name__}"
        producer = await self.securedProducer(topic, KEY)
        self.addCleanup(deferToThread, there.useRight)
        await deferToThread(use)
        error = await self.failure(producer, topic, SHORT)
        self.assertIsInstance(error.cause, TLSFailed)
        await deferToThread(there.useRight)
        await producer.send(Message(topic, b"right"))

    async def test_unknownAuthorityOfAll(self) -> None:
        """
        When no server can be trusted, there is not even a route.
        """
        there = await self.secured()
        topic = f"Untrusted-{type(self).__name__}"
        producer = await self.securedProducer(topic, KEY, there.otherRoots)
        error = await self.failure(producer, topic, SHORT)
        self.assertIn("certificate", str(error.cause))

    async def test_plainText(self) -> None:
        """
        What comes in plain text is not answered.
        """
        there = await self.secured()
        client = self.client(there.cluster.nameServerAddress)
        producer = Producer(client, self.group)
        await self.failure(producer, "Plain", SHORT)


class Secured4Tests(Secured5Tests):
    """
    Release 4.9.7.
    """

    version = V4
    denied = 1


KEY = SessionCredentials(ACCESS.accessKey, ACCESS.secretKey)


def javaTries(
    nameServer: str, topic: str, mode: str, body: str, access: Access = OPEN
) -> list[Line]:
    """
    What a Java client 5.5.0 is told.
    """
    with tempfile.TemporaryDirectory(prefix="txrocketmq-tries-") as directory:
        path = Path(directory) / "file"
        path.write_text("\t".join([nameServer, topic, mode, body, "1"]))
        options = [f"file={path}", "threads=1", *credentialsOf(access)]
        return runJava(V5, "Faults", options, TIMEOUT, flagsOf(access))
