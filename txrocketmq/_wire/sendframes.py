"""
The frames of sends to one topic, written without a header each.

Law: they are, byte for byte, what L{encodeFrame
<txrocketmq._wire.frames.encodeFrame>} writes of the same command.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from struct import Struct

import msgspec

from .command import RemotingCommand
from .frames import MAX_FRAME
from .jsonheader import encodeHeader
from .malformed import MalformedFrame

_WORDS = Struct(">ii")
_encodeText = msgspec.json.Encoder().encode

# What stands in a header for what differs, until that is written there.
_QUEUE_ID, _BORN, _PROPERTIES, _BROKER = "\ue001", "\ue002", "\ue003", "\ue004"

BEFORE, UNIQUE_ID, AFTER = "\ue005", "\ue006", "\ue007"
"""
What stands in properties for those that come first, for the C{UNIQ_KEY}, and for
those that come last but for the constant ones.
"""


class SendFrames:
    """
    A JSON header with holes, for what differs between sends to one topic.
    """

    __slots__ = ("_code", "_extFields", "_header")

    def __init__(self, code: int, extFields: Mapping[str, str]) -> None:
        """
        @param extFields: Those of a C{SEND_MESSAGE_V2} or C{SEND_BATCH_MESSAGE}
            with whatever queue, broker, time of birth and properties.

        @raise ValueError: They cannot be written this way.
        """
        self._code = code
        self._extFields = {**extFields, "g": _BORN}
        self._header = self._written(
            {"e": _QUEUE_ID, "i": _PROPERTIES, "n": _BROKER},
            [
                (f'"{_QUEUE_ID}"', b'"%d"'),
                (_BORN, b"%d"),
                (f'"{_PROPERTIES}"', b"%b"),
                (f'"{_BROKER}"', b"%b"),
            ],
        )

    def plainHeader(self, queueId: int, brokerName: str, properties: str) -> bytes:
        """
        Write a header with fewer holes, for sends to one queue.

        @param properties: Those of a message, with L{BEFORE}, L{UNIQUE_ID} and
            L{AFTER}.

        @return: What C{%} completes by a time of birth; by what is there for the
            three, as JSON has it between quotes; and by an opaque.

        @raise ValueError: It cannot be written this way.
        """
        return self._written(
            {"e": str(queueId), "i": properties, "n": brokerName},
            [(_BORN, b"%d"), (BEFORE, b"%b"), (UNIQUE_ID, b"%b"), (AFTER, b"%b")],
        )

    def frame(
        self,
        opaque: int,
        queueId: int,
        bornTimestamp: int,
        properties: str,
        brokerName: str,
        body: bytes,
    ) -> bytes:
        """
        Write a whole frame.

        @raise ValueError: A text is not Unicode, or the frame would be too long.
        """
        header = self._header % (
            queueId,
            bornTimestamp,
            _encodeText(properties),
            _encodeText(brokerName),
            opaque,
        )
        length = 4 + len(header) + len(body)
        if length > MAX_FRAME - 4:
            raise MalformedFrame(f"a frame of {length + 4} bytes")
        return b"".join((_WORDS.pack(length, len(header)), header, body))

    def _written(
        self, extFields: Mapping[str, str], holes: Iterable[tuple[str, bytes]]
    ) -> bytes:
        """
        A header with holes.

        @param holes: What stands for each in it, and how it is written there.

        @raise ValueError: One of them is there not once.
        """
        command = RemotingCommand(self._code, {**self._extFields, **extFields})
        header = encodeHeader(command).replace(b"%", b"%%")
        start, _, end = header.rpartition(b'"opaque":0,')
        header = start + b'"opaque":%d,' + end
        for mark, form in holes:
            if header.count(mark.encode()) != 1:
                raise ValueError(f"a text of a send has {mark!r}")
            header = header.replace(mark.encode(), form)
        return header


def asJSON(text: str) -> bytes:
    """
    A text as JSON has it between its quotes.
    """
    return _encodeText(text)[1:-1]
