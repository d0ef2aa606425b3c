"""
What becomes of the requests the other side makes.

Follows C{NettyRemotingAbstract.processRequestCommand}.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, cast

from msgspec.structs import replace
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from txrocketmq._wire.codes import ResponseCode
from txrocketmq._wire.command import RESPONSE, RemotingCommand
from txrocketmq._wire.frames import encodeFrame

from .quotas import Quota

if TYPE_CHECKING:
    from .protocol import RemotingProtocol

Answer: TypeAlias = RemotingCommand | None
Responder: TypeAlias = Callable[
    [RemotingCommand, "RemotingProtocol"],
    "Deferred[Answer] | Coroutine[Deferred[Any], Any, Answer] | Answer",
]
"""
What answers the peer's requests, and is told whose they are.  L{None} is no
answer; a failure becomes a SYSTEM_ERROR.
"""


def notSupported(command: RemotingCommand) -> RemotingCommand:
    """
    The answer to a request nobody here knows.
    """
    return command.response(
        ResponseCode.REQUEST_CODE_NOT_SUPPORTED,
        f" request type {command.code} not supported",
    )


class Answering:
    """
    The answering side of one connection.

    An answer has the opaque and the serialisation of its request, whatever
    the responder put into it.  A oneway request never gets one.

    @ivar dropped: How many requests were over the limit.  They get no answer.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self, protocol: RemotingProtocol, respond: Responder, quota: Quota | None
    ) -> None:
        """
        @param quota: How many requests are looked at; L{None} is no limit.
        """
        self._protocol = protocol
        self._respond = respond
        self._quota = quota
        self.dropped = 0

    def asked(self, command: RemotingCommand, now: float) -> None:
        """
        Answer a request, now or later.
        """
        if self._quota is not None and not self._quota.take(now):
            self._drop()
            return
        # The cast: mypy finds no overload for what may return any of the three.
        respond = cast("Callable[..., Answer]", self._respond)
        answer = maybeDeferred(respond, command, self._protocol)
        answer.addCallback(self._answer, command).addErrback(self._failed, command)

    def _drop(self) -> None:
        """
        Count a request nobody looks at, and tell about the first.
        """
        self.dropped += 1
        if self.dropped == 1:
            self._log.warn(
                "{address} makes more requests than are answered",
                address=self._protocol.address,
            )

    def _answer(self, answer: Answer, command: RemotingCommand) -> None:
        """
        Write what the responder gave.
        """
        if answer is None or command.isOneway:
            return
        self._protocol.writeBytes(
            encodeFrame(
                replace(
                    answer,
                    opaque=command.opaque,
                    flag=answer.flag | RESPONSE,
                    serializeType=command.serializeType,
                )
            )
        )

    def _failed(self, reason: Failure, command: RemotingCommand) -> None:
        """
        Tell the peer, and the log.  A responder that was cancelled had its
        reasons: nobody is told.
        """
        if reason.check(CancelledError):
            return
        self._log.failure(
            "Request {code} of {address} failed",
            reason,
            code=command.code,
            address=self._protocol.address,
        )
        name = reason.value.__class__.__name__
        self._answer(command.response(ResponseCode.SYSTEM_ERROR, name), command)
