"""
How long a peer may take, and what is concluded when it took longer.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import Any

from .alarm import TOLERANCE
from .waiters import UNWRITTEN, Waiting

# A delayed call that comes so late means that the reactor stood still, and
# that answers may lie in the socket: they are read before anything expires.
STALL = 0.1
GRACE = 1.0


class Patience:
    """
    What a connection waits for its peer to do, and since when.

    Each of the four is infinity while nothing of the kind is waited for.

    @ivar silentSince: A request waits, and no byte at all has come.

    @ivar pausedSince: The transport takes no more.

    @ivar frameSince: A frame has begun to arrive.

    @ivar closingSince: The connection is to be closed.
    """

    __slots__ = ("_limit", "closingSince", "frameSince", "pausedSince", "silentSince")

    def __init__(self, limit: float) -> None:
        """
        @param limit: How many seconds each may take.
        """
        self._limit = limit
        self.end()

    def end(self) -> None:
        """
        Wait for nothing any more.
        """
        self.silentSince = inf
        self.pausedSince = inf
        self.frameSince = inf
        self.closingSince = inf

    def asked(self, now: float) -> None:
        """
        A request was written.
        """
        if self.silentSince == inf:
            self.silentSince = now

    def frameArriving(self, isNew: bool, now: float) -> None:
        """
        Part of a frame is there.  A frame's time runs from its first byte:
        one that drips in must not stay for ever.

        @param isNew: Whether other frames were completed before it.
        """
        if isNew or self.frameSince == inf:
            self.frameSince = now

    def until(self) -> float:
        """
        When it ends for what nobody else has a deadline for.
        """
        return min(self.frameSince, self.closingSince) + self._limit

    def postpone(self, until: float) -> None:
        """
        Do not conclude from silence, nor from what is not read, before a time.
        """
        latest = until - self._limit
        self.silentSince = max(self.silentSince, latest)
        self.pausedSince = max(self.pausedSince, latest)

    def readSince(self, now: float) -> float:
        """
        When the peer has read something, the last time that is known of.
        """
        return min(self.pausedSince, now)

    def verdict(
        self, now: float, expired: Iterable[Waiting[Any]], heard: int
    ) -> str | None:
        """
        What is wrong with the peer, if it took too long for something.

        A request that expired is no proof: it is one if for the whole limit
        nothing moved, and nothing came since it was written.

        @param expired: The requests whose time is over now.

        @param heard: How often something came from the peer.
        """
        late = now - self._limit + TOLERANCE
        if self.frameSince <= late:
            return f"a frame did not arrive whole within {self._limit:g} s"
        if self.closingSince <= late:
            return f"the peer did not let us close within {self._limit:g} s"
        moments = {each.heard for each in expired}
        if self.silentSince <= late and heard in moments:
            return f"nothing came from the peer for {self._limit:g} s"
        if self.pausedSince <= late and UNWRITTEN in moments:
            return f"the peer did not read for {self._limit:g} s"
        return None


class Grace:
    """
    Notice that the reactor stood still, and give it time to read.
    """

    __slots__ = ("_heard", "_limit", "_stretched", "_until")

    def __init__(self, limit: float) -> None:
        """
        @param limit: Of one stretch at most in so many seconds, else a reactor that
            is always late would wait for a peer for ever.
        """
        self._heard = UNWRITTEN
        self._until = inf
        self._limit = limit
        self._stretched = -inf

    def isDue(self, at: float, now: float, heard: int) -> bool:
        """
        Whether the sockets should be looked at once more before anybody's
        time is said to be over: the call came late, or it came late and more
        was read since.

        @param at: When the call should have come.

        @param heard: How often something came from the peer.
        """
        if self._heard == UNWRITTEN:
            if now - at < STALL:
                return False
            self._until = now + GRACE
        elif heard == self._heard or now >= self._until:
            self._heard = UNWRITTEN
            return False
        self._heard = heard
        return True

    def stretch(self, stood: float, now: float) -> float:
        """
        Until when nothing should be concluded, as the reactor stood still.

        @param stood: For how many seconds it did, at least.
        """
        if stood < STALL or now < self._stretched + self._limit:
            return now
        self._stretched = now
        return now + min(stood, GRACE)
