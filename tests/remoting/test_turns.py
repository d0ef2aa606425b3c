"""
Tests of whose turn to be written has not come: the time for an answer begins with it,
while the peer reads.  F30b.
"""

from __future__ import annotations

from math import inf

from twisted.internet.defer import Deferred

from tests.remoting.doubles import FIRST, Line, LineTestCase, answer, readsSlowly
from txrocketmq._remoting.gathering import MAX_GATHERED
from txrocketmq._remoting.protocol import RemotingProtocol
from txrocketmq._wire.command import RemotingCommand
from txrocketmq.errors import ConnectionClosed, Persisted, RemotingTimeout

LARGE = bytes(MAX_GATHERED + 1)


class TurnTests(LineTestCase):
    """
    A peer that reads one frame at a time.
    """

    def setUp(self) -> None:
        """
        Connect.
        """
        super().setUp()
        self.protocol, self.paused = self.slow()

    def slow(self) -> tuple[RemotingProtocol, Line]:
        """
        A transport that has enough with each frame.
        """
        protocol, line = self.line(frameTimeout=5.0)
        readsSlowly(self, protocol)
        return protocol, line

    def asked(self, count: int, most: float) -> list[Deferred[RemotingCommand]]:
        """
        So many requests, with three seconds each.
        """
        command = RemotingCommand(0, body=LARGE)
        return [self.protocol.invoke(command, 3.0, most) for _ in range(count)]

    def test_behindOthers(self) -> None:
        """
        Who is behind others of ours waits until its turn comes, and not only for as
        long as an answer may take; but not for longer than it may in all.
        """
        asked = self.asked(5, 10.0)
        for number in range(4):
            self.reactor.advance(2.0)
            self.protocol.resumeProducing()
            self.protocol.dataReceived(answer(FIRST + number))
            self.successResultOf(asked[number])
        self.reactor.advance(1.9)
        self.assertNoResult(asked[4])
        self.reactor.advance(0.1)
        error = self.failing(asked[4], RemotingTimeout)
        self.assertIs(error.persisted, Persisted.NO)
        self.assertEqual(len(self.protocol._outbox), 0)

    def test_answerAfterTheTurn(self) -> None:
        """
        Once written, it has as long as an answer may take.
        """
        first, second = self.asked(2, 60.0)
        self.reactor.advance(2.0)
        self.protocol.resumeProducing()
        self.reactor.advance(2.0)
        self.protocol.resumeProducing()
        self.reactor.advance(0.9)
        self.assertNoResult(first)
        self.reactor.advance(0.1)
        self.assertIs(self.failing(first, RemotingTimeout).persisted, Persisted.MAYBE)
        self.reactor.advance(1.9)
        self.assertNoResult(second)
        self.reactor.advance(0.1)
        self.assertIs(self.failing(second, RemotingTimeout).persisted, Persisted.MAYBE)

    def test_doesNotRead(self) -> None:
        """
        A peer that has read nothing for as long as an answer may take keeps nobody.
        """
        (asked,) = self.asked(1, 60.0)
        self.reactor.advance(2.9)
        self.assertNoResult(asked)
        self.reactor.advance(0.1)
        error = self.failing(asked, RemotingTimeout)
        self.assertIs(error.persisted, Persisted.NO)
        self.assertIn("the peer did not read within 3 s", str(error))

    def test_readsNoMore(self) -> None:
        """
        Nor does one that has stopped reading, counted from then on; and then it is
        dropped, with all who wait.
        """
        first, second, third = self.asked(3, 60.0)
        self.reactor.advance(2.0)
        self.protocol.resumeProducing()
        self.protocol.dataReceived(answer(FIRST))
        self.successResultOf(first)
        self.reactor.advance(2.9)
        self.assertNoResult(second)
        late = self.protocol.invoke(RemotingCommand(0), 6.0, 60.0)
        self.reactor.advance(0.1)
        for each in (second, third):
            error = self.failing(each, RemotingTimeout)
            self.assertIs(error.persisted, Persisted.NO)
        self.reactor.advance(5.9)
        self.assertIs(
            self.failing(late, ConnectionClosed, RemotingTimeout).persisted,
            Persisted.NO,
        )

    def test_noMore(self) -> None:
        """
        What was given nothing more has its time for all of it.
        """
        first, second = self.asked(2, -inf)
        self.reactor.advance(2.0)
        self.protocol.resumeProducing()
        self.reactor.advance(1.0)
        self.assertIs(self.failing(first, RemotingTimeout).persisted, Persisted.MAYBE)
        self.assertIs(self.failing(second, RemotingTimeout).persisted, Persisted.NO)


class StandstillTests(LineTestCase):
    """
    The reactor stands still, as it does for who sends in a long loop.  F65.
    """

    def test_leftOnlyNow(self) -> None:
        """
        What was asked before may have left only now: there is a second for its
        answer; and no more.
        """
        protocol, line = self.line(frameTimeout=3.0)
        first, second = (protocol.invoke(RemotingCommand(0), 3.0, 60.0) for _ in "ab")
        self.reactor.advance(10.0)
        self.reactor.advance(0.9)
        protocol.dataReceived(answer(FIRST))
        self.successResultOf(first)
        self.assertNoResult(second)
        self.reactor.advance(0.1)
        self.assertIs(self.failing(second, RemotingTimeout).persisted, Persisted.MAYBE)
        self.assertEqual(line.aborted, 0)

    def test_silentAfterwards(self) -> None:
        """
        A peer that says nothing then either is dropped.
        """
        protocol, line = self.line(frameTimeout=3.0)
        asked = protocol.invoke(RemotingCommand(0), 3.0, 60.0)
        self.reactor.advance(10.0)
        self.reactor.advance(0.0)
        self.assertNoResult(asked)
        self.assertEqual(line.aborted, 0)
        self.reactor.advance(1.0)
        self.failing(asked, RemotingTimeout)
        self.assertEqual(line.aborted, 1)

    def test_notBeyondTheEnd(self) -> None:
        """
        Nobody waits for longer than in all because of that.
        """
        protocol, _ = self.line(frameTimeout=3.0)
        most = self.reactor.seconds() + 10.5
        asked = protocol.invoke(RemotingCommand(0), 3.0, most)
        self.reactor.advance(10.0)
        self.assertNoResult(asked)
        self.reactor.advance(0.5)
        self.failing(asked, RemotingTimeout)

    def test_pausedInTheLoop(self) -> None:
        """
        That the transport takes no more says nothing of the peer before the loop is
        over, and a second after that.
        """
        for took in (2.95, 4.5):
            protocol, line = self.line(frameTimeout=3.0)
            most = self.reactor.seconds() + 60.0
            written = protocol.invoke(RemotingCommand(0), 3.0, most)
            protocol.pauseProducing()
            waiting = protocol.invoke(RemotingCommand(0), 3.0, most)
            self.reactor.advance(took)
            self.reactor.advance(0.9)
            self.assertNoResult(written)
            self.assertNoResult(waiting)
            protocol.resumeProducing()
            protocol.dataReceived(answer(FIRST) + answer(FIRST + 1))
            self.successResultOf(written)
            self.successResultOf(waiting)
            self.assertEqual(line.aborted, 0)
