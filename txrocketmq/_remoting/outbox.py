"""
Frames that wait until the transport takes more.

Law: who comes first is written first, whether it waits as a frame or as something
that will write its frame.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Protocol

ANSWER: Final = -1
"""
What stands in the place of a request's opaque for an answer.
"""

SLACK: Final = 64
"""
How many entries that were taken back it may hold beside as many as wait.
"""


class Writing(Protocol):
    """
    What writes its frame when that is needed: until then it takes no memory.

    @ivar opaque: The request's number.
    """

    opaque: int

    def frame(self) -> bytes:
        """
        The frame.  It does not fail.
        """


class Outbox:
    """
    A queue whose entries can be taken back.

    @ivar answered: How many bytes of answers are in it.
    """

    __slots__ = ("_entries", "_gone", "answered")

    def __init__(self) -> None:
        """
        Begin empty.
        """
        self._entries: deque[tuple[int, bytes] | Writing] = deque()
        self._gone: set[int] = set()
        self.answered = 0

    def __len__(self) -> int:
        """
        How many frames are in it.
        """
        return len(self._entries) - len(self._gone)

    def putRequest(self, opaque: int, frame: bytes) -> None:
        """
        Put a request at the end.
        """
        self._entries.append((opaque, frame))

    def putLater(self, request: Writing) -> None:
        """
        Put a request at the end that is not written yet.
        """
        self._entries.append(request)

    def putAnswer(self, frame: bytes) -> None:
        """
        Put an answer at the end: nobody takes it back.
        """
        self._entries.append((ANSWER, frame))
        self.answered += len(frame)

    def takeBack(self, opaque: int) -> None:
        """
        Forget a request that is here.
        """
        self._gone.add(opaque)
        if 2 * len(self._gone) > len(self._entries) + SLACK:
            gone = self._gone
            self._entries = deque(e for e in self._entries if _opaqueOf(e) not in gone)
            self._gone = set()

    def take(self) -> tuple[int, bytes]:
        """
        Take the first: a request with its opaque, or an answer with L{ANSWER}.
        """
        while True:
            entry = self._entries.popleft()
            opaque = _opaqueOf(entry)
            if opaque in self._gone:
                self._gone.remove(opaque)
                continue
            frame = entry[1] if isinstance(entry, tuple) else entry.frame()
            if opaque == ANSWER:
                self.answered -= len(frame)
            return opaque, frame

    def clear(self) -> None:
        """
        Forget everything.
        """
        self._entries.clear()
        self._gone.clear()
        self.answered = 0


def _opaqueOf(entry: tuple[int, bytes] | Writing) -> int:
    """
    The number of what waits.
    """
    return entry[0] if isinstance(entry, tuple) else entry.opaque
