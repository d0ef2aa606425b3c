"""
Standard output: results, and nothing else.

Laws:

    - A reader that is slow delays us, and never blocks the reactor: a pipe or a
      terminal is written to when it has room.

    - A reader that has gone ends the program quietly.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from select import PIPE_BUF, POLLOUT, poll
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from txrocketmq._cli.console import Console, terminalColumns
from txrocketmq._cli.table import Palette, paletteFor

MOST_WAITING = 1024 * 1024
"""
How many bytes may wait for the reader before L{Output.hasRoom} says no.
"""

MOST_PORTIONS = 64
"""
How many portions are written before others get their turn.
"""


@implementer(IWriteDescriptor)
class Output:
    """
    Lines on their way to a descriptor.

    @ivar changed: Is called when there is room again, and when there is an error.

    @ivar error: Why no more can be written, once it is so.
    """

    def __init__(self, reactor: Any, console: Console, descriptor: int = 1) -> None:
        """
        @param reactor: An L{IReactorFDSet} and L{IReactorTime}.

        @param console: Makes room for our lines if it is the same terminal.
        """
        self._reactor = reactor
        self._console = console
        self._descriptor = descriptor
        self.changed: Callable[[], None] = lambda: None
        self._waiting = bytearray()
        self._armed = False
        self._flushing: list[Deferred[None]] = []
        self.error: OSError | None = None
        self._polled = _isSlow(descriptor)

    def line(self, text: str) -> None:
        """
        Write a line, some time.
        """
        if self.error is None:
            self._waiting += text.encode("utf-8", "backslashreplace")
            self._waiting += b"\n"
            self._arm()

    def hasRoom(self) -> bool:
        """
        Whether it is no use to wait before the next line.
        """
        return len(self._waiting) < MOST_WAITING

    def flushed(self) -> Deferred[None]:
        """
        When everything is written, or nothing more can be.
        """
        waiter: Deferred[None] = Deferred(self._flushing.remove)
        self._flushing.append(waiter)
        self._settle()
        return waiter

    def status(self) -> int:
        """
        The exit status of who has nothing else to report, after saying why it is
        not 0; of a reader that has gone nothing is said.
        """
        if self.error is None:
            return 0
        if not isinstance(self.error, BrokenPipeError):
            self._console.say(f"standard output: {self.error.strerror}")
        return 1

    def palette(self) -> Palette:
        """
        The colours there are.
        """
        return paletteFor(os.isatty(self._descriptor), os.environ)

    def columns(self) -> int:
        """
        How wide a line may be.
        """
        return terminalColumns(self._descriptor)

    def fileno(self) -> int:
        """
        The descriptor.
        """
        return self._descriptor

    def logPrefix(self) -> str:
        """
        A name for logs.
        """
        return "output"

    def doWrite(self) -> None:
        """
        Write what fits.
        """
        full = not self.hasRoom()
        try:
            with self._console.aside():
                self._write()
        except BlockingIOError:
            # Somebody else set O_NONBLOCK, and the last portion did not fit.
            pass
        except OSError as wrong:
            self._fail(wrong)
            return
        self._rearm()
        if full and self.hasRoom():
            self.changed()
        self._settle()

    def _write(self) -> None:
        """
        Write portion after portion while there is room.
        """
        for _ in range(MOST_PORTIONS):
            written = os.write(self._descriptor, self._waiting[: self._portion()])
            del self._waiting[:written]
            if not self._waiting or (self._polled and not isReady(self._descriptor)):
                return

    def _portion(self) -> int:
        """
        How many bytes to write now: where it would block otherwise, no more than
        surely fits; whole lines, so that others may write between them.
        """
        if not self._polled:
            return len(self._waiting)
        return self._waiting.rfind(b"\n", 0, PIPE_BUF) + 1 or PIPE_BUF

    def connectionLost(self, reason: Failure) -> None:
        """
        The reader has gone.
        """
        self._fail(BrokenPipeError("the reader has gone"))

    def _arm(self) -> None:
        """
        Write when there is room, which on a disk is soon.
        """
        if not self._armed:
            self._armed = True
            if self._polled:
                self._reactor.addWriter(self)
            else:
                self._reactor.callLater(0, self.doWrite)

    def _rearm(self) -> None:
        """
        Go on if there is more, else stop.
        """
        if self._polled and self._waiting:
            return
        self._disarm()
        if self._waiting:
            self._arm()

    def _disarm(self) -> None:
        """
        Write no more for now.
        """
        if self._armed and self._polled:
            self._reactor.removeWriter(self)
        self._armed = False

    def _fail(self, error: OSError) -> None:
        """
        Drop everything: nobody will read it.
        """
        self._disarm()
        if self.error is None:
            self.error = error
            self._waiting.clear()
            self.changed()
            self._settle()

    def _settle(self) -> None:
        """
        Tell who waits for the end that it is there.
        """
        if not self._waiting:
            flushing, self._flushing = self._flushing, []
            for waiter in flushing:
                waiter.callback(None)


def _isSlow(descriptor: int) -> bool:
    """
    Whether writing can make one wait.
    """
    mode = os.fstat(descriptor).st_mode
    waits = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
    return waits or (stat.S_ISCHR(mode) and os.isatty(descriptor))


def isReady(descriptor: int) -> bool:
    """
    Whether what can be waited for has room now.
    """
    looking = poll()
    looking.register(descriptor, POLLOUT)
    return bool(looking.poll(0))
