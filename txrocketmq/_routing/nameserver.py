"""
Ask name servers for the route of a topic.

Follows Java's C{MQClientAPIImpl.getTopicRouteInfoFromNameServer}, but for one
thing: a call asks all name servers before it fails, where Java since 5.3.0 asks
one and leaves the next to the next call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.logger import Logger
from zope.interface import implementer

from txrocketmq._deferreds import SingleFlight
from txrocketmq._wire.bodies import TopicRouteData, decodeTopicRouteData
from txrocketmq._wire.codes import RequestCode, ResponseCode, SerializeType
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.malformed import MalformedBody
from txrocketmq.errors import (
    BrokerError,
    InvalidConfiguration,
    NoNameServer,
    ProtocolError,
    RemotingError,
    TopicNotFound,
)
from txrocketmq.interfaces import INameServers

__all__ = ["FixedNameServers", "Invoke", "NameServerClient"]

Invoke: TypeAlias = Callable[[str, RemotingCommand, float], Deferred[RemotingCommand]]
"""
What asks an address something and waits so many seconds for its answer.
"""

SHOWN = 256
"""
How much of what a peer sent an error or a log line shows.
"""


@implementer(INameServers)
class FixedNameServers:
    """
    Name servers that are known beforehand and stay the same.
    """

    def __init__(self, addresses: Sequence[str]) -> None:
        """
        @param addresses: As C{host:port}.
        """
        self._addresses = tuple(addresses)

    def addresses(self) -> Deferred[Sequence[str]]:
        """
        The addresses given.
        """
        return succeed(self._addresses)


class NameServerClient:
    """
    Asks one name server as long as it answers, and then another.

    @ivar current: The name server that answered last, unless it has failed since.

    @ivar addresses: All name servers, as they were known last.
    """

    _log = Logger()

    def __init__(
        self,
        source: INameServers,
        invoke: Invoke,
        *,
        requestTimeout: float,
        random: Callable[[], float],
        serializeType: SerializeType = SerializeType.JSON,
    ) -> None:
        """
        @param source: Where the name servers are, asked again for each lookup.

        @param invoke: What asks a name server.

        @param requestTimeout: Seconds each name server may take.

        @param random: What chooses the first one, as C{random.random}.

        @param serializeType: How requests' headers are written.
        """
        # Shared, so that cancelling is certain to end in a CancelledError: what
        # somebody else's Deferred does then is not known.
        self._search: SingleFlight[Sequence[str]] = SingleFlight(source.addresses)
        self._invoke = invoke
        self._requestTimeout = requestTimeout
        self._random = random
        self._serializeType = serializeType
        self.current: str | None = None
        self.addresses: tuple[str, ...] = ()

    def route(self, topic: str) -> Deferred[TopicRouteData]:
        """
        Look up a topic's route, at each name server once until one answers.

        @return: The route.  It may fail with

            - L{TopicNotFound} when a name server answers that it has none

            - L{NoNameServer} when none answers

            - what the request itself cannot be made for, such as
              L{NotRunning<txrocketmq.errors.NotRunning>}
        """
        return Deferred.fromCoroutine(self._route(topic))

    async def _route(self, topic: str) -> TopicRouteData:
        """
        Go through the name servers, the current one first.
        """
        tried: list[tuple[str, Exception]] = []
        for address in self._inOrder(await self._known(tried)):
            try:
                route = await self._ask(address, topic)
            except (RemotingError, BrokerError, InvalidConfiguration) as error:
                tried.append((address, error))
                self._failed(address)
            else:
                self.current = address
                if route is None:
                    raise TopicNotFound(topic, [address])
                return route
        raise NoNameServer(tried)

    async def _ask(self, address: str, topic: str) -> TopicRouteData | None:
        """
        Ask one name server; L{None} when it knows no such topic.
        """
        # A name server before 4.9.4 knows nothing of the wish for standard JSON
        # and writes fastjson's, which is read all the same.
        question = RemotingCommand(
            RequestCode.GET_ROUTEINFO_BY_TOPIC,
            {"acceptStandardJsonOnly": "true", "topic": topic},
            serializeType=self._serializeType,
        )
        answer = await self._invoke(address, question, self._requestTimeout)
        if answer.code == ResponseCode.TOPIC_NOT_EXIST:
            return None
        if answer.code != ResponseCode.SUCCESS:
            raise BrokerError.fromResponse(answer, address)
        try:
            return decodeTopicRouteData(answer.body)
        except MalformedBody as error:
            raise ProtocolError(
                address, f"sent a route that cannot be read: {str(error)[:SHOWN]}"
            ) from error

    async def _known(self, tried: list[tuple[str, Exception]]) -> tuple[str, ...]:
        """
        Where the name servers are now; those of the last time if nobody says.
        """
        try:
            found = tuple(await self._search.result())
        except CancelledError:
            raise
        except Exception as error:
            # Anyone may have written the source: its failure is no reason to
            # leave the name servers that are known.
            self._log.warn(
                "The name servers' addresses are not known now: {error!r}; staying "
                "with {addresses}",
                error=str(error)[:SHOWN],
                addresses=self.addresses,
            )
            if not self.addresses:
                tried.append(("", error))
        else:
            self.addresses = found or self.addresses
        return self.addresses

    def _inOrder(self, addresses: tuple[str, ...]) -> tuple[str, ...]:
        """
        All name servers, beginning with the current one or else with any.
        """
        if self.current in addresses:
            first = addresses.index(self.current)
        else:
            first = int(self._random() * len(addresses))
        return addresses[first:] + addresses[:first]

    def _failed(self, address: str) -> None:
        """
        Begin elsewhere next time.
        """
        if self.current == address:
            self.current = None
