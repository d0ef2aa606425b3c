"""
Tests that find planted bugs which the fast tests beside them would not.
"""

from __future__ import annotations

from msgspec.structs import replace
from zope.interface import implementer

from tests.sending.support import ClusterTestCase
from txrocketmq._wire.codes import RequestCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.frames import encodeFrame
from txrocketmq.errors import SendFailed
from txrocketmq.interfaces import IRPCHook
from txrocketmq.message import Message, MessageQueue, Persisted, SendStatus
from txrocketmq.producer import Producer
from txrocketmq.sandbox import faults

SEND = int(RequestCode.SEND_MESSAGE_V2)

QUEUE_A, QUEUE_B = MessageQueue("T", "broker-a", 0), MessageQueue("T", "broker-b", 0)


@implementer(IRPCHook)
class _TooFar:
    """
    Gives requests that store something a code no frame has room for.
    """

    def beforeRequest(self, address: str, command: RemotingCommand) -> RemotingCommand:
        """
        Change the code.
        """
        return replace(command, code=2**40) if command.code == SEND else command

    def afterResponse(
        self, address: str, request: RemotingCommand, response: RemotingCommand
    ) -> None:
        """
        Nothing.
        """


class CaughtTests(ClusterTestCase):
    """
    One test for each.
    """

    def test_answerOnAnotherConnection(self) -> None:
        """
        What one broker says is no answer to what another was asked, whatever
        number is on it.
        """
        self.warm()
        self.brokerA.push(faults.silence(), code=SEND)
        asked = self.send(queue=QUEUE_A, timeout=2.0)
        self.cluster.flush()
        (request,) = self.brokerA.requests(SEND)
        fields = {"msgId": "1", "queueId": "0", "queueOffset": "0"}
        forged = encodeFrame(request.response(0, None, fields))
        self.brokerB.push(faults.garbage(forged), code=SEND, stored=True)
        other = self.send(queue=QUEUE_B, timeout=1.0)
        self.cluster.flush()
        self.assertFalse(asked.called)
        for each in (other, asked):
            self.failure(each, SendFailed)
        self.assertEqual(len(self.stored()), 1)

    def test_weakIsEnough(self) -> None:
        """
        What is stored, if only in memory, is not sent again unless that was
        asked for.
        """
        self.warm()
        for broker in self.sandbox.brokers.values():
            broker.push(faults.respond(10), code=SEND, stored=True)
        result = self.sent()
        self.assertIs(result.sendStatus, SendStatus.FLUSH_DISK_TIMEOUT)
        self.assertEqual(len(result.attempts), 1)
        self.assertEqual(len(self.stored()), 1)

    def test_tooLong(self) -> None:
        """
        The same of a first try: a body that is within the producer's limit, and
        beyond that of a frame.
        """
        self.warm()
        size = 17 * 1024 * 1024
        producer = self.producerOf(
            "large", maxMessageSize=2 * size, compressMsgBodyOverHowmuch=2 * size
        )
        error = self.failure(producer.send(Message("T", bytes(size))), SendFailed)
        self.assertIs(error.persisted, Persisted.NO)
        stats = producer.stats()
        self.assertEqual((stats.inFlight, stats.inFlightBytes), (0, 0))

    def test_noFrame(self) -> None:
        """
        A send that no frame can carry fails, with nothing stored, and gives its
        place back.
        """
        self.warm()
        client = self.cluster.client(hooks=[_TooFar()])
        producer = Producer(client, "other")
        self.result(client.whenReady("T"))
        self.cluster.flush()
        self.failure(producer.send(Message("T", b"x")), SendFailed)
        stats = producer.stats()
        self.assertEqual((stats.inFlight, stats.inFlightBytes), (0, 0))
        self.assertEqual(stats.failed, 1)
        self.assertEqual(self.stored(), [])
