"""
What tests of batching start from.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from tests.sending.support import ClusterTestCase
from txrocketmq._remoting.protocol import RemotingProtocol
from txrocketmq._wire.codes import RequestCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.records import decodeBatch
from txrocketmq.message import Message, SendResult
from txrocketmq.producer import Producer
from txrocketmq.sandbox import SandboxBroker
from txrocketmq.settings import Batching, ProducerSettings

SEND = RequestCode.SEND_MESSAGE_V2
BATCH = RequestCode.SEND_BATCH_MESSAGE


class BatchingTestCase(ClusterTestCase):
    """
    A test with a producer that batches, on warm connections.
    """

    brokers = 1

    def setUp(self) -> None:
        """
        Bring everything up.
        """
        super().setUp()
        self.warm()
        self.producer = self.batching()

    def batching(
        self, group: str = "batching", hooks: Any = (), **settings: Any
    ) -> Producer:
        """
        A producer that batches.
        """
        own = {"batching": Batching(), **settings}
        return Producer(self.client, group, ProducerSettings(**own), hooks=hooks)

    def several(self, count: int, **options: Any) -> list[Deferred[SendResult]]:
        """
        Send messages to C{T} in one turn; their bodies are their numbers.
        """
        return [self.send(b"%d" % number, **options) for number in range(count)]

    def results(self, sends: list[Deferred[SendResult]]) -> list[SendResult]:
        """
        What several sends give.
        """
        return [self.result(send) for send in sends]

    def frames(self, *brokers: SandboxBroker) -> list[RemotingCommand]:
        """
        The sends that the brokers were asked for.
        """
        return [
            request
            for broker in brokers or self.sandbox.brokers.values()
            for request in broker.requests()
            if request.code in (SEND, BATCH, RequestCode.SEND_MESSAGE)
        ]

    def sizes(self, *brokers: SandboxBroker) -> list[int]:
        """
        Of each of them, how many messages it had; 0 is a single send.
        """
        return [
            len(decodeBatch(frame.body)) if frame.code == BATCH else 0
            for frame in self.frames(*brokers)
        ]

    def bodies(self) -> list[bytes]:
        """
        The bodies of what is stored, in the order of the queues.
        """
        return [stored.body for stored in self.stored()]

    def live(self, broker: SandboxBroker) -> RemotingProtocol:
        """
        The client's connection to a broker.
        """
        live = self.client.peers.live(broker.address)
        assert live is not None
        return live

    def agree(self, sends: list[tuple[Message, SendResult]]) -> None:
        """
        See that each message is stored as its result says, and nothing else is.
        """
        stored = {each.properties["UNIQ_KEY"]: each for each in self.stored()}
        self.assertEqual(len(stored), len(self.stored()))
        self.assertEqual(set(stored), {result.msgId for _, result in sends})
        for message, result in sends:
            one = stored[result.msgId]
            self.assertEqual(one.body, message.body)
            self.assertEqual(one.queueOffset, result.queueOffset)
            self.assertEqual(one.queueId, result.messageQueue.queueId)
