"""
The faults a server is still to play, and the requests it has seen.
"""

from __future__ import annotations

from collections import deque
from itertools import repeat

import attrs

from txrocketmq._wire.command import RemotingCommand

from .faults import Fault


@attrs.frozen
class Cue:
    """
    A fault, and whether the request is carried out first.
    """

    fault: Fault
    stored: bool


class Script:
    """
    Faults by request code: first in first out, those of a code before those of
    any.
    """

    def __init__(self) -> None:
        self._cues: dict[int | None, deque[Cue]] = {}

    def __bool__(self) -> bool:
        """
        Whether there is anything left to play.
        """
        return bool(self._cues)

    def add(self, cue: Cue, code: int | None, times: int) -> None:
        """
        Play something at the next so many requests.

        @param code: Of that request code; L{None} is any.
        """
        if times > 0:
            self._cues.setdefault(code, deque()).extend(repeat(cue, times))

    def next(self, code: int) -> Cue | None:
        """
        What to play now, if anything.
        """
        for key in (code, None):
            cues = self._cues.get(key)
            if cues:
                cue = cues.popleft()
                if not cues:
                    del self._cues[key]
                return cue
        return None

    def clear(self) -> None:
        """
        Play nothing more.
        """
        self._cues.clear()


class Requests:
    """
    The newest requests of a server.
    """

    def __init__(self, most: int) -> None:
        """
        @param most: How many to keep.
        """
        self._all: deque[RemotingCommand] = deque(maxlen=most)
        self.add = self._all.append
        self.clear = self._all.clear

    def of(self, code: int | None) -> list[RemotingCommand]:
        """
        Those of a code, or all of them, oldest first.
        """
        return [each for each in self._all if code is None or each.code == code]
