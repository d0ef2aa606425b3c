"""
Waking those who wait for a route or a broker as soon as there is one.
"""

from __future__ import annotations

from collections import deque

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

TOLD_AT_ONCE = 100
"""
How many are woken in one turn of the reactor.
"""


class _Sleeper(Deferred[None]):
    """
    One who waits.

    @ivar about: What may end the wait.

    @ivar over: Ends it when its time is over.
    """

    over: IDelayedCall

    def __init__(self, about: tuple[str, ...]) -> None:
        super().__init__(lambda _: self.over.cancel())
        self.about = about


class News:
    """
    Says what has changed to those who wait for it, a few at a time.
    """

    def __init__(self, clock: IReactorTime) -> None:
        """
        @param clock: Whose time it is.
        """
        self._clock = clock
        self._asleep: dict[str, dict[_Sleeper, None]] = {}
        self._waking: deque[_Sleeper] = deque()
        self._turn: IDelayedCall | None = None

    def sleep(self, seconds: float, *about: str) -> Deferred[None]:
        """
        Wait for so long, or until there is news of one of some things.

        @return: Fires then, in a turn of its own.
        """
        sleeper = _Sleeper(about)
        sleeper.over = self._clock.callLater(seconds, sleeper.callback, None)
        for each in about:
            self._asleep.setdefault(each, {})[sleeper] = None
        return sleeper.addBoth(self._risen, sleeper)

    def tell(self, about: str) -> None:
        """
        Say that something has changed.
        """
        self._waking.extend(self._asleep.pop(about, ()))
        self._goOn()

    def stop(self) -> None:
        """
        Wake nobody any more before their time.
        """
        self._waking.clear()
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def _goOn(self) -> None:
        """
        Wake the next ones in the next turn.
        """
        if self._waking and self._turn is None:
            self._turn = self._clock.callLater(0, self._wakeSome)

    def _wakeSome(self) -> None:
        """
        Wake as many as one turn allows, and who has not risen yet.
        """
        self._turn = None
        for _ in range(min(TOLD_AT_ONCE, len(self._waking))):
            sleeper = self._waking.popleft()
            if not sleeper.called:
                sleeper.over.cancel()
                sleeper.callback(None)
        self._goOn()

    def _risen(self, result: None, sleeper: _Sleeper) -> None:
        """
        Forget one whose wait is over, however that came.
        """
        for each in sleeper.about:
            others = self._asleep.get(each)
            if others is not None:
                others.pop(sleeper, None)
                if not others:
                    del self._asleep[each]
        return result
