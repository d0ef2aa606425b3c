"""
Posts to the relay, with wrk: the relay, and the sandbox it sends to, are processes of
their own.

    posting - MODE WINDOW BATCH SIZE SECONDS WARM RATE TOPIC

C{MODE} is C{broker} or C{spool}, what the relay is to wait for; or C{bare}: then what
is posted to is L{bench.programs.answering}.  C{+raw} posts a body's bytes alone.
C{WINDOW} is the number of connections, C{RATE} says nothing.  The CPU time and the
memory that are told are those of what is posted to.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import ProxyHandler, build_opener

import txrocketmq
from bench import machine
from tests.broker.ports import freePort

from .measuring import Arguments, memory

SCRIPT = Path(__file__).with_name("post.lua")
CHECKOUT = SCRIPT.parent.parent.parent
PATIENCE = 30.0
SETTLE = 0.2
LEAST = 0.5
"""
The least seconds of a warm-up: wrk knows whole ones only.
"""

# They die with us, however we end: PR_SET_PDEATHSIG.
MORTAL = "import ctypes; ctypes.CDLL(None).prctl(1, 9); "
DAEMON = f"{MORTAL}from twisted.scripts.twistd import run; run()"
SANDBOX = f"{MORTAL}from txrocketmq.cli import main; main()"
BARE = f"{MORTAL}from bench.programs.answering import main; main()"

_open = build_opener(ProxyHandler({})).open


class Server(NamedTuple):
    """
    What is posted to.

    @ivar admin: The port where it says what it has counted; 0 for nowhere.
    """

    pid: int
    port: int
    admin: int = 0

    def counted(self) -> Mapping[str, int]:
        """
        How many messages it has accepted, and how many a broker has.
        """
        if not self.admin:
            return {"accepted": 0, "stored": 0}
        with _open(f"http://127.0.0.1:{self.admin}/v1/status", timeout=5) as answer:
            counts = json.load(answer)["counts"]
        return {
            "accepted": sum(counts["accepted"].values()),
            "stored": sum(counts["stored"].values()),
        }


@contextmanager
def running(*words: str, told: bool = True) -> Iterator[tuple[int, str]]:
    """
    Run a Python program, and end it.

    @param told: Whether to wait for its first line.

    @return: Its process, and its first line.
    """
    package = str(Path(txrocketmq.__path__[0]).parent)
    places = [package, str(CHECKOUT), os.environ.get("PYTHONPATH", "")]
    process = subprocess.Popen(
        [sys.executable, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE if told else subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": ":".join(filter(None, places))},
    )
    try:
        line = ""
        if process.stdout is not None:
            line = process.stdout.readline().decode()
            if not line:
                raise OSError(f"{words[-1]} ended at once")
        yield process.pid, line
    finally:
        process.terminate()
        process.wait(PATIENCE)


@contextmanager
def bareServer() -> Iterator[Server]:
    """
    The bare resource.
    """
    with running("-c", BARE) as (pid, line):
        yield Server(pid, int(line))


@contextmanager
def relayServer(directory: Path) -> Iterator[Server]:
    """
    The relay, with a spool, and a sandbox behind it.
    """
    spool = directory / "spool"
    spool.mkdir(mode=0o700)
    with (
        running("-c", SANDBOX, "sandbox", "--port", "0") as (_, line),
        daemonOn(spool, json.loads(line)["nameServer"]) as server,
    ):
        yield server


@contextmanager
def daemonOn(spool: Path, nameServer: str) -> Iterator[Server]:
    """
    A relay with this spool.  It is there when it takes messages.
    """
    port = freePort((0, 1))
    words = (
        *("-c", DAEMON, "-n", "--pidfile=", f"--logfile={spool.parent}/log"),
        *("txrocketmq", "--name-server", nameServer),
        *("--spool", str(spool), "--spool-limit", "1TiB"),
        *("--listen", f"tcp:{port}:interface=127.0.0.1"),
        *("--admin-listen", f"tcp:{port + 1}:interface=127.0.0.1"),
    )
    with running(*words, told=False) as (pid, _):
        _awaitReady(port)
        yield Server(pid, port, port + 1)


def _awaitReady(port: int) -> None:
    """
    Wait until a relay takes messages.

    @raise OSError: When it does not in time.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with _open(f"http://127.0.0.1:{port}/readyz", timeout=5):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def post(server: Server, given: Arguments, seconds: float) -> dict[str, Any]:
    """
    Post for some seconds.

    @return: What wrk's script tells.

    @raise OSError: When it tells nothing.
    """
    how, _, kind = given.mode.partition("+")
    ack = "spool" if how == "spool" else "broker"
    done = subprocess.run(
        [
            *("wrk", "-t1", f"-c{given.window}", f"-d{max(1, round(seconds))}s"),
            *("--timeout", "10s", "-s", str(SCRIPT)),
            f"http://127.0.0.1:{server.port}/v1/topics/{given.topic}/messages?ack={ack}",
        ],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "WRK_BATCH": str(given.batch),
            "WRK_SIZE": str(given.size),
            "WRK_KIND": kind,
        },
    )
    for line in done.stdout.splitlines():
        if line.startswith("DONE "):
            told: dict[str, Any] = json.loads(line[5:])
            return told
    raise OSError(f"wrk: {(done.stderr or done.stdout).strip()[-200:]}")


def settled(server: Server) -> Mapping[str, int]:
    """
    What it has counted when all is counted that wrk has left behind.
    """
    before = server.counted()
    while True:
        time.sleep(SETTLE)
        after = server.counted()
        if after["accepted"] == before["accepted"]:
            return after
        before = after


def measured(server: Server, given: Arguments) -> dict[str, Any]:
    """
    Post for a while, and then for the time that counts.
    """
    if given.warm >= LEAST:
        post(server, given, given.warm)
    before, meters = settled(server), machine.spent(server.pid)
    done = post(server, given, given.seconds)
    cpu, atEnd = machine.spent(server.pid) - meters, server.counted()
    after = settled(server)
    count = done["requests"] * given.batch
    told = {
        "n": count,
        "total": count,
        "secs": done["secs"],
        "cpu": cpu,
        "failed": done["status"] + done["broken"],
        "rssKiB": memory("VmHWM", server.pid),
        "p50": done["p50"],
        "p99": done["p99"],
    }
    if told["failed"]:
        told["error"] = (
            f"{done['status']} answers were not 2xx, {done['broken']} broken"
        )
    if not server.admin:
        return told
    told["counted"] = after["accepted"] - before["accepted"]
    told["storedRate"] = (atEnd["stored"] - before["stored"]) / done["secs"]
    if given.warm >= LEAST and not told["storedRate"]:
        told |= {"failed": 1, "error": "nothing was sent to a broker"}
    return told


def main() -> None:
    """
    Post, and say what came of it.
    """
    given = Arguments.parse(sys.argv[2:])
    with tempfile.TemporaryDirectory(prefix="txrocketmq-bench-") as directory:
        isBare = given.mode.startswith("bare")
        with bareServer() if isBare else relayServer(Path(directory)) as server:
            told = measured(server, given)
    print(f"RESULT {json.dumps(told)}", flush=True)


if __name__ == "__main__":
    main()
