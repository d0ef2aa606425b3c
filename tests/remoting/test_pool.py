"""
Tests of L{txrocketmq._remoting.pool}.
"""

from __future__ import annotations

from tests.remoting.doubles import FIRST, REQUEST, Dialed, LineTestCase, answer
from txrocketmq._remoting.connection import BrokerConnection
from txrocketmq._remoting.pool import ConnectionPool
from txrocketmq.errors import NotRunning


class PoolTests(LineTestCase):
    """
    L{ConnectionPool}.
    """

    def setUp(self) -> None:
        """
        Make an empty one.
        """
        super().setUp()
        self.dialed = Dialed(self.reactor)
        self.made: list[BrokerConnection] = []
        self.pool = ConnectionPool(
            self.reactor, self.dialed, self.made.append, random=lambda: 0.5
        )
        self.addCleanup(self.close)

    def close(self) -> None:
        """
        Close what is open.
        """
        d = self.pool.close()
        self.reactor.advance(0)
        self.successResultOf(d)

    def test_oneForEachAddress(self) -> None:
        """
        An address has one connection, made when it is used.
        """
        a, b = self.pool.connection("a:1"), self.pool.connection("b:1")
        self.assertIs(self.pool.connection("a:1"), a)
        self.assertEqual(dict(self.pool.connections), {"a:1": a, "b:1": b})
        self.assertEqual(self.dialed.attempts, 0)
        d = b.protocol()
        self.assertEqual(self.dialed.accept().protocol.address, "b:1")
        self.successResultOf(d)
        self.assertEqual(self.made, [b])

    def test_connectionsIsAView(self) -> None:
        """
        Nobody else puts connections in.
        """
        with self.assertRaises(TypeError):
            self.pool.connections["a:1"] = None  # type: ignore[index]

    def test_retain(self) -> None:
        """
        What is not named is closed when its requests have ended; who asks for
        the address again gets a new connection.
        """
        a, b = self.pool.connection("a:1"), self.pool.connection("b:1")
        asked = b.invoke(REQUEST, 3.0)
        line = self.dialed.accept()
        self.pool.retain(["a:1", "c:1"])
        self.assertEqual(dict(self.pool.connections), {"a:1": a})
        self.assertIsNot(self.pool.connection("b:1"), b)
        self.assertFalse(line.disconnecting)
        line.protocol.dataReceived(answer(FIRST) + answer(FIRST))
        self.successResultOf(asked)
        self.reactor.advance(0)
        self.failureResultOf(b.protocol(), NotRunning)

    def test_lateAnswers(self) -> None:
        """
        Late answers count for good: of connections in use, of those that are
        ending, and of those that have ended.
        """
        lines = []
        for address in ("a:1", "b:1", "c:1"):
            self.pool.connection(address).oneway(REQUEST, 3.0)
            lines.append(self.dialed.accept())
        busy = self.pool.connection("b:1").invoke(REQUEST, 3.0)
        busy.addErrback(lambda _: None)
        self.pool.retain(["a:1"])
        for line in lines[:2]:
            line.protocol.dataReceived(answer(FIRST))
        self.assertEqual(self.pool.lateAnswers, 2)
        self.reactor.advance(3.0)
        self.assertEqual(len(self.pool._ending), 0)
        self.assertEqual(self.pool.lateAnswers, 2)

    def test_close(self) -> None:
        """
        All is closed, what is ending too, and stays closed.
        """
        a, b = self.pool.connection("a:1"), self.pool.connection("b:1")
        waiting = [a.invoke(REQUEST, 3.0), b.invoke(REQUEST, 3.0)]
        lines = [self.dialed.accept(), self.dialed.accept()]
        self.pool.retain(["a:1"])
        d = self.pool.close()
        self.assertNoResult(d)
        self.reactor.advance(0)
        self.successResultOf(d)
        self.assertTrue(all(line.disconnecting for line in lines))
        for each in waiting:
            self.failureResultOf(each)
        for address in ("a:1", "new:1"):
            refused = self.pool.connection(address).invoke(REQUEST, 3.0)
            self.failureResultOf(refused, NotRunning)
        self.assertEqual(list(self.pool.connections), ["a:1"])
        self.successResultOf(self.pool.close())

    def test_abort(self) -> None:
        """
        What a peer does not let us close is dropped.
        """
        connection = self.pool.connection("a:1")
        connection.oneway(REQUEST, 3.0)
        line = self.dialed.accept()
        line.protocol.pauseProducing()
        line.protocol.writeBytes(b"unread")
        closed = self.pool.close()
        self.reactor.advance(1.0)
        self.assertNoResult(closed)
        aborted = self.pool.abort()
        self.reactor.advance(0)
        for each in (closed, aborted):
            self.successResultOf(each)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_byDefault(self) -> None:
        """
        Nobody need be told of connections.
        """
        pool = ConnectionPool(self.reactor, self.dialed)
        d = pool.connection("a:1").protocol()
        self.dialed.accept()
        self.successResultOf(d)
        closed = pool.close()
        self.reactor.advance(0)
        self.successResultOf(closed)
