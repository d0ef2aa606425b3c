"""
A reactor without I/O whose thread calls are made where a test waits for them, and
messages to keep.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from tests.support import TestCase
from txrocketmq._spool import Kept, Spool, SpoolEntry
from txrocketmq.message import Message

T = TypeVar("T")

PATIENCE = 15.0
LIMIT = 1 << 40


class ThreadClock(Clock):
    """
    A clock, and calls from other threads.
    """

    def __init__(self) -> None:
        super().__init__()
        self._calls: SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...]]] = (
            SimpleQueue()
        )

    def callFromThread(self, callable: Callable[..., Any], *args: Any) -> None:
        """
        Have something called by the next that waits.
        """
        self._calls.put((callable, args))

    def turn(self, within: float = PATIENCE) -> None:
        """
        Make the next call from a thread.

        @raise Empty: When there is none in time.
        """
        callable, args = self._calls.get(timeout=within)
        callable(*args)

    def settle(self) -> None:
        """
        Make calls until there are none.
        """
        try:
            while True:
                self.turn(0.05)
        except Empty:
            return

    def wait(self, waited: Deferred[T]) -> T:
        """
        What a Deferred gives.

        @raise Exception: What it fails with.
        """
        results: list[T] = []
        failures: list[Any] = []
        waited.addCallbacks(results.append, failures.append)
        while not (results or failures):
            self.turn()
        if failures:
            raise failures[0].value
        return results[0]


def entry(number: int, key: str | None = None, topic: str = "T") -> SpoolEntry:
    """
    A message to keep.
    """
    message = Message(topic, b"body %d" % number, shardingKey=key)
    return SpoolEntry(message, f"ID{number:04}")


def entries(count: int, start: int = 0) -> list[SpoolEntry]:
    """
    Several.
    """
    return [entry(number) for number in range(start, start + count)]


def ids(kept: list[Kept]) -> list[str]:
    """
    The ids of messages.
    """
    return [each.msgId for each in kept]


class SpoolTestCase(TestCase):
    """
    A test of a spool in a directory of its own.

    @ivar directory: Where it is.
    """

    def setUp(self) -> None:
        """
        Make the directory.
        """
        super().setUp()
        self.directory = Path(os.path.realpath(self.mktemp()))
        self.directory.mkdir(mode=0o700, parents=True)
        self.clock = ThreadClock()
        self.now = 1000.0

    def spool(self, limit: int = LIMIT, **more: Any) -> Spool:
        """
        Open one, which is closed with the test.
        """
        spool = Spool(
            self.clock,
            str(self.directory),
            limit=limit,
            wallClock=lambda: self.now,
            **more,
        )
        self.wait(spool.open())
        self.addCleanup(self.close, spool)
        return spool

    def close(self, spool: Spool) -> None:
        """
        Close one.
        """
        self.wait(spool.close())

    def wait(self, waited: Deferred[T]) -> T:
        """
        What a Deferred gives.
        """
        return self.clock.wait(waited)

    def waiting(self, spool: Spool) -> list[str]:
        """
        The ids of all that waits.
        """
        return ids(self.wait(spool.waiting(0, 10_000, 1 << 30)))
