"""
What the machine does: CPU seconds of everything, and of single processes.
"""

from __future__ import annotations

import os
import platform
import re
import resource
import time
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

TICKS = os.sysconf("SC_CLK_TCK")


class Reading(NamedTuple):
    """
    CPU seconds up to now.

    @ivar all: Of all cores; L{None} where the machine does not tell.

    @ivar ours: Of the rows that have been run, and of the target.

    @ivar target: Of the target alone.
    """

    all: float | None
    ours: float
    target: float


def read(processes: Iterable[int]) -> Reading:
    """
    Read the meters.

    @param processes: The ids of the target's processes.
    """
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    ours = used.ru_utime + used.ru_stime
    try:
        target = sum(map(spent, processes))
        return Reading(_busy(), ours + target, target)
    except OSError:
        return Reading(None, ours, 0.0)


def otherCores(before: Reading, after: Reading, seconds: float) -> float | None:
    """
    How many cores were busy with neither the row nor its target.
    """
    if before.all is None or after.all is None:
        return None
    others = (after.all - before.all) - (after.ours - before.ours)
    return round(max(0.0, others) / seconds, 2)


def _busy() -> float:
    """
    Seconds all cores were neither idle nor waiting for a disk.
    """
    first = Path("/proc/stat").read_text().splitlines()[0]
    user, nice, system, _, _, *interrupts = map(int, first.split()[1:9])
    return (user + nice + system + sum(interrupts)) / TICKS


def spent(process: int) -> float:
    """
    Seconds a process ran.
    """
    stat = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(stat[11]) + int(stat[12])) / TICKS


def description(library: Path, python: str) -> dict[str, object]:
    """
    What stands above the table: where this was measured, and with what.

    @param library: Where the library lies.

    @param python: What runs the Python programs.
    """
    return {
        "measured": time.strftime("%Y-%m-%d"),
        "machine": platform.machine(),
        "processor": _processor(),
        "system": f"{platform.system()} {platform.release()}",
        "cores": os.cpu_count(),
        "python": python,
        **{name: _version(name) for name in ("Twisted", "msgspec", "orjson")},
        "txrocketmq": "installed" if "site-packages" in library.parts else "checkout",
    }


def _processor() -> str | None:
    """
    What the system calls the first processor.
    """
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return None
    found = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    return found[1] if found else None


def _version(name: str) -> str | None:
    """
    The version of an installed distribution.
    """
    try:
        return version(name)
    except PackageNotFoundError:
        return None
