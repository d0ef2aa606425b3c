"""
The sends that wait to leave together: those to one topic, or to one queue of it.

Laws:

    - Who comes first leaves first.

    - All who wait are rows, or all are members.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from itertools import repeat
from math import inf
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import attrs
from twisted.internet.defer import Deferred

from txrocketmq.message import MessageQueue, SendResult

from .envelope import Heading
from .member import Member, Place
from .rows import ALIKE, Columns, Limits, Rows

if TYPE_CHECKING:
    from .alike import Alike
    from .batching import Batcher

MOST_GONE = 64
"""
How many cancelled members a lane may hold, beside as many as wait.
"""


@attrs.define(eq=False)
class Lane:
    """
    One of them.

    @ivar queue: The one queue its messages go to, if their callers chose it.

    @ivar waiting: Who waits, in order, and who has waited and is gone.

    @ivar out: How many frames are outstanding, by broker.

    @ivar ripe: Whether somebody will look at it in this turn.

    @ivar rows: Who waits, as long as all of them joined by the short way.

    @ivar frames: The frames of rows that are outstanding, or are being told of.

    @ivar canceller: That of whoever joins by the short way.
    """

    heading: Heading
    queue: MessageQueue | None
    batcher: Batcher
    waiting: deque[Member] = attrs.field(factory=deque)
    out: dict[str, int] = attrs.field(factory=dict)
    ripe: bool = False
    rows: Rows = attrs.field(init=False, factory=Rows)
    frames: list[Alike] = attrs.field(init=False, factory=list)
    canceller: Callable[[Deferred[SendResult]], None] = attrs.field(init=False)
    _gone: int = 0
    _members: WeakKeyDictionary[Deferred[SendResult], Member] = attrs.field(
        init=False, factory=WeakKeyDictionary
    )

    def __attrs_post_init__(self) -> None:
        """
        Bind it once: a method bound for each send would be memory of its own.
        """
        self.canceller = self.cancelled

    @property
    def isIdle(self) -> bool:
        """
        Whether nothing waits, and nothing is outstanding.
        """
        return not (self.count or self.out or self.ripe)

    @property
    def count(self) -> int:
        """
        How many wait; or a few more, who are gone.
        """
        return self.rows.count or len(self.waiting)

    @property
    def at(self) -> float | None:
        """
        When who leaves next must have ended.
        """
        if self.rows.count:
            return self.rows.at
        first = self.front()
        return None if first is None else first.at

    def lookAtEach(self) -> None:
        """
        Let those be members who joined by the short way.
        """
        if self.rows.count:
            self.waiting += self.membersOf(self.rows.takeAll(), repeat(self))

    def membersOf(
        self, columns: Columns, places: Iterable[Place], ids: Iterable[str] = repeat("")
    ) -> list[Member]:
        """
        Make members of some who joined by the short way.

        @param places: Where each of them is.

        @param ids: Their C{UNIQ_KEY}s, if they have them.
        """
        rows = zip(*columns, places, ids, strict=False)
        members = [
            Member(self.batcher, message, shell, at, epoch, place, msgId, ended)
            for message, shell, at, epoch, ended, place, msgId in rows
        ]
        self._members.update(zip(columns.ends, members, strict=True))
        return members

    def cancelled(self, ended: Deferred[SendResult]) -> None:
        """
        One who joined by the short way was cancelled.
        """
        if ended not in self._members:
            for frame in self.frames:
                if frame.has(ended):
                    frame.lookAtEach()
                    break
            else:
                self.lookAtEach()
        self._members[ended](ended)

    def front(self) -> Member | None:
        """
        Who leaves next.
        """
        waiting = self.waiting
        while waiting:
            if waiting[0].place is self:
                return waiting[0]
            waiting.popleft()
            self._gone -= 1
        return None

    def popFirst(self) -> Member:
        """
        Take who leaves next, whom L{at} has told of.
        """
        self.lookAtEach()
        return self.waiting.popleft()

    def take(self, most: int, limits: Limits, now: float) -> tuple[list[Member], float]:
        """
        Take those from the front who may leave together: there is one at least.

        @param most: So many of them.

        @return: They, and for how many seconds they may be on their way: for
            nobody longer than it has, and for nobody much less than it would
            have alone.
        """
        waiting = self.waiting
        first = waiting.popleft()
        timeout = min(first.at - now, limits.seconds)
        earliest = now + timeout
        latest = inf if timeout == limits.seconds else now + ALIKE * timeout
        wait = first.message.waitStoreMsgOK
        members = [first]
        left, gone = limits.size - first.shell.size, 0
        for each in waiting:
            if each.place is not self:
                gone += 1
                continue
            left -= each.shell.size
            if (
                left < 0
                or len(members) >= most
                or each.message.waitStoreMsgOK is not wait
                or not earliest <= each.at <= latest
            ):
                break
            members.append(each)
        for _ in range(len(members) - 1 + gone):
            waiting.popleft()
        self._gone -= gone
        return members, timeout

    def giveBack(self, members: list[Member]) -> None:
        """
        Let some wait again whom L{take} gave: they are first once more.
        """
        self.lookAtEach()
        for each in reversed(members):
            each.place = self
            self.waiting.appendleft(each)

    def sent(self, broker: str) -> None:
        """
        A frame has left.
        """
        self.out[broker] = self.out.get(broker, 0) + 1

    def ended(self, broker: str) -> None:
        """
        A frame is outstanding no more.
        """
        left = self.out.pop(broker) - 1
        if left:
            self.out[broker] = left

    def lost(self) -> None:
        """
        Somebody who waited is gone.
        """
        self._gone += 1
        if 2 * self._gone > len(self.waiting) + MOST_GONE:
            self.waiting = deque(each for each in self.waiting if each.place is self)
            self._gone = 0
