"""
The installed package's command line, run as its users run it.

Each function blocks.  C{-P} keeps the current directory off the import path:
what runs is what was installed.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from .readers import Line

_TETHER = Path(__file__).resolve().with_name("tethered.py")
_READY_TIMEOUT = 30.0
_STOP_TIMEOUT = 15.0


class CommandFailed(Exception):
    """
    A command ended with another status than it should; the message shows what
    it said on standard error.
    """


def send(arguments: Sequence[str], timeout: float = 120.0) -> list[Line]:
    """
    Run C{txrocketmq send --json} to its end.

    @return: What it printed, one object per line.

    @raise CommandFailed: Its exit status was not 0, or it took too long.
    """
    command = [sys.executable, "-P", "-m", "txrocketmq", "send", "--json", *arguments]
    try:
        done = subprocess.run(
            command,
            check=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as e:
        said = (e.stderr or b"")[-4000:].decode(errors="replace")
        raise CommandFailed(f"{e}\n{said}") from e
    return [json.loads(line) for line in done.stdout.splitlines()]


class SandboxProcess:
    """
    C{txrocketmq sandbox} in a process of its own.

    @ivar nameServer: The address it gave on its first line.

    @ivar brokers: The brokers' addresses by name, from the same line.
    """

    def __init__(self, *options: str) -> None:
        """
        Start it and wait for its first line.

        @raise CommandFailed: It ended, or said nothing in time.
        """
        command = [sys.executable, "-P", str(_TETHER), "txrocketmq", "sandbox"]
        self._process = subprocess.Popen(
            [*command, "--port", "0", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        # A line that does not come ends the process, and so the wait for it.
        watch = threading.Timer(_READY_TIMEOUT, self._process.kill)
        watch.start()
        assert self._process.stdout is not None
        first = self._process.stdout.readline()
        watch.cancel()
        if not first:
            self.stop()
            raise CommandFailed("the sandbox ended without its first line")
        ready = json.loads(first)
        self.nameServer: str = ready["nameServer"]
        self.brokers: dict[str, str] = ready["brokers"]

    def stop(self) -> int:
        """
        End it by SIGTERM.

        @return: Its exit status.

        @raise CommandFailed: It did not end in time; it is killed.
        """
        with self._process as process:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGTERM)
            try:
                return process.wait(_STOP_TIMEOUT)
            except subprocess.TimeoutExpired as e:
                process.kill()
                raise CommandFailed("the sandbox did not end on SIGTERM") from e
