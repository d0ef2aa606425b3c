"""
What the rows send to: the sink, or brokers that were started elsewhere.
"""

from __future__ import annotations

import json
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from .drivers import sinkProgram

COUNTS = b'{"code":999,"flag":0,"opaque":1,"version":513}'


class Target(NamedTuple):
    """
    Where the rows send.

    @ivar nameServer: C{host:port}.

    @ivar brokerPort: The port of its one broker, on loopback.

    @ivar process: The process id of the sink; L{None} of a real broker, which
        counts nothing for us.
    """

    nameServer: str
    brokerPort: int
    process: int | None = None

    def counts(self) -> dict[str, int] | None:
        """
        What the sink has counted since its start.

        @raise OSError: It is gone.
        """
        if self.process is None:
            return None
        with socket.create_connection(("127.0.0.1", self.brokerPort), 5) as s:
            s.sendall(struct.pack(">II", 4 + len(COUNTS), len(COUNTS)) + COUNTS)
            with s.makefile("rb") as stream:
                data = stream.read(*struct.unpack(">I", stream.read(4)))
        counted: dict[str, int] = json.loads(data[4 + int.from_bytes(data[:4]) :])
        return counted


@contextmanager
def sink() -> Iterator[Target]:
    """
    Compile and run a sink on free ports, and end it.

    @raise Missing: There is no C compiler.
    """
    words = [str(sinkProgram()), "0", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            ports: dict[str, Any] = json.loads(process.stdout.readline())
            nameServer = f"127.0.0.1:{ports['nameServer']}"
            yield Target(nameServer, ports["broker"], process.pid)
        finally:
            process.terminate()
