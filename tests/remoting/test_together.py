"""
Tests of what L{RemotingProtocol} writes while it gives answers: in one go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from tests.remoting.doubles import FIRST, REQUEST, LineTestCase, answer
from txrocketmq._remoting.gathering import MAX_GATHERED
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.frames import FrameBuffer
from txrocketmq.errors import ConnectionClosed, Persisted


class TogetherTests(LineTestCase):
    """
    Requests that are made because of answers.
    """

    def setUp(self) -> None:
        """
        Connect, with two requests under way, and record each write.
        """
        super().setUp()
        self.protocol, self.transport = self.line()
        self.waiting = [self.protocol.invoke(REQUEST, 3.0) for _ in range(2)]
        self.transport.clear()
        self.writes: list[bytes] = []
        self.transport.write = self.wrote  # type: ignore[method-assign]
        self.made: list[Deferred[RemotingCommand]] = []

    def tearDown(self) -> None:
        """
        Expect nothing of what is still under way.
        """
        super().tearDown()
        for each in (*self.made, *self.waiting):
            each.addErrback(lambda _: None)

    def wrote(self, data: bytes) -> None:
        """
        Record a write, and have enough at once.
        """
        self.writes.append(data)
        self.protocol.pauseProducing()

    def ask(self, body: bytes = b"") -> None:
        """
        Make a request.
        """
        self.made.append(self.protocol.invoke(RemotingCommand(10, body=body), 3.0))

    def answerBoth(self, cause: Callable[[], object]) -> None:
        """
        Both answers come together, and each is the cause of something.
        """
        for each in self.waiting:
            each.addCallback(lambda _: cause())
        self.protocol.dataReceived(answer(FIRST) + answer(FIRST + 1))
        for each in self.waiting:
            self.successResultOf(each)

    def test_oneWrite(self) -> None:
        """
        They leave in one write, in their order.
        """
        self.answerBoth(self.ask)
        [written] = self.writes
        opaques = [each.opaque for each in FrameBuffer().feed(written)]
        self.assertEqual(opaques, [FIRST + 2, FIRST + 3])

    def test_atOnceLater(self) -> None:
        """
        What is asked at another time waits for nothing.
        """
        self.ask()
        self.assertEqual(len(self.writes), 1)

    def test_notWithoutEnd(self) -> None:
        """
        When it is much, the transport is given it, and asked whether it has
        enough.
        """

        def cause() -> None:
            for _ in range(2):
                self.ask(bytes(MAX_GATHERED))

        self.answerBoth(cause)
        [written] = self.writes
        self.assertEqual(len(FrameBuffer().feed(written)), 1)
        self.assertEqual(self.protocol.pending, 4)

    def test_closing(self) -> None:
        """
        A connection that a callback closes has written what was asked before.
        """

        def cause() -> None:
            self.ask()
            self.protocol.close()

        self.answerBoth(cause)
        self.assertEqual(len(self.writes), 1)
        self.assertTrue(self.transport.disconnecting)
        self.reactor.advance(0)
        self.assertEqual(self.persisted(), [Persisted.MAYBE, Persisted.NO])

    def test_dropping(self) -> None:
        """
        What was given to a transport that is dropped may have been read.
        """

        def cause() -> None:
            self.ask()
            self.protocol.abort()

        self.answerBoth(cause)
        self.assertEqual(len(self.writes), 1)
        self.reactor.advance(0)
        self.assertEqual(self.persisted(), [Persisted.MAYBE, Persisted.NO])

    def persisted(self) -> list[Any]:
        """
        What is said of the requests that have failed.
        """
        failures = [self.failureResultOf(d, ConnectionClosed) for d in self.made]
        return [each.value.persisted for each in failures]
