"""
Rows of section F that are about the daemon as a process: how it starts, is told
things by signals, logs, and ends.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater

from tests.certificates import Authority
from tests.integration.daemon import TWISTD, UP, DaemonTestCase
from tests.integration.programs import Program, reactor
from txrocketmq.remoting import RequestCode
from txrocketmq.sandbox import faults

from .marks import row

SEND = RequestCode.SEND_MESSAGE_V2

ACTIVATED = (
    "import os; os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1', "
    f"LISTEN_FDNAMES='messages'); {TWISTD}"
)
"""
What systemd does with a socket unit.
"""

NO_STDERR = f"import os; os.close(2); {TWISTD}"

RAISING = """
def observer():
    from twisted.logger import ILogObserver
    from zope.interface import implementer

    @implementer(ILogObserver)
    class Raising:
        def __call__(self, event):
            raise RuntimeError("the observer is broken")

    return Raising()
"""

FORGED = "two\nFORGED 1\r\x1b[31m{0} {log_level} %s" + 2000 * "x"
"""
What tries to be a line of the log, a colour, a format, and endless.
"""


def exists(path: str) -> bool:
    """
    Whether there is something at a path.
    """
    return Path(path).exists()


def read(path: Path) -> str:
    """
    Read a file.
    """
    return path.read_text(encoding="utf-8")


def write(path: Path, text: str) -> None:
    """
    Write a file.
    """
    path.write_text(text, encoding="utf-8")


def remove(path: Path) -> None:
    """
    Let there be no file at a path.
    """
    path.unlink()


class SignalTests(DaemonTestCase):
    """
    F68: SIGTERM and SIGINT.
    """

    @row("F68")
    async def test_drains(self) -> None:
        """
        What is under way is ended, on a connection that is open a new request is
        refused for now, and no new connection is taken; the status is twistd's own.
        """
        sandbox = await self.sandbox()
        address = sandbox.nameServerAddresses[0]
        for number in (signal.SIGTERM, signal.SIGINT):
            relay = self.twistd("--name-server", address)
            await relay.when(UP)
            self.assertEqual((await self.post(b"first")).status, 200)
            other = socket.create_connection(("127.0.0.1", self.port))
            self.addCleanup(other.close)
            held = self.held(sandbox, 0.7)
            await self.underWay(sandbox)
            relay.signal(number)
            await relay.when(f"Port {self.port} Closed")
            other.sendall(
                b"POST /v1/topics/T/messages HTTP/1.1\r\nHost: x\r\n"
                b"Content-Length: 1\r\n\r\nx"
            )
            answer = await self.answer(other)
            self.assertTrue(answer.startswith(b"HTTP/1.1 503"), answer)
            self.assertIn(b"\r\nRetry-After: ", answer)
            self.assertRaises(
                ConnectionRefusedError,
                socket.create_connection,
                ("127.0.0.1", self.port),
            )
            self.assertEqual((await held).status, 200)
            said = self.clean(await relay.ended, -number)
            self.assertTrue(self.lastOf(said).endswith("drained"), said)
            self.assertFalse(self.pidfile().exists())

    async def answer(self, connection: socket.socket) -> bytes:
        """
        What comes over a connection.
        """
        connection.setblocking(False)
        while True:
            try:
                return connection.recv(65536)
            except BlockingIOError:
                await deferLater(reactor, 0.01)

    def lastOf(self, said: str) -> str:
        """
        The last line of the log that is the relay's.
        """
        return [line for line in said.splitlines() if "txrocketmq.relay" in line][-1]

    @row("F68")
    async def test_tooLong(self) -> None:
        """
        What does not end in time is told that it may be stored, and the drain ends
        when it is to.
        """
        sandbox = await self.sandbox()
        relay = self.twistd(
            *("--name-server", sandbox.nameServerAddresses[0]),
            *("--drain-timeout", "1"),
        )
        await relay.when(UP)
        held = self.held(sandbox, 20)
        await self.underWay(sandbox)
        began = time.monotonic()
        relay.signal(signal.SIGTERM)
        reply = await held
        self.assertEqual(reply.status, 504)
        self.assertEqual(reply.json["results"][0]["persisted"], "MAYBE")
        self.clean(await relay.ended)
        self.assertLess(time.monotonic() - began, 4)

    @row("F68")
    async def test_second(self) -> None:
        """
        A second signal ends the drain at once; what was spooled is delivered after
        the next start, under the same id.
        """
        spool = self.spool()
        nowhere = self.nobody()
        relay = self.twistd(
            *("--name-server", nowhere, "--spool", spool, "--drain-timeout", "50")
        )
        await relay.when(UP)
        reply = await self.post(b"kept", query="?ack=spool")
        self.assertEqual(reply.status, 202)
        waiting = Deferred.fromCoroutine(self.post(b"held"))
        waiting.addErrback(lambda reason: None)
        await deferLater(reactor, 0.3)
        began = time.monotonic()
        relay.signal(signal.SIGTERM)
        await relay.when("shutting down")
        await deferLater(reactor, 0.3)
        relay.signal(signal.SIGTERM)
        said = self.clean(await relay.ended)
        self.assertLess(time.monotonic() - began, 5)
        self.assertTrue(
            self.lastOf(said).endswith("stopped; messages left in the spool: 1"), said
        )
        await waiting
        sandbox = await self.sandbox()
        address = sandbox.nameServerAddresses[0]
        relay = self.twistd("--name-server", address, "--spool", spool)
        await relay.when(UP)
        while not sandbox.messages("T"):
            await deferLater(reactor, 0.02)
        (stored,) = sandbox.messages("T")
        self.assertEqual(stored.body, b"kept")
        self.assertEqual(stored.msgId, reply.json["results"][0]["msgId"])
        relay.signal(signal.SIGTERM)
        said = self.clean(await relay.ended)
        self.assertTrue(self.lastOf(said).endswith("drained"), said)


class OwnerTests(DaemonTestCase):
    """
    F72: a spool that cannot be had.
    """

    @row("F72")
    async def test_twoDaemons(self) -> None:
        """
        The second of two on one spool does not start, and says who has it; the
        first does not notice.
        """
        spool = self.spool()
        relay = self.twistd("--sandbox", "--spool", spool)
        await relay.when(UP)
        pid = int(self.pidfile().read_text())
        second = self.twistd(
            *("--sandbox", "--spool", spool),
            *("--listen", "tcp:0:interface=127.0.0.1"),
            *("--admin-listen", "tcp:0:interface=127.0.0.1"),
            listen=False,
        )
        self.oneLine(await second.ended, f"in use by another daemon (process {pid})")
        self.assertEqual((await self.post(b"x", query="?ack=spool")).status, 202)
        relay.signal(signal.SIGKILL)
        await relay.ended
        relay = self.twistd("--sandbox", "--spool", spool)
        await relay.when(UP)
        relay.signal(signal.SIGTERM)
        self.clean(await relay.ended)

    @row("F72")
    async def test_unusable(self) -> None:
        """
        A directory that is not there, is a link, is a file, or is open to others:
        one line, and nothing listens.
        """
        good = Path(self.spool())
        link, file, loose = (good / name for name in ("link", "file", "loose"))
        link.symlink_to(good)
        file.touch()
        loose.mkdir()
        loose.chmod(0o755)
        for path, word in (
            (good / "missing", "No such file or directory"),
            (link, "symbolic link"),
            (file, "not a directory"),
            (loose, "mode 0755"),
        ):
            relay = self.twistd("--sandbox", "--spool", str(path))
            self.oneLine(await relay.ended, word)
            self.assertEqual(list(loose.iterdir()), [])


class LogTests(DaemonTestCase):
    """
    F84: a log that cannot be written; F89: what tries to write it.
    """

    async def works(self, relay: Program) -> None:
        """
        Make sure that a relay does its work, and stops when it is told to.
        """
        while True:
            try:
                reply = await self.post(b"x")
            except Exception:
                await deferLater(reactor, 0.05)
            else:
                break
        self.assertEqual(reply.status, 200)
        for _ in range(50):
            self.assertEqual((await self.post(b"", "no%20such")).status, 422)
        self.assertEqual((await self.post(b"x")).status, 200)
        relay.signal(signal.SIGTERM)
        ended = await relay.ended
        self.assertEqual(ended.status, -signal.SIGTERM, ended)

    @row("F84")
    async def test_full(self) -> None:
        """
        The disk that the log is on is full.
        """
        if not exists("/dev/full"):
            self.skipTest("there is no /dev/full")
        full = os.open("/dev/full", os.O_WRONLY)
        self.addCleanup(os.close, full)
        for form in ("text", "json"):
            arguments = ("--sandbox", "--log-format", form)
            await self.works(self.twistd(*arguments, descriptors={1: full, 2: full}))

    @row("F84")
    async def test_fullFile(self) -> None:
        """
        So is the one of a log file.
        """
        if not exists("/dev/full"):
            self.skipTest("there is no /dev/full")
        directory = Path(self.spool())
        log = directory / "full.log"
        log.symlink_to("/dev/full")
        for form in ("text", "json"):
            relay = self.twistd(
                *("--sandbox", "--log-format", form),
                runner=("-n", f"--logfile={log}"),
            )
            await self.works(relay)

    @row("F84")
    async def test_raises(self) -> None:
        """
        What observes the log raises.
        """
        directory = Path(self.spool())
        (directory / "raising.py").write_text(RAISING)
        program = f"import sys; sys.path.insert(0, {str(directory)!r}); {TWISTD}"
        relay = self.twistd(
            "--sandbox",
            runner=("-n", "--logger=raising.observer"),
            program=program,
        )
        await self.works(relay)

    @row("F84")
    async def test_closed(self) -> None:
        """
        Standard error is closed, or nobody reads the output any more.
        """
        await self.works(self.twistd("--sandbox", program=NO_STDERR))
        relay = self.twistd("--sandbox")
        await relay.when(UP)
        relay.leave()
        await self.works(relay)

    @row("F89")
    async def test_forged(self) -> None:
        """
        Nothing that a client or a broker says makes a line of the log, or gets to
        a terminal as it is, or is there at length.
        """
        sandbox = await self.sandbox()
        address = sandbox.nameServerAddresses[0]
        for form in ("text", "json"):
            relay = self.twistd(
                *("--name-server", address, "--log-format", form),
                *("--spool", self.spool()),
            )
            await relay.when(UP)
            broker = sandbox.brokers["broker-a"]
            for code in (13, 1, 2, 14, 16, 215):
                broker.push(faults.respond(code, FORGED), code=SEND)
                await self.post(b"secret body", "T", "?ack=spool")
                broker.push(faults.respond(code, FORGED), code=SEND)
                await self.post(b"secret body", "T")
            await self.post(b"secret body", "T%0aFORGED%1b%7b0%7d")
            await self.post(
                b"secret body",
                X_RocketMQ_Tags="{log_level}\x1b[31m",
                Authorization="Bearer s3cret-token",
            )
            await deferLater(reactor, 0.3)
            broker.clear()
            relay.signal(signal.SIGTERM)
            said = self.clean(await relay.ended)
            lines = said.splitlines()
            self.assertEqual([each for each in lines if each.startswith("FORGED")], [])
            for forbidden in ("\x1b", "\r", "secret body", "s3cret-token", 600 * "x"):
                self.assertNotIn(forbidden, said)
            if form == "json":
                for each in lines:
                    json.loads(each)


class ReloadTests(DaemonTestCase):
    """
    F85: SIGHUP.
    """

    def tokens(self, path: Path, *tokens: str) -> None:
        """
        Write a file of tokens.
        """
        path.write_text(
            "".join(
                f'[[token]]\nname = "{each}"\ntopics = ["*"]\n'
                f'sha256 = "{sha256(each.encode()).hexdigest()}"\n'
                for each in tokens
            )
        )

    @row("F85")
    async def test_tokens(self) -> None:
        """
        New tokens count at once, old ones no more; a file that is bad changes
        nothing, and its reason is logged.
        """
        path = Path(self.file("tokens.toml", ""))
        self.tokens(path, "old")
        relay = self.twistd("--sandbox", "--token-file", str(path))
        await relay.when(UP)

        async def allowed(*names: str) -> None:
            for name in ("old", "new"):
                reply = await self.post(b"x", Authorization=f"Bearer {name}")
                self.assertEqual(reply.status, 200 if name in names else 401, name)

        await allowed("old")
        write(path, "[[token]]\nnonsense = 1")
        relay.signal(signal.SIGHUP)
        said = await relay.when("Not reloading, all stays as it was: --token-file")
        self.assertNotIn("Reloaded", said)
        await allowed("old")
        remove(path)
        relay.signal(signal.SIGHUP)
        await relay.when("No such file")
        await allowed("old")
        self.tokens(path, "new")
        relay.signal(signal.SIGHUP)
        await relay.when("Reloaded")
        await allowed("new")
        relay.signal(signal.SIGTERM)
        self.clean(await relay.ended)

    @row("F85")
    async def test_neverHalf(self) -> None:
        """
        Where one of two files is bad, neither is taken.
        """
        authority = Authority(self.spool())
        certificate, key = authority.client("localhost")
        path = Path(self.file("tokens.toml", ""))
        self.tokens(path, "old")
        place = (
            f"ssl:{self.port}:privateKey={key}:certKey={certificate}:"
            "interface=127.0.0.1"
        )
        relay = self.twistd(
            *("--sandbox", "--token-file", str(path), "--listen", place),
            *("--admin-listen", self.adminListen),
            listen=False,
        )
        await relay.when(UP)
        good = read(Path(key))
        write(Path(key), "nonsense")
        self.tokens(path, "new")
        relay.signal(signal.SIGHUP)
        await relay.when("holds no key")
        write(Path(key), good)
        relay.signal(signal.SIGHUP)
        await relay.when("Reloaded")
        relay.signal(signal.SIGHUP)
        relay.signal(signal.SIGTERM)
        relay.signal(signal.SIGHUP)
        self.clean(await relay.ended)

    @row("F85")
    async def test_configuration(self) -> None:
        """
        The configuration file is read again; what needs a restart is named.
        """
        file = Path(self.file("relay.toml", 'sandbox = true\ngroup = "one"'))
        relay = self.twistd("--config", str(file))
        await relay.when(UP)
        write(file, "sandbox = [")
        relay.signal(signal.SIGHUP)
        await relay.when("this is no TOML")
        write(file, 'sandbox = true\ngroup = "two"')
        relay.signal(signal.SIGHUP)
        await relay.when("need a restart: group")
        self.assertEqual((await self.post(b"x")).status, 200)
        relay.signal(signal.SIGTERM)
        self.clean(await relay.ended)


class RunnerTests(DaemonTestCase):
    """
    F87: what twistd does besides.
    """

    async def ends(self, relay: Program) -> None:
        """
        Make sure that a relay works and stops.
        """
        await relay.when(UP)
        self.assertEqual((await self.post(b"x")).status, 200)
        relay.signal(signal.SIGTERM)
        self.clean(await relay.ended)

    @row("F87")
    async def test_reactors(self) -> None:
        """
        It runs on every reactor.
        """
        for name in ("select", "poll", "epoll", "asyncio"):
            relay = self.twistd("--sandbox", runner=("-n", f"--reactor={name}"))
            await self.ends(relay)

    @row("F87")
    async def test_stalePidfile(self) -> None:
        """
        A pid file that a killed daemon has left does no harm; that of a living one
        is one line.
        """
        stale = Path(self.file("relay.pid", "2147483646"))
        runner = ("-n", f"--pidfile={stale}")
        relay = self.twistd("--sandbox", runner=runner)
        await relay.when(UP)
        second = self.twistd("--sandbox", runner=runner)
        ended = await second.ended
        self.assertEqual(ended.status, 1)
        self.assertIn("Another twistd server is running", ended.output + ended.errors)
        await self.ends(relay)
        self.assertFalse(exists(str(stale)))

    @row("F87")
    async def test_rundir(self) -> None:
        """
        A directory that cannot be used is one line.
        """
        file = self.file("file", "")
        for option, word in (
            (f"--rundir={file}", "--rundir"),
            ("--rundir=/nowhere", "--rundir"),
            ("--pidfile=/nowhere/x.pid", "--pidfile"),
            ("--logfile=/nowhere/x.log", "--logfile"),
        ):
            relay = self.twistd("--sandbox", runner=("-n", option))
            self.oneLine(await relay.ended, word)

    @row("F87")
    async def test_systemdSocket(self) -> None:
        """
        It listens at a socket that systemd passes, by index or by name; one that
        is not passed is one line.
        """
        for place in ("index=0", "name=messages"):
            listening = socket.create_server(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            relay = self.twistd(
                *("--sandbox", "--listen", f"systemd:domain=INET:{place}"),
                *("--admin-listen", self.adminListen),
                listen=False,
                program=ACTIVATED,
                descriptors={3: listening.fileno()},
            )
            listening.close()
            await self.ends(relay)
        relay = self.twistd(
            *("--sandbox", "--listen", "systemd:domain=INET:index=0"), listen=False
        )
        self.oneLine(await relay.ended, "systemd has not passed such a socket")

    @row("F87")
    async def test_systemdSocketOfAll(self) -> None:
        """
        A socket that other machines reach is not used without a guard.
        """
        listening = socket.create_server(("0.0.0.0", 0))
        self.addCleanup(listening.close)
        relay = self.twistd(
            *("--sandbox", "--listen", "systemd:domain=INET:index=0"),
            *("--admin-listen", self.adminListen),
            listen=False,
            program=ACTIVATED,
            descriptors={3: listening.fileno()},
        )
        self.oneLine(await relay.ended, "can be reached from other machines")

    @row("F87")
    async def test_background(self) -> None:
        """
        In the background it sends as well: nothing is made before the fork.
        """
        relay = self.twistd("--sandbox", "--spool", self.spool(), runner=())
        ended = await relay.ended
        self.assertEqual((ended.status, ended.errors), (0, ""))
        pid = int(self.pidfile().read_text())
        log = self.directory / "twistd.log"
        try:
            while UP not in log.read_text():
                await deferLater(reactor, 0.02)
            self.assertEqual((await self.post(b"x")).status, 200)
            self.assertEqual((await self.post(b"x", query="?ack=spool")).status, 202)
        finally:
            os.kill(pid, signal.SIGTERM)
            while exists(f"/proc/{pid}"):
                await deferLater(reactor, 0.02)
        # A message that was not on its way yet when it was told to stop stays.
        self.assertRegex(log.read_text(), "drained|left in the spool: 1")
        self.assertNotIn("Traceback", log.read_text())

    @row("F87")
    async def test_backgroundRefused(self) -> None:
        """
        What keeps it from starting in the background is the parent's status, too.
        """
        taken = f"tcp:{self.listener().split(':')[1]}:interface=127.0.0.1"
        relay = self.twistd("--sandbox", "--listen", taken, runner=())
        ended = await relay.ended
        self.assertEqual(ended.status, 1)
        self.assertIn("cannot listen on", ended.output + ended.errors)
        # The parent ends when it is told, and that is before the file goes.
        while exists(str(self.pidfile())):
            await deferLater(reactor, 0.02)


class AddressTests(DaemonTestCase):
    """
    F88: name servers that are none.
    """

    @row("F88")
    async def test_addresses(self) -> None:
        """
        What is no address is one line, from wherever it comes.
        """
        for address in (
            "unix:/run/nameserver",
            "127.0.0.1:0",
            "127.0.0.1:70000",
            "127.0.0.1:9876\r\nX: y",
            "[fe80::1%eth0]:9876",
            "fe80::1:9876",
            "999.1.1.1:9876",
        ):
            relays = [
                self.twistd("--name-server", address),
                self.twistd(environment={"NAMESRV_ADDR": address}),
            ]
            ends: Any = await gatherResults([relay.ended for relay in relays])
            for ended, origin in zip(
                ends, ("--name-server", "NAMESRV_ADDR"), strict=True
            ):
                self.oneLine(ended, f"txrocketmq: {origin}: ")

    @row("F88")
    async def test_forbidden(self) -> None:
        """
        The address of a cloud's metadata is not connected to: what is sent fails,
        and the relay is not ready.
        """
        relay = self.twistd("--name-server", "169.254.169.254:80")
        await relay.when(UP)
        self.assertEqual((await self.ask("GET", "/readyz")).status, 503)
        relay.signal(signal.SIGTERM)
        self.clean(await relay.ended)
