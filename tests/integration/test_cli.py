"""
Tests of C{txrocketmq} as a process of its own.
"""

from __future__ import annotations

import json
import re
import signal
import time
from pathlib import Path
from typing import Any

from twisted.internet.defer import gatherResults
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater

from tests.integration.programs import Ended, Program, ProgramTestCase, reactor
from txrocketmq.remoting import RequestCode
from txrocketmq.sandbox import Sandbox, faults


class CommandTestCase(ProgramTestCase):
    """
    A test of the command line.
    """

    def run_(self, *arguments: str, feed: bytes | None = None) -> Program:
        """
        Start a command.
        """
        program = self.start("-m", "txrocketmq", *arguments)
        if feed is not None:
            program.feed(feed)
        return program

    async def sandbox(self, **settings: Any) -> Sandbox:
        """
        A sandbox in our own process.
        """
        sandbox = Sandbox(reactor, **settings)
        sandbox.startService()
        self.addCleanup(sandbox.stopService)
        return await sandbox.whenReady()

    def sends(self, sandbox: Sandbox, *more: str) -> tuple[str, ...]:
        """
        The arguments that send to a sandbox.
        """
        return ("send", "-n", sandbox.nameServerAddresses[0], "-t", "T", *more)

    def file(self, data: bytes) -> str:
        """
        A file that holds this.
        """
        path = Path(self.mktemp()).absolute()
        path.write_bytes(data)
        return str(path)

    def assertOneLine(self, ended: Ended, *words: str) -> None:
        """
        Check that there is one complaint, and what it says.
        """
        self.assertEqual(len(ended.complaints), 1, ended)
        for word in words:
            self.assertIn(word, ended.errors)


class ShowTests(CommandTestCase):
    """
    What shows something.
    """

    async def test_demo(self) -> None:
        """
        The demonstration takes no five seconds, loses nothing, shows failures
        that were overcome, and says nothing else.
        """
        ended = await self.run_("demo").ended
        self.assertEqual((ended.status, ended.errors), (0, ""))
        for text in ("broker-b goes down", "second try", "0 lost", "你好"):
            self.assertIn(text, ended.output)
        self.assertNotIn("\x1b", ended.output)
        found = re.search(r"in ([0-9.]+) s", ended.output)
        assert found is not None
        # Its own time: on a busy machine Python alone may take longer to start.
        self.assertLess(float(found[1]), 5)
        self.assertTrue(any(line.startswith("  Demo ") for line in ended.lines))

    async def test_wrongUsage(self) -> None:
        """
        A wrong command line is one line, and 2.
        """
        ended = await self.run_("send", "--topic").ended
        self.assertEqual((ended.status, ended.output), (2, ""))
        self.assertOneLine(ended, "txrocketmq: send: ", "--topic")

    async def test_sandboxAndRoute(self) -> None:
        """
        A sandbox says where it is, can be sent to and asked, and ends with 0 when
        it is told to.
        """
        sandbox = self.run_("sandbox", "--port", "0", "--brokers", "2")
        first = (await sandbox.when("\n")).splitlines()[0]
        places = json.loads(first)
        self.assertEqual(sorted(places["brokers"]), ["broker-a", "broker-b"])
        address = places["nameServer"]
        again = self.run_("sandbox", "--port", address.split(":")[1])
        missing = self.run_("route", "-n", address, "Nowhere")
        sent = self.run_("send", "-n", address, "-t", "T", "--json", feed=b"a\nb")
        self.assertEqual((await sent.ended).status, 0)
        shown = await self.run_("route", "T", "--json", "-n", address).ended
        found = [json.loads(line) for line in shown.lines]
        for each in found:
            self.assertEqual(
                places["brokers"][each["brokerName"]], each["brokerAddrs"]["0"]
            )
        ended = await again.ended
        self.assertEqual(ended.status, 1)
        self.assertOneLine(ended, f"cannot listen on {address}")
        ended = await missing.ended
        self.assertEqual(ended.status, 1)
        self.assertOneLine(ended, "'Nowhere' does not exist", address)
        sandbox.signal(signal.SIGTERM)
        ended = await sandbox.ended
        self.assertEqual((ended.status, ended.errors), (0, ""))


class SendTests(CommandTestCase):
    """
    C{send} to a cluster that is there.
    """

    async def test_modes(self) -> None:
        """
        In each mode all lines are stored as they are, and reported in order; bytes
        of any kind are content, and so is C{\\r}.
        """
        sandbox = await self.sandbox()
        bodies = [b"first", b"\xff\x00", b"carriage\r", b"last"]
        feed = b"\n".join(bodies)
        modes = (
            ("--mode", "default", "--tag", "t", "--key", "k", "--property", "a=b"),
            ("--mode", "sync"),
            ("--mode", "async", "--in-flight", "1"),
            ("--batch", "3", "--serialize", "rocketmq"),
            ("--mode", "oneway"),
        )
        programs = [
            self.run_(*self.sends(sandbox, "--json", *more), feed=feed)
            for more in modes
        ]
        for ended in await gatherResults([each.ended for each in programs]):
            self.assertEqual((ended.status, ended.errors), (0, ""))
            results = [json.loads(line) for line in ended.lines]
            self.assertEqual([each["line"] for each in results], [1, 2, 3, 4])
        stored = [message.body for message in sandbox.messages("T")]
        self.assertEqual(sorted(stored), sorted(bodies * len(modes)))
        described = [
            m.properties for m in sandbox.messages("T") if "TAGS" in m.properties
        ]
        self.assertEqual(len(described), 4)
        self.assertEqual(
            {(p["TAGS"], p["KEYS"], p["a"]) for p in described}, {("t", "k", "b")}
        )

    async def test_badLines(self) -> None:
        """
        An empty line and one that is too long fail, in their places; the others
        are stored.  Whole files are messages, too.
        """
        sandbox = await self.sandbox()
        long = b"x" * (4 * 1024 * 1024 + 1)
        lines = self.run_(*self.sends(sandbox, "--json"), feed=b"a\n\n" + long + b"\nd")
        whole = self.run_(*self.sends(sandbox, "--whole", self.file(b"a\nb\n")))
        skipping = self.run_(*self.sends(sandbox, "--skip-empty"), feed=b"\n\ne\n\n")
        embedded = self.run_("send", "--sandbox", "-t", "T", feed=b"f")
        ended = await lines.ended
        self.assertEqual(ended.status, 1)
        results = [json.loads(line) for line in ended.lines]
        self.assertEqual(
            [each.get("persisted") for each in results], [None, "NO", "NO", None]
        )
        self.assertOneLine(ended, "2 of 4 messages failed", "line 2: empty")
        self.assertEqual((await whole.ended).status, 0)
        self.assertEqual((await skipping.ended).status, 0)
        self.assertEqual((await embedded.ended).status, 0)
        bodies = sorted(message.body for message in sandbox.messages("T"))
        self.assertEqual(bodies, [b"a", b"a\nb\n", b"d", b"e"])

    async def test_readerGone(self) -> None:
        """
        When the reader of the results goes, the program ends without a word.
        """
        sandbox = await self.sandbox()
        program = self.run_(*self.sends(sandbox))
        program.feed(b"a\n", end=False)
        await program.when("SEND_OK")
        program.leave()
        program.feed(b"b\n", end=False)
        ended = await program.ended
        self.assertEqual((ended.status, ended.errors), (1, ""))

    async def test_interrupted(self) -> None:
        """
        An interruption ends what is under way, and says so.
        """
        sandbox = await self.sandbox()
        program = self.run_(*self.sends(sandbox))
        program.feed(b"a\n", end=False)
        await program.when("SEND_OK")
        broker = sandbox.brokers["broker-a"]
        broker.push(faults.delay(0.5), code=RequestCode.SEND_MESSAGE_V2)
        program.feed(b"b\n", end=False)
        while len(broker.requests(RequestCode.SEND_MESSAGE_V2)) < 2:
            await deferLater(reactor, 0.01)
        program.signal(signal.SIGINT)
        ended = await program.ended
        self.assertEqual(ended.status, 130)
        self.assertEqual(len(ended.lines), 2)
        self.assertEqual(len(ended.complaints), 2)
        self.assertIn("1 message on the way", ended.complaints[0])
        self.assertIn("interrupted: 2 messages stored", ended.complaints[1])

    async def test_noSuchTopic(self) -> None:
        """
        A topic that does not exist, and may not be made, is named with who says
        so, in time.
        """
        sandbox = await self.sandbox(autoCreateTopicEnable=False)
        program = self.run_(*self.sends(sandbox, "--timeout", "1"), feed=b"a")
        ended = await program.ended
        self.assertEqual(ended.status, 1)
        self.assertOneLine(ended, "'T' does not exist", sandbox.nameServerAddresses[0])


class UnreachableTests(CommandTestCase):
    """
    C{send} to nobody.
    """

    async def http(self) -> str:
        """
        The address of an HTTP server.
        """

        class Refusing(Protocol):
            """
            Takes everything for HTTP.
            """

            def dataReceived(self, data: bytes) -> None:
                """
                Refuse it.
                """
                assert self.transport is not None
                self.transport.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                self.transport.loseConnection()

        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        port = await endpoint.listen(Factory.forProtocol(Refusing))
        self.addCleanup(port.stopListening)
        return f"127.0.0.1:{port.getHost().port}"

    async def test_addresses(self) -> None:
        """
        Each is one result and one complaint, in time, that names the address and
        what is wrong with it.
        """
        cases = [
            ("no-such-host.invalid:9876", "no address"),
            (self.nobody(), "connection refused"),
            (self.listener(), "no answer"),
            (await self.http(), "HTTP"),
        ]
        began = time.monotonic()
        programs = [
            self.run_("send", "-n", address, "-t", "T", "--timeout", "1", feed=b"a")
            for address, _ in cases
        ]
        endings = await gatherResults([program.ended for program in programs])
        self.assertLess(time.monotonic() - began, 20)
        for (address, word), ended in zip(cases, endings, strict=True):
            self.assertEqual((ended.status, len(ended.lines)), (1, 1), ended)
            self.assertOneLine(ended, address, word)
            self.assertIn("not stored", ended.output)

    async def test_manyLines(self) -> None:
        """
        Ten thousand lines do not wait one after the other: each has its result,
        and all of them one complaint.
        """
        began = time.monotonic()
        feed = b"".join(b"%d\n" % number for number in range(10_000))
        address = self.nobody()
        ended = await self.run_(
            "send", "-n", address, "-t", "T", "--timeout", "1", "--json", feed=feed
        ).ended
        self.assertLess(time.monotonic() - began, 20)
        self.assertEqual(ended.status, 1)
        self.assertOneLine(ended, "10,000 of 10,000", "not tried", address)
        results = [json.loads(line) for line in ended.lines]
        self.assertEqual([each["line"] for each in results], list(range(1, 10_001)))
        self.assertEqual({each["persisted"] for each in results}, {"NO"})

    async def test_noFile(self) -> None:
        """
        A file that is not there is named before anything is sent.
        """
        ended = await self.run_("send", "--sandbox", "-t", "T", "missing").ended
        self.assertEqual((ended.status, ended.output), (1, ""))
        self.assertOneLine(ended, "'missing': No such file or directory")
