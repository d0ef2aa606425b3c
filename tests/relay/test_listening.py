"""
Tests for L{txrocketmq.relay.listening}.
"""

from __future__ import annotations

from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactorClock
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from txrocketmq.relay.listening import CannotListen, Doors, checkListen


class CheckTests(SynchronousTestCase):
    """
    Where one may listen.
    """

    def test_thisMachine(self) -> None:
        """
        What only this machine can reach is allowed, and left as it is.
        """
        for text in (
            "tcp:8088:interface=127.0.0.1",
            "tcp:0:interface=127.9.9.9:backlog=5",
            "tcp:port=8088:interface=localhost",
            r"tcp6:8088:interface=\:\:1",
            "unix:/run/relay.sock",
            "unix:address=/run/relay.sock:mode=660",
        ):
            self.assertEqual(checkListen(text), text)

    def test_others(self) -> None:
        """
        What others can reach is not, and what is not known is not either.
        """
        for text, word in (
            ("tcp:8088", "from other machines"),
            ("tcp:8088:interface=", "from other machines"),
            ("tcp:8088:interface=0.0.0.0", "from other machines"),
            ("tcp:8088:interface=10.0.0.1", "from other machines"),
            (r"tcp6:8088:interface=\:\:", "from other machines"),
            ("tcp:8088:interface=example.org", "from other machines"),
            ("tcp:interface=127.0.0.1", "no port"),
            ("tcp", "no port"),
            ("tcp:99999:interface=127.0.0.1", "no port"),
            ("tcp:x:interface=127.0.0.1", "no port"),
            ("ssl:8088:interface=127.0.0.1", "neither"),
            ("systemd:domain=INET:index=0", "neither"),
            ("", "neither"),
            ("8088", "neither"),
        ):
            error = self.assertRaises(UsageError, checkListen, text)
            self.assertIn(f"--listen: {text!r}", str(error))
            self.assertIn(word, str(error))


class FullReactor(MemoryReactorClock):
    """
    A reactor whose port 2 is taken.
    """

    def listenTCP(
        self, port: int, factory: object, backlog: int = 50, interface: str = ""
    ) -> object:
        """
        Listen, or not.
        """
        if port == 2:
            raise CannotListenError(interface, port, OSError(98, "Address in use"))
        return super().listenTCP(port, factory, backlog, interface)


class DoorTests(SynchronousTestCase):
    """
    Listening.
    """

    def setUp(self) -> None:
        """
        Make a reactor.
        """
        self.reactor = FullReactor()

    def test_open(self) -> None:
        """
        All endpoints are opened, once however often it is asked for; closing
        closes them all.
        """
        texts = [f"tcp:{port}:interface=127.0.0.1" for port in (1, 3)]
        doors = Doors(self.reactor, texts)
        doors.open(Factory())
        doors.open(Factory())
        self.assertEqual([each[0] for each in self.reactor.tcpServers], [1, 3])
        for closing in doors.close():
            self.successResultOf(closing)
        self.assertEqual(doors.close(), [])

    def test_again(self) -> None:
        """
        What was closed can be opened again.
        """
        doors = Doors(self.reactor, ["tcp:1:interface=127.0.0.1"])
        doors.open(Factory())
        doors.close()
        doors.open(Factory())
        self.assertEqual(len(self.reactor.tcpServers), 2)

    def test_taken(self) -> None:
        """
        A port that is taken ends the process with one line; it is an exception
        for others, too.
        """
        text = "tcp:2:interface=127.0.0.1"
        doors = Doors(self.reactor, [text])
        error = self.assertRaises(CannotListen, doors.open, Factory())
        self.assertEqual(
            error.code, f"txrocketmq: cannot listen on {text!r}: Address in use"
        )
        self.assertIsInstance(error, SystemExit)
        self.assertIsInstance(error, Exception)

    def test_unusable(self) -> None:
        """
        So does an endpoint that Twisted cannot make.
        """
        for text in ("tcp:1:interface=127.0.0.1:x=y", "unix"):
            doors = Doors(self.reactor, [text])
            error = self.assertRaises(CannotListen, doors.open, Factory())
            self.assertIn(f"--listen: {text!r}", str(error))

    def test_otherReasons(self) -> None:
        """
        Whatever the reason is, it is told.
        """

        def fail(*_: object, **__: object) -> None:
            raise RuntimeError("odd")

        self.patch(self.reactor, "listenTCP", fail)
        doors = Doors(self.reactor, ["tcp:1:interface=127.0.0.1"])
        error = self.assertRaises(CannotListen, doors.open, Factory())
        self.assertTrue(str(error).endswith(": odd"))
