"""
Rows that need processes of their own: a sandbox that is stopped, resumed and
killed, and clients that fork, run out of descriptors and end.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

from twisted.internet import reactor as globalReactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from txrocketmq.client import MQClient
from txrocketmq.errors import InvalidConfiguration
from txrocketmq.message import Message
from txrocketmq.producer import Producer
from txrocketmq.settings import ClientSettings, ProducerSettings

from .marks import row
from .support import MAYBE, FaultTestCase

reactor: Any = globalReactor

ATTEMPT = 0.5
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


class SandboxProcess:
    """
    A sandbox in a process of its own.

    @ivar address: Of its name server.
    """

    def __init__(self, port: int = 0) -> None:
        """
        @param port: Where its name server listens; 0 takes a free port.
        """
        command = [sys.executable, "-m", "txrocketmq", "sandbox", "--port", str(port)]
        self.process = subprocess.Popen(
            command,
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self.process.stdout is not None
        self.address: str = json.loads(self.process.stdout.readline())["nameServer"]

    def signal(self, number: int) -> None:
        """
        Send it a signal.
        """
        self.process.send_signal(number)

    def end(self) -> None:
        """
        Kill it.
        """
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


class SandboxTests(TestCase):
    """
    Brokers in processes.
    """

    timeout = 30

    async def setUp(self) -> None:  # type: ignore[override]
        """
        Bring everything up.
        """
        self.server = await deferToThread(SandboxProcess)
        self.addCleanup(lambda: self.server.end())
        settings = ClientSettings(
            requestTimeout=ATTEMPT, connectTimeout=ATTEMPT, stopTimeout=1.0
        )
        self.client = MQClient(reactor, self.server.address, settings)
        self.producer = Producer(
            self.client,
            "group",
            ProducerSettings(
                attemptTimeout=ATTEMPT,
                sendTimeout=10.0,
                retryTimesWhenSendFailed=20,
            ),
        )
        self.client.startService()
        self.addCleanup(self.client.stopService)
        await self.producer.send(Message("T", b"x"))

    @row("F03", "F48")
    async def test_stopped(self) -> None:
        """
        Sends to a broker that is stopped are MAYBE, one by one, and stored when
        it goes on; what it answers late is nothing.
        """
        self.server.signal(signal.SIGSTOP)
        sent = self.producer.send(Message("T", b"x"))
        await deferLater(reactor, 2.5 * ATTEMPT)
        self.assertNoResult(sent)
        self.server.signal(signal.SIGCONT)
        result = await sent
        self.assertGreater(result.possibleDuplicates, 0)
        self.assertEqual(
            {each.persisted for each in result.attempts[:1]},
            {MAYBE},
        )
        self.assertEqual(
            len((await self.producer.send(Message("T", b"x"))).attempts), 1
        )

    @row("F65")
    async def test_stalledReactor(self) -> None:
        """
        When the reactor stood still for longer than an attempt may take, answers
        that lie in the socket are answers.
        """
        sends = [self.producer.send(Message("T", b"x")) for _ in range(20)]
        # Two turns: what was sent is in the socket then.
        await deferLater(reactor, 0)
        await deferLater(reactor, 0)
        time.sleep(2 * ATTEMPT)  # noqa: ASYNC251  # that is what is tested
        for sent in sends:
            self.assertEqual(len((await sent).attempts), 1)

    @row("F47", "F46")
    async def test_killed(self) -> None:
        """
        When a broker is killed, what is in flight is told so at once; when
        another takes its place the send is stored.
        """
        port = int(self.server.address.rpartition(":")[2])
        self.server.signal(signal.SIGSTOP)
        sent = self.producer.send(Message("T", b"x"))
        await deferLater(reactor, 0.1)
        self.server.end()
        self.server = await deferToThread(SandboxProcess, port)
        result = await sent
        self.assertIs(result.attempts[0].persisted, MAYBE)
        self.assertLess(result.attempts[0].elapsed, ATTEMPT)


SCRIPT_EXIT = """
import sys
from twisted.internet import reactor
from txrocketmq import Message, MQClient, Producer
client = MQClient(reactor, "127.0.0.1:1")
producer = Producer(client, "group")
client.startService()
sends = [producer.send(Message("T", b"x")) for _ in range(100)]
reactor.callLater(0.2, reactor.stop)
reactor.run()
"""

SCRIPT_DESCRIPTORS = """
import json, os, resource, sys, time
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from txrocketmq import Message, MQClient, Producer
from txrocketmq.errors import SendFailed

async def main():
    client = MQClient(reactor, sys.argv[1])
    producer = Producer(client, "group")
    client.startService()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    probe = os.dup(0)
    os.close(probe)
    resource.setrlimit(resource.RLIMIT_NOFILE, (probe, hard))
    cpu = time.process_time()
    try:
        await producer.send(Message("T", b"x"), timeout=1.0)
    except SendFailed as error:
        persisted, tries = error.persisted.name, len(error.attempts)
    cpu = time.process_time() - cpu
    sent = producer.send(Message("T", b"x"))
    reactor.callLater(
        0.3, resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
    began = time.monotonic()
    await sent
    print(json.dumps([persisted, cpu, time.monotonic() - began - 0.3]))
    await client.stopService()

def begin():
    done = Deferred.fromCoroutine(main())
    done.addErrback(lambda reason: reason.printTraceback())
    done.addBoth(lambda _: reactor.stop())

reactor.callWhenRunning(begin)
reactor.run()
"""


class ClientTests(TestCase):
    """
    Clients in processes.
    """

    timeout = 30

    def run_(self, script: str, *arguments: str) -> Deferred[Any]:
        """
        Run a script to its end.
        """
        command = [sys.executable, "-c", script, *arguments]
        return deferToThread(
            subprocess.run,
            command,
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )

    @row("F65c")
    async def test_endsWithSendsPending(self) -> None:
        """
        A process that ends with sends under way ends at once and says nothing.
        """
        began = time.monotonic()
        ended = await self.run_(SCRIPT_EXIT)
        self.assertLess(time.monotonic() - began, 8)
        self.assertEqual((ended.returncode, ended.stdout, ended.stderr), (0, "", ""))

    @row("F63")
    async def test_noDescriptors(self) -> None:
        """
        Without a descriptor to spare a send is NO, and costs little; with one
        again the next is stored within 1.5 s.
        """
        server = await deferToThread(SandboxProcess)
        self.addCleanup(server.end)
        ended = await self.run_(SCRIPT_DESCRIPTORS, server.address)
        self.assertEqual(ended.stderr, "", ended.stderr)
        persisted, cpu, recovered = json.loads(ended.stdout)
        self.assertEqual(persisted, "NO")
        self.assertLess(cpu, 0.2)
        self.assertLess(recovered, 1.5)


class ForkTests(FaultTestCase):
    """
    A fork after the start.
    """

    @row("F65b")
    def test_fork(self) -> None:
        """
        The child is refused, with words that help; a client it makes is another
        one, with ids of its own, and the parent goes on.
        """
        own = self.sent().msgId
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.write(writing, json.dumps(self._inChild()).encode())
            os._exit(0)
        os.close(writing)
        os.waitpid(child, 0)
        with os.fdopen(reading, "rb") as pipe:
            refusal, clientId, ids = json.loads(pipe.read())
        self.assertIn("fork", refusal)
        self.assertNotEqual(clientId, self.client.clientId)
        ours = {own, *(self.sent().msgId for _ in range(50))}
        self.assertEqual(len(set(ids)), 50)
        self.assertFalse(ours & set(ids))

    def _inChild(self) -> Any:
        """
        What the child finds.
        """
        refused: list[Any] = []
        self.send().addErrback(refused.append)
        refused[0].trap(InvalidConfiguration)
        client = self.cluster.client()
        ids = [client.ids.next() for _ in range(50)]
        return str(refused[0].value), client.clientId, ids
