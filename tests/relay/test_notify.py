"""
Tests for L{txrocketmq.relay.notify}.
"""

from __future__ import annotations

import os
import socket

from tests.relay.places import ShortPaths
from tests.support import TestCase
from txrocketmq.relay.notify import STATUS_INTERVAL, Notifier


class NotifierTests(ShortPaths, TestCase):
    """
    What systemd hears.
    """

    def listening(self, address: str | None = None) -> str:
        """
        Listen as systemd does.

        @return: The socket's address.
        """
        self.heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.heard.close)
        self.heard.setblocking(False)
        if address is None:
            self.path = self.shortDirectory() / "notify"
            address = str(self.path)
        self.heard.bind(address)
        return address

    def notifier(self, **environ: str) -> Notifier:
        """
        What tells.
        """
        self.status = "fine"
        self.environ = environ
        notifier = Notifier(self.reactor, self.environ, lambda: self.status)
        self.addCleanup(notifier.close)
        return notifier

    def told(self) -> list[list[str]]:
        """
        What was heard, by datagrams.
        """
        found = []
        while True:
            try:
                found.append(self.heard.recv(4096).decode().split("\n"))
            except BlockingIOError:
                return found

    def test_life(self) -> None:
        """
        It tells when it is ready, when it reloads and when it stops; its status
        when that has changed; and in between, often enough, that it lives.
        """
        notifier = self.notifier(
            NOTIFY_SOCKET=self.listening(),
            WATCHDOG_USEC="3000000",
            WATCHDOG_PID=str(os.getpid()),
        )
        self.assertEqual(self.environ, {})
        self.assertEqual(self.told(), [])
        notifier.ready()
        self.assertEqual(self.told(), [["READY=1", "STATUS=fine"], ["WATCHDOG=1"]])
        self.reactor.advance(1)
        self.assertEqual(self.told(), [["WATCHDOG=1"]])
        self.status = "so\nso"
        self.reactor.advance(1)
        self.assertEqual(self.told(), [["WATCHDOG=1", "STATUS=so so"]])
        notifier.reloading()
        ((reloading, moment),) = self.told()
        self.assertEqual(reloading, "RELOADING=1")
        self.assertRegex(moment, r"^MONOTONIC_USEC=\d+$")
        notifier.ready()
        self.assertEqual(self.told(), [["READY=1"]])
        notifier.stopping()
        self.reactor.advance(1)
        self.assertEqual(self.told(), [["STOPPING=1"], ["WATCHDOG=1"]])
        notifier.close()
        notifier.stopping()
        notifier.close()

    def test_abstract(self) -> None:
        """
        The socket may have no path.
        """
        name = f"txrocketmq-test-{os.getpid()}"
        self.listening(f"\0{name}")
        self.notifier(NOTIFY_SOCKET=f"@{name}").ready()
        self.assertEqual(self.told()[0], ["READY=1", "STATUS=fine"])

    def test_otherWatchdog(self) -> None:
        """
        A watchdog of another process, or one that is none, is not ours.
        """
        for environ in (
            {"WATCHDOG_USEC": "300", "WATCHDOG_PID": "1"},
            {"WATCHDOG_USEC": "no"},
            {"WATCHDOG_USEC": "0"},
            {},
        ):
            notifier = self.notifier(NOTIFY_SOCKET=self.listening(), **environ)
            notifier.ready()
            self.assertEqual(len(self.told()), 2)
            self.reactor.advance(STATUS_INTERVAL - 0.1)
            self.assertEqual(self.told(), [])
            notifier.close()

    def test_nobody(self) -> None:
        """
        Without a service manager nothing is said, and nothing is kept going.
        """
        for address in ("", "relative", "/nowhere/at/all", "@nobody-is-there"):
            notifier = self.notifier(NOTIFY_SOCKET=address)
            notifier.ready()
            notifier.stopping()
            self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_gone(self) -> None:
        """
        One that goes away, or does not read, does no harm.
        """
        notifier = self.notifier(NOTIFY_SOCKET=self.listening())
        notifier.ready()
        for _ in range(10_000):
            notifier.stopping()
        self.heard.close()
        self.path.unlink()
        notifier.stopping()

    def test_status(self) -> None:
        """
        A status that cannot be told is logged, and nothing else.
        """
        environ = {"NOTIFY_SOCKET": self.listening()}
        notifier = Notifier(self.reactor, environ, lambda: 1 / 0)  # type: ignore[arg-type, return-value]
        self.addCleanup(notifier.close)
        notifier.stopping()
        self.assertEqual(self.told(), [["STOPPING=1"]])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
