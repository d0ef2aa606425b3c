"""
The reactor's side of the writer: what was handed over, and what is known of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from txrocketmq.errors import SpoolUnavailable

from .database import Database
from .jobs import Job, Report, Snapshot
from .keeper import Keeper
from .writer import Writer

T = TypeVar("T")

PROBE = 1.0
"""
Seconds after which a spool that could not write tries again.
"""

_NOTHING = Snapshot(0, 0, 0, 0, 0, None, 0, 0, 0, 0)


class Handover:
    """
    Hands jobs to the writer's thread, and takes back how they ended.

    @ivar snapshot: The counts after the last commit.

    @ivar failing: Why the last commit failed, or L{None}.

    @ivar pending: The bytes that were handed over to be kept, and are not yet.

    @ivar isOpen: Whether jobs are taken.

    @ivar listener: Is told when there may be something to be sent.
    """

    _log = Logger()

    def __init__(self, reactor: Any, keeper: Keeper) -> None:
        self._reactor = reactor
        self._writer = Writer(reactor, keeper, self._done)
        self.snapshot = _NOTHING
        self.failing: str | None = None
        self.pending = 0
        self.isOpen = False
        self.listener: Callable[[], None] | None = None
        self._opening: Deferred[None] | None = None
        self._closing: list[Deferred[None]] = []
        self._ended = True
        self._timer: IDelayedCall | None = None

    def open(self) -> Deferred[None]:
        """
        Open the database.

        @return: Fires when jobs are taken.  It fails as L{Keeper.open} does.
        """
        opening: Deferred[None] = Deferred()
        self._opening = opening
        self._ended = False
        self._writer.start(self._opened)
        return opening

    def ask(
        self,
        work: Callable[[Database], T],
        writes: bool = True,
        count: int = 0,
        size: int = 0,
        undo: Callable[[Database, T], object] | None = None,
    ) -> Deferred[T]:
        """
        Have something done with the database.

        @param count: How many messages it adds.

        @param size: The bytes they count for.

        @param undo: Takes back what it gave.

        @return: What it gave, after the commit.  It may fail with
            L{SpoolUnavailable}.
        """
        if not self.isOpen:
            return fail(SpoolUnavailable("the spool is not open"))
        # It is done in any case: to cancel is not to want to know.
        ended: Deferred[T] = Deferred()
        self.pending += size
        self._writer.hand(Job(work, ended, writes, count, size, undo))
        return ended

    def close(self) -> Deferred[None]:
        """
        Take nothing more, and do what was handed over.

        @return: Fires when that is done.
        """
        if self._ended:
            return succeed(None)
        closed: Deferred[None] = Deferred()
        self._closing.append(closed)
        if self.isOpen:
            self.isOpen = False
            self._writer.stop()
        return closed

    def _opened(self, report: Report | Exception) -> None:
        """
        The database was opened, or cannot be.
        """
        opening, self._opening = self._opening, None
        assert opening is not None
        if isinstance(report, Exception):
            self._finish()
            opening.errback(report)
            return
        if self._closing:
            self._writer.stop()
        else:
            self.isOpen = True
        self._adopt(report)
        opening.callback(None)

    def _done(self, jobs: list[Job], report: Report) -> None:
        """
        Jobs have ended, or with them everything.
        """
        for job in jobs:
            self.pending -= job.size
        self._adopt(report)
        for job in jobs:
            job.tell()
        if report.isLast:
            self._finish()
        elif self.listener is not None and self.snapshot.waiting:
            self._tell(jobs, report, self.listener)

    def _tell(
        self, jobs: list[Job], report: Report, listener: Callable[[], None]
    ) -> None:
        """
        Say that there may be something to be sent: not after what only reads, for
        the listener reads, and would never rest.
        """
        if report.events or any(job.writes for job in jobs):
            listener()

    def _adopt(self, report: Report) -> None:
        """
        Know what the database looks like now.
        """
        for format, fields in report.events:
            self._log.warn("{text}", text=format.format(**fields), **fields)
        if report.snapshot is not None:
            self.snapshot = report.snapshot
        if report.failing is not None and self.failing is None:
            self._log.error("The spool fails: {reason}", reason=report.failing)
        elif report.failing is None and self.failing is not None:
            self._log.info("The spool works again")
        self.failing = report.failing
        if self.failing is not None and self._timer is None and self.isOpen:
            self._timer = self._reactor.callLater(PROBE, self._tryAgain)

    def _tryAgain(self) -> None:
        """
        See whether it works again; how that ends is in the next report.
        """
        self._timer = None
        self.ask(_probe).addErrback(_ignored)

    def _finish(self) -> None:
        """
        The thread has ended.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._ended = True
        self.isOpen = False
        closing, self._closing = self._closing, []
        for waiter in closing:
            waiter.callback(None)


def _probe(database: Database) -> None:
    """
    Something small to write: the counters, which are written with each commit.
    """


def _ignored(failure: object) -> None:
    """
    It is tried again, and the log says that it failed.
    """
