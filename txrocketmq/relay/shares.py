"""
How much of the relay each client takes.

Laws:

    - What is taken is given back, however a request ends.

    - One client, however many connections it has, leaves room for others.
"""

from __future__ import annotations

from math import ceil

import attrs
from twisted.internet.interfaces import IReactorTime

from txrocketmq.relay.answers import Answer, later, problem
from txrocketmq.relay.limits import Limits


@attrs.define(eq=False)
class Share:
    """
    What one client has taken.

    @ivar held: The bytes of its longer bodies.

    @ivar flying: Its messages between request and answer.

    @ivar credit: How many messages it may bring now; below zero it must wait.

    @ivar since: When that was so.
    """

    held: int = 0
    flying: int = 0
    credit: float = 0.0
    since: float = 0.0


@attrs.frozen
class Client:
    """
    Who takes.

    @ivar key: A token's name or an address.

    @ivar rate: The messages a second it may bring; L{None} for any number.
    """

    key: str
    rate: float | None = None


class Shares:
    """
    What all clients have taken.

    @ivar held: The bytes of all longer bodies.

    @ivar flying: All messages between request and answer.
    """

    def __init__(self, clock: IReactorTime, limits: Limits) -> None:
        """
        @param limits: How much there is, and what part of it one may take.
        """
        self._clock = clock
        self._limits = limits
        self._shares: dict[str, Share] = {}
        self.held = 0
        self.flying = 0
        part = limits.share
        self._mostHeld = int(limits.maxHeld * part)
        self._mostFlying = int(limits.maxInFlight * part)
        words = "the relay has no room for more now"
        own = "this client has as much under way as it may"
        self._noBytes = later(503, "busy", words, limitBytes=limits.maxHeld)
        self._noCount = later(503, "busy", words, limitMessages=limits.maxInFlight)
        self._ownBytes = later(429, "share", own, limitBytes=self._mostHeld)
        self._ownCount = later(429, "share", own, limitMessages=self._mostFlying)

    def hold(self, client: Client, size: int) -> Answer | None:
        """
        Take room for a body.

        @return: Why there is none; L{None} when it is taken.
        """
        if self.held + size > self._limits.maxHeld:
            return self._noBytes
        share = self._of(client)
        if share.held + size > self._mostHeld:
            return self._ownBytes
        self.held += size
        share.held += size
        return None

    def unhold(self, client: Client, size: int) -> None:
        """
        Give room back.
        """
        if not size:
            return
        share = self._of(client)
        self.held -= size
        share.held -= size
        self._forget(client, share)

    def take(self, client: Client, count: int) -> Answer | None:
        """
        Take messages under way.

        @return: Why that cannot be now; L{None} when it is done.
        """
        share = self._of(client)
        wrong = self._refusal(client, share, count)
        if wrong is None:
            share.credit -= count
            self.flying += count
            share.flying += count
        else:
            self._forget(client, share)
        return wrong

    def isFull(self, client: Client) -> bool:
        """
        Whether a client can have no message more under way now.
        """
        share = self._of(client)
        isFull = self._refusal(client, share, 1) is not None
        self._forget(client, share)
        return isFull

    def give(self, client: Client, count: int) -> None:
        """
        Messages are under way no longer.
        """
        share = self._of(client)
        self.flying -= count
        share.flying -= count
        self._forget(client, share)

    def _refusal(self, client: Client, share: Share, count: int) -> Answer | None:
        """
        Why messages cannot be under way now, if they cannot.
        """
        if self.flying + count > self._limits.maxInFlight:
            return self._noCount
        if share.flying + count > self._mostFlying:
            return self._ownCount
        return None if client.rate is None else self._tooFast(share, client.rate)

    def _of(self, client: Client) -> Share:
        """
        What a client has taken.
        """
        share = self._shares.get(client.key)
        if share is None:
            share = Share(credit=client.rate or 0.0, since=self._clock.seconds())
            self._shares[client.key] = share
        return share

    def _forget(self, client: Client, share: Share) -> None:
        """
        Keep nothing of a client that has nothing under way, unless it has a rate:
        of those there are no more than tokens.
        """
        if not share.held and not share.flying and client.rate is None:
            self._shares.pop(client.key, None)

    def _tooFast(self, share: Share, rate: float) -> Answer | None:
        """
        Whether a client has brought more than its rate allows: what it brings at
        once may be more, it then waits the longer.
        """
        now = self._clock.seconds()
        share.credit = min(rate, share.credit + (now - share.since) * rate)
        share.since = now
        if share.credit > 0:
            return None
        wait = max(1, ceil(-share.credit / rate))
        return problem(
            429,
            "rate",
            "this client brings more messages a second than it may",
            {"retry_after": b"%d" % wait},
            limitMessagesPerSecond=rate,
        )
