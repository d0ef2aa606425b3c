"""
The yardstick: the least that a Twisted program can do to send and to know.

It builds each header and reads each answer, and gives each message a Deferred.
It has no validation, routes, retries, deadlines, limits, hooks or results: what
the library costs beyond this program is what these cost.

    prototype BROKER_PORT MODE WINDOW BATCH SIZE SECONDS WARM RATE TOPIC

C{MODE} is C{template} (headers by a template of bytes) or C{msgspec} (headers
from a dictionary).  C{WINDOW} frames are outstanding, each with C{BATCH} messages.
C{RATE} other than 0 is a paced load, of which the latencies are told.

The statements each message runs through decide what every other row is compared
with.  They are kept as they are.
"""

from __future__ import annotations

import json
import struct
import sys
import time
from typing import Any

import msgspec
import orjson
from twisted.internet import defer, endpoints, protocol, task

from .measuring import Arguments, Measured
from .pacing import Pace, over

given = Arguments.parse(sys.argv[2:])
PORT, MODE, BATCH, SIZE = int(sys.argv[1]), given.mode, given.batch, given.size
BODY = b"x" * SIZE


def frame(head: bytes, body: bytes) -> bytes:
    """
    Put the two lengths before a header and a body.
    """
    return struct.pack(">II", 4 + len(head) + len(body), len(head)) + head + body


def properties(number: int) -> str:
    """
    Encode the properties of one message.
    """
    return "UNIQ_KEY\x01%032X\x02WAIT\x01true\x02TAGS\x01T\x02" % number  # noqa: UP031


def records(first: int) -> bytes:
    """
    Encode the body of a batch.
    """
    out = []
    for number in range(first, first + BATCH):
        p = properties(number).encode()
        out.append(struct.pack(">IIIII", 22 + SIZE + len(p), 0, 0, 0, SIZE))
        out.append(BODY + struct.pack(">H", len(p)) + p)
    return b"".join(out)


def fields(opaque: int, encoded: str) -> dict[str, Any]:
    """
    Name what a send request consists of.
    """
    many = BATCH > 1
    return {
        "code": 320 if many else 310,
        "extFields": {
            "a": "GID_bench",
            "b": given.topic,
            "c": "TBW102",
            "d": "4",
            "e": str(opaque & 3),
            "f": "0",
            "g": str(int(time.time() * 1000)),
            "h": "0",
            "i": encoded,
            "j": "0",
            "k": "false",
            "l": "0",
            "m": "true" if many else "false",
            "n": "broker-a",
        },
        "flag": 0,
        "language": "PYTHON",
        "opaque": opaque,
        "serializeTypeCurrentRPC": "JSON",
        "version": 479,
    }


def template() -> bytes:
    """
    Make a header with holes for queue, time, properties and opaque.
    """
    example = fields(0, "\0")
    head = json.dumps(example, separators=(",", ":")).replace("%", "%%")
    return (
        head.replace('"e":"0"', '"e":"%d"')
        .replace(f'"g":"{example["extFields"]["g"]}"', '"g":"%d"')
        .replace('"\\u0000"', "%s")
        .replace('"opaque":0', '"opaque":%d')
        .encode()
    )


TEMPLATE = template()
dumps = msgspec.json.Encoder().encode
loads = msgspec.json.decode if MODE == "msgspec" else orjson.loads


def header(opaque: int) -> bytes:
    """
    Encode the header of a request.
    """
    if MODE == "msgspec":
        return dumps(fields(opaque, properties(opaque)))
    return TEMPLATE % (
        opaque & 3,
        int(time.time() * 1000),
        orjson.dumps(properties(opaque)),
        opaque,
    )


class Client(protocol.Protocol):
    """
    One connection, and the Deferreds of the sends that wait for their answers.
    """

    def __init__(self) -> None:
        self.buffer = b""
        self.pending: dict[int, defer.Deferred[dict[str, Any]]] = {}
        self.opaque = 0

    def connectionMade(self) -> None:
        """
        Send small frames without waiting for more.
        """
        self.transport.setTcpNoDelay(True)  # type: ignore[union-attr]

    def dataReceived(self, data: bytes) -> None:
        """
        Fire the Deferred of each whole answer.
        """
        buf = self.buffer + data if self.buffer else data
        pos, n, pending = 0, len(buf), self.pending
        while n - pos >= 8:
            total = int.from_bytes(buf[pos : pos + 4], "big")
            if n - pos < 4 + total:
                break
            hl = int.from_bytes(buf[pos + 5 : pos + 8], "big")
            r = loads(buf[pos + 8 : pos + 8 + hl])
            pos += 4 + total
            d = pending.pop(r["opaque"])
            d.callback(r)
        self.buffer = buf[pos:]

    def send(self) -> defer.Deferred[dict[str, Any]]:
        """
        Send one message, or one batch.
        """
        self.opaque = opaque = self.opaque + 1
        d = self.pending[opaque] = defer.Deferred()
        self.transport.write(  # type: ignore[union-attr]
            frame(header(opaque), records(opaque * BATCH) if BATCH > 1 else BODY)
        )
        return d


async def main(reactor: Any) -> None:
    """
    Keep the window full, measure, and say what was measured.
    """
    endpoint = endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", PORT)
    client = await endpoints.connectProtocol(endpoint, Client())
    measured = Measured()

    def again(r: dict[str, Any]) -> None:
        if r["code"]:
            measured.fail(r.get("remark"))
        else:
            measured.acked += BATCH
        client.send().addCallback(again)

    def timed(r: dict[str, Any], start: float) -> None:
        if r["code"]:
            measured.fail(r.get("remark"))
        else:
            measured.note(start)

    if given.rate:
        paced = Pace(
            reactor,
            given.rate,
            lambda: client.send().addCallback(timed, time.perf_counter()),
        )
    else:
        for _ in range(given.window):
            client.send().addCallback(again)
    await over(measured, reactor, given)
    if given.rate:
        paced.stop()
    print(measured.result(), flush=True)


task.react(main)
