"""
Where sends wait for a better time.

Laws:

    - There is one delayed call, however many wait; who waits costs one entry in a
      list.

    - The more of them rest, the longer they do, so that trying again costs the
      same however many there are.  When one of them succeeds after all, two others
      that would have been tried again by now follow it.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from math import ceil, floor
from typing import Protocol

import msgspec
from twisted.internet.interfaces import IReactorTime

from txrocketmq._remoting.alarm import Alarm

from .targets import MOMENT

GRAINS = 100
"""
Parts of a second that are told apart.
"""

CROWD = 1000
"""
How many may rest without resting longer for it: if there are more, so many are
tried again in a second.
"""

FOLLOWERS = 2
"""
How many follow one that succeeded.
"""


class Waiting(Protocol):
    """
    Who waits for a time.

    @ivar deadline: Until when; set by L{Lull}.

    @ivar timeout: When it would have been woken if there were no crowd; the same.

    @ivar waits: Whether it still waits, for a time or for something that must be
        there by then.

    @ivar rests: Whether it waits for nothing but a time.
    """

    deadline: float
    timeout: float

    @property
    def waits(self) -> bool:
        """
        See above.
        """

    @property
    def rests(self) -> bool:
        """
        See above.
        """

    def woken(self) -> None:
        """
        It is time.
        """


class _Grain(msgspec.Struct):
    """
    Those who are woken together; some of them may have left.
    """

    at: float
    waiting: list[Waiting]


class Lull:
    """
    The sends of one producer that wait for a time.

    @ivar resting: How many wait for nothing else.
    """

    def __init__(self, clock: IReactorTime) -> None:
        """
        @param clock: Whose time it is.
        """
        self.resting = 0
        self._clock = clock
        self._alarm = Alarm(clock, self._ring)
        self._order: list[float] = []
        self._grains: dict[float, _Grain] = {}
        self._crowd: deque[Waiting] = deque()
        self._times: dict[int, float] = {}
        self._entries = 0
        self._gone = 0

    def until(self, one: Waiting, at: float) -> None:
        """
        Wake somebody at a time, or less than a grain before it.
        """
        self._put(one, floor(at * GRAINS) / GRAINS)

    def rest(self, one: Waiting, delay: float, last: float, end: float) -> None:
        """
        Wake somebody after a rest.

        @param delay: How many seconds it takes, if there is no crowd.

        @param last: When it is over at the latest.

        @param end: When it is over where the crowd is too big for that.
        """
        now = self._clock.seconds()
        self.resting += 1
        if self.resting <= CROWD:
            # In the future: or who is woken in vain would be so again and again.
            at = max(min(now + delay, last), now + MOMENT)
            self._put(one, ceil(at * GRAINS) / GRAINS)
            return
        at = now + max(delay, self.resting / CROWD)
        self.until(one, at if at < last else end)
        one.timeout = self._shared(now + delay)
        self._crowd.append(one)

    def leave(self, one: Waiting) -> None:
        """
        Somebody is about to wait no more.
        """
        self.resting -= one.rests
        self._gone += 1
        self._thin()

    def follow(self) -> None:
        """
        Wake some of those who would rest no longer if there were no crowd.
        """
        followers = FOLLOWERS
        while self._crowd and followers:
            one = self._crowd[0]
            if one.rests and one.timeout > self._clock.seconds():
                break
            self._crowd.popleft()
            if one.rests:
                followers -= 1
                self.leave(one)
                one.woken()

    def clear(self) -> None:
        """
        Wake nobody.
        """
        self._alarm.unset()
        self._order.clear()
        self._grains.clear()
        self._crowd.clear()
        self._entries = self._gone = 0

    def _put(self, one: Waiting, at: float) -> None:
        """
        Wake somebody at one of the times there are.
        """
        grain = self._grains.get(at)
        if grain is None:
            grain = self._grains[at] = _Grain(at, [])
            heappush(self._order, at)
            self._alarm.setTo(at)
        # One number for all of them: there may be very many.
        one.deadline = grain.at
        grain.waiting.append(one)
        self._entries += 1
        if self._gone > self._entries // 2 + CROWD:
            self._sweep()

    def _shared(self, at: float) -> float:
        """
        One of the times there are, the same number for all.
        """
        number = ceil(at * GRAINS)
        if len(self._times) > CROWD:
            self._times.clear()
        return self._times.setdefault(number, number / GRAINS)

    def _ring(self, at: float, now: float) -> None:
        """
        Wake those whose time has come.
        """
        while self._order and self._order[0] <= now:
            grain = self._grains.pop(heappop(self._order))
            self._entries -= len(grain.waiting)
            for one in grain.waiting:
                if _isLive(one, grain):
                    self.resting -= one.rests
                    one.woken()
                else:
                    self._gone -= 1
        if self._order:
            self._alarm.setTo(self._order[0])
        self._thin()

    def _thin(self) -> None:
        """
        Forget those of the crowd that rest no more, when they are the most.
        """
        if len(self._crowd) > 2 * self.resting + CROWD:
            self._crowd = deque(each for each in self._crowd if each.rests)

    def _sweep(self) -> None:
        """
        Forget those who have left.
        """
        for grain in self._grains.values():
            grain.waiting = [one for one in grain.waiting if _isLive(one, grain)]
        self._entries = sum(len(each.waiting) for each in self._grains.values())
        self._gone = 0


def _isLive(one: Waiting, grain: _Grain) -> bool:
    """
    Whether somebody still waits for this, and not for something else.
    """
    return one.waits and one.deadline == grain.at
