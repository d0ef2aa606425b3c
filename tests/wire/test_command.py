"""
Tests for commands, and for the numbers in them.
"""

from __future__ import annotations

from hypothesis import given
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.strategies import COMMANDS
from txrocketmq._wire.codes import (
    CURRENT_VERSION,
    LanguageCode,
    RequestCode,
    ResponseCode,
    SerializeType,
    SysFlag,
    codeName,
)
from txrocketmq._wire.command import RemotingCommand


class RemotingCommandTests(SynchronousTestCase):
    """
    L{RemotingCommand} is a value.
    """

    def test_defaults(self) -> None:
        """
        A command is ours, and a request in JSON, if nothing else is said.
        """
        command = RemotingCommand(105)
        self.assertEqual(command.language, LanguageCode.PYTHON)
        self.assertEqual(command.version, CURRENT_VERSION)
        self.assertIs(command.serializeType, SerializeType.JSON)
        self.assertFalse(command.isResponse or command.isOneway)

    def test_equality(self) -> None:
        """
        Commands are equal when they say the same.
        """
        self.assertEqual(RemotingCommand(1, {"a": "b"}), RemotingCommand(1, {"a": "b"}))
        self.assertNotEqual(RemotingCommand(1), RemotingCommand(1, opaque=1))

    def test_ownFields(self) -> None:
        """
        Two commands without C{extFields} do not share them.
        """
        self.assertIsNot(RemotingCommand(1).extFields, RemotingCommand(1).extFields)

    def test_frozen(self) -> None:
        """
        A command does not change.
        """
        with self.assertRaises(AttributeError):
            RemotingCommand(1).opaque = 2  # type: ignore[misc]

    def test_flags(self) -> None:
        """
        Each bit of the flag is asked for by itself.
        """
        flags = [RemotingCommand(1, flag=flag) for flag in (0, 1, 2, 3, 4)]
        self.assertEqual(
            [each.isResponse for each in flags], [False, True] * 2 + [False]
        )
        self.assertEqual(
            [each.isOneway for each in flags], [False, False, True, True, False]
        )

    @given(COMMANDS)
    def test_asOneway(self, command: RemotingCommand) -> None:
        """
        A oneway command is the same but for its bit.
        """
        oneway = command.asOneway()
        self.assertTrue(oneway.isOneway)
        self.assertEqual(oneway.isResponse, command.isResponse)
        self.assertEqual((oneway.code, oneway.body), (command.code, command.body))
        self.assertEqual(oneway.asOneway(), oneway)

    @given(COMMANDS)
    def test_response(self, command: RemotingCommand) -> None:
        """
        An answer belongs to its request and comes in the same serialisation.
        """
        answer = command.response(17, "no such topic", {"a": "b"}, b"body")
        self.assertEqual(
            answer,
            RemotingCommand(
                17,
                {"a": "b"},
                b"body",
                "no such topic",
                command.opaque,
                1,
                serializeType=command.serializeType,
            ),
        )
        self.assertTrue(answer.isResponse)

    def test_plainResponse(self) -> None:
        """
        An answer is a success without further words, unless told.
        """
        answer = RemotingCommand(34, opaque=5).response()
        self.assertEqual(answer, RemotingCommand(0, opaque=5, flag=1))

    def test_repr(self) -> None:
        """
        What is shown in a log is short, and no place for bodies and signatures.
        """
        command = RemotingCommand(
            RequestCode.SEND_MESSAGE,
            {"AccessKey": "secret"},
            b"secret",
            "w" * 10_000,
            opaque=7,
        )
        text = repr(command)
        self.assertIn("code=10, opaque=7", text)
        self.assertNotIn("secret", text)
        self.assertLess(len(text), 300)
        self.assertIn("remark=None", repr(RemotingCommand(1)))


class CodeTests(SynchronousTestCase):
    """
    Numbers have names.
    """

    def test_codeName(self) -> None:
        """
        A code is shown by its name, or by its number if it has none.
        """
        self.assertEqual(codeName(310, RequestCode), "SEND_MESSAGE_V2")
        self.assertEqual(codeName(17, ResponseCode), "TOPIC_NOT_EXIST")
        self.assertEqual(codeName(-5, ResponseCode), "-5")

    def test_sysFlag(self) -> None:
        """
        The numbers of several bits do not overlap with others.
        """
        self.assertEqual(SysFlag.COMPRESSED | SysFlag.ZLIB, 769)
        self.assertEqual(
            SysFlag.TRANSACTION_PREPARED | SysFlag.TRANSACTION_COMMIT,
            SysFlag.TRANSACTION_ROLLBACK,
        )
        self.assertEqual(SysFlag.TRANSACTION_MASK & SysFlag.COMPRESSION_TYPE_MASK, 0)
