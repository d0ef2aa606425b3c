"""
Plain sends that wait to leave together, without an object for each.

Laws:

    - They joined their lane by the short way (L{Joining
      <txrocketmq._sending.joining.Joining>}), one after the other: none of them has
      to end before one that joined earlier, or belongs to an earlier epoch.

    - Whatever does not go well is for members (L{Member
      <txrocketmq._sending.member.Member>}): they are made when the first is needed,
      of all that wait, or of all of one frame.

What it saves: a send is one C{+=} when it joins, and what is wanted of all who leave
together is a slice.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import Any, Final, NamedTuple

import attrs
import msgspec
from twisted.internet.defer import Deferred

from txrocketmq._wire.records import Shell
from txrocketmq.message import Message, SendResult

from .progress import Epoch

ALIKE: Final = 1.1
"""
By how much the times may differ that those of one frame would have alone.
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


class Columns(NamedTuple):
    """
    Some of them, in the order they came.

    @ivar messages: What they send.

    @ivar shells: What surrounds their bodies.

    @ivar ats: When they must have ended.

    @ivar epochs: The epochs they were accepted in.

    @ivar ends: Their Deferreds.
    """

    messages: list[Message]
    shells: list[Shell]
    ats: list[float]
    epochs: list[Epoch]
    ends: list[Deferred[SendResult]]


WIDTH: Final = len(Columns._fields)
_SHELL: Final = Columns._fields.index("shells")
_AT: Final = Columns._fields.index("ats")


@attrs.define(eq=False)
class Rows:
    """
    Those who wait.

    @ivar flat: What L{Columns} has of the first, of the second, and so on.
    """

    flat: list[Any] = attrs.field(factory=list)
    _start: int = 0

    @property
    def count(self) -> int:
        """
        How many there are.
        """
        return (len(self.flat) - self._start) // WIDTH

    @property
    def at(self) -> float:
        """
        When the first of them must have ended.
        """
        at: float = self.flat[self._start + _AT]
        return at

    def take(
        self, most: int, limits: Limits, now: float
    ) -> tuple[Columns, float] | None:
        """
        Take those from the front who may leave together, as L{Lane.take
        <txrocketmq._sending.lane.Lane.take>} does with members.

        @return: L{None} where there is nobody to leave together with, or the time
            of each has to be looked at.
        """
        flat, start = self.flat, self._start
        count = self._within(min(self.count, most), limits.size)
        if count < 2:
            return None
        end = start + WIDTH * count
        timeout = min(flat[start + _AT] - now, limits.seconds)
        isShort = timeout < limits.seconds
        if isShort and flat[end - WIDTH + _AT] > now + ALIKE * timeout:
            return None
        return self._cut(end), timeout

    def takeAll(self) -> Columns:
        """
        Take all.
        """
        return self._cut(len(self.flat))

    def _within(self, count: int, size: int) -> int:
        """
        How many of so many may leave together, for their size.
        """
        start = self._start + _SHELL
        shells = self.flat[start : start + WIDTH * count : WIDTH]
        first: Shell = shells[0]
        if shells.count(first) == count:
            return min(count, size // first.size)
        return bisect_right(list(accumulate(each.size for each in shells)), size)

    def _cut(self, end: int) -> Columns:
        """
        Take those before a place.
        """
        flat, start = self.flat, self._start
        taken = Columns(*(flat[start + at : end : WIDTH] for at in range(WIDTH)))
        if end == len(flat):
            flat.clear()
            end = 0
        elif 2 * end > len(flat):
            # So that each is moved once, however many there are.
            del flat[:end]
            end = 0
        self._start = end
        return taken
