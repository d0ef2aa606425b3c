"""
How far one send has come, and which sends have not ended.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import attrs
import msgspec
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from txrocketmq.errors import GoAway
from txrocketmq.message import Attempt, MessageQueue, Persisted, SendResult

from .choice import Choice
from .outgoing import Outgoing

if TYPE_CHECKING:
    from .rules import Rules

# Looked up once here: a member of an enumeration takes its time.
_YES = Persisted.YES
_NOBODY: frozenset[str] = frozenset()

LAST_KEPT = 3
"""
How many of the latest tries a failure lists beside the first.
"""


@attrs.define(eq=False)
class Epoch:
    """
    The sends accepted between two calls of C{flush}.

    @ivar live: How many of them have not ended.
    """

    live: int = 0


class Ledger:
    """
    Which sends have not ended.

    Laws:

        - Asking for a flush costs the same however many sends there are.

        - A flush fires in a turn of its own: whoever sent has been told before.
    """

    def __init__(self, clock: IReactorTime) -> None:
        """
        @param clock: Whose turns they are.
        """
        self._clock = clock
        self.current = Epoch()
        self._flushes: deque[tuple[Epoch, Deferred[None]]] = deque()
        self._turn: IDelayedCall | None = None

    def flush(self) -> Deferred[None]:
        """
        @return: Fires when every send of now has ended.
        """
        if not self.current.live and not self._flushes:
            return succeed(None)
        flushed: Deferred[None] = Deferred(self._forget)
        self._flushes.append((self.current, flushed))
        self.current = Epoch()
        return flushed

    def end(self, epoch: Epoch) -> None:
        """
        A send of an epoch has ended.
        """
        epoch.live -= 1
        if not epoch.live:
            self.emptied()

    def emptied(self) -> None:
        """
        All sends of an epoch have ended: a flush may be done, in the next turn.
        """
        if self._flushes and not self._flushes[0][0].live and self._turn is None:
            self._turn = self._clock.callLater(0, self._settle)

    def _settle(self) -> None:
        """
        Tell of the flushes that are done, in order.
        """
        self._turn = None
        flushes = self._flushes
        while flushes and not flushes[0][0].live:
            _, flushed = flushes.popleft()
            if not flushed.called:
                flushed.callback(None)

    def _forget(self, flushed: Deferred[None]) -> None:
        """
        Nobody waits for this flush any more; its epoch still counts.
        """


class Send(msgspec.Struct, eq=False):
    """
    One send, from its call to its end.

    @ivar outgoing: What is sent.

    @ivar at: When it must have ended, on the client's clock.

    @ivar epoch: The epoch it was accepted in.

    @ivar choice: What was said about the queue; L{None} leaves it to us.

    @ivar rules: Whose rules it follows.

    @ivar queue: The queue of the try under way, or of the last one.

    @ivar broker: The name of the broker that holds that queue: a static topic's
        queues have names of their own.

    @ivar address: The same for the broker's address.

    @ivar began: When that try began.

    @ivar history: The tries that failed; L{None} as long as none has.
    """

    outgoing: Outgoing
    at: float
    epoch: Epoch
    choice: Choice | None
    rules: Rules
    queue: MessageQueue | None = None
    broker: str = ""
    address: str | None = None
    began: float = 0.0
    history: History | None = None

    def frame(self, opaque: int) -> bytes:
        """
        The frame of the try under way.

        @raise ValueError: It cannot be written.
        """
        assert self.queue is not None
        return self.outgoing.frame(opaque, self.queue, self.broker)

    def attempts(self, now: float) -> tuple[Attempt, ...]:
        """
        The listed tries, the one under way among them as the one that stored it.
        """
        own = Attempt(self.queue, self.address, now - self.began, None, _YES)
        return (own,) if self.history is None else (*self.history.listed(), own)

    @property
    def duplicates(self) -> int:
        """
        How many copies earlier tries may have left.
        """
        return 0 if self.history is None else self.history.maybes


class History(msgspec.Struct, eq=False, gc=False):
    """
    The tries of one send that failed.  There may be very many of these: it holds
    nothing it can do without.

    @ivar rounds: How many rounds of brokers have ended.

    @ivar made: How many tries there were.

    @ivar maybes: How many of them may have stored the message.

    @ivar persisted: The most that is to be feared of them all.

    @ivar onceUsed: Whether the one further try an answer allowed was made.

    @ivar charged: Whether any of its retries was taken out of the producer's budget.

    @ivar goneAway: What a broker said that wants no more requests, the last time.

    @ivar weak: A stored, but weak, result Java's rules tried to better.
    """

    rounds: int = 0
    made: int = 0
    maybes: int = 0
    persisted: Persisted = Persisted.NO
    onceUsed: bool = False
    charged: bool = False
    goneAway: GoAway | None = None
    weak: SendResult | None = None
    _tried: set[str] | None = None
    _lastBroker: str = ""
    _first: Attempt | None = None
    _last: tuple[Attempt, ...] = ()

    @property
    def tried(self) -> set[str] | frozenset[str]:
        """
        The brokers this round of tries has used up.
        """
        return self._tried or _NOBODY

    @property
    def lastTried(self) -> tuple[str, ...]:
        """
        The last broker tried, if there was one.
        """
        return (self._lastBroker,) if self._lastBroker else ()

    def add(self, attempt: Attempt, broker: str) -> None:
        """
        One more try failed.

        @param broker: The name of the broker it was made at, if it got so far.
        """
        self.made += 1
        if self._first is None:
            self._first = attempt
        else:
            self._last = (*self._last[1 - LAST_KEPT :], attempt)
        if attempt.persisted is Persisted.MAYBE:
            self.maybes += 1
        self.persisted = worse(self.persisted, attempt.persisted)
        if broker:
            self._tried = self._tried or set()
            self._tried.add(broker)
            self._lastBroker = broker

    def listed(self) -> tuple[Attempt, ...]:
        """
        The first try and the last few.
        """
        return () if self._first is None else (self._first, *self._last)

    def nextRound(self) -> None:
        """
        All brokers may be tried again.
        """
        self.rounds += 1
        self._tried = None


def worse(one: Persisted, other: Persisted) -> Persisted:
    """
    What is known of a message after two tries.
    """
    for persisted in (Persisted.YES, Persisted.MAYBE):
        if persisted in (one, other):
            return persisted
    return Persisted.NO
