"""
What is asked of the writer's thread, and what comes back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from .database import Database

Event = tuple[str, dict[str, Any]]
"""
What is to be logged: a format and its fields.
"""


@attrs.define(eq=False, slots=True)
class Job:
    """
    Something to be done with the database.

    @ivar work: Does it, on the writer's thread.

    @ivar ended: Fires on the reactor's, after the commit.

    @ivar writes: Whether it changes anything.

    @ivar count: How many messages it adds.

    @ivar size: The bytes they count for.

    @ivar undo: Takes back what it gave.

    @ivar result: What it gave, or why it failed.
    """

    work: Callable[[Database], Any]
    ended: Deferred[Any]
    writes: bool = True
    count: int = 0
    size: int = 0
    undo: Callable[[Database, Any], object] | None = None
    result: Any = None

    def undone(self) -> Callable[[Database], object] | None:
        """
        What takes it back after a commit that failed, and may be there all the same;
        L{None} when there is nothing to be taken back.
        """
        undo, result = self.undo, self.result
        if undo is None or result is None:
            return None
        return lambda database: undo(database, result)

    def tell(self) -> None:
        """
        Say how it ended.
        """
        result = self.result
        if isinstance(result, Exception):
            self.ended.errback(Failure(result))
        else:
            self.ended.callback(result)


@attrs.frozen
class Report:
    """
    What is to be known of the database after some jobs.

    @ivar snapshot: Its counts; L{None} when it is not open.

    @ivar failing: Why the last commit failed, or L{None}.

    @ivar events: What is to be logged.

    @ivar isLast: Whether nothing comes after it.
    """

    snapshot: Snapshot | None
    failing: str | None
    events: tuple[Event, ...] = ()
    isLast: bool = False


@attrs.frozen
class Snapshot:
    """
    The counts of a database.  See L{SpoolCounts<txrocketmq._spool.SpoolCounts>}.
    """

    waiting: int
    waitingBytes: int
    refused: int
    refusedBytes: int
    claimBytes: int
    oldest: float | None
    recovered: int
    lost: int
    commits: int
    fileBytes: int
