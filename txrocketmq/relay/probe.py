"""
Looking for the cluster while there is none.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from txrocketmq import MQClient
from txrocketmq.errors import RocketMQError
from txrocketmq.relay.brokers import AWAY, BrokerView

PAUSE = 3.0
"""
Seconds between two looks.
"""

MOST_TOPICS = 16
"""
How many topics are asked for.
"""

QUEUES = 4


class Probe:
    """
    Finds out that brokers are back.

    A relay that says it is not ready may be sent nothing by who asks for that; it
    would then never learn that it is ready again.
    """

    def __init__(self, client: MQClient) -> None:
        """
        @param client: What asks.
        """
        self._client = client
        self._topics: list[str] = []
        self._nextAt = 0.0
        self._asked: set[Deferred[Any]] = set()

    def look(self, brokers: Iterable[BrokerView]) -> None:
        """
        Ask for routes and connections, if it is time and no broker can be reached.

        @param brokers: Those there are, or were.
        """
        states = [each.state for each in brokers]
        topics = self._client.routes.topics()
        if topics:
            self._topics = sorted(topics)[:MOST_TOPICS]
        now = self._client.clock.seconds()
        lost = bool(states) and all(state in AWAY for state in states)
        if lost and now >= self._nextAt and self._client.running:
            self._nextAt = now + PAUSE
            self._ask(each.address for each in brokers if each.state == "refused")

    def stop(self) -> None:
        """
        Wait for no answer any more.
        """
        for asked in list(self._asked):
            asked.cancel()

    def _ask(self, refused: Iterable[str]) -> None:
        """
        Ask for everything.
        """
        client = self._client
        for topic in self._topics:
            self._keep(client.routes.publishInfo(topic, QUEUES))
        for address in refused:
            self._keep(client.pool.connection(address).protocol())

    def _keep(self, asked: Deferred[Any]) -> None:
        """
        Wait for an answer; what it is shows elsewhere.
        """
        self._asked.add(asked)
        asked.addErrback(_unanswered).addBoth(lambda _: self._asked.discard(asked))


def _unanswered(reason: Failure) -> None:
    """
    It was in vain.
    """
    reason.trap(RocketMQError, CancelledError)
