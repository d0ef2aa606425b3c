"""
Timers that keep their time when somebody sets the wall clock.

Twisted's follow C{reactor.seconds()}, which is C{time.time()}.  Set forward by an
hour, every timer of that hour is called at once; set back, none is for an hour.

    - L{clockFor} says which reactors need it.  All others are their own clock.

    - One delayed call of the reactor stands for all of ours.  When it comes too
      early it is made again, for what is left.

    - When it comes too late only a thread can tell.  It makes nothing but the
      reactor's call again: so timers are called where the reactor calls its own,
      and what they put off is called after the sockets were read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from heapq import heapify, heappop, heappush
from math import inf
from threading import Event, Thread
from typing import Any

from twisted.internet.base import DelayedCall
from twisted.internet.interfaces import IDelayedCall, IReactorThreads, IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

PERIOD = 1.0
"""
Seconds between two looks of the thread: so late is what a step back makes late.
"""

LATE = 0.1
"""
Seconds by which a reactor's call may be late before anything is done about it.
"""

MANY = 50
"""
So many cancelled calls are kept before they are thrown out.
"""


def clockFor(reactor: Any) -> IReactorTime:
    """
    The clock to use with a reactor: mostly the reactor itself.

    Another is needed where the reactor takes calls from threads, as real ones do
    and those for tests do not, and tells the time that C{time.time()} tells now.
    """
    clock: IReactorTime = reactor
    isReal = IReactorThreads.providedBy(reactor)
    if isReal and abs(clock.seconds() - time.time()) < 1.0:
        return SteadyClock(reactor)
    return clock


def watch(clock: IReactorTime) -> None:
    """
    Let a clock of L{clockFor} notice from now on that the wall clock was set back.
    """
    if isinstance(clock, SteadyClock):
        clock.watch()


def unwatch(clock: IReactorTime) -> None:
    """
    Undo one L{watch}.
    """
    if isinstance(clock, SteadyClock):
        clock.unwatch()


@implementer(IReactorTime)
class SteadyClock:
    """
    A clock that nobody sets, with the timers of one reactor.

    @ivar seconds: The time, on the steady clock.
    """

    _log = Logger()

    def __init__(
        self, reactor: Any, steady: Callable[[], float] = time.monotonic
    ) -> None:
        """
        @param reactor: What provides
            L{IReactorTime<twisted.internet.interfaces.IReactorTime>} and
            L{IReactorThreads<twisted.internet.interfaces.IReactorThreads>}.

        @param steady: Tells the time.  It never goes back.
        """
        self.seconds = steady
        self._reactor = reactor
        # What is cancelled stays until it is due, or until there is much of it;
        # what is made sooner is there twice, with its old time.
        self._heap: list[tuple[float, int, DelayedCall]] = []
        self._pushed = 0
        self._active = 0
        # The reactor's call, and when it should come.
        self._call: IDelayedCall | None = None
        self._armed = inf
        self._watchers = 0
        self._ended = Event()
        self._noticed = False

    def callLater(
        self, delay: float, callable: Callable[..., Any], *args: object, **kw: object
    ) -> DelayedCall:
        """
        Call C{callable} after C{delay} seconds.
        """
        assert delay >= 0, f"{delay} is not greater than or equal to 0 seconds"
        at = self.seconds() + delay
        call = DelayedCall(
            at, callable, args, kw, self._cancelled, self._push, self.seconds
        )
        self._active += 1
        self._push(call)
        return call

    def getDelayedCalls(self) -> Sequence[IDelayedCall]:
        """
        What is still to be called.
        """
        calls = dict.fromkeys(call for _, _, call in self._heap)
        return [call for call in calls if call.active()]

    def watch(self) -> None:
        """
        Start the thread, if there is none.  L{unwatch} must follow.
        """
        self._watchers += 1
        if self._watchers == 1:
            self._ended = Event()
            Thread(
                target=self._watch,
                args=(self._ended,),
                name="txrocketmq steady clock",
                daemon=True,
            ).start()

    def unwatch(self) -> None:
        """
        Let the thread end, when nobody else watches; do not wait for that.
        """
        self._watchers -= 1
        if not self._watchers:
            self._ended.set()
            self._rest()

    def look(self) -> None:
        """
        Tell the reactor that its call is late, if it is.  The thread does this.

        It tells so once: a reactor that is blocked must not find a thousand.
        """
        late = self._armed + LATE < self.seconds()
        if late and self._call is not None and not self._noticed:
            self._noticed = True
            self._reactor.callFromThread(self._isLate)

    def _watch(self, ended: Event) -> None:
        """
        Look once in a while.
        """
        while not ended.wait(PERIOD):
            self.look()

    def _isLate(self) -> None:
        """
        Make the reactor's call again.
        """
        self._noticed = False
        if self._call is not None:
            self._arm()

    def _push(self, call: DelayedCall) -> None:
        """
        Put a call where its time is.
        """
        self._pushed += 1
        heappush(self._heap, (call.time, self._pushed, call))
        if call.time < self._armed:
            self._arm()

    def _cancelled(self, call: DelayedCall) -> None:
        """
        Count a call that is being cancelled.

        The reactor's stays, for the next is often as soon, unless nobody watches:
        then there may be no next.
        """
        self._active -= 1
        if not self._watchers:
            self._rest()
        heap = self._heap
        if len(heap) - self._active > max(MANY, len(heap) >> 1):
            heap[:] = [(at, n, each) for at, n, each in heap if _isAt(each, at)]
            heapify(heap)

    def _rest(self) -> None:
        """
        Leave nothing on the reactor, if there is nothing to call.
        """
        if not self._active:
            # The one that is being cancelled is active still.
            self._heap.clear()
            self._arm()

    def _arm(self) -> None:
        """
        Have the reactor call when the first is due, and not before.
        """
        if self._call is not None:
            self._call.cancel()
        self._call, self._armed, heap = None, inf, self._heap
        while heap and not _isAt(heap[0][2], heap[0][0]):
            heappop(heap)
        if heap:
            self._armed = heap[0][0]
            delay = max(0.0, self._armed - self.seconds())
            self._call = self._reactor.callLater(delay, self._wake)

    def _wake(self) -> None:
        """
        Call what is due, if the reactor has not come too early.

        What comes in meanwhile is for the reactor's next turn, even if it is due.
        """
        self._call, self._armed = None, -inf
        now, last, heap = self.seconds(), self._pushed, self._heap
        try:
            while heap and heap[0][0] <= now and heap[0][1] <= last:
                at, _, call = heappop(heap)
                if _isAt(call, at):
                    self._due(call)
        finally:
            self._arm()

    def _due(self, call: DelayedCall) -> None:
        """
        Call one, or put it where it was delayed to.
        """
        if call.delayed_time > 0.0:
            call.activate_delay()
            self._push(call)
            return
        call.called = 1
        self._active -= 1
        try:
            call.func(*call.args, **call.kw)
        except Exception:
            self._log.failure("while handling timed call")


def _isAt(call: DelayedCall, at: float) -> bool:
    """
    Whether a call is still to be made, at this time.
    """
    return call.time == at and call.active()
