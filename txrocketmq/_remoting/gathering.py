"""
Frames that leave together.

Laws:

    - What is asked because of what was read leaves in one write for all of it, or in
      some large ones.

    - It does not wait for the reactor's next turn.

    - A request that is the only one outstanding waits for nothing: its peer is at
      work while we go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.abstract import FileDescriptor

from .transport import Transport
from .waiters import Waiters

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
        self._socket: FileDescriptor | None = None

    if TYPE_CHECKING:
        transport: Transport
        _open: bool
        _waiters: Waiters[Any]

    def _writesTo(self, transport: object) -> None:
        """
        Take note of where frames go.
        """
        # TLS has its own idea of when it writes.
        if isinstance(transport, FileDescriptor):
            self._socket = transport

    def _write(self, frame: bytes) -> None:
        """
        Give a frame to the transport, at once or with those gathered now.
        """
        if not self._gathering:
            self.transport.write(frame)
        else:
            self._gathered.append(frame)
            self._gatheredSize += len(frame)
            if self._gatheredSize > MAX_GATHERED:
                self._writeGathered()

    def _writeRequest(self, frame: bytes) -> None:
        """
        As L{_write}, for a request that is new and waits for its answer.
        """
        self._write(frame)
        if len(self._waiters.live) == 1:
            self._writeNow()

    def _writeGathered(self) -> None:
        """
        Give all frames that are gathered to the transport.
        """
        frames, self._gathered, self._gatheredSize = self._gathered, [], 0
        if frames:
            self.transport.write(b"".join(frames))

    def _writeNow(self) -> None:
        """
        Let a socket take what it takes now.  Twisted would ask it in the next turn of
        the reactor: three system calls later, and what they cost is a tenth of a
        batch's time.

        That the connection is lost it says in the next turn, as ever.
        """
        socket = self._socket
        if socket is not None and self._open and not socket.disconnecting:
            self._writeGathered()
            socket.doWrite()
