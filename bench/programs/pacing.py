"""
What the Twisted programs share: their stop-watch, and their pace.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from twisted.internet import task

from .measuring import Arguments, Measured

TICK = 0.001


async def over(measured: Measured, reactor: Any, given: Arguments) -> None:
    """
    Let the warm-up pass, then measure.
    """
    await task.deferLater(reactor, given.warm)
    measured.begin()
    await task.deferLater(reactor, given.seconds)
    measured.end()


def pace(rate: float, send: Callable[[], object]) -> task.LoopingCall:
    """
    Send what is due, at each tick.

    @param rate: Sends a second.

    @return: What stops it.
    """
    gap = 1 / rate
    due = time.perf_counter()

    def tick() -> None:
        nonlocal due
        now = time.perf_counter()
        while due <= now:
            due += gap
            send()

    loop = task.LoopingCall(tick)
    loop.start(TICK)
    return loop
