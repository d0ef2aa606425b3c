"""
Tests for L{txrocketmq.relay.service}, L{txrocketmq.relay.parts},
L{txrocketmq.relay.cluster} and L{txrocketmq.relay.reloading}.
"""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

from twisted.application.service import Application, Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import (
    FileLogObserver,
    ILogObserver,
    LogLevel,
    formatEvent,
    globalLogPublisher,
    textFileLogObserver,
)
from zope.interface.verify import verifyObject

from tests.certificates import Authority
from tests.support import TestCase
from txrocketmq import SessionCredentials
from txrocketmq._spool import SpoolCounts
from txrocketmq.errors import SpoolUnavailable
from txrocketmq.interfaces import INameServers
from txrocketmq.relay import parts as partsModule
from txrocketmq.relay.cluster import SandboxNameServers
from txrocketmq.relay.configuration import Resolved
from txrocketmq.relay.leaving import CannotStart
from txrocketmq.relay.material import Material, gather
from txrocketmq.relay.process import NoProcess
from txrocketmq.relay.service import Relay
from txrocketmq.relay.sources import resolve
from txrocketmq.sandbox import Sandbox

OWN = "txrocketmq.relay"


class HeldSpool:
    """
    A spool that does what the test says.

    @ivar opening: Fires when it is open.
    """

    accepting = True

    def __init__(self, waiting: int = 0) -> None:
        self.opening: Deferred[None] = Deferred()
        self.counts = SpoolCounts(waiting, 0, 0, 0, 9, None, 0, 0, 0, 0)
        self.closed = False

    def open(self) -> Deferred[None]:
        """
        Open, when the test says so.
        """
        return self.opening

    def close(self) -> Deferred[None]:
        """
        Close.
        """
        self.closed = True
        return succeed(None)


class HeldForwarder:
    """
    Forwards nothing.

    @ivar stops: The seconds it was given to stop.
    """

    state = "idle"
    lastError = None

    def __init__(self) -> None:
        self.started = False
        self.stops: list[float] = []

    def start(self) -> None:
        """
        Note that.
        """
        self.started = True

    def stop(self, within: float) -> Deferred[int]:
        """
        Stop.
        """
        self.stops.append(within)
        return succeed(0)

    def wake(self) -> None:
        """
        Do nothing.
        """


class RelayTestCase(TestCase):
    """
    A test of a relay, with nobody at the other end.
    """

    def setUp(self) -> None:
        """
        Watch the log.
        """
        super().setUp()
        self.events = EventLoggingObserver()
        globalLogPublisher.addObserver(self.events)
        self.addCleanup(globalLogPublisher.removeObserver, self.events)
        self.process = NoProcess()
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir(parents=True)
        self.directory.chmod(0o700)

    def relay(self, **options: Any) -> Relay:
        """
        A relay.
        """
        named = {name.replace("_", "-"): value for name, value in options.items()}
        self.options = {"name-server": "127.0.0.1:1", "drain-timeout": "1", **named}
        return Relay(self.reactor, *self.read(), self.read, self.process)

    def read(self) -> tuple[Resolved, Material]:
        """
        Read the configuration.
        """
        resolved = resolve(self.options, {}, str(Path.cwd()))
        return resolved, gather(resolved)

    def spooled(self, waiting: int = 0, **options: Any) -> Relay:
        """
        A relay with a spool.
        """
        self.spool, self.forwarder = HeldSpool(waiting), HeldForwarder()
        self.patch(partsModule, "Spool", lambda *_, **__: self.spool)
        self.patch(partsModule, "Forwarder", lambda *_: self.forwarder)
        return self.relay(spool=str(self.directory), **options)

    def stop(self, relay: Relay) -> None:
        """
        Stop it.
        """
        stopping = relay.stopService()
        self.reactor.pump([0.1] * 20)
        self.successResultOf(stopping)

    def logged(self, level: Any = LogLevel.info) -> list[str]:
        """
        What the relay has logged.
        """
        return [
            formatEvent(event)
            for event in self.events
            if event.get("log_namespace", "").startswith(OWN)
            and event["log_level"] == level
        ]

    def ports(self) -> list[int]:
        """
        The ports that are bound.
        """
        return [port for port, *_ in self.reactor.tcpServers]


class LifeTests(RelayTestCase):
    """
    Starting and stopping.
    """

    def test_startAndStop(self) -> None:
        """
        It binds its ports once when it starts, and not before it may; when it has
        stopped, nothing of it is left, and the log says so last.
        """
        relay = self.relay(listen=["tcp:1"], token_file=self.tokens())
        self.assertEqual(self.ports(), [])
        relay.privilegedStartService()
        self.assertEqual(self.ports(), [1, 8089])
        self.assertEqual(self.reactor.getReaders(), [])
        relay.startService()
        self.assertEqual(self.ports(), [1, 8089])
        self.assertEqual(len(self.reactor.getReaders()), 2)
        self.assertIn("unencrypted", self.logged(LogLevel.warn)[0])
        self.stop(relay)
        self.assertEqual(self.logged()[-1], "drained")

    def tokens(self) -> str:
        """
        A file with a token.
        """
        path = self.directory / "tokens.toml"
        path.write_text(f'[[token]]\nsha256 = "{64 * "0"}"\ntopics = ["*"]')
        return str(path)

    def test_stopAgain(self) -> None:
        """
        Stopping what never started is nothing.
        """
        relay = self.relay()
        self.stop(relay)
        relay.startService()
        self.stop(relay)
        self.stop(relay)
        self.assertEqual(self.logged().count("drained"), 1)

    def test_taken(self) -> None:
        """
        It does not start where it cannot listen.
        """

        def taken(*_: Any, **__: Any) -> None:
            raise OSError(98, "in use")

        self.patch(self.reactor, "listenTCP", taken)
        self.assertRaises(CannotStart, self.relay().startService)

    def test_fileChanged(self) -> None:
        """
        What has changed since it was checked is one line.
        """
        authority = Authority(self.mktemp())
        relay = self.relay(tls_ca=authority.roots)
        Path(authority.roots).unlink()
        wrong = self.assertRaises(CannotStart, relay.privilegedStartService)
        self.assertIn("No such file", str(wrong))

    def test_noSpool(self) -> None:
        """
        Without its spool nothing is bound.
        """
        relay = self.relay(spool=str(self.directory / "missing"))
        wrong = self.assertRaises(CannotStart, relay.privilegedStartService)
        self.assertIn("--spool: the spool", str(wrong))
        self.assertEqual(self.ports(), [])

    def test_log(self) -> None:
        """
        An application is told what to log with.
        """
        self.relay()
        for observer in (None, textFileLogObserver(StringIO())):
            read = (*self.read(), self.read)
            relay = Relay(self.reactor, *read, self.process, observer)
            application: Any = Application("x")
            relay.setServiceParent(application)
            found = application.getComponent(ILogObserver, None)
            self.assertIs(found, observer)
            self.assertIsInstance(found, FileLogObserver | None)

    def test_interface(self) -> None:
        """
        It is a service.
        """
        self.assertIsInstance(self.relay(), Service)


class SpoolTests(RelayTestCase):
    """
    A relay with a spool.
    """

    def test_open(self) -> None:
        """
        It takes connections when its spool is open, and not before; it forwards
        until it stops, and then closes it.
        """
        relay = self.spooled()
        relay.startService()
        self.assertEqual(self.ports(), [8088, 8089])
        self.assertEqual(self.reactor.getReaders(), [])
        self.assertFalse(self.forwarder.started)
        self.spool.opening.callback(None)
        self.assertTrue(self.forwarder.started)
        self.assertEqual(len(self.reactor.getReaders()), 2)
        self.stop(relay)
        self.assertEqual(len(self.forwarder.stops), 1)
        self.assertTrue(self.spool.closed)
        self.assertEqual(self.logged()[-1], "drained")

    def test_doesNotOpen(self) -> None:
        """
        A spool that does not open ends the process, with its reason.
        """
        relay = self.spooled()
        relay.startService()
        self.spool.opening.errback(SpoolUnavailable("it is damaged"))
        self.assertEqual(self.successResultOf(self.process.failed), "it is damaged")
        self.assertEqual(self.reactor.getReaders(), [])
        self.stop(relay)

    def test_stays(self) -> None:
        """
        What stays is said.
        """
        relay = self.spooled(waiting=3)
        relay.startService()
        self.spool.opening.callback(None)
        self.stop(relay)
        self.assertEqual(self.logged()[-1], "stopped; messages left in the spool: 3")

    def test_stoppedWhileOpening(self) -> None:
        """
        It may stop before it is up.
        """
        relay = self.spooled()
        relay.startService()
        self.stop(relay)
        self.assertEqual(self.reactor.getReaders(), [])
        self.assertTrue(self.spool.closed)

    def test_hurry(self) -> None:
        """
        In a hurry the forwarder is given no time, and the spool is closed all the
        same.
        """
        relay = self.spooled(drain_timeout="1000")
        relay.startService()
        self.spool.opening.callback(None)
        self.process.hurry()
        held: Deferred[None] = Deferred()
        self.patch(relay._parts._desk, "drained", lambda: held)  # type: ignore[union-attr]
        stopping = relay.stopService()
        self.reactor.pump([0.1] * 20)
        self.assertNoResult(stopping)
        self.process.hurry()
        self.reactor.pump([0.1] * 20)
        self.successResultOf(stopping)
        self.assertEqual(self.forwarder.stops, [0.0])
        self.assertTrue(self.spool.closed)
        self.assertIn("had not ended in time", self.logged(LogLevel.warn)[0])
        self.assertEqual(self.logged()[-1], "stopped; messages left in the spool: 0")

    def test_forwarderTime(self) -> None:
        """
        Requests get their time first; the forwarder gets what is left, and some
        is kept for the client.
        """
        relay = self.spooled(drain_timeout="10")
        relay.startService()
        self.spool.opening.callback(None)
        held: Deferred[None] = Deferred()
        self.patch(relay._parts._desk, "drained", lambda: held)  # type: ignore[union-attr]
        stopping = relay.stopService()
        self.reactor.advance(3)
        held.callback(None)
        self.reactor.pump([0.1] * 20)
        self.successResultOf(stopping)
        self.assertEqual(self.forwarder.stops, [5.0])


class ReloadTests(RelayTestCase):
    """
    SIGHUP.  F85.
    """

    def setUp(self) -> None:
        """
        Make files.
        """
        super().setUp()
        self.authority = Authority(self.mktemp())
        self.credentials("alice")
        self.tokens("0")

    def credentials(self, name: str) -> str:
        """
        Write credentials.
        """
        path = self.directory / "acl.toml"
        path.write_text(f'accessKey = "{name}"\nsecretKey = "s"')
        path.chmod(0o600)
        return str(path)

    def tokens(self, digit: str) -> str:
        """
        Write a token.
        """
        path = self.directory / "tokens.toml"
        path.write_text(f'[[token]]\nsha256 = "{64 * digit}"\ntopics = ["*"]')
        return str(path)

    def started(self, **options: Any) -> Relay:
        """
        A relay that runs, with everything that can be exchanged.
        """
        certificate, key = self.authority.client("relay.example")
        self.key = Path(key)
        relay = self.relay(
            credentials=self.credentials("alice"),
            token_file=self.tokens("0"),
            tls_ca=self.authority.roots,
            listen=[
                f"ssl:1:privateKey={key}:certKey={certificate}:interface=127.0.0.1"
            ],
            **options,
        )
        relay.startService()
        self.addCleanup(self.stop, relay)
        return relay

    def inUse(self, relay: Relay) -> list[Any]:
        """
        What is in use now.
        """
        parts: Any = relay._parts
        credentials = parts._keys() if parts._keys else None
        (context,) = [each.context for each in parts._identities.values()] or [None]
        return [
            credentials,
            parts._client.connector._wrap,
            parts._front._tokens,
            context,
        ]

    def test_exchanged(self) -> None:
        """
        Everything is exchanged: what is signed next is signed with the new key.
        """
        relay = self.started()
        before = self.inUse(relay)
        self.assertEqual(before[0], SessionCredentials("alice", "s"))
        self.credentials("bob")
        self.tokens("1")
        self.process.reload()
        after = self.inUse(relay)
        self.assertEqual(after[0], SessionCredentials("bob", "s"))
        for old, new in zip(before, after, strict=True):
            self.assertIsNot(old, new)
        self.assertEqual(
            self.logged()[-1], "Reloaded credentials, tokens and certificates"
        )

    def test_bad(self) -> None:
        """
        One bad file changes nothing at all, and the reason is logged.
        """
        relay = self.started()
        before = self.inUse(relay)
        self.credentials("bob")
        for spoil, word in (
            (lambda: self.key.write_text("nonsense"), "holds no key"),
            (self.key.unlink, "No such file"),
            (lambda: self.options.update({"group": "a b"}), "--group"),
        ):
            spoil()
            self.process.reload()
            self.assertEqual(self.inUse(relay), before)
            self.assertIn(word, self.logged(LogLevel.error)[-1])

    def test_unforeseen(self) -> None:
        """
        Whatever happens, all stays as it was.
        """
        relay = self.started()
        before = self.inUse(relay)
        self.options = None  # type: ignore[assignment]
        self.process.reload()
        self.assertEqual(self.inUse(relay), before)
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)

    def test_restart(self) -> None:
        """
        What cannot change is named; the rest is exchanged.
        """
        relay = self.started()
        self.credentials("bob")
        self.options = {**self.options, "group": "other", "namespace": "n"}
        del self.options["token-file"]
        self.process.reload()
        self.assertIn(
            "need a restart: group, namespace, token-file",
            self.logged(LogLevel.warn)[-1],
        )
        found = self.inUse(relay)
        self.assertEqual(found[0], SessionCredentials("bob", "s"))
        self.assertIsNotNone(found[2])

    def test_otherFile(self) -> None:
        """
        Another file may be named.
        """
        relay = self.started()
        path = self.directory / "other.toml"
        path.write_text(Path(self.credentials("carol")).read_text())
        self.options = {**self.options, "credentials": str(path)}
        self.process.reload()
        self.assertEqual(self.inUse(relay)[0].accessKey, "carol")

    def test_nothing(self) -> None:
        """
        Where nothing can be exchanged nothing is; not even what came later.
        """
        relay = self.relay()
        relay.startService()
        self.addCleanup(self.stop, relay)
        before = self.inUse(relay)
        certificate, key = self.authority.client("relay.example")
        self.options |= {
            "credentials": self.credentials("alice"),
            "token-file": self.tokens("0"),
            "tls-ca": self.authority.roots,
            "listen": [f"ssl:1:privateKey={key}:certKey={certificate}"],
        }
        self.process.reload()
        self.assertEqual(self.inUse(relay), before)
        self.assertIn(
            "restart: listen, credentials, tls-ca, token-file",
            "".join(self.logged(LogLevel.warn)),
        )

    def test_stopping(self) -> None:
        """
        A relay that stops reloads nothing.
        """
        relay = self.relay()
        relay.startService()
        stopping = relay.stopService()
        self.process.reload()
        self.assertIn("Not reloading: the relay is stopping", self.logged())
        self.reactor.pump([0.1] * 20)
        self.successResultOf(stopping)


class NameServersTests(TestCase):
    """
    A sandbox's name servers.
    """

    def test_addresses(self) -> None:
        """
        They are known when the sandbox is ready.
        """
        source = SandboxNameServers(Sandbox(self.reactor))
        self.assertTrue(verifyObject(INameServers, source))
        self.failureResultOf(source.addresses())
