"""
What the machine does: CPU seconds of everything, and of single processes.
"""

from __future__ import annotations

import os
import platform
import resource
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

TICKS = os.sysconf("SC_CLK_TCK")


class Reading(NamedTuple):
    """
    CPU seconds up to now.

    @ivar all: Of all cores; L{None} where the machine does not tell.

    @ivar ours: Of the rows that have been run, and of the sink.
    """

    all: float | None
    ours: float


def read(sink: int | None) -> Reading:
    """
    Read the meters.

    @param sink: The process id of the sink, where there is one.
    """
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    ours = used.ru_utime + used.ru_stime
    try:
        return Reading(_busy(), ours + (_spent(sink) if sink else 0.0))
    except OSError:
        return Reading(None, ours)


def otherCores(before: Reading, after: Reading, seconds: float) -> float | None:
    """
    How many cores were busy with neither the row nor the sink.
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


def _spent(process: int) -> float:
    """
    Seconds a process ran.
    """
    stat = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(stat[11]) + int(stat[12])) / TICKS


def description() -> dict[str, object]:
    """
    What stands above the table: where this was measured, and with what.
    """
    return {
        "machine": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "cores": os.cpu_count(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        **{name: _version(name) for name in ("Twisted", "msgspec", "orjson")},
    }


def _version(name: str) -> str | None:
    """
    The version of an installed distribution.
    """
    try:
        return version(name)
    except PackageNotFoundError:
        return None
