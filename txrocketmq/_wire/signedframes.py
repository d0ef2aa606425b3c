"""
The frames of plain sends to one queue, signed.

Law: a signature is L{signature<txrocketmq._wire.signature.signature>}'s, of what is
sent.
"""

from __future__ import annotations

from . import signature as names
from .codes import SerializeType
from .queueframes import HOLES, SIGNATURE, QueueFrame, framesOf, holed
from .signature import Signer, signedText


def signedFramesOf(
    code: int, extFields: dict[str, str], serializeType: SerializeType, secret: str
) -> QueueFrame:
    """
    What L{framesOf} gives, with a signature in each frame.

    @param extFields: All that is sent, but for the signature.

    @raise ValueError: They cannot be written this way.
    """
    content = holed(signedText(extFields).encode(), HOLES)
    frame = framesOf(code, extFields | {names.SIGNATURE: SIGNATURE}, serializeType)
    return SignedFrames(content, secret, frame).frame


class SignedFrames:
    """
    Frames with signatures.
    """

    __slots__ = ("_content", "_frame", "_signed")

    def __init__(self, content: bytes, secret: str, frame: QueueFrame) -> None:
        """
        @param content: What is signed beside the body: what C{%} completes.

        @param frame: Writes the frames.
        """
        self._content = content
        self._signed = Signer(secret.encode()).signed
        self._frame = frame

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

        @param signature: Is not looked at.
        """
        first, last = before.encode(), after.encode()
        content = self._content % (born, first, uniqueId.encode(), last)
        mark = self._signed(content + body)
        return self._frame(opaque, born, before, uniqueId, after, body, mark)
