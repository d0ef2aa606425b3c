"""
Frames that leave together.

Law: what is asked because of what was read leaves in one write for all of it, or in
some large ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .transport import Transport

# Bytes that are given to the transport in one go, at most, or one frame more.
MAX_GATHERED = 256 * 1024


class Gathering:
    """
    The part of a protocol that writes.
    """

    def __init__(self) -> None:
        self._gathering = False
        self._gathered: list[bytes] = []
        self._gatheredSize = 0

    if TYPE_CHECKING:
        transport: Transport

    def _write(self, frame: bytes) -> None:
        """
        Give a frame to the transport, at once or with those gathered now.
        """
        if not self._gathering:
            self.transport.write(frame)
            return
        self._gathered.append(frame)
        self._gatheredSize += len(frame)
        if self._gatheredSize > MAX_GATHERED:
            self._writeGathered()

    def _writeGathered(self) -> None:
        """
        Give all frames that are gathered to the transport.
        """
        frames, self._gathered, self._gatheredSize = self._gathered, [], 0
        if frames:
            self.transport.write(b"".join(frames))
