"""
Tests of L{txrocketmq._remoting.asking}: what becomes of our requests.
"""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost

from tests.remoting.doubles import (
    BROKER,
    FIRST,
    REQUEST,
    LineTestCase,
    answer,
    frame,
)
from txrocketmq._remoting.asking import Asking
from txrocketmq._remoting.gathering import MAX_GATHERED
from txrocketmq._remoting.protocol import RemotingProtocol
from txrocketmq._remoting.waiters import SLACK, Waiter
from txrocketmq._wire.codes import SerializeType
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.frames import MAX_FRAME, encodeFrame
from txrocketmq.errors import (
    ConnectionClosed,
    Persisted,
    ProtocolError,
    RemotingTimeout,
)


class TogetherTests(LineTestCase):
    """
    Requests that end together.
    """

    def cancelling(
        self, first: Deferred[RemotingCommand], second: Deferred[RemotingCommand]
    ) -> None:
        """
        Cancel the second when the first has ended.
        """

        def cancel(result: object) -> None:
            second.cancel()

        first.addBoth(cancel)

    def test_lost(self) -> None:
        """
        Who is told that the connection was lost may cancel a request that is about
        to be told the same: that is cancelled, and told nothing.
        """
        protocol, line = self.line()
        first, second = (protocol.invoke(REQUEST, 3.0) for _ in range(2))
        self.cancelling(first, second)
        line.lose(ConnectionLost())
        self.assertIsNone(self.successResultOf(first))
        self.failureResultOf(second, CancelledError)

    def test_late(self) -> None:
        """
        The same of requests whose time is over, written or not.
        """
        for paused in (False, True):
            protocol, line = self.line()
            if paused:
                protocol.pauseProducing()
            first, second = (protocol.invoke(REQUEST, 3.0) for _ in range(2))
            self.cancelling(first, second)
            line.clock.advance(3.0)
            self.assertIsNone(self.successResultOf(first))
            error = self.failureResultOf(second, CancelledError).value
            expected = Persisted.NO if paused else None
            self.assertIs(getattr(error, "persisted", None), expected)


class AnswerTests(LineTestCase):
    """
    Answers find their requests.
    """

    def test_answer(self) -> None:
        """
        A request fires with the answer that has its opaque.
        """
        protocol, line = self.line()
        d = protocol.invoke(REQUEST, 3.0)
        [written] = line.frames()
        self.assertEqual(
            (written.code, written.extFields, written.body, written.opaque),
            (10, {"a": "topic"}, b"body", FIRST),
        )
        self.assertNoResult(d)
        protocol.dataReceived(answer(FIRST, remark="stored"))
        self.assertEqual(self.successResultOf(d).remark, "stored")
        self.assertEqual(protocol.pending, 0)

    def test_anyCodeIsAnAnswer(self) -> None:
        """
        An answer with an error's code, known or not, is a success.
        """
        for code in (1, 2, -7, 99999):
            protocol, _ = self.line()
            d = protocol.invoke(REQUEST, 3.0)
            protocol.dataReceived(answer(FIRST, code))
            self.assertEqual(self.successResultOf(d).code, code)

    def test_anyOrder(self) -> None:
        """
        Answers may come in any order, in one segment or in many.
        """
        protocol, _ = self.line()
        first, second, third = (protocol.invoke(REQUEST, 3.0) for _ in range(3))
        stream = answer(FIRST + 2) + answer(FIRST) + answer(FIRST + 1)
        for at in range(len(stream)):
            protocol.dataReceived(stream[at : at + 1])
        opaques = [self.successResultOf(d).opaque for d in (first, second, third)]
        self.assertEqual(opaques, [FIRST, FIRST + 1, FIRST + 2])

    def test_ownOpaqueIsIgnored(self) -> None:
        """
        The opaque a command came with is replaced, and the command is not
        changed.
        """
        protocol, line = self.line()
        command = RemotingCommand(10, opaque=5)
        protocol.invoke(command, 3.0).addErrback(lambda _: None)
        self.assertEqual(line.frames()[0].opaque, FIRST)
        self.assertEqual(command.opaque, 5)

    def test_registeredBeforeWritten(self) -> None:
        """
        An answer that comes inside of the write finds its request.
        """
        protocol, line = self.line()
        self.patch(line, "write", lambda data: protocol.dataReceived(answer(FIRST)))
        self.assertEqual(self.successResultOf(protocol.invoke(REQUEST, 3.0)).code, 0)

    def test_anyForm(self) -> None:
        """
        An answer may be in another serialisation than its request.
        """
        protocol, _ = self.line()
        d = protocol.invoke(REQUEST, 3.0)
        protocol.dataReceived(answer(FIRST, serializeType=SerializeType.ROCKETMQ))
        self.assertEqual(self.successResultOf(d).serializeType, 1)

    def test_doesNotFit(self) -> None:
        """
        A command that is too long for a frame fails with a ValueError, and
        nothing is written or waited for.
        """
        protocol, line = self.line()
        command = RemotingCommand(10, body=bytes(MAX_FRAME))
        self.failing(protocol.invoke(command, 3.0), ValueError)
        self.failing(protocol.oneway(command), ValueError)
        self.assertEqual((line.value(), protocol.pending), (b"", 0))

    def test_noTime(self) -> None:
        """
        A request without any time left is not written.
        """
        protocol, line = self.line()
        e = self.failing(protocol.invoke(REQUEST, 0.0), RemotingTimeout)
        self.assertEqual((e.persisted, line.value()), (Persisted.NO, b""))
        self.failing(protocol.oneway(REQUEST, 0.0), RemotingTimeout)
        self.assertEqual(line.value(), b"")


class StrayTests(LineTestCase):
    """
    Answers nobody waits for.  F31 to F37, F42.
    """

    def test_duplicateIsIgnored(self) -> None:
        """
        A second answer to the same request is dropped and counted.
        """
        protocol, _ = self.line()
        d = protocol.invoke(REQUEST, 3.0)
        protocol.dataReceived(answer(FIRST, remark="first"))
        protocol.dataReceived(answer(FIRST, remark="second"))
        self.assertEqual(self.successResultOf(d).remark, "first")
        self.assertEqual(protocol.lateAnswers, 1)

    def test_lateAnswerIsIgnored(self) -> None:
        """
        An answer after the timeout, or after a cancellation, is dropped and
        counted; however many, the connection stays.
        """
        protocol, line = self.line()
        for _ in range(100):
            protocol.invoke(REQUEST, 1.0).addErrback(lambda _: None)
        protocol.invoke(REQUEST, 1.0).addErrback(lambda _: None).cancel()
        self.reactor.advance(1.0)
        for opaque in range(FIRST, FIRST + 101):
            protocol.dataReceived(answer(opaque))
        self.assertEqual((protocol.lateAnswers, line.aborted), (101, 0))

    def test_answerToOneway(self) -> None:
        """
        An answer to a oneway request is dropped and counted.
        """
        protocol, line = self.line()
        self.successResultOf(protocol.oneway(REQUEST))
        [written] = line.frames()
        protocol.dataReceived(answer(written.opaque))
        self.assertEqual((protocol.lateAnswers, line.aborted), (1, 0))

    def test_wrongConnection(self) -> None:
        """
        An answer on another connection, with the right opaque, answers
        nothing.
        """
        protocol, _ = self.line()
        other, _ = self.line()
        d = protocol.invoke(REQUEST, 3.0)
        other.dataReceived(answer(FIRST))
        self.assertNoResult(d)
        protocol.dataReceived(answer(FIRST))
        self.successResultOf(d)

    def test_strangers(self) -> None:
        """
        Sixteen answers to requests that were never made, within a minute, end
        the connection; what waits fails with ProtocolError.
        """
        protocol, line = self.line()
        d = protocol.invoke(REQUEST, 100.0)
        for n in range(15):
            protocol.dataReceived(answer(FIRST + 1 + n))
        self.assertEqual(line.aborted, 0)
        protocol.dataReceived(answer(-1) + answer(-2))
        self.assertEqual(line.aborted, 1)
        self.reactor.advance(0)
        e = self.failing(d, ProtocolError)
        self.assertEqual((e.persisted, e.address), (Persisted.MAYBE, BROKER))
        self.assertEqual(protocol.lateAnswers, 0)

    def test_rareStrangers(self) -> None:
        """
        Fifteen a minute are borne for ever.
        """
        protocol, line = self.line()
        for _ in range(100):
            protocol.dataReceived(answer(5))
            self.reactor.advance(60.1 / 15)
        self.assertEqual(line.aborted, 0)

    def test_responseBitDecides(self) -> None:
        """
        A request of the peer's with the opaque of one of ours is a request,
        and what has the response bit is an answer whatever else is set.
        """
        asked: list[int] = []
        protocol, _ = self.line(lambda command, _: asked.append(command.code))
        d = protocol.invoke(REQUEST, 3.0)
        protocol.dataReceived(frame(39, opaque=FIRST, flag=0))
        protocol.dataReceived(frame(40, opaque=FIRST, flag=2))
        self.assertNoResult(d)
        self.assertEqual(asked, [39, 40])
        protocol.dataReceived(frame(0, opaque=FIRST, flag=3))
        self.successResultOf(d)

    def test_answerBeforeTheRequest(self) -> None:
        """
        An answer to a request that is not written yet proves that the peer
        makes answers up: the connection ends, and that request is NO.
        """
        protocol, line = self.line()
        written = protocol.invoke(REQUEST, 3.0)
        protocol.pauseProducing()
        kept = protocol.invoke(REQUEST, 3.0)
        protocol.dataReceived(answer(FIRST + 1))
        self.assertEqual(line.aborted, 1)
        self.reactor.advance(0)
        self.assertEqual(
            self.failing(written, ProtocolError).persisted, Persisted.MAYBE
        )
        self.assertEqual(self.failing(kept, ProtocolError).persisted, Persisted.NO)

    def test_wrap(self) -> None:
        """
        Opaques go on at 0 after the last int32, and pass over those in use.
        """
        protocol, line = self.line(first=2**31 - 2)
        waiting = [protocol.invoke(REQUEST, 3.0) for _ in range(4)]
        opaques = [written.opaque for written in line.frames()]
        self.assertEqual(opaques, [2**31 - 2, 2**31 - 1, 0, 1])
        for opaque in reversed(opaques):
            protocol.dataReceived(answer(opaque))
        got = [self.successResultOf(d).opaque for d in waiting]
        self.assertEqual(got, opaques)

    def test_wrapToOneInUse(self) -> None:
        """
        What is posted passes over the opaques in use as well.
        """
        protocol, line = self.line()
        slow = protocol.invoke(REQUEST, 30.0)
        # As after all the other numbers.
        protocol.opaques.upcoming = FIRST - 1
        posted: Waiter[RemotingCommand] = Waiter()
        request = encodeFrame(msgspec.structs.replace(REQUEST, opaque=FIRST - 1))
        protocol.post(posted, request, self.reactor.seconds(), 3.0)
        following = protocol.invoke(REQUEST, 3.0)
        opaques = [written.opaque for written in line.frames()]
        self.assertEqual(opaques, [FIRST, FIRST - 1, FIRST + 1])
        for opaque in opaques:
            protocol.dataReceived(answer(opaque))
        for each, opaque in zip((slow, posted, following), opaques, strict=True):
            self.assertEqual(self.successResultOf(each).opaque, opaque)

    @given(st.lists(st.sampled_from(["ask", "answer", "late"]), max_size=60))
    def test_neverCrossed(self, steps: list[str]) -> None:
        """
        However requests, answers and repeated answers follow each other round
        the end of the int32s, each request gets its own answer.
        """
        protocol, line = self.line(first=2**31 - 5)
        open: dict[int, tuple[int, Deferred[RemotingCommand]]] = {}
        answered: list[int] = []
        for n, step in enumerate(steps):
            if step == "ask":
                d = protocol.invoke(RemotingCommand(n), 3.0)
                [written] = line.frames()
                self.assertNotIn(written.opaque, open)
                open[written.opaque] = (n, d)
            elif step == "answer" and open:
                opaque, (number, d) = open.popitem()
                protocol.dataReceived(answer(opaque, number))
                self.assertEqual(self.successResultOf(d).code, number)
                answered.append(opaque)
            elif step == "late" and answered:
                protocol.dataReceived(answer(answered[0]))
        for _, d in open.values():
            self.assertNoResult(d)
            d.addErrback(lambda _: None)
        line.lose(ConnectionDone())


class TimeoutTests(LineTestCase):
    """
    Requests that are not answered in time.  F03.
    """

    def test_timeout(self) -> None:
        """
        Without an answer a request fails when its time is over, not before,
        and may have been carried out.
        """
        protocol, _ = self.line()
        d = protocol.invoke(REQUEST, 1.5)
        self.reactor.advance(1.49)
        self.assertNoResult(d)
        self.reactor.advance(0.01)
        e = self.failing(d, RemotingTimeout)
        self.assertEqual(e.persisted, Persisted.MAYBE)
        self.assertEqual(str(e), f"{BROKER}: there was no answer within 1.5 s")
        self.assertEqual(protocol.pending, 0)

    def test_eachItsOwn(self) -> None:
        """
        Requests end in the order of their deadlines, not of their making.
        """
        protocol, _ = self.line(frameTimeout=10.0)
        ended: list[int] = []
        for n, timeout in enumerate((3.0, 1.0, 2.0, 1.0)):
            d = protocol.invoke(REQUEST, timeout)
            d.addErrback(lambda _, number: ended.append(number), n)
        self.reactor.pump([1.0, 1.0, 1.0])
        self.assertEqual(ended, [1, 3, 2, 0])

    def test_oneDelayedCall(self) -> None:
        """
        There is one delayed call, however many requests wait.
        """
        protocol, line = self.line()
        for n in range(100):
            protocol.invoke(REQUEST, 1.0 + n % 7).addErrback(lambda _: None)
        self.assertEqual(len(self.reactor.getDelayedCalls()), 1)
        line.lose(ConnectionDone())
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_boundedByTheLive(self) -> None:
        """
        What is remembered of answered requests does not grow.
        """
        protocol, _ = self.line()
        slow = protocol.invoke(REQUEST, 1000.0)
        for n in range(1, 1000):
            d = protocol.invoke(REQUEST, 3.0)
            protocol.dataReceived(answer(FIRST + n))
            self.successResultOf(d)
        self.assertLessEqual(len(protocol._waiters._order), 2 + SLACK)
        self.assertNoResult(slow)
        slow.addErrback(lambda _: None)

    def test_silentPeerIsDropped(self) -> None:
        """
        When no byte has come for the whole frame timeout while requests
        waited, the connection is dropped with the first that expires, and the
        others fail at once.
        """
        protocol, line = self.line(frameTimeout=3.0)
        first = protocol.invoke(REQUEST, 3.0)
        second = protocol.invoke(REQUEST, 30.0)
        self.reactor.advance(3.0)
        self.failing(first, RemotingTimeout)
        self.assertEqual((line.aborted, protocol.retired), (1, True))
        e = self.failing(second, ConnectionClosed)
        self.assertEqual(e.persisted, Persisted.MAYBE)
        self.assertIn("nothing came from the peer for 3 s", str(e))

    def test_slowPeerIsKept(self) -> None:
        """
        When anything came since the request was written, it alone fails.
        """
        protocol, line = self.line(frameTimeout=3.0)
        slow = protocol.invoke(REQUEST, 3.0)
        quick = protocol.invoke(REQUEST, 3.0)
        self.reactor.advance(1.0)
        protocol.dataReceived(answer(FIRST + 1))
        self.successResultOf(quick)
        self.reactor.advance(2.0)
        self.failing(slow, RemotingTimeout)
        self.assertEqual((line.aborted, protocol.retired), (0, False))

    def test_silenceBeginsAnew(self) -> None:
        """
        Each byte of the peer's ends its silence; a request that is written
        begins another.
        """
        protocol, line = self.line(frameTimeout=3.0)
        answered = protocol.invoke(REQUEST, 9.0)
        self.reactor.advance(2.5)
        protocol.dataReceived(answer(FIRST))
        self.successResultOf(answered)
        self.failing(self.expired(protocol, 1.0), RemotingTimeout)
        self.assertEqual(line.aborted, 0)
        self.failing(self.expired(protocol, 2.0), RemotingTimeout)
        self.assertEqual(line.aborted, 1)

    def expired(
        self, protocol: RemotingProtocol, timeout: float
    ) -> Deferred[RemotingCommand]:
        """
        A request whose time is over.
        """
        d = protocol.invoke(REQUEST, timeout)
        self.reactor.advance(timeout)
        return d

    def test_impatientCallers(self) -> None:
        """
        A request with little time is no proof against the peer, but many in
        a row are.
        """
        protocol, line = self.line(frameTimeout=3.0)
        for _ in range(2):
            protocol.invoke(REQUEST, 1.0).addErrback(lambda _: None)
            self.reactor.advance(1.0)
        self.assertEqual(line.aborted, 0)
        protocol.invoke(REQUEST, 1.0).addErrback(lambda _: None)
        self.reactor.advance(1.0)
        self.assertEqual(line.aborted, 1)

    def test_stalledReactor(self) -> None:
        """
        When the reactor stood still past a deadline, what lies in the socket
        is read before anybody's time is over.  F65.
        """
        protocol, _ = self.line()
        answered = protocol.invoke(REQUEST, 3.0)
        unanswered = protocol.invoke(REQUEST, 3.0)
        self.reactor.rightNow += 10.0
        [sweep] = self.reactor.getDelayedCalls()
        sweep.cancel()
        protocol._watch.alarm._called()
        self.assertNoResult(unanswered)
        protocol.dataReceived(answer(FIRST))
        self.successResultOf(answered)
        self.reactor.advance(0)
        self.failing(unanswered, RemotingTimeout)

    def test_stalledReactorEndlessly(self) -> None:
        """
        A peer that keeps talking cannot put off the end by more than a
        second.
        """
        protocol, _ = self.line()
        d = protocol.invoke(REQUEST, 3.0)
        self.reactor.rightNow += 10.0
        rings = 0
        while not d.called:
            protocol.dataReceived(frame(39, flag=2))
            [sweep] = self.reactor.getDelayedCalls()
            sweep.cancel()
            protocol._watch.alarm._called()
            self.reactor.rightNow += 0.1
            rings += 1
        self.failing(d, RemotingTimeout)
        self.assertLessEqual(rings, 12)


class CancelTests(LineTestCase):
    """
    Requests that are cancelled.
    """

    def test_cancel(self) -> None:
        """
        A cancelled request fails with CancelledError and is forgotten.
        """
        protocol, line = self.line()
        d = protocol.invoke(REQUEST, 3.0)
        d.cancel()
        self.failing(d, CancelledError)
        self.assertEqual((protocol.pending, line.aborted), (0, 0))

    def test_cancelAgain(self) -> None:
        """
        To cancel what was answered does nothing.
        """
        protocol, _ = self.line()
        d = protocol.invoke(REQUEST, 3.0)
        protocol.dataReceived(answer(FIRST))
        d.cancel()
        self.successResultOf(d)


class Late(Waiter[RemotingCommand]):
    """
    Writes its frame when it is asked to.
    """

    def __init__(self, request: RemotingCommand) -> None:
        super().__init__()
        self.written = 0
        self._request = request

    def frame(self) -> bytes:
        """
        The request.
        """
        self.written += 1
        return encodeFrame(msgspec.structs.replace(self._request, opaque=self.opaque))


class PostTests(LineTestCase):
    """
    Requests that are posted: as others, in fewer calls.
    """

    def post(self, protocol: RemotingProtocol) -> Waiter[RemotingCommand]:
        """
        Post a request.
        """
        posted: Waiter[RemotingCommand] = Waiter()
        request = msgspec.structs.replace(REQUEST, opaque=protocol.opaques.upcoming)
        protocol.post(posted, encodeFrame(request), self.reactor.seconds(), 3.0)
        return posted

    def test_paused(self) -> None:
        """
        It waits where the transport takes no more, and is surely not carried out.
        """
        protocol, line = self.line()
        protocol.pauseProducing()
        posted = self.post(protocol)
        self.assertEqual(line.frames(), [])
        self.assertIs(posted.persisted, Persisted.NO)
        protocol.resumeProducing()
        self.assertEqual([each.opaque for each in line.frames()], [FIRST])
        self.assertIs(posted.persisted, Persisted.MAYBE)
        protocol.dataReceived(answer(FIRST))
        self.successResultOf(posted)

    def test_later(self) -> None:
        """
        So does what writes its frame when it is its turn; what is cancelled or too
        late by then writes none, and was surely not carried out.
        """
        protocol, line = self.line(frameTimeout=60.0)
        protocol.pauseProducing()
        some = [Late(REQUEST) for _ in range(4)]
        for each, timeout in zip(some, (9.0, 1.0, 9.0, 9.0), strict=True):
            protocol.postLater(each, timeout, 10)
        protocol.abandon(some[2])
        self.reactor.advance(1.0)
        protocol.resumeProducing()
        self.assertEqual([each.written for each in some], [1, 0, 0, 1])
        opaques = [each.opaque for each in line.frames()]
        self.assertEqual(opaques, [FIRST, FIRST + 3])
        self.assertIs(some[0].persisted, Persisted.MAYBE)
        self.assertIs(self.failing(some[1], RemotingTimeout).persisted, Persisted.NO)
        self.failureResultOf(some[2], CancelledError)
        for each in (some[0], some[3]):
            protocol.dataReceived(answer(each.opaque))
            self.successResultOf(each)

    def test_laterIsForgotten(self) -> None:
        """
        When the connection is lost, none writes anything.
        """
        protocol, line = self.line()
        protocol.pauseProducing()
        late = Late(REQUEST)
        protocol.postLater(late, 9.0, 10)
        line.lose(ConnectionLost())
        self.assertIs(self.failing(late, ConnectionClosed).persisted, Persisted.NO)
        self.assertEqual((late.written, len(protocol._outbox)), (0, 0))

    def test_because(self) -> None:
        """
        What is posted because of answers leaves when all of these were given.
        """
        protocol, line = self.line()
        seen: list[int] = []
        posted: list[Waiter[RemotingCommand]] = []

        def again(result: object) -> None:
            posted.append(self.post(protocol))
            seen.append(len(line.frames()))

        for _ in range(2):
            protocol.invoke(REQUEST, 3.0).addCallback(again)
        line.clear()
        protocol.dataReceived(answer(FIRST) + answer(FIRST + 1))
        self.assertEqual(seen, [0, 0])
        opaques = [each.opaque for each in line.frames()]
        self.assertEqual(opaques, [FIRST + 2, FIRST + 3])
        protocol.dataReceived(answer(FIRST + 2) + answer(FIRST + 3))
        for each in posted:
            self.successResultOf(each)

    def test_laterTogether(self) -> None:
        """
        What writes its frame later, and is asked for because of answers, does so when
        all leave, in its place among them; also who was cancelled by then.
        """
        protocol, line = self.line()
        some = [Late(REQUEST) for _ in range(3)]
        seen: list[tuple[int, int]] = []

        def again(result: object) -> None:
            late = some[len(seen)]
            self.post(protocol).addErrback(lambda _: None)
            protocol.postLater(late, 3.0, 10)
            seen.append((late.written, len(line.frames())))

        for _ in some:
            asked = protocol.invoke(REQUEST, 3.0).addCallback(again)
            asked.addErrback(lambda _: None)
        self.post(protocol).addErrback(lambda _: None)
        line.clear()
        some[1].addErrback(lambda _: None)
        protocol.dataReceived(b"".join(answer(FIRST + n) for n in range(2)))
        self.assertEqual(seen, [(0, 0), (0, 0)])
        opaques = [each.opaque for each in line.frames()]
        self.assertEqual(opaques, [FIRST + n for n in range(4, 8)])
        self.assertEqual([each.written for each in some], [1, 1, 0])
        protocol.abandon(some[1])
        self.assertIs(some[0].persisted, Persisted.MAYBE)
        protocol.dataReceived(answer(FIRST + 5))
        self.successResultOf(some[0])

    def test_laterAlone(self) -> None:
        """
        The only one that is outstanding is written at once, and so are those there
        are when they are many bytes.
        """
        protocol, line = self.line()
        some = [Late(REQUEST) for _ in range(4)]
        seen: list[list[int]] = []

        def again(result: object) -> None:
            for each in some:
                each.addErrback(lambda _: None)
                protocol.postLater(each, 3.0, MAX_GATHERED // 2)
                seen.append([one.written for one in some])

        protocol.invoke(REQUEST, 3.0).addCallback(again)
        protocol.dataReceived(answer(FIRST))
        self.assertEqual(seen, [[1, 0, 0, 0]] * 2 + [[1, 1, 1, 0]] * 2)
        opaques = [each.opaque for each in line.frames()]
        self.assertEqual(opaques, [FIRST + n for n in range(5)])


class PausedTests(LineTestCase):
    """
    Requests while the transport takes no more.  F30b.
    """

    def test_kept(self) -> None:
        """
        While the transport is paused nothing is written; then all of it is,
        in its order.
        """
        protocol, line = self.line()
        protocol.pauseProducing()
        waiting = [protocol.invoke(RemotingCommand(n), 3.0) for n in range(3)]
        told = protocol.oneway(RemotingCommand(3))
        self.assertEqual(line.value(), b"")
        self.assertNoResult(told)
        protocol.resumeProducing()
        self.assertEqual([each.code for each in line.frames()], [0, 1, 2, 3])
        self.successResultOf(told)
        for n, d in enumerate(waiting):
            protocol.dataReceived(answer(FIRST + n))
            self.successResultOf(d)
        self.assertEqual(protocol.pending, 0)

    def test_pausedAgain(self) -> None:
        """
        When the transport has enough again, the rest stays: it gets so much in one
        go, and one frame more.
        """
        protocol, line = self.line()
        protocol.pauseProducing()
        large = bytes(MAX_GATHERED // 2)
        for n in range(7):
            command = RemotingCommand(n, body=large)
            protocol.invoke(command, 3.0).addErrback(lambda _: None)
        write = line.write

        def writeAndPause(data: bytes) -> None:
            write(data)
            protocol.pauseProducing()

        self.patch(line, "write", writeAndPause)
        for written in ([0, 1], [2, 3], [4, 5], [6], []):
            protocol.resumeProducing()
            self.assertEqual([each.code for each in line.frames()], written)

    def test_keptIsNo(self) -> None:
        """
        When the connection is lost, what was kept is NO, and what was written
        is MAYBE, also what was kept before.
        """
        protocol, line = self.line()
        protocol.pauseProducing()
        early = protocol.invoke(REQUEST, 3.0)
        protocol.resumeProducing()
        protocol.pauseProducing()
        late = protocol.invoke(REQUEST, 3.0)
        told = protocol.oneway(REQUEST)
        line.lose(ConnectionLost())
        self.assertEqual(
            self.failing(early, ConnectionClosed).persisted, Persisted.MAYBE
        )
        self.assertEqual(self.failing(late, ConnectionClosed).persisted, Persisted.NO)
        self.assertEqual(self.failing(told, ConnectionClosed).persisted, Persisted.NO)

    def test_keptTimesOut(self) -> None:
        """
        A kept request whose time is over is NO, and is not written later.
        """
        protocol, line = self.line(frameTimeout=10.0)
        protocol.pauseProducing()
        asked = protocol.invoke(REQUEST, 1.0)
        told = protocol.oneway(REQUEST, 1.0)
        self.reactor.advance(1.0)
        for d in (asked, told):
            e = self.failing(d, RemotingTimeout)
            self.assertEqual(e.persisted, Persisted.NO)
            self.assertIn("the peer did not read within 1 s", str(e))
        protocol.resumeProducing()
        self.assertEqual((line.value(), line.aborted), (b"", 0))

    def test_keptIsCancelled(self) -> None:
        """
        A kept request that is cancelled is not written later.
        """
        protocol, line = self.line()
        protocol.pauseProducing()
        for d in (protocol.invoke(REQUEST, 3.0), protocol.oneway(REQUEST)):
            d.cancel()
            self.failing(d, CancelledError)
        protocol.resumeProducing()
        self.assertEqual((line.value(), protocol.pending), (b"", 0))

    def test_peerThatDoesNotRead(self) -> None:
        """
        When nothing could be written for the whole frame timeout, the
        connection is dropped with the first request that expires.
        """
        protocol, line = self.line(frameTimeout=3.0)
        protocol.pauseProducing()
        self.reactor.advance(1.0)
        protocol.invoke(REQUEST, 1.0).addErrback(lambda _: None)
        self.reactor.advance(1.0)
        self.assertEqual(line.aborted, 0)
        protocol.invoke(REQUEST, 1.0).addErrback(lambda _: None)
        other = protocol.invoke(REQUEST, 9.0)
        self.reactor.advance(1.0)
        self.assertEqual(line.aborted, 1)
        e = self.failing(other, ConnectionClosed)
        self.assertEqual(e.persisted, Persisted.NO)
        self.assertIn("the peer did not read for 3 s", str(e))

    def test_silenceBeginsWhenWritten(self) -> None:
        """
        The time a request was kept is not held against the peer's silence.
        """
        protocol, line = self.line(frameTimeout=3.0)
        protocol.pauseProducing()
        protocol.invoke(REQUEST, 4.0).addErrback(lambda _: None)
        protocol.invoke(REQUEST, 4.0).addErrback(lambda _: None)
        self.reactor.advance(2.0)
        protocol.resumeProducing()
        self.reactor.advance(2.0)
        self.assertEqual((protocol.pending, line.aborted), (0, 0))

    def test_silenceAfterBeingKept(self) -> None:
        """
        But from then on it is.
        """
        protocol, line = self.line(frameTimeout=3.0)
        protocol.pauseProducing()
        protocol.invoke(REQUEST, 5.0).addErrback(lambda _: None)
        self.reactor.advance(2.0)
        protocol.resumeProducing()
        self.reactor.advance(3.0)
        self.assertEqual(line.aborted, 1)

    def test_readBetweenTwoPauses(self) -> None:
        """
        A peer that was slow to read before is not blamed for it now.
        """
        protocol, line = self.line(frameTimeout=3.0)
        protocol.pauseProducing()
        self.reactor.advance(2.0)
        protocol.resumeProducing()
        self.reactor.advance(1.0)
        protocol.pauseProducing()
        protocol.invoke(REQUEST, 1.0).addErrback(lambda _: None)
        self.reactor.advance(1.0)
        self.assertEqual((protocol.pending, line.aborted), (0, 0))

    def test_stopped(self) -> None:
        """
        Between the transport's last word and C{connectionLost} nothing is
        written.
        """
        protocol, line = self.line()
        protocol.stopProducing()
        d = protocol.invoke(REQUEST, 3.0)
        line.lose(ConnectionLost())
        self.assertEqual(self.failing(d, ConnectionClosed).persisted, Persisted.NO)
        self.assertEqual(line.value(), b"")


class AskingTests(LineTestCase):
    """
    The rest.
    """

    def test_isOneHalf(self) -> None:
        """
        A protocol is an L{Asking}.
        """
        protocol, _ = self.line()
        self.assertIsInstance(protocol, Asking)
        self.assertEqual(repr(protocol), f"<RemotingProtocol {BROKER} pending=0>")

    def test_onewayIsMarked(self) -> None:
        """
        A oneway request has the oneway bit.
        """
        protocol, line = self.line()
        self.successResultOf(protocol.oneway(REQUEST))
        [written] = line.frames()
        self.assertTrue(written.isOneway)
        self.assertFalse(written.isResponse)
