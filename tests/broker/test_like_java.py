"""
Our client and Apache's Java client send the same to one sandbox.

What arrives of the two is compared field by field.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import attrs
from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.likejava.comparison import routes, told
from tests.likejava.declared import DIFFERENCES
from tests.likejava.frames import ROUTE, Rules, propertiesOf
from tests.likejava.generated import INDEX, QUEUES, TOPICS, Generated, generated
from tests.likejava.replay import seenOf
from tests.likejava.scenarios import Seen
from txrocketmq import ClientSettings, MQClient, Producer, ProducerSettings
from txrocketmq.remoting import SerializeType
from txrocketmq.sandbox import Sandbox

from .jars import V4, V5
from .readers import Line, runJava

COUNT = 300
GROUP = "LikeJava"
SEND = 310
TIMEOUT = 120.0


class Java5Tests(TestCase):
    """
    The Java client 5.5.0.

    @cvar flags: How the Java client is set.

    @cvar settings: How ours is, to the same effect.
    """

    timeout = 300
    version = V5
    flags: ClassVar[Sequence[str]] = ()
    settings = ClientSettings()

    async def up(self) -> None:
        """
        Bring the sandbox up.
        """
        self.sandbox = Sandbox(reactor)
        self.sandbox.startService()
        self.addCleanup(self.down)
        await self.sandbox.whenReady()
        for topic in TOPICS:
            await self.sandbox.createTopic(topic, queues=QUEUES)
        (self.nameServer,) = self.sandbox.nameServers
        (self.broker,) = self.sandbox.brokers.values()

    async def down(self) -> None:
        """
        Stop it, and deliver no message later that was sent with a delay.
        """
        await self.sandbox.stopService()
        self.broker.state.timetable.clear()

    async def test_generated(self) -> None:
        """
        Three hundred sends are the same, byte for byte where nothing varies.
        """
        await self.up()
        sends = generated(COUNT)
        lines = await deferToThread(self.sentByJava, sends)
        self.assertEqual([line for line in lines if line.get("error")], [])
        self.assertEqual(len(lines), COUNT)
        java = self.taken()
        await self.sendAll(sends)
        self.assertEqual(self.compared(sends, java, self.taken()), [])

    def compared(
        self,
        sends: list[Generated],
        java: tuple[list[Seen], list[Seen]],
        ours: tuple[list[Seen], list[Seen]],
    ) -> list[str]:
        """
        Compare what arrived at the name server and at the broker.

        @return: What is not the same, and not declared.
        """
        rules = Rules(self.version == V4)
        theirs, own = (inOrder(each[1]) for each in (java, ours))
        self.assertEqual([len(theirs), len(own)], [COUNT, COUNT])
        wrong = routes(rules, java[0], ours[0])
        wrong += told(
            rules, *([s for s in p[1] if s.code != SEND] for p in (java, ours))
        )
        for index, (send, one, other) in enumerate(
            zip(sends, theirs, own, strict=True)
        ):
            given = send.mode in ("queue", "hash")
            exact = attrs.evolve(rules, queueGiven=given)
            wrong += [f"send {index}: {each}" for each in exact.compare(one, other)]
        self.assertLessEqual(rules.noted, DIFFERENCES.keys())
        return wrong

    def sentByJava(self, sends: list[Generated]) -> list[Line]:
        """
        Have the Java client do the sends.
        """
        with tempfile.TemporaryDirectory(prefix="txrocketmq-script-") as directory:
            path = Path(directory) / "script"
            path.write_bytes(b"\n".join(each.line() for each in sends))
            options = [
                f"nameServer={self.nameServer.address}",
                f"group={GROUP}",
                f"file={path}",
            ]
            return runJava(self.version, "Script", options, TIMEOUT, self.flags)

    async def sendAll(self, sends: list[Generated]) -> None:
        """
        Have our client do them.
        """
        client = MQClient(reactor, self.nameServer.address, self.settings)
        producer = Producer(client, GROUP, ProducerSettings(sendTimeout=30))
        client.startService()
        self.addCleanup(client.stopService)
        for each in sends:
            await each.send(producer)
        await client.stopService()

    def taken(self) -> tuple[list[Seen], list[Seen]]:
        """
        What arrived at the name server and at the broker, which forget it.
        """
        taken = (
            [seenOf(each) for each in self.nameServer.requests(ROUTE)],
            [seenOf(each) for each in self.broker.requests()],
        )
        self.nameServer.clear()
        self.broker.clear()
        return taken


class Java5BinaryTests(Java5Tests):
    """
    The Java client 5.5.0 with ROCKETMQ headers.
    """

    flags: ClassVar[Sequence[str]] = ("-Drocketmq.serialize.type=ROCKETMQ",)
    settings = ClientSettings(serializeType=SerializeType.ROCKETMQ)


class Java4Tests(Java5Tests):
    """
    The Java client 4.9.7.
    """

    version = V4


def inOrder(requests: list[Seen]) -> list[Seen]:
    """
    The sends among several requests, as they were numbered.
    """
    sends = [each for each in requests if each.code == SEND]
    return sorted(sends, key=lambda s: int(propertiesOf(s.extFields["i"])[INDEX]))
