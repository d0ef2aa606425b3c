"""
Tests for headers of the ROCKETMQ serialisation.
"""

from __future__ import annotations

from struct import pack

from hypothesis import given
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.strategies import COMMANDS, inSerialisation
from txrocketmq._wire import jsonheader
from txrocketmq._wire.binaryheader import decodeHeader, encodeHeader
from txrocketmq._wire.codes import RequestCode, SerializeType
from txrocketmq._wire.command import MAX_EXT_FIELDS, RemotingCommand
from txrocketmq._wire.malformed import MalformedFrame

FIXED = pack(">hbhii", 310, 9, 317, 7, 1)
NO_REMARK = pack(">i", 0)


def entry(name: bytes, value: bytes) -> bytes:
    """
    Write one of C{extFields}.
    """
    return pack(">h", len(name)) + name + pack(">i", len(value)) + value


def header(*entries: bytes, remark: bytes = b"") -> bytes:
    """
    Write a header.
    """
    block = b"".join(entries)
    return FIXED + pack(">i", len(remark)) + remark + pack(">i", len(block)) + block


class BinaryHeaderTests(SynchronousTestCase):
    """
    Commands become bytes, and bytes commands.
    """

    def test_everything(self) -> None:
        """
        All parts have their place.
        """
        command = RemotingCommand(
            310,
            {"a": "g", "n\u00fc": "\U0001f600"},
            b"body",
            "w\u00fc",
            7,
            1,
            9,
            317,
            SerializeType.ROCKETMQ,
        )
        data = header(
            entry(b"a", b"g"),
            entry("n\u00fc".encode(), "\U0001f600".encode()),
            remark="w\u00fc".encode(),
        )
        self.assertEqual(encodeHeader(command), data)
        self.assertEqual(decodeHeader(data, b"body"), command)

    def test_nothing(self) -> None:
        """
        The shortest header has 21 bytes, and says nothing.
        """
        data = header()
        self.assertEqual(len(data), 21)
        command = decodeHeader(data, b"")
        self.assertEqual((command.remark, command.extFields), (None, {}))
        self.assertEqual(encodeHeader(command), data)

    def test_emptyTexts(self) -> None:
        """
        Empty names and values are left out on both ways: Java takes them for
        null, and would sign other bytes than we did.
        """
        command = RemotingCommand(310, {"i": "", "": "x", "a": "g"}, remark="")
        self.assertEqual(encodeHeader(command)[-12:], pack(">i", 8) + entry(b"a", b"g"))
        data = header(entry(b"i", b""), entry(b"", b"x"), entry(b"a", b"g"))
        self.assertEqual(decodeHeader(data, b"").extFields, {"a": "g"})

    def test_repeatedNames(self) -> None:
        """
        Of a name that comes twice the last value counts, an empty one too.
        """
        data = header(
            entry(b"a", b"1"), entry(b"b", b"1"), entry(b"a", b"2"), entry(b"b", b"")
        )
        self.assertEqual(decodeHeader(data, b"").extFields, {"a": "2"})

    def test_unknownLanguage(self) -> None:
        """
        A language we do not know is C{OTHER} on both ways.
        """
        self.assertEqual(encodeHeader(RemotingCommand(1, language=99))[2], 7)
        data = bytearray(header())
        data[2] = 99
        self.assertEqual(decodeHeader(bytes(data), b"").language, 7)

    def test_noPlace(self) -> None:
        """
        What does not fit is refused: there are 16 bits for code and version.
        """
        for command in (
            RemotingCommand(RequestCode.POP_MESSAGE),
            RemotingCommand(1, version=2**15),
            RemotingCommand(1, opaque=2**31),
            RemotingCommand(1, flag=-(2**31) - 1),
            RemotingCommand(1, {"x" * 2**15: "y"}),
        ):
            with self.assertRaises(MalformedFrame):
                encodeHeader(command)
        encodeHeader(RemotingCommand(1, {"x" * (2**15 - 1): "y"}))

    def test_surrogates(self) -> None:
        """
        So is text that is not Unicode.
        """
        for command in (
            RemotingCommand(1, remark="\ud800"),
            RemotingCommand(1, {"\udfff": "x"}),
            RemotingCommand(1, {"x": "\ud83d"}),
        ):
            with self.assertRaises(ValueError):
                encodeHeader(command)

    def test_malformed(self) -> None:
        """
        What is no header is refused with the one error.
        """
        sound = header(entry(b"a", b"g"), remark=b"why")
        for data in (
            *(sound[:size] for size in range(len(sound))),
            sound + b"\0",
            FIXED + pack(">i", -1) + pack(">i", 0),
            FIXED + pack(">i", 2**31 - 1) + pack(">i", 0),
            FIXED + NO_REMARK + pack(">i", -1),
            FIXED + NO_REMARK + pack(">i", -7) + entry(b"a", b"")[:7],
            FIXED + NO_REMARK + pack(">i", 2**31 - 1),
            header(pack(">h", -1) + b"\0\0\0\0"),
            header(pack(">h", 32767) + b"a"),
            header(pack(">h", 1) + b"a" + pack(">i", -1)),
            header(pack(">h", 1) + b"a" + pack(">i", 2) + b"g"),
            header(entry(b"a", b"g") + b"\0"),
            header(entry(b"\xff", b"g")),
            header(entry(b"a", b"\xff")),
            header(remark=b"\xff"),
        ):
            with self.assertRaises(MalformedFrame, msg=data.hex()):
                decodeHeader(data, b"")

    def test_manyFields(self) -> None:
        """
        There can only be so many C{extFields}, also if they are always one.
        """
        many = [entry(b"a", b"1")] * MAX_EXT_FIELDS
        self.assertEqual(decodeHeader(header(*many), b"").extFields, {"a": "1"})
        with self.assertRaises(MalformedFrame):
            decodeHeader(header(*many, entry(b"a", b"1")), b"")

    @given(COMMANDS)
    def test_agreesWithJSON(self, command: RemotingCommand) -> None:
        """
        Both serialisations of a command say the same.
        """
        binary = decodeHeader(encodeHeader(command), command.body)
        text = jsonheader.decodeHeader(jsonheader.encodeHeader(command), command.body)
        self.assertEqual(binary, inSerialisation(command, SerializeType.ROCKETMQ))
        self.assertEqual(text, inSerialisation(command, SerializeType.JSON))
