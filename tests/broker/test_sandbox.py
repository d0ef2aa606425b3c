"""
Apache's Java client and the Go client take our sandbox for a broker.

C{txrocketmq sandbox} runs in a process of its own; the Java and Go producers
send to it, and two kinds of Java consumers read it: one that asks for queues
and offsets itself, and one that is a member of a group.
"""

from __future__ import annotations

import atexit
import functools
from typing import ClassVar

from twisted.internet.defer import gatherResults
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from .commandline import SandboxProcess
from .jars import V4, V5
from .readers import Line, Load, Source, bodyOf, consume, goSend, javaSend, read

_COUNT = 1000
_PLACE = ("offsetMsgId", "brokerName", "queueId", "queueOffset")


@functools.cache
def _sandbox() -> SandboxProcess:
    """
    The sandbox that these tests share, with two brokers.
    """
    sandbox = SandboxProcess("--brokers", "2")
    atexit.register(sandbox.stop)
    return sandbox


class Java5Tests(TestCase):
    """
    The Java client 5.5.0.

    @cvar consumer: Which of the Java client's group consumers reads as well.

    @cvar givesIds: The modes in which the producer says where each message is.
    """

    timeout = 300
    version = V5
    consumer = "push"
    givesIds: ClassVar = {"sync", "async", "batch"}

    def send(self, load: Load) -> list[Line]:
        """
        Run the producer.
        """
        return javaSend(load, self.version)

    async def check(self, mode: str) -> None:
        """
        Send in one mode and read it all, twice.
        """
        sandbox = await deferToThread(_sandbox)
        topic = f"{type(self).__name__}-{mode}"
        load = Load(sandbox.nameServer, topic, mode, _COUNT, topic)
        sent = await deferToThread(self.send, load)
        self.assertEqual([line for line in sent if line.get("error")], [])
        source = Source(sandbox.nameServer, topic, _COUNT, self.version)
        stored, consumed = await gatherResults(
            [
                deferToThread(read, source),
                deferToThread(consume, source, self.consumer),
            ],
            consumeErrors=True,
        )
        self.assertAllStored(load, sent, stored)
        self.assertEqual(places(consumed), places(stored))

    def assertAllStored(self, load: Load, sent: list[Line], stored: list[Line]) -> None:
        """
        Check that each message is there once, whole, where it was said to be.
        """
        self.assertEqual(len(sent), _COUNT)
        self.assertEqual(len(stored), _COUNT)
        found = {int(line["properties"]["index"]): line for line in stored}
        self.assertEqual(len(found), _COUNT)
        for line in sent:
            index = line["index"]
            there = found[index]
            self.assertEqual(bodyOf(there), load.body(index))
            self.assertEqual(there["tags"], load.tag(index))
            self.assertEqual(there["keys"], load.key(index))
            if line.get("msgId"):
                self.assertEqual(there["msgId"], line["msgId"])
            if load.mode in self.givesIds:
                self.assertEqual(
                    [there[field] for field in _PLACE],
                    [line[field] for field in _PLACE],
                )

    async def test_sync(self) -> None:
        """
        What it sends one by one is stored.
        """
        await self.check("sync")

    async def test_async(self) -> None:
        """
        What it sends with many in flight is stored.
        """
        await self.check("async")

    async def test_oneway(self) -> None:
        """
        What it sends without wanting an answer is stored.
        """
        await self.check("oneway")

    async def test_batch(self) -> None:
        """
        What it sends ten at a time is stored as ten messages.
        """
        await self.check("batch")


class Java5BinaryTests(Java5Tests):
    """
    The Java client 5.5.0 with ROCKETMQ headers and V1 send requests.
    """

    consumer = "lite"

    def send(self, load: Load) -> list[Line]:
        """
        Run the producer, so set.
        """
        flags = (
            "-Drocketmq.serialize.type=ROCKETMQ",
            "-Dorg.apache.rocketmq.client.sendSmartMsg=false",
        )
        return javaSend(load, self.version, flags)


class Java4Tests(Java5Tests):
    """
    The Java client 4.9.7.
    """

    version = V4


class GoTests(Java5Tests):
    """
    The Go client, read by the Java client 5.5.0.
    """

    def send(self, load: Load) -> list[Line]:
        """
        Run the producer.
        """
        return goSend(load)


class EndingTests(TestCase):
    """
    The end of the sandbox's process.
    """

    timeout = 60

    async def test_endsOnSIGTERM(self) -> None:
        """
        It stops on SIGTERM, with status 0.
        """
        sandbox = await deferToThread(SandboxProcess)
        self.assertEqual(list(sandbox.brokers), ["broker-a"])
        self.assertEqual(await deferToThread(sandbox.stop), 0)


def places(lines: list[Line]) -> list[tuple[str, ...]]:
    """
    Which message lies where, in one order.
    """
    return sorted(
        (line["brokerName"], line["queueId"], line["queueOffset"], line["msgId"])
        for line in lines
    )
