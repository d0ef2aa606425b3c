"""
Frames: how commands follow one another in a stream of bytes.

Follows C{NettyEncoder} and C{NettyDecoder} of Java.  A frame is a length
(int32, of all that comes after it), a word with the serialize type in its top
byte and the length of the header in the others, the header, and the body.

Servers answer in a serialisation of their own choice, so how to decode is
decided for each frame.
"""

from __future__ import annotations

from struct import Struct

from . import binaryheader, jsonheader
from .command import RemotingCommand
from .malformed import MalformedFrame
from .partial import FrameLimits, PartialFrame

__all__ = ["MAX_FRAME", "MAX_HEADER", "FrameBuffer", "MalformedFrame", "encodeFrame"]

# Java's com.rocketmq.remoting.frameMaxLength, in which the length word counts.
MAX_FRAME = 16 * 1024 * 1024

# Headers are parsed on the reactor's thread, at about 10 ms a MiB.
MAX_HEADER = 1024 * 1024

_WORDS = Struct(">iI")
_unpackWords = _WORDS.unpack_from
_BINARY = 1 << 24
_ODD = 2 << 24
_SIZE = 0xFFFFFF
_decoders = (jsonheader.decodeHeader, binaryheader.decodeHeader)


def encodeFrame(command: RemotingCommand) -> bytes:
    """
    Write a command as a whole frame.

    @raise ValueError: The command cannot be written in its serialisation, or
        the frame would be longer than L{MAX_FRAME}.
    """
    if command.serializeType:
        header = binaryheader.encodeHeader(command)
        kind = _BINARY
    else:
        header = jsonheader.encodeHeader(command)
        kind = 0
    body = command.body
    length = 4 + len(header) + len(body)
    if length > MAX_FRAME - 4:
        raise MalformedFrame(f"a frame of {length + 4} bytes; {MAX_FRAME} is the most")
    return b"".join((_WORDS.pack(length, len(header) | kind), header, body))


class FrameBuffer:
    """
    Cut a stream of bytes into commands.

    Frames that arrive whole are read where they are.  Of one that arrives in
    pieces each byte is copied twice, however small the pieces.

    @ivar error: Why nothing more will come out, or L{None}.  Look at it after
        each L{feed}: the commands before the bad frame are still given.

    @ivar copied: How many bytes have been copied so far.
    """

    def __init__(self, maxFrame: int = MAX_FRAME, maxHeader: int = MAX_HEADER) -> None:
        """
        Begin between two frames.

        @param maxFrame: The longest frame to take, length word included.

        @param maxHeader: The longest header to take.
        """
        self.error: MalformedFrame | None = None
        self.copied = 0
        self._limits = FrameLimits(maxFrame, maxHeader)
        self._partial: PartialFrame | None = None

    @property
    def pending(self) -> int:
        """
        How many bytes of an unfinished frame are held.
        """
        return 0 if self._partial is None else self._partial.held

    def feed(self, data: bytes) -> list[RemotingCommand]:
        """
        Give the commands that some more bytes complete.

        It raises nothing: L{error} tells of a frame that is none, and from
        then on all bytes are ignored.
        """
        commands: list[RemotingCommand] = []
        if self.error is None:
            try:
                self._cut(data, self._continue(data, 0, commands), commands)
            except MalformedFrame as e:
                self.error = e
                self._partial = None
        return commands

    def _cut(self, data: bytes, at: int, commands: list[RemotingCommand]) -> None:
        """
        Read the frames that lie whole in the data, and keep what is left.
        """
        limits = self._limits
        longest, largest = limits.maxFrame - 3, limits.maxHeader
        start = at
        end = len(data)
        while end - at >= 8:
            length, word = _unpackWords(data, at)
            size = word & _SIZE
            if not 4 <= size + 4 <= length < longest or size > largest or word >= _ODD:
                # Asked only what is odd: two calls less for each frame.
                limits.checkLength(length)
                limits.headerSize(length, word)
            bodyAt = at + 8 + size
            frameEnd = at + 4 + length
            if frameEnd > end:
                break
            decode = _decoders[word >> 24]
            commands.append(decode(data[at + 8 : bodyAt], data[bodyAt:frameEnd]))
            at = frameEnd
        self.copied += at - start
        if at < end:
            self._partial = PartialFrame(limits)
            self._continue(data, at, commands)

    def _continue(self, data: bytes, at: int, commands: list[RemotingCommand]) -> int:
        """
        Go on with the unfinished frame, if there is one.

        @return: Where in the data the next frame begins.
        """
        partial = self._partial
        if partial is None:
            return at
        end = partial.take(data, at)
        self.copied += end - at
        if partial.isWhole:
            self._partial = None
            header, body = partial.header.whole(), partial.body.whole()
            self.copied += len(header) + len(body)
            commands.append(_decoders[partial.kind](header, body))
        return end
