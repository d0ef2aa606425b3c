"""
Idempotency keys, as they are used from the reactor's thread.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from twisted.internet.defer import Deferred, fail

from txrocketmq.errors import SpoolFull

from .claims import (
    LIFETIME,
    Claim,
    ClaimBusy,
    ClaimMismatch,
    Replayed,
    forgetClaims,
    recallClaim,
    settleClaim,
)
from .database import Database
from .handover import Handover

T = TypeVar("T")

FORGET = 10.0
"""
Seconds between two looks for answers that are too old to be given again.
"""


class Keys:
    """
    Knows which request is the first with its key.
    """

    def __init__(
        self, handover: Handover, limit: int, wallClock: Callable[[], float]
    ) -> None:
        """
        @param limit: The most bytes of answers that are remembered.
        """
        self._handover = handover
        self._limit = limit
        self._wallClock = wallClock
        self._live: dict[tuple[str, str], bytes] = {}
        self._forgotten = 0.0

    def claim(self, claim: Claim) -> Deferred[Claim | Replayed]:
        """
        See L{Spool.claim<txrocketmq._spool.Spool.claim>}.
        """
        first = self._live.get((claim.token, claim.key))
        if first is not None:
            same = first == claim.digest
            return fail(ClaimBusy() if same else ClaimMismatch())
        self._live[claim.token, claim.key] = claim.digest
        now = self._wallClock()
        # From time to time, what is too old is forgotten on the way.
        forgets = now - self._forgotten > FORGET
        if forgets:
            self._forgotten = now

        def work(database: Database) -> Replayed | None:
            if forgets:
                forgetClaims(database, now - LIFETIME)
            return recallClaim(database.connection, claim, now - LIFETIME)

        return self._handover.ask(work, writes=forgets).addCallbacks(
            partial(self._claimed, claim), partial(self._unclaimed, claim)
        )

    def settle(self, claim: Claim, status: int, body: bytes) -> Deferred[None]:
        """
        See L{Spool.settle<txrocketmq._spool.Spool.settle>}.
        """
        now = self._wallClock()
        settled = self._handover.ask(
            lambda database: settleClaim(database, claim, now, status, body)
        )
        return settled.addBoth(partial(self._unclaimed, claim))

    def release(self, claim: Claim) -> None:
        """
        See L{Spool.release<txrocketmq._spool.Spool.release>}.
        """
        self._live.pop((claim.token, claim.key), None)

    def _claimed(self, claim: Claim, said: Replayed | None) -> Claim | Replayed:
        """
        It is known what became of the first request with a key, if there was one.
        """
        if said is None and self._handover.snapshot.claimBytes < self._limit:
            return claim
        self.release(claim)
        if said is None:
            raise SpoolFull("the spool remembers as many answers as it may")
        if said.digest != claim.digest:
            raise ClaimMismatch()
        return said

    def _unclaimed(self, claim: Claim, result: T) -> T:
        """
        A claim is over.
        """
        self.release(claim)
        return result
