"""
A send's first try, when nothing stands in its way.

Laws:

    - It takes neither a coroutine nor a timer, and no Deferred but the one the
      send's caller has: the connection tells it of the answer.

    - Whatever does not go well is the loop's.
"""

from __future__ import annotations

from typing import Protocol

import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from txrocketmq._remoting.protocol import RemotingProtocol
from txrocketmq._remoting.waiters import UNWRITTEN, persistedOf
from txrocketmq._wire.command import RemotingCommand
from txrocketmq.errors import RocketMQError, SendCancelled
from txrocketmq.message import Persisted, SendResult

from .endings import Weak, persistedBy
from .outgoing import SEND_OK
from .progress import Send
from .surroundings import Around


class Course(Protocol):
    """
    What a first try needs of the attempts it is the first of.
    """

    def resultOf(self, send: Send, answer: RemotingCommand) -> SendResult:
        """
        What an answer means.

        @raise RocketMQError: That nothing is stored, or not well.
        """

    def ended(self, send: Send, stored: bool) -> None:
        """
        A send has ended.
        """

    def loop(self, send: Send, error: Exception) -> Deferred[SendResult]:
        """
        Go on with a send whose try failed.
        """


class FirstTry(msgspec.Struct, eq=False):
    """
    What waits for the answer to a send's first try, and has the send's Deferred.

    It is a L{Waiting<txrocketmq._remoting.waiters.Waiting>}.

    @ivar live: Who is asked.

    @ivar around: What is to be told of the try's end, if anything is.
    """

    course: Course
    send: Send
    live: RemotingProtocol
    ended: Deferred[SendResult] | None = None
    opaque: int = 0
    timeout: float = 0.0
    deadline: float = 0.0
    heard: int = UNWRITTEN
    oneway: bool = False
    around: Around | None = None
    isOver: bool = False
    result: SendResult | None = None
    looped: Deferred[SendResult] | None = None

    def begin(self, timeout: float) -> Deferred[SendResult]:
        """
        Ask.

        @param timeout: Seconds until there must be an answer.

        @return: The end of the send.
        """
        ended: Deferred[SendResult] = Deferred(self.cancelled)
        self.ended = ended
        self.live.ask(self.send.frame, timeout, self)
        return ended

    def answered(self, answer: RemotingCommand) -> None:
        """
        The answer has come.
        """
        course, send, ended = self.course, self.send, self.ended
        self.isOver = True
        try:
            result = course.resultOf(send, answer)
        except RocketMQError as error:
            if self.around is not None:
                self.around.ended(answer, None, error)
            self._goOn(error)
            return
        if self.around is not None:
            self.around.ended(answer, result, None)
        if result.sendStatus is not SEND_OK and send.rules.betters(result, 1):
            self._goOn(Weak(result))
            return
        self.result = result
        course.ended(send, True)
        assert ended is not None
        # Whoever was told of the end may have cancelled this send.
        if not ended.called:
            ended.callback(result)

    def failed(self, error: Exception | Failure) -> None:
        """
        There will be no answer, or its caller has cancelled the send.
        """
        assert isinstance(error, Exception)
        self.isOver = True
        if self.around is not None:
            self.around.ended(None, None, error)
        if isinstance(error, CancelledError):
            self._end(SendCancelled(persistedBy(error)))
        else:
            self._goOn(error)

    @property
    def most(self) -> float:
        """
        Until when it may wait for its turn to be written.
        """
        return self.send.at

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
        elif self.looped is not None:
            self.looped.cancel()
        elif self.isOver:
            # The loop is about to begin, or to end, on the stack below.
            ended.errback(SendCancelled(Persisted.MAYBE))
        else:
            self.live.abandon(self)
            if not self.isOver:
                self.failed(CancelledError())

    def _end(self, error: Exception) -> None:
        """
        End the send here.
        """
        assert self.ended is not None
        self.course.ended(self.send, False)
        self.ended.errback(error)

    def _goOn(self, error: Exception) -> None:
        """
        Let the loop see to the end.
        """
        assert self.ended is not None
        self.looped = looped = self.course.loop(self.send, error)
        if self.ended.called:
            looped.addErrback(lambda _: None)
            looped.cancel()
        else:
            looped.chainDeferred(self.ended)
