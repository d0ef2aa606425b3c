"""
Telling systemd how the relay is: sd_notify without a library.

Law: it never fails; who is told may be gone, or never have been there.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, MutableMapping
from contextlib import suppress

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

SOCKET = "NOTIFY_SOCKET"
PERIOD = "WATCHDOG_USEC"
WATCHED = "WATCHDOG_PID"

STATUS_INTERVAL = 5.0
"""
The most seconds between two looks at what is to be said.
"""


class Notifier:
    """
    Tells a service manager's socket, if there is one.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        environ: MutableMapping[str, str],
        status: Callable[[], str],
    ) -> None:
        """
        @param environ: The process's environment.  What is for this process only is
            taken out of it.

        @param status: Says in some words how things are.
        """
        self._clock = clock
        self._status = status
        self._said = ""
        self._beating: LoopingCall | None = None
        self._socket = _connected(environ.pop(SOCKET, ""))
        self._interval = _interval(environ)

    def ready(self) -> None:
        """
        All is up: say so, and go on saying that the reactor turns.
        """
        self._send("READY=1", self._changed())
        if self._socket is not None and self._beating is None:
            # Made here: its constructor takes the global reactor's time.
            beating = LoopingCall(self._beat)
            beating.clock = self._clock
            beating.start(self._interval, now=True)
            self._beating = beating

    def reloading(self) -> None:
        """
        The configuration is being read again; L{ready} ends that.
        """
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send("RELOADING=1", f"MONOTONIC_USEC={now}")

    def stopping(self) -> None:
        """
        The relay drains.  The watchdog goes on: that must not hang either.
        """
        self._send("STOPPING=1", self._changed())

    def close(self) -> None:
        """
        Say nothing any more.
        """
        if self._beating is not None:
            self._beating.stop()
            self._beating = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _beat(self) -> None:
        """
        The reactor turns.
        """
        self._send("WATCHDOG=1", self._changed())

    def _changed(self) -> str:
        """
        The status, when it is another than the one told last.
        """
        try:
            status = " ".join(self._status().split())
        except Exception:
            self._log.failure("The status cannot be told")
            return ""
        if status == self._said:
            return ""
        self._said = status
        return f"STATUS={status}"

    def _send(self, *lines: str) -> None:
        """
        Send a datagram, if anybody takes it.
        """
        if self._socket is not None:
            with suppress(OSError):
                self._socket.send("\n".join(filter(None, lines)).encode())


def _connected(address: str) -> socket.socket | None:
    """
    A socket to a path, or to the abstract address that begins with an C{@}.
    """
    if not address.startswith(("/", "@")):
        return None
    if address.startswith("@"):
        address = "\0" + address[1:]
    connecting = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    try:
        connecting.setblocking(False)
        connecting.connect(address)
    except OSError:
        connecting.close()
        return None
    return connecting


def _interval(environ: MutableMapping[str, str]) -> float:
    """
    Seconds between two signs of life: at most a third of those after which the
    process is taken for dead.
    """
    period, watched = environ.pop(PERIOD, ""), environ.pop(WATCHED, "")
    isOurs = not watched or watched == str(os.getpid())
    if not (period.isascii() and period.isdigit() and int(period) and isOurs):
        return STATUS_INTERVAL
    return min(STATUS_INTERVAL, int(period) / 3e6)
