"""
Tests of the relay as a process of its own.
"""

from __future__ import annotations

import json
import signal
from importlib.metadata import version
from pathlib import Path
from typing import Any

import attrs
from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.web.client import Agent
from twisted.web.http_headers import Headers

from tests.integration.programs import Program, ProgramTestCase, reactor
from txrocketmq.remoting import RequestCode
from txrocketmq.sandbox import Sandbox, faults

TWISTD = "import twisted.scripts.twistd; twisted.scripts.twistd.run()"
PIDFILE = "relay.pid"


@attrs.frozen
class Reply:
    """
    What a relay answered.
    """

    status: int
    json: Any


class DaemonTestCase(ProgramTestCase):
    """
    A test of a relay.
    """

    def setUp(self) -> None:
        """
        Choose where it listens.
        """
        address = self.nobody()
        self.listen = f"tcp:{address.split(':')[1]}:interface=127.0.0.1"
        self.url = f"http://{address}"

    def twistd(self, *arguments: str) -> Program:
        """
        Start one under C{twistd}.
        """
        return self.start(
            "-c", TWISTD, "-n", f"--pidfile={PIDFILE}", "txrocketmq", *arguments
        )

    def pidfile(self) -> Path:
        """
        Where C{twistd} keeps its process id.
        """
        return self.directory / PIDFILE

    async def ask(
        self, method: str, path: str, body: bytes = b"", **more: str
    ) -> Reply:
        """
        Ask it something.

        @param more: Headers, with C{_} for C{-}.
        """
        headers = Headers(
            {name.replace("_", "-"): [value] for name, value in more.items()}
        )
        client = HTTPClient(Agent(reactor))
        response = await client.request(
            method, f"{self.url}{path}", headers=headers, data=body or None
        )
        return Reply(response.code, json.loads(await response.content()))

    def post(self, body: bytes, topic: str = "T", **more: str) -> Any:
        """
        Send a message.
        """
        return self.ask("POST", f"/v1/topics/{topic}/messages", body, **more)


class RelayTests(DaemonTestCase):
    """
    A relay and its cluster.
    """

    async def sandbox(self) -> Sandbox:
        """
        A sandbox in our own process.
        """
        sandbox = Sandbox(reactor)
        sandbox.startService()
        self.addCleanup(sandbox.stopService)
        return await sandbox.whenReady()

    async def test_messages(self) -> None:
        """
        What is posted is stored before it is answered, with its metadata; what
        cannot be is refused; and a signal ends a request that is under way before
        it ends the relay.
        """
        sandbox = await self.sandbox()
        address = sandbox.nameServerAddresses[0]
        relay = self.twistd("--name-server", address, "--listen", self.listen)
        await relay.when("RelaySite starting")
        reply = await self.post(
            b"hello\0", X_RocketMQ_Tags="t", X_RocketMQ_Property_Color="blue"
        )
        (stored,) = sandbox.messages("T")
        self.assertEqual(reply.status, 200)
        (result,) = reply.json["results"]
        self.assertEqual(result["msgId"], stored.msgId)
        self.assertEqual(stored.body, b"hello\0")
        self.assertEqual(stored.properties["TAGS"], "t")
        self.assertEqual(stored.properties["color"], "blue")
        self.assertEqual((await self.ask("GET", "/readyz")).status, 200)
        self.assertEqual((await self.post(b"x", "a%20b")).status, 422)
        reply = await self.post(b"x" * (4 * 1024 * 1024 + 1))
        self.assertEqual(reply.status, 413)
        await self.drain(relay, sandbox)

    async def drain(self, relay: Program, sandbox: Sandbox) -> None:
        """
        Stop a relay with a request under way.
        """
        broker = sandbox.brokers["broker-a"]
        broker.clear()
        broker.push(faults.delay(0.5), code=RequestCode.SEND_MESSAGE_V2)
        answering = Deferred.fromCoroutine(self.post(b"last"))
        while not broker.requests(RequestCode.SEND_MESSAGE_V2):
            await deferLater(reactor, 0.01)
        relay.signal(signal.SIGTERM)
        self.assertEqual((await answering).status, 200)
        ended = await relay.ended
        self.assertEqual(ended.status, -signal.SIGTERM)
        self.assertIn("drained", ended.output)
        self.assertNotIn("Traceback", ended.output + ended.errors)
        self.assertEqual(len(sandbox.messages("T")), 2)
        self.assertFalse(self.pidfile().exists())

    async def test_unreachable(self) -> None:
        """
        Without a cluster a message is refused, for now, and in fixed words; the
        relay lives, but is not ready, and stops when it is told to.
        """
        relay = self.twistd("--name-server", self.nobody(), "--listen", self.listen)
        await relay.when("RelaySite starting")
        self.assertEqual((await self.ask("GET", "/healthz")).status, 200)
        self.assertEqual((await self.ask("GET", "/readyz")).status, 503)
        relay.signal(signal.SIGTERM)
        ended = await relay.ended
        self.assertIn("drained", ended.output)
        self.assertNotIn("Traceback", ended.output + ended.errors)

    async def test_twistWithSandbox(self) -> None:
        """
        C{twist} runs it, too, and a cluster may be in the same process.
        """
        relay = self.start(
            *("-m", "twisted", "--log-format=text", "txrocketmq"),
            *("--sandbox", "--listen", self.listen),
        )
        await relay.when("RelaySite starting")
        self.assertEqual((await self.post(b"hello")).status, 200)
        relay.signal(signal.SIGINT)
        ended = await relay.ended
        self.assertIn("drained", ended.output)
        self.assertNotIn("Traceback", ended.output + ended.errors)


class RefusalTests(DaemonTestCase):
    """
    A relay that does not start.
    """

    async def test_portInUse(self) -> None:
        """
        A port that is taken is one line, and nothing is left behind.
        """
        taken = self.listener().split(":")[1]
        relay = self.twistd("--sandbox", "--listen", f"tcp:{taken}:interface=127.0.0.1")
        ended = await relay.ended
        self.assertEqual(ended.status, 1)
        said = ended.output + ended.errors
        self.assertEqual(said.count(f"cannot listen on 'tcp:{taken}:"), 1)
        self.assertNotIn("Traceback", said)
        self.assertFalse(self.pidfile().exists())

    async def test_wrongUsage(self) -> None:
        """
        What is wrong with the command line is the last line, and the status is
        twistd's own: 1 since Twisted 26.10, 0 before.
        """
        twisted = tuple(map(int, version("Twisted").split(".")[:2]))
        wrong = 1 if twisted >= (26, 10) else 0
        for arguments, word in (
            (("--sandbox", "--listen", "tcp:1"), "--listen: 'tcp:1'"),
            (("--name-server", "nonsense"), "--name-server: 'nonsense'"),
        ):
            ended = await self.twistd(*arguments).ended
            self.assertEqual(ended.status, wrong)
            self.assertIn(word, ended.lines[-1])
            self.assertNotIn("Traceback", ended.output + ended.errors)
            self.assertLess(len(ended.lines), 5)
