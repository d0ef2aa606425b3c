"""
Files and standard input, in chunks.

Laws:

    - Nothing is read that was not asked for: an input that is ahead of the network
      stays where it is.

    - Waiting for input never blocks the reactor, and needs no thread, which could
      not be ended either.  What cannot make one wait (files on a disk) is read
      directly.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Awaitable, Callable, Sequence
from errno import EISDIR
from pathlib import Path
from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime, IReadDescriptor
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from zope.interface import implementer

from txrocketmq._cli.lines import Line, Splitter

CHUNK = 64 * 1024
"""
The most bytes of one read.
"""

STDIN = "-"


class InputFailed(Exception):
    """
    An input cannot be opened or read; the text names it.
    """

    def __init__(self, name: str, error: OSError | ValueError) -> None:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        shown = "standard input" if name == STDIN else repr(name)
        super().__init__(f"{shown}: {reason}")


class Chunks(Protocol):
    """
    An open input.
    """

    def read(self) -> Deferred[bytes]:
        """
        The next bytes; none at the end.  It may fail with L{OSError}.
        """


class FileChunks:
    """
    Reads what is always ready, and lets the reactor run in between.
    """

    def __init__(self, clock: IReactorTime, descriptor: int) -> None:
        """
        @param descriptor: What to read from.
        """
        self._clock = clock
        self._descriptor = descriptor

    def read(self) -> Deferred[bytes]:
        """
        The next bytes; none at the end.
        """
        return deferLater(self._clock, 0, os.read, self._descriptor, CHUNK)


@implementer(IReadDescriptor)
class PipeChunks:
    """
    Reads what others write, when there is something.

    The descriptor is left in whatever mode it is: it is shared with other
    processes, and on a terminal with our own output.
    """

    def __init__(self, reactor: Any, descriptor: int) -> None:
        """
        @param reactor: An L{IReactorFDSet}.

        @param descriptor: What to read from.
        """
        self._reactor = reactor
        self._descriptor = descriptor
        self._waiting: Deferred[bytes] | None = None

    def read(self) -> Deferred[bytes]:
        """
        The next bytes; none at the end.  Cancelling it leaves them unread.
        """
        self._waiting = Deferred(self._abandon)
        self._reactor.addReader(self)
        return self._waiting

    def fileno(self) -> int:
        """
        The descriptor.
        """
        return self._descriptor

    def logPrefix(self) -> str:
        """
        A name for logs.
        """
        return "input"

    def doRead(self) -> None:
        """
        Take what is there.
        """
        try:
            data = os.read(self._descriptor, CHUNK)
        except BlockingIOError:
            return
        except OSError:
            self._give(Failure())
        else:
            self._give(data)

    def connectionLost(self, reason: Failure) -> None:
        """
        Nothing is there, and nothing will be: that is the end.
        """
        self._give(b"")

    def _abandon(self, waiting: Deferred[bytes]) -> None:
        """
        Stop waiting.
        """
        self._waiting = None
        self._reactor.removeReader(self)

    def _give(self, found: bytes | Failure) -> None:
        """
        End the wait.
        """
        self._reactor.removeReader(self)
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(found)


def chunksOf(reactor: Any, descriptor: int) -> Chunks:
    """
    Read a descriptor in the way that fits it.

    @raise OSError: When it is a directory, or none at all.
    """
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISDIR(mode):
        raise OSError(EISDIR, os.strerror(EISDIR))
    waits = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
    if waits or (stat.S_ISCHR(mode) and os.isatty(descriptor)):
        return PipeChunks(reactor, descriptor)
    return FileChunks(reactor, descriptor)


class Inputs:
    """
    Files and standard input, one after the other.

    @ivar total: How many bytes there are, where that is known.
    """

    def __init__(self, reactor: Any, names: Sequence[str], stdin: int = 0) -> None:
        """
        @param names: File names; C{-} is standard input.

        @param stdin: The descriptor of standard input.

        @raise InputFailed: When one of them cannot be read.
        """
        self._reactor = reactor
        self._names = names
        self._stdin = stdin
        sizes = [self._size(name) for name in names]
        known = [size for size in sizes if size is not None]
        self.total = sum(known) if len(known) == len(sizes) else None
        self._reading: Deferred[bytes] | None = None
        self._stopped = False

    @property
    def isTyped(self) -> bool:
        """
        Whether somebody sits at a terminal and types it.
        """
        return STDIN in self._names and os.isatty(self._stdin)

    def _size(self, name: str) -> int | None:
        """
        How long an input is, where that is known before reading it.
        """
        try:
            found = os.fstat(self._stdin) if name == STDIN else Path(name).stat()
            if stat.S_ISDIR(found.st_mode):
                raise OSError(EISDIR, os.strerror(EISDIR))
            if name != STDIN and not os.access(name, os.R_OK):
                Path(name).open("rb").close()
        except (OSError, ValueError) as wrong:
            raise InputFailed(name, wrong) from wrong
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    async def feed(
        self, splitter: Splitter, take: Callable[[list[Line]], Awaitable[None]]
    ) -> None:
        """
        Read everything, as fast as it is taken.

        @param take: Is given the lines, and the next ones when it has ended.

        @return: When the inputs end, or L{stop} was called.  It may fail with
            L{InputFailed}.
        """
        for name in self._names:
            if not self._stopped:
                await self._feedOne(name, splitter, take)

    async def _feedOne(
        self,
        name: str,
        splitter: Splitter,
        take: Callable[[list[Line]], Awaitable[None]],
    ) -> None:
        """
        Read one input.
        """
        descriptor = self._open(name)
        try:
            chunks = chunksOf(self._reactor, descriptor)
            while data := await self._next(chunks):
                await take(splitter.feed(data))
        except OSError as wrong:
            raise InputFailed(name, wrong) from wrong
        finally:
            if name != STDIN:
                os.close(descriptor)
        if not self._stopped:
            await take(splitter.finish())

    async def _next(self, chunks: Chunks) -> bytes:
        """
        The next bytes; none at the end, or once stopped.
        """
        if self._stopped:
            return b""
        self._reading = chunks.read()
        try:
            return await self._reading
        except CancelledError:
            if not self._stopped:
                raise
            return b""

    def stop(self) -> None:
        """
        Read no more: what was read so far is all.
        """
        self._stopped = True
        if self._reading is not None:
            self._reading.cancel()

    def _open(self, name: str) -> int:
        """
        Open an input without waiting for whoever writes to it.
        """
        if name == STDIN:
            return self._stdin
        try:
            return os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (OSError, ValueError) as wrong:
            raise InputFailed(name, wrong) from wrong
