"""
The spool, as it is used from the reactor's thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from sqlite3 import Connection
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed

from txrocketmq.errors import SpoolFull, SpoolUnavailable

from .claims import Claim, Replayed, acceptClaim, dropClaim
from .database import Connect, Database, connect
from .entries import Kept, Refused, SpoolCounts, SpoolEntry
from .handover import Handover
from .keeper import Keeper
from .keys import Keys
from .place import checkPlace
from .records import recordsOf, sizesOf
from .refusals import dropRefused, listRefused, refuseMessage, replayRefused
from .state import State
from .tables import appendRecords, dropMessages

MOST_HANDED = 64 * 1024 * 1024
"""
The most bytes that may wait to be written.
"""

TOGETHER = 500
"""
How many refused messages are replayed or deleted in one commit.
"""

RefusedWork = Callable[[Connection, State, Sequence[int]], int]

LARGE = 16
"""
A message that takes more than one in so many of the bytes is a large one.
"""

KEYS_SHARE = 4
"""
Answers that are remembered take no more than one in so many of the bytes.
"""


class Spool:
    """
    Keeps messages on the disk until they are delivered.

    @ivar appended: How many were handed over to be kept.
    """

    def __init__(
        self,
        reactor: Any,
        directory: str,
        *,
        limit: int,
        wallClock: Callable[[], float] = time.time,
        connect: Connect = connect,
    ) -> None:
        """
        @param directory: Where its files are: ours, private, and there already.

        @param limit: The most bytes of messages.

        @param connect: What opens the database.
        """
        self._limit = limit
        self._wallClock = wallClock
        self._handover = Handover(reactor, Keeper(directory, connect))
        self._keys = Keys(self._handover, limit // KEYS_SHARE, wallClock)
        self.appended = 0
        self._needed = 0

    @staticmethod
    def check(directory: str) -> None:
        """
        Make sure that a spool could be opened in a directory; change nothing.

        @raise SpoolUnavailable: When it could not, with one line that says why.
        """
        checkPlace(directory)

    def open(self) -> Deferred[None]:
        """
        Lock the directory, check what is there, and recover it if it is damaged.

        @return: Fires when messages can be kept.  It may fail with

            - L{SpoolUnavailable}, in one line

            - L{SpoolDamaged<txrocketmq.errors.SpoolDamaged>} when what is damaged
              cannot even be put aside
        """
        return self._handover.open()

    def close(self) -> Deferred[None]:
        """
        Take nothing more, do what was handed over, and unlock the directory.

        @return: Fires when that is done.  It can be called again.
        """
        return self._handover.close()

    def listen(self, listener: Callable[[], None]) -> None:
        """
        Tell somebody, after each commit, when messages wait.
        """
        self._handover.listener = listener

    @property
    def counts(self) -> SpoolCounts:
        """
        A look at it.
        """
        now = self._handover.snapshot
        return SpoolCounts(
            now.waiting,
            now.waitingBytes,
            now.refused,
            now.refusedBytes,
            self._limit,
            now.oldest,
            now.recovered,
            now.lost,
            now.commits,
            now.fileBytes,
            now.claimBytes,
        )

    @property
    def accepting(self) -> bool:
        """
        Whether it is open, not full, and its last commit did not fail.

        Nearly full is full when somebody has found no room: there are always some
        bytes left that no message fits in.
        """
        handover = self._handover
        isGood = handover.isOpen and handover.failing is None
        return isGood and self._room() >= max(1, self._needed)

    def append(
        self, entries: Sequence[SpoolEntry], claim: Claim | None = None
    ) -> Deferred[None]:
        """
        Keep messages: all of them or none.

        @param claim: What is accepted in the same commit.

        @return: Fires after the commit.  It may fail with

            - L{SpoolFull}, at once

            - L{SpoolUnavailable} when it is not open, or could not write

        @raise TypeError: When a message is none that can be sent.
        """
        now = self._wallClock()
        records = recordsOf(entries, now)
        size = sizesOf(records)
        if not self._handover.isOpen:
            return fail(SpoolUnavailable("the spool is not open"))
        pending = self._handover.pending
        hasRoom = size <= self._room()
        # One that is very large says nothing of others.
        self._needed = 0 if hasRoom else min(size, self._limit // LARGE)
        if not hasRoom or (pending and pending + size > MOST_HANDED):
            return fail(SpoolFull("the spool holds as much as it may"))

        def work(database: Database) -> range:
            added = appendRecords(database.connection, database.state, records)
            if claim is not None:
                msgIds = [entry.msgId for entry in entries]
                acceptClaim(database, claim, now, msgIds)
            return added

        def undo(database: Database, added: range) -> None:
            dropMessages(database.connection, database.state, added)
            if claim is not None:
                dropClaim(database, claim)

        self.appended += len(records)
        kept = self._handover.ask(work, count=len(records), size=size, undo=undo)
        return kept.addCallback(_nothing)

    def waiting(self, after: int, most: int, mostBytes: int) -> Deferred[list[Kept]]:
        """
        Messages that wait, in the order they were accepted in.

        @param after: From the first one behind this number.

        @param most: How many at most.

        @param mostBytes: How many bytes at most, but one message in any case.

        @return: They are whole: what is damaged is put aside.  It may fail with
            L{SpoolUnavailable}.
        """
        return self._handover.ask(
            lambda database: database.waiting(after, most, mostBytes), writes=False
        )

    def delivered(self, numbers: Sequence[int]) -> Deferred[None]:
        """
        Forget messages that a broker has.

        @return: Fires after the commit.  It may fail with L{SpoolUnavailable}: then
            they are still there.
        """
        numbers = list(numbers)
        return self._handover.ask(
            lambda database: dropMessages(database.connection, database.state, numbers)
        ).addCallback(_nothing)

    def refuse(self, number: int, reason: str) -> Deferred[None]:
        """
        Put a message among the refused.

        @param reason: Why, in fixed words.

        @return: Fires after the commit.  It may fail with L{SpoolUnavailable}.
        """
        now = self._wallClock()
        return self._handover.ask(
            lambda database: refuseMessage(
                database.connection, database.state, number, reason, now
            )
        )

    def refused(self, after: int, most: int) -> Deferred[list[Refused]]:
        """
        Messages that were refused, in the order of their numbers.

        @return: It may fail with L{SpoolUnavailable}.
        """
        return self._handover.ask(
            lambda database: listRefused(database.connection, after, most),
            writes=False,
        )

    def replay(self, numbers: Sequence[int] | None) -> Deferred[int]:
        """
        Have refused messages wait again: behind all others, under the same msgId.

        @param numbers: Which; L{None} for all.

        @return: How many.  It may fail with L{SpoolUnavailable}: some of all may wait
            then.
        """
        return self._each(replayRefused, numbers)

    def deleteRefused(self, numbers: Sequence[int] | None) -> Deferred[int]:
        """
        Forget refused messages.

        @param numbers: Which; L{None} for all.

        @return: How many.  It may fail with L{SpoolUnavailable}: some of all may be
            gone then.
        """
        return self._each(dropRefused, numbers)

    def claim(self, token: str, key: str, digest: bytes) -> Deferred[Claim | Replayed]:
        """
        Be the one request with an idempotency key.

        @param token: Whose key it is.

        @param digest: That of the request.

        @return: The claim, to be settled or released; or what became of the first
            request with the key.  It may fail with

                - L{ClaimBusy} when that is still being worked on

                - L{ClaimMismatch} when it had another body

                - L{SpoolFull} when there are answers enough to be remembered

                - L{SpoolUnavailable}
        """
        return self._keys.claim(Claim(token, key, digest))

    def settle(self, claim: Claim, status: int, body: bytes) -> Deferred[None]:
        """
        Give an answer to the request, to be given again to any other with its key.

        @return: Fires after the commit.  It may fail with L{SpoolUnavailable}; the
            claim is over in any case.
        """
        return self._keys.settle(claim, status, body)

    def release(self, claim: Claim) -> Deferred[None]:
        """
        Nothing came of a request: another one with its key is the first.
        """
        self._keys.release(claim)
        return succeed(None)

    def _each(self, work: RefusedWork, numbers: Sequence[int] | None) -> Deferred[int]:
        """
        Do something with refused messages.

        @return: With how many.
        """
        if numbers is None:
            return Deferred.fromCoroutine(self._everyOne(work))
        return self._handover.ask(
            lambda database: work(database.connection, database.state, numbers)
        )

    async def _everyOne(self, work: RefusedWork) -> int:
        """
        Do something with all there are now, some at a time: others wait no longer
        for it than for a request.
        """
        end = await self._handover.ask(lambda database: database.state.next, False)
        count = after = 0
        while listed := await self.refused(after, TOGETHER):
            after = listed[-1].number
            count += await self._each(
                work, [each.number for each in listed if each.number < end]
            )
            if after >= end:
                break
        return count

    def _room(self) -> int:
        """
        How many bytes may still be kept, once all is written that was handed over.
        """
        now = self._handover.snapshot
        used = now.waitingBytes + now.refusedBytes + now.claimBytes
        return self._limit - used - self._handover.pending


def _nothing(result: object) -> None:
    """
    Say only that it is done.
    """
