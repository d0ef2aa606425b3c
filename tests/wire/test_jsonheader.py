"""
Tests for JSON headers.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.strategies import INT32, TEXTS
from txrocketmq._wire.codes import LanguageCode, SerializeType
from txrocketmq._wire.command import MAX_EXT_FIELDS, RemotingCommand
from txrocketmq._wire.jsonheader import decodeHeader, encodeHeader
from txrocketmq._wire.malformed import MalformedFrame

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def read(text: str) -> RemotingCommand:
    """
    Read a header without a body.
    """
    return decodeHeader(text.encode("utf-8"), b"")


class EncodeTests(SynchronousTestCase):
    """
    Commands become JSON.
    """

    def test_everything(self) -> None:
        """
        All keys are there, in alphabetical order, without blanks.
        """
        command = RemotingCommand(
            1, {"x": "y"}, b"body", "why", 7, 3, LanguageCode.GO, 317
        )
        self.assertEqual(
            encodeHeader(command),
            b'{"code":1,"extFields":{"x":"y"},"flag":3,"language":"GO","opaque":7,'
            b'"remark":"why","serializeTypeCurrentRPC":"JSON","version":317}',
        )

    def test_nothing(self) -> None:
        """
        Keys that would say nothing are left out.
        """
        for command in (RemotingCommand(1), RemotingCommand(1, remark="")):
            self.assertEqual(
                encodeHeader(command),
                b'{"code":1,"flag":0,"language":"PYTHON","opaque":0,'
                b'"serializeTypeCurrentRPC":"JSON","version":513}',
            )

    def test_separators(self) -> None:
        """
        The separators of properties are escaped; other text is UTF-8.
        """
        header = encodeHeader(RemotingCommand(1, {"i": "a\x01\U0001f600\x02"}))
        self.assertIn(rb'{"i":"a\u0001' + "\U0001f600".encode() + rb'\u0002"}', header)

    def test_unknownLanguage(self) -> None:
        """
        A language without a name is C{OTHER}.
        """
        self.assertIn(b'"OTHER"', encodeHeader(RemotingCommand(1, language=99)))

    def test_numbersOutOfRange(self) -> None:
        """
        Numbers no peer could read are refused.
        """
        for name in ("code", "opaque", "flag", "version"):
            for number in (2**31, -(2**31) - 1):
                command = replace(RemotingCommand(1), **{name: number})
                with self.assertRaises(MalformedFrame):
                    encodeHeader(command)

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

    @given(
        INT32,
        st.dictionaries(st.text(), st.text()),
        st.none() | TEXTS,
        INT32,
        INT32,
        st.sampled_from(LanguageCode),
        INT32,
    )
    def test_roundTrip(
        self,
        code: int,
        extFields: dict[str, str],
        remark: str | None,
        opaque: int,
        flag: int,
        language: LanguageCode,
        version: int,
    ) -> None:
        """
        What is written is read again, empty texts among C{extFields} as well;
        and it is JSON to others.
        """
        command = RemotingCommand(
            code, extFields, b"body", remark, opaque, flag, language, version
        )
        header = encodeHeader(command)
        self.assertEqual(decodeHeader(header, b"body"), command)
        self.assertEqual(json.loads(header).get("extFields", {}), extFields)


class DecodeTests(SynchronousTestCase):
    """
    JSON becomes commands.
    """

    def test_defaults(self) -> None:
        """
        What is absent has Java's defaults; keys nobody knows are ignored.
        """
        plain = RemotingCommand(0, language=LanguageCode.JAVA, version=0)
        for text in ("{}", ' { "new" : [ { "a" : 1e999 } ] } '):
            self.assertEqual(read(text), plain)

    def test_nothingTold(self) -> None:
        """
        Absent, null and empty are one, and so with numbers that are null.
        """
        nothing = read("{}")
        for text in (
            '{"extFields":{},"remark":""}',
            '{"extFields":null,"remark":null}',
            '{"code":null,"flag":null,"language":null,"opaque":null,"version":null}',
        ):
            self.assertEqual(read(text), nothing)

    def test_languages(self) -> None:
        """
        A language comes by its name, or by its number; one we do not know is
        C{OTHER}.
        """
        for language in LanguageCode:
            self.assertEqual(
                read(f'{{"language":"{language.name}"}}').language, language
            )
            self.assertEqual(
                read(f'{{"language":{language.value}}}').language, language
            )
        for other in ('"SWIFT"', "77", "-1"):
            self.assertEqual(read(f'{{"language":{other}}}').language, 7)

    def test_untypedFields(self) -> None:
        """
        Numbers and booleans among C{extFields} become the texts they are
        written as; nulls are dropped.
        """
        command = read(
            '{"code":310,"language":"CPP","extFields":{"a":"g\\u0001\u00fc","e":3,"f":-1,"g":1.50,'
            '"h":2E+3,"k":true,"m" : false , "l":null}}'
        )
        self.assertEqual(
            command.extFields,
            {
                "a": "g\x01\u00fc",
                "e": "3",
                "f": "-1",
                "g": "1.50",
                "h": "2E+3",
                "k": "true",
                "m": "false",
            },
        )
        self.assertEqual((command.code, command.language), (310, LanguageCode.CPP))

    def test_serializeType(self) -> None:
        """
        A command knows that it came as JSON, whatever the header says.
        """
        command = read('{"serializeTypeCurrentRPC":"ROCKETMQ"}')
        self.assertIs(command.serializeType, SerializeType.JSON)

    def test_lastOneWins(self) -> None:
        """
        A key that comes twice has its last value.
        """
        command = read('{"code":1,"extFields":{"a":"1","a":"2"},"code":2}')
        self.assertEqual((command.code, command.extFields), (2, {"a": "2"}))

    def test_malformed(self) -> None:
        """
        What is no header is refused with the one error.
        """
        for text in (
            b"",
            b"[]",
            b"1",
            b"null",
            b'"x"',
            b"{",
            b'{"code":1}x',
            b'\xef\xbb\xbf{"code":1}',
            '{"code":1}'.encode("utf-16"),
            b'{"code":1.0}',
            b'{"code":1e2}',
            b'{"code":NaN}',
            b'{"code":1e999}',
            b'{"code":true}',
            b'{"code":"1"}',
            b'{"code":1_0}',
            b'{"code":2147483648}',
            b'{"flag":-2147483649}',
            b'{"opaque":' + b"1" * 5000 + b"}",
            b'{"opaque":"1"}',
            b'{"opaque":1.5}',
            b'{"version":[]}',
            b'{"remark":1}',
            b'{"remark":"\xff"}',
            b'{"remark":"\\ud800"}',
            b'{"remark":"\\ud800\\u0041"}',
            b'{"remark":"\xed\xa0\x80"}',
            b'{"extFields":[]}',
            b'{"extFields":{"a":{}}}',
            b'{"extFields":{"a":[1]}}',
            b'{"extFields":{"a":1.}}',
            b'{"extFields":{"a":NaN}}',
            b'{"extFields":{"a":1,"b":"\\ud800"}}',
            b'{"extFields":{"a":1,"b":"\xff"}}',
            b'{"extFields":{0:"a"}}',
            b'{"new":"\xff"}',
            b'{"new":"\xff","extFields":{"a":1}}',
            b'{"\xff":1}',
            b'{"new":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
            b'{"extFields":{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
        ):
            with self.assertRaises(MalformedFrame, msg=text[:60]):
                decodeHeader(text, b"")

    def test_manyFields(self) -> None:
        """
        There can only be so many C{extFields}, typed or not.
        """
        for value in (b'"x"', b"1"):
            pairs = [b'"%d":%b' % (at, value) for at in range(MAX_EXT_FIELDS + 1)]
            most = b'{"extFields":{%b}}' % b",".join(pairs[1:])
            self.assertEqual(len(decodeHeader(most, b"").extFields), MAX_EXT_FIELDS)
            with self.assertRaises(MalformedFrame):
                decodeHeader(b'{"extFields":{%b}}' % b",".join(pairs), b"")

    @given(st.dictionaries(st.sampled_from(("code", "remark", "extFields", "x")), JSON))
    def test_anyJSON(self, value: dict[str, Any]) -> None:
        """
        Any JSON makes a command or the one error.
        """
        text = json.dumps(value).encode()
        try:
            command = decodeHeader(text, b"")
        except MalformedFrame:
            return
        self.assertEqual(decodeHeader(encodeHeader(command), b""), command)
