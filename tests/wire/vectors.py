"""
The captured frames, as tests want them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec

from tests.support import CHECKOUT


class Vector(msgspec.Struct, frozen=True):
    """
    One captured frame.

    @ivar record: The line of the file; see its README.

    @ivar data: The frame.

    @ivar asked: The code of the request: its own, or the one it answers.
    """

    record: dict[str, Any]
    data: bytes

    @property
    def isResponse(self) -> bool:
        """
        Whether it answers something.
        """
        return "answers" in self.record

    @property
    def asked(self) -> int:
        """
        The code of the request: its own, or the one it answers.
        """
        code: int = self.record.get("answers", self.record["frame"])["code"]
        return code

    @property
    def name(self) -> str:
        """
        What to call it when it disappoints.
        """
        record = self.record
        return f"{record['client']} {record['scenario']} {record['seq']}"


@cache
def records() -> tuple[dict[str, Any], ...]:
    """
    All lines of all files.
    """
    paths = sorted((CHECKOUT / "tests" / "vectors").glob("*.jsonl"))
    return tuple(
        json.loads(line)
        for path in paths
        for line in path.read_text("utf-8").splitlines()
    )


def vectors() -> Iterator[Vector]:
    """
    All frames that were captured whole, as they were sent and as they were
    delivered.
    """
    for record in records():
        for key in ("hex", "deliveredHex"):
            if key in record:
                yield Vector(record, bytes.fromhex(record[key]))


def requests(*codes: int) -> Iterator[Vector]:
    """
    The requests with one of these codes.
    """
    return (each for each in vectors() if not each.isResponse and each.asked in codes)


def responses(*codes: int) -> Iterator[Vector]:
    """
    The answers to requests with one of these codes.
    """
    return (each for each in vectors() if each.isResponse and each.asked in codes)
