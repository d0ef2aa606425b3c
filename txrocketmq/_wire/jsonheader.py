"""
The JSON form of a command's header: serialize type 0.

Follows C{RemotingSerializable} and C{RemotingCommand} of Java: keys are
written without blanks and in alphabetical order, null ones left out.
"""

from __future__ import annotations

import re
from struct import Struct, error
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from .codes import LanguageCode, SerializeType
from .command import MAX_EXT_FIELDS, RemotingCommand
from .malformed import MalformedFrame

_Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
_INT32S = Struct(">iiii")

_LANGUAGES: dict[str, int] = {member.name: member for member in LanguageCode}
_LANGUAGE_NAMES: dict[int, str] = {member: member.name for member in LanguageCode}

# Looked up once here: a member of an enumeration costs a Python-level call.
_JSON = SerializeType.JSON
_OTHER = LanguageCode.OTHER

# What a number or a boolean looks like that stands for a text.
_BARE = re.compile(rb"true|false|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


class _Written(msgspec.Struct, gc=False):
    """
    The keys we write, in the order of the wire.
    """

    code: int
    extFields: dict[str, str] | UnsetType
    flag: int
    language: str
    opaque: int
    remark: str | UnsetType
    serializeTypeCurrentRPC: str
    version: int


class _Read(msgspec.Struct, gc=False):
    """
    The keys peers write.  One that is absent has Java's default.
    """

    code: _Int32 = 0
    extFields: dict[str, str] | None = None
    flag: _Int32 = 0
    language: str = "JAVA"
    opaque: _Int32 = 0
    remark: str | None = None
    version: _Int32 = 0


class _LooselyRead(msgspec.Struct, gc=False):
    """
    The same keys as the clients write them that have no typed C{extFields}:
    numbers and booleans among the texts, a language by its number, nulls.
    """

    code: _Int32 | None = None
    extFields: dict[str, msgspec.Raw] | None = None
    flag: _Int32 | None = None
    language: str | int | None = None
    opaque: _Int32 | None = None
    remark: str | None = None
    version: _Int32 | None = None


_encode = msgspec.json.Encoder().encode
_read = msgspec.json.Decoder(_Read).decode
_readLoosely = msgspec.json.Decoder(_LooselyRead).decode
_readText = msgspec.json.Decoder(str).decode


def encodeHeader(command: RemotingCommand) -> bytes:
    """
    Write the header of a command.

    @raise ValueError: A number of the command is no int32, or a text is not
        Unicode: it holds a lone surrogate.
    """
    try:
        _INT32S.pack(command.code, command.flag, command.opaque, command.version)
    except error as e:
        raise MalformedFrame(f"no place in a JSON header: {e}") from e
    return _encode(
        _Written(
            command.code,
            command.extFields or UNSET,
            command.flag,
            _LANGUAGE_NAMES.get(command.language, "OTHER"),
            command.opaque,
            command.remark or UNSET,
            "JSON",
            command.version,
        )
    )


def decodeHeader(data: bytes, body: bytes) -> RemotingCommand:
    """
    Read a header and give the command it heads.

    @param body: The body of the command, which is taken as it is.

    @raise MalformedFrame: The bytes are no header, whatever the reason.
    """
    try:
        read = _read(data)
    except (ValueError, RecursionError):
        return _decodeLoosely(data, body)
    if not data.isascii():
        _checkText(data)
    extFields = read.extFields or {}
    if len(extFields) > MAX_EXT_FIELDS:
        raise MalformedFrame(f"a JSON header with {len(extFields)} extFields")
    return RemotingCommand(
        read.code,
        extFields,
        body,
        read.remark or None,
        read.opaque,
        read.flag,
        _LANGUAGES.get(read.language, _OTHER),
        read.version,
        _JSON,
    )


def _decodeLoosely(data: bytes, body: bytes) -> RemotingCommand:
    """
    Read a header that the strict way refused.

    @raise MalformedFrame: It deserved to be refused.
    """
    try:
        read = _readLoosely(data)
        extFields = _texts(read.extFields or {})
    except (ValueError, RecursionError) as e:
        raise MalformedFrame(f"not a JSON header: {e}") from e
    _checkText(data)
    return RemotingCommand(
        read.code or 0,
        extFields,
        body,
        read.remark or None,
        read.opaque or 0,
        read.flag or 0,
        _language(read.language),
        read.version or 0,
        _JSON,
    )


def _texts(values: dict[str, msgspec.Raw]) -> dict[str, str]:
    """
    Give C{extFields} as texts: numbers and booleans as they were written,
    nulls not at all.

    @raise ValueError: There are too many, or one is an array or an object.
    """
    if len(values) > MAX_EXT_FIELDS:
        raise ValueError(f"{len(values)} extFields")
    texts = {}
    for name, raw in values.items():
        value = bytes(raw)
        if value[:1] == b'"':
            texts[name] = _readText(value)
        elif _BARE.fullmatch(value):
            texts[name] = value.decode("ascii")
        elif value != b"null":
            raise ValueError(f"extFields[{name[:40]!r}] is no text")
    return texts


def _language(value: str | int | None) -> int:
    """
    Give the code of a language that was told by name or by number.
    """
    if value is None:
        return LanguageCode.JAVA
    if isinstance(value, str):
        return _LANGUAGES.get(value, _OTHER)
    return value if value in _LANGUAGE_NAMES else _OTHER


def _checkText(data: bytes) -> None:
    """
    Refuse what is not UTF-8, also where the parser skips over it.

    @raise MalformedFrame: There are such bytes.
    """
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as e:
        raise MalformedFrame(f"not a JSON header: {e}") from e
