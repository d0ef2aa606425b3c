"""
A daemon that is killed and started again, on the same ports and the same spool.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

import txrocketmq
from tests.broker.ports import freePort

# It dies with us, however we end: PR_SET_PDEATHSIG.
START = (
    "import ctypes, twisted.scripts.twistd as t;ctypes.CDLL(None).prctl(1, 9);t.run()"
)

_open = build_opener(ProxyHandler({})).open


class NotReady(Exception):
    """
    A daemon did not come up, or did not end; the message shows its last words.
    """


class Daemon:
    """
    One daemon, over all its lives.

    @ivar port: Where it takes messages.

    @ivar spool: Its spool's directory.

    @ivar lives: How often it was started.
    """

    def __init__(
        self,
        directory: Path,
        nameServer: str,
        *options: str,
        spool: Path | None = None,
        environment: dict[str, str] | None = None,
    ) -> None:
        """
        @param directory: Where its logs go, and its spool unless another is named.

        @param nameServer: The cluster.

        @param options: Further options.

        @param environment: More for its environment.
        """
        self.port = freePort((0, 1))
        self.admin = self.port + 1
        self.spool = spool or directory / "spool"
        self.spool.mkdir(mode=0o700, exist_ok=True)
        self.lives = 0
        self._directory = directory
        self._environment = environment or {}
        self._options = (
            *("--name-server", nameServer, "--spool", str(self.spool)),
            *("--listen", f"tcp:{self.port}:interface=127.0.0.1"),
            *("--admin-listen", f"tcp:{self.admin}:interface=127.0.0.1"),
            *options,
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """
        Begin a life.  It must be done by a thread that lives longer.
        """
        self.lives += 1
        package = str(Path(txrocketmq.__path__[0]).parent)
        with self._log().open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-c", START, "-n", "--pidfile="),
                    *("txrocketmq", *self._options),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._directory,
                env={**os.environ, **self._environment, "PYTHONPATH": package},
            )

    def awaitReady(self, within: float = 30.0) -> None:
        """
        Wait until it takes messages.

        @raise NotReady: When it ends, or does not in time.
        """
        deadline = time.monotonic() + within
        while time.monotonic() < deadline and self.running:
            try:
                self.status()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise NotReady(self.lastWords())

    @property
    def running(self) -> bool:
        """
        Whether its process is there.
        """
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """
        Its process.
        """
        assert self._process is not None
        return self._process.pid

    def kill(self) -> bool:
        """
        End it by SIGKILL.

        @return: Whether that is how it ended.
        """
        assert self._process is not None
        self._process.kill()
        return self._process.wait(10) == -signal.SIGKILL

    def stop(self, within: float = 30.0) -> int:
        """
        End it by SIGTERM.

        @return: Its exit status.
        """
        assert self._process is not None
        self._process.terminate()
        try:
            return self._process.wait(within)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
            raise NotReady(f"it did not end: {self.lastWords()}") from None

    def status(self) -> Any:
        """
        What it says of itself.
        """
        with _open(f"http://127.0.0.1:{self.admin}/v1/status", timeout=5) as answer:
            return json.load(answer)

    def awaitEmpty(self, within: float) -> Any:
        """
        Wait until nothing waits in its spool.

        @return: Its last status.

        @raise NotReady: When that is not so in time.
        """
        deadline = time.monotonic() + within
        while time.monotonic() < deadline and self.running:
            status = self.status()
            if not status["spool"]["waiting"]:
                return status
            time.sleep(0.2)
        raise NotReady(f"messages still wait: {self.lastWords()}")

    def tracebacks(self) -> list[str]:
        """
        The logs in which something unforeseen is.
        """
        logs = self._directory.glob("daemon-*.log")
        return [log.name for log in logs if b"Traceback" in log.read_bytes()]

    def said(self) -> str:
        """
        What it has logged in this life.
        """
        return self._log().read_text(errors="replace")

    def lastWords(self) -> str:
        """
        The end of what it has logged.
        """
        return self.said()[-1500:]

    def _log(self) -> Path:
        """
        Where this life's log is.
        """
        return self._directory / f"daemon-{self.lives}.log"
