"""
Tests of L{txrocketmq._sending.endings}.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.sending.support import ClusterTestCase
from txrocketmq._sending.endings import withoutFrames
from txrocketmq.context import SendMessageContext
from txrocketmq.errors import ConnectFailed, SendFailed
from txrocketmq.interfaces import ICheckForbiddenHook
from txrocketmq.message import CommunicationMode, Persisted
from txrocketmq.producer import Producer
from txrocketmq.sandbox import faults
from txrocketmq.settings import ProducerSettings

from .test_hooks import SEND

ADDRESS = "127.0.0.1:10911"


def raised(error: Exception, cause: Exception | None = None) -> Any:
    """
    An error that has been raised.
    """
    try:
        raise error from cause
    except Exception as caught:
        return caught


def reasons(error: BaseException) -> Iterator[BaseException]:
    """
    All errors that an error keeps, itself among them.
    """
    left: list[BaseException | None] = [error]
    seen: set[int] = set()
    while left:
        each = left.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield each
            left += [each.__cause__, each.__context__]


class FramesTests(SynchronousTestCase):
    """
    L{withoutFrames}.
    """

    def test_frames(self) -> None:
        """
        An error of ours keeps its causes, and no frame of any of them.
        """
        cause = raised(OSError("no"))
        error = raised(ConnectFailed(ADDRESS, "no"), cause)
        self.assertIsNotNone(cause.__traceback__)
        self.assertIs(withoutFrames(error), error)
        self.assertIs(error.__cause__, cause)
        self.assertIsNone(error.__traceback__)
        self.assertIsNone(cause.__traceback__)

    def test_theirs(self) -> None:
        """
        Somebody else's is left as it is.
        """
        error = raised(ZeroDivisionError())
        frames = error.__traceback__
        self.assertIs(withoutFrames(error).__traceback__, frames)

    def test_circle(self) -> None:
        """
        One that many sends failed with, and that was raised again at the end of
        one of them, is in a circle.
        """
        error = raised(ConnectFailed(ADDRESS, "no"))
        end = SendFailed("T", "ID", error, Persisted.NO, (), 0)
        error.__context__ = end
        self.assertIs(withoutFrames(error), error)
        self.assertIsNone(error.__context__)
        theirs = raised(ValueError())
        theirs.__context__, error.__cause__ = error, theirs
        withoutFrames(error)
        self.assertIsNone(theirs.__traceback__)


@implementer(ICheckForbiddenHook)
class Forbids:
    """
    Lets one message pass, and no other.
    """

    def checkForbidden(self, context: SendMessageContext) -> None:
        """
        Look at what is sent.
        """
        (message,) = context.messages
        if message.body != b"first":
            raise PermissionError("not this one")


class StackTests(ClusterTestCase):
    """
    Sends that end on each other's stack.
    """

    def test_contexts(self) -> None:
        """
        Those that are let in when another has failed, and fail at once, know
        nothing of one another.
        """
        self.warm()
        settings = ProducerSettings(maxInFlightMessages=1)
        self.producer = Producer(self.client, "stack", settings, hooks=[Forbids()])
        for broker in self.sandbox.brokers.values():
            broker.push(faults.respond(13, "no"), code=SEND, times=9)
        mode = CommunicationMode.ASYNC
        ends: list[Any] = []

        def failed(reason: Failure) -> None:
            ends.append(reason.value)

        for body in (b"first", *(b"%d" % at for at in range(20))):
            self.send(body, mode=mode).addErrback(failed)
        self.cluster.flush()
        self.assertEqual(len(ends), 21)
        for end in ends:
            others = [each for each in reasons(end) if isinstance(each, SendFailed)]
            self.assertEqual(others, [end])
