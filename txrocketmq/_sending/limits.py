"""
Room for sends: how many there may be at once, in messages and in bytes.

Laws:

    - A place is held from the call of a send to its end, and given back once.

    - Who waits is let in in the order they came.

    - A single message beyond the byte limit is let in when nothing else is.
"""

from __future__ import annotations

from collections import deque

import attrs
from twisted.internet.defer import Deferred

from txrocketmq.errors import TooManyInFlight
from txrocketmq.message import WhenFull
from txrocketmq.settings import ProducerSettings


@attrs.define(eq=False)
class _Waiting:
    """
    A send that waits for room.
    """

    size: int
    admitted: Deferred[None]


class Room:
    """
    The places of one producer's sends.

    @ivar messages: How many sends hold a place.

    @ivar size: The bytes of their bodies.
    """

    def __init__(self, settings: ProducerSettings) -> None:
        """
        @param settings: Where the limits are.
        """
        self._settings = settings
        self._maxMessages = settings.maxInFlightMessages
        self._maxBytes = settings.maxInFlightBytes
        self.messages = 0
        self.size = 0
        self._queue: deque[_Waiting] = deque()
        self._waitingSize = 0
        self._writable: list[Deferred[None]] = []
        self._admitting = False

    @property
    def waiting(self) -> int:
        """
        How many sends wait for a place.
        """
        return len(self._queue)

    def take(self, size: int) -> bool:
        """
        Take a place, if there is one and nobody waits for it.
        """
        messages, total = self.messages, self.size + size
        if messages and (
            messages >= self._maxMessages or total > self._maxBytes or self._queue
        ):
            return False
        self.messages = messages + 1
        self.size = total
        return True

    def wait(self, size: int) -> Deferred[None]:
        """
        Wait for a place.

        @return: Fires once the place is taken.  It may fail with
            L{TooManyInFlight}, at once; cancelling it leaves the queue.
        """
        refusal = self._refusal(size)
        admitted: Deferred[None] = Deferred(self._leave)
        if refusal is not None:
            admitted.errback(refusal)
            return admitted
        self._queue.append(_Waiting(size, admitted))
        self._waitingSize += size
        return admitted

    def release(self, size: int, places: int = 1) -> None:
        """
        Give places back, and let in who waits for them.
        """
        self.messages -= places
        self.size -= size
        if self._queue or self._writable:
            self._admit()

    def whenWritable(self) -> Deferred[None]:
        """
        @return: Fires when a send would not have to wait.
        """
        writable: Deferred[None] = Deferred(self._forget)
        if self._open:
            writable.callback(None)
        else:
            self._writable.append(writable)
        return writable

    @property
    def _open(self) -> bool:
        """
        Whether there is room for another message of any usual size.
        """
        return not self._queue and self._fits(1)

    def _fits(self, size: int) -> bool:
        """
        Whether a message of this size may be let in.
        """
        if not self.messages:
            return True
        return self.messages < self._maxMessages and self.size + size <= self._maxBytes

    def _refusal(self, size: int) -> TooManyInFlight | None:
        """
        Why a send may not even wait, if it may not.
        """
        settings = self._settings
        if settings.whenFull is WhenFull.FAIL:
            return TooManyInFlight(
                f"{self.messages} messages ({self.size} bytes) are in flight: at most "
                f"{self._maxMessages} ({self._maxBytes} bytes) may be "
                "(maxInFlightMessages, maxInFlightBytes)"
            )
        if (
            len(self._queue) >= settings.maxWaitingMessages
            or self._waitingSize + size > settings.maxWaitingBytes
        ):
            return TooManyInFlight(
                f"{len(self._queue)} messages ({self._waitingSize} bytes) wait for "
                f"room: at most {settings.maxWaitingMessages} "
                f"({settings.maxWaitingBytes} bytes) may "
                "(maxWaitingMessages, maxWaitingBytes)"
            )
        return None

    def _admit(self) -> None:
        """
        Let in as many as fit, in order, then tell who asked for room.
        """
        if self._admitting:
            # A send let in just now has ended already: the loop below goes on.
            return
        self._admitting = True
        try:
            while self._queue and self._fits(self._queue[0].size):
                self._letIn(self._queue.popleft())
            while self._writable and self._open:
                self._writable.pop(0).callback(None)
        finally:
            self._admitting = False

    def _letIn(self, first: _Waiting) -> None:
        """
        Give the first in the queue its place.
        """
        self._waitingSize -= first.size
        self.messages += 1
        self.size += first.size
        first.admitted.callback(None)

    def _leave(self, admitted: Deferred[None]) -> None:
        """
        Take a cancelled send out of the queue; those behind it may fit now.
        """
        for entry in self._queue:
            if entry.admitted is admitted:
                self._queue.remove(entry)
                self._waitingSize -= entry.size
                break
        self._admit()

    def _forget(self, writable: Deferred[None]) -> None:
        """
        Somebody no longer wants to know of room.
        """
        self._writable.remove(writable)
