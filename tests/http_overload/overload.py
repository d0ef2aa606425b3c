"""
The run: what the daemon can take is measured, then twice that comes, and then a broker.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import txrocketmq
from tests.broker.ports import freePort
from tests.chaos.clusters import SandboxTarget, Target
from tests.chaos.daemon import Daemon
from tests.http_hostile.watching import Watch, processorOf

TOPIC = "Load"
MOST_MEMORY = 200_000_000
DRAIN = 600.0


class Plan(NamedTuple):
    """
    What is to be done.

    @ivar seconds: How long too much comes.

    @ivar measured: The seconds in which it is measured what can be taken.

    @ivar times: How many times that comes then.

    @ivar limit: What the spool keeps, as an option.

    @ivar size: The bytes of a message.
    """

    seconds: float
    measured: float
    times: float
    limit: str
    size: int


class Outcome(NamedTuple):
    """
    What came of it.

    @ivar capacity: The messages a second that were taken.

    @ivar told: What the clients were told.

    @ivar spooled: How many messages the daemon said it kept.

    @ivar stored: The msgIds that a broker has in the end, by the numbers of bodies.

    @ivar memory: The most memory of the daemon.
    """

    plan: Plan
    capacity: float
    told: dict[str, Any]
    spooled: int
    stored: Counter[tuple[int, str]]
    memory: int
    processor: float
    faults: list[str]

    @property
    def accepted(self) -> set[tuple[int, str]]:
        """
        What was accepted.
        """
        return {(int(at), msgId) for at, msgId in self.told["accepted"].items()}

    def problems(self) -> list[str]:
        """
        What is wrong; nothing if all is well.
        """
        told, found = self.told, list(self.faults)
        accepted, stored = self.accepted, set(self.stored)
        for words, wrong in (
            ("accepted messages are missing", len(accepted - stored)),
            ("messages were never accepted", len(stored - accepted)),
            ("messages are stored twice", self.stored.total() - len(stored)),
            ("posts had no answer", told["lost"]),
            ("refusals do not say when to come again", told["mute"]),
            ("answers were odd", len(told["odd"])),
        ):
            if wrong:
                found.append(f"{wrong} {words}")
        found += told["odd"][:3]
        if self.spooled != len(accepted):
            found.append(f"{len(accepted)} were accepted, {self.spooled} kept")
        if self.memory > MOST_MEMORY:
            found.append(f"the daemon took {self.memory / 1e6:.0f} MB")
        return found + self._vacuous()

    def _vacuous(self) -> list[str]:
        """
        Why the run proves nothing, if it does not.
        """
        statuses = self.told["statuses"]
        found = []
        if not self.accepted:
            found.append("vacuous: nothing was accepted")
        if not statuses.get("507"):
            found.append("vacuous: the spool was never full")
        if self.told["posted"] < self.plan.seconds * self.capacity:
            found.append("vacuous: it was never asked for more than it can take")
        return found

    def lines(self) -> list[str]:
        """
        A report.
        """
        told, plan = self.told, self.plan
        answers = ", ".join(f"{n} x {s}" for s, n in sorted(told["statuses"].items()))
        return [
            (
                f"taken when asked one by one: {self.capacity:.0f} messages/s; due: "
                f"{plan.times * self.capacity:.0f}/s for {plan.seconds:.0f} s"
            ),
            (
                f"posted {told['posted']} over at most {told['busiest']} connections "
                f"({told['unposted']} were due and found none): {answers}; "
                f"{told['mute']} refusals without Retry-After, {told['lost']} posts "
                "without an answer"
            ),
            (
                f"accepted {len(self.accepted)}, kept {self.spooled}, at a broker in "
                f"the end {len(self.stored)}, twice there "
                f"{self.stored.total() - len(self.stored)}"
            ),
            (
                f"the daemon had at most {self.memory / 1e6:.1f} MB and took "
                f"{100 * self.processor:.0f} % of a processor"
            ),
        ]


class Run:
    """
    One run.
    """

    def __init__(
        self, plan: Plan, directory: Path, said: Callable[[str], object] = len
    ) -> None:
        """
        @param directory: For logs and spools.

        @param said: Is told how it goes on.
        """
        self._plan = plan
        self._said = said
        self._directory = directory
        # Nobody listens there: the broker is down.
        self._nowhere = f"127.0.0.1:{freePort()}"

    def run(self) -> Outcome:
        """
        Do it all.
        """
        capacity = self._capacity()
        self._said(f"it takes {capacity:.0f} messages/s\n")
        directory = self._inside("overload")
        daemon = Daemon(directory, self._nowhere, "--spool-limit", self._plan.limit)
        try:
            told, spooled, memory, processor = self._overload(daemon, capacity)
        finally:
            if daemon.running:
                daemon.kill()
        self._said(f"posted {told['posted']}, accepted {len(told['accepted'])}\n")
        faults = [f"{name} has a traceback" for name in daemon.tracebacks()]
        stored, more = self._drained(daemon.spool, spooled)
        return Outcome(
            self._plan,
            capacity,
            told,
            spooled,
            stored,
            memory,
            processor,
            faults + more,
        )

    def _capacity(self) -> float:
        """
        How many messages a second a daemon keeps, whose broker is down.
        """
        daemon = Daemon(self._inside("capacity"), self._nowhere)
        daemon.start()
        try:
            daemon.awaitReady()
            told = self._load(daemon, 0.0, self._plan.measured, 0)
        finally:
            daemon.kill()
        return len(told["accepted"]) / self._plan.measured

    def _overload(
        self, daemon: Daemon, capacity: float
    ) -> tuple[dict[str, Any], int, int, float]:
        """
        Post too much.

        @return: What the clients were told, how many messages the daemon says that
            it keeps, the memory it had, and the share of a processor.
        """
        plan = self._plan
        daemon.start()
        daemon.awaitReady()
        watch, used = Watch(daemon.pid, daemon.spool / "none"), processorOf(daemon.pid)
        told = self._load(daemon, plan.times * capacity, plan.seconds, 1)
        processor = (processorOf(daemon.pid) - used) / plan.seconds
        watch.end()
        spooled = daemon.status()["spool"]["waiting"]
        daemon.stop()
        return told, spooled, watch.most, processor

    def _drained(
        self, spool: Path, expected: int
    ) -> tuple[Counter[tuple[int, str]], list[str]]:
        """
        Let a daemon with a broker send what was kept.

        @return: The numbers and msgIds of what is at the broker, and what was wrong.
        """
        target: Target = SandboxTarget(TOPIC)
        directory = self._inside("drain")
        daemon = Daemon(directory, target.nameServer, spool=spool)
        try:
            daemon.start()
            daemon.awaitReady()
            status = daemon.awaitEmpty(DRAIN)
            daemon.stop()
            found = Counter(
                (int(each.body.partition("/")[0]), each.msgId)
                for each in target.stored(expected)
            )
        finally:
            if daemon.running:
                daemon.kill()
            target.stop()
        faults = [f"{name} has a traceback" for name in daemon.tracebacks()]
        faults += [
            f"{status['spool'][word]} messages {word}"
            for word in ("lost", "recovered", "refused")
            if status["spool"][word]
        ]
        return found, faults

    def _inside(self, name: str) -> Path:
        """
        A directory for one of the daemons.
        """
        directory = self._directory / name
        directory.mkdir(mode=0o700)
        return directory

    def _load(
        self, daemon: Daemon, rate: float, seconds: float, first: int
    ) -> dict[str, Any]:
        """
        Post, in a process of its own.
        """
        package = str(Path(txrocketmq.__path__[0]).parent)
        checkout = str(Path(__file__).resolve().parent.parent.parent)
        words = (daemon.port, rate, seconds, self._plan.size, first)
        ended = subprocess.run(
            [sys.executable, "-m", "tests.http_overload.load", *map(str, words)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": f"{package}:{checkout}"},
            check=True,
        )
        told: dict[str, Any] = json.loads(ended.stdout)
        return told
