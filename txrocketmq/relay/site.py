"""
The relay's HTTP server.

Law: one timer sees to the deadlines of all connections, and runs only while there
are some.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from itertools import count
from math import inf
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress, IDelayedCall, ISSLTransport
from twisted.internet.protocol import Protocol
from twisted.web.http import HTTPFactory, datetimeToString
from twisted.web.http import Request as HTTPRequest

from txrocketmq.relay.answers import Answer, later, problem
from txrocketmq.relay.channel import RelayChannel
from txrocketmq.relay.limits import Limits
from txrocketmq.relay.request import RelayRequest
from txrocketmq.relay.shares import Client

if TYPE_CHECKING:
    from txrocketmq.relay.front import Front

TICK = 0.25
"""
Seconds between two looks at the deadlines.
"""

MOST_TURNED_AWAY = 64
"""
How many connections too many are given time at once to read that they are; any other
is closed with the words, or over TLS, where they would take a handshake, without.
"""


class TurnedAway(Protocol):
    """
    A connection too many: it is told why, whatever it asks.
    """

    def __init__(self, site: RelaySite, answer: Answer, lingers: bool) -> None:
        """
        @param answer: What it is told.

        @param lingers: Whether it has time to read it.
        """
        self._site = site
        self._lingers = lingers
        self._answer = answer
        self.deadline = site.now() + site.limits.linger
        self.unread = inf

    def connectionMade(self) -> None:
        """
        Say why.
        """
        self._site.watch(self)
        transport: Any = self.transport
        isSecure = ISSLTransport.providedBy(transport)
        if isSecure and not self._lingers:
            # It would take its handshake to tell it anything.
            transport.abortConnection()
            return
        more = b"Connection: close\r\n" + self._site.dateLine
        transport.write(self._answer.rendered(more))
        self._site.answered(self._answer.status)
        if isSecure or not self._lingers:
            transport.loseConnection()
        else:
            transport.loseWriteConnection()

    def dataReceived(self, data: bytes) -> None:
        """
        What it asks is not looked at: bytes that nobody reads would take the answer
        back.
        """

    def connectionLost(self, reason: object = None) -> None:
        """
        It has gone.
        """
        self._site.unwatch(self)

    def expire(self) -> None:
        """
        It does not go.
        """
        transport: Any = self.transport
        transport.abortConnection()

    def end(self) -> None:
        """
        It is at its end already.
        """


class RelaySite(HTTPFactory):
    """
    The relay's HTTP server.

    @ivar closing: Whether it is to end when all answers are given.

    @ivar never: A deadline that does not come.
    """

    protocol = RelayChannel  # type: ignore[assignment]
    requestFactory = RelayRequest
    never = inf

    def __init__(
        self,
        reactor: Any,
        front: Front,
        limits: Limits,
        wallClock: Callable[[], float] = time.time,
    ) -> None:
        """
        @param front: What answers.

        @param wallClock: What says when that is.
        """
        super().__init__(reactor=reactor, timeout=None)  # type: ignore[arg-type]
        self.noisy = False
        self.front = front
        self.limits = limits
        self.now: Callable[[], float] = reactor.seconds
        self.closing = False
        self._wallClock = wallClock
        self._watched: dict[Any, None] = {}
        self._channels = 0
        self._turnedAway = 0
        self._perAddress: Counter[str] = Counter()
        self._tick: IDelayedCall | None = None
        self._closed: list[Deferred[None]] = []
        self._prefix = token_hex(8).encode()
        self._numbers = count(1)
        self._second = 0
        self.dateLine = b""
        self._tellTime()
        self.tooLongHead = problem(
            400, "too_long", "the head is too long", limitBytes=16384
        )
        self._full = later(
            503, "busy", "there are too many connections", limit=limits.maxConnections
        )
        self._ownFull = later(
            429,
            "share",
            "this address has too many connections",
            limit=limits.maxConnectionsPerAddress,
        )
        words = "the request did not come in time"
        self._slowHead = problem(
            400, "too_slow", words, limitSeconds=limits.headerDeadline
        )
        self._slowBody = problem(
            400, "too_slow", words, limitSeconds=limits.bodyDeadline
        )

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """
        Let a connection in, if there is room.
        """
        wrong = self._refusal(getattr(addr, "host", None))
        if wrong is not None:
            lingers = self._turnedAway < MOST_TURNED_AWAY
            return TurnedAway(self, wrong, lingers)
        channel = RelayChannel()  # type: ignore[no-untyped-call]
        channel.requestFactory = RelayRequest  # type: ignore[assignment]
        channel.factory = channel.site = self
        channel.timeOut = None
        return channel

    def connected(self, channel: RelayChannel) -> None:
        """
        A connection is there.
        """
        self._channels += 1
        channel.host = getattr(channel.transport.getPeer(), "host", None)
        channel.client = Client(channel.host or "")
        if channel.host is not None:
            self._perAddress[channel.host] += 1
        self.watch(channel)

    def disconnected(self, channel: RelayChannel) -> None:
        """
        A connection has gone.
        """
        self._channels -= 1
        if channel.host is not None:
            self._perAddress[channel.host] -= 1
            if not self._perAddress[channel.host]:
                del self._perAddress[channel.host]
        self.unwatch(channel)

    def watch(self, connection: Any) -> None:
        """
        See to a connection's deadlines.
        """
        self._turnedAway += isinstance(connection, TurnedAway)
        self._watched[connection] = None
        if self._tick is None:
            self._tellTime()
            self._tick = self.reactor.callLater(TICK, self._look)

    def unwatch(self, connection: Any) -> None:
        """
        There is nothing more to see to.
        """
        self._turnedAway -= isinstance(connection, TurnedAway)
        self._watched.pop(connection, None)
        if not self._watched:
            if self._tick is not None:
                self._tick.cancel()
                self._tick = None
            closed, self._closed = self._closed, []
            for waiter in closed:
                waiter.callback(None)

    def close(self) -> Deferred[None]:
        """
        Let the connections end: those without a request at once, the others after
        their answer.

        @return: Fires when there are none left.
        """
        self.closing = True
        for connection in list(self._watched):
            connection.end()
        if not self._watched:
            return succeed(None)
        waiter: Deferred[None] = Deferred(self._closed.remove)
        self._closed.append(waiter)
        return waiter

    def answered(self, status: int) -> None:
        """
        Count an answer.
        """
        self.front.answered(status)

    def nextId(self) -> bytes:
        """
        An id for a request whose client gave none.
        """
        return b"%b-%x" % (self._prefix, next(self._numbers))

    def startFactory(self) -> None:
        """
        Open no access log: a relay would write a line for each message.
        """
        self.closing = False

    def stopFactory(self) -> None:
        """
        There is no access log to close.
        """

    def log(self, request: HTTPRequest) -> None:
        """
        Log nothing.
        """

    def tooSlow(self, hasHead: bool) -> Answer:
        """
        What a client is told that takes too long.

        @param hasHead: Whether it is the body that does.
        """
        return self._slowBody if hasHead else self._slowHead

    def _refusal(self, host: str | None) -> Answer | None:
        """
        Why there is no room for a connection.
        """
        if self._channels >= self.limits.maxConnections:
            return self._full
        if host and self._perAddress[host] >= self.limits.maxConnectionsPerAddress:
            return self._ownFull
        return None

    def _look(self) -> None:
        """
        End what has waited long enough.
        """
        self._tick = self.reactor.callLater(TICK, self._look)
        self._tellTime()
        now = self.now()
        for each in list(self._watched):
            if each.deadline <= now or each.unread <= now:
                each.expire()
        self.front.tick(now)

    def _tellTime(self) -> None:
        """
        Write down the time, once a second.
        """
        second = int(self._wallClock())
        if second != self._second:
            self._second = second
            self.dateLine = b"Date: %b\r\n" % datetimeToString(second)
