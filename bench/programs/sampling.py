"""
Where the time goes: a look, every few milliseconds of CPU time, at which function
is running.

A sample falls to the innermost Python function; what C does for it, a
C{socket.send} or an encoder, is that function's.  The interpreter only looks for
signals at calls and at the ends of loops, so a sample may fall to a neighbour; the
sums of whole packages are little changed by that.
"""

from __future__ import annotations

import signal
from collections import Counter
from types import FrameType

INTERVAL = 0.003

PARTS = (
    ("/twisted/internet/defer.py", "Deferreds"),
    ("/twisted/internet/", "reactor and transport"),
    ("/twisted/", "the rest of Twisted"),
    ("/txrocketmq/_wire/", "_wire: encode and decode"),
    ("/txrocketmq/_remoting/", "_remoting: requests and answers"),
    ("/txrocketmq/_routing/", "_routing: the queue"),
    ("/txrocketmq/_sending/", "_sending: validate, room, outcome"),
    ("/txrocketmq/", "the rest of txrocketmq"),
    ("/bench/", "the program that sends"),
)
"""
What a file belongs to, by the first that is part of its path.
"""


def partOf(path: str) -> str:
    """
    What a file belongs to.
    """
    return next((part for within, part in PARTS if within in path), "others")


class Samples:
    """
    The samples of this process, from C{start} to C{stop}.

    @ivar counts: How many fell to each part.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def start(self) -> None:
        """
        Begin to look.
        """
        signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)

    def stop(self) -> None:
        """
        Look no more.
        """
        signal.setitimer(signal.ITIMER_PROF, 0)

    def _look(self, number: int, frame: FrameType | None) -> None:
        """
        Count what is running.
        """
        self.counts[partOf(frame.f_code.co_filename) if frame else "others"] += 1
