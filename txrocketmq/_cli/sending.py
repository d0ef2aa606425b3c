"""
Lines on their way: as many at once as may be, reported in order.

Laws:

    - Memory is bounded: by the lines under way, by their bytes, by those that wait
      for an earlier line's outcome, and by what the output has not taken.

    - Every line that was taken is reported, however things end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from txrocketmq._cli.lines import Line, lineFault
from txrocketmq._cli.ordering import InOrder, Outcome, Place
from txrocketmq._cli.patience import GaveUp, Patience

Submit: TypeAlias = Callable[[Sequence[bytes]], "Deferred[Sequence[Outcome]]"]
"""
What sends bodies together and gives the outcome of each.
"""

MOST_BYTES = 32 * 1024 * 1024
"""
The most bytes under way: half of what a producer takes.
"""

MOST_UNSHOWN = 16
"""
How many times the lines that may be under way may wait for an earlier one.
"""

BATCH_BYTES = 1024 * 1024
"""
The most bytes of bodies in a batch: well below what brokers take.
"""

LINGER = 0.1
"""
Seconds an unfinished batch waits for the next line.
"""


@attrs.frozen(kw_only=True)
class Limits:
    """
    How much at once.

    @ivar inFlight: The most sends under way.

    @ivar batch: The most lines of one send.

    @ivar longest: The most bytes of a line.

    @ivar rate: The most lines in a second; L{None} is no limit.

    @ivar skipEmpty: Whether empty lines are left out.
    """

    inFlight: int = 256
    batch: int = 1
    longest: int = 4 * 1024 * 1024
    rate: float | None = None
    skipEmpty: bool = False


class Pace:
    """
    Says when the next line may leave.
    """

    def __init__(self, clock: IReactorTime, rate: float | None) -> None:
        """
        @param rate: Lines in a second.
        """
        self._clock = clock
        self._interval = 1 / rate if rate else 0.0
        self._due = clock.seconds()

    def delay(self) -> float:
        """
        Take the next place in time, and say how far away it is, in seconds.

        What was missed is made up for, but no more than a tenth of a second of it.
        """
        if not self._interval:
            return 0.0
        now = self._clock.seconds()
        due = max(self._due, now - 0.1)
        self._due = due + self._interval
        return due - now


class LineSender:
    """
    Sends lines and reports them in order.

    @ivar patience: Whether there is still a point in trying.
    """

    def __init__(
        self,
        clock: IReactorTime,
        submit: Submit,
        show: Callable[[int, Outcome], None],
        room: Callable[[], bool],
        limits: Limits,
        patience: Patience,
    ) -> None:
        """
        @param submit: Sends.

        @param show: Is called for each line, in order.

        @param room: Whether what is shown has somewhere to go; L{wake} is to be
            called when that changes.
        """
        self._clock = clock
        self._submit = submit
        self._room = room
        self._limits = limits
        self._pace = Pace(clock, limits.rate)
        self.patience = patience
        self._order = InOrder(show)
        self._sends = 0
        self._bytes = 0
        self._lines = 0
        self._taken = 0
        self._held: list[tuple[Place, bytes]] = []
        self._heldBytes = 0
        self._lingering: IDelayedCall | None = None
        self._changing: Deferred[None] | None = None
        self._stopped = False

    async def take(self, lines: Sequence[Line]) -> None:
        """
        Send lines; ends when all are on their way, or L{stop} was called.
        """
        for line in lines:
            if not line.size and self._limits.skipEmpty:
                self._taken += 1
                continue
            while not self._stopped and not self._admits(line):
                await self._change()
            delay = self._pace.delay()
            if delay > 0:
                await self._wait(delay)
            if self._stopped:
                break
            self._accept(line)

    def _admits(self, line: Line) -> bool:
        """
        Whether there is room for another line.
        """
        most = self._limits.inFlight
        if len(self._order) >= MOST_UNSHOWN * max(most, self._limits.batch):
            return False
        if self._sends >= most or not self._room():
            return False
        if self._sends and self.patience.doubtful and self.patience.cause is None:
            return False
        return not self._bytes or self._bytes + len(line.body) <= MOST_BYTES

    async def _change(self) -> None:
        """
        Wait until something ends, or the output has room again.
        """
        self._changing = Deferred()
        await self._changing

    async def _wait(self, delay: float) -> None:
        """
        Wait for the time to send, or for the end.
        """
        waking = self._clock.callLater(delay, self.wake)
        while waking.active() and not self._stopped:
            await self._change()
        if waking.active():
            waking.cancel()

    def wake(self) -> None:
        """
        Look again whether there is room.
        """
        changing, self._changing = self._changing, None
        if changing is not None:
            changing.callback(None)

    def inFlight(self) -> int:
        """
        How many lines were taken and have not ended.
        """
        return self._lines

    def bytesDone(self) -> int:
        """
        How many bytes of the input have ended, line ends included.
        """
        return self._taken - self._bytes - self._lines

    def stop(self) -> None:
        """
        Take no more lines.
        """
        self._stopped = True
        self.wake()

    async def finish(self) -> None:
        """
        Send what waits for its batch to fill, and wait until every line that was
        taken is shown.
        """
        self._post()
        while len(self._order):
            await self._change()

    def _accept(self, line: Line) -> None:
        """
        Put a line on its way, or say at once why it has none.
        """
        place = self._order.expect(line.number)
        self._taken += line.size + 1
        fault: Exception | None = lineFault(line, self._limits.longest)
        if fault is None and self.patience.cause is not None:
            fault = GaveUp(self.patience.cause)
        if fault is not None:
            self._order.settle(place, fault)
            return
        self._bytes += line.size
        self._lines += 1
        self._hold(place, line.body)

    def _hold(self, place: Place, body: bytes) -> None:
        """
        Add a line to the next send, which leaves when it is full.
        """
        if self._held and self._heldBytes + len(body) > BATCH_BYTES:
            self._post()
        self._held.append((place, body))
        self._heldBytes += len(body)
        if len(self._held) >= self._limits.batch:
            self._post()
        elif self._lingering is None:
            self._lingering = self._clock.callLater(LINGER, self._post)

    def _post(self) -> None:
        """
        Send what is held.
        """
        lingering, self._lingering = self._lingering, None
        if lingering is not None and lingering.active():
            lingering.cancel()
        held, self._held = self._held, []
        size, self._heldBytes = self._heldBytes, 0
        if not held:
            return
        if not self._sends:
            self.patience.began()
        self._sends += 1
        places = [place for place, _ in held]
        sending = self._submit([body for _, body in held])
        sending.addErrback(self._unexpected, len(held))
        sending.addCallback(self._ended, places, size)

    def _unexpected(self, failure: Failure, count: int) -> list[Outcome]:
        """
        What was not foreseen is a failure of each message, too.
        """
        failure.trap(Exception)
        assert isinstance(failure.value, Exception)
        return [failure.value] * count

    def _ended(
        self, outcomes: Sequence[Outcome], places: Sequence[Place], size: int
    ) -> None:
        """
        Report what became of the lines of one send.
        """
        self._sends -= 1
        self._bytes -= size
        self._lines -= len(places)
        for place, outcome in zip(places, outcomes, strict=True):
            self.patience.learn(outcome)
            self._order.settle(place, outcome)
        self.wake()
