"""
The run: good alone, good among attackers, good alone again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import txrocketmq
from tests.chaos.clusters import SandboxTarget
from tests.chaos.daemon import Daemon

from .kinds import ENDLESS, SLOW
from .watching import Watch, awaited, memoryOf, processorOf, socketsOf

MOST_SLOWER = 3.0
MOST_MEMORY = 50_000_000


class Plan(NamedTuple):
    """
    What is to be done.

    @ivar rate: The good messages a second.

    @ivar alone: The seconds without attackers, before and after.

    @ivar seconds: Those with them.

    @ivar slack: By how many seconds the daemon may be late to be rid of one, on a
        machine that does other things, too.
    """

    rate: float
    alone: float
    seconds: float
    slow: int
    endless: int
    malformed: int
    slack: float


class Phase(NamedTuple):
    """
    What the good client has seen over some time.
    """

    times: list[float]
    wrong: list[str]

    def millis(self, part: float) -> float:
        """
        A quantile of the times, in milliseconds.
        """
        ordered = sorted(self.times) or [float("inf")]
        return 1000 * ordered[min(len(ordered) - 1, int(part * len(ordered)))]

    def line(self) -> str:
        """
        The times in words.
        """
        p50, p99, most = (self.millis(part) for part in (0.5, 0.99, 1.0))
        return (
            f"{len(self.times)} posts, p50 {p50:.1f} ms, p99 {p99:.1f} ms, "
            f"most {most:.1f} ms"
        )


class Outcome(NamedTuple):
    """
    What came of it.

    @ivar memory: By how many bytes the daemon grew among attackers.

    @ivar processor: The share of a processor the daemon took then.

    @ivar sockets: The most sockets it had.

    @ivar left: How many it had more in the end than before.

    @ivar strays: The files there were where temporary files would be.
    """

    plan: Plan
    alone: Phase
    among: Phase
    attack: dict[str, Any]
    memory: int
    processor: float
    sockets: int
    left: int
    strays: list[str]
    faults: list[str]

    @property
    def slower(self) -> float:
        """
        How many times the p99 among attackers is that without.
        """
        return self.among.millis(0.99) / self.alone.millis(0.99)

    def problems(self) -> list[str]:
        """
        What is wrong; nothing if all is well.
        """
        found = self.wrongs() + self._vacuous()
        if self.slower > MOST_SLOWER:
            found.append(
                f"the good p99 is {self.slower:.1f} times that without attackers"
            )
        return found

    def wrongs(self) -> list[str]:
        """
        What is wrong, whatever else the machine does meanwhile.
        """
        found = list(self.faults)
        found += [
            f"{len(phase.wrong)} good posts failed: {phase.wrong[:3]}"
            for phase in (self.alone, self.among)
            if phase.wrong
        ]
        wrong = self.attack["wrong"]
        if wrong:
            found.append(f"{len(wrong)} attackers were not treated right: {wrong[:5]}")
        if self.memory > MOST_MEMORY:
            found.append(f"the daemon grew by {self.memory / 1e6:.0f} MB")
        if self.strays:
            found.append(f"there were temporary files: {self.strays[:3]}")
        if self.left:
            found.append(f"{self.left} sockets are left")
        return found

    def _vacuous(self) -> list[str]:
        """
        Why the run proves nothing, if it does not.
        """
        plan, begun = self.plan, self.attack["begun"]
        found = []
        if self.attack["most"] < plan.slow + plan.endless:
            found.append(f"vacuous: at most {self.attack['most']} attackers were there")
        if begun.get("malformed", 0) < plan.malformed:
            found.append("vacuous: there were not all malformed requests")
        found += [
            f"vacuous: {kind.name!r} was never thrown out"
            for kind in (*SLOW, *ENDLESS)
            if not self.attack["ended"].get(kind.name)
        ]
        if len(self.among.times) < 0.95 * plan.rate * plan.seconds:
            found.append("vacuous: there were too few good posts")
        return found

    def lines(self) -> list[str]:
        """
        A report.
        """
        begun, answers = self.attack["begun"], self.attack["answers"]
        thrown = ", ".join(f"{n} x {name}" for name, n in sorted(answers.items()))
        return [
            f"without attackers: {self.alone.line()}",
            f"among attackers: {self.among.line()}; p99 {self.slower:.2f} times",
            (
                f"{sum(begun.values())} attackers, at most {self.attack['most']} at a "
                f"time; all gone: {thrown}"
            ),
            (
                f"the daemon grew by {self.memory / 1e6:.1f} MB, took "
                f"{100 * self.processor:.0f} % of a processor, had at most "
                f"{self.sockets} sockets and has {self.left} left of them; "
                f"{len(self.strays)} temporary files"
            ),
        ]


class Run:
    """
    One run.
    """

    def __init__(
        self,
        plan: Plan,
        directory: Path,
        said: Callable[[str], object] = len,
    ) -> None:
        """
        @param directory: For logs and the spool.

        @param said: Is told how it goes on.
        """
        self._plan = plan
        self._said = said
        self._directory = directory
        self._temporary = directory / "temporary"
        self._temporary.mkdir()

    def run(self) -> Outcome:
        """
        Do it all.
        """
        target = SandboxTarget()
        daemon = Daemon(
            self._directory,
            target.nameServer,
            environment={"TMPDIR": str(self._temporary)},
        )
        try:
            daemon.start()
            daemon.awaitReady()
            return self._outcome(daemon)
        finally:
            if daemon.running:
                daemon.kill()
            target.stop()

    def _outcome(self, daemon: Daemon) -> Outcome:
        """
        Attack a daemon that works.
        """
        plan, pid = self._plan, daemon.pid
        # Connections are made and pages touched once, before anything is measured.
        self._good(daemon, 2.0)
        before = self._good(daemon, plan.alone)
        self._said(f"without attackers: {before.line()}\n")
        sockets, memory, used = socketsOf(pid), memoryOf(pid), processorOf(pid)
        watch = Watch(pid, self._temporary)
        attack = self._spawn("attackers", daemon, plan.seconds, *plan[3:])
        among = self._good(daemon, plan.seconds)
        processor = (processorOf(pid) - used) / plan.seconds
        self._said(f"among attackers: {among.line()}\n")
        told = _told(attack)
        awaited(lambda: socketsOf(pid) <= sockets, 5.0)
        watch.end()
        left = max(0, socketsOf(pid) - sockets)
        after = self._good(daemon, plan.alone)
        status = daemon.stop()
        faults = [] if status == -15 else [f"the daemon ended with {status}"]
        faults += [f"{name} has a traceback" for name in daemon.tracebacks()]
        return Outcome(
            plan,
            Phase(before.times + after.times, before.wrong + after.wrong),
            among,
            told,
            watch.most - memory,
            processor,
            watch.sockets,
            left,
            sorted(watch.strays),
            faults,
        )

    def _good(self, daemon: Daemon, seconds: float) -> Phase:
        """
        Let the good client post for some time.
        """
        told = _told(self._spawn("good", daemon, self._plan.rate, seconds))
        return Phase(told["times"], told["wrong"])

    def _spawn(
        self, what: str, daemon: Daemon, *words: float
    ) -> subprocess.Popen[bytes]:
        """
        Start one of the clients.
        """
        package = str(Path(txrocketmq.__path__[0]).parent)
        checkout = str(Path(__file__).resolve().parent.parent.parent)
        return subprocess.Popen(
            [
                *(sys.executable, "-m", f"tests.http_hostile.{what}"),
                *map(str, (daemon.port, *words)),
            ],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": f"{package}:{checkout}"},
        )


def _told(process: subprocess.Popen[bytes]) -> Any:
    """
    What a client tells in the end.
    """
    with process:
        assert process.stdout is not None
        return json.loads(process.stdout.read())
