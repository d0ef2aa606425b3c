"""
The run in which the disk is full: a file system of a few megabytes, of which a file
of somebody else's takes a half.

Messages are posted until they are refused, the other file is removed, and again until
they are refused; then the daemon is killed, and another one sends what was accepted.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import NamedTuple

from tests.broker.ports import freePort

from .checker import Accepted, Verdict, check
from .clusters import TOPIC, SandboxTarget
from .daemon import Daemon, NotReady

SIZE = 12 * 1024 * 1024
OTHERS = 6 * 1024 * 1024
BODY = 500
TOGETHER = 20
REFUSALS = 30
"""
How many requests are refused before something is done about it.
"""

PATIENCE = 20.0
DRAIN = 60.0


class NotPossible(Exception):
    """
    No file system can be mounted here.
    """


class Small:
    """
    A small file system of its own.
    """

    def __init__(self, directory: Path) -> None:
        """
        @raise NotPossible: When it cannot be mounted.
        """
        self.directory = directory
        directory.mkdir()
        mounted = subprocess.run(
            [
                *("mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700"),
                *("txrocketmq-chaos", str(directory)),
            ],
            capture_output=True,
            check=False,
        )
        if mounted.returncode:
            said = mounted.stderr.decode(errors="replace").strip()
            raise NotPossible(f"mounting a tmpfs needs root: {said}")

    def leave(self) -> None:
        """
        Unmount it.
        """
        subprocess.run(["umount", "-l", str(self.directory)], check=False)


class Outcome(NamedTuple):
    """
    What came of it.

    @ivar statuses: How often each status was answered.
    """

    accepted: int
    refused: int
    statuses: dict[int, int]
    returned: float | None
    verdict: Verdict
    faults: list[str]

    def problems(self) -> list[str]:
        """
        What is wrong.
        """
        found = [*self.verdict.problems(), *self.faults]
        if not self.refused:
            found.append("vacuous: the disk was never full")
        if self.returned is None:
            found.append("nothing was accepted after space had returned")
        return found

    def lines(self) -> list[str]:
        """
        A report.
        """
        verdict = self.verdict
        first = (
            f"{self.accepted} messages accepted, {self.refused} refused on a full disk "
            f"(answers: {self.statuses})"
        )
        last = (
            f"missing {len(verdict.missing)}, never accepted {len(verdict.unknown)}, "
            f"under another msgId {len(verdict.foreign)}"
        )
        again = f"accepted again {self.returned or 0:.1f} s after space had returned"
        return [first, again, last]


class Run:
    """
    One run.
    """

    def __init__(self, directory: Path) -> None:
        """
        @raise NotPossible: When no file system can be mounted.
        """
        self._small = Small(directory / "small")
        self._others = self._small.directory / "others"
        self._others.write_bytes(bytes(OTHERS))
        self._directory = directory
        self._accepted: dict[str, Accepted] = {}
        self._statuses: dict[int, int] = {}
        self._refused = 0
        self._posted = 0
        self._faults: list[str] = []

    def run(self) -> Outcome:
        """
        Do it all.
        """
        target = SandboxTarget()
        try:
            returned = self._filled()
            verdict = self._drained(target)
        finally:
            target.stop()
            self._small.leave()
        return Outcome(
            len(self._accepted),
            self._refused,
            self._statuses,
            returned,
            verdict,
            self._faults,
        )

    def _daemon(self, name: str, nameServer: str) -> Daemon:
        """
        A daemon whose spool is on the small file system.
        """
        logs = self._directory / name
        logs.mkdir()
        return Daemon(
            logs,
            nameServer,
            *("--spool-limit", "1GiB"),
            spool=self._small.directory / "spool",
        )

    def _filled(self) -> float | None:
        """
        Post, without a broker, until the disk is full twice.

        @return: The seconds until messages were accepted again when there was space.
        """
        daemon = self._daemon("filling", f"127.0.0.1:{freePort((0,))}")
        daemon.start()
        try:
            daemon.awaitReady()
            self._fill(daemon)
            self._others.unlink()
            returned = self._returned(daemon)
            self._fill(daemon)
            if not daemon.running:
                self._faults.append(f"it has ended: {daemon.lastWords()}")
        finally:
            daemon.kill()
        self._faults += [f"{name} has a traceback" for name in daemon.tracebacks()]
        return returned

    def _fill(self, daemon: Daemon) -> None:
        """
        Post until some requests in a row were refused.
        """
        inARow = 0
        while inARow < REFUSALS:
            inARow = 0 if self._post(daemon) else inARow + 1

    def _returned(self, daemon: Daemon) -> float | None:
        """
        Post until something is accepted.
        """
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE:
            if self._post(daemon):
                return time.monotonic() - began
            time.sleep(0.1)
        return None

    def _post(self, daemon: Daemon) -> bool:
        """
        Post some messages.

        @return: Whether they were accepted.
        """
        first, self._posted = self._posted, self._posted + TOGETHER
        bodies = [
            f"{number}:{os.urandom(BODY).hex()}"
            for number in range(first, self._posted)
        ]
        try:
            status, content = _asked(daemon.port, bodies)
        except (OSError, HTTPException) as error:
            self._faults.append(f"no answer: {error!r}")
            raise NotReady(daemon.lastWords()) from error
        self._statuses[status] = self._statuses.get(status, 0) + 1
        if status == 202:
            results = json.loads(content)["results"]
            for body, result in zip(bodies, results, strict=True):
                self._accepted[body] = Accepted(result["msgId"], None, 0)
        elif status in (503, 507):
            self._refused += TOGETHER
        else:
            self._faults.append(f"{status} {content[:200]!r}")
        return status == 202

    def _drained(self, target: SandboxTarget) -> Verdict:
        """
        Have another daemon send everything, and compare.
        """
        daemon = self._daemon("draining", target.nameServer)
        daemon.start()
        try:
            daemon.awaitReady()
            status = daemon.awaitEmpty(DRAIN)
            if status["spool"]["lost"]:
                self._faults.append(f"{status['spool']['lost']} lost")
        finally:
            daemon.stop()
        self._faults += [f"{name} has a traceback" for name in daemon.tracebacks()]
        return check(self._accepted, target.stored(len(self._accepted)))


def _asked(port: int, bodies: list[str]) -> tuple[int, bytes]:
    """
    Post messages.

    @return: The status and the answer.
    """
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request(
            "POST",
            f"/v1/topics/{TOPIC}/messages?ack=spool",
            json.dumps({"messages": [{"body": body} for body in bodies]}),
            {"Content-Type": "application/json"},
        )
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
