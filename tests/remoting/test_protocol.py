"""
Tests of L{txrocketmq._remoting.protocol}: how a connection begins and ends, and
what comes in on it.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHandshakeListener, IPushProducer
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from tests.remoting.doubles import (
    BROKER,
    FIRST,
    REQUEST,
    LineTestCase,
    Pair,
    answer,
    frame,
    logged,
    noAnswer,
)
from txrocketmq._remoting import protocol as module
from txrocketmq._remoting.factory import RemotingFactory
from txrocketmq._wire.codes import SerializeType
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.frames import MAX_FRAME
from txrocketmq.errors import (
    ConnectionClosed,
    Persisted,
    ProtocolError,
    RemotingTimeout,
    TLSFailed,
)


class BeginTests(LineTestCase):
    """
    How a connection begins.
    """

    def test_interfaces(self) -> None:
        """
        A protocol is what the transport and TLS take it for.
        """
        protocol, line = self.line()
        verifyObject(IPushProducer, protocol)
        verifyObject(IHandshakeListener, protocol)
        self.assertEqual((line.producer, line.streaming), (protocol, True))

    def test_options(self) -> None:
        """
        Small frames are not held back, and dead peers are noticed.
        """
        _, line = self.line()
        self.assertEqual(line.options, [("TCP_NODELAY", True), ("SO_KEEPALIVE", True)])

    def test_notTCP(self) -> None:
        """
        A transport that is no TCP does as well.
        """
        protocol = RemotingFactory(self.reactor, noAnswer).buildProtocol(None)
        protocol.makeConnection(StringTransport())
        self.assertEqual((protocol.retired, protocol.goingAway), (False, False))

    def test_addressAskedFor(self) -> None:
        """
        Where we connected, errors name the address that was asked for.
        """
        protocol, _ = self.line()
        self.assertEqual(protocol.address, BROKER)

    def test_addressOfThePeer(self) -> None:
        """
        Where the peer connected, errors name its own.
        """
        factory = RemotingFactory(self.reactor, noAnswer)
        for address, expected in (
            (IPv4Address("TCP", "10.0.0.9", 4321), "10.0.0.9:4321"),
            (IPv6Address("TCP", "::1", 4321), "[::1]:4321"),
            ("somebody", "somebody"),
        ):
            protocol = factory.buildProtocol(address)  # type: ignore[arg-type]
            self.assertEqual(protocol.address, expected)

    def test_factoryKnowsTheConnected(self) -> None:
        """
        A factory knows its protocols while they are connected.
        """
        protocol, line = self.line()
        protocols = protocol.factory.protocols
        self.assertEqual(protocols, {protocol})
        line.lose(ConnectionDone())
        self.assertEqual(protocols, set())

    def test_notConnected(self) -> None:
        """
        Without a connection nothing is asked, and nothing else happens.
        """
        factory = RemotingFactory(self.reactor, noAnswer)
        protocol = factory.buildProtocol(None)
        protocol.abort()
        protocol.close()
        protocol.retire()
        protocol.writeBytes(b"x")
        self.assertTrue(protocol.retired)
        e = self.failing(protocol.invoke(REQUEST, 3.0), ConnectionClosed)
        self.assertEqual(e.persisted, Persisted.NO)


class LostTests(LineTestCase):
    """
    How a connection is lost.  F20, F21, F16, F17.
    """

    def lost(self, reason: Exception) -> Any:
        """
        What a request fails with when its connection is lost.
        """
        protocol, line = self.line()
        d = protocol.invoke(REQUEST, 3.0)
        line.lose(reason)
        return self.failing(d)

    def test_lost(self) -> None:
        """
        All that waits fails at once, and may have been carried out.
        """
        for reason, words in (
            (ConnectionDone(), "the peer closed"),
            (ConnectionLost("reset by peer"), "reset by peer"),
        ):
            e = self.lost(reason)
            self.assertIsInstance(e, ConnectionClosed)
            self.assertEqual((e.persisted, e.address), (Persisted.MAYBE, BROKER))
            self.assertIn(words, str(e))

    def test_withoutAWord(self) -> None:
        """
        A peer that hangs up without having said anything may want TLS; one
        that has said something, or speaks TLS, does not.
        """
        self.assertIn("does it want TLS?", str(self.lost(ConnectionDone())))
        for say in (
            lambda protocol: protocol.dataReceived(frame(39, flag=2)),
            lambda protocol: protocol.handshakeCompleted(),
        ):
            protocol, line = self.line()
            say(protocol)
            d = protocol.invoke(REQUEST, 3.0)
            line.lose(ConnectionDone())
            self.assertNotIn("TLS", str(self.failing(d, ConnectionClosed)))

    def test_lostToTLS(self) -> None:
        """
        A peer that refuses our certificate after we have written is a
        TLSFailed, and the request a MAYBE.
        """
        e = self.lost(SSL.Error([("SSL routines", "", "certificate required")]))
        self.assertIsInstance(e, TLSFailed)
        self.assertEqual(e.persisted, Persisted.MAYBE)
        self.assertIn("certificate required", str(e))

    @given(st.data())
    def test_lostAtAnyByte(self, data: st.DataObject) -> None:
        """
        Wherever in an answer the connection is cut, the request fails at
        once, and what had come whole is delivered.
        """
        protocol, line = self.line()
        whole = protocol.invoke(REQUEST, 3.0)
        cut = protocol.invoke(REQUEST, 3.0)
        second = answer(FIRST + 1, body=b"x" * 10)
        at = data.draw(st.integers(0, len(second) - 1))
        protocol.dataReceived(answer(FIRST) + second[:at])
        line.lose(ConnectionLost())
        self.successResultOf(whole)
        e = self.failing(cut, ConnectionClosed)
        self.assertEqual(e.persisted, Persisted.MAYBE)
        self.assertNothingScheduled()

    def test_nothingAfterwards(self) -> None:
        """
        On a lost connection requests fail at once and are NO.
        """
        protocol, line = self.line()
        line.lose(ConnectionDone())
        self.assertTrue(protocol.retired)
        for d in (protocol.invoke(REQUEST, 3.0), protocol.oneway(REQUEST)):
            self.assertEqual(self.failing(d, ConnectionClosed).persisted, Persisted.NO)
        protocol.writeBytes(b"x")
        protocol.abort()
        protocol.close()
        self.assertEqual((line.value(), line.aborted), (b"", 0))

    def test_keptIsForgotten(self) -> None:
        """
        What was kept for the transport is forgotten with the connection.
        """
        protocol, line = self.line()
        protocol.pauseProducing()
        protocol.writeBytes(b"x")
        line.lose(ConnectionLost())
        self.assertEqual(len(protocol._outbox), 0)

    def test_whenClosed(self) -> None:
        """
        Everyone who asks learns of the end, before the requests do; but who
        has cancelled.
        """
        protocol, line = self.line()
        ends: list[str] = []
        protocol.invoke(REQUEST, 3.0).addErrback(lambda _: ends.append("request"))
        protocol.whenClosed().addCallback(lambda _: ends.append("closed"))
        cancelled = protocol.whenClosed()
        cancelled.cancel()
        self.failing(cancelled, CancelledError)
        line.lose(ConnectionDone())
        self.assertEqual(ends, ["closed", "request"])
        self.assertIsNone(self.successResultOf(protocol.whenClosed()))

    def test_askedAgainWhileEnding(self) -> None:
        """
        Who asks again from the errback of a lost request gets an error, not
        a request that nobody ends.
        """
        protocol, line = self.line()
        d = protocol.invoke(REQUEST, 3.0)
        d.addErrback(lambda _: protocol.invoke(REQUEST, 3.0))
        line.lose(ConnectionLost())
        self.assertEqual(self.failing(d, ConnectionClosed).persisted, Persisted.NO)

    def test_lostInsideOfAnAnswer(self) -> None:
        """
        A callback may end the connection: the other answers of the segment
        are for nobody.
        """
        protocol, line = self.line()
        first = protocol.invoke(REQUEST, 3.0)
        first.addCallback(lambda _: line.lose(ConnectionDone()))
        second = protocol.invoke(REQUEST, 3.0)
        protocol.dataReceived(answer(FIRST) + answer(FIRST + 1))
        self.failing(second, ConnectionClosed)
        self.assertEqual(protocol.lateAnswers, 1)


class SecuredTests(LineTestCase):
    """
    The TLS handshake.
    """

    def test_secured(self) -> None:
        """
        Who waits for the handshake learns of it.
        """
        protocol, _ = self.line()
        d = protocol.whenSecured()
        self.assertNoResult(d)
        protocol.handshakeCompleted()
        self.successResultOf(d)
        self.successResultOf(protocol.whenSecured())

    def test_droppedInTheHandshake(self) -> None:
        """
        A handshake that ends while the connection is being dropped was no
        success: the certificate was for another host.
        """
        protocol, line = self.line()
        d = protocol.whenSecured()
        line.disconnecting = True
        protocol.handshakeCompleted()
        self.assertNoResult(d)
        line.lose(ConnectionLost())
        self.failing(d, ConnectionLost)

    def test_lostInTheHandshake(self) -> None:
        """
        Who waits for it gets the reason if the connection ends first.
        """
        protocol, line = self.line()
        d = protocol.whenSecured()
        line.lose(ConnectionLost())
        self.failing(d, ConnectionLost)
        self.failing(protocol.whenSecured(), ConnectionLost)


class CloseTests(LineTestCase):
    """
    How we end a connection.
    """

    def test_close(self) -> None:
        """
        It is closed after what is written; what waits fails then.
        """
        protocol, line = self.line()
        d = protocol.invoke(REQUEST, 30.0)
        protocol.close()
        self.assertEqual((line.disconnecting, line.producer), (True, None))
        self.assertTrue(protocol.retired)
        self.failing(protocol.invoke(REQUEST, 3.0), ConnectionClosed)
        self.reactor.advance(0)
        e = self.failing(d, ConnectionClosed)
        self.assertIn("we closed", str(e))
        self.assertEqual(line.aborted, 0)

    def test_closeTwice(self) -> None:
        """
        To close again does nothing.
        """
        protocol, line = self.line()
        protocol.close()
        protocol.close()
        protocol.retire()
        self.reactor.advance(0)
        protocol.close()
        self.successResultOf(protocol.whenClosed())
        self.assertEqual(line.aborted, 0)

    def test_closeWritesFirst(self) -> None:
        """
        What was kept is written before the connection is closed.
        """
        protocol, line = self.line()
        protocol.pauseProducing()
        protocol.oneway(REQUEST)
        protocol.close()
        self.assertFalse(line.disconnecting)
        protocol.resumeProducing()
        self.assertEqual([each.code for each in line.frames()], [10])
        self.assertTrue(line.disconnecting)
        self.reactor.advance(0)

    def test_closeFromTheLastWritten(self) -> None:
        """
        What is told that its frame was written may close the connection.
        """
        protocol, line = self.line()
        protocol.pauseProducing()
        protocol.oneway(REQUEST).addCallback(lambda _: protocol.close())
        protocol.resumeProducing()
        self.assertTrue(line.disconnecting)
        self.reactor.advance(0)
        self.successResultOf(protocol.whenClosed())

    def test_closeIsBounded(self) -> None:
        """
        A peer that does not let us close is dropped after the frame timeout.
        """
        protocol, line = self.line(frameTimeout=3.0)
        line.isStuck = True
        protocol.close()
        self.reactor.advance(2.9)
        self.assertEqual(line.aborted, 0)
        self.reactor.advance(0.1)
        self.assertEqual(line.aborted, 1)
        self.successResultOf(protocol.whenClosed())

    def test_abort(self) -> None:
        """
        It is dropped at once; what waits fails.
        """
        protocol, line = self.line()
        d = protocol.invoke(REQUEST, 30.0)
        protocol.abort()
        protocol.abort()
        protocol.close()
        self.assertEqual((line.aborted, protocol.retired), (1, True))
        self.failing(protocol.invoke(REQUEST, 3.0), ConnectionClosed)
        self.reactor.advance(0)
        self.assertIn("dropped", str(self.failing(d, ConnectionClosed)))

    def test_abortWhileClosing(self) -> None:
        """
        It can be dropped while it is being closed.
        """
        protocol, line = self.line()
        line.isStuck = True
        protocol.close()
        protocol.abort()
        self.reactor.advance(0)
        self.assertEqual(line.aborted, 1)
        self.successResultOf(protocol.whenClosed())

    def test_abortWhileWriting(self) -> None:
        """
        It can be dropped while it waits to write what was kept, and is not
        closed as well then.
        """
        protocol, line = self.line()
        protocol.pauseProducing()
        protocol.oneway(REQUEST).addErrback(lambda _: None)
        protocol.close()
        protocol.abort()
        protocol.resumeProducing()
        self.assertEqual((line.aborted, line.disconnecting), (1, False))
        self.reactor.advance(0)

    def test_abortedTransportGoesOn(self) -> None:
        """
        A transport that does not tell of its end leaves no request waiting
        longer than it said.
        """
        protocol, line = self.line(frameTimeout=3.0)
        self.patch(line, "abortConnection", lambda: None)
        d = protocol.invoke(REQUEST, 4.0)
        protocol.dataReceived(answer(FIRST + 7)[:5])
        self.reactor.advance(3.0)
        self.assertTrue(protocol.retired)
        self.assertNoResult(d)
        protocol.resumeProducing()
        self.reactor.advance(1.0)
        self.failing(d, RemotingTimeout)

    def test_retireIdle(self) -> None:
        """
        A connection without requests is closed at once.
        """
        protocol, line = self.line()
        protocol.retire()
        self.assertTrue(line.disconnecting)
        self.reactor.advance(0)

    def test_retireBusy(self) -> None:
        """
        One with requests is closed when the last has ended, however it did.
        """
        for end in (
            lambda protocol, d: d.cancel(),
            lambda protocol, d: protocol.dataReceived(answer(FIRST + 1)),
            lambda protocol, d: self.reactor.advance(5.0),
        ):
            protocol, line = self.line(frameTimeout=10.0)
            answered = protocol.invoke(REQUEST, 9.0)
            last = protocol.invoke(REQUEST, 5.0).addErrback(lambda _: None)
            protocol.retire()
            self.assertTrue(protocol.retired)
            protocol.dataReceived(answer(FIRST))
            self.successResultOf(answered)
            self.assertFalse(line.disconnecting)
            end(protocol, last)
            self.assertTrue(line.disconnecting)
            self.reactor.advance(0)

    def test_goAway(self) -> None:
        """
        An answer GO_AWAY retires the connection before its request learns of
        it; the others are still answered.
        """
        protocol, line = self.line()
        seen: list[tuple[int, bool, bool]] = []
        refused = protocol.invoke(REQUEST, 3.0)
        refused.addCallback(
            lambda got: seen.append((got.code, protocol.goingAway, protocol.retired))
        )
        other = protocol.invoke(REQUEST, 3.0)
        protocol.dataReceived(answer(FIRST, 1500))
        self.assertEqual(seen, [(1500, True, True)])
        self.assertFalse(line.disconnecting)
        protocol.dataReceived(answer(FIRST + 1))
        self.successResultOf(other)
        self.assertTrue(line.disconnecting)
        self.reactor.advance(0)

    def test_goAwayTooLate(self) -> None:
        """
        So does one nobody waits for any more.
        """
        protocol, line = self.line()
        protocol.oneway(REQUEST)
        protocol.dataReceived(answer(FIRST, 1500))
        self.assertTrue(protocol.goingAway)
        self.assertTrue(line.disconnecting)
        self.reactor.advance(0)


class MalformedTests(LineTestCase):
    """
    Bytes that are no frames, or are never a whole one.  F22 to F25, F28.
    """

    def malformed(self, data: bytes, *, segments: int = 0) -> tuple[str, str]:
        """
        Receive something, and give the error's text and the log's.
        """
        observer = logged(self)
        protocol, line = self.line()
        d = protocol.invoke(REQUEST, 3.0)
        protocol.pauseProducing()
        kept = protocol.invoke(REQUEST, 3.0)
        for _ in range(segments):
            protocol.dataReceived(frame(39, flag=2))
        protocol.dataReceived(data)
        self.assertEqual((line.aborted, protocol.retired), (1, True))
        self.reactor.advance(0)
        e = self.failing(d, ProtocolError)
        self.assertEqual(e.persisted, Persisted.MAYBE)
        self.assertEqual(self.failing(kept, ProtocolError).persisted, Persisted.NO)
        [event] = observer
        self.assertEqual(event["address"], BROKER)
        return str(e), event["words"]

    def test_malformed(self) -> None:
        """
        Lengths and types that cannot be end the connection at once, with one
        warning.
        """
        for data in (
            b"\0\0\0\0\0\0\0\0",
            b"\0\0\0\3\0\0\0\0",
            b"\xff\xff\xff\xff\0\0\0\0",
            b"\x80\0\0\0",
            (MAX_FRAME + 1).to_bytes(4, "big"),
            b"\x7f\xff\xff\xff",
            b"\0\0\0\x10\0\0\xff\xff",
            b"\0\0\0\x10\x02\0\0\x0c" + bytes(12),
            b"\0\0\0\x0a\0\0\0\6{nope}",
        ):
            words, logged = self.malformed(data)
            self.assertIn("no RocketMQ frame", words)
            self.assertIn("is this a RocketMQ port?", logged)

    def test_otherServers(self) -> None:
        """
        Servers of other protocols are recognised.
        """
        words, _ = self.malformed(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.assertIn("this is an HTTP server", words)
        self.assertIn("HTTP/1.1 400", words)
        words, _ = self.malformed(b"\x15\x03\x01\x00\x02\x02\x46")
        self.assertIn("speaks TLS, and tls is not set", words)

    def test_later(self) -> None:
        """
        What comes after good frames is not taken for another protocol.
        """
        words, _ = self.malformed(b"HTTP/1.1 400 Bad Request\r\n", segments=1)
        self.assertNotIn("HTTP server", words)
        self.assertIn("is no RocketMQ frame", words)

    def test_goodBeforeBad(self) -> None:
        """
        An answer in front of the bad bytes is delivered.
        """
        protocol, line = self.line()
        d = protocol.invoke(REQUEST, 3.0)
        protocol.dataReceived(answer(FIRST) + bytes(8))
        self.successResultOf(d)
        self.assertEqual(line.aborted, 1)
        self.reactor.advance(0)

    def test_halfAFrame(self) -> None:
        """
        A frame that does not arrive whole within the frame timeout ends the
        connection, although its bytes keep coming.
        """
        protocol, line = self.line(frameTimeout=3.0)
        d = protocol.invoke(REQUEST, 60.0)
        for byte in answer(FIRST)[:6]:
            protocol.dataReceived(bytes([byte]))
            self.reactor.advance(0.49)
        self.assertEqual(line.aborted, 0)
        self.reactor.advance(0.06)
        e = self.failing(d, ConnectionClosed)
        self.assertIn("a frame did not arrive whole within 3 s", str(e))

    def test_framesThatFollowEachOther(self) -> None:
        """
        Each frame has its own time, though the stream never rests between
        two.
        """
        protocol, line = self.line(frameTimeout=3.0)
        stream = b"".join(answer(FIRST + n) for n in range(5))
        waiting = [protocol.invoke(REQUEST, 60.0) for _ in range(5)]
        step = len(stream) // 5
        protocol.dataReceived(stream[:7])
        for at in range(7, len(stream), step):
            self.reactor.advance(2.0)
            protocol.dataReceived(stream[at : at + step])
        self.assertEqual(line.aborted, 0)
        for d in waiting:
            self.successResultOf(d)

    def test_wholeFrameEndsTheWait(self) -> None:
        """
        When the frame is whole, nothing more is waited for.
        """
        protocol, line = self.line(frameTimeout=3.0)
        data = frame(39, flag=2)
        protocol.dataReceived(data[:9])
        protocol.dataReceived(data[9:])
        self.reactor.advance(60.0)
        self.assertEqual(line.aborted, 0)

    def test_smallerLimit(self) -> None:
        """
        A factory may take shorter frames only.
        """
        protocol, line = self.line(maxFrame=100)
        protocol.dataReceived((101).to_bytes(4, "big"))
        self.assertEqual(line.aborted, 1)
        self.reactor.advance(0)


class WriteBytesTests(LineTestCase):
    """
    Frames that nobody waits for.
    """

    def test_inTurn(self) -> None:
        """
        They are written in their turn.
        """
        protocol, line = self.line()
        protocol.writeBytes(frame(1))
        protocol.pauseProducing()
        protocol.oneway(RemotingCommand(2))
        protocol.writeBytes(frame(3))
        protocol.oneway(RemotingCommand(4))
        self.assertEqual([each.code for each in line.frames()], [1])
        protocol.resumeProducing()
        self.assertEqual([each.code for each in line.frames()], [2, 3, 4])

    def test_bounded(self) -> None:
        """
        A peer that does not read its answers is dropped.
        """
        self.patch(module, "MAX_ANSWERS", 100)
        protocol, line = self.line()
        protocol.pauseProducing()
        protocol.writeBytes(bytes(60))
        protocol.resumeProducing()
        protocol.pauseProducing()
        protocol.writeBytes(bytes(60))
        protocol.writeBytes(bytes(40))
        self.assertEqual(line.aborted, 0)
        protocol.writeBytes(bytes(1))
        self.assertEqual(line.aborted, 1)
        self.reactor.advance(0)


class PairTests(LineTestCase):
    """
    Two protocols that talk to each other.
    """

    def test_bothAsk(self) -> None:
        """
        Both ends ask, with the same opaques, and each gets its own answer.
        """
        pair = Pair(self.reactor, opaques=lambda: FIRST)
        asked = pair.client.invoke(RemotingCommand(34, body=b"beat"), 3.0)
        askedBack = pair.server.invoke(RemotingCommand(39), 3.0)
        pair.flush()
        self.assertEqual(self.successResultOf(asked).remark, "done")
        got = self.successResultOf(askedBack)
        self.assertEqual((got.code, got.remark), (3, " request type 39 not supported"))
        pair.client.close()
        pair.flush()
        self.successResultOf(pair.server.whenClosed())
        self.successResultOf(pair.client.whenClosed())

    def test_manyInBothForms(self) -> None:
        """
        Many requests at once, in both serialisations, are all answered.
        """
        pair = Pair(self.reactor)
        waiting = [
            pair.client.invoke(
                RemotingCommand(n, serializeType=SerializeType(n % 2)), 3.0
            )
            for n in range(200)
        ]
        pair.flush()
        forms = [self.successResultOf(d).serializeType for d in waiting]
        self.assertEqual(forms, [n % 2 for n in range(200)])
        pair.client.abort()
        pair.flush()


class ReasonTests(LineTestCase):
    """
    C{connectionLost} as Twisted may call it.
    """

    def test_withoutReason(self) -> None:
        """
        It may be called without a reason.
        """
        protocol, line = self.line()
        d = protocol.invoke(REQUEST, 3.0)
        line.connected = False
        protocol.connectionLost()
        self.failing(d, ConnectionClosed)

    def test_aborted(self) -> None:
        """
        It is told of the abort that was ours.
        """
        protocol, line = self.line()
        d = protocol.invoke(REQUEST, 3.0)
        line.connected = False
        protocol.connectionLost(Failure(ConnectionAborted()))
        self.failing(d, ConnectionClosed)
