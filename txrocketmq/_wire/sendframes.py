"""
The frames of sends to one topic, written without a header each.

Law: they are, byte for byte, what L{encodeFrame
<txrocketmq._wire.frames.encodeFrame>} writes of the same command.
"""

from __future__ import annotations

from collections.abc import Mapping
from struct import Struct

import msgspec

from .command import RemotingCommand
from .frames import MAX_FRAME
from .jsonheader import encodeHeader
from .malformed import MalformedFrame
from .queueframes import holed

_WORDS = Struct(">ii")
_encodeText = msgspec.json.Encoder().encode

# What stands in a header for what differs, until that is written there.
_QUEUE_ID, _BORN, _PROPERTIES, _BROKER = "\ue001", "\ue002", "\ue003", "\ue004"


class SendFrames:
    """
    A JSON header with holes, for what differs between sends to one topic.
    """

    __slots__ = ("_header",)

    def __init__(self, code: int, extFields: Mapping[str, str]) -> None:
        """
        @param extFields: Those of a C{SEND_MESSAGE_V2} or C{SEND_BATCH_MESSAGE}
            with whatever queue, broker, time of birth and properties.

        @raise ValueError: They cannot be written this way.
        """
        fields = {
            **extFields,
            "e": _QUEUE_ID,
            "g": _BORN,
            "i": _PROPERTIES,
            "n": _BROKER,
        }
        header = encodeHeader(RemotingCommand(code, fields))
        start, _, end = header.rpartition(b'"opaque":0,')
        holes = [(f'"{_QUEUE_ID}"', b'"%d"'), (_BORN, b"%d")]
        holes += [(f'"{mark}"', b"%b") for mark in (_PROPERTIES, _BROKER)]
        start = holed(start, [(mark.encode(), form) for mark, form in holes])
        self._header = start + b'"opaque":%d,' + end.replace(b"%", b"%%")

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
