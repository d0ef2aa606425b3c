"""
Making the connections to one address, one at a time and not too often.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf
from typing import TypeAlias

from twisted.internet.defer import CancelledError, Deferred, fail, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from txrocketmq.errors import (
    ConnectFailed,
    ConnectTimeout,
    NotRunning,
    RemotingError,
)

from .alarm import Alarm
from .backoff import Backoff
from .protocol import RemotingProtocol
from .waiters import Unwritten, Waiter, Waiters

Connect: TypeAlias = Callable[[str], Deferred[RemotingProtocol]]
"""
What makes a connection to a C{host:port}.
"""


class LostSoon(ConnectFailed):
    """
    There is no connection for a while, for the last ones were of no use.
    """


class Dialing:
    """
    Makes connections when asked, one for all who ask meanwhile.

    For a while after an attempt has failed there is none: who asks then fails
    at once.
    """

    def __init__(
        self,
        address: str,
        connect: Connect,
        clock: IReactorTime,
        random: Callable[[], float],
        made: Callable[[RemotingProtocol], None],
    ) -> None:
        """
        @param random: Where the jitter of the back-off comes from.

        @param made: Told of each connection, before those are who asked.
        """
        self._address = address
        self._connect = connect
        self._clock = clock
        self._made = made
        self._asked = 0
        self._waiters: Waiters[RemotingProtocol] = Waiters()
        self._alarm = Alarm(clock, self._timePassed)
        self._attempt: Deferred[RemotingProtocol] | None = None
        self._backoff = Backoff(random)
        self._refused: ConnectFailed | None = None
        self._told: tuple[str, ConnectFailed] | None = None
        self._goneAway = False
        self._stopped = False

    @property
    def running(self) -> bool:
        """
        Whether an attempt is under way.
        """
        return self._attempt is not None

    @property
    def failures(self) -> int:
        """
        How many attempts have failed since one succeeded.
        """
        return self._backoff.failures

    @property
    def failure(self) -> ConnectFailed | None:
        """
        Why the last attempt has failed, or the last connection, if it was that.
        """
        return self._refused

    def protocol(self, timeout: float = inf) -> Deferred[RemotingProtocol]:
        """
        A new connection, the same for all who ask before it is there.

        When nobody waits any more the attempt is given up.

        @param timeout: How long to wait for it, in seconds.

        @return: It may fail with

            - L{ConnectFailed} when it cannot be made, or could not a moment
              ago

            - L{ConnectTimeout} when it was not made in time

            - L{NotRunning} when L{stop} was called
        """
        now = self._clock.seconds()
        if self._stopped:
            return fail(self._notRunning())
        if self._attempt is None and now < self._backoff.until:
            return fail(self._notYet(self._backoff.until - now))
        self._asked += 1
        waiter: Waiter[RemotingProtocol] = Waiter(self._abandon)
        waiter.opaque = self._asked
        waiter.timeout = timeout
        waiter.deadline = now + timeout
        self._waiters.add(waiter)
        self._alarm.setTo(waiter.deadline)
        if self._attempt is None:
            self._begin()
        return waiter

    def lost(self, since: float, e: RemotingError, goneAway: bool = False) -> None:
        """
        Take note that a connection has ended.

        @param since: When it was made.

        @param e: Why.

        @param goneAway: Whether the peer had said GO_AWAY.
        """
        self._goneAway = goneAway
        self._refused = e if isinstance(e, ConnectFailed) else None
        self._backoff.lost(self._clock.seconds(), since)

    def stop(self) -> None:
        """
        Make no more connections; who waits for one is told so.
        """
        self._stopped = True
        self._giveUp()

    def _begin(self) -> None:
        """
        Try to connect.  It may fail at once.
        """
        self._attempt = maybeDeferred(self._connect, self._address)
        self._attempt.addCallbacks(self._succeeded, self._failed)

    def _giveUp(self) -> None:
        """
        Cancel an attempt.
        """
        if self._attempt is not None:
            self._attempt.cancel()

    def _succeeded(self, protocol: RemotingProtocol) -> None:
        """
        Hand the connection over.
        """
        self._backoff.succeeded()
        self._made(protocol)
        for waiter in self._takeOut():
            waiter.callback(protocol)

    def _failed(self, reason: Failure) -> None:
        """
        Remember that an attempt failed, and tell.

        Who waits has not cancelled it: it was not done on their account.
        """
        if self._stopped:
            reason = Failure(self._notRunning())
        elif self._waiters.live:
            if reason.check(CancelledError) is not None:
                words = "the attempt to connect was cancelled"
                reason = Failure(ConnectFailed(self._address, words))
            e = reason.value
            self._refused = e if isinstance(e, ConnectFailed) else None
            self._backoff.failed(self._clock.seconds())
        for waiter in self._takeOut():
            waiter.errback(reason)

    def _takeOut(self) -> Iterator[Waiter[RemotingProtocol]]:
        """
        End an attempt, and take out those who wait: who is told may cancel
        another, or ask again.
        """
        self._attempt = None
        self._alarm.unset()
        waiters = [each for each in self._waiters.takeAll() if isinstance(each, Waiter)]
        return (each for each in waiters if not each.called)

    def _abandon(self, waiter: Deferred[RemotingProtocol]) -> None:
        """
        Forget one who has cancelled.
        """
        assert isinstance(waiter, Waiter)
        if self._waiters.live.pop(waiter.opaque, None) and not self._waiters.live:
            self._giveUp()
        waiter.errback(Unwritten())

    def _timePassed(self, at: float, now: float) -> None:
        """
        End what has waited long enough, and the attempt if nobody waits now.
        """
        for waiter in self._waiters.takeExpired(now):
            words = f"there was no connection in {waiter.timeout:g} s"
            waiter.failed(ConnectTimeout(self._address, words))
        self._alarm.setTo(self._waiters.earliest())
        if not self._waiters.live:
            self._giveUp()

    def _notRunning(self) -> NotRunning:
        """
        What those get who ask too late.
        """
        return NotRunning(f"{self._address}: the connection is closed")

    def _notYet(self, wait: float) -> ConnectFailed:
        """
        What those get who ask too early: the last error, but made anew, as
        it is about another attempt.  Where there is nothing else to say it is the
        same for very many.
        """
        refused = self._refused
        cls: type[ConnectFailed]
        if refused is None:
            cls, words = LostSoon, "connections were lost soon after being made"
            if self._goneAway:
                words = "the peer wants no requests: it answers GO_AWAY"
        else:
            cls = type(refused)
            words = str(refused).removeprefix(f"{self._address}: ")
        words = f"{words}; the next try is in {wait:.2g} s"
        if self._told is None or self._told[0] != words:
            self._told = words, cls(self._address, words)
        return self._told[1]
