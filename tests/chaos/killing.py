"""
The run in which the daemon and the broker are killed at random moments.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import NamedTuple

from .checker import Verdict, check
from .clusters import TOPIC, Target
from .daemon import Daemon
from .traffic import Traffic

EARLY = 0.2
"""
The share of the daemon's lives that end before it takes anything, or soon after.
"""

EARLY_LIFE = (0.0, 1.5)
"""
The seconds of such a life.
"""

LATE = 0.3
"""
The most seconds from the message that is to be a life's last to its end.
"""

STUCK = 60.0
"""
The seconds in which something must be accepted.
"""

BROKER_LIFE = (1.0, 6.0)
BROKER_DEATH = (0.0, 2.0)
CYCLE = 2.0
BROKER_CYCLE = 14.0
"""
The seconds that a kill of either takes, on the average.
"""

LEAST_TOUCHED = 0.01
DRAIN = 300.0


class Plan(NamedTuple):
    """
    What is to be done.

    @ivar messages: How many are posted.

    @ivar kills: How often the daemon is killed.

    @ivar brokerKills: How often the broker is.
    """

    messages: int
    kills: int
    brokerKills: int
    seed: int

    @property
    def seconds(self) -> float:
        """
        About how long that takes.
        """
        return max(self.kills * CYCLE, self.brokerKills * BROKER_CYCLE, 1.0)


class Outcome(NamedTuple):
    """
    What came of it.
    """

    plan: Plan
    kills: int
    brokerKills: int
    accepted: int
    posts: int
    touched: int
    replayed: int
    verdict: Verdict
    faults: list[str]

    def problems(self) -> list[str]:
        """
        What is wrong; nothing if all is well.
        """
        found = [*self.verdict.problems(), *self.faults]
        if self.accepted != self.plan.messages:
            found.append(f"only {self.accepted} of {self.plan.messages} were accepted")
        return found + self._vacuous()

    def _vacuous(self) -> list[str]:
        """
        Why the run proves nothing, if it does not.
        """
        found = []
        if self.kills < self.plan.kills:
            found.append(f"vacuous: the daemon was killed {self.kills} times only")
        if self.brokerKills < self.plan.brokerKills:
            found.append(
                f"vacuous: the broker was killed {self.brokerKills} times only"
            )
        if self.touched < LEAST_TOUCHED * max(self.posts, 1):
            found.append(f"vacuous: only {self.touched} requests were touched")
        return found

    def lines(self) -> list[str]:
        """
        A report.
        """
        verdict = self.verdict
        share = 100.0 * self.touched / max(self.posts, 1)
        return [
            (
                f"seed {self.plan.seed}: {self.accepted} messages accepted in "
                f"{self.posts} requests"
            ),
            (
                f"daemon killed {self.kills} times, broker {self.brokerKills} times; "
                f"{self.touched} requests touched ({share:.1f} %), {self.replayed} "
                "answered again"
            ),
            (
                f"missing {len(verdict.missing)}, duplicates {verdict.duplicates} "
                f"(under another msgId {len(verdict.foreign)}), "
                f"never accepted {len(verdict.unknown)}, "
                f"out of order {len(verdict.disordered)}, "
                f"keys on several queues {verdict.moved}"
            ),
        ]


class Run:
    """
    One run.
    """

    def __init__(
        self,
        plan: Plan,
        target: Target,
        directory: Path,
        said: Callable[[str], object] = len,
    ) -> None:
        """
        @param directory: For logs and the spool.

        @param said: Is told how it goes on.
        """
        self._said = said
        self._plan = plan
        self._target = target
        self._random = random.Random(plan.seed)
        self._daemon = Daemon(directory, target.nameServer)
        rate = plan.messages / plan.seconds
        self._traffic = Traffic(
            self._daemon.port, TOPIC, plan.messages, rate, plan.seed
        )
        self._kills = 0
        self._brokerKills = 0
        self._faults: list[str] = []

    def run(self) -> Outcome:
        """
        Do it all.
        """
        brokers = Thread(target=self._breakBrokers, daemon=True)
        try:
            self._traffic.start()
            brokers.start()
            self._killDaemons()
            self._daemon.start()
            brokers.join()
            return self._finished()
        finally:
            self._traffic.stop()
            if self._daemon.running:
                self._daemon.kill()

    def _killDaemons(self) -> None:
        """
        Start the daemon and kill it, again and again: all over the messages, however
        fast they come.
        """
        kills, total = self._plan.kills, self._plan.messages
        early = set(self._random.sample(range(kills), round(kills * EARLY)))
        ends = sorted(self._random.uniform(0.0, total) for _ in range(kills))
        for number, end in enumerate(ends):
            self._daemon.start()
            if number in early:
                time.sleep(self._random.uniform(*EARLY_LIFE))
            else:
                self._live(end)
            if not self._daemon.kill():
                self._faults.append(f"it ended by itself: {self._daemon.lastWords()}")
                return
            self._kills += 1
            accepted = len(self._traffic.accepted)
            self._said(f"kill {self._kills}: {accepted} accepted\n")

    def _live(self, end: float) -> None:
        """
        Wait until so many messages are accepted, and a moment more.
        """
        late = self._random.uniform(0.0, LATE)
        deadline = time.monotonic() + STUCK
        while len(self._traffic.accepted) < end and self._daemon.running:
            if time.monotonic() > deadline:
                self._faults.append(f"it took nothing more: {self._daemon.lastWords()}")
                return
            time.sleep(0.005)
        time.sleep(late)

    def _breakBrokers(self) -> None:
        """
        Kill the broker and start it, again and again.
        """
        chance = random.Random(self._plan.seed + 1)
        for _ in range(self._plan.brokerKills):
            time.sleep(chance.uniform(*BROKER_LIFE))
            self._brokerKills += self._target.breakBroker()
            time.sleep(chance.uniform(*BROKER_DEATH))
            self._target.mendBroker()

    def _finished(self) -> Outcome:
        """
        Let the last daemon send what is left, and look at everything.
        """
        self._daemon.awaitReady()
        deadline = time.monotonic() + DRAIN
        while not self._traffic.ended and time.monotonic() < deadline:
            time.sleep(0.1)
        status = self._daemon.awaitEmpty(DRAIN)
        self._daemon.stop()
        faults = [*self._faults, *self._traffic.faults]
        faults += [f"{name} has a traceback" for name in self._daemon.tracebacks()]
        for word in ("lost", "recovered", "refused"):
            if status["spool"][word]:
                faults.append(f"{status['spool'][word]} messages {word}")
        accepted = self._traffic.accepted
        return Outcome(
            self._plan,
            self._kills,
            self._brokerKills,
            len(accepted),
            self._traffic.posts,
            self._traffic.touched,
            self._traffic.replayed,
            check(accepted, self._target.stored(len(accepted))),
            faults,
        )
