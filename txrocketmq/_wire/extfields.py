"""
How typed headers become C{extFields}, and the reverse.

Follows C{RemotingCommand.makeCustomHeaderToNet} and
C{decodeCommandCustomHeader} of Java.  A header class only declares its
fields; what the wire calls them, where that differs, is one table.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from functools import cache, partial
from typing import Annotated, Any, TypeVar, get_args

import msgspec

from .malformed import MalformedHeader

Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]

# What the wire calls the fields of a RequestHeader that have another name here.
WIRE_NAMES = {
    "namespace": "ns",
    "namespaced": "nsd",
    "brokerName": "bname",
    "oneway": "oway",
    "logical": "lo",
    "uniqueKeyQuery": "_UNIQUE_KEY_QUERY",
}

# int() takes underscores, blanks, a plus sign and the digits of every script.
_DIGITS = re.compile("-?[0-9]{1,19}")


class Header(msgspec.Struct, frozen=True):
    """
    What the C{extFields} of a command say, as typed fields.
    """


class RequestHeader(Header, frozen=True, kw_only=True):
    """
    What a request may say beside its own fields.  Follows
    C{RpcRequestHeader} and C{TopicRequestHeader} of Java.

    @ivar namespace: The namespace of version 2.

    @ivar namespaced: Whether the names in the request have it already.

    @ivar brokerName: Which broker is meant: a proxy has to know.

    @ivar oneway: Whether nobody waits for an answer.

    @ivar logical: Whether the queue is one of a static topic.
    """

    namespace: str | None = None
    namespaced: bool | None = None
    brokerName: str | None = None
    oneway: bool | None = None
    logical: bool | None = None


H = TypeVar("H", bound=Header)


class _Field(msgspec.Struct, frozen=True):
    """
    One field of a header class: both its names, and both its directions.
    """

    name: str
    wireName: str
    required: bool
    write: Callable[[Any], str]
    parse: Callable[[str], Any]


def toExtFields(header: Header) -> dict[str, str]:
    """
    Give a header as C{extFields}; a field that is L{None} is left out.
    """
    extFields = {}
    for field in _fieldsOf(type(header)):
        value = getattr(header, field.name)
        if value is not None:
            extFields[field.wireName] = field.write(value)
    return extFields


def fromExtFields(cls: type[H], extFields: dict[str, str]) -> H:
    """
    Read a header from C{extFields}; what it does not declare is ignored.

    @raise MalformedHeader: A required field is missing, or one does not have
        the form of its type.  The text names the field.
    """
    values = {}
    for field in _fieldsOf(cls):
        text = extFields.get(field.wireName)
        if text is not None:
            try:
                values[field.name] = field.parse(text)
            except ValueError as e:
                raise MalformedHeader(f"{field.wireName}: {e}") from None
        elif field.required:
            raise MalformedHeader(f"{field.wireName}: missing")
    return cls(**values)


@cache
def _fieldsOf(cls: type[Header]) -> tuple[_Field, ...]:
    """
    Give the fields of a header class, in the order of their declaration.
    """
    names = WIRE_NAMES if issubclass(cls, RequestHeader) else {}
    return tuple(
        _Field(
            info.name,
            names.get(info.name, info.name),
            info.required,
            *_directions(info.type),
        )
        for info in msgspec.structs.fields(cls)
    )


def _directions(kind: Any) -> tuple[Callable[[Any], str], Callable[[str], Any]]:
    """
    Give the writer and the parser of a field's type, optional or not.
    """
    kinds = [arg for arg in get_args(kind) if arg is not type(None)]
    if len(kinds) == 1:
        (kind,) = kinds
    if kind in _DIRECTIONS:
        return _DIRECTIONS[kind]
    return _writeMember, partial(_parseMember, kind)


def parseInt32(text: str) -> int:
    """
    Read an int32 strictly: ASCII digits after at most one minus sign.

    @raise ValueError: It is none.
    """
    return _parseInt(text, 31)


def parseInt64(text: str) -> int:
    """
    Read an int64 strictly: ASCII digits after at most one minus sign.

    @raise ValueError: It is none.
    """
    return _parseInt(text, 63)


def _parseInt(text: str, bits: int) -> int:
    """
    Read an integer of so many bits and a sign.
    """
    if _DIGITS.fullmatch(text):
        value = int(text)
        if -(1 << bits) <= value < 1 << bits:
            return value
    raise ValueError(f"{text[:40]!r} is no int{bits + 1}")


def parseBool(text: str) -> bool:
    """
    Read a boolean as Java does: what is not C{true} is false.
    """
    return text.lower() == "true"


def writeBool(value: bool) -> str:
    """
    Write a boolean as Java does.
    """
    return "true" if value else "false"


def _writeMember(value: Enum) -> str:
    """
    Write a member of an enumeration: its name.
    """
    return value.name


def _parseMember(kind: type[Enum], text: str) -> Enum:
    """
    Read a member of an enumeration by its name.

    @raise ValueError: There is none of that name.
    """
    try:
        return kind[text]
    except KeyError:
        raise ValueError(f"{text[:40]!r} is no {kind.__name__}") from None


_DIRECTIONS: dict[Any, tuple[Callable[[Any], str], Callable[[str], Any]]] = {
    Int32: (str, parseInt32),
    Int64: (str, parseInt64),
    bool: (writeBool, parseBool),
    str: (str, str),
}
