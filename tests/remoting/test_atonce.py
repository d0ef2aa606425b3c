"""
Tests of what L{RemotingProtocol} does not leave to the reactor's next turn.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.abstract import FileDescriptor
from twisted.internet.defer import Deferred
from twisted.internet.main import CONNECTION_LOST

from tests.remoting.doubles import FIRST, REQUEST, LineTestCase, answer, noAnswer
from txrocketmq._remoting.factory import RemotingFactory
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.frames import FrameBuffer, encodeFrame


class Reactor:
    """
    What a socket needs of a reactor.

    @ivar writers: Who wants to be asked in the next turn.
    """

    def __init__(self) -> None:
        self.writers: list[FileDescriptor] = []

    def addWriter(self, writer: FileDescriptor) -> None:
        """
        Take note of one.
        """
        if writer not in self.writers:
            self.writers.append(writer)

    def removeWriter(self, writer: FileDescriptor) -> None:
        """
        Forget one.
        """
        if writer in self.writers:
            self.writers.remove(writer)

    def removeReader(self, reader: FileDescriptor) -> None:
        """
        Nothing is read here.
        """


class Socket(FileDescriptor):
    """
    A socket that takes so many bytes, and then no more.

    @ivar taken: What it has taken, by call.
    """

    def __init__(self) -> None:
        self.asked = Reactor()
        super().__init__(self.asked)  # type: ignore[arg-type]
        self.connected = True
        self.takes = 1 << 30
        self.isLost = False
        self.taken: list[bytes] = []

    def writeSomeData(self, data: Any) -> Any:
        """
        Take some.
        """
        if self.isLost:
            return CONNECTION_LOST
        some = bytes(data)[: self.takes]
        self.takes -= len(some)
        self.taken.append(some)
        return len(some)

    def opaques(self) -> list[list[int]]:
        """
        The numbers of the requests that were taken, by call, of whole frames.
        """
        told = [[each.opaque for each in FrameBuffer().feed(d)] for d in self.taken]
        self.taken.clear()
        return told


class AtOnceTests(LineTestCase):
    """
    Requests over a socket.
    """

    def setUp(self) -> None:
        """
        Connect.
        """
        super().setUp()
        factory = RemotingFactory(
            self.reactor, noAnswer, address="broker:1", opaques=lambda: FIRST
        )
        self.protocol = factory.buildProtocol(None)
        self.socket = Socket()
        self.protocol.makeConnection(self.socket)
        self.asked: list[Deferred[RemotingCommand]] = []

        self.addCleanup(self.end)

    def end(self) -> None:
        """
        Expect nothing of what is still under way.
        """
        for each in self.asked:
            each.addErrback(lambda _: None)
        self.protocol.connectionLost()
        self.reactor.advance(0)

    def ask(self, body: bytes = b"") -> Deferred[RemotingCommand]:
        """
        Make a request.
        """
        asking = self.protocol.invoke(RemotingCommand(10, body=body), 3.0)
        self.asked.append(asking)
        return asking

    def askAgain(self, count: int, body: bytes = b"") -> None:
        """
        Make some requests.
        """
        for _ in range(count):
            self.ask(body)

    def tell(self) -> None:
        """
        Make one that needs no answer.
        """
        self.successResultOf(self.protocol.oneway(REQUEST))

    def nextTurn(self) -> None:
        """
        Let the socket write as the reactor would.
        """
        for writer in [*self.socket.asked.writers]:
            writer.doWrite()

    def test_alone(self) -> None:
        """
        The only one is written at once; those that follow it leave together in the
        next turn.
        """
        for _ in range(3):
            self.ask()
        self.assertEqual(self.socket.opaques(), [[FIRST]])
        self.assertEqual(self.socket.asked.writers, [self.socket])
        self.nextTurn()
        self.assertEqual(self.socket.opaques(), [[FIRST + 1, FIRST + 2]])
        self.assertEqual(self.socket.asked.writers, [])

    def test_becauseOfAnswers(self) -> None:
        """
        What is asked because of answers is written in one call, before the next
        turn.
        """
        for each in (self.ask(), self.ask()):
            each.addCallback(lambda _: self.askAgain(2))
        self.nextTurn()
        self.socket.opaques()
        self.protocol.dataReceived(answer(FIRST) + answer(FIRST + 1))
        self.assertEqual(
            self.socket.opaques(), [[FIRST + 2, FIRST + 3, FIRST + 4, FIRST + 5]]
        )
        self.assertEqual(self.socket.asked.writers, [])

    def test_aloneBecauseOfAnAnswer(self) -> None:
        """
        What is the only one outstanding is on its way before its caller goes on.
        """
        taken: list[int] = []
        asking = self.ask().addCallback(lambda _: self.askAgain(1))
        asking.addCallback(lambda _: taken.append(len(self.socket.taken)))
        asking.addCallback(lambda _: self.askAgain(2))
        self.protocol.dataReceived(answer(FIRST))
        self.assertEqual(taken, [2])
        self.assertEqual(
            self.socket.opaques(), [[FIRST], [FIRST + 1], [FIRST + 2, FIRST + 3]]
        )

    def test_afterOthers(self) -> None:
        """
        Those that were asked before it are written before it.
        """
        asking = self.ask()
        asking.addCallback(lambda _: self.tell())
        asking.addCallback(lambda _: self.askAgain(1))
        self.protocol.dataReceived(answer(FIRST))
        self.assertEqual(self.socket.opaques(), [[FIRST], [FIRST + 1, FIRST + 2]])

    def test_partly(self) -> None:
        """
        What the socket does not take at once it takes later.
        """
        self.socket.takes = 10
        self.ask(b"x" * 100)
        self.assertEqual([len(each) for each in self.socket.taken], [10])
        self.socket.takes = 1 << 30
        self.nextTurn()
        [frame] = FrameBuffer().feed(b"".join(self.socket.taken))
        self.assertEqual(frame.body, b"x" * 100)

    def test_enough(self) -> None:
        """
        A socket that has enough, and then takes all of it, ends with everything
        written, once and in order.
        """
        self.socket.takes = 0
        for _ in range(9):
            self.ask(b"x" * 100_000)
        self.socket.takes = 1 << 30
        for _ in range(9):
            self.nextTurn()
        [frames] = [FrameBuffer().feed(b"".join(self.socket.taken))]
        self.assertEqual([each.opaque for each in frames], [*range(FIRST, FIRST + 9)])
        self.assertFalse(self.protocol.paused)

    def test_enoughMeanwhile(self) -> None:
        """
        One that is more than the socket wants at a time, and is taken at once, does
        not keep those that are asked after it from leaving together.
        """
        asking = self.ask().addCallback(lambda _: self.askAgain(1, b"x" * 100_000))
        asking.addCallback(lambda _: self.askAgain(2))
        self.socket.taken.clear()
        self.protocol.dataReceived(answer(FIRST))
        self.assertFalse(self.protocol.paused)
        self.assertEqual(self.socket.opaques(), [[FIRST + 1], [FIRST + 2, FIRST + 3]])

    def test_lost(self) -> None:
        """
        That the connection is lost is for the reactor to find: nothing is
        concluded here, and it will ask again.
        """
        self.socket.isLost = True
        asking = self.ask()
        self.assertNoResult(asking)
        self.assertEqual(self.socket.asked.writers, [self.socket])

    def test_closed(self) -> None:
        """
        Whoever is closing is left to close as it does: by the reactor's hand.
        """
        asking = self.ask()
        self.ask()
        asking.addCallback(lambda _: self.askAgain(1))
        asking.addCallback(lambda _: self.protocol.close())
        self.nextTurn()
        self.socket.opaques()
        self.protocol.dataReceived(answer(FIRST))
        self.assertEqual(self.socket.taken, [])
        self.assertEqual(self.socket.asked.writers, [self.socket])
        self.assertTrue(self.socket.disconnecting)

    def test_oneway(self) -> None:
        """
        What needs no answer gains nothing, and leaves with others, whatever else is
        outstanding.
        """
        self.ask()
        self.socket.taken.clear()
        for _ in range(2):
            self.tell()
        self.assertEqual(self.socket.taken, [])
        self.nextTurn()
        self.assertEqual(self.socket.opaques(), [[FIRST + 1, FIRST + 2]])

    def test_answers(self) -> None:
        """
        Nor do answers, those that had to wait among them: they leave in large pieces.
        """
        self.ask()
        self.socket.taken.clear()
        self.protocol.pauseProducing()
        frames = [encodeFrame(RemotingCommand(0, opaque=at, flag=1)) for at in (1, 2)]
        for frame in frames:
            self.protocol.writeBytes(frame)
        self.protocol.resumeProducing()
        self.assertEqual(self.socket.taken, [])
        self.nextTurn()
        self.assertEqual(self.socket.taken, [b"".join(frames)])
