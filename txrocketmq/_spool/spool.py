"""
The spool, as it is used from the reactor's thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from txrocketmq.errors import SpoolFull, SpoolUnavailable

from . import claims, tables
from .claims import LIFETIME, Claim, ClaimBusy, ClaimMismatch, Replayed
from .database import Connect, Database, connect
from .entries import Kept, Refused, SpoolCounts, SpoolEntry
from .jobs import Job, Report, Snapshot
from .keeper import Keeper
from .place import checkPlace
from .records import recordsOf, sizesOf
from .writer import Writer

T = TypeVar("T")

PROBE = 1.0
"""
Seconds after which a spool that could not write tries again.
"""

MOST_HANDED = 64 * 1024 * 1024
"""
The most bytes that may wait to be written.
"""

FORGET = 600.0
"""
Seconds between two looks for answers that are too old to be given again.
"""

_NOTHING = Snapshot(0, 0, 0, 0, None, 0, 0, 0, 0)


class Spool:
    """
    Keeps messages on the disk until they are delivered.
    """

    _log = Logger()

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
        self._reactor = reactor
        self._limit = limit
        self._wallClock = wallClock
        self._writer = Writer(reactor, Keeper(directory, connect), self._done)
        self._snapshot = _NOTHING
        self._failing: str | None = None
        self._open = False
        self._opening: Deferred[None] | None = None
        self._closing: list[Deferred[None]] = []
        self._handed = 0
        self._live: dict[tuple[str, str], bytes] = {}
        self._probe: IDelayedCall | None = None
        self._forgotten = 0.0

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
        opening: Deferred[None] = Deferred()
        self._opening = opening
        self._writer.start(self._opened)
        return opening

    @property
    def counts(self) -> SpoolCounts:
        """
        A look at it.
        """
        now = self._snapshot
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
        )

    @property
    def accepting(self) -> bool:
        """
        Whether it is open, not full, and its last commit did not fail.
        """
        return self._open and self._failing is None and self._room() > 0

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
        if not self._open:
            return fail(SpoolUnavailable("the spool is not open"))
        now = self._wallClock()
        records = recordsOf(entries, now)
        size = sizesOf(records)
        if size > self._room() or self._handed + size > max(MOST_HANDED, size):
            return fail(SpoolFull("the spool holds as much as it may"))

        def work(database: Database) -> range:
            added = tables.append(database.connection, database.state, records)
            if claim is not None:
                msgIds = [entry.msgId for entry in entries]
                claims.accept(database.connection, claim, now, msgIds)
            return added

        return self._hand(work, count=len(records), size=size).addCallback(_nothing)

    def waiting(self, after: int, most: int, mostBytes: int) -> Deferred[list[Kept]]:
        """
        Messages that wait, in the order they were accepted in.

        @param after: From the first one behind this number.

        @param most: How many at most.

        @param mostBytes: How many bytes at most, but one message in any case.

        @return: They are whole: what is damaged is put aside.  It may fail with
            L{SpoolUnavailable}.
        """
        return self._ask(
            lambda database: tables.waiting(
                database.connection, after, most, mostBytes
            ),
            writes=False,
        )

    def delivered(self, numbers: Sequence[int]) -> Deferred[None]:
        """
        Forget messages that a broker has.

        @return: Fires after the commit.  It may fail with L{SpoolUnavailable}: then
            they are still there.
        """
        numbers = list(numbers)
        return self._ask(
            lambda database: tables.drop(database.connection, database.state, numbers)
        ).addCallback(_nothing)

    def refuse(self, number: int, reason: str) -> Deferred[None]:
        """
        Put a message among the refused.

        @param reason: Why, in fixed words.

        @return: Fires after the commit.  It may fail with L{SpoolUnavailable}.
        """
        now = self._wallClock()
        return self._ask(
            lambda database: tables.refuse(
                database.connection, database.state, number, reason, now
            )
        )

    def refused(self, after: int, most: int) -> Deferred[list[Refused]]:
        """
        Messages that were refused, in the order of their numbers.

        @return: It may fail with L{SpoolUnavailable}.
        """
        return self._ask(
            lambda database: tables.refused(database.connection, after, most),
            writes=False,
        )

    def replay(self, numbers: Sequence[int] | None) -> Deferred[int]:
        """
        Have refused messages wait again: behind all others, under the same msgId.

        @param numbers: Which; L{None} for all.

        @return: How many.  It may fail with L{SpoolUnavailable}.
        """
        return self._ask(
            lambda database: tables.replay(database.connection, database.state, numbers)
        )

    def deleteRefused(self, numbers: Sequence[int] | None) -> Deferred[int]:
        """
        Forget refused messages.

        @param numbers: Which; L{None} for all.

        @return: How many.  It may fail with L{SpoolUnavailable}.
        """
        return self._ask(
            lambda database: tables.deleteRefused(
                database.connection, database.state, numbers
            )
        )

    def claim(self, token: str, key: str, digest: bytes) -> Deferred[Claim | Replayed]:
        """
        Be the one request with an idempotency key.

        @param token: Whose key it is.

        @param digest: That of the request.

        @return: The claim, to be settled or released; or what became of the first
            request with the key.  It may fail with

            - L{ClaimBusy} when that is still being worked on

            - L{ClaimMismatch} when it had another body

            - L{SpoolUnavailable}
        """
        mine = Claim(token, key, digest)
        first = self._live.get((token, key))
        if first is not None:
            return fail(ClaimBusy() if first == digest else ClaimMismatch())
        self._live[token, key] = digest
        asked = self._ask(
            partial(_recalled, claim=mine, now=self._wallClock()), writes=False
        )
        return asked.addCallbacks(
            partial(self._claimed, mine), partial(self._unclaimed, mine)
        )

    def settle(self, claim: Claim, status: int, body: bytes) -> Deferred[None]:
        """
        Give an answer to the request, to be given again to any other with its key.

        @return: Fires after the commit.  It may fail with L{SpoolUnavailable}; the
            claim is settled in any case.
        """
        now = self._wallClock()
        asked = self._ask(partial(_settled, claim=claim, now=now, said=(status, body)))
        return asked.addBoth(partial(self._unclaimed, claim))

    def release(self, claim: Claim) -> Deferred[None]:
        """
        Nothing came of a request: another one with its key is the first.
        """
        self._live.pop((claim.token, claim.key), None)
        return succeed(None)

    def close(self) -> Deferred[None]:
        """
        Take nothing more, do what was handed over, and unlock the directory.

        @return: Fires when that is done.  It can be called again.
        """
        closed: Deferred[None] = Deferred()
        if self._snapshot is _NOTHING and not self._open:
            return succeed(None)
        self._closing.append(closed)
        if self._open:
            self._open = False
            self._writer.stop()
        return closed

    def _room(self) -> int:
        """
        How many bytes may still be kept, once all is written that was handed over.
        """
        now = self._snapshot
        return self._limit - now.waitingBytes - now.refusedBytes - self._handed

    def _ask(self, work: Callable[[Database], T], writes: bool = True) -> Deferred[T]:
        """
        Have something done that adds nothing.
        """
        if not self._open:
            return fail(SpoolUnavailable("the spool is not open"))
        return self._hand(work, writes)

    def _hand(
        self,
        work: Callable[[Database], T],
        writes: bool = True,
        count: int = 0,
        size: int = 0,
    ) -> Deferred[T]:
        """
        Hand a job over.
        """
        # It is done in any case: to cancel is not to want to know.
        ended: Deferred[T] = Deferred()
        self._handed += size
        self._writer.hand(Job(work, ended, writes, count, size))
        return ended

    def _opened(self, report: Report | Exception) -> None:
        """
        The database was opened, or cannot be.
        """
        opening, self._opening = self._opening, None
        assert opening is not None
        if isinstance(report, Exception):
            opening.errback(report)
            return
        self._open = True
        self._adopt(report)
        opening.callback(None)

    def _done(self, jobs: list[Job], report: Report) -> None:
        """
        Jobs have ended.
        """
        for job in jobs:
            self._handed -= job.size
        self._adopt(report)
        for job in jobs:
            job.tell()
        if report.snapshot is None and report.failing is None and not self._open:
            self._closed()

    def _adopt(self, report: Report) -> None:
        """
        Know what the database looks like now.
        """
        for format, fields in report.events:
            self._log.warn("{text}", text=format.format(**fields), **fields)
        if report.snapshot is not None:
            self._snapshot = report.snapshot
        if (report.failing is None) != (self._failing is None):
            if report.failing is None:
                self._log.info("The spool takes messages again")
            else:
                self._log.error("The spool fails: {reason}", reason=report.failing)
        self._failing = report.failing
        if self._failing is not None and self._probe is None and self._open:
            self._probe = self._reactor.callLater(PROBE, self._tryAgain)
        elif self._wallClock() - self._forgotten > FORGET and self._open:
            self._forget()

    def _tryAgain(self) -> None:
        """
        See whether it can write.
        """
        self._probe = None
        self._forget()

    def _forget(self) -> None:
        """
        Forget answers that are too old: a small thing to write.
        """
        self._forgotten = now = self._wallClock()
        self._ask(
            lambda database: claims.forget(database.connection, now - LIFETIME)
        ).addErrback(_ignored)

    def _claimed(self, claim: Claim, said: Replayed | None) -> Claim | Replayed:
        """
        It is known what became of the first request with a key, if there was one.
        """
        if said is None:
            return claim
        self._live.pop((claim.token, claim.key), None)
        if said.digest != claim.digest:
            raise ClaimMismatch()
        return said

    def _unclaimed(self, claim: Claim, result: T) -> T:
        """
        A claim is over.
        """
        self._live.pop((claim.token, claim.key), None)
        return result

    def _closed(self) -> None:
        """
        The thread has ended.
        """
        if self._probe is not None and self._probe.active():
            self._probe.cancel()
        self._probe = None
        self._snapshot = _NOTHING
        closing, self._closing = self._closing, []
        for waiter in closing:
            waiter.callback(None)


def _recalled(database: Database, claim: Claim, now: float) -> Replayed | None:
    """
    What became of the first request with a claim's key.
    """
    return claims.recall(database.connection, claim, now - LIFETIME)


def _settled(
    database: Database, claim: Claim, now: float, said: tuple[int, bytes]
) -> None:
    """
    Remember a request's answer.
    """
    claims.settle(database.connection, claim, now, *said)


def _nothing(result: object) -> None:
    """
    Say only that it is done.
    """


def _ignored(failure: object) -> None:
    """
    It is tried again anyway, and the log says that it failed.
    """
