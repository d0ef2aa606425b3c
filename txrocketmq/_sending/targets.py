"""
Where a send's next try goes.

Law: every queue that is tried was looked up within the send's own time, and from
the freshest route there is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from random import Random
from typing import TYPE_CHECKING, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as TwistedTimeout
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from txrocketmq._circuits import Circuits
from txrocketmq._remoting.protocol import RemotingProtocol
from txrocketmq._routing.faults import BrokerAvoidance, QueueChooser, Ranking
from txrocketmq._routing.latency import Latencies, LatencyRanking
from txrocketmq._routing.publishinfo import TopicPublishInfo
from txrocketmq._routing.table import RouteTable
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.ids import UniqueIds
from txrocketmq.errors import NoWritableQueue, RemotingTimeout, RocketMQError
from txrocketmq.message import MessageQueue

from .progress import History, Send
from .versions import Versions

if TYPE_CHECKING:
    from txrocketmq.acl import SigningHook

MOMENT = 0.001
"""
The least time that counts, in seconds: what a send that has just run out of time
is given to fail in the ordinary way, and what a wait takes at least.
"""

LEAST_RETRY = 0.1
"""
A retry is not begun with less than this left, in seconds: an answer that cannot
come in time would only turn "not stored" into "may be stored".
"""

REFRESH_TIMEOUT = 1.0
"""
How long a send that depends on it waits for a fresh route.
"""

REFRESH_PAUSE = 0.75
"""
The least seconds between two lookups of a topic that failing sends ask for: less
than the shortest of their longest back-offs, so that each try has one.
"""


class Peers(Protocol):
    """
    What asks a client's servers.
    """

    @property
    def hooked(self) -> bool:
        """
        Whether something is around each request.
        """

    @property
    def circuits(self) -> Circuits | None:
        """
        The refusals of credentials that were met, where requests are signed.
        """

    @property
    def signing(self) -> SigningHook | None:
        """
        What signs each request, if anything does.
        """

    @property
    def fixed(self) -> Mapping[str, str] | None:
        """
        What is added to the fields of each request beside its signature; L{None} if
        that cannot be known beforehand.
        """

    def live(self, address: str) -> RemotingProtocol | None:
        """
        The connection to an address, if there is one.
        """

    def connect(self, address: str) -> Deferred[RemotingProtocol]:
        """
        The connection to an address, made if there is none.
        """

    def invoke(
        self,
        address: str,
        command: RemotingCommand,
        timeout: float,
        most: float = ...,
    ) -> Deferred[RemotingCommand]:
        """
        Ask an address, connecting first if need be.
        """

    def oneway(
        self, address: str, command: RemotingCommand, timeout: float
    ) -> Deferred[None]:
        """
        Tell an address something that is not answered.
        """


class Cluster(Protocol):
    """
    What sends need of a client.
    """

    clock: IReactorTime
    routes: RouteTable
    ids: UniqueIds

    @property
    def peers(self) -> Peers:
        """
        What asks its servers.
        """

    def sendAddress(self, master: str) -> str:
        """
        Where sends to a master go.
        """

    def nameServers(self) -> tuple[str, ...]:
        """
        The addresses of the name servers, as they were known last.
        """


class Targets:
    """
    Finds routes, queues and addresses for one producer's sends.

    @ivar avoidance: The brokers that failed lately.

    @ivar sendAddress: Gives the address where sends to a master go.
    """

    _log = Logger()

    def __init__(
        self,
        cluster: Cluster,
        defaultTopicQueueNums: int,
        random: Random,
        latencies: Latencies | None = None,
    ) -> None:
        """
        @param defaultTopicQueueNums: How many queues a new topic is to have.

        @param latencies: Java's way to leave slow brokers out, where it is wanted.
        """
        self._clock = cluster.clock
        self._routes = cluster.routes
        # The first question of every send: one call less.
        self._known = cluster.routes.known
        self.sendAddress = cluster.sendAddress
        self._nameServers = cluster.nameServers
        self._queueNums = defaultTopicQueueNums
        self.avoidance = BrokerAvoidance(self._clock)
        # Java's rules know of other sends' failures by its latency tables only.
        ours: Ranking = self.avoidance
        javas: Ranking = BrokerAvoidance(self._clock)
        if latencies is not None:
            ours, javas = LatencyRanking(self.avoidance, latencies), latencies
        self._latencies = latencies
        self._chooser = QueueChooser(ours, random.random)
        self._plain = QueueChooser(javas, random.random)
        self.turns = self._chooser.turns
        self.versions = Versions(cluster.peers, self.avoidance.marked)
        self._refreshedAt: dict[str, float] = {}

    def isolated(self) -> tuple[str, ...]:
        """
        The names of the brokers that first tries leave out now.
        """
        names = self.avoidance.isolated()
        if self._latencies is not None:
            names |= self._latencies.isolated()
        return tuple(sorted(names))

    def known(self, send: Send) -> TopicPublishInfo | None:
        """
        The topic's route, if it is there.
        """
        return self._known(send.outgoing.heading.wireTopic)

    async def info(self, send: Send) -> TopicPublishInfo:
        """
        The topic's route, within the send's time.
        """
        topic = send.outgoing.wireTopic
        left = max(send.at - self._clock.seconds(), MOMENT)
        try:
            return await self.lookUp(topic).addTimeout(left, self._clock)
        except TwistedTimeout:
            raise self.lateRoute(topic) from None

    def lookUp(self, topic: str) -> Deferred[TopicPublishInfo]:
        """
        A topic's route, however long it takes.
        """
        return self._routes.publishInfo(topic, self._queueNums)

    def lateRoute(self, topic: str) -> RemotingTimeout:
        """
        What a send fails with that had no time left for that.
        """
        return RemotingTimeout(
            ", ".join(self._nameServers()) or "the name servers",
            f"no route of topic {topic!r} came in time",
        )

    def choose(
        self, send: Send, info: TopicPublishInfo, shut: Collection[str] = ()
    ) -> MessageQueue:
        """
        The queue a try goes to.

        @param shut: The names of brokers where it would be in vain.

        @raise InvalidMessage: When a selector chooses none.
        """
        if send.choice is not None:
            return send.choice.among(_ownQueues(send, info))
        history = send.history
        if send.rules.avoids:
            tried = shut if history is None else history.tried.union(shut)
            return self._chooser.choose(info, tried)
        return self._plain.choose(info, () if history is None else history.lastTried)

    def next(self, info: TopicPublishInfo, shut: Collection[str]) -> MessageQueue:
        """
        The queue that messages go to of which nothing is said.

        @param shut: The names of brokers that are not to be asked now, if there
            are others.
        """
        return self._chooser.choose(info, shut)

    def address(self, info: TopicPublishInfo, queue: MessageQueue) -> str | None:
        """
        Where a queue's broker takes sends; L{None} if it has no master now.
        """
        master = info.masters.get(info.brokerOf(queue))
        return None if master is None else self.sendAddress(master)

    def addressOrFail(self, info: TopicPublishInfo, queue: MessageQueue) -> str:
        """
        Where a queue's broker takes sends.

        @raise NoWritableQueue: When it has no master now.
        """
        address = self.address(info, queue)
        if address is None:
            raise NoWritableQueue(queue.topic)
        return address

    def another(self, send: Send, history: History) -> bool:
        """
        Whether a broker is left that this round of tries has not used up, and that
        would be chosen before those.
        """
        info = self.known(send)
        if info is None or send.choice is not None:
            return False
        vain = history.tried | self.avoidance.full
        return any(info.brokerOf(queue) not in vain for queue in info.queues)

    async def refreshed(self, send: Send) -> None:
        """
        Look a route up again, as far as time allows; it stays when that fails.
        """
        left = max(send.at - self._clock.seconds(), MOMENT)
        refreshed = self._routes.refresh(send.outgoing.wireTopic)
        try:
            await refreshed.addTimeout(min(left, REFRESH_TIMEOUT), self._clock)
        except CancelledError:
            raise
        except (RocketMQError, TwistedTimeout) as error:
            self._log.debug("A route stays: {error}", error=str(error))

    def refreshSoon(self, send: Send) -> None:
        """
        Look a route up again, at most once a second, and do not wait for it.
        """
        topic = send.outgoing.wireTopic
        now = self._clock.seconds()
        if now - self._refreshedAt.get(topic, -REFRESH_PAUSE) >= REFRESH_PAUSE:
            self._refreshedAt[topic] = now
            self._routes.refresh(topic).addErrback(self._stays)

    def _stays(self, reason: Failure) -> None:
        """
        A route could not be looked up again; the one that is there serves.
        """
        reason.trap(RocketMQError, CancelledError)
        self._log.debug("A route stays: {error}", error=reason.getErrorMessage())


def _ownQueues(send: Send, info: TopicPublishInfo) -> tuple[MessageQueue, ...]:
    """
    A topic's queues under the name its user knows.
    """
    topic = send.outgoing.topic
    if topic == send.outgoing.wireTopic:
        return info.queues
    return tuple(MessageQueue(topic, q.brokerName, q.queueId) for q in info.queues)
