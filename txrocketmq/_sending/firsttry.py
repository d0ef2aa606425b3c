"""
A send's first try, when nothing stands in its way.

Laws:

    - It is one object: what the connection tells of the answer is the Deferred
      the send's caller has.  It takes neither a coroutine nor a timer.

    - Whatever does not go well is the loop's.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred

from txrocketmq._remoting.protocol import RemotingProtocol
from txrocketmq._remoting.waiters import Waiter
from txrocketmq._wire.command import RemotingCommand
from txrocketmq.errors import RocketMQError, SendCancelled
from txrocketmq.message import Persisted, SendResult

from .endings import Weak, persistedBy
from .outgoing import SEND_OK
from .progress import Send


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


class FirstTry(Waiter[Any]):
    """
    The Deferred of one send, a L{SendResult}, and the waiter of its first try.
    """

    # Nearly all sends leave the last one as it is.
    _answered = False
    _result: SendResult | None = None
    _loop: Deferred[SendResult] | None = None

    def __init__(self, course: Course, send: Send, live: RemotingProtocol) -> None:
        """
        @param live: Who is asked.
        """
        super().__init__(_cancelled)
        self._course = course
        self._send = send
        self._live = live

    def answered(self, answer: RemotingCommand) -> None:
        """
        The answer has come.
        """
        course, send = self._course, self._send
        self._answered = True
        try:
            result = course.resultOf(send, answer)
        except RocketMQError as error:
            self._goOn(error)
            return
        if result.sendStatus is not SEND_OK and send.rules.betters(result, 1):
            self._goOn(Weak(result))
            return
        self._result = result
        course.ended(send, True)
        # Whoever was told of the end may have cancelled this send.
        if not self.called:
            self.callback(result)

    def failed(self, error: Exception) -> None:
        """
        There will be no answer, or its caller has cancelled the send.
        """
        self._answered = True
        if not isinstance(error, CancelledError):
            self._goOn(error)
            return
        self._course.ended(self._send, False)
        self.errback(SendCancelled(persistedBy(error)))

    def cancelTry(self) -> None:
        """
        The send was cancelled: end what is under way.
        """
        if self._result is not None:
            self.callback(self._result)
        elif self._loop is not None:
            self._loop.cancel()
        elif self._answered:
            # The loop is about to begin, or to end, on the stack below.
            self.errback(SendCancelled(Persisted.MAYBE))
        else:
            self._live.abandon(self)
            if not self.called:
                self.failed(CancelledError())

    def _goOn(self, error: Exception) -> None:
        """
        Let the loop see to the end.
        """
        self._loop = loop = self._course.loop(self._send, error)
        if self.called:
            loop.addErrback(lambda _: None)
            loop.cancel()
        else:
            loop.chainDeferred(self)


def _cancelled(first: Deferred[Any]) -> None:
    """
    The canceller of a first try.  It is no method: that would be a circle.
    """
    assert isinstance(first, FirstTry)
    first.cancelTry()
