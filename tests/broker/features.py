"""
What the tests of a producer's features share: Apache's reader, and its producer.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from twisted.internet.threads import deferToThread

from txrocketmq import SendResult

from .commands import OPEN, Access
from .jars import V5
from .readers import Line, Source, credentialsOf, flagsOf, read, runJava
from .shared import ClusterTestCase

TIMEOUT = 60.0


class FeatureTestCase(ClusterTestCase):
    """
    A test that reads what it sent, and holds it against what it was told.

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
