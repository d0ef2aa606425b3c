"""
What the Twisted programs share: their stop-watch, and their pace.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from twisted.internet import task
from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from .measuring import Arguments, Measured

MOST_TICKS = 4096


async def over(measured: Measured, reactor: Any, given: Arguments) -> None:
    """
    Let the warm-up pass, then measure.
    """
    await task.deferLater(reactor, given.warm)
    measured.begin()
    await task.deferLater(reactor, given.seconds)
    measured.end()


@implementer(IReadDescriptor)
class Pace:
    """
    Sends when L{ticking<bench.programs.ticking>} says so.
    """

    def __init__(self, reactor: Any, rate: float, send: Callable[[], object]) -> None:
        """
        @param rate: Sends a second.
        """
        self._reactor = reactor
        self._send = send
        command = [sys.executable, "-m", "bench.programs.ticking", str(1 / rate)]
        self._ticking = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._ticking.stdout is not None
        self._fileno = self._ticking.stdout.fileno()
        os.set_blocking(self._fileno, False)
        reactor.addReader(self)

    def fileno(self) -> int:
        """
        Where the ticks come.
        """
        return self._fileno

    def logPrefix(self) -> str:
        """
        What log lines of it begin with.
        """
        return "pace"

    def doRead(self) -> None:
        """
        Send a message for each tick.
        """
        for _ in os.read(self._fileno, MOST_TICKS):
            self._send()

    def connectionLost(self, reason: Failure) -> None:
        """
        There are no more ticks.
        """

    def stop(self) -> None:
        """
        Send no more.
        """
        self._reactor.removeReader(self)
        self._ticking.terminate()
        self._ticking.communicate()
