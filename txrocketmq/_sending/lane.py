"""
The sends that wait to leave together: those to one topic, or to one queue of it.

Laws:

    - Who comes first leaves first.

    - Those who wait are alike as long as all of them joined by the short way
      (L{Joining<txrocketmq._sending.joining.Joining>}): of each we know then what
      L{take} looks for, and that none had to end before the first.
"""

from __future__ import annotations

from collections import deque
from math import inf
from typing import TYPE_CHECKING

import attrs
import msgspec

from txrocketmq.message import MessageQueue

from .envelope import Heading

if TYPE_CHECKING:
    from .member import Member

ALIKE = 1.1
"""
By how much the times may differ that members of one frame would have alone.
"""

MOST_GONE = 64
"""
How many cancelled members a lane may hold, beside as many as wait.
"""


class Limits(msgspec.Struct, frozen=True):
    """
    How much may leave together.

    @ivar messages: So many messages.

    @ivar size: So many bytes of records.

    @ivar seconds: The longest a try may take.
    """

    messages: int
    size: int
    seconds: float


@attrs.define(eq=False)
class Lane:
    """
    One of them.

    @ivar queue: The one queue its messages go to, if their callers chose it.

    @ivar waiting: Who waits, in order, and who has waited and is gone.

    @ivar out: How many frames are outstanding, by broker.

    @ivar ripe: Whether somebody will look at it in this turn.

    @ivar alike: Whether those who wait are.

    @ivar largest: No record of those who are alike has more bytes.
    """

    heading: Heading
    queue: MessageQueue | None
    waiting: deque[Member] = attrs.field(factory=deque)
    out: dict[str, int] = attrs.field(factory=dict)
    ripe: bool = False
    alike: bool = True
    largest: int = 0
    _gone: int = 0

    @property
    def isIdle(self) -> bool:
        """
        Whether nothing waits, and nothing is outstanding.
        """
        return not (self.waiting or self.out or self.ripe)

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

    def takeAlike(
        self, most: int, limits: Limits, now: float
    ) -> tuple[list[Member], float] | None:
        """
        Take as L{take} does, without a look at each.

        @return: L{None} where each has to be looked at.
        """
        waiting = self.waiting
        count = min(len(waiting), most)
        if not self.alike or self._gone or count * self.largest > limits.size:
            return None
        timeout = min(waiting[0].at - now, limits.seconds)
        isShort = timeout < limits.seconds
        if isShort and waiting[count - 1].at > now + ALIKE * timeout:
            return None
        if count < len(waiting):
            return [waiting.popleft() for _ in range(count)], timeout
        members = list(waiting)
        waiting.clear()
        self._anew()
        return members, timeout

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
        if not waiting:
            self._anew()
        return members, timeout

    def giveBack(self, members: list[Member]) -> None:
        """
        Let some wait again whom L{take} gave: they are first once more.
        """
        for each in reversed(members):
            self.alike = False
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

    def _anew(self) -> None:
        """
        Nobody waits any more.
        """
        self.alike = True
        self.largest = 0
