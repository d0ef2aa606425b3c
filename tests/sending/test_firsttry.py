"""
Tests of L{txrocketmq._sending.firsttry}: how a first try ends, whoever ends it
and whenever.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from tests.sending.test_outgoing import QUEUE, envelopeOf
from tests.support import TestCase
from txrocketmq._remoting.waiters import Unwritten
from txrocketmq._sending.assemble import assemble
from txrocketmq._sending.endings import Weak
from txrocketmq._sending.firsttry import FirstTry
from txrocketmq._sending.progress import Epoch, Send
from txrocketmq._sending.rules import rulesFor
from txrocketmq._wire.command import RemotingCommand
from txrocketmq.errors import RemotingTimeout, SendCancelled, SystemBusy
from txrocketmq.message import (
    CommunicationMode,
    Message,
    Persisted,
    SendResult,
    SendStatus,
)
from txrocketmq.settings import ProducerSettings

STORED = {"msgId": "0A", "queueId": "3", "queueOffset": "7"}


def nothing() -> None:
    """
    Nothing happens on the way.
    """


class Course:
    """
    The attempts a first try is the first of; and the connection it asks on.

    @ivar ends: How the send has ended, each time it was told.

    @ivar errors: With what the loop was begun.

    @ivar looped: The Deferred of the loop.

    @ivar meanwhile: What happens while the end is told, or the loop begins.
    """

    def __init__(self, written: bool = True) -> None:
        self.ends: list[bool] = []
        self.errors: list[Exception] = []
        self.looped: Deferred[SendResult] = Deferred()
        self.meanwhile: Callable[[], object] = nothing
        self.written = written
        self.abandoned = 0

    def resultOf(self, send: Send, answer: RemotingCommand) -> SendResult:
        """
        What an answer means.
        """
        return send.outgoing.result(answer, QUEUE, "b:1", (), 0)

    def ended(self, send: Send, stored: bool) -> None:
        """
        The send has ended.
        """
        self.ends.append(stored)
        self.meanwhile()

    def loop(self, send: Send, error: Exception) -> Deferred[SendResult]:
        """
        Begin the loop.
        """
        self.errors.append(error)
        self.meanwhile()
        return self.looped

    def ask(self, frame: Callable[[int], bytes], timeout: float, waiter: Any) -> None:
        """
        Ask: the connection's part.
        """
        self.timeout = timeout

    def abandon(self, waiter: Any) -> None:
        """
        Forget the request: the connection's part.
        """
        self.abandoned += 1
        if not self.written:
            waiter.failed(Unwritten())


class FirstTryTests(TestCase):
    """
    The ends of a first try.
    """

    def begin(
        self, written: bool = True, mode: CommunicationMode | None = None, **more: Any
    ) -> tuple[Course, FirstTry, Deferred[SendResult]]:
        """
        Make a first try.
        """
        settings = ProducerSettings(**more)
        outgoing = assemble(envelopeOf(**more), Message("T", b"x"), None)
        rules = rulesFor(mode, settings, False)
        course = Course(written)
        send = Send(outgoing, 10.0, Epoch(), None, rules)
        first = FirstTry(course, send, course)  # type: ignore[arg-type]
        return course, first, first.begin(3.0)

    def cancelled(self, ended: Deferred[SendResult]) -> Persisted:
        """
        What a cancelled send says of the message.
        """
        error = self.failureResultOf(ended, SendCancelled).value
        assert isinstance(error, SendCancelled)
        return error.persisted

    def test_stored(self) -> None:
        """
        A good answer is the result.
        """
        course, first, ended = self.begin()
        first.answered(RemotingCommand(0, STORED))
        self.assertEqual(self.successResultOf(ended).queueOffset, 7)
        self.assertEqual((course.ends, course.errors), ([True], []))

    def test_refused(self) -> None:
        """
        Any other answer, and none at all, is the loop's, and so is the end.
        """
        course, first, ended = self.begin()
        first.answered(RemotingCommand(2))
        self.assertIsInstance(course.errors[0], SystemBusy)
        self.assertNoResult(ended)
        course.looped.errback(RuntimeError("the end"))
        self.failureResultOf(ended, RuntimeError)
        course, first, ended = self.begin()
        first.failed(RemotingTimeout("b:1", "late"))
        self.assertIsInstance(course.errors[0], RemotingTimeout)
        course.looped.callback("the end")  # type: ignore[arg-type]
        self.assertEqual(self.successResultOf(ended), "the end")
        self.assertEqual(course.ends, [])

    def test_weak(self) -> None:
        """
        A weak result is bettered by the loop, where the rules say so.
        """
        answer = RemotingCommand(10, STORED)
        course, first, ended = self.begin()
        first.answered(answer)
        result = self.successResultOf(ended)
        self.assertIs(result.sendStatus, SendStatus.FLUSH_DISK_TIMEOUT)
        course, first, ended = self.begin(
            mode=CommunicationMode.SYNC, retryAnotherBrokerWhenNotStoreOK=True
        )
        first.answered(answer)
        self.assertIsInstance(course.errors[0], Weak)

    def test_cancelled(self) -> None:
        """
        What is cancelled is forgotten by the connection, and says whether it
        was written.
        """
        for written, persisted in ((True, Persisted.MAYBE), (False, Persisted.NO)):
            course, _, ended = self.begin(written)
            ended.cancel()
            self.assertIs(self.cancelled(ended), persisted)
            self.assertEqual((course.abandoned, course.ends), (1, [False]))

    def test_cancelledInTheLoop(self) -> None:
        """
        Once the loop sees to the end, cancelling is its affair.
        """
        course, first, ended = self.begin()
        first.answered(RemotingCommand(2))
        ended.cancel()
        self.assertEqual((course.abandoned, course.ends), (0, []))
        self.failureResultOf(ended, CancelledError)

    def test_cancelledWhileItEnds(self) -> None:
        """
        A stored message's send cannot be cancelled any more.
        """
        course, first, ended = self.begin()
        course.meanwhile = ended.cancel
        first.answered(RemotingCommand(0, STORED))
        self.assertEqual(self.successResultOf(ended).queueOffset, 7)
        self.assertEqual(course.ends, [True])

    def test_cancelledWhileTheLoopBegins(self) -> None:
        """
        What is cancelled then ends at once, and the loop with it.
        """
        course, first, ended = self.begin()
        course.meanwhile = ended.cancel
        first.answered(RemotingCommand(2))
        self.assertIs(self.cancelled(ended), Persisted.MAYBE)
        self.assertTrue(course.looped.called)
