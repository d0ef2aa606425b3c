"""
Tests of L{txrocketmq._sending.half}: half messages, as far as sends go.
"""

from __future__ import annotations

import attrs

from tests.sending.support import ClusterTestCase
from tests.sending.test_hooks import Recorder
from tests.sending.test_outgoing import envelopeOf
from tests.support import TestCase
from tests.wire.vectors import requests
from txrocketmq._sending.half import assembleHalf
from txrocketmq._wire.codes import RequestCode, SysFlag
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.frames import FrameBuffer
from txrocketmq._wire.records import decodeProperties
from txrocketmq.context import MessageType
from txrocketmq.errors import InvalidMessage
from txrocketmq.message import Message, MessageQueue
from txrocketmq.producer import Producer

SEND = RequestCode.SEND_MESSAGE_V2

SET_BY_SENDS = {"TRAN_MSG", "PGROUP", "UNIQ_KEY", "WAIT", "TAGS"}
"""
The properties that no user has set.
"""


def recorded(scenario: str) -> list[RemotingCommand]:
    """
    The half messages that Java's clients sent in a scenario.
    """
    return [
        command
        for vector in requests(SEND)
        if vector.record["scenario"] == scenario
        and vector.record["client"].startswith("java")
        for command in FrameBuffer().feed(vector.data)
        if "TRAN_MSG" in command.extFields["i"]
    ]


class HalfTests(TestCase):
    """
    The request.
    """

    def test_likeJava(self) -> None:
        """
        Of the same message the request is made that Java's clients sent.
        """
        commands = recorded("transaction")
        self.assertGreaterEqual(len(commands), 4)
        for theirs in commands:
            expected = dict(theirs.extFields)
            properties = decodeProperties(expected.pop("i"))
            message = Message(
                expected["b"],
                theirs.body,
                tags=properties["TAGS"],
                properties={
                    name: value
                    for name, value in properties.items()
                    if name not in SET_BY_SENDS
                },
            )
            expected["g"] = "1000"
            envelope = attrs.evolve(envelopeOf(), group=expected["a"])
            outgoing = assembleHalf(envelope, message, properties["UNIQ_KEY"])
            queue = MessageQueue(expected["b"], expected["n"], int(expected["e"]))
            ours = outgoing.command(queue, queue.brokerName)
            fields = dict(ours.extFields)
            self.assertEqual(decodeProperties(fields.pop("i")), properties)
            self.assertEqual(fields, expected)
            self.assertEqual((ours.code, ours.body), (theirs.code, theirs.body))

    def test_compressed(self) -> None:
        """
        It is compressed as any other, and the bits of both stand side by side.
        """
        theirs = recorded("transaction-zlib")
        outgoing = assembleHalf(envelopeOf(), Message("T", b"x" * 5000))
        self.assertEqual(
            {str(int(outgoing.sysFlag))}, {command.extFields["f"] for command in theirs}
        )

    def test_refused(self) -> None:
        """
        A delay would be lost, and the marks need room among the properties.
        """
        for late in (
            Message("T", b"x", delayTimeLevel=1),
            Message("T", b"x", deliverAfter=1.0),
            Message("T", b"x", deliverAt=9e9),
        ):
            wrong = self.assertRaises(InvalidMessage, assembleHalf, envelopeOf(), late)
            self.assertIn("cannot be delayed", str(wrong))
        unmarked = len("p\x01\x02UNIQ_KEY\x01ID0\x02WAIT\x01true\x02")
        full = Message("T", b"x", properties={"p": "x" * (32767 - unmarked)})
        wrong = self.assertRaises(InvalidMessage, assembleHalf, envelopeOf(), full)
        self.assertIn("at most 32767", str(wrong))


class SentTests(ClusterTestCase):
    """
    What becomes of it.
    """

    def test_sent(self) -> None:
        """
        Tries, hooks and result are those of any send; the broker shows it to nobody.
        """
        recorder = Recorder()
        producer = Producer(self.client, "halves", hooks=[recorder])
        self.client.startService()
        sending = producer._sending
        outgoing = assembleHalf(producer._envelope, Message("T", b"half"))
        result = self.cluster.result(sending.send(outgoing, None, None, None))
        self.assertEqual(result.msgId, outgoing.msgId)
        self.assertEqual(recorder.calls(), ["before", "after"])
        for _, context in recorder.seen:
            self.assertIs(context.messageType, MessageType.TRANS_MSG_HALF)
        (request,) = [
            each
            for broker in self.sandbox.brokers.values()
            for each in broker.requests(SEND)
        ]
        self.assertEqual(request.extFields["f"], str(int(SysFlag.TRANSACTION_PREPARED)))
        self.assertEqual(self.sandbox.messages("T"), [])
