"""
HTTP without sockets.
"""

from __future__ import annotations

import json
from http.client import HTTPResponse
from io import BytesIO
from typing import Any, cast

import attrs
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IProtocol
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from txrocketmq import Message, SendResult
from txrocketmq.relay.bodies import RelaySite
from txrocketmq.relay.desk import Desk
from txrocketmq.relay.front import Front


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


class Transport(StringTransport):
    """
    A transport that closes as a socket does: not before who closes it is done.
    """

    connected = True

    def abortConnection(self) -> None:
        """
        Be gone soon.
        """
        self.loseConnection()

    def settle(self, protocol: IProtocol) -> None:
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


class Client:
    """
    One connection to a relay's server.
    """

    def __init__(self, reactor: MemoryReactorClock, maxBody: int = 100) -> None:
        self.reactor = reactor
        self.sender = HeldSender()
        self.desk = Desk(self.sender)
        self.site = RelaySite(reactor, Front(self.desk), maxBody)
        self.method = ""
        self.connect()

    def connect(self) -> None:
        """
        Make a new connection.
        """
        address = IPv4Address("TCP", "127.0.0.1", 1)
        self.protocol = cast(Any, self.site.buildProtocol(address))
        self.transport = Transport(peerAddress=address)
        self.protocol.makeConnection(self.transport)

    def begin(
        self,
        method: str,
        path: str,
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

    def wait(self, seconds: float) -> None:
        """
        Let time pass.
        """
        self.reactor.advance(seconds)
        self.transport.settle(self.protocol)

    def reply(self) -> Reply | None:
        """
        What has come back, if anything has.
        """
        data = self.transport.value()
        self.transport.clear()
        if not data:
            return None
        response = HTTPResponse(cast(Any, _Received(data)), method=self.method)
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, response.reason, headers, response.read())

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Reply:
        """
        Send a request that is answered at once.
        """
        self.begin(method, path, body, **headers)
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


class _Received:
    """
    What the standard library takes for a socket.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, mode: str) -> BytesIO:
        """
        The bytes, to be read.
        """
        return BytesIO(self._data)
