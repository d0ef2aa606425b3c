"""
How many sends there may be to one queue at once.

Laws:

    - A send holds its queue's slot from its first try there to its end, back-offs
      included: with one slot for a queue, what is sent to it is stored in the
      order it was sent, whatever has to be tried again.

    - Who waits for a slot gets it in the order they came.
"""

from __future__ import annotations

from collections import deque

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as TwistedTimeout
from twisted.internet.interfaces import IReactorTime

from txrocketmq.errors import TooManyInFlight
from txrocketmq.message import MessageQueue

from .progress import Send


@attrs.define(eq=False)
class _Lane:
    """
    The slots of one queue.

    @ivar taken: How many are taken.

    @ivar waiting: Who waits for one.
    """

    taken: int = 0
    waiting: deque[Deferred[None]] = attrs.field(factory=deque)


class QueueSlots:
    """
    The slots of all queues of one producer.
    """

    def __init__(self, clock: IReactorTime, most: int) -> None:
        """
        @param most: How many sends there may be to one queue.
        """
        self._clock = clock
        self._most = most
        self._lanes: dict[MessageQueue, _Lane] = {}
        self._held: dict[Send, MessageQueue] = {}

    async def take(self, send: Send, queue: MessageQueue) -> None:
        """
        Wait for a slot of a queue, as long as the send has time.

        A slot of another queue is given back first.

        @raise TooManyInFlight: When there was none in time.
        """
        if self._held.get(send) == queue:
            return
        self.release(send)
        lane = self._lanes.setdefault(queue, _Lane())
        if lane.taken < self._most:
            lane.taken += 1
        else:
            await self._wait(send, lane)
        self._held[send] = queue

    def release(self, send: Send) -> None:
        """
        Give a send's slot, if it has one, to who waits for it.
        """
        queue = self._held.pop(send, None)
        if queue is None:
            return
        lane = self._lanes[queue]
        if lane.waiting:
            lane.waiting.popleft().callback(None)
            return
        lane.taken -= 1
        if not lane.taken:
            del self._lanes[queue]

    async def _wait(self, send: Send, lane: _Lane) -> None:
        """
        Wait until a slot is handed over.
        """
        mine: Deferred[None] = Deferred(lane.waiting.remove)
        lane.waiting.append(mine)
        left = max(send.at - self._clock.seconds(), 0.0)
        try:
            await mine.addTimeout(left, self._clock)
        except TwistedTimeout:
            raise TooManyInFlight(
                f"no send to this queue ended within {left:.1f} s "
                f"(maxInFlightPerQueue={self._most})"
            ) from None
