"""
Making the connections to one address, one at a time and not too often.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from txrocketmq._deferreds import SingleFlight
from txrocketmq.errors import ConnectFailed, NotRunning, RemotingError

from .backoff import Backoff
from .protocol import RemotingProtocol

Connect: TypeAlias = Callable[[str], Deferred[RemotingProtocol]]
"""
What makes a connection to a C{host:port}.
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
        self._flight = SingleFlight(self._attempt)
        self._attempting: Deferred[RemotingProtocol] | None = None
        self._backoff = Backoff(random)
        self._refused: ConnectFailed | None = None
        self._stopped = False

    @property
    def running(self) -> bool:
        """
        Whether an attempt is under way.
        """
        return self._flight.running

    @property
    def failures(self) -> int:
        """
        How many attempts have failed since one succeeded.
        """
        return self._backoff.failures

    def protocol(self) -> Deferred[RemotingProtocol]:
        """
        A new connection, the same for all who ask before it is there.

        @return: It may fail with

            - L{ConnectFailed} when it cannot be made, or could not a moment
              ago

            - L{NotRunning} when L{stop} was called
        """
        if self._stopped:
            return fail(self._notRunning())
        if not self._flight.running:
            wait = self._backoff.until - self._clock.seconds()
            if wait > 0:
                return fail(self._notYet(wait))
        return self._flight.result()

    def lost(self, since: float, e: RemotingError) -> None:
        """
        Take note that a connection has ended.

        @param since: When it was made.

        @param e: Why.
        """
        self._refused = e if isinstance(e, ConnectFailed) else None
        self._backoff.lost(self._clock.seconds(), since)

    def stop(self) -> None:
        """
        Make no more connections; who waits for one is told so.
        """
        self._stopped = True
        if self._attempting is not None:
            self._attempting.cancel()

    def _attempt(self) -> Deferred[RemotingProtocol]:
        """
        Try to connect.
        """
        attempting = self._attempting = self._connect(self._address)
        return attempting.addCallbacks(self._succeeded, self._failed)

    def _succeeded(self, protocol: RemotingProtocol) -> RemotingProtocol:
        """
        Hand the connection over.
        """
        self._attempting = None
        self._backoff.succeeded()
        self._made(protocol)
        return protocol

    def _failed(self, reason: Failure) -> Failure:
        """
        Remember that an attempt failed; not that it was cancelled, as it is
        when nobody waits for it any more.
        """
        self._attempting = None
        if self._stopped:
            raise self._notRunning()
        if not isinstance(reason.value, CancelledError):
            self._backoff.failed(self._clock.seconds())
            if isinstance(reason.value, ConnectFailed):
                self._refused = reason.value
        return reason

    def _notRunning(self) -> NotRunning:
        """
        What those get who ask too late.
        """
        return NotRunning(f"{self._address}: the connection is closed")

    def _notYet(self, wait: float) -> ConnectFailed:
        """
        What those get who ask too early: the last error, but made anew, as
        it is about another attempt.
        """
        refused = self._refused
        if refused is None:
            cls, words = ConnectFailed, "connections were lost soon after being made"
        else:
            cls = type(refused)
            words = str(refused).removeprefix(f"{self._address}: ")
        return cls(self._address, f"{words}; the next try is in {wait:.2g} s")
