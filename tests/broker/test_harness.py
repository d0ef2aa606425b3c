"""
The harness itself: what proves the library must be proved first.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase

from txrocketmq import Persisted

from . import jars
from .jars import V4, MissingTool
from .ledger import Promise, violations
from .readers import Line, Load, Source, bodyOf, javaSend, read
from .shared import ClusterTestCase


class JavaToJava5(ClusterTestCase):
    """
    Apache's own producer and consumer on release 5.5.0.
    """

    async def test_whatJavaSendsIsRead(self) -> None:
        """
        The reader finds each message of the Java producer once, with the ids
        and the place the producer was told.
        """
        cluster = await self.cluster()
        topic = await self.topic("Java")
        load = Load(cluster.nameServerAddress, topic, "sync", 200)
        sent = await deferToThread(javaSend, load, self.version)
        source = Source(cluster.nameServerAddress, topic, 200, self.version)
        stored = await deferToThread(read, source)
        self.assertEqual(
            sorted(map(bodyOf, stored)), sorted(load.body(i) for i in range(200))
        )
        fields = ("msgId", "offsetMsgId", "brokerName", "queueId", "queueOffset")
        self.assertEqual(
            {tuple(line[field] for field in fields) for line in sent},
            {tuple(line[field] for field in fields) for line in stored},
        )


class JavaToJava4(JavaToJava5):
    """
    The same on release 4.9.7.
    """

    version = V4


class ToolTests(SynchronousTestCase):
    """
    L{jars}: what the tests need, and what happens without.
    """

    def test_missingToolIsNamed(self) -> None:
        """
        Without a tool, the failure says which one it is.
        """
        self.patch(os, "environ", {"PATH": self.mktemp()})
        for name in ("java", "javac", "mvn", "go"):
            failure = self.assertRaises(MissingTool, jars.findTool, name)
            self.assertIn(name, str(failure))

    def test_failedToolIsQuoted(self) -> None:
        """
        The failure of a tool shows what the tool said.
        """
        failure = self.assertRaises(
            jars.ToolFailed, jars.run, "sh", "-c", "echo no such thing; exit 3"
        )
        self.assertIn("no such thing", str(failure))

    def test_cacheHoldsWholeThings(self) -> None:
        """
        What could not be made is not in the cache; what was made is made once,
        and again when its source changes.
        """
        cache = Path(self.mktemp())
        self.patch(jars, "cacheDirectory", lambda: cache)
        source = Path(self.mktemp())
        source.write_text("one")
        made: list[Path] = []

        def fail(directory: Path) -> None:
            (directory / "half").touch()
            raise jars.ToolFailed("no")

        self.assertRaises(jars.ToolFailed, jars.cached, "it", [source], fail)
        self.assertEqual([path.suffix for path in cache.iterdir()], [".lock"])
        first = jars.cached("it", [source], made.append)
        self.assertEqual(jars.cached("it", [source], made.append), first)
        source.write_text("two")
        second = jars.cached("it", [source], made.append)
        self.assertNotEqual(first, second)
        self.assertEqual(len(made), 2)


class LedgerTests(SynchronousTestCase):
    """
    L{violations} finds each kind of broken promise.
    """

    def assertFaults(
        self, promise: Promise, copies: int, faults: int, msgId: str = "A"
    ) -> None:
        """
        Check one promise about a message that is there so many times.
        """
        body = base64.b64encode(promise.body).decode()
        line: Line = {"bodyBase64": body, "msgId": msgId}
        self.assertEqual(len(violations([promise], [line] * copies)), faults)

    def test_stored(self) -> None:
        """
        A stored message is neither missing nor there once too often.
        """
        promise = Promise(b"x", Persisted.YES, "A", 0)
        self.assertFaults(promise, 0, 1)
        self.assertFaults(promise, 1, 0)
        self.assertFaults(promise, 2, 1)
        self.assertFaults(promise._replace(unknown=1), 2, 0)
        self.assertFaults(promise._replace(unknown=1), 3, 1)

    def test_notStored(self) -> None:
        """
        A message that is not stored is absent.
        """
        promise = Promise(b"x", Persisted.NO, "A", 0)
        self.assertFaults(promise, 0, 0)
        self.assertFaults(promise, 1, 1)

    def test_unknown(self) -> None:
        """
        A message of unknown fate is there once for each unknown try at most.
        """
        promise = Promise(b"x", Persisted.MAYBE, "A", 1)
        self.assertFaults(promise, 0, 0)
        self.assertFaults(promise, 1, 0)
        self.assertFaults(promise, 2, 1)

    def test_otherId(self) -> None:
        """
        A copy under another id is a fault.
        """
        self.assertFaults(Promise(b"x", Persisted.YES, "A", 0), 1, 1, "B")

    def test_phantom(self) -> None:
        """
        A message nobody sent is a fault.
        """
        self.assertEqual(
            violations([], [{"bodyBase64": "eA==", "msgId": "A"}]),
            ["b'x' was never sent"],
        )
