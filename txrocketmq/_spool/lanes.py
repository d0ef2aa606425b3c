"""
The part of the spool that is in memory on its way out.

Laws:

    - Messages of one topic and shardingKey leave one after the other: the next one
      when a broker has the one before, or has refused it for good.

    - What is in memory is bounded, and who waits for something does not keep others
      from passing: what is not taken is left in the spool, to be read again.

    - While a message may be stored somewhere, its key goes to that queue and to no
      other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from .entries import Kept
from .lane import Key, Lane, Parked

MOST = 4096
"""
The most messages in memory.
"""

MOST_BYTES = 16 * 1024 * 1024
"""
The most bytes of them.
"""

MOST_OF_LANE = 1024
"""
The most of one key.
"""

AHEAD = 16 * 1024
"""
How many messages of keys that have enough in memory are read past, to find others.
"""


class Lanes:
    """
    All lanes.

    @ivar cursor: The last number that was read.

    @ivar ended: Whether there was nothing behind it.

    @ivar turned: How often reading went back: what was asked for before is not what
        comes next.

    @ivar known: The numbers that are in memory, or whose deletion is under way.

    @ivar parked: The topics that cannot be sent to now.
    """

    def __init__(self) -> None:
        self.cursor = 0
        self.ended = False
        self.turned = 0
        self.known: dict[int, int] = {}
        self.parked: dict[str, Parked] = {}
        self._lanes: dict[Key, Lane] = {}
        self._ready: deque[Lane] = deque()
        self._waiting: dict[Lane, None] = {}
        self._held = 0
        self._heldBytes = 0
        self._passed = 0

    @property
    def hungry(self) -> bool:
        """
        Whether more is to be read.
        """
        if self.ended or self._held > MOST // 2 or self._heldBytes > MOST_BYTES // 2:
            return False
        return self._passed < AHEAD or not self._ready

    @property
    def able(self) -> bool:
        """
        Whether something could leave now.
        """
        return bool(self._ready)

    @property
    def room(self) -> int:
        """
        How many messages there is room for.
        """
        return MOST - self._held

    def take(self, kept: Sequence[Kept]) -> None:
        """
        Take what was read, as far as it can leave.
        """
        self.ended = not kept
        for each in kept:
            self.cursor = each.number
            if each.number not in self.known:
                self._sort(each)

    def _sort(self, kept: Kept) -> None:
        """
        Take a message, or leave it in the spool.
        """
        topic = kept.message.topic
        parked = self.parked.get(topic)
        if parked is not None:
            parked.skip(kept.number)
            return
        key = (topic, kept.message.shardingKey)
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(key)
        if lane.skipped is None and self._isFull(lane):
            lane.skipped = kept.number
        if lane.skipped is not None:
            self._passed += 1
        else:
            self._hold(lane, kept)

    def _isFull(self, lane: Lane) -> bool:
        """
        Whether a lane takes no more.
        """
        if lane.failures and lane.queue:
            return True
        return lane.serial and len(lane.queue) >= MOST_OF_LANE

    def _hold(self, lane: Lane, kept: Kept) -> None:
        """
        Have a message in memory.
        """
        lane.queue.append(kept)
        self.known[kept.number] = kept.size
        self._held += 1
        self._heldBytes += kept.size
        self._list(lane)

    def probe(self, kept: Kept) -> None:
        """
        Have one message of a parked topic in memory.
        """
        if kept.number not in self.known:
            key = (kept.message.topic, kept.message.shardingKey)
            self._hold(self._lanes.setdefault(key, Lane(key)), kept)

    def next(self) -> tuple[Lane, Kept] | None:
        """
        A message that can leave now; it is under way then.
        """
        while self._ready:
            lane = self._ready.popleft()
            lane.listed = False
            if not lane.able:
                continue
            kept = lane.queue.popleft()
            lane.flying += 1
            self._list(lane)
            return lane, kept
        return None

    def soonest(self) -> float | None:
        """
        When something that waits may be tried again.
        """
        times = [lane.until for lane in self._waiting]
        times += [park.until for park in self.parked.values() if not park.trying]
        return min(times, default=None)

    def revive(self, now: float) -> list[tuple[str, int]]:
        """
        Know as able to send whose time has come.

        @return: The parked topics of which one message is to be tried now, each with
            its number.
        """
        for lane in [each for each in self._waiting if each.until <= now]:
            del self._waiting[lane]
            self._list(lane)
        due = []
        for topic, park in list(self.parked.items()):
            if park.trying or park.until > now:
                continue
            if park.skipped is None:
                del self.parked[topic]
            else:
                park.trying = True
                due.append((topic, park.skipped))
        return due

    def landed(self, lane: Lane, kept: Kept) -> None:
        """
        A message is over: it stays known until it is out of the spool.
        """
        lane.flying -= 1
        self._held -= 1
        self._heldBytes -= kept.size
        lane.succeeded()
        if not lane.serial:
            self._resume(lane)
        self._list(lane)
        self._settle(lane)

    def failed(self, lane: Lane, kept: Kept, now: float) -> None:
        """
        A message is to be tried again, later; only it stays in memory.
        """
        lane.flying -= 1
        lane.delay(now)
        if lane.serial:
            self._leave(lane)
            lane.queue.appendleft(kept)
            self._waiting[lane] = None
        else:
            lane.queue.append(kept)
            self._postpone(lane)

    def park(self, lane: Lane, kept: Kept, now: float) -> None:
        """
        Nothing of a message's topic is to be sent for a while.
        """
        topic = lane.key[0]
        park = self.parked.get(topic)
        if park is None:
            park = self.parked[topic] = Parked(None, now)
            park.delay(now)
        elif park.trying:
            park.delay(now)
        lane.flying -= 1
        lane.queue.appendleft(kept)
        for each in [each for each in self._lanes.values() if each.key[0] == topic]:
            self._leave(each)
            if each.skipped is not None:
                park.skip(each.skipped)
                each.skipped = None
            self._settle(each)

    def unpark(self, topic: str) -> None:
        """
        A topic can be sent to again.
        """
        park = self.parked.pop(topic, None)
        if park is not None and park.skipped is not None:
            self.rewind(park.skipped)

    def gone(self, numbers: Sequence[int]) -> None:
        """
        Messages are out of the spool.
        """
        for number in numbers:
            self.known.pop(number, None)

    def rewind(self, number: int) -> None:
        """
        Read again from a number on.
        """
        self.cursor = min(self.cursor, number - 1)
        self.turned += 1
        self.ended = False
        self._passed = 0

    def _list(self, lane: Lane) -> None:
        """
        Know a lane as one that can send, if it can.
        """
        if not lane.listed and lane.able and lane not in self._waiting:
            lane.listed = True
            self._ready.append(lane)

    def _postpone(self, lane: Lane) -> None:
        """
        Send nothing of a lane before its time.
        """
        self._waiting[lane] = None
        if lane.listed:
            self._ready.remove(lane)
            lane.listed = False

    def _leave(self, lane: Lane) -> None:
        """
        Leave in the spool what is in memory of a lane and not under way.
        """
        if not lane.queue:
            return
        first = min(each.number for each in lane.queue)
        lane.skipped = first if lane.skipped is None else min(first, lane.skipped)
        for kept in lane.queue:
            del self.known[kept.number]
            self._held -= 1
            self._heldBytes -= kept.size
        lane.queue.clear()

    def _resume(self, lane: Lane) -> None:
        """
        A lane without order works again: so does all of it.
        """
        self._waiting.pop(lane, None)
        skipped, lane.skipped = lane.skipped, None
        if skipped is not None:
            self.rewind(skipped)

    def _settle(self, lane: Lane) -> None:
        """
        Forget a lane with nothing in memory, or read on where it was left.
        """
        if not lane.idle:
            return
        skipped, lane.skipped = lane.skipped, None
        self._waiting.pop(lane, None)
        if skipped is not None:
            self.rewind(skipped)
            return
        self._lanes.pop(lane.key, None)
