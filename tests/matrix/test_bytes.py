"""
Sections B and C: bytes, and the answers they make, in virtual time.
"""

from __future__ import annotations

from typing import Any

from tests.remoting.doubles import FIRST, LineTestCase
from txrocketmq._remoting.protocol import RemotingProtocol
from txrocketmq._wire.codes import SerializeType
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.frames import MAX_HEADER, FrameBuffer, MalformedFrame, encodeFrame
from txrocketmq.errors import (
    ConnectionClosed,
    MalformedAnswer,
    ProtocolError,
    SendFailed,
)
from txrocketmq.message import MessageQueue
from txrocketmq.sandbox import faults
from txrocketmq.settings import ClientSettings

from .marks import row
from .support import MAYBE, NO, SEND, YES, FaultTestCase, connectionsTo

QUEUE = MessageQueue("T", "broker-a", 0)


class CutTests(FaultTestCase):
    """
    Answers that do not arrive whole.
    """

    serializeType = SerializeType.JSON

    def clientSettings(self) -> ClientSettings:
        """
        Speak the serialisation that is tested.
        """
        return ClientSettings(serializeType=self.serializeType)

    def uncertain(self, fault: Any, kind: type[Exception]) -> None:
        """
        Have a send and its sibling on the same connection see a fault.
        """
        # Connections that are lost soon after they were made are another matter.
        self.cluster.advance(6)
        self.brokerA.push(faults.silence(), code=SEND)
        self.brokerA.push(fault, code=SEND, stored=True)
        began = self.clock.seconds()
        sends = [self.send(queue=QUEUE), self.send(queue=QUEUE)]
        errors = [self.failure(sent, SendFailed) for sent in sends]
        self.assertEqual(self.clock.seconds(), began)
        for error in errors:
            self.assertIsInstance(error.cause, kind)
            self.assertIs(error.persisted, MAYBE)
            self.assertEqual(len(error.attempts), 1)

    @row("F21")
    def test_anywhere(self) -> None:
        """
        Wherever an answer is cut, all that waits on the connection is MAYBE at
        once, and the next send goes well on another connection.
        """
        self.producer = self.producerOf("careful", resendWhenMaybe=False)
        for at in range(0, 200, 9):
            self.uncertain(faults.cut(at), ConnectionClosed)
            self.assertEqual(len(self.sent(queue=QUEUE).attempts), 1)
            self.brokerA.clear()

    @row("F20")
    def test_reset(self) -> None:
        """
        The same where the connection is reset.
        """
        self.producer = self.producerOf("careful", resendWhenMaybe=False)
        self.uncertain(faults.reset(), ConnectionClosed)

    @row("F23", "F24", "F25", "F26")
    def test_garbage(self) -> None:
        """
        The same where what arrives is no frame.
        """
        self.producer = self.producerOf("careful", resendWhenMaybe=False)
        for data in (
            b"\0\0\0\0",
            b"\0\0\0\3abc",
            b"\x80\0\0\0",
            b"\x7f\xff\xff\xff",
            b"\0\0\0\x08\0\0\0\x64abcd",
            b"\0\0\0\x08\x09\0\0\4abcd",
            b"\0\0\0\x08\0\0\0\4[][]",
            b'\0\0\0\x0e\0\0\0\x0a{"code":1e',
        ):
            self.uncertain(faults.garbage(data), ProtocolError)
            self.brokerA.clear()


class BinaryCutTests(CutTests):
    """
    The same with binary headers.
    """

    serializeType = SerializeType.ROCKETMQ


class HeavyTests(FaultTestCase):
    """
    Input that is to take long.
    """

    @row("F26")
    def test_longHeaders(self) -> None:
        """
        The longest garbage headers are refused, those longer than allowed
        unparsed.
        """
        for text in (
            b"[" * MAX_HEADER,
            b'{"a":' * (MAX_HEADER // 5),
            b'{"code":' + b"1" * (MAX_HEADER - 9) + b"}",
            b'{"extFields":{"a":"' + b"\\u0041" * (MAX_HEADER // 7) + b'"}x',
            b'{"opaque":1e999}',
            b'{"opaque":NaN}',
            b'{"opaque":1.5}',
            b'{"opaque":true}',
            b'{"opaque":"\xd9\xa1"}',
            '{"code":1}'.encode("utf-16"),
            b"\xef\xbb\xbf{}",
            b"\x00" * (MAX_HEADER + 1),
        ):
            frame = (len(text) + 4).to_bytes(4, "big")
            frame += len(text).to_bytes(4, "big") + text
            buffer = FrameBuffer()
            self.assertEqual(buffer.feed(frame), [], text[:40])
            self.assertIsInstance(buffer.error, MalformedFrame, text[:40])


class ManyTests(LineTestCase):
    """
    Many frames at once.
    """

    @row("F29")
    def test_smallFrames(self) -> None:
        """
        Ten thousand answers, as many in one piece as a read can bring and then
        more, are dealt with in order and without recursion.
        """
        protocol, _ = self.line()
        got: list[int] = []
        frames = []
        for at in range(10_000):
            asked = protocol.invoke(RemotingCommand(99), 30)
            asked.addCallback(lambda answer: got.append(answer.opaque - FIRST))
            answer = RemotingCommand(
                0,
                opaque=FIRST + at,
                flag=1,
                serializeType=SerializeType.ROCKETMQ,
            )
            frames.append(encodeFrame(answer))
        size = 65_536 // len(frames[0])
        for start in range(0, 8000, size):
            protocol.dataReceived(b"".join(frames[start : min(start + size, 8000)]))
        protocol.dataReceived(b"".join(frames[8000:]))
        self.assertEqual(got, list(range(10_000)))


class AskedTests(FaultTestCase):
    """
    Brokers that ask the client something.
    """

    def asking(self) -> RemotingProtocol:
        """
        A broker's end of its connection to the client.
        """
        ((_, server),) = connectionsTo(self.cluster.network, self.brokerA.address)
        protocol: Any = server._protocol
        return protocol  # type: ignore[no-any-return]

    @row("F39")
    def test_unknown(self) -> None:
        """
        A request nobody knows is answered with code 3, under its own number.
        """
        answer = self.result(self.asking().invoke(RemotingCommand(31_999), 3))
        self.assertEqual(answer.code, 3)

    @row("F40")
    def test_flood(self) -> None:
        """
        Of ten thousand requests at once a thousand are answered, and sends go
        on as if there were none.
        """
        ((client, server),) = connectionsTo(self.cluster.network, self.brokerA.address)
        answers: list[RemotingCommand] = []
        buffer = FrameBuffer()
        receive = server._receive
        asked = encodeFrame(RemotingCommand(31_999, opaque=7))

        def received(data: bytes) -> None:
            answers.extend(each for each in buffer.feed(data) if each.flag & 1)
            receive(data)

        server._receive = received  # type: ignore[method-assign]
        client._receive(asked * 10_000)
        self.sends(100)
        self.cluster.flush()
        self.assertEqual(len(self.ends.results), 100)
        self.assertEqual(len(answers), 1000)


class AnswerTests(FaultTestCase):
    """
    Successes that cannot be true.
    """

    @row("F38")
    def test_unreadable(self) -> None:
        """
        A success that does not say where is YES, and is never sent again.
        """
        good = {"msgId": "7F00000100002A9F0000000000000000", "queueId": "0"}
        for fields in (
            {**good, "queueOffset": "-1"},
            {**good, "queueOffset": "1_0"},
            {**good, "queueOffset": "\u0661"},
            {**good, "queueOffset": "0", "queueId": "-1"},
            {**good, "queueOffset": "0", "queueId": "zero"},
            {"queueId": "0", "queueOffset": "0"},
        ):
            self.brokerA.clear()
            fault = faults.respond(0, extFields=fields)
            self.brokerA.push(fault, code=SEND, stored=True)
            before = len(self.stored())
            error = self.failed(queue=QUEUE)
            self.assertIsInstance(error.cause, MalformedAnswer)
            self.assertIs(error.persisted, YES)
            self.assertEqual(len(self.brokerA.requests(SEND)), 1)
            self.assertEqual(len(self.stored()), before + 1)
        self.assertEqual(self.producer.stats().inFlight, 0)

    @row("F38")
    def test_endlessNumber(self) -> None:
        """
        Nor is a number of more digits than Python reads anything but that.
        """
        fields = {"msgId": "7F", "queueId": "0", "queueOffset": "1" * 5000}
        self.brokerA.push(faults.respond(0, extFields=fields), code=SEND, stored=True)
        self.assertIs(self.failed(queue=QUEUE).persisted, YES)
        self.assertEqual(self.producer.stats().inFlight, 0)

    @row("F30b")
    def test_unwritten(self) -> None:
        """
        What was kept because the peer does not read is NO when its time is over,
        and the next send goes elsewhere.
        """
        ((client, _),) = connectionsTo(self.cluster.network, self.brokerA.address)
        client.producer.pauseProducing()
        error = self.failed(queue=QUEUE, timeout=2.0)
        self.assertIs(error.persisted, NO)
        self.assertEqual(self.stored(), [])
