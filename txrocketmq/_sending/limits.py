"""
Room for sends: how many there may be at once, in messages and in bytes.

Laws:

    - A place is held from the call of a send to its end, and given back once.

    - Who waits is let in in the order they came for their topic; topics take turns,
      so that a flood of one lets the others through.

    - A single message beyond the byte limit is let in when nothing else is.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from twisted.internet.defer import Deferred, fail

from txrocketmq.errors import TooManyInFlight
from txrocketmq.message import WhenFull
from txrocketmq.settings import ProducerSettings


class _Line:
    """
    The sends to one topic that wait for room.

    @ivar waiting: How many bytes each of them has, in their order.
    """

    __slots__ = ("_left", "topic", "waiting")

    def __init__(self, topic: str, left: Callable[[_Line, int], None]) -> None:
        """
        @param left: Is told when one of them waits no more, and of its bytes.
        """
        self.topic = topic
        self.waiting: OrderedDict[Deferred[None], int] = OrderedDict()
        self._left = left

    def join(self, size: int) -> Deferred[None]:
        """
        Wait at its end.

        @return: As L{Room.wait}.
        """
        admitted: Deferred[None] = Deferred(self._leave)
        self.waiting[admitted] = size
        return admitted

    def _leave(self, admitted: Deferred[None]) -> None:
        """
        One is cancelled.
        """
        size = self.waiting.pop(admitted, None)
        if size is not None:
            self._left(self, size)


class Room:
    """
    The places of one producer's sends.

    @ivar messages: How many sends hold a place.

    @ivar size: The bytes of their bodies.

    @ivar maxMessages: How many places there are.

    @ivar maxBytes: How many bytes may hold one, beside a first message's.

    @ivar waiting: How many sends wait for a place.

    @ivar writable: Who is told when a send would not have to wait.
    """

    def __init__(self, settings: ProducerSettings) -> None:
        """
        @param settings: Where the limits are.
        """
        self._settings = settings
        self.maxMessages = settings.maxInFlightMessages
        self.maxBytes = settings.maxInFlightBytes
        self.messages = 0
        self.size = 0
        self.waiting = 0
        self._lines: OrderedDict[str, _Line] = OrderedDict()
        self._waitingSize = 0
        self.writable: list[Deferred[None]] = []
        self._admitting = False

    def take(self, size: int) -> bool:
        """
        Take a place, if there is one and nobody waits for it.
        """
        messages, total = self.messages, self.size + size
        if messages and (
            messages >= self.maxMessages or total > self.maxBytes or self.waiting
        ):
            return False
        self.messages = messages + 1
        self.size = total
        return True

    def wait(self, size: int, topic: str = "") -> Deferred[None]:
        """
        Wait for a place, behind those who wait for the same topic.

        @return: Fires once the place is taken.  It may fail with
            L{TooManyInFlight}, at once; cancelling it leaves the line.
        """
        refusal = self._refusal(size)
        if refusal is not None:
            return fail(refusal)
        line = self._lines.get(topic)
        if line is None:
            line = self._lines[topic] = _Line(topic, self._left)
        self.waiting += 1
        self._waitingSize += size
        return line.join(size)

    def release(self, size: int, places: int = 1) -> None:
        """
        Give places back, and let in who waits for them.
        """
        self.messages -= places
        self.size -= size
        if self.waiting or self.writable:
            self.admit()

    def whenWritable(self) -> Deferred[None]:
        """
        @return: Fires when a send would not have to wait.
        """
        writable: Deferred[None] = Deferred(self._forget)
        if self._open:
            writable.callback(None)
        else:
            self.writable.append(writable)
        return writable

    @property
    def _open(self) -> bool:
        """
        Whether there is room for another message of any usual size.
        """
        return not self.waiting and self._fits(1)

    def _fits(self, size: int) -> bool:
        """
        Whether a message of this size may be let in.
        """
        if not self.messages:
            return True
        return self.messages < self.maxMessages and self.size + size <= self.maxBytes

    def _refusal(self, size: int) -> TooManyInFlight | None:
        """
        Why a send may not even wait, if it may not.
        """
        settings = self._settings
        if settings.whenFull is WhenFull.FAIL:
            return TooManyInFlight(
                f"{self.messages} messages ({self.size} bytes) are in flight: at most "
                f"{self.maxMessages} ({self.maxBytes} bytes) may be "
                "(maxInFlightMessages, maxInFlightBytes)"
            )
        if (
            self.waiting >= settings.maxWaitingMessages
            or self._waitingSize + size > settings.maxWaitingBytes
        ):
            return TooManyInFlight(
                f"{self.waiting} messages ({self._waitingSize} bytes) wait for "
                f"room: at most {settings.maxWaitingMessages} "
                f"({settings.maxWaitingBytes} bytes) may "
                "(maxWaitingMessages, maxWaitingBytes)"
            )
        return None

    def admit(self) -> None:
        """
        Let in as many as fit, in turn, then tell who asked for room.
        """
        if self._admitting:
            # A send let in just now has ended already: the loop below goes on.
            return
        self._admitting = True
        try:
            while self._lines and self._letIn(next(iter(self._lines.values()))):
                pass
            while self.writable and self._open:
                self.writable.pop(0).callback(None)
        finally:
            self._admitting = False

    def _letIn(self, line: _Line) -> bool:
        """
        Give the first of a line its place, if it fits; then it is the others' turn.

        @return: Whether it fits: if not, nobody passes it.
        """
        admitted, size = next(iter(line.waiting.items()))
        if not self._fits(size):
            return False
        del line.waiting[admitted]
        self._lines.move_to_end(line.topic)
        self._shorter(line, size)
        self.messages += 1
        self.size += size
        admitted.callback(None)
        return True

    def _left(self, line: _Line, size: int) -> None:
        """
        A send waits no more; those behind it may fit now.
        """
        self._shorter(line, size)
        self.admit()

    def _shorter(self, line: _Line, size: int) -> None:
        """
        One fewer waits in a line.
        """
        self.waiting -= 1
        self._waitingSize -= size
        if not line.waiting:
            del self._lines[line.topic]

    def _forget(self, writable: Deferred[None]) -> None:
        """
        Somebody no longer wants to know of room.
        """
        self.writable.remove(writable)
