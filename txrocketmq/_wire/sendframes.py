"""
The frames of sends to one topic, written without a header each.

Law: they are, byte for byte, what L{encodeFrame
<txrocketmq._wire.frames.encodeFrame>} writes of the same command.
"""

from __future__ import annotations

from struct import Struct

import msgspec

from .command import RemotingCommand
from .frames import MAX_FRAME
from .jsonheader import encodeHeader
from .malformed import MalformedFrame

_WORDS = Struct(">ii")
_encodeText = msgspec.json.Encoder().encode

# What stands in a header for what differs, and how that is written there.
_HOLES = {
    "e": ("\ue001", b'"%d"'),
    "g": ("\ue002", b'"%d"'),
    "i": ("\ue003", b"%b"),
    "n": ("\ue004", b"%b"),
}


class SendFrames:
    """
    A JSON header with holes, for what differs between sends to one topic.
    """

    __slots__ = ("_header",)

    def __init__(self, code: int, extFields: dict[str, str]) -> None:
        """
        @param extFields: Those of a C{SEND_MESSAGE_V2} or C{SEND_BATCH_MESSAGE}
            with whatever queue, broker, time of birth and properties.

        @raise ValueError: They cannot be written this way.
        """
        holes = {name: mark for name, (mark, _) in _HOLES.items()}
        header = encodeHeader(RemotingCommand(code, {**extFields, **holes}))
        start, _, end = header.replace(b"%", b"%%").rpartition(b'"opaque":0,')
        header = start + b'"opaque":%d,' + end
        for mark, form in _HOLES.values():
            hole = f'"{mark}"'.encode()
            if header.count(hole) != 1:
                raise ValueError(f"a text of a send is {hole!r}")
            header = header.replace(hole, form)
        self._header = header

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
