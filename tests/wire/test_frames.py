"""
Tests for cutting a stream into commands, and for making frames of commands.
"""

from __future__ import annotations

from itertools import pairwise
from struct import pack

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.strategies import COMMANDS, decode
from tests.wire.vectors import vectors
from txrocketmq._wire.codes import RequestCode, SerializeType
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.frames import (
    MAX_FRAME,
    MAX_HEADER,
    FrameBuffer,
    MalformedFrame,
    encodeFrame,
)

HEADER = b'{"code":105}'
FRAME = pack(">iI", 4 + len(HEADER), len(HEADER)) + HEADER


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """
    Cut bytes at some places.
    """
    edges = [0, *sorted({place % (len(data) + 1) for place in places}), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


class ChunkingTests(SynchronousTestCase):
    """
    It makes no difference in which pieces a stream arrives.
    """

    @given(st.lists(COMMANDS, max_size=5), st.lists(st.integers(0, 10_000)))
    def test_anyPieces(
        self, commands: list[RemotingCommand], places: list[int]
    ) -> None:
        """
        Commands come out in their order and as they went in, and nothing is
        left over.
        """
        stream = b"".join(map(encodeFrame, commands))
        buffer = FrameBuffer()
        out = [each for piece in cut(stream, places) for each in buffer.feed(piece)]
        self.assertEqual(out, commands)
        self.assertEqual((buffer.pending, buffer.error), (0, None))

    def test_byteByByte(self) -> None:
        """
        A command comes with its last byte and not before; until then its bytes
        are counted.
        """
        buffer = FrameBuffer()
        for count, byte in enumerate(FRAME[:-1], 1):
            self.assertEqual(buffer.feed(bytes([byte])), [])
            self.assertEqual(buffer.pending, count)
        (command,) = buffer.feed(FRAME[-1:])
        self.assertEqual(command.code, 105)
        self.assertEqual(buffer.pending, 0)

    def test_capturedStream(self) -> None:
        """
        All captured frames after one another give the same commands in 7-byte
        pieces as at once.
        """
        stream = b"".join(each.data for each in vectors())
        whole = FrameBuffer().feed(stream)
        buffer = FrameBuffer()
        pieces = [
            command
            for at in range(0, len(stream), 7)
            for command in buffer.feed(stream[at : at + 7])
        ]
        self.assertEqual(len(whole), sum(1 for _ in vectors()))
        self.assertEqual(pieces, whole)

    def test_bodyIsOwn(self) -> None:
        """
        A body is C{bytes}, however it arrived.
        """
        data = encodeFrame(RemotingCommand(1, body=b"hello"))
        buffer = FrameBuffer()
        buffer.feed(data[:-2])
        for command in (*buffer.feed(data[-2:]), *buffer.feed(data)):
            self.assertIs(type(command.body), bytes)
            self.assertEqual(command.body, b"hello")

    def test_nothing(self) -> None:
        """
        No bytes change nothing.
        """
        buffer = FrameBuffer()
        self.assertEqual(buffer.feed(b""), [])
        buffer.feed(FRAME[:9])
        self.assertEqual(buffer.feed(b""), [])
        self.assertEqual(buffer.pending, 9)


class CopyingTests(SynchronousTestCase):
    """
    The work is in proportion to the bytes, however they are sliced.
    """

    def test_dripIsLinear(self) -> None:
        """
        The longest frame in 64-byte pieces has each byte copied no more than
        twice.
        """
        size = MAX_FRAME - 8 - len(HEADER)
        data = pack(">iI", MAX_FRAME - 4, len(HEADER)) + HEADER + bytes(size)
        buffer = FrameBuffer()
        commands: list[RemotingCommand] = []
        for at in range(0, MAX_FRAME, 64):
            commands += buffer.feed(data[at : at + 64])
        self.assertEqual([len(command.body) for command in commands], [size])
        self.assertLessEqual(buffer.copied, 2 * MAX_FRAME)
        self.assertGreater(buffer.copied, MAX_FRAME)

    def test_wholeFramesAreCopiedOnce(self) -> None:
        """
        Frames that arrive whole have each byte copied no more than once, and
        the half one behind them too.
        """
        buffer = FrameBuffer()
        self.assertEqual(len(buffer.feed(FRAME * 100 + FRAME[:10])), 100)
        self.assertLessEqual(buffer.copied, len(FRAME) * 100 + 10)


class LimitTests(SynchronousTestCase):
    """
    What cannot become a frame is refused at once.
    """

    def assertRefused(self, data: bytes, **limits: int) -> str:
        """
        Bytes are refused by the time they are there, whole or byte by byte,
        and the buffer holds nothing any more.

        @return: Why.
        """
        whole = FrameBuffer(**limits)
        self.assertEqual(whole.feed(data), [])
        self.assertIsInstance(whole.error, MalformedFrame)
        drip = FrameBuffer(**limits)
        for at in range(len(data)):
            self.assertIsNone(drip.error)
            self.assertEqual(drip.feed(data[at : at + 1]), [])
        self.assertEqual(str(drip.error), str(whole.error))
        self.assertEqual((whole.pending, drip.pending), (0, 0))
        return str(whole.error)

    def test_length(self) -> None:
        """
        Lengths no frame has, or none we take, need four bytes.
        """
        for length in (0, 1, 3, -1, -(2**31), MAX_FRAME - 3, 2**31 - 1):
            self.assertIn(str(length), self.assertRefused(pack(">i", length)))

    def test_serializeType(self) -> None:
        """
        Serialize types other than the two need eight.
        """
        for kind in range(2, 256):
            why = self.assertRefused(pack(">iBBH", 100, kind, 0, 10))
            self.assertIn(f"serialize type {kind}", why)

    def test_headerLength(self) -> None:
        """
        So do headers longer than their frame.
        """
        self.assertRefused(pack(">iI", 4, 1))
        self.assertRefused(pack(">iI", 100, 97))
        self.assertRefused(pack(">iI", 100, 0xFFFFFF))

    def test_longHeader(self) -> None:
        """
        So do headers longer than we parse.
        """
        self.assertRefused(pack(">iI", MAX_FRAME - 4, MAX_HEADER + 1))
        buffer = FrameBuffer()
        buffer.feed(pack(">iI", MAX_FRAME - 4, MAX_HEADER))
        self.assertIsNone(buffer.error)

    def test_emptyHeader(self) -> None:
        """
        A header of no bytes is none, in either serialisation.
        """
        self.assertRefused(pack(">iI", 4, 0))
        self.assertRefused(pack(">iI", 4, 1 << 24))

    def test_ownLimits(self) -> None:
        """
        The limits can be set; a frame of just that length passes.
        """
        self.assertEqual(len(FrameBuffer(maxFrame=len(FRAME)).feed(FRAME)), 1)
        self.assertEqual(len(FrameBuffer(maxHeader=len(HEADER)).feed(FRAME)), 1)
        self.assertRefused(FRAME[:4], maxFrame=len(FRAME) - 1)
        self.assertRefused(FRAME[:8], maxHeader=len(HEADER) - 1)


class MalformedTests(SynchronousTestCase):
    """
    After a frame that is none a stream is over.
    """

    def test_goodOnesBefore(self) -> None:
        """
        The commands before it are still given.
        """
        for tail in (b"\0\0\0\0", FRAME[:8] + bytes(len(HEADER))):
            buffer = FrameBuffer()
            self.assertEqual(len(buffer.feed(FRAME * 3 + tail + FRAME)), 3)
            self.assertIsInstance(buffer.error, MalformedFrame)

    def test_goodOnesBeforeInPieces(self) -> None:
        """
        So is one that began in an earlier piece.
        """
        buffer = FrameBuffer()
        buffer.feed(FRAME[:10])
        self.assertEqual(len(buffer.feed(FRAME[10:] + b"\xff\xff\xff\xff")), 1)
        self.assertIsInstance(buffer.error, MalformedFrame)

    def test_staysDead(self) -> None:
        """
        Nothing comes after it, and the first error is kept.
        """
        buffer = FrameBuffer()
        buffer.feed(b"\0\0\0\1")
        error = buffer.error
        self.assertEqual(buffer.feed(FRAME), [])
        self.assertIs(buffer.error, error)
        self.assertEqual(buffer.pending, 0)

    @given(st.lists(st.binary(max_size=60), max_size=5))
    def test_anyBytes(self, pieces: list[bytes]) -> None:
        """
        Any bytes make commands or the one error.
        """
        buffer = FrameBuffer()
        for piece in pieces:
            buffer.feed(piece)
        self.assertIsInstance(buffer.error, MalformedFrame | None)

    @given(st.binary(max_size=80), st.binary(max_size=5), st.sampled_from((0, 1)))
    def test_anyHeader(self, header: bytes, body: bytes, kind: int) -> None:
        """
        So do any bytes that stand where a header should be.
        """
        length = 4 + len(header) + len(body)
        buffer = FrameBuffer()
        commands = buffer.feed(
            pack(">iI", length, kind << 24 | len(header)) + header + body
        )
        self.assertEqual(len(commands), int(buffer.error is None))

    @given(COMMANDS, st.integers(0, 1000), st.integers(1, 255))
    def test_oneByteChanged(
        self, command: RemotingCommand, place: int, change: int
    ) -> None:
        """
        So does a sound frame with a byte that is another; and a command that
        comes of it can be written again.
        """
        data = bytearray(encodeFrame(command))
        data[place % len(data)] ^= change
        buffer = FrameBuffer()
        for each in buffer.feed(bytes(data)):
            self.assertEqual(decode(encodeFrame(each)), each)
        self.assertIsInstance(buffer.error, MalformedFrame | None)


class EncodeTests(SynchronousTestCase):
    """
    Commands become frames.
    """

    def test_json(self) -> None:
        """
        With a JSON header: keys in alphabetical order, none that says nothing.
        """
        command = RemotingCommand(105, {"topic": "T"}, opaque=1, version=479)
        header = (
            b'{"code":105,"extFields":{"topic":"T"},"flag":0,"language":"PYTHON",'
            b'"opaque":1,"serializeTypeCurrentRPC":"JSON","version":479}'
        )
        self.assertEqual(
            encodeFrame(command), bytes.fromhex("000000810000007d") + header
        )

    def test_binary(self) -> None:
        """
        With a binary header.
        """
        command = RemotingCommand(
            105,
            {"topic": "T"},
            opaque=1,
            version=479,
            serializeType=SerializeType.ROCKETMQ,
        )
        self.assertEqual(
            encodeFrame(command).hex(),
            "000000250100002100690301df0000000100000000000000000000000c"
            "0005746f7069630000000154",
        )

    def test_members(self) -> None:
        """
        A code and a language may be members of their enumerations or numbers.
        """
        for kind in SerializeType:
            self.assertEqual(
                encodeFrame(
                    RemotingCommand(RequestCode.HEART_BEAT, serializeType=kind)
                ),
                encodeFrame(RemotingCommand(34, language=3, serializeType=kind)),
            )

    def test_longest(self) -> None:
        """
        A frame of the greatest length is made, and read; a longer one is not.
        """
        empty = len(encodeFrame(RemotingCommand(1)))
        room = MAX_FRAME - empty
        longest = encodeFrame(RemotingCommand(1, body=bytes(room)))
        self.assertEqual(len(longest), MAX_FRAME)
        self.assertEqual(len(decode(longest).body), room)
        with self.assertRaises(MalformedFrame):
            encodeFrame(RemotingCommand(1, body=bytes(room + 1)))

    def test_longBinaryHeader(self) -> None:
        """
        A header that would be longer than any frame is not made.
        """
        extFields = {"a": "x" * MAX_FRAME}
        for kind in SerializeType:
            with self.assertRaises(MalformedFrame):
                encodeFrame(RemotingCommand(1, extFields, serializeType=kind))
