"""
What shall happen later, on one delayed call.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import ClassVar

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

LONGEST = 3600.0
"""
How many seconds to wait at most before looking again: reactors do not take
every number.
"""


class Entry:
    """
    Something that shall happen.

    @ivar action: What; L{None} once it happened or is not wanted any more.
    """

    __slots__ = ("action",)

    def __init__(self, action: Callable[[], object]) -> None:
        self.action: Callable[[], object] | None = action

    def cancel(self) -> None:
        """
        Let it not happen.  It does not matter whether it already did.
        """
        self.action = None


class Timetable:
    """
    Things to do by the time they are due, in the order they are due.

    However many there are, there is one delayed call: thousands of delayed
    messages cost the reactor nothing, and one call stops them all.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        """
        Begin empty.
        """
        self._clock = clock
        self._order: list[tuple[float, int, Entry]] = []
        self._numbers = count()
        self._call: IDelayedCall | None = None
        self._callAt = 0.0
        self._paused = False

    def after(self, delay: float, action: Callable[[], object]) -> Entry:
        """
        Do something so many seconds from now.

        @param action: What to do.  That it fails is logged.
        """
        return self.at(self._clock.seconds() + delay, action)

    def at(self, when: float, action: Callable[[], object]) -> Entry:
        """
        Do something at a time of the clock.
        """
        entry = Entry(action)
        heappush(self._order, (when, next(self._numbers), entry))
        self._arm()
        return entry

    def clear(self) -> None:
        """
        Forget everything.
        """
        self._order.clear()
        self._disarm()

    def pause(self) -> None:
        """
        Do nothing until L{resume}, and leave nothing on the clock.
        """
        self._paused = True
        self._disarm()

    def resume(self) -> None:
        """
        Go on; what is overdue is done at once.
        """
        self._paused = False
        self._arm()

    def _disarm(self) -> None:
        """
        Take back the delayed call.
        """
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _arm(self) -> None:
        """
        See that the delayed call comes for the earliest entry.
        """
        order = self._order
        while order and order[0][2].action is None:
            heappop(order)
        if self._paused or not order:
            self._disarm()
            return
        when = order[0][0]
        if self._call is not None and self._callAt <= when:
            return
        self._disarm()
        self._callAt = when
        delay = max(0.0, when - self._clock.seconds())
        self._call = self._clock.callLater(min(delay, LONGEST), self._due)

    def _due(self) -> None:
        """
        Do everything that is due now.
        """
        self._call = None
        now = self._clock.seconds()
        due = []
        while self._order and self._order[0][0] <= now:
            due.append(heappop(self._order)[2])
        for entry in due:
            self._perform(entry)
        self._arm()

    def _perform(self, entry: Entry) -> None:
        """
        Do one thing, unless it is not wanted any more.
        """
        action = entry.action
        entry.action = None
        if action is not None:
            try:
                action()
            except Exception:
                self._log.failure("Something that was due in the sandbox failed")
