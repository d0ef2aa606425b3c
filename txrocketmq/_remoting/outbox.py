"""
Frames that wait because the transport has enough.
"""

from __future__ import annotations

from collections import OrderedDict


class Outbox:
    """
    A queue whose entries can be taken back.

    @ivar answered: How many bytes of answers are in it.
    """

    __slots__ = ("_answers", "_frames", "answered")

    def __init__(self) -> None:
        """
        Begin empty.
        """
        self._frames: OrderedDict[int, bytes] = OrderedDict()
        self._answers = 0
        self.answered = 0

    def __len__(self) -> int:
        """
        How many frames are in it.
        """
        return len(self._frames)

    def putRequest(self, opaque: int, frame: bytes) -> None:
        """
        Put a request at the end.
        """
        self._frames[opaque] = frame

    def putAnswer(self, frame: bytes) -> None:
        """
        Put an answer at the end: nobody takes it back.
        """
        self._answers -= 1
        self._frames[self._answers] = frame
        self.answered += len(frame)

    def takeBack(self, opaque: int) -> None:
        """
        Forget a request, if it is here.
        """
        self._frames.pop(opaque, None)

    def take(self) -> tuple[int, bytes]:
        """
        Take the first: a request with its opaque, or an answer with a number
        below zero.
        """
        key, frame = self._frames.popitem(last=False)
        if key < 0:
            self.answered -= len(frame)
        return key, frame

    def clear(self) -> None:
        """
        Forget everything.
        """
        self._frames.clear()
        self.answered = 0
