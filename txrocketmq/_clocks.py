"""
What the entry points do about time.
"""

from __future__ import annotations

import time
from typing import Any


def keepSteadyTime(reactor: Any) -> None:
    """
    Let a reactor's timers follow a clock that nobody sets.

    Twisted's follow the wall clock: a step back of an hour would make every send
    wait for that hour, one forward would end every send that is under way.

    @param reactor: A reactor that is ours alone.  One that has something to call
        already is left as it is: those times are told by the other clock.
    """
    if not reactor.getDelayedCalls():
        reactor.seconds = time.monotonic
