"""
Real text to send: every machine that runs the tests has Python's own sources.
"""

from __future__ import annotations

import itertools
import sysconfig
from collections.abc import Iterator
from pathlib import Path


def realLines(count: int) -> list[bytes]:
    """
    So many lines of the standard library, none of them empty.

    @raise ValueError: There are not that many.
    """
    lines = list(itertools.islice(_lines(), count))
    if len(lines) < count:
        raise ValueError(f"the standard library has no {count} lines")
    return lines


def _lines() -> Iterator[bytes]:
    """
    All of them, without their ends.
    """
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        yield from filter(None, path.read_bytes().split(b"\n"))
