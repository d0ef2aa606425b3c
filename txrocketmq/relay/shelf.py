"""
The spool, as requests see it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred

from txrocketmq import Message
from txrocketmq._spool import Claim, Spool, SpoolEntry


class Shelf:
    """
    Keeps messages in the spool, each under an id of its own.

    @ivar spool: The spool.
    """

    def __init__(
        self,
        spool: Spool,
        newIds: Callable[[int], list[str]],
        wake: Callable[[], None],
    ) -> None:
        """
        @param newIds: What makes the ids of so many messages.

        @param wake: Is told when there is something to be forwarded.
        """
        self.spool = spool
        self._newIds = newIds
        self._wake = wake

    def keep(
        self, messages: Sequence[Message], claim: Claim | None = None
    ) -> tuple[list[str], Deferred[None]]:
        """
        Keep messages, all or none.

        @param claim: The idempotency key they come with.

        @return: The ids they have, and what fires when they are kept.  It may fail
            with L{SpoolFull<txrocketmq.errors.SpoolFull>} and L{SpoolUnavailable
            <txrocketmq.errors.SpoolUnavailable>}: then none is.
        """
        msgIds = self._newIds(len(messages))
        entries = list(map(SpoolEntry, messages, msgIds))
        kept = self.spool.append(entries, claim)
        return msgIds, kept.addCallback(self._kept)

    def _kept(self, result: None) -> None:
        """
        There is something to be forwarded.
        """
        self._wake()
