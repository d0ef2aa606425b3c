"""
What C{txrocketmq send} and the library send to a real broker is what a real
consumer reads, on 5.5.0 and on 4.9.7, with either header format.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from twisted.internet.threads import deferToThread

from txrocketmq import Message, Producer, SendStatus

from . import commandline
from .jars import V4
from .readers import Line, Source, bodyOf, read
from .shared import ClusterTestCase
from .texts import realLines

_COUNT = 10_000
_QUEUES = 4
_PROPERTY = "Z\u00fcrich \U0001f680"
_PLACE = ("offsetMsgId", "brokerName", "queueId", "queueOffset")


class Sending5Tests(ClusterTestCase):
    """
    Against release 5.5.0.
    """

    async def stored(self, topic: str, count: int) -> dict[str, Line]:
        """
        Read a topic, in which each id must be there once.
        """
        nameServer = (await self.cluster()).nameServerAddress
        source = Source(nameServer, topic, count, self.version)
        lines = await deferToThread(read, source)
        self.assertEqual(len(lines), count)
        stored = {line["msgId"]: line for line in lines}
        self.assertEqual(len(stored), count)
        return stored

    def files(self, contents: Sequence[bytes]) -> list[str]:
        """
        Write some files.

        @return: Their paths.
        """
        paths = [Path(self.mktemp()) for _ in contents]
        for path, content in zip(paths, contents, strict=True):
            path.write_bytes(content)
        return [str(path.resolve()) for path in paths]

    async def send(self, topic: str, *arguments: str) -> list[Line]:
        """
        Run C{txrocketmq send} on this cluster; every message must be stored.
        """
        nameServer = (await self.cluster()).nameServerAddress
        options = ["--name-server", nameServer, "--topic", topic, *arguments]
        printed = await deferToThread(commandline.send, options)
        self.assertEqual({line.get("sendStatus") for line in printed}, {"SEND_OK"})
        return printed

    def assertSame(
        self, bodies: Sequence[bytes], printed: Sequence[Line], stored: dict[str, Line]
    ) -> None:
        """
        Check that each body lies, once, where its line says.
        """
        self.assertEqual(len(printed), len(bodies))
        for body, line in zip(bodies, printed, strict=True):
            found = stored.pop(line["msgId"])
            self.assertEqual(bodyOf(found), body)
            self.assertEqual(
                [found[field] for field in _PLACE], [line[field] for field in _PLACE]
            )
        self.assertEqual(stored, {})

    def assertSpread(self, printed: Sequence[Line], brokers: int) -> None:
        """
        Check that every queue has got a fair part.
        """
        parts = Counter((line["brokerName"], line["queueId"]) for line in printed)
        self.assertEqual(len(parts), brokers * _QUEUES)
        self.assertGreater(min(parts.values()), len(printed) / len(parts) / 2)

    async def sendText(self, serializeType: str) -> None:
        """
        Send a text file's lines and check everything about them.
        """
        cluster = await self.cluster()
        topic = await self.topic("Lines", _QUEUES)
        lines = realLines(_COUNT)
        [path] = self.files([b"\n".join(lines)])
        printed = await self.send(
            topic,
            *("--serialize", serializeType, "--tag", "source", "--key", "proof"),
            *("--property", f"city={_PROPERTY}", path),
        )
        self.assertEqual([line["line"] for line in printed], list(range(1, _COUNT + 1)))
        stored = await self.stored(topic, _COUNT)
        for line in stored.values():
            self.assertEqual((line["tags"], line["keys"]), ("source", "proof"))
            self.assertEqual(line["properties"]["city"], _PROPERTY)
        self.assertSame(lines, printed, stored)
        self.assertSpread(printed, len(cluster.brokers))

    async def test_linesWithJSONHeaders(self) -> None:
        """
        10,000 lines of text, JSON headers: every line is stored once, byte for
        byte, where the command said, with tag, key and property.
        """
        await self.sendText("json")

    async def test_linesWithBinaryHeaders(self) -> None:
        """
        The same with ROCKETMQ headers.
        """
        await self.sendText("rocketmq")

    async def test_wholeFiles(self) -> None:
        """
        Files with NUL, with emoji, and of exactly 4 MiB that do not compress
        arrive as they are.
        """
        topic = await self.topic("Files", _QUEUES)
        paths = self.files(hardBodies())
        printed = await self.send(topic, "--whole", *paths)
        stored = await self.stored(topic, len(paths))
        self.assertSame(hardBodies(), printed, stored)

    async def test_hardBodies(self) -> None:
        """
        The same bodies sent by the library arrive as they are, in the place
        their results say, with tags, keys, flag and properties.
        """
        cluster = await self.cluster()
        topic = await self.topic("Bodies", _QUEUES)
        producer = Producer(self.client(cluster.nameServerAddress), "bodies")
        results = {}
        for body in hardBodies():
            message = Message(
                topic, body, tags="t", keys=["k1", "k2"], flag=7, properties={"p": "q"}
            )
            result = await producer.send(message)
            self.assertIs(result.sendStatus, SendStatus.SEND_OK)
            results[result.msgId] = (body, result)
        stored = await self.stored(topic, len(results))
        for msgId, (body, result) in results.items():
            found = stored[msgId]
            self.assertEqual(bodyOf(found), body)
            self.assertEqual(found["offsetMsgId"], result.offsetMsgId)
            self.assertEqual(found["queueOffset"], result.queueOffset)
            self.assertEqual(
                [found["tags"], found["keys"], found["flag"]], ["t", "k1 k2", 7]
            )
            self.assertEqual(found["properties"]["p"], "q")


class Sending4Tests(Sending5Tests):
    """
    Against release 4.9.7.
    """

    version = V4


def hardBodies() -> list[bytes]:
    """
    Bodies that a careless client changes or refuses.
    """
    return [
        b"\x00",
        b"a\x00b\x00\x01\x02\xff",
        "\U0001f680\U0001f4a5 caf\u00e9".encode(),
        b"squeeze me " * 10_000,
        random.Random(4).randbytes(4 << 20),
    ]
