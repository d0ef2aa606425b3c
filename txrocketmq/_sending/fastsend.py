"""
A plain send that is under way, and its end.

Laws:

    - What the answer means is what L{Outgoing
      <txrocketmq._sending.outgoing.Outgoing>} says it does; here only the one that
      is expected is known.

    - Any other end is that of a L{FirstTry<txrocketmq._sending.firsttry.FirstTry>},
      which is made when it is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from txrocketmq._remoting.protocol import RemotingProtocol
from txrocketmq._remoting.waiters import UNWRITTEN, persistedOf
from txrocketmq._wire.command import RemotingCommand
from txrocketmq.message import (
    Attempt,
    Message,
    Persisted,
    SendResult,
    SendStatus,
)

from .assemble import assemble
from .firsttry import FirstTry
from .outgoing import INT64_DIGITS
from .paths import QueuePath
from .progress import Epoch, Send
from .surroundings import Around

if TYPE_CHECKING:
    from .fastpath import FastPath

_OK = SendStatus.SEND_OK
_YES = Persisted.YES


class FastSend(msgspec.Struct, eq=False):
    """
    A plain send from its call to its end, or until something is not well.

    It is a L{Waiting<txrocketmq._remoting.waiters.Waiting>}.

    @ivar target: Where it goes.

    @ivar live: Who is asked.

    @ivar began: When that was.

    @ivar ended: What its caller has.

    @ivar around: What is to be done when the try has ended, if anything is.

    @ivar result: The result, while its caller is told.

    @ivar first: What has taken over.
    """

    path: FastPath
    target: QueuePath
    live: RemotingProtocol
    message: Message
    msgId: str
    epoch: Epoch
    began: float
    ended: Deferred[SendResult] | None = None
    opaque: int = 0
    timeout: float = 0.0
    deadline: float = 0.0
    heard: int = UNWRITTEN
    oneway: bool = False
    around: Around | None = None
    result: SendResult | None = None
    first: FirstTry | None = None

    def answered(self, answer: RemotingCommand) -> None:
        """
        The answer has come: the one that is expected, or another.
        """
        path, target, fields = self.path, self.target, answer.extFields
        offset = fields.get("queueOffset", "")
        offsetMsgId = fields.get("msgId")
        if (
            answer.code
            or fields.get("queueId") != target.queueId
            or not offsetMsgId
            or not offset.isdigit()
            or not offset.isascii()
            or len(offset) > INT64_DIGITS
        ):
            self._general().answered(answer)
            return
        elapsed = path.seconds() - self.began
        self.result = result = SendResult(
            _OK,
            self.msgId,
            offsetMsgId,
            target.queue,
            int(offset),
            fields.get("transactionId"),
            fields.get("MSG_REGION") or "DefaultRegion",
            fields.get("TRACE_ON") != "false",
            fields.get("recallHandle"),
            (Attempt(target.queue, target.address, elapsed, None, _YES),),
        )
        if path.failing:
            path.avoidance.succeeded(target.broker)
        if self.around is not None:
            self.around.ended(answer, result, None)
        path.stored(self.epoch, len(self.message.body))
        ended = self.ended
        assert ended is not None
        # Whoever was told of the end may have cancelled this send.
        if not ended.called:
            ended.callback(result)

    def frame(self) -> bytes:
        """
        Its frame, once there is a place for it.
        """
        return self.path.frame(self)

    def failed(self, error: Exception | Failure) -> None:
        """
        There will be no answer, or its caller has cancelled the send.
        """
        self._general().failed(error)

    @property
    def most(self) -> float:
        """
        Until when it may wait for its turn to be written.
        """
        return self.began + self.path.sendTimeout

    @property
    def persisted(self) -> Persisted:
        """
        What is known of the message if there is no answer.
        """
        return persistedOf(self.heard)

    def cancelled(self, ended: Deferred[SendResult]) -> None:
        """
        The send was cancelled: end what is under way.
        """
        if self.result is not None:
            ended.callback(self.result)
        elif self.first is not None:
            self.first.cancelled(ended)
        else:
            self.live.abandon(self)
            if self.first is None:
                self.failed(CancelledError())

    def _general(self) -> FirstTry:
        """
        The same send as the general way has it, which goes on with it.
        """
        path, target = self.path, self.target
        envelope = path.envelope
        send = Send(
            assemble(envelope, self.message, self.msgId),
            self.most,
            self.epoch,
            None,
            path.rules,
            target.queue,
            target.broker,
            target.address,
            self.began,
        )
        self.first = FirstTry(
            path.attempts,
            send,
            self.live,
            self.ended,
            heard=self.heard,
            around=self.around,
        )
        return self.first
