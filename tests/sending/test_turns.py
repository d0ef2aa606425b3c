"""
Tests of very many sends at once: who waits behind others of ours is not late.
"""

from __future__ import annotations

from tests.remoting.doubles import readsSlowly
from tests.sending.support import ClusterTestCase
from txrocketmq._remoting.gathering import MAX_GATHERED
from txrocketmq.errors import RemotingTimeout, SendFailed
from txrocketmq.message import Message, MessageQueue, Persisted
from txrocketmq.producer import Producer

LARGE = bytes(MAX_GATHERED + 1)


class TurnTests(ClusterTestCase):
    """
    A broker that reads one message at a time, every two seconds: an attempt has three.
    """

    brokers = 1

    def setUp(self) -> None:
        """
        Connect.
        """
        super().setUp()
        self.slow = self.slowProducer()

    def slowProducer(self) -> Producer:
        """
        A producer of large messages, to a connection that has enough with each.
        """
        producer = self.producerOf("slow", compressMsgBodyOverHowmuch=1 << 22)
        self.result(producer.send(Message("T", b"x")))
        self.warm()
        live = self.client.peers.live(self.brokerA.address)
        assert live is not None
        self.protocol = live
        readsSlowly(self, live)
        return producer

    def turn(self) -> None:
        """
        Two seconds later the broker reads one.
        """
        self.clock.advance(2.0)
        self.protocol.resumeProducing()
        self.cluster.flush()

    def test_all(self) -> None:
        """
        All are stored by their first try, whichever way they take, and nothing is
        held against the broker.
        """
        message = Message("T", LARGE)
        sends = [
            self.slow.send(message),
            self.slow.send(message, queue=MessageQueue("T", "broker-a", 1)),
            self.slow.send(message),
            self.slow.send(message, msgId="7F00000112340A0B0C0D00ABCDEF0001"),
        ]
        for _ in sends:
            self.turn()
        for each in sends:
            self.assertEqual(len(self.successResultOf(each).attempts), 1)
        self.assertEqual(self.slow.stats().isolated, ())

    def test_tooMany(self) -> None:
        """
        Those for which the time of a send is too short are surely not stored, and end
        when it is over.
        """
        sends = [self.slow.send(Message("T", LARGE)) for _ in range(6)]
        for _ in range(4):
            self.turn()
        self.clock.advance(1.99)
        self.assertNoResult(sends[4])
        self.clock.advance(0.02)
        for each in sends[4:]:
            error = self.failure(each, SendFailed)
            self.assertIs(error.persisted, Persisted.NO)
            self.assertIsInstance(error.cause, RemotingTimeout)
        for each in sends[:4]:
            self.successResultOf(each)
