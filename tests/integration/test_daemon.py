"""
Tests of the relay as a process of its own.
"""

from __future__ import annotations

import signal

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from tests.integration.daemon import UP, DaemonTestCase
from tests.integration.programs import Program, reactor
from txrocketmq.remoting import RequestCode
from txrocketmq.sandbox import Sandbox, faults


class RelayTests(DaemonTestCase):
    """
    A relay and its cluster.
    """

    async def test_messages(self) -> None:
        """
        What is posted is stored before it is answered, with its metadata; what
        cannot be is refused; and a signal ends a request that is under way before
        it ends the relay.
        """
        sandbox = await self.sandbox()
        address = sandbox.nameServerAddresses[0]
        relay = self.twistd("--name-server", address)
        await relay.when(UP)
        reply = await self.post(
            b"hello\0", X_RocketMQ_Tags="t", X_RocketMQ_Property_Color="blue"
        )
        (stored,) = sandbox.messages("T")
        self.assertEqual(reply.status, 200)
        (result,) = reply.json["results"]
        self.assertEqual(result["msgId"], stored.msgId)
        self.assertEqual(stored.body, b"hello\0")
        self.assertEqual(stored.properties["TAGS"], "t")
        self.assertEqual(stored.properties["Color"], "blue")
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
        relay = self.twistd("--name-server", self.nobody())
        await relay.when(UP)
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
        relay = self.twist("--sandbox")
        await relay.when(UP)
        self.assertEqual((await self.post(b"hello")).status, 200)
        relay.signal(signal.SIGINT)
        ended = await relay.ended
        self.assertIn("drained", ended.output)
        self.assertNotIn("Traceback", ended.output + ended.errors)


class RefusalTests(DaemonTestCase):
    """
    A relay that does not start: one line and status 1, under C{twistd} and under
    C{twist}.
    """

    async def refused(self, word: str, *arguments: str) -> None:
        """
        Start one that cannot.
        """
        for start in (self.twistd, self.twist):
            self.oneLine(await start(*arguments).ended, word)
            self.assertFalse(self.pidfile().exists())

    async def test_portInUse(self) -> None:
        """
        A port that is taken.
        """
        taken = self.listener().split(":")[1]
        for option in ("--listen", "--admin-listen"):
            place = f"tcp:{taken}:interface=127.0.0.1"
            await self.refused(
                f"cannot listen on {place!r}: Address already in use",
                *("--sandbox", option, place),
            )

    async def test_wrongUsage(self) -> None:
        """
        An option that is none, or its value.
        """
        for word, *arguments in (
            ("--listen: 'tcp:1'", "--sandbox", "--listen", "tcp:1"),
            ("--name-server: 'nonsense'", "--name-server", "nonsense"),
            ("which cluster?",),
            ("option --bogus not recognized", "--bogus"),
            ("--group", "--sandbox", "--group", "a/b"),
        ):
            await self.refused(word, *arguments)

    async def test_configuration(self) -> None:
        """
        A file or a variable that is wrong.
        """
        file = self.file("relay.toml", "sandbox = true\nlisten-at = 1")
        await self.refused("'listen-at' is no setting", "--config", file)
        relay = self.twistd("--sandbox", environment={"TXROCKETMQ_MAX_BODY": "plenty"})
        self.oneLine(await relay.ended, "TXROCKETMQ_MAX_BODY: 'plenty'")

    async def test_certificate(self) -> None:
        """
        A certificate that does not load.
        """
        key = self.file("key.pem", "nonsense")
        await self.refused(
            "holds no certificate",
            "--sandbox",
            "--listen",
            f"ssl:1:privateKey={key}:interface=127.0.0.1",
        )

    async def test_checkConfig(self) -> None:
        """
        C{--check-config} starts nothing, and says whether it could be.
        """
        arguments = ("--sandbox", "--check-config")
        for start in (self.twistd, self.twist):
            ended = await start(*arguments).ended
            self.assertEqual(ended.status, 0)
            self.assertEqual(ended.output, "the configuration is good\n")
            ended = await start(*arguments, "--spool", "/nowhere/spool").ended
            self.oneLine(ended, "--spool: ")
