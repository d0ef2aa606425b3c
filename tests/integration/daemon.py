"""
The relay as a process of its own.
"""

from __future__ import annotations

import json
import signal
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import attrs
from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.web.client import Agent
from twisted.web.http_headers import Headers

from tests.integration.programs import Ended, Program, ProgramTestCase, reactor
from txrocketmq.remoting import RequestCode
from txrocketmq.sandbox import Sandbox, faults

TWISTD = "import twisted.scripts.twistd; twisted.scripts.twistd.run()"
PIDFILE = "relay.pid"

UP = "Taking messages at"
"""
What a relay logs when it takes connections.
"""

Files = dict[int, int]


@attrs.frozen
class Reply:
    """
    What a relay answered.
    """

    status: int
    json: Any


def freePorts(number: int) -> list[int]:
    """
    Ports nobody listens at, each another one.
    """
    with ExitStack() as open:
        found = [
            open.enter_context(socket.create_server(("127.0.0.1", 0)))
            for _ in range(number)
        ]
        return [each.getsockname()[1] for each in found]


class DaemonTestCase(ProgramTestCase):
    """
    A test of a relay.
    """

    def setUp(self) -> None:
        """
        Choose where it listens.
        """
        self.port, admin = freePorts(2)
        self.listen = f"tcp:{self.port}:interface=127.0.0.1"
        self.adminListen = f"tcp:{admin}:interface=127.0.0.1"
        self.url = f"http://127.0.0.1:{self.port}"
        self.adminUrl = f"http://127.0.0.1:{admin}"

    def twistd(
        self,
        *arguments: str,
        runner: tuple[str, ...] = ("-n",),
        listen: bool = True,
        environment: dict[str, str] | None = None,
        descriptors: Files | None = None,
        program: str = TWISTD,
    ) -> Program:
        """
        Start one under C{twistd}.

        @param runner: The options of C{twistd} itself.

        @param listen: Whether it listens where this test looks for it.

        @param program: What runs C{twistd}.
        """
        return self.start(
            *("-c", program, f"--pidfile={PIDFILE}", *runner, "txrocketmq"),
            *(self.places() if listen else ()),
            *arguments,
            environment=environment,
            descriptors=descriptors,
        )

    def twist(self, *arguments: str) -> Program:
        """
        Start one under C{twist}.
        """
        return self.start("-m", "twisted", "txrocketmq", *self.places(), *arguments)

    def places(self) -> tuple[str, ...]:
        """
        The options that say where it listens.
        """
        return ("--listen", self.listen, "--admin-listen", self.adminListen)

    def spool(self) -> str:
        """
        A directory for a spool.
        """
        directory = Path(self.mktemp()).absolute()
        directory.mkdir(parents=True, mode=0o700)
        directory.chmod(0o700)
        return str(directory)

    def file(self, name: str, text: str) -> str:
        """
        Write a file.
        """
        directory = Path(self.mktemp()).absolute()
        directory.mkdir(parents=True)
        path = directory / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        return str(path)

    def pidfile(self) -> Path:
        """
        Where C{twistd} keeps its process id.
        """
        return self.directory / PIDFILE

    async def sandbox(self) -> Sandbox:
        """
        A sandbox in our own process.
        """
        sandbox = Sandbox(reactor)
        sandbox.startService()
        self.addCleanup(sandbox.stopService)
        return await sandbox.whenReady()

    async def ask(
        self, method: str, path: str, body: bytes = b"", url: str = "", **more: str
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
            method, f"{url or self.url}{path}", headers=headers, data=body or None
        )
        content = await response.content()
        isJSON = b"json" in response.headers.getRawHeaders(b"content-type", [b""])[0]
        return Reply(response.code, json.loads(content) if isJSON else content)

    def post(self, body: bytes, topic: str = "T", query: str = "", **more: str) -> Any:
        """
        Send a message.
        """
        path = f"/v1/topics/{topic}/messages{query}"
        return self.ask("POST", path, body, **more)

    def held(
        self, sandbox: Sandbox, seconds: float, body: bytes = b"held"
    ) -> Deferred[Reply]:
        """
        A message whose broker takes its time; fires with the relay's answer.
        """
        broker = sandbox.brokers["broker-a"]
        broker.clear()
        for _ in range(20):
            broker.push(faults.delay(seconds), code=RequestCode.SEND_MESSAGE_V2)
        return Deferred.fromCoroutine(self.post(body))

    async def underWay(self, sandbox: Sandbox) -> None:
        """
        Wait until a broker has been asked to store something.
        """
        while not sandbox.brokers["broker-a"].requests(RequestCode.SEND_MESSAGE_V2):
            await deferLater(reactor, 0.01)

    def clean(self, ended: Ended, status: int | None = -signal.SIGTERM) -> str:
        """
        Make sure that a process has ended as it should, and without a traceback.

        @return: All it has written.
        """
        said = ended.output + ended.errors
        self.assertNotIn("Traceback", said)
        if status is not None:
            self.assertEqual(ended.status, status, said)
        return said

    def oneLine(self, ended: Ended, word: str) -> None:
        """
        Make sure that a process did not start, and has said why in one line.
        """
        said = self.clean(ended, 1)
        lines = [line for line in said.splitlines() if "txrocketmq: " in line]
        self.assertEqual(len(lines), 1, said)
        self.assertIn(word, lines[0])
