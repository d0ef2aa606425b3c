"""
Tests of L{txrocketmq._remoting.answering}: what becomes of the peer's requests.
F36, F39, F40.
"""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred, fail, succeed

from tests.remoting.doubles import LineTestCase, frame, logged
from txrocketmq._remoting.answering import notSupported
from txrocketmq._remoting.protocol import RemotingProtocol
from txrocketmq._wire.codes import SerializeType
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.frames import MAX_FRAME, encodeFrame


class AnsweringTests(LineTestCase):
    """
    The peer asks.
    """

    def test_answer(self) -> None:
        """
        A responder may give an answer, a Deferred of one or a coroutine.
        """

        async def coroutine(
            command: RemotingCommand, protocol: RemotingProtocol
        ) -> RemotingCommand:
            return await succeed(command.response(2))

        for respond in (
            lambda command, protocol: command.response(2),
            lambda command, protocol: succeed(command.response(2)),
            coroutine,
        ):
            protocol, line = self.line(respond)
            protocol.dataReceived(frame(39, opaque=77))
            [got] = line.frames()
            self.assertEqual((got.code, got.opaque, got.isResponse), (2, 77, True))

    def test_later(self) -> None:
        """
        An answer may come later, and out of order.
        """
        asked: list[Deferred[RemotingCommand | None]] = []

        def respond(
            command: RemotingCommand, protocol: RemotingProtocol
        ) -> Deferred[RemotingCommand | None]:
            asked.append(Deferred())
            return asked[-1]

        protocol, line = self.line(respond)
        protocol.dataReceived(frame(39, opaque=1) + frame(39, opaque=2))
        self.assertEqual(line.frames(), [])
        asked[1].callback(RemotingCommand(2))
        asked[0].callback(RemotingCommand(1))
        self.assertEqual([(c.opaque, c.code) for c in line.frames()], [(2, 2), (1, 1)])

    def test_whoAsks(self) -> None:
        """
        The responder is told on which connection it is asked.
        """
        seen: list[tuple[int, RemotingProtocol]] = []
        protocol, _ = self.line(lambda command, p: seen.append((command.code, p)))
        protocol.dataReceived(frame(39))
        self.assertEqual(seen, [(39, protocol)])

    def test_addressed(self) -> None:
        """
        An answer has its request's opaque and serialisation and the response
        bit, whatever the responder gave.
        """
        protocol, line = self.line(lambda *_: RemotingCommand(5, opaque=9))
        for form in SerializeType:
            request = RemotingCommand(39, opaque=77, serializeType=form)
            protocol.dataReceived(encodeFrame(request))
            [got] = line.frames()
            self.assertEqual((got.opaque, got.flag, got.serializeType), (77, 1, form))

    def test_noAnswer(self) -> None:
        """
        A responder may give none.
        """
        protocol, line = self.line(lambda command, protocol: None)
        protocol.dataReceived(frame(39))
        self.assertEqual(line.value(), b"")

    def test_onewayGetsNone(self) -> None:
        """
        A oneway request gets no answer, not even when the responder fails.
        """
        protocol, line = self.line(lambda command, protocol: command.response())
        protocol.dataReceived(frame(39, flag=2))
        self.assertEqual(line.value(), b"")

        protocol, line = self.line(lambda command, protocol: fail(KeyError("x")))
        protocol.dataReceived(frame(39, flag=2))
        self.assertEqual(line.value(), b"")
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_failure(self) -> None:
        """
        A responder that fails is logged once; the peer gets a SYSTEM_ERROR
        that says no more than the error's name.
        """

        def raising(command: RemotingCommand, protocol: RemotingProtocol) -> None:
            raise KeyError("secret")

        for respond in (raising, lambda command, protocol: fail(KeyError("secret"))):
            protocol, line = self.line(respond)
            protocol.dataReceived(frame(39, opaque=77))
            [got] = line.frames()
            self.assertEqual((got.code, got.opaque, got.remark), (1, 77, "KeyError"))
            self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_tooLong(self) -> None:
        """
        An answer that fits in no frame becomes a SYSTEM_ERROR too.
        """
        protocol, line = self.line(
            lambda command, protocol: command.response(body=bytes(MAX_FRAME))
        )
        protocol.dataReceived(frame(39))
        self.assertEqual([each.code for each in line.frames()], [1])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_cancelled(self) -> None:
        """
        A responder that was cancelled answers nothing, and it is no error.
        """
        protocol, line = self.line(lambda command, protocol: fail(CancelledError()))
        protocol.dataReceived(frame(39))
        self.assertEqual(line.value(), b"")

    def test_goneMeanwhile(self) -> None:
        """
        An answer that comes when the connection has ended is dropped.
        """
        answer: Deferred[RemotingCommand | None] = Deferred()
        protocol, line = self.line(lambda command, protocol: answer)
        protocol.dataReceived(frame(39))
        protocol.abort()
        answer.callback(RemotingCommand(0))
        self.reactor.advance(0)
        self.assertEqual(line.value(), b"")

    def test_notSupported(self) -> None:
        """
        An unknown request is answered as Java answers it.
        """
        got = notSupported(RemotingCommand(4711, opaque=7))
        self.assertEqual(
            (got.code, got.remark, got.opaque, got.flag),
            (3, " request type 4711 not supported", 7, 1),
        )

    def test_flood(self) -> None:
        """
        Requests over the limit are not looked at; the first is told of.  With
        time there is room for more.
        """
        observer = logged(self)
        protocol, line = self.line(
            lambda command, protocol: command.response(), requestRate=10.0
        )
        protocol.dataReceived(frame(39) * 50)
        self.assertEqual(len(line.frames()), 10)
        self.assertEqual(protocol._answering.dropped, 40)
        self.reactor.advance(0.55)
        protocol.dataReceived(frame(39) * 50)
        self.assertEqual(len(line.frames()), 5)
        self.assertEqual(len(observer), 1)

    def test_noLimit(self) -> None:
        """
        Without a limit all are answered.
        """
        protocol, line = self.line(lambda command, protocol: command.response())
        protocol.dataReceived(frame(39) * 5000)
        self.assertEqual(len(line.frames()), 5000)
