"""
How much a broker that says it is busy is sent at once.

Laws:

    - A broker that never said so has no window, and its sends are asked nothing.

    - A window is halved when one of the sends it let through is refused, and grows
      by one with each that is not.  It never lets fewer than one through; where even
      that one is refused, the next one waits: 0.1 s, doubling to 1 s.

    - Those who wait for a broker are let through in the order they came, each to
      whichever of its brokers has a place first.

Java has nothing of the kind.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection
from typing import TypeAlias, TypeVar

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from txrocketmq.errors import BrokerError

from .policy import verdictOn

T = TypeVar("T")

FORGOTTEN = 60.0
"""
Seconds after which the window of a broker that nothing was sent to is forgotten.
"""

InFlight: TypeAlias = Callable[[str], int]
"""
How many requests to an address wait for their answers.
"""

Line: TypeAlias = "OrderedDict[Deferred[None], None]"
"""
Those who wait for the same brokers, in the order they came.
"""


@attrs.define(eq=False)
class Window:
    """
    What one broker is sent at once.

    @ivar limit: How many requests.

    @ivar ceiling: How many there were when it said that it is busy.

    @ivar error: What it said last.

    @ivar taken: How many requests the window has let through that have not ended.

    @ivar halvings: How often the limit was halved: who was let through before is
        not heard on what there is to do now.

    @ivar pauses: How often in a row a single request was refused.

    @ivar opening: What lets the next one through, while nobody is.

    @ivar touched: When anything was sent to the broker.
    """

    address: str
    limit: int
    ceiling: int
    error: BrokerError
    touched: float
    taken: int = 0
    halvings: int = 0
    pauses: int = 0
    opening: IDelayedCall | None = None


class Windows:
    """
    The windows of the brokers that are busy, and who waits for them.
    """

    def __init__(
        self,
        clock: IReactorTime,
        inFlight: InFlight,
        pause: Callable[[int], float],
        full: set[str],
        marked: set[str],
    ) -> None:
        """
        @param pause: How long nothing is sent to a broker that has refused single
            requests so often in a row, in seconds.

        @param full: Filled with the names of the brokers without a place.

        @param marked: Filled with the names of the brokers that have a window.
        """
        self._clock = clock
        self._inFlight = inFlight
        self._pause = pause
        self._full = full
        self._marked = marked
        self._windows: dict[str, Window] = {}
        self._lines: dict[frozenset[str], Line] = {}
        self._settling = False

    def refused(self, broker: str, address: str, error: BrokerError) -> None:
        """
        A broker without a window says that it is busy: give it one.

        One that has a window was asked before it had, or the window knows.
        """
        if broker in self._windows:
            return
        now = self._clock.seconds()
        self._forgetOld(now)
        inFlight = self._inFlight(address) + 1
        window = Window(address, inFlight, inFlight, error, now)
        self._windows[broker] = window
        self._marked.add(broker)
        self._halve(broker, window)

    def admits(self, broker: str, isNext: bool) -> bool:
        """
        Whether a send may go to a broker now.

        @param isNext: Whether it has waited, and it is its turn.
        """
        if broker not in self._windows:
            return True
        if broker in self._full:
            return False
        return isNext or not any(
            broker in brokers and line for brokers, line in self._lines.items()
        )

    def wait(self, brokers: Collection[str]) -> Deferred[None]:
        """
        Wait until one of some brokers may have a place.

        @return: Fires when it is the caller's turn; cancelling it leaves the line.
        """
        line = self._lines.setdefault(frozenset(brokers), OrderedDict())
        turn: Deferred[None] = Deferred(lambda turn: line.pop(turn, None))
        line[turn] = None
        return turn

    def lastWords(self, brokers: Collection[str]) -> BrokerError | None:
        """
        What one of some busy brokers said last.
        """
        for broker in brokers:
            if broker in self._windows:
                return self._windows[broker].error
        return None

    async def around(self, broker: str, attempt: Callable[[], Awaitable[T]]) -> T:
        """
        Make a try at a broker, and let its window learn of the end.
        """
        window = self._windows.get(broker)
        if window is None:
            return await attempt()
        window.taken += 1
        window.touched = self._clock.seconds()
        halvings = window.halvings
        self._judge(broker, window)
        try:
            result = await attempt()
        except BrokerError as error:
            if verdictOn(error).busy and window.halvings == halvings:
                window.error = error
                self._halve(broker, window)
            raise
        else:
            if window.halvings == halvings:
                window.limit += 1
                window.pauses = 0
            return result
        finally:
            window.taken -= 1
            self._judge(broker, window)
            self._settle()

    def stop(self) -> None:
        """
        Let nobody through any more.
        """
        for broker in list(self._windows):
            self._forget(broker)

    def _halve(self, broker: str, window: Window) -> None:
        """
        Let half as many through as before; after a single one, none for a while.
        """
        window.halvings += 1
        if window.limit == 1:
            delay = self._pause(window.pauses)
            window.pauses += 1
            window.opening = self._clock.callLater(delay, self._open, broker, window)
        window.limit = max(1, window.limit // 2)
        self._judge(broker, window)

    def _open(self, broker: str, window: Window) -> None:
        """
        Let one through again.
        """
        window.opening = None
        self._judge(broker, window)
        self._settle()

    def _judge(self, broker: str, window: Window) -> None:
        """
        Note whether a broker has a place, and whether it still needs a window.
        """
        if self._windows.get(broker) is not window:
            return
        busy = window.taken and max(window.taken, self._inFlight(window.address))
        if window.opening is not None or busy >= window.limit:
            self._full.add(broker)
            return
        self._full.discard(broker)
        waited = any(broker in brokers for brokers, line in self._lines.items() if line)
        if window.limit > window.ceiling and not waited:
            self._forget(broker)

    def _settle(self) -> None:
        """
        Let through whoever there is a place for.
        """
        if self._settling:
            # Somebody let through just now has ended already: the loop goes on.
            return
        self._settling = True
        try:
            # Nobody comes twice in one go, whatever they do with their turn.
            for _ in range(sum(map(len, self._lines.values()))):
                if not self._letOneThrough():
                    break
        finally:
            self._settling = False

    def _letOneThrough(self) -> bool:
        """
        Give the turn to one who waits for a broker with a place.
        """
        for brokers, line in list(self._lines.items()):
            if not line:
                del self._lines[brokers]
            elif not self._full.issuperset(brokers):
                # The next time the others come first.
                self._lines[brokers] = self._lines.pop(brokers)
                turn, _ = line.popitem(last=False)
                turn.callback(None)
                return True
        return False

    def _forget(self, broker: str) -> None:
        """
        Let through as many as there are.
        """
        window = self._windows.pop(broker)
        self._full.discard(broker)
        self._marked.discard(broker)
        if window.opening is not None:
            window.opening.cancel()
            window.opening = None

    def _forgetOld(self, now: float) -> None:
        """
        Forget the windows of brokers nothing is sent to any more.
        """
        for broker, window in list(self._windows.items()):
            if now - window.touched > FORGOTTEN and not window.taken:
                self._forget(broker)
