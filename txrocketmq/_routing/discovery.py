"""
Ask an address server, over HTTP, where the name servers are.

Follows Java's C{DefaultTopAddressing}, but for three things: there is no built-in
address server, redirects are not followed, and a list is only ever replaced by a
list.

Law: an address server may be slow, broken or taken over.  What it can cost is
L{TIMEOUT} seconds and L{MAX_BODY} bytes at a time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TypeVar

from hyperlink import URL
from treq.client import HTTPClient
from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.client import Agent, ResponseDone
from twisted.web.http import OK, PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from txrocketmq._deferreds import SingleFlight
from txrocketmq._remoting.addresses import parseNameServers
from txrocketmq._steady import clockFor, unwatch, watch
from txrocketmq.errors import InvalidConfiguration, RouteError
from txrocketmq.interfaces import INameServers

__all__ = ["HTTPNameServers"]

TIMEOUT = 3.0
"""
Seconds for all of a request: connection, answer and body.
"""

MAX_BODY = 4096
"""
The most bytes of a list; 64 addresses are far less.
"""

MAX_ADDRESSES = 64
"""
The most name servers anybody has.
"""

POLL_INTERVAL = 120.0
"""
Seconds a list is good for.
"""

RETRY_INTERVAL = 30.0
"""
Seconds to stay with an old list when there was no new one.
"""

SHOWN = 256
"""
How much of what a server sent an error shows.
"""

T = TypeVar("T")

_HEADERS = {"Client-Version": ["V5_5_0"]}


@implementer(INameServers)
class HTTPNameServers:
    """
    The name servers an address server lists.

    The last good list stays in use when there is no new one.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        url: str,
        *,
        unitName: str | None = None,
        agent: IAgent | None = None,
    ) -> None:
        """
        @param reactor: What connects and keeps time.

        @param url: As C{https://host/rocketmq/nsaddr}.  Whoever can change what
            is read there gets all messages and all signatures: use https.

        @param unitName: What to ask for the name servers of.

        @param agent: What makes the requests; it must not follow redirects.

        @raise InvalidConfiguration: When the URL is none of an address server.
        """
        self._reactor = reactor
        self._clock = clockFor(reactor)
        asked = _listURL(url, unitName)
        self._url = asked.to_text()
        # The query stays out of logs: it is where people put secrets.
        self._server = asked.replace(query=()).to_text()
        self._client = HTTPClient(_PlainAgent(agent or Agent(reactor)))
        self._flight: SingleFlight[Sequence[str]] = SingleFlight(self._look)
        self._last: Sequence[str] = ()
        self._goodUntil = 0.0

    def addresses(self) -> Deferred[Sequence[str]]:
        """
        The name servers, asked for again when the list is old.

        @return: Their addresses.  Without any list yet it may fail with
            L{RouteError}, saying what was wrong.
        """
        if self._last and self._clock.seconds() < self._goodUntil:
            return succeed(self._last)
        return self._flight.result()

    def _look(self) -> Deferred[Sequence[str]]:
        """
        Ask for the list within its time, and fall back on the last one.
        """
        asked = Deferred.fromCoroutine(self._ask())
        asked.addTimeout(TIMEOUT, self._clock, self._late)
        watch(self._clock)
        asked.addBoth(self._unwatched)
        return asked.addCallbacks(self._learned, self._unlearned)

    def _unwatched(self, result: T) -> T:
        """
        Watch the clock no more.
        """
        unwatch(self._clock)
        return result

    async def _ask(self) -> Sequence[str]:
        """
        One request, and the list in its answer.
        """
        response = await self._client.get(
            self._url,
            headers=Headers(_HEADERS),
            allow_redirects=False,
            unbuffered=True,
            reactor=self._reactor,
        )
        body = _Body()
        response.deliverBody(body)
        if response.code != OK:
            body.leave()
            raise RouteError(f"it answered with status {response.code}")
        return _listed(await body.whole)

    def _late(self, result: object, timeout: float) -> None:
        """
        Say that time was up.
        """
        raise RouteError(f"it did not answer within {timeout:g} seconds")

    def _learned(self, addresses: Sequence[str]) -> Sequence[str]:
        """
        Keep a new list.
        """
        self._last = addresses
        self._goodUntil = self._clock.seconds() + POLL_INTERVAL
        return addresses

    def _unlearned(self, reason: Failure) -> Sequence[str]:
        """
        Stay with the last list, if there is one.
        """
        if not self._flight.running:
            # Cancelled, whatever it failed with: that says nothing of the server.
            return self._last
        text = reason.getErrorMessage()[:SHOWN]
        if not self._last:
            raise RouteError(f"the address server {self._server} is of no use: {text}")
        self._goodUntil = self._clock.seconds() + RETRY_INTERVAL
        self._log.warn(
            "The address server {server} is of no use: {text!r}; staying with "
            "{addresses}",
            server=self._server,
            text=text,
            addresses=self._last,
        )
        return self._last


@implementer(IAgent)
class _PlainAgent:
    """
    Asks for bodies that are not compressed, and takes no other: a few bytes could
    be many.
    """

    def __init__(self, agent: IAgent) -> None:
        self._agent = agent

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,
    ) -> Deferred[IResponse]:
        """
        Make a request, but for the encodings its maker would accept.
        """
        plain = Headers() if headers is None else headers.copy()
        plain.removeHeader(b"accept-encoding")
        asked = self._agent.request(method, uri, plain, bodyProducer)
        return asked.addCallback(self._answered)

    def _answered(self, response: IResponse) -> IResponse:
        """
        Hide an encoding: its bytes will make no list.
        """
        response.headers.removeHeader(b"content-encoding")
        return response


class _Body(Protocol):
    """
    Collects a body while it is short enough.

    @ivar whole: The body.  It may fail with L{RouteError} when it is too long, and
        as the connection failed.  Cancelling it closes the connection.
    """

    def __init__(self) -> None:
        self.whole: Deferred[bytes] = Deferred(self._cancelled)
        self._received = b""
        self._ended = False

    def makeConnection(self, transport: Any) -> None:
        """
        Take the connection the body comes on.
        """
        self._connection = transport

    def dataReceived(self, data: bytes) -> None:
        """
        Take some more, or leave when it is too much.
        """
        if self._ended:
            return
        self._received += data
        if len(self._received) > MAX_BODY:
            self.leave()
            self.whole.errback(RouteError(f"it sent more than {MAX_BODY} bytes"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        The body, or the connection, has ended.
        """
        if self._ended:
            return
        self._ended = True
        # A server that neither counts nor chunks ends its body by closing.
        if isinstance(reason.value, ResponseDone | PotentialDataLoss):
            self.whole.callback(self._received)
        else:
            self.whole.errback(reason)

    def leave(self) -> None:
        """
        Want no more of it.
        """
        self._ended = True
        self._connection.loseConnection()

    def _cancelled(self, whole: Deferred[bytes]) -> None:
        """
        Leave, because nobody waits any more.
        """
        self.leave()


def _listURL(url: str, unitName: str | None) -> URL:
    """
    Where an address server has its list, or that of a unit.
    """
    try:
        parsed = URL.from_text(url)
    except (TypeError, ValueError) as error:
        raise InvalidConfiguration(f"{url!r} is no URL: {error}") from None
    if parsed.scheme not in ("http", "https") or not parsed.host or parsed.userinfo:
        raise InvalidConfiguration(
            f"an address server is http://host/path or https://host/path, without a "
            f"user, and not {parsed.replace(userinfo='').to_text()!r}"
        )
    if unitName is None:
        return parsed
    *path, last = parsed.path or ("",)
    unit = parsed.replace(path=(*path, f"{last}-{unitName}"))
    return unit.add("nofix", "1")


def _listed(body: bytes) -> Sequence[str]:
    """
    The addresses in an answer: its first line.

    @raise InvalidConfiguration: When it is no list of addresses.
    """
    line = re.split("[\r\n]", body.decode("ascii", "backslashreplace").strip())[0]
    addresses = parseNameServers(line)
    if len(addresses) > MAX_ADDRESSES:
        raise RouteError(f"it listed {len(addresses)} name servers")
    return addresses
