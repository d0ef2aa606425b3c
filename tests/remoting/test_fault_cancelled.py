"""
What is known of requests that were cancelled.
"""

from __future__ import annotations

from twisted.internet.defer import CancelledError

from txrocketmq._remoting.connection import BrokerConnection
from txrocketmq._remoting.waiters import Unwritten
from txrocketmq.message import Persisted

from .doubles import BROKER, REQUEST, Dialed, LineTestCase


class CancelledTests(LineTestCase):
    """
    Requests nobody wants any more.
    """

    def test_written(self) -> None:
        """
        Of one that is written nothing is known.
        """
        protocol, _ = self.line()
        asked = protocol.invoke(REQUEST, 3)
        asked.cancel()
        self.assertNotIsInstance(self.failing(asked, CancelledError), Unwritten)

    def test_kept(self) -> None:
        """
        One that waits for the transport is NO, and is never written.
        """
        protocol, transport = self.line()
        protocol.pauseProducing()
        asked = protocol.invoke(REQUEST, 3)
        asked.cancel()
        self.assertIs(self.failing(asked, Unwritten).persisted, Persisted.NO)
        protocol.resumeProducing()
        self.assertEqual(transport.frames(), [])

    def test_connecting(self) -> None:
        """
        So is one that waits for its connection.
        """
        dialed = Dialed(self.reactor)
        connection = BrokerConnection(BROKER, dialed, self.reactor)
        for ask in (connection.invoke, connection.oneway):
            asked = ask(REQUEST, 3)
            asked.cancel()
            self.assertIs(self.failing(asked, Unwritten).persisted, Persisted.NO)
        self.assertEqual(dialed.cancelled, 2)
