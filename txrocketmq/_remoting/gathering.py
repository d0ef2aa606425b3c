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

from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.abstract import FileDescriptor

from txrocketmq._wire.command import RemotingCommand

from .outbox import Writing
from .transport import Transport
from .waiters import Waiters, Waiting

# Bytes that are given to the transport in one go, at most, or one frame more.
MAX_GATHERED = 256 * 1024


class Later(Waiting[RemotingCommand], Writing, Protocol):
    """
    Who waits for the answer to a request, and will write it.
    """


class Gathering:
    """
    The part of a protocol that writes.
    """

    def __init__(self) -> None:
        self._gathering = False
        self._gathered: list[bytes] = []
        # Who will write the frame of a place there.
        self._unwritten: list[tuple[int, Later]] = []
        self._gatheredSize = 0
        self._socket: FileDescriptor | None = None

    if TYPE_CHECKING:
        transport: Transport
        _open: bool
        _waiters: Waiters[Any]

    @property
    def isGathering(self) -> bool:
        """
        Whether what is asked now leaves together with others, or has to wait.
        """
        return self._gathering

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

    def _gather(self, request: Later, size: int) -> None:
        """
        Gather a request that writes its frame when all leave.

        @param size: Bytes that stand for those of its frame.
        """
        self._unwritten.append((len(self._gathered), request))
        self._gathered.append(b"")
        self._gatheredSize += size
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
        if self._unwritten:
            unwritten, self._unwritten = self._unwritten, []
            for at, request in unwritten:
                frames[at] = request.frame()
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
