"""
HTTP without sockets.
"""

from __future__ import annotations

import json
from http.client import HTTPResponse
from io import BytesIO
from itertools import count
from typing import Any, cast

import attrs
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from tests.cli.results import stored
from tests.support import TestCase
from txrocketmq import Message, SendResult
from txrocketmq._spool import Claim, ClaimBusy, ClaimMismatch, Replayed, SpoolEntry
from txrocketmq.relay.desk import Desk
from txrocketmq.relay.front import Front
from txrocketmq.relay.limits import Limits
from txrocketmq.relay.shelf import Shelf
from txrocketmq.relay.site import RelaySite
from txrocketmq.relay.tally import Tally
from txrocketmq.relay.tokens import Tokens

PATH = "/v1/topics/T/messages"
NDJSON = "application/x-ndjson"
JSON = "application/json"


class HeldSender:
    """
    Sends nothing: the test says what becomes of it.

    @ivar messages: What was to be sent.

    @ivar sends: How that ends.
    """

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.sends: list[Deferred[SendResult]] = []
        self.cancelled = 0

    def send(self, message: Message) -> Deferred[SendResult]:
        """
        Note a message.
        """
        self.messages.append(message)
        self.sends.append(Deferred(self._cancel))
        return self.sends[-1]

    def _cancel(self, sending: Deferred[SendResult]) -> None:
        """
        Note that nobody wants to know any more.
        """
        self.cancelled += 1


class HeldSpool:
    """
    Keeps nothing but a list: the test says when, and whether.

    @ivar groups: What was to be kept.

    @ivar appends: How that ends.

    @ivar claims: What became of each key.
    """

    def __init__(self) -> None:
        self.groups: list[list[Message]] = []
        self.appends: list[Deferred[None]] = []
        self.claims: dict[tuple[str, str], tuple[bytes, Replayed | None]] = {}
        self.broken: Exception | None = None
        self.claimError: Exception | None = None

    def append(
        self, entries: list[SpoolEntry], claim: Claim | None = None
    ) -> Deferred[None]:
        """
        Note messages.
        """
        self.groups.append([entry.message for entry in entries])
        self.appends.append(Deferred())
        return self.appends[-1]

    def claim(self, token: str, key: str, digest: bytes) -> Deferred[Any]:
        """
        Take a key, as the real one does.
        """
        if self.claimError is not None:
            return fail(self.claimError)
        digests, found = self.claims.setdefault((token, key), (digest, None))
        if digests != digest:
            return fail(ClaimMismatch())
        if found is not None:
            return succeed(found)
        if (token, key, digest) in getattr(self, "taken", ()):
            return fail(ClaimBusy())
        self.taken = {*getattr(self, "taken", ()), (token, key, digest)}
        return succeed(Claim(token, key, digest))

    def settle(self, claim: Claim, status: int, body: bytes) -> Deferred[None]:
        """
        Remember an answer.
        """
        if self.broken is not None:
            return fail(self.broken)
        said = Replayed(claim.digest, status, body)
        self.claims[claim.token, claim.key] = claim.digest, said
        return succeed(None)

    def release(self, claim: Claim) -> Deferred[None]:
        """
        Let a key go.
        """
        if self.broken is not None:
            return fail(self.broken)
        del self.claims[claim.token, claim.key]
        self.taken.discard((claim.token, claim.key, claim.digest))
        return succeed(None)


class Transport(StringTransport):
    """
    A transport that closes as a socket does: not before who closes it is done.

    @ivar aborted: Whether it was not closed, but cut.

    @ivar halfClosed: Whether nothing more is written.
    """

    connected = True
    aborted = False
    halfClosed = False

    def abortConnection(self) -> None:
        """
        Be gone soon.
        """
        self.aborted = True
        self.loseConnection()

    def loseWriteConnection(self) -> None:
        """
        Write no more.
        """
        self.halfClosed = True

    def write(self, data: bytes) -> None:
        """
        Write, unless that is over.
        """
        assert not self.halfClosed, "written after its end"
        super().write(data)

    def settle(self, protocol: Any) -> None:
        """
        Be gone, if somebody closed it.
        """
        if self.disconnecting and self.connected:
            self.connected = False
            protocol.connectionLost(Failure(ConnectionDone()))


@attrs.frozen
class Reply:
    """
    What came back.
    """

    status: int
    reason: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """
        The body, read.
        """
        return json.loads(self.body)

    @property
    def lines(self) -> list[Any]:
        """
        The lines of the body, read.
        """
        return [json.loads(line) for line in self.body.splitlines()]

    @property
    def code(self) -> str:
        """
        What is said to be wrong.
        """
        code: str = self.json["error"]["code"]
        return code


class Server:
    """
    A relay's server, to which connections are made.
    """

    def __init__(
        self,
        reactor: MemoryReactorClock,
        limits: Limits | None = None,
        tokens: Tokens | None = None,
        hasSpool: bool = False,
    ) -> None:
        self.reactor = reactor
        self.sender = HeldSender()
        self.spool = HeldSpool()
        self.tally = Tally()
        self.limits = limits or Limits(maxBody=100)
        self.desk = Desk(reactor, self.sender, self.limits, self.tally)
        self.woken = 0
        numbers = count(1)
        shelf = Shelf(
            cast(Any, self.spool),
            lambda many: [f"ID{next(numbers)}" for _ in range(many)],
            self._woken,
        )
        self.ready = (True, "")
        self.front = Front(
            self.desk,
            self.limits,
            shelf=shelf if hasSpool else None,
            tokens=tokens,
            ready=lambda: self.ready,
        )
        self.site = RelaySite(reactor, self.front, self.limits, lambda: 1e9)

    def _woken(self) -> None:
        """
        Note that the forwarder was told.
        """
        self.woken += 1

    def connect(self, host: str = "127.0.0.1") -> Client:
        """
        Make a connection.
        """
        return Client(self, host)


class Client:
    """
    One connection to a relay's server.
    """

    def __init__(self, server: Server, host: str = "127.0.0.1") -> None:
        self.server = server
        self.method = ""
        address = IPv4Address("TCP", host, 1)
        self.protocol = cast(Any, server.site.buildProtocol(address))
        self.transport = Transport(peerAddress=address)
        if self.protocol is not None:
            self.protocol.makeConnection(self.transport)

    def begin(
        self,
        method: str,
        path: str = PATH,
        body: bytes = b"",
        **headers: str,
    ) -> None:
        """
        Send a request.

        @param headers: Names with C{_} for C{-}.
        """
        if method == "POST" and "Transfer_Encoding" not in headers:
            headers = {"Content_Length": str(len(body)), **headers}
        head = "".join(
            f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()
        )
        self.method = method
        request = f"{method} {path} HTTP/1.1\r\nHost: h\r\n{head}\r\n"
        self.give(request.encode() + body)

    def give(self, data: bytes) -> None:
        """
        Send bytes.
        """
        self.protocol.dataReceived(data)
        self.transport.settle(self.protocol)

    def wait(self, seconds: float = 0.0) -> None:
        """
        Let time pass.
        """
        self.server.reactor.advance(seconds)
        self.transport.settle(self.protocol)

    def finish(self) -> None:
        """
        Say that nothing more will be sent.
        """
        self.protocol.readConnectionLost()
        self.transport.settle(self.protocol)

    def reply(self) -> Reply | None:
        """
        What has come back, if anything has.
        """
        replies = self.replies()
        assert len(replies) < 2, "more than one answer"
        return replies[0] if replies else None

    def replies(self) -> list[Reply]:
        """
        All that has come back.
        """
        received = _Received(self.transport.value())
        self.transport.clear()
        found = []
        while received.left():
            response = HTTPResponse(cast(Any, received), method=self.method)
            response.begin()
            headers = {name.lower(): value for name, value in response.getheaders()}
            body = response.read()
            found.append(Reply(response.status, response.reason, headers, body))
        return found

    def ask(
        self, method: str, path: str = PATH, body: bytes = b"", **headers: str
    ) -> Reply:
        """
        Send a request that is answered at once.
        """
        self.begin(method, path, body, **headers)
        return self.answer()

    def answer(self) -> Reply:
        """
        What has come back.
        """
        reply = self.reply()
        assert reply is not None, "no answer"
        return reply

    def post(self, body: bytes = b"x", topic: str = "T", **headers: str) -> None:
        """
        Send a message.
        """
        self.begin("POST", f"/v1/topics/{topic}/messages", body, **headers)

    def close(self) -> None:
        """
        End the connection.
        """
        self.transport.loseConnection()
        self.transport.settle(self.protocol)

    @property
    def isOpen(self) -> bool:
        """
        Whether the connection is not ended, nor about to be.
        """
        return self.transport.connected and not self.transport.halfClosed


class _Received:
    """
    What the standard library takes for a socket: it reads on where the last answer
    ended.
    """

    def __init__(self, data: bytes) -> None:
        self._data = BytesIO(data)
        self._size = len(data)

    def left(self) -> bool:
        """
        Whether there is more.
        """
        return self._data.tell() < self._size

    def makefile(self, mode: str) -> Any:
        """
        The bytes, to be read.
        """
        return _Unclosed(self._data)


class _Unclosed:
    """
    A file that stays open when an answer has been read from it.
    """

    def __init__(self, stream: BytesIO) -> None:
        self._stream = stream

    def close(self) -> None:
        """
        Stay open.
        """

    def flush(self) -> None:
        """
        There is nothing to be written.
        """

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class RelayTestCase(TestCase):
    """
    A test of one server, and one connection to it.
    """

    limits: Limits | None = None
    tokens: Tokens | None = None
    hasSpool = False

    def setUp(self) -> None:
        """
        Connect.
        """
        super().setUp()
        self.server = Server(self.reactor, self.limits, self.tokens, self.hasSpool)
        self.sender, self.spool = self.server.sender, self.server.spool
        self.clients: list[Client] = []
        self.addCleanup(self._close)
        self.client = self.connect()

    def connect(self, host: str = "127.0.0.1") -> Client:
        """
        Make another connection.
        """
        client = self.server.connect(host)
        self.clients.append(client)
        return client

    def renew(self) -> Client:
        """
        End the connection, and make another.
        """
        self.client.close()
        self.client = self.connect()
        return self.client

    def store(self, *offsets: int) -> None:
        """
        Let sends succeed, all or those named by their place.
        """
        for at in offsets or range(len(self.sender.sends)):
            if not self.sender.sends[at].called:
                self.sender.sends[at].callback(stored(at))
        self.client.wait()

    def _close(self) -> None:
        """
        End all connections, and see that nothing is kept of them.
        """
        for client in self.clients:
            if client.protocol is not None:
                client.close()
        self.store()
        for append in self.spool.appends:
            if not append.called:
                append.callback(None)
        self.reactor.advance(0)
        shares = self.server.desk.shares
        self.assertEqual((shares.held, shares.flying), (0, 0))
        self.assertEqual(self.server.desk.flows, {})
        self.successResultOf(self._drained())

    def _drained(self) -> Deferred[None]:
        """
        When nothing is under way.
        """
        drained = self.server.desk.drained()
        self.reactor.advance(0)
        return drained
