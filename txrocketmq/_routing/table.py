"""
Every topic's route, kept and refreshed.

Laws:

    - A route that cannot be looked up now stays as it is: only a name server's
      answer changes it.

    - A topic that name servers no longer know keeps its route for a while: they
      forget everything when they restart, until the brokers register again.

    - A route is replaced as a whole, and first of all; whoever is told finds the
      new one.

    - Who waits for news of a topic hears of its new route.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import attrs
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txrocketmq._deferreds import SingleFlight
from txrocketmq._wire.bodies import TopicRouteData
from txrocketmq.errors import NoWritableQueue, TopicNotFound

from .nameserver import NameServerClient
from .news import News
from .publishinfo import TopicPublishInfo, publishInfoFromDefault, publishInfoOf
from .rounds import Rounds

__all__ = ["DEFAULT_TOPIC", "RouteTable"]

DEFAULT_TOPIC = "TBW102"
"""
The topic whose brokers make new topics.  The word is fixed since 5.1.1;
C{createTopicKey} is what the send header says, and is not looked up.
"""

GRACE = 2
"""
For how many intervals between refreshes a topic may be missing: a broker
registers every 30 seconds.
"""


@attrs.define
class _Entry:
    """
    What is known of a topic.

    @ivar queueNums: How many queues to ask for while the topic does not exist.

    @ivar confirmed: When a name server confirmed it last.

    @ivar missing: Since when name servers do not know the topic.
    """

    info: TopicPublishInfo
    queueNums: int
    confirmed: float
    missing: float | None = None


class RouteTable:
    """
    The routes of all topics that were ever asked for.

    @ivar news: Where those wait who cannot go on by the routes of now.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        nameServers: NameServerClient,
        *,
        pollInterval: float,
        changed: Callable[[], None],
        defaultTopic: str = DEFAULT_TOPIC,
    ) -> None:
        """
        @param pollInterval: Seconds between two refreshes of all topics.

        @param changed: Called after L{masters} changed.  What it raises is
            logged.
        """
        self._clock = clock
        self._nameServers = nameServers
        self._pollInterval = pollInterval
        self._changed = changed
        self._entries: dict[str, _Entry] = {}
        self.usable: dict[str, TopicPublishInfo] = {}
        self._uses: Counter[str] = Counter()
        self._flights: dict[str, SingleFlight[TopicPublishInfo]] = {}
        self._defaultRoute: SingleFlight[TopicRouteData] = SingleFlight(
            lambda: nameServers.route(defaultTopic)
        )
        self._rounds = Rounds(clock, pollInterval, self.topics, self.refresh)
        self.news = News(clock)

    def known(self, topic: str) -> TopicPublishInfo | None:
        """
        The route of a topic, if it is there and has a queue to write to.
        """
        return self.usable.get(topic)

    def publishInfo(
        self, topic: str, defaultTopicQueueNums: int
    ) -> Deferred[TopicPublishInfo]:
        """
        The route of a topic, looked up unless it is known.

        For a topic that does not exist it is what a broker that makes topics will
        make of it.  Follows Java's C{tryToFindTopicPublishInfo}.

        @param defaultTopicQueueNums: How many queues such a topic is to have.

        @return: A route with at least one queue.  It may fail with

            - L{TopicNotFound} when no broker has the topic or would make it

            - L{NoWritableQueue} when none of its queues can be written to

            - L{NoNameServer} when no name server answers

            - L{RouteError<txrocketmq.errors.RouteError>} when the route makes no
              sense
        """
        known = self.usable.get(topic)
        if known is not None:
            return succeed(known)
        return Deferred.fromCoroutine(self._found(topic, defaultTopicQueueNums))

    def refresh(self, topic: str) -> Deferred[TopicPublishInfo]:
        """
        Look a topic up now, whether it is known or not.

        @return: The new route; it may have no queue.  It fails as L{publishInfo}
            does, but for L{NoWritableQueue}; then the last good route, if there
            is one, is still what L{known} gives.
        """
        flight = self._flights.get(topic)
        if flight is None:
            flight = SingleFlight(lambda: Deferred.fromCoroutine(self._lookup(topic)))
            self._flights[topic] = flight
        return flight.result()

    def start(self) -> None:
        """
        Refresh all topics from now on, for the first time after one interval.
        """
        self._rounds.start()

    def stop(self) -> None:
        """
        Refresh no more, and end the round under way.
        """
        self._rounds.stop()
        self.news.stop()

    def masters(self) -> frozenset[str]:
        """
        The addresses of all masters that any route names.
        """
        return frozenset(self._uses)

    def topics(self) -> frozenset[str]:
        """
        All topics there is a route of.
        """
        return frozenset(self._entries)

    def ages(self) -> dict[str, float]:
        """
        For each topic, seconds since a name server confirmed its route.
        """
        now = self._clock.seconds()
        return {topic: now - entry.confirmed for topic, entry in self._entries.items()}

    async def _found(self, topic: str, queueNums: int) -> TopicPublishInfo:
        """
        A topic's own route, or the default topic's in its place.
        """
        try:
            info = await self.refresh(topic)
        except TopicNotFound as error:
            # A topic that was there, if only to be read, is not one to be made.
            kept = self._entries.get(topic)
            if kept is None:
                info = await self._fromDefault(topic, queueNums, error)
            else:
                info = kept.info
        if not info.queues:
            raise NoWritableQueue(topic)
        return info

    async def _lookup(self, topic: str) -> TopicPublishInfo:
        """
        Ask for a topic's own route and keep it.
        """
        try:
            route = await self._nameServers.route(topic)
            return self._adopt(publishInfoOf(topic, route))
        except TopicNotFound as error:
            entry = self._entries.get(topic)
            if entry is None or not entry.info.fromDefaultTopic:
                self._missed(topic)
                raise
            return await self._fromDefault(topic, entry.queueNums, error)
        finally:
            self._flights.pop(topic, None)

    async def _fromDefault(
        self, topic: str, queueNums: int, missing: TopicNotFound
    ) -> TopicPublishInfo:
        """
        What the default topic's brokers will make of a topic that is missing.
        """
        try:
            route = await self._defaultRoute.result()
        except TopicNotFound:
            self._missed(topic)
            raise missing from None
        info = publishInfoFromDefault(topic, route, queueNums)
        if not info.queues:
            self._missed(topic)
            raise missing
        return self._adopt(info, queueNums)

    def _adopt(self, info: TopicPublishInfo, queueNums: int = 0) -> TopicPublishInfo:
        """
        Make this a topic's route, and give the one that stands.
        """
        entry = self._entries.get(info.topic)
        if entry is not None and entry.info == info:
            entry.confirmed, entry.missing = self._clock.seconds(), None
            return entry.info
        self._replace(info.topic, _Entry(info, queueNums, self._clock.seconds()))
        return info

    def _missed(self, topic: str) -> None:
        """
        Note that name servers do not know a topic, and drop it after a while.
        """
        entry = self._entries.get(topic)
        if entry is None:
            return
        now = self._clock.seconds()
        if entry.missing is None:
            entry.missing = now
        if now - entry.missing >= GRACE * self._pollInterval:
            self._log.info("No name server knows {topic} any more", topic=topic)
            self._replace(topic, None)

    def _replace(self, topic: str, entry: _Entry | None) -> None:
        """
        Put a topic's new entry, or none, in the place of its old one.
        """
        before = self.masters()
        old = self._entries.pop(topic, None)
        self.usable.pop(topic, None)
        if old is not None:
            self._uses -= Counter(set(old.info.masters.values()))
        if entry is not None:
            self._entries[topic] = entry
            self._uses.update(set(entry.info.masters.values()))
            if entry.info.queues:
                self.usable[topic] = entry.info
        if self.masters() != before:
            self._tell()
        self.news.tell(topic)

    def _tell(self) -> None:
        """
        Say that there are other masters now.
        """
        self._log.info("Routes now name {masters}", masters=sorted(self._uses))
        try:
            self._changed()
        except Exception:
            self._log.failure("What was to follow a change of routes failed")
