"""
What waits for time on a connection.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from txrocketmq._wire.command import RemotingCommand

from .alarm import Alarm
from .patience import Grace, Patience
from .waiters import UNWRITTEN, Waiters, Waiting


class Watch:
    """
    One delayed call for everything on a connection that takes time.

    @ivar heard: How often something came from the peer.

    @ivar patience: What the peer is waited for to do.

    @ivar alarm: The delayed call.
    """

    __slots__ = (
        "_clock",
        "_grace",
        "_passed",
        "_waiters",
        "alarm",
        "heard",
        "patience",
    )

    def __init__(
        self,
        clock: IReactorTime,
        limit: float,
        waiters: Waiters[RemotingCommand],
        passed: Callable[[list[Waiting[RemotingCommand]], str | None], None],
    ) -> None:
        """
        @param limit: How many seconds a peer may take for a frame, stay silent
            while requests wait, or not read.

        @param waiters: The requests that have deadlines.

        @param passed: Told which of them were taken out because their time is
            over, and what is wrong with the peer, if it took too long.
        """
        self.heard = 0
        self.patience = Patience(limit)
        self.alarm = Alarm(clock, self._ring)
        self._clock = clock
        self._grace = Grace(limit)
        self._waiters = waiters
        self._passed = passed

    def frameArriving(self, isNew: bool) -> None:
        """
        Wait for the rest of a frame, but not for ever.

        @param isNew: Whether others were completed before it.
        """
        self.patience.frameArriving(isNew, self._clock.seconds())
        until = self.patience.until()
        if until < self.alarm.at:
            self.alarm.setTo(until)

    def paused(self) -> None:
        """
        Wait for the peer to go on reading.

        The call comes in the next turn of the reactor, to see when that is: until
        then nothing could be written.
        """
        self.patience.pausedSince = now = self._clock.seconds()
        self.alarm.setTo(now)

    def closing(self) -> None:
        """
        Wait for the peer to read what is left, but not for ever.
        """
        self.patience.closingSince = self._clock.seconds()
        self.set()

    def set(self) -> None:
        """
        See to it that what is waited for next is not missed.
        """
        self.alarm.setTo(min(self._waiters.earliest(), self.patience.until()))

    def _ring(self, at: float, now: float) -> None:
        """
        Find out whose time is over.
        """
        if self._grace.isDue(at, now, self.heard):
            self._postpone(self._grace.stretch(now - at, now))
            self.alarm.setTo(now)
            return
        expired = self._waiters.takeExpired(now)
        verdict = self.patience.verdict(now, expired, self.heard)
        if verdict is not None:
            # Once is enough: else this would ring again at once, for ever.
            self.patience.end()
        else:
            expired = self._ended(expired, now)
        self.set()
        self._passed(expired, verdict)

    def _postpone(self, until: float) -> None:
        """
        Conclude nothing until a time: the reactor stood still, and what was asked
        before it did may have left only now.
        """
        self.patience.postpone(until)
        soon = [
            each
            for each in self._waiters.live.values()
            if each.heard != UNWRITTEN and each.deadline < min(each.most, until)
        ]
        for each in soon:
            self._waiters.prolong(each, min(each.most, until))

    def _ended(
        self, expired: list[Waiting[RemotingCommand]], now: float
    ) -> list[Waiting[RemotingCommand]]:
        """
        Let those wait on whose turn to be written has not come, as the peer reads:
        it is others of ours who were first.

        @return: Those whose time is over.
        """
        ended = []
        for each in expired:
            reads = self.patience.readSince(now) + each.timeout
            if each.heard == UNWRITTEN and min(each.most, reads) > now:
                each.deadline = min(each.most, reads)
                self._waiters.add(each)
            else:
                ended.append(each)
        return ended
