"""
How many retries a producer may make of what its brokers could not cope with.

Law: of what is asked again in vain there is, in any ten seconds, at most a tenth of
what was sent in them, or a few where that is less.

Java has nothing of the kind.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from math import exp

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

SPAN = 10.0
"""
Seconds that what was sent counts for.
"""

RATIO = 0.05
"""
Retries for each send: as many again may have been saved up over L{SPAN}.
"""

LEAST = 30.0
"""
Retries that may always be saved up: more than one send makes within its time.
"""

LEAST_RATE = 1.0
"""
Retries a second there may be in any case.
"""

GIVEN_BACK = 2.0
"""
Retries for each that was stored: its own, and that of another who waits, so that
the end of a storm is the end of waiting.
"""

LOOK = 0.2
"""
Seconds between two looks whether there may be another retry, at most.
"""


class RetryBudget:
    """
    A bucket of retries, filled by what is sent.

    A retry that is stored was not in vain: it is given back, and more.
    """

    def __init__(self, clock: IReactorTime, offered: Callable[[], int]) -> None:
        """
        @param offered: How many sends have made their first try.
        """
        self._clock = clock
        self._offered = offered
        self._left = LEAST
        self._seen = offered()
        self._recent = 0.0
        self._since = clock.seconds()
        self._line: OrderedDict[Deferred[None], None] = OrderedDict()
        self._look: IDelayedCall | None = None

    def take(self) -> Deferred[None] | None:
        """
        Take a retry.

        @return: L{None} where there is one and nobody waits for it; else what
            fires when it is taken.  Cancelling it leaves the line.
        """
        self._fill()
        if self._left >= 1 and not self._line:
            self._left -= 1
            return None
        turn: Deferred[None] = Deferred(self._leave)
        self._line[turn] = None
        self._lookLater()
        return turn

    def giveBack(self) -> None:
        """
        Give a retry back that was not in vain.
        """
        self._left += GIVEN_BACK
        self._handOut()

    def _fill(self) -> None:
        """
        Count what was sent since the last time.
        """
        now, offered = self._clock.seconds(), self._offered()
        elapsed, self._since = now - self._since, now
        fresh, self._seen = offered - self._seen, offered
        share = elapsed / SPAN
        faded = exp(-share)
        # What was sent meanwhile was sent evenly, as far as anybody knows.
        self._recent *= faded
        self._recent += fresh * ((1 - faded) / share if share else 1.0)
        more = max(RATIO * fresh, LEAST_RATE * elapsed)
        self._left = min(self._left + more, max(RATIO * self._recent, LEAST))

    def _handOut(self) -> None:
        """
        Let those retry who wait, as far as there is something left.
        """
        self._fill()
        while self._line and self._left >= 1:
            self._left -= 1
            turn, _ = self._line.popitem(last=False)
            turn.callback(None)
        self._lookLater()

    def _lookLater(self) -> None:
        """
        Look again soon, while somebody waits.
        """
        if self._line and self._look is None:
            self._look = self._clock.callLater(LOOK, self._looked)
        elif not self._line and self._look is not None:
            self._look.cancel()
            self._look = None

    def _looked(self) -> None:
        """
        See whether there is something to hand out.
        """
        self._look = None
        self._handOut()

    def _leave(self, turn: Deferred[None]) -> None:
        """
        Somebody does not wait any more.
        """
        self._line.pop(turn, None)
        self._lookLater()
