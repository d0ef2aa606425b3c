"""
Our client and Apache's Java client 5.5.0 meet the same faults in one sandbox.

What is compared is which brokers each try of a send went to, and how the send
ended; C{docs/reference/javafaults.rst} says both of all three sets of rules.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.docs.test_tables import rows
from tests.support import CHECKOUT
from txrocketmq import (
    CommunicationMode,
    Message,
    MQClient,
    Producer,
    ProducerSettings,
)
from txrocketmq.errors import (
    BrokerError,
    ConnectFailed,
    ConnectionClosed,
    RemotingTimeout,
    SendFailed,
)

from .faultscripts import ALL_DOWN, ONE_DOWN, SCRIPTS, Script, Stage, topicOf
from .jars import V5
from .readers import Line, runJava

TIMEOUT = 120.0
SEND_TIMEOUT = 3.0
ATTEMPT_TIMEOUT = 1.0
THREADS = 8

#: How often Java may try again what it missed.
RUNS = 4
LOSSES = ("close", "reset")

PAGE = CHECKOUT / "docs" / "reference" / "javafaults.rst"
HEADER = ["Fault", "Meets", "SYNC", "ASYNC", "mode=None"]

#: A send that goes on until its time is over has more tries than these.
MOST_COUNTED = 6

Ends = dict[Script, str]


class JavaTests(TestCase):
    """
    The same settings on both sides.
    """

    timeout = 300
    maxDiff = None

    async def test_sync(self) -> None:
        """
        Java's send that waits is our C{mode=SYNC}.
        """
        await self.check("SYNC", CommunicationMode.SYNC)

    async def test_async(self) -> None:
        """
        Java's send with a callback is our C{mode=ASYNC}.
        """
        await self.check("ASYNC", CommunicationMode.ASYNC)

    async def test_ownRules(self) -> None:
        """
        Ours, where nobody says a mode, are as the page says.
        """
        ours = await self.byUs(None)
        self.assertEqual("\n".join(unlike(ours, column("mode=None"))), "")

    async def check(self, name: str, mode: CommunicationMode) -> None:
        """
        Compare Java's ends with ours, and with those of the page.
        """
        java = await self.byJava(name.lower())
        ours = await self.byUs(mode)
        self.assertEqual("\n".join(unlike(both(java, ours), column(name))), "")

    async def stage(self) -> Stage:
        """
        Bring the sandbox up.
        """
        stage = Stage(reactor)
        self.addCleanup(stage.down)
        await stage.up()
        return stage

    async def byJava(self, mode: str) -> Ends:
        """
        Have Java clients send; those that missed something once more.
        """
        ends: Ends = {}
        left = list(SCRIPTS)
        for _ in range(RUNS):
            ends.update(await self.ranByJava(mode, left))
            left = [script for script in left if missed(script, ends[script])]
            if not left:
                break
        return ends

    async def ranByJava(self, mode: str, scripts: Sequence[Script]) -> Ends:
        """
        Have Java clients send what some scripts say.
        """
        stage = await self.stage()
        lines = await deferToThread(javaLines, stage, mode, scripts)
        ends = {}
        for script in scripts:
            own = [line for line in lines if line["body"] == script.body]
            self.assertEqual(len(own), script.sends)
            ends[script] = javaEnd(script, stage, own)
        return ends

    async def byUs(self, mode: CommunicationMode | None) -> Ends:
        """
        Have our clients send.
        """
        stage = await self.stage()
        ends = await gatherResults(
            Deferred.fromCoroutine(self.send(stage, script, mode)) for script in SCRIPTS
        )
        return dict(zip(SCRIPTS, ends, strict=True))

    async def send(
        self, stage: Stage, script: Script, mode: CommunicationMode | None
    ) -> str:
        """
        Have one client send one script's message.
        """
        client = MQClient(reactor, stage.nameServer(script))
        client.startService()
        self.addCleanup(client.stopService)
        producer = Producer(
            client,
            "OurFaults",
            ProducerSettings(sendTimeout=SEND_TIMEOUT, attemptTimeout=ATTEMPT_TIMEOUT),
        )
        message = Message(topicOf(script.fault), script.body.encode())
        end = "stored"
        tries: list[str] = []
        for _ in range(script.sends):
            try:
                await producer.send(message, mode=mode)
            except SendFailed as error:
                end = kindOf(error)
                tries = brokersOf(error)
        return described(script, stage.arrived.get(message.body, tries), end)


def missed(script: Script, end: str) -> bool:
    """
    Whether Java did not notice that its connection was lost, as happens now and
    then: only the time ends such a send.
    """
    return script.fault in LOSSES and end.endswith("timeout")


def javaLines(stage: Stage, mode: str, scripts: Sequence[Script]) -> list[Line]:
    """
    Run the Java clients.
    """
    with tempfile.TemporaryDirectory(prefix="txrocketmq-faults-") as directory:
        path = Path(directory) / "file"
        path.write_text("\n".join(wordsOf(stage, mode, scripts)))
        options = [f"file={path}", f"threads={THREADS}"]
        return runJava(V5, "Faults", options, TIMEOUT)


def wordsOf(stage: Stage, mode: str, scripts: Sequence[Script]) -> list[str]:
    """
    What the Java program is to do; the first line makes it warm.
    """
    warm = Script("none", "first")
    return [
        "\t".join(
            [
                stage.nameServer(each),
                topicOf(each.fault),
                mode,
                each.body,
                str(each.sends),
            ]
        )
        for each in (warm, *scripts)
    ]


def javaEnd(script: Script, stage: Stage, lines: Sequence[Line]) -> str:
    """
    How a Java client's send ended.
    """
    end = "stored"
    tries = stage.arrived.get(script.body.encode(), [])
    for line in lines:
        if "causes" in line:
            end = javaKind(line)
            tries = tries or javaTries(line)
    return described(script, tries, end)


def javaKind(line: Line) -> str:
    """
    What kind of failure Java tells of.
    """
    if "code" in line:
        return f"code {line['code']}"
    for name, kind in (
        ("RemotingConnectException", "refused"),
        ("RemotingSendRequestException", "closed"),
        ("RemotingTimeoutException", "timeout"),
        ("RemotingTooMuchRequestException", "timeout"),
    ):
        if name in line["causes"]:
            return kind
    return f"{line['causes']}: {line['said']}"


def javaTries(line: Line) -> list[str]:
    """
    The brokers Java tried and did not reach: the exception tells, or the log,
    which leaves out the first.
    """
    told = re.search(r"BrokersSent: \[(.*?)\]", line["said"])
    if told:
        return told[1].split(", ")
    retried: list[str] = line["retried"].split()
    return ["", *retried]


def kindOf(error: SendFailed) -> str:
    """
    What kind of failure ours is.
    """
    cause = error.cause
    if isinstance(cause, BrokerError):
        return f"code {cause.code}"
    for cls, kind in (
        (ConnectFailed, "refused"),
        (ConnectionClosed, "closed"),
        (RemotingTimeout, "timeout"),
    ):
        if isinstance(cause, cls):
            return kind
    return repr(cause)


def brokersOf(error: SendFailed) -> list[str]:
    """
    The brokers a failed send was tried at.
    """
    listed = [
        each.messageQueue.brokerName for each in error.attempts if each.messageQueue
    ]
    return listed + [""] * error.omittedAttempts


def described(script: Script, tries: Sequence[str], end: str) -> str:
    """
    The tries and the end: C{XYX stored} is two tries at one broker and one at
    the other between them.
    """
    if script.fault == ONE_DOWN:
        return end
    if len(tries) > MOST_COUNTED:
        return f"XY\u2026 {end}"
    if script.fault == ALL_DOWN:
        return f"{len(tries)} tries, {end}"
    names = dict(zip(dict.fromkeys(tries), "XY", strict=False))
    return f"{''.join(names[each] for each in tries)} {end}"


def both(java: Ends, ours: Ends) -> Ends:
    """
    One end where both are the same, else the two of them.
    """
    return {
        script: end if ours[script] == end else f"{ours[script]} (Java: {end})"
        for script, end in java.items()
    }


def unlike(ran: Ends, page: Ends) -> list[str]:
    """
    What the page does not say as it ran, or says and did not run.
    """
    scripts = [*ran, *(each for each in page if each not in ran)]
    return [
        f"{each.fault}, {each.meets}: {ran.get(each)}; the page: {page.get(each)}"
        for each in scripts
        if ran.get(each) != page.get(each)
    ]


def column(name: str) -> Ends:
    """
    What the page says of one set of rules.
    """
    text = PAGE.read_text(encoding="utf-8")
    table = rows(text, ", ".join(HEADER))
    at = HEADER.index(name)
    return {Script(row[0], row[1]): row[at] for row in table}
