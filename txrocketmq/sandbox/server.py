"""
What name servers and brokers of the sandbox have in common: ports, requests
that are remembered, and faults on demand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, TypeAlias

from msgspec.structs import replace
from twisted.internet.defer import (
    Deferred,
    DeferredLock,
    gatherResults,
    maybeDeferred,
    succeed,
)
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger

from txrocketmq._remoting.answering import notSupported
from txrocketmq._remoting.factory import RemotingFactory
from txrocketmq._wire.codes import ResponseCode, SerializeType
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.frames import encodeFrame
from txrocketmq._wire.malformed import Malformed

from .answers import Answer, Peer, Refused
from .faults import Exchange, Fault
from .network import Network, hostOf
from .script import Cue, Requests, Script
from .settings import BrokerSettings
from .timetable import Timetable

Answering: TypeAlias = Callable[[RemotingCommand, Peer], Answer]
"""
What answers the requests of one code.
"""

CLIENT_TIMEOUT = 30.0
"""
How long a client may leave a frame half written, or our questions unanswered.
"""


class SandboxServer:
    """
    A server on loopback.

    @ivar address: Where it listens, as C{host:port}; empty before it first did.

    @ivar isUp: Whether it listens.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        network: Network,
        settings: BrokerSettings,
        port: int = 0,
    ) -> None:
        """
        Begin down.

        @param port: Where to listen; 0 takes a free port.
        """
        self.address = ""
        self._network = network
        self._serializeType = settings.serializeType
        self._delays = Timetable(network.clock)
        self._script = Script()
        self._requests = Requests(settings.requestsKept)
        self._ports: Sequence[IListeningPort] = ()
        self._port = port
        self._turn = DeferredLock()
        self._factories = [
            RemotingFactory(network.clock, respond, frameTimeout=CLIENT_TIMEOUT)
            for respond in self._responders()
        ]

    def __repr__(self) -> str:
        """
        What it is and where.
        """
        return f"<{type(self).__name__} {self.address or 'not started'}>"

    # What a subclass says.

    answers: Mapping[int, Answering]

    def _responders(self) -> Sequence[Callable[[RemotingCommand, Peer], Answer]]:
        """
        What answers at each port: at the main one, then at those below it.
        """
        return (self.respond,)

    def _check(self, command: RemotingCommand) -> None:
        """
        Let a request pass.

        @raise Refused: It may not be made.
        """

    def _cameUp(self) -> Deferred[None]:
        """
        Do what is to be done once the server listens.
        """
        return succeed(None)

    def _wentDown(self) -> Deferred[None]:
        """
        Do what is to be done when the server listens no more.
        """
        return succeed(None)

    # What users ask for.

    @property
    def isUp(self) -> bool:
        """
        Whether it listens.
        """
        return bool(self._ports)

    def push(
        self,
        answer: Fault,
        *,
        code: int | None = None,
        times: int = 1,
        stored: bool = False,
    ) -> None:
        """
        Do something else than answering.

        @param answer: One of L{txrocketmq.sandbox.faults}.

        @param code: At requests of this code; L{None} is at any.  What was
            pushed for a code comes before what was pushed for any.

        @param times: At how many requests.

        @param stored: Carry the request out first: a message is stored, and
            its sender does not learn it.
        """
        self._script.add(Cue(answer, stored), code, times)

    def requests(self, code: int | None = None) -> list[RemotingCommand]:
        """
        The requests that came since L{clear}, oldest first, answered or not.
        """
        return self._requests.of(code)

    def clear(self) -> None:
        """
        Forget what was pushed, and the requests.  Messages stay.
        """
        self._script.clear()
        self._requests.clear()

    def setUp(self) -> Deferred[None]:
        """
        Begin to listen, at the same ports as before if there was a before.

        @return: Fires when routes tell of it.  It may fail with
            L{CannotListenError<twisted.internet.error.CannotListenError>}.
        """
        return Deferred.fromCoroutine(self._setUp())

    async def _setUp(self) -> None:
        """
        The same, as a sequence.
        """
        begun = await self._turn.run(lambda: Deferred.fromCoroutine(self._listen()))
        for each in begun:
            await each

    async def _listen(self) -> Sequence[Deferred[None]]:
        """
        Listen, unless that is so already.

        @return: What to wait for after that.  It is not waited for here: a
            server that is to go down again has its turn first.
        """
        if self._ports:
            return ()
        self._ports = await self._network.listen(self._factories, self._port)
        _, self._port = hostOf(self._ports[0])
        self.address = self._network.addressOf(self._port)
        return (self._cameUp(),)

    def setDown(self) -> Deferred[None]:
        """
        Stop listening and drop all connections, as a process does that is
        killed; what is stored stays.

        @return: Fires when nobody can connect any more, and no route names it.
        """
        return self._turn.run(lambda: Deferred.fromCoroutine(self._stop()))

    async def _stop(self) -> None:
        """
        Do not listen any more.
        """
        if not self._ports:
            return
        ports, self._ports = self._ports, ()
        self._delays.clear()
        stopped = [
            maybeDeferred(port.stopListening).addCallback(lambda _: None)
            for port in ports
        ]
        for factory in self._factories:
            for protocol in list(factory.protocols):
                protocol.abort()
        await gatherResults([*stopped, self._wentDown()], consumeErrors=True)

    # How requests are answered.

    def respond(self, command: RemotingCommand, peer: Peer) -> Answer:
        """
        Answer a request, as it was told to or as it should.
        """
        self._requests.add(command)
        if self._script:
            cue = self._script.next(command.code)
            if cue is not None:
                return self._play(cue, command, peer)
        return self._written(self.answer(command, peer), command, peer)

    def answer(self, command: RemotingCommand, peer: Peer) -> Answer:
        """
        Carry out a request, and answer it as it should be answered.
        """
        answering = self.answers.get(command.code)
        if answering is None:
            return notSupported(command)
        try:
            self._check(command)
            return answering(command, peer)
        except Refused as e:
            return e.answer(command)
        except Malformed as e:
            return command.response(ResponseCode.SYSTEM_ERROR, f"malformed: {e}")

    def _play(self, cue: Cue, command: RemotingCommand, peer: Peer) -> Answer:
        """
        Do what was pushed.
        """
        exchange = Exchange(
            command,
            peer,
            lambda: self.answer(command, peer),
            cue.stored,
            self._delays,
        )
        return self._written(cue.fault.play(exchange), command, peer)

    def _written(self, answer: Answer, command: RemotingCommand, peer: Peer) -> Answer:
        """
        See that an answer is written in the server's own serialisation.

        @return: What is left to write in the serialisation of the request.
        """
        wanted = self._serializeType
        if wanted is None or wanted == command.serializeType or command.isOneway:
            return answer
        if isinstance(answer, Deferred):
            return answer.addCallback(_write, wanted, peer)
        _write(answer, wanted, peer)
        return None


def _write(answer: RemotingCommand | None, wanted: SerializeType, peer: Peer) -> None:
    """
    Write an answer in a serialisation of our choice.
    """
    if answer is not None:
        peer.writeBytes(encodeFrame(replace(answer, serializeType=wanted)))
