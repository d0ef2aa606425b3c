"""
The frames of plain sends to one queue, with a header that is written but for what
differs between them.

Law: they are, byte for byte, what L{encodeFrame
<txrocketmq._wire.frames.encodeFrame>} writes of the same command.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from struct import Struct
from typing import Protocol

import msgspec

from . import binaryheader, jsonheader
from .codes import SerializeType
from .command import RemotingCommand

BORN, BEFORE, UNIQUE_ID, AFTER, SIGNATURE = (
    "\ue002",
    "\ue005",
    "\ue006",
    "\ue007",
    "\ue008",
)
"""
What stands, in the fields of a request, for its time of birth; in its properties for
those that come first, for the C{UNIQ_KEY}, and for those that come last but for the
constant ones; and for the signature of all that.
"""

_WORDS = Struct(">iI").pack
_INT = Struct(">i").pack
_BINARY = 1 << 24

# In a ROCKETMQ header: what stands before these is of fixed length.
_OPAQUE_AT = 5
_FIELDS_AT = 21

_TEXTS = [(mark.encode(), b"%b") for mark in (BEFORE, UNIQUE_ID, AFTER)]

HOLES = [(BORN.encode(), b"%d"), *_TEXTS]
"""
What L{holed} takes of a text with all marks but that of a signature.
"""

_encodeText = msgspec.json.Encoder().encode


class QueueFrame(Protocol):
    """
    What writes the frames of sends to one queue.
    """

    def __call__(
        self,
        opaque: int,
        born: int,
        before: str,
        uniqueId: str,
        after: str,
        body: bytes,
        signature: bytes = b"",
    ) -> bytes:
        """
        Write a frame.

        @param before: The properties that come first.

        @param after: Those that come last, but for the constant ones.

        @param signature: Left out where the fields have no place for one.
        """


def framesOf(
    code: int, extFields: Mapping[str, str], serializeType: SerializeType
) -> QueueFrame:
    """
    What writes the frames of requests.

    @param extFields: Their fields, with one L{BORN}, L{BEFORE}, L{UNIQUE_ID} and
        L{AFTER}, in this order, and perhaps L{SIGNATURE} after them.

    @raise ValueError: They cannot be written this way.
    """
    if serializeType == SerializeType.JSON:
        return _JSONFrames(code, extFields).frame
    return _BinaryFrames(code, extFields).frame


class _JSONFrames:
    """
    Those with JSON headers.
    """

    __slots__ = ("_header",)

    def __init__(self, code: int, extFields: Mapping[str, str]) -> None:
        header = jsonheader.encodeHeader(RemotingCommand(code, dict(extFields)))
        start, _, end = header.rpartition(b'"opaque":0,')
        holes = [*HOLES]
        isSigned = SIGNATURE in extFields.values()
        if isSigned:
            holes.append((SIGNATURE.encode(), b"%b"))
        # Where no signature is, its hole is here, and what fills it is empty.
        start = holed(start, holes) + (b"" if isSigned else b"%b")
        self._header = start + b'"opaque":%d,' + end.replace(b"%", b"%%")

    def frame(
        self,
        opaque: int,
        born: int,
        before: str,
        uniqueId: str,
        after: str,
        body: bytes,
        signature: bytes = b"",
    ) -> bytes:
        """
        Write a frame: see L{QueueFrame}.
        """
        first = last = b""
        if before or after:
            first, last = _encodeText(before)[1:-1], _encodeText(after)[1:-1]
        unique = uniqueId.encode()
        header = self._header % (born, first, unique, last, signature, opaque)
        size = len(header)
        return b"".join((_WORDS(4 + size + len(body), size), header, body))


class _BinaryFrames:
    """
    Those with ROCKETMQ headers, in which each text has its size before it.
    """

    __slots__ = ("_fields", "_header", "_isSigned", "_properties")

    def __init__(self, code: int, extFields: Mapping[str, str]) -> None:
        header = binaryheader.encodeHeader(RemotingCommand(code, dict(extFields)))
        (properties,) = (each for each in extFields.values() if UNIQUE_ID in each)
        text, born = properties.encode(), BORN.encode()
        holes = [
            (_INT(len(born)) + born, b"%b%b"),
            (_INT(len(text)) + text, b"%b" + text.replace(b"%", b"%%")),
            *_TEXTS,
        ]
        signature = SIGNATURE.encode()
        isSigned = SIGNATURE in extFields.values()
        if isSigned:
            holes.append((_INT(len(signature)) + signature, b"%b%b"))
        fields = holed(header[_FIELDS_AT:], holes) + (b"" if isSigned else b"%b%b")
        first, rest = header[:_OPAQUE_AT], header[_OPAQUE_AT + 4 : _FIELDS_AT - 4]
        self._header = b"%b".join((holed(first, ()), holed(rest, ()), fields))
        self._isSigned = isSigned
        # How long they are when nothing is in the holes.
        marks = sum(len(mark) for mark, _ in _TEXTS)
        self._properties = len(text) - marks
        self._fields = len(header) - _FIELDS_AT - marks - len(born)
        if isSigned:
            self._fields -= len(signature)

    def frame(
        self,
        opaque: int,
        born: int,
        before: str,
        uniqueId: str,
        after: str,
        body: bytes,
        signature: bytes = b"",
    ) -> bytes:
        """
        Write a frame: see L{QueueFrame}.
        """
        first, unique, last = before.encode(), uniqueId.encode(), after.encode()
        time = b"%d" % born
        texts = len(first) + len(unique) + len(last)
        header = self._header % (
            _INT(opaque),
            _INT(self._fields + texts + len(time) + len(signature)),
            _INT(len(time)),
            time,
            _INT(self._properties + texts),
            first,
            unique,
            last,
            _INT(len(signature)) if self._isSigned else b"",
            signature,
        )
        size = len(header)
        words = _WORDS(4 + size + len(body), size | _BINARY)
        return b"".join((words, header, body))


def holed(text: bytes, holes: Iterable[tuple[bytes, bytes]]) -> bytes:
    """
    What C{%} completes, of a text with marks.

    @param holes: The marks, and what C{%} is to find in their places.

    @raise ValueError: One of them is there not once.
    """
    text = text.replace(b"%", b"%%")
    for mark, form in holes:
        mark = mark.replace(b"%", b"%%")
        if text.count(mark) != 1:
            raise ValueError(f"a text of a send has {mark!r}")
        text = text.replace(mark, form)
    return text
