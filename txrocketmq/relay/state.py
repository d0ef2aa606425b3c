"""
The relay as those see it who look in: it changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from txrocketmq import MQClient, Producer
from txrocketmq._version import __version__
from txrocketmq.relay.brokers import AWAY, Brokers, BrokerView
from txrocketmq.relay.history import History, Load
from txrocketmq.relay.lag import LagSampler
from txrocketmq.relay.probe import Probe
from txrocketmq.relay.tally import Tally

if TYPE_CHECKING:
    from txrocketmq._spool.entries import Refused, SpoolCounts

MOST_LAG = 5.0
"""
The seconds by which a live relay may be late.
"""


class Spooling(Protocol):
    """
    The part of a spool that is looked at.
    """

    @property
    def counts(self) -> SpoolCounts:
        """
        What it says of itself.
        """

    @property
    def accepting(self) -> bool:
        """
        Whether it takes messages.
        """

    def refused(self, after: int, most: int) -> Deferred[list[Refused]]:
        """
        The messages that were refused for good, after a number.
        """

    def replay(self, numbers: Sequence[int] | None) -> Deferred[int]:
        """
        Let refused messages wait again.
        """

    def deleteRefused(self, numbers: Sequence[int] | None) -> Deferred[int]:
        """
        Delete refused messages.
        """


class Forwarding(Protocol):
    """
    The part of a forwarder that is looked at.
    """

    @property
    def state(self) -> str:
        """
        What it is doing.
        """

    @property
    def lastError(self) -> str | None:
        """
        Why it does not get on.
        """


class RelayState:
    """
    Everything there is to see.

    @ivar clientReady: Whether a name server has answered.

    @ivar draining: Whether the relay is stopping.

    @ivar spool: Where messages wait, if they can.

    @ivar forwarder: What sends them from there.

    @ivar startedAt: When this was made, in seconds of the epoch.
    """

    version = __version__

    def __init__(
        self,
        reactor: IReactorTime,
        tally: Tally,
        *,
        client: MQClient,
        producer: Producer,
        group: str = "",
        spool: Spooling | None = None,
        forwarder: Forwarding | None = None,
        wallClock: Callable[[], float] = time.time,
    ) -> None:
        """
        @param reactor: What tells how late it is.

        @param tally: What was counted.

        @param group: The producer group.

        @param wallClock: What tells the time of day.
        """
        self.tally = tally
        self.client = client
        self.producer = producer
        self.group = group
        self.spool = spool
        self.forwarder = forwarder
        self.clientReady = False
        self.draining = False
        self.startedAt = wallClock()
        self.now = wallClock
        self.lag = LagSampler(reactor)
        self.history = History(reactor, tally, self._look)
        self._brokers = Brokers(reactor)
        self._probe = Probe(client)

    def start(self) -> None:
        """
        Begin to look, once a second and more often.
        """
        self.lag.start()
        self.history.start()

    def stop(self) -> None:
        """
        Look no more.
        """
        self.lag.stop()
        self.history.stop()
        self._probe.stop()

    def brokers(self) -> list[BrokerView]:
        """
        The brokers there are, and those there were a moment ago.
        """
        isolated = self.producer.stats().isolated
        return self._brokers.look(self.client.stats().masters, isolated)

    def spoolAccepts(self) -> bool:
        """
        Whether there is a spool that takes messages.
        """
        return self.spool is not None and self.spool.accepting

    def clusterAccepts(self) -> bool:
        """
        Whether brokers may take messages, as far as anybody knows.
        """
        states = [each.state for each in self.brokers()]
        lost = bool(states) and all(state in AWAY for state in states)
        return self.clientReady and not lost

    def ready(self) -> tuple[bool, str]:
        """
        Whether messages can be taken in, and what to say of it.
        """
        if self.draining:
            return False, "the relay is stopping"
        if self.spoolAccepts():
            return True, "the spool takes messages"
        if self.clusterAccepts():
            return True, "the cluster takes messages"
        if not self.clientReady:
            return False, "no name server has answered yet"
        return False, "no broker can be reached"

    def healthy(self) -> tuple[bool, str]:
        """
        Whether the relay is alive, and what to say of it.
        """
        if self.lag.last > MOST_LAG:
            return False, "the relay does not keep up"
        return True, "the relay is alive"

    def _look(self) -> Load:
        """
        What there is now; and see to it that lost brokers are found again.
        """
        self._probe.look(self.brokers())
        waiting = 0 if self.spool is None else self.spool.counts.waiting
        return Load(self.producer.stats().inFlight, waiting)
