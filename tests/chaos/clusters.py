"""
What the daemon sends to, and how what it sent is read back.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Protocol

import txrocketmq

from .checker import Stored

TOPIC = "Chaos"
QUEUES = 8


class Target(Protocol):
    """
    A cluster.

    @ivar nameServer: Its address.
    """

    @property
    def nameServer(self) -> str:
        """
        See above.
        """

    def breakBroker(self) -> bool:
        """
        End its broker.

        @return: Whether there was one that ran.
        """

    def mendBroker(self) -> None:
        """
        Start the broker again.
        """

    def stored(self, expected: int) -> Iterator[Stored]:
        """
        What lies in it.
        """

    def stop(self) -> None:
        """
        End it.
        """


class RealTarget:
    """
    Apache's own name server and broker.
    """

    def __init__(self) -> None:
        # Only here: who runs on the sandbox needs no Java.
        from tests.broker.cluster import Cluster
        from tests.broker.jars import V5

        self._cluster = Cluster(V5)
        self._cluster.start()
        self._cluster.createTopic(TOPIC, QUEUES)

    @property
    def nameServer(self) -> str:
        """
        Its address.
        """
        return self._cluster.nameServerAddress

    def breakBroker(self) -> bool:
        """
        End its broker by SIGKILL.
        """
        ran = self._cluster.brokers["broker-a"].running
        self._cluster.killBroker("broker-a")
        return ran

    def mendBroker(self) -> None:
        """
        Start it again, on the same store.
        """
        self._cluster.restartBroker("broker-a")

    def stored(self, expected: int) -> Iterator[Stored]:
        """
        What Apache's own consumer reads.
        """
        from tests.broker.readers import Source, bodyOf, read

        source = Source(self.nameServer, TOPIC, expected)
        for line in read(source, 600.0):
            yield Stored(
                bodyOf(line).decode(),
                line["msgId"],
                (line["brokerName"], line["queueId"]),
                line["queueOffset"],
            )

    def stop(self) -> None:
        """
        End it.
        """
        self._cluster.stop()


class SandboxTarget:
    """
    Our sandbox, in a process of its own.
    """

    def __init__(self, topic: str = TOPIC) -> None:
        """
        @param topic: What is read back.
        """
        package = str(Path(txrocketmq.__path__[0]).parent)
        checkout = str(Path(__file__).resolve().parent.parent.parent)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.sandboxed", topic, str(QUEUES)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": f"{package}:{checkout}"},
        )
        self.nameServer = self._output.readline().decode().strip()
        if not self.nameServer:
            raise EOFError("the sandbox has ended")

    @property
    def _output(self) -> IO[bytes]:
        """
        What it says.
        """
        assert self._process.stdout is not None
        return self._process.stdout

    def breakBroker(self) -> bool:
        """
        It cannot be: what it stores is in memory.
        """
        return False

    def mendBroker(self) -> None:
        """
        There is nothing to mend.
        """

    def stored(self, expected: int) -> Iterator[Stored]:
        """
        What lies in its store.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(b"dump\n")
        self._process.stdin.flush()
        while (line := self._output.readline().strip()) != b"end":
            if not line:
                raise EOFError("the sandbox has ended")
            found: Any = json.loads(line)
            yield Stored(
                base64.b64decode(found["body"]).decode("utf-8", "replace"),
                found["msgId"],
                ("sandbox", found["queueId"]),
                found["queueOffset"],
            )

    def stop(self) -> None:
        """
        End it.
        """
        self._process.kill()
        self._process.wait(10)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
