"""
What is still to be written down of what became of messages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from txrocketmq.errors import SpoolError

from .spool import Spool

TOGETHER = 0.02
"""
Seconds for which deliveries are gathered: each commit is one wait for the disk.
"""

AGAIN = 1.0
"""
Seconds after which what could not be written is tried again.
"""

MOST_OVERDUE = 8192
"""
How many messages may be delivered and not forgotten: after a crash they are sent
again.
"""


class Ledger:
    """
    Writes deliveries and refusals to the spool: one commit at a time.
    """

    def __init__(
        self, reactor: Any, spool: Spool, gone: Callable[[Sequence[int]], None]
    ) -> None:
        """
        @param gone: Is told of messages that are out of the spool.
        """
        self._reactor = reactor
        self._spool = spool
        self._gone = gone
        self._delivered: list[int] = []
        self._refused: dict[int, str] = {}
        self._writing = 0
        self._failed = False
        self._timer: IDelayedCall | None = None
        self._flushing: list[Deferred[None]] = []

    @property
    def overdue(self) -> bool:
        """
        Whether so much is not written that nothing more is to be sent.
        """
        return len(self._delivered) + len(self._refused) > MOST_OVERDUE

    def delivered(self, number: int) -> None:
        """
        A broker has a message.
        """
        self._delivered.append(number)
        self._soon(TOGETHER)

    def refused(self, number: int, words: str) -> None:
        """
        No broker will have a message.
        """
        self._refused[number] = words
        self._soon(TOGETHER)

    def flushed(self) -> Deferred[None]:
        """
        Write what is still to be written.

        @return: Fires when that was tried once; what could not be written is sent
            again after the next start.
        """
        flushed: Deferred[None] = Deferred(self._flushing.remove)
        self._flushing.append(flushed)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._writing:
            self._write()
        return flushed

    def _soon(self, delay: float) -> None:
        """
        Write in a moment, unless something is being written.
        """
        if self._timer is None and not self._writing:
            self._timer = self._reactor.callLater(delay, self._write)

    def _write(self) -> None:
        """
        Write everything.
        """
        self._timer = None
        numbers, self._delivered = self._delivered, []
        refused, self._refused = self._refused, {}
        self._writing = 1
        if numbers:
            self._begin(self._spool.delivered(numbers), numbers, {})
        for number, words in refused.items():
            self._begin(self._spool.refuse(number, words), [number], {number: words})
        self._ended()

    def _begin(
        self, writing: Deferred[None], numbers: list[int], refused: dict[int, str]
    ) -> None:
        """
        Wait for the end of something.
        """
        self._writing += 1

        def failed(failure: Failure) -> None:
            failure.trap(SpoolError, CancelledError)
            self._refused.update(refused)
            if not refused:
                self._delivered += numbers
            self._failed = True
            self._ended()

        def written(_: None) -> None:
            self._gone(numbers)
            self._ended()

        writing.addCallbacks(written, failed)

    def _ended(self) -> None:
        """
        Something was written.
        """
        self._writing -= 1
        if not self._writing:
            failed, self._failed = self._failed, False
            self._over(AGAIN if failed else TOGETHER)

    def _over(self, delay: float) -> None:
        """
        See whether there is more to be written.
        """
        left = bool(self._delivered or self._refused)
        if left and self._flushing and delay < AGAIN:
            self._write()
            return
        flushing, self._flushing = self._flushing, []
        for waiter in flushing:
            waiter.callback(None)
        if left and not flushing:
            self._soon(delay)
