"""
Requests that wait for their answers, in the order of their deadlines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from heapq import heapify, heappop, heappush
from itertools import takewhile
from math import inf
from operator import attrgetter
from typing import Generic, Protocol, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from txrocketmq.message import Persisted

T = TypeVar("T")
Answer = TypeVar("Answer", contravariant=True)

UNWRITTEN = -1

# What is there in the place of a number for who does not want to know any more.
ABANDONED = -2

# How many entries of answered requests the order may hold beside as many as
# there are live ones.
SLACK = 64


class Unwritten(CancelledError):
    """
    A request was cancelled that was not given to any transport.

    @cvar persisted: What is known of it.
    """

    persisted = Persisted.NO


class Waiting(Protocol[Answer]):
    """
    What waits for the answer to one request, and what the connection knows of it.

    They are one object, because there is one of them for each message sent.

    @ivar opaque: The request's number.

    @ivar timeout: How many seconds it was given.

    @ivar deadline: When they are over.

    @ivar most: Until when it may wait for its turn to be written, while the peer
        reads; what it was given begins anew with that turn.  Minus infinity: it was
        given no more than that for all.

    @ivar heard: How often the connection had heard from the peer when the
        request was given to the transport; L{UNWRITTEN} before that, and
        L{ABANDONED} when it was cancelled.

    @ivar oneway: Whether being given to the transport is all that is wanted.
    """

    opaque: int
    timeout: float
    deadline: float
    heard: int
    oneway: bool

    @property
    def most(self) -> float:
        """
        See above.
        """

    def answered(self, answer: Answer) -> None:
        """
        The answer has come.
        """

    def failed(self, error: Exception | Failure) -> None:
        """
        No answer will come.
        """

    @property
    def persisted(self) -> Persisted:
        """
        What is known of a request that gets no answer.
        """


class Waiter(Deferred[T]):
    """
    A L{Waiting} that is a Deferred.
    """

    __slots__ = ("deadline", "heard", "most", "oneway", "opaque", "timeout")

    def __init__(
        self,
        canceller: Callable[[Deferred[T]], None] | None = None,
        most: float = -inf,
    ) -> None:
        super().__init__(canceller)
        self.most = most
        self.opaque = 0
        self.timeout = self.deadline = 0.0
        self.heard = UNWRITTEN
        self.oneway = False

    def answered(self, answer: T) -> None:
        """
        See L{Waiting.answered}.
        """
        self.callback(answer)

    def failed(self, error: Exception | Failure) -> None:
        """
        See L{Waiting.failed}.
        """
        self.errback(error)

    @property
    def persisted(self) -> Persisted:
        """
        See L{Waiting.persisted}.
        """
        return persistedOf(self.heard)


def persistedOf(heard: int) -> Persisted:
    """
    What is known of a request that gets no answer.

    @param heard: See L{Waiting}.
    """
    return Persisted.NO if heard == UNWRITTEN else Persisted.MAYBE


class Waiters(Generic[T]):
    """
    Those who wait for the same peer.

    Most deadlines come in the order of their requests: those stand in L{live} in
    their order already.  For the others there is a heap, whose entries outlive
    their waiters: they are dropped when they reach the top, or all at once when
    they are the most, so that time is constant per request and memory bounded by
    the live.

    Whoever is first in L{live} has an earlier deadline than all after it that are
    not in the heap: that is all the two need to know of each other.

    @ivar live: The waiters by opaque, as they came.  Taking one out is all it
        takes to forget it.

    @ivar latest: The latest deadline of those that stand in their order.
    """

    __slots__ = ("_order", "latest", "live")

    def __init__(self) -> None:
        self.live: dict[int, Waiting[T]] = {}
        self._order: list[tuple[float, int]] = []
        self.latest = -inf

    def add(self, waiter: Waiting[T]) -> None:
        """
        Take in a waiter whose C{opaque} and C{deadline} are set.
        """
        self.live[waiter.opaque] = waiter
        if waiter.deadline >= self.latest:
            # Nearly always: C{live} itself has it in its place.
            self.latest = waiter.deadline
        else:
            self._addEarly(waiter)

    def _addEarly(self, waiter: Waiting[T]) -> None:
        """
        Note one whose deadline comes before that of another that came before.
        """
        order, live = self._order, self.live
        if len(live) == 1:
            self.latest = waiter.deadline
            return
        heappush(order, (waiter.deadline, waiter.opaque))
        if len(order) > 2 * len(live) + SLACK:
            order[:] = [entry for entry in order if self._isLive(*entry)]
            heapify(order)

    def forget(self, waiter: Waiting[T]) -> bool:
        """
        Let one go that does not want to know any more.  It may have been taken out
        already, to be told of the end.

        @return: Whether its request was never written.
        """
        if self.live.get(waiter.opaque) is waiter:
            del self.live[waiter.opaque]
        unwritten = waiter.heard == UNWRITTEN
        waiter.heard = ABANDONED
        return unwritten

    def earliest(self) -> float:
        """
        The earliest deadline of all; infinity if there is none.
        """
        order, live = self._order, self.live
        while order and not self._isLive(*order[0]):
            heappop(order)
        early = order[0][0] if order else inf
        return min(early, next(iter(live.values())).deadline) if live else inf

    def prolong(self, waiter: Waiting[T], deadline: float) -> None:
        """
        Give a waiter a later deadline.
        """
        del self.live[waiter.opaque]
        waiter.deadline = deadline
        self.add(waiter)

    def takeExpired(self, now: float) -> list[Waiting[T]]:
        """
        Take out those whose deadline has come.
        """
        order, live = self._order, self.live
        expired = list(takewhile(lambda each: each.deadline <= now, live.values()))
        for waiter in expired:
            del live[waiter.opaque]
        while order and order[0][0] <= now:
            deadline, opaque = heappop(order)
            if self._isLive(deadline, opaque):
                expired.append(live.pop(opaque))
        expired.sort(key=attrgetter("deadline"))
        return expired

    def takeAll(self) -> list[Waiting[T]]:
        """
        Take out everyone, oldest first.
        """
        waiters = list(self.live.values())
        self.live.clear()
        self._order.clear()
        return waiters

    def _isLive(self, deadline: float, opaque: int) -> bool:
        """
        Whether an entry's request still waits, and is not a later one that
        was given the same number.
        """
        waiter = self.live.get(opaque)
        return waiter is not None and waiter.deadline == deadline


def wanting(waiters: Iterable[Waiting[T]]) -> Iterator[Waiting[T]]:
    """
    Those of some who still want to know what came of their requests when it is
    their turn: who was told before may have cancelled others.
    """
    for waiter in waiters:
        if waiter.heard != ABANDONED:
            yield waiter
