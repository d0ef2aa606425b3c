"""
What was recorded of Java's clients, as tests want it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from typing import Any, TypeAlias

import attrs

from tests.wire.vectors import records

Record: TypeAlias = dict[str, Any]

V5 = "java 5.5.0"
V4 = "java 4.9.7"


@attrs.frozen
class Seen:
    """
    One request, whoever sent it.

    @ivar serializeType: How its header was written.

    @ivar body: Its body; L{None} where only the digest was kept.

    @ivar digest: The SHA-256 of its body.
    """

    code: int
    flag: int
    language: str
    version: int
    serializeType: str
    remark: str | None
    extFields: dict[str, str]
    body: bytes | None
    digest: str


@attrs.frozen
class Scenario:
    """
    One run of a Java client.

    @ivar client: Which one.

    @ivar inputs: What it was told to do.

    @ivar nameServer: What it asked a name server.

    @ivar broker: What it asked the broker.

    @ivar outcomes: How each step ended, by its number.

    @ivar cases: What it was to refuse, in the order of the steps.
    """

    client: str
    name: str
    inputs: Record
    nameServer: tuple[Seen, ...]
    broker: tuple[Seen, ...]
    outcomes: dict[int, Record]
    cases: tuple[Record, ...]

    @property
    def title(self) -> str:
        """
        What to call it when it disappoints.
        """
        return f"{self.client} {self.name}"

    @property
    def isOld(self) -> bool:
        """
        Whether it is one of release 4.9.7.
        """
        return self.client == V4


@cache
def scenarios() -> tuple[Scenario, ...]:
    """
    All scenarios of the Java clients.
    """
    lines = [each for each in records() if each["client"] in (V4, V5)]
    runs = groupby(lines, key=lambda each: (each["client"], each["scenario"]))
    return tuple(_scenario(*key, list(run)) for key, run in runs)


def _scenario(client: str, name: str, lines: list[Record]) -> Scenario:
    """
    One scenario, of its lines.
    """
    (inputs,) = (each["inputs"] for each in lines if "inputs" in each)
    outcomes = [each["outcomes"] for each in lines if "outcomes" in each]
    return Scenario(
        client,
        name,
        inputs,
        tuple(_requests(lines, "nameserver")),
        tuple(_requests(lines, "broker")),
        {each["step"]: each for each in (outcomes[0] if outcomes else ())},
        tuple(each for each in lines if "case" in each),
    )


def _requests(lines: list[Record], to: str) -> Iterator[Seen]:
    """
    The requests of a scenario to one kind of server, in their order.
    """
    for line in lines:
        if line.get("direction") == "request" and line["to"] == to:
            yield _seen(line)


def _seen(line: Record) -> Seen:
    """
    A recorded request.
    """
    frame, size = line["frame"], line["bodyLength"]
    body: bytes | None = None
    if "hex" in line:
        data = bytes.fromhex(line["hex"])
        body = data[len(data) - size :]
    digest = line.get("bodySha256") or hashlib.sha256(body or b"").hexdigest()
    return Seen(
        frame["code"],
        frame["flag"],
        frame["language"],
        frame["version"],
        frame["serializeType"],
        frame["remark"] or None,
        frame["extFields"] or {},
        body,
        digest,
    )
