"""
The binary form of a command's header: serialize type 1, C{ROCKETMQ}.

Follows C{RocketMQSerializable} of Java.  There an empty text and none are the
same bytes, so C{extFields} with an empty value are left out on both ways.
"""

from __future__ import annotations

from struct import Struct, error

from .codes import LanguageCode, SerializeType
from .command import MAX_EXT_FIELDS, RemotingCommand
from .malformed import MalformedFrame

# code, language, version, opaque, flag, length of the remark
_FIXED = Struct(">hbhiii")
_SHORT = Struct(">h")
_INT = Struct(">i")
_unpackShort = _SHORT.unpack_from
_unpackInt = _INT.unpack_from

_LANGUAGES: dict[int, int] = {member: member for member in LanguageCode}
_ROCKETMQ = SerializeType.ROCKETMQ
_OTHER = LanguageCode.OTHER


def encodeHeader(command: RemotingCommand) -> bytes:
    """
    Write the header of a command.

    @raise ValueError: The command does not fit: its code or version is beyond
        16 bits, a name is longer than 32767 bytes, or a text holds a lone
        surrogate.
    """
    remark = command.remark.encode("utf-8") if command.remark else b""
    extFields = _encodeExtFields(command.extFields)
    try:
        fixed = _FIXED.pack(
            command.code,
            _LANGUAGES.get(command.language, _OTHER),
            command.version,
            command.opaque,
            command.flag,
            len(remark),
        )
    except error as e:
        raise MalformedFrame(f"no place in a ROCKETMQ header: {e}") from e
    return b"".join((fixed, remark, _INT.pack(len(extFields)), extFields))


def _encodeExtFields(extFields: dict[str, str]) -> bytes:
    """
    Write the block of names and values.
    """
    parts: list[bytes] = []
    for name, value in extFields.items():
        if name and value:
            nameBytes = name.encode("utf-8")
            valueBytes = value.encode("utf-8")
            if len(nameBytes) > 0x7FFF:
                raise MalformedFrame(f"extFields name of {len(nameBytes)} bytes")
            parts += (
                _SHORT.pack(len(nameBytes)),
                nameBytes,
                _INT.pack(len(valueBytes)),
                valueBytes,
            )
    return b"".join(parts)


def decodeHeader(data: bytes, body: bytes) -> RemotingCommand:
    """
    Read a header and give the command it heads.

    @param body: The body of the command, which is taken as it is.

    @raise MalformedFrame: The bytes are no header, whatever the reason.
    """
    try:
        code, language, version, opaque, flag, size = _FIXED.unpack_from(data)
        remark, at = _text(data, _FIXED.size, size) if size else ("", _FIXED.size)
        (size,) = _INT.unpack_from(data, at)
        at += _INT.size
        if size != len(data) - at:
            raise MalformedFrame(f"extFields of {size} bytes in {len(data) - at}")
        extFields = _decodeExtFields(data, at)
    except (error, UnicodeDecodeError) as e:
        raise MalformedFrame(f"not a ROCKETMQ header: {e}") from e
    return RemotingCommand(
        code,
        extFields,
        body,
        remark or None,
        opaque,
        flag,
        _LANGUAGES.get(language, _OTHER),
        version,
        _ROCKETMQ,
    )


def _decodeExtFields(data: bytes, at: int) -> dict[str, str]:
    """
    Read the block of names and values, from C{at} to the end.

    A name that comes twice has its last value: Java writes such headers when
    a request is signed.
    """
    # Read in place: a call for each text would take most of the time.
    extFields: dict[str, str] = {}
    end = len(data)
    count = 0
    while at < end:
        count += 1
        if count > MAX_EXT_FIELDS:
            raise MalformedFrame("a ROCKETMQ header with too many extFields")
        (nameSize,) = _unpackShort(data, at)
        nameEnd = at + 2 + nameSize
        if nameSize < 0:
            raise MalformedFrame(f"name of {nameSize} bytes")
        (size,) = _unpackInt(data, nameEnd)
        valueAt = nameEnd + 4
        valueEnd = valueAt + size
        if size < 0 or valueEnd > end:
            raise MalformedFrame(f"text of {size} bytes in {end - valueAt}")
        name = data[at + 2 : nameEnd].decode()
        value = data[valueAt:valueEnd].decode()
        if name and value:
            extFields[name] = value
        else:
            extFields.pop(name, None)
        at = valueEnd
    return extFields


def _text(data: bytes, at: int, size: int) -> tuple[str, int]:
    """
    Read one text of a known size; give it, and where it ends.
    """
    end = at + size
    if size < 0 or end > len(data):
        raise MalformedFrame(f"text of {size} bytes in {len(data) - at}")
    return data[at:end].decode("utf-8"), end
