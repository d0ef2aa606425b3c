"""
Tests of L{txrocketmq._remoting.connection} and L{dialing
<txrocketmq._remoting.dialing>}: one address.
"""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.error import ConnectionDone, ConnectionLost

from tests.remoting.doubles import (
    BROKER,
    FIRST,
    REQUEST,
    Dialed,
    Line,
    LineTestCase,
    answer,
)
from txrocketmq._remoting.connection import BrokerConnection, Connect
from txrocketmq._wire.command import RemotingCommand
from txrocketmq.errors import (
    ConnectFailed,
    ConnectionClosed,
    ConnectTimeout,
    GoAway,
    NotRunning,
    Persisted,
    RemotingTimeout,
    ResolveFailed,
    TLSFailed,
)

EMPTY: dict[str, Deferred[Any]] = {}


class ConnectionTestCase(LineTestCase):
    """
    Tests of one L{BrokerConnection}.

    @ivar dialed: What it connects with.
    """

    def setUp(self) -> None:
        """
        Make one that is not connected.
        """
        super().setUp()
        self.dialed = Dialed(self.reactor, frameTimeout=60.0)
        self.made: list[BrokerConnection] = []
        self.connection = BrokerConnection(
            BROKER,
            self.dialed,
            self.reactor,
            connected=self.made.append,
            random=lambda: 1 / 3,
        )
        self.addCleanup(self.close)

    def close(self) -> None:
        """
        Close what is open.
        """
        self.connection.close()
        self.reactor.advance(0)

    def connected(self) -> Line:
        """
        Have it connected.
        """
        d = self.connection.protocol()
        line = self.dialed.accept()
        self.successResultOf(d)
        return line


class ConnectTests(ConnectionTestCase):
    """
    How it gets connected.  F01, F18.
    """

    def test_lazy(self) -> None:
        """
        Nothing is connected before somebody asks.
        """
        self.assertEqual(self.dialed.attempts, 0)
        self.assertIsNone(self.connection.live)
        self.assertEqual(
            repr(self.connection), f"<BrokerConnection {BROKER} not connected>"
        )

    def test_shared(self) -> None:
        """
        Everyone who asks meanwhile gets the same connection; later ones too.
        """
        waiting = [self.connection.protocol() for _ in range(3)]
        self.assertEqual(self.dialed.attempts, 1)
        line = self.dialed.accept()
        for d in (*waiting, self.connection.protocol()):
            self.assertIs(self.successResultOf(d), line.protocol)
        self.assertIs(self.connection.live, line.protocol)
        self.assertEqual(self.dialed.attempts, 1)
        self.assertEqual(
            repr(self.connection), f"<BrokerConnection {BROKER} connected>"
        )

    def test_refused(self) -> None:
        """
        A failure reaches everyone who waits.
        """
        waiting = [self.connection.protocol() for _ in range(3)]
        asked = self.connection.invoke(REQUEST, 3.0)
        told = self.connection.oneway(REQUEST, 3.0)
        self.dialed.refuse(ConnectFailed(BROKER, "refused"))
        everyone: list[Deferred[Any]] = [*waiting, asked, told]
        for d in everyone:
            self.assertEqual(self.failing(d, ConnectFailed).persisted, Persisted.NO)
        self.assertEqual(self.connection.failures, 1)

    def test_backoff(self) -> None:
        """
        After a failure the next attempt is not begun for a while: who asks
        gets the same kind of error at once, with the reason, made anew.
        """
        first = self.connection.protocol()
        self.dialed.refuse(ResolveFailed(BROKER, "no such host"))
        original = self.failing(first, ResolveFailed)
        for _ in range(2):
            e = self.failing(self.connection.protocol(), ResolveFailed)
            self.assertIsNot(e, original)
            self.assertEqual(
                str(e), f"{BROKER}: no such host; the next try is in 0.1 s"
            )
        self.assertEqual(self.dialed.attempts, 1)
        self.reactor.advance(0.1)
        self.connected()
        self.assertEqual((self.dialed.attempts, self.connection.failures), (2, 0))

    def test_backoffGrows(self) -> None:
        """
        With each failure it is longer, up to half a second; a success ends that.
        """
        for wait in (0.1, 0.2, 0.4, 0.5, 0.5):
            self.connection.protocol().addErrback(lambda _: None)
            self.dialed.refuse(ConnectFailed(BROKER, "refused"))
            self.reactor.advance(wait - 0.01)
            self.failing(self.connection.protocol(), ConnectFailed)
            self.reactor.advance(0.011)
        self.connected().lose(ConnectionLost())
        self.connection.protocol().addErrback(lambda _: None)
        self.dialed.refuse(ConnectFailed(BROKER, "refused"))
        self.reactor.advance(0.1)
        self.connected()

    def test_anyError(self) -> None:
        """
        What is no ConnectFailed counts as a failure too.
        """
        first = self.connection.protocol()
        self.dialed.refuse(KeyError("x"))
        self.failing(first, KeyError)
        self.failing(self.connection.protocol(), ConnectFailed)

    def test_cancelled(self) -> None:
        """
        When everyone has cancelled, the attempt is cancelled; that is no
        failure.
        """
        waiting = [self.connection.protocol() for _ in range(2)]
        waiting[0].cancel()
        self.failing(waiting[0], CancelledError)
        self.assertEqual(self.dialed.cancelled, 0)
        waiting[1].cancel()
        self.failing(waiting[1], CancelledError)
        self.assertEqual((self.dialed.cancelled, self.connection.failures), (1, 0))
        self.connected()

    def test_cancelledBySomebodyElse(self) -> None:
        """
        Who has not cancelled does not get CancelledError.
        """
        d = self.connection.protocol()
        self.dialed.refuse(CancelledError())
        self.assertIn("cancelled", str(self.failing(d, ConnectFailed)))
        self.assertEqual(self.connection.failures, 1)

    def test_cancelledByAnother(self) -> None:
        """
        Who is told of the outcome may cancel another who waits for it, and ask
        again; everyone else is told all the same.
        """
        for outcome in (
            lambda: self.dialed.refuse(ConnectFailed(BROKER, "refused")),
            lambda: self.dialed.accept().lose(ConnectionDone()),
        ):
            first, second, third = (self.connection.protocol() for _ in range(3))
            first.addBoth(lambda _, other: other.cancel(), second)
            again = third.addBoth(lambda _: self.connection.protocol())
            outcome()
            self.assertIsNone(self.successResultOf(first))
            self.failing(second, CancelledError)
            self.assertTrue(again.called)
            again.addErrback(lambda _: None)
            self.reactor.advance(1.0)

    def test_askedAgainWhenLate(self) -> None:
        """
        Who asks again when its time is over joins the attempt that goes on.
        """
        first = self.connection.invoke(REQUEST, 1.0)
        first.addErrback(lambda _: self.connection.invoke(REQUEST, 1.0))
        self.reactor.advance(1.0)
        self.assertEqual((self.dialed.attempts, self.dialed.cancelled), (1, 0))
        self.assertNoResult(first)
        self.reactor.advance(1.0)
        self.failing(first, ConnectTimeout)
        self.assertEqual(self.dialed.cancelled, 1)

    def test_manyWait(self) -> None:
        """
        There is one delayed call, however many wait with how much time.
        """
        waiting = [self.connection.invoke(REQUEST, 1.0 + n % 9) for n in range(2000)]
        self.assertEqual(len(self.reactor.getDelayedCalls()), 1)
        self.reactor.pump([1.0] * 9)
        for d in waiting:
            self.failing(d, ConnectTimeout)
        self.assertEqual((self.dialed.attempts, self.dialed.cancelled), (1, 1))

    def test_lost(self) -> None:
        """
        A lost connection is forgotten, and the next caller connects.
        """
        first = self.connected()
        first.lose(ConnectionLost())
        self.assertIsNone(self.connection.live)
        self.assertIsNone(self.connection._protocol)
        self.assertEqual(self.dialed.attempts, 1)
        second = self.connected()
        self.assertIs(self.connection.live, second.protocol)

    def test_flapping(self) -> None:
        """
        After three connections that were lost soon the fourth delays the
        fifth.  Why an earlier one was not made does not matter any more.
        """
        self.connection.protocol().addErrback(lambda _: None)
        self.dialed.refuse(ConnectFailed(BROKER, "refused"))
        self.reactor.advance(0.1)
        for _ in range(4):
            self.connected().lose(ConnectionLost())
        e = self.failing(self.connection.protocol(), ConnectFailed)
        self.assertIn("lost soon after being made", str(e))
        self.reactor.advance(0.1)
        self.connected()

    def test_flappingTLS(self) -> None:
        """
        A peer that takes our certificate only to refuse it says why.
        """
        for _ in range(4):
            self.connected().lose(SSL.Error([("", "", "certificate required")]))
        e = self.failing(self.connection.protocol(), TLSFailed)
        self.assertIn("certificate required; the next try is in", str(e))

    def test_told(self) -> None:
        """
        Whoever wants to know is told of each connection, before those who
        wait for it; it may already ask.
        """
        order: list[object] = []

        def connected(connection: BrokerConnection) -> None:
            order.append(connection)
            connection.invoke(RemotingCommand(34), 3.0).addErrback(lambda _: None)

        connection = BrokerConnection(
            BROKER, self.dialed, self.reactor, connected=connected
        )
        asked = connection.invoke(REQUEST, 3.0).addErrback(lambda _: None)
        line = self.dialed.accept()
        self.assertEqual(order, [connection])
        self.assertEqual([each.code for each in line.frames()], [34, 10])
        line.lose(ConnectionDone())
        self.successResultOf(asked)

    def test_toldInVain(self) -> None:
        """
        Who fails when told is logged, and hurts nobody.
        """
        connection = BrokerConnection(
            BROKER, self.dialed, self.reactor, connected=lambda _: EMPTY["x"].cancel()
        )
        d = connection.protocol()
        line = self.dialed.accept()
        self.successResultOf(d)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
        line.lose(ConnectionDone())

    def test_byDefault(self) -> None:
        """
        Nobody need be told, and the jitter is the library's.
        """
        connection = BrokerConnection(BROKER, self.dialed, self.reactor)
        d = connection.protocol()
        line = self.dialed.accept()
        self.successResultOf(d)
        line.lose(ConnectionDone())


class InvokeTests(ConnectionTestCase):
    """
    What is asked.
    """

    def test_connected(self) -> None:
        """
        On a live connection a request is written at once.
        """
        line = self.connected()
        d = self.connection.invoke(REQUEST, 3.0)
        self.assertEqual([each.code for each in line.frames()], [10])
        line.protocol.dataReceived(answer(FIRST, 2))
        self.assertEqual(self.successResultOf(d).code, 2)

    def test_connectsFirst(self) -> None:
        """
        Without one it is written when there is one.
        """
        d = self.connection.invoke(REQUEST, 3.0)
        told = self.connection.oneway(RemotingCommand(11), 3.0)
        line = self.dialed.accept()
        self.assertEqual([each.code for each in line.frames()], [10, 11])
        self.successResultOf(told)
        line.protocol.dataReceived(answer(FIRST))
        self.assertEqual(self.successResultOf(d).code, 0)
        self.assertEqual(self.made, [self.connection])

    def test_oneway(self) -> None:
        """
        So is a oneway request.
        """
        line = self.connected()
        self.successResultOf(self.connection.oneway(REQUEST, 3.0))
        [written] = line.frames()
        self.assertTrue(written.isOneway)

    def test_oneTime(self) -> None:
        """
        Connecting and the answer share one time.
        """
        d = self.connection.invoke(REQUEST, 3.0)
        self.reactor.advance(2.0)
        self.dialed.accept()
        self.reactor.advance(0.99)
        self.assertNoResult(d)
        self.reactor.advance(0.01)
        self.assertEqual(self.failing(d, RemotingTimeout).persisted, Persisted.MAYBE)

    def test_noTimeToConnect(self) -> None:
        """
        When it is over before there is a connection, the request is NO.  The
        attempt goes on for the others.
        """
        short = self.connection.invoke(REQUEST, 1.0)
        told = self.connection.oneway(REQUEST, 1.0)
        long = self.connection.invoke(REQUEST, 3.0)
        self.reactor.advance(1.0)
        for d in (short, told):
            e = self.failing(d, ConnectTimeout)
            self.assertEqual(e.persisted, Persisted.NO)
            self.assertIn("no connection in 1 s", str(e))
        line = self.dialed.accept()
        self.assertEqual(len(line.frames()), 1)
        line.protocol.dataReceived(answer(FIRST))
        self.successResultOf(long)

    def test_cancelled(self) -> None:
        """
        A request is cancelled wherever it is: connecting, or written.
        """
        connecting = self.connection.invoke(REQUEST, 3.0)
        connecting.cancel()
        self.failing(connecting, CancelledError)
        self.assertEqual(self.dialed.cancelled, 1)
        line = self.connected()
        written = self.connection.invoke(REQUEST, 3.0)
        written.cancel()
        self.failing(written, CancelledError)
        self.assertEqual(line.protocol.pending, 0)

    def test_lateAnswers(self) -> None:
        """
        Late answers of all connections to the address are counted.
        """
        for _ in range(2):
            line = self.connected()
            self.connection.oneway(REQUEST, 3.0)
            line.protocol.dataReceived(answer(FIRST))
            self.assertEqual(line.protocol.lateAnswers, 1)
            line.lose(ConnectionDone())
        self.assertEqual(self.connection.lateAnswers, 2)


class GoAwayTests(ConnectionTestCase):
    """
    A peer that is stopping.
    """

    def test_resent(self) -> None:
        """
        The request is sent again on a new connection; the old one answers
        what it has and is then closed.
        """
        old = self.connected()
        refused = self.connection.invoke(REQUEST, 3.0)
        other = self.connection.invoke(REQUEST, 3.0)
        old.protocol.dataReceived(answer(FIRST, 1500))
        self.assertIsNone(self.connection.live)
        new = self.dialed.accept()
        [again] = new.frames()
        self.assertEqual((again.code, again.body), (10, b"body"))
        new.protocol.dataReceived(answer(FIRST, remark="new"))
        self.assertEqual(self.successResultOf(refused).remark, "new")
        self.assertFalse(old.disconnecting)
        old.protocol.dataReceived(answer(FIRST + 1, remark="old"))
        self.assertEqual(self.successResultOf(other).remark, "old")
        self.assertTrue(old.disconnecting)
        self.reactor.advance(0)
        self.assertIs(self.connection.live, new.protocol)

    def test_twice(self) -> None:
        """
        A second GO_AWAY is a GoAway: the next broker's turn.
        """
        old = self.connected()
        d = self.connection.invoke(REQUEST, 3.0)
        old.protocol.dataReceived(answer(FIRST, 1500))
        self.dialed.accept().protocol.dataReceived(
            answer(FIRST, 1500, remark="please go away")
        )
        e = self.failing(d, GoAway)
        self.assertEqual((e.persisted, e.address), (Persisted.NO, BROKER))
        self.reactor.advance(0)

    def test_afterConnecting(self) -> None:
        """
        It is the same for a request that had to be connected for.
        """
        d = self.connection.invoke(REQUEST, 3.0)
        self.dialed.accept().protocol.dataReceived(answer(FIRST, 1500))
        self.dialed.accept().protocol.dataReceived(answer(FIRST))
        self.assertEqual(self.successResultOf(d).code, 0)
        self.reactor.advance(0)

    def test_oneTime(self) -> None:
        """
        All of it shares one time.
        """
        old = self.connected()
        d = self.connection.invoke(REQUEST, 3.0)
        self.reactor.advance(2.0)
        old.protocol.dataReceived(answer(FIRST, 1500))
        self.dialed.accept()
        self.reactor.advance(1.0)
        self.failing(d, RemotingTimeout)

    def test_notReconnected(self) -> None:
        """
        If the peer cannot be connected to any more, that is the error.
        """
        old = self.connected()
        d = self.connection.invoke(REQUEST, 3.0)
        old.protocol.dataReceived(answer(FIRST, 1500))
        self.dialed.refuse(ConnectFailed(BROKER, "refused"))
        self.assertEqual(self.failing(d, ConnectFailed).persisted, Persisted.NO)

    def test_retired(self) -> None:
        """
        On a connection that was given up there is no second try.
        """
        line = self.connected()
        d = self.connection.invoke(REQUEST, 3.0)
        retired = self.connection.retire()
        line.protocol.dataReceived(answer(FIRST, 1500))
        self.failing(d, GoAway)
        self.reactor.advance(0)
        self.successResultOf(retired)

    def test_cancelledAfterwards(self) -> None:
        """
        It can be cancelled on its second way too.
        """
        old = self.connected()
        d = self.connection.invoke(REQUEST, 3.0)
        old.protocol.dataReceived(answer(FIRST, 1500))
        new = self.dialed.accept()
        d.cancel()
        self.failing(d, CancelledError)
        self.assertEqual(new.protocol.pending, 0)


class CloseTests(ConnectionTestCase):
    """
    How it ends.
    """

    def closed(self, d: Any) -> None:
        """
        Nothing goes any more, and nothing is open.
        """
        self.reactor.advance(0)
        self.successResultOf(d)
        everyone: list[Deferred[Any]] = [
            self.connection.protocol(),
            self.connection.invoke(REQUEST, 3.0),
            self.connection.oneway(REQUEST, 3.0),
        ]
        for refused in everyone:
            self.failing(refused, NotRunning)
        self.assertIsNone(self.connection.live)

    def test_neverConnected(self) -> None:
        """
        One that never was connected is closed at once.
        """
        self.closed(self.connection.close())
        self.assertEqual(self.dialed.attempts, 0)

    def test_connected(self) -> None:
        """
        One that is connected is closed when its connection is; what waits
        fails.
        """
        self.connected()
        asked = self.connection.invoke(REQUEST, 3.0)
        d = self.connection.close()
        self.assertNoResult(d)
        self.closed(d)
        self.failing(asked, ConnectionClosed)
        self.closed(self.connection.close())

    def test_connecting(self) -> None:
        """
        Who waits for the connection gets NotRunning, and the attempt is
        cancelled.
        """
        waiting: list[Deferred[Any]] = [
            self.connection.protocol(),
            self.connection.invoke(REQUEST, 3.0),
        ]
        self.closed(self.connection.close())
        for d in waiting:
            self.failing(d, NotRunning)
        self.assertEqual(self.dialed.cancelled, 1)

    def test_draining(self) -> None:
        """
        Connections of which the peer took leave are closed too.
        """
        line = self.connected()
        for _ in range(2):
            self.connection.oneway(REQUEST, 3.0)
        asked = self.connection.invoke(REQUEST, 3.0)
        line.protocol.dataReceived(answer(FIRST, 1500))
        self.assertFalse(line.disconnecting)
        self.closed(self.connection.close())
        self.assertTrue(line.disconnecting)
        self.failing(asked, ConnectionClosed)

    def test_retireIdle(self) -> None:
        """
        One without requests is retired at once.
        """
        self.connected()
        self.closed(self.connection.retire())

    def test_retireBusy(self) -> None:
        """
        One with requests when they have ended.
        """
        line = self.connected()
        asked = self.connection.invoke(REQUEST, 3.0)
        d = self.connection.retire()
        self.assertIsNone(self.connection.live)
        self.reactor.advance(0)
        self.assertNoResult(d)
        line.protocol.dataReceived(answer(FIRST))
        self.successResultOf(asked)
        self.closed(d)

    def test_retireConnecting(self) -> None:
        """
        Requests that wait for the connection are still made.
        """
        asked = self.connection.invoke(REQUEST, 3.0)
        d = self.connection.retire()
        line = self.dialed.accept()
        self.assertFalse(line.disconnecting)
        line.protocol.dataReceived(answer(FIRST))
        self.successResultOf(asked)
        self.closed(d)

    def test_retireRefused(self) -> None:
        """
        If it cannot be made, that was it.
        """
        asked = self.connection.invoke(REQUEST, 3.0)
        d = self.connection.retire()
        self.dialed.refuse(ConnectFailed(BROKER, "refused"))
        self.failing(asked, ConnectFailed)
        self.closed(d)

    def test_closeWhileRetiring(self) -> None:
        """
        One that is being retired can be closed.
        """
        asked = self.connection.invoke(REQUEST, 3.0)
        retired = self.connection.retire()
        closed = self.connection.close()
        self.failing(asked, NotRunning)
        self.closed(retired)
        self.closed(closed)

    def test_attemptThatFailsAtOnce(self) -> None:
        """
        An attempt may end inside of the call that begins it.
        """
        attempts: list[tuple[Connect, type[Exception]]] = [
            (lambda _: fail(ConnectFailed(BROKER, "no")), ConnectFailed),
            (lambda _: EMPTY["x"], KeyError),
        ]
        for connect, cls in attempts:
            connection = BrokerConnection(BROKER, connect, self.reactor)
            self.failing(connection.invoke(REQUEST, 3.0), cls)
            self.assertEqual(connection.failures, 1)
            self.successResultOf(connection.close())

    def test_attemptThatSucceedsAtOnce(self) -> None:
        """
        So may one that succeeds.
        """
        protocol, line = self.line()
        connection = BrokerConnection(BROKER, lambda _: succeed(protocol), self.reactor)
        asked = connection.invoke(REQUEST, 3.0)
        line.protocol.dataReceived(answer(FIRST))
        self.successResultOf(asked)
        connection.close()
        self.reactor.advance(0)
