"""
The bare limit: frames encoded beforehand, one C{write} each, and the lengths of the
answers counted.  Nothing that writes a frame for each message through a Twisted
transport can cost less.

    bare BROKER_PORT MODE WINDOW BATCH SIZE SECONDS WARM RATE TOPIC

C{MODE} and C{RATE} say nothing here; C{WINDOW} frames are outstanding.  All carry
the same opaque: the answers are counted, not told apart.
"""

from __future__ import annotations

import json
import struct
import sys
import time
from typing import Any

from twisted.internet import endpoints, protocol, task

from .measuring import Arguments, Measured
from .pacing import over

given = Arguments.parse(sys.argv[2:])


def frame() -> bytes:
    """
    Encode the one request.
    """
    fields = {
        "a": "GID_bench",
        "b": given.topic,
        "c": "TBW102",
        "d": "4",
        "e": "1",
        "f": "0",
        "g": str(int(time.time() * 1000)),
        "h": "0",
        "i": "UNIQ_KEY\x017F00000132EC2FF410B51F7C00000001\x02WAIT\x01true\x02"
        "TAGS\x01T\x02",
        "j": "0",
        "k": "false",
        "l": "0",
        "m": "false",
        "n": "broker-a",
    }
    request = {
        "code": 310,
        "extFields": fields,
        "flag": 0,
        "language": "PYTHON",
        "opaque": 1234567,
        "serializeTypeCurrentRPC": "JSON",
        "version": 513,
    }
    head = json.dumps(request, separators=(",", ":")).encode()
    lengths = struct.pack(">II", 4 + len(head) + given.size, len(head))
    return lengths + head + b"x" * given.size


class Client(protocol.Protocol):
    """
    Writes a frame for each answer.
    """

    def __init__(self) -> None:
        self.measured = Measured()
        self.buffer = b""

    def connectionMade(self) -> None:
        """
        Fill the window.
        """
        self.transport.setTcpNoDelay(True)  # type: ignore[union-attr]
        self.frame = frame()
        self.write = self.transport.write  # type: ignore[union-attr]
        for _ in range(given.window):
            self.write(self.frame)

    def dataReceived(self, data: bytes) -> None:
        """
        Count whole answers by their lengths.
        """
        if self.buffer:
            data = self.buffer + data
        at, held, write, count = 0, len(data), self.write, 0
        while held - at >= 4:
            end = at + 4 + int.from_bytes(data[at : at + 4], "big")
            if end > held:
                break
            at = end
            count += 1
            write(self.frame)
        self.measured.acked += count
        self.buffer = data[at:]


async def main(reactor: Any) -> None:
    """
    Keep the window full, measure, and say what was measured.
    """
    endpoint = endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", int(sys.argv[1]))
    client = await endpoints.connectProtocol(endpoint, Client())
    await over(client.measured, reactor, given)
    print(client.measured.result(), flush=True)


if __name__ == "__main__":
    task.react(main)
