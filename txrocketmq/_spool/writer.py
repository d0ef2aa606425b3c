"""
The one thread that the database is used on, and the way to it.

Laws:

    - Jobs are done in the order they are handed over; those that wait when a commit
      has ended are committed together.

    - What is handed over and not done is bounded, in messages and in bytes.

    - Everything that comes back comes back on the reactor's thread.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Protocol

from txrocketmq.errors import SpoolUnavailable

from .jobs import Event, Job, Report
from .keeper import Keeper

MOST_TOGETHER = 4096
"""
The most messages of one commit.
"""

MOST_BYTES_TOGETHER = 8 * 1024 * 1024
"""
The bytes after which a commit takes no more.
"""

PAUSE = 1.0
"""
Seconds without a job after which the log is written back.
"""

SWITCH = 0.00005
"""
Seconds after which a busy thread lets the writer go on.  With the interpreter's own
5 ms, each of the few statements of a commit would wait that long for a reactor that
is busy; with 0.5 ms, 16 clients that post 100 messages at once have half as many
accepted as with this.
"""


class Reactor(Protocol):
    """
    What the writer needs of a reactor.
    """

    def callFromThread(self, callable: Callable[..., Any], *args: Any) -> None:
        """
        Call something on the reactor's thread.
        """


class Writer:
    """
    Runs a keeper on a thread of its own.
    """

    def __init__(
        self,
        reactor: Reactor,
        keeper: Keeper,
        done: Callable[[list[Job], Report], None],
    ) -> None:
        """
        @param done: Is told of jobs that have ended.
        """
        self._reactor = reactor
        self._keeper = keeper
        self._done = done
        self._queue: SimpleQueue[Job | None] = SimpleQueue()

    def start(self, opened: Callable[[Report | Exception], None]) -> None:
        """
        Open the database.

        @param opened: Is told how that went.
        """
        Thread(target=self._run, args=(opened,), name="spool", daemon=True).start()

    def hand(self, job: Job) -> None:
        """
        Hand a job over.
        """
        self._queue.put(job)

    def stop(self) -> None:
        """
        Close the database, after what was handed over before.
        """
        self._queue.put(None)

    def _run(self, opened: Callable[[Report | Exception], None]) -> None:
        """
        What the thread does.
        """
        try:
            report: Report | Exception = self._keeper.open()
        except Exception as error:
            report = error
        self._reactor.callFromThread(opened, report)
        if isinstance(report, Exception):
            return
        before = sys.getswitchinterval()
        sys.setswitchinterval(min(before, SWITCH))
        try:
            while self._turn():
                pass
        finally:
            sys.setswitchinterval(before)
            self._close()

    def _turn(self) -> bool:
        """
        Do what waits.

        @return: Whether there may be more.
        """
        try:
            first = self._queue.get(timeout=PAUSE)
        except Empty:
            self._reactor.callFromThread(self._done, [], self._keeper.rest())
            first = self._queue.get()
        jobs, goOn = self._gathered(first)
        if jobs:
            report = self._safely(jobs)
            self._reactor.callFromThread(self._done, jobs, report)
        return goOn

    def _gathered(self, first: Job | None) -> tuple[list[Job], bool]:
        """
        A job, and those that wait behind it, as far as they go into one commit.
        """
        jobs: list[Job] = []
        count = size = 0
        job = first
        while job is not None:
            jobs.append(job)
            count += job.count
            size += job.size
            if count >= MOST_TOGETHER or size >= MOST_BYTES_TOGETHER:
                return jobs, True
            try:
                job = self._queue.get_nowait()
            except Empty:
                return jobs, True
        return jobs, False

    def _safely(self, jobs: list[Job]) -> Report:
        """
        Do some jobs, whatever happens.
        """
        try:
            return self._keeper.run(jobs)
        except Exception as error:
            # A fault of ours: nobody is to wait for ever because of it.
            for job in jobs:
                job.result = SpoolUnavailable(f"the spool failed: {error!r}")
            return self._keeper.report()

    def _close(self) -> None:
        """
        Close the database, and say so.
        """
        events: list[Event] = []
        try:
            self._keeper.close()
        except Exception as error:
            closing = ("The spool was not closed in order: {error}", {"error": error})
            events.append(closing)
        self._reactor.callFromThread(
            self._done, [], Report(None, None, tuple(events), True)
        )
