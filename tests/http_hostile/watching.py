"""
What a process takes of the machine, seen from outside.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

EVERY = 0.25


def memoryOf(pid: int) -> int:
    """
    The bytes of memory a process has.
    """
    pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def openFilesOf(pid: int) -> list[str]:
    """
    What a process has open: paths of files, C{socket:[...]} and the like.
    """
    found = []
    for each in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append(str(each.readlink()))
        except OSError:
            # Closed meanwhile.
            continue
    return found


def socketsOf(pid: int) -> int:
    """
    How many sockets a process has.
    """
    return sum(name.startswith("socket:") for name in openFilesOf(pid))


def processorOf(pid: int) -> float:
    """
    The seconds of processor time a process has used.
    """
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Watch:
    """
    Looks at a process again and again.

    @ivar most: The most memory it had.

    @ivar sockets: The most sockets it had.

    @ivar strays: The files there were where there should be none, whether they have
        a name or not.
    """

    def __init__(self, pid: int, directory: Path) -> None:
        """
        @param directory: Where temporary files of the process would be.
        """
        self._pid = pid
        self._directory = directory
        self._ended = Event()
        self.first = self.most = memoryOf(pid)
        self.sockets = 0
        self.strays: set[str] = set()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """
        Look no more.
        """
        self._ended.set()
        self._thread.join()
        self._look()

    def _run(self) -> None:
        """
        Look until the end.
        """
        while not self._ended.wait(EVERY):
            self._look()

    def _look(self) -> None:
        """
        Look once.
        """
        self.most = max(self.most, memoryOf(self._pid))
        files = openFilesOf(self._pid)
        self.sockets = max(self.sockets, sum(f.startswith("socket:") for f in files))
        inside = f"{self._directory}/"
        self.strays |= {f for f in files if f.startswith(inside)}
        self.strays |= {str(each) for each in self._directory.rglob("*")}


def awaited(isSo: Callable[[], bool], within: float) -> bool:
    """
    Wait until something is so.

    @return: Whether it was in time.
    """
    deadline = time.monotonic() + within
    while not isSo():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
