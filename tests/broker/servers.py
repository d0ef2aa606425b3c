"""
One name server or broker: a Java process that can be killed and started again.

The process is tethered: its standard input is a pipe from us, and when that
ends, because we closed it or because we are gone, so does the process.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from . import configuration
from .jars import findTool, javaClasses, serverJars

_POLL = 0.02
_BOOTED = (b"boot success", b"startup successfully")
_EXIT_TIMEOUT = 10.0


class NotStarted(Exception):
    """
    A server did not come up; the message shows the end of what it said.
    """


class Server:
    """
    A Java server on one port, with a directory of its own.

    @ivar name: What the tests call it; for a broker, its C{brokerName}.

    @ivar address: C{127.0.0.1:port}, the same after every start.
    """

    _process: subprocess.Popen[bytes] | None = None

    def __init__(self, name: str, port: int, directory: Path) -> None:
        self.name = name
        self.port = port
        self.address = f"127.0.0.1:{port}"
        self._directory = directory
        self._command: Sequence[str] = ()
        directory.mkdir(parents=True)

    def configure(
        self,
        version: str,
        mainClass: str,
        memory: Sequence[str],
        arguments: Sequence[str] = (),
    ) -> None:
        """
        Settle the command line.

        @param arguments: Those of the class; by default they name
            L{settingsFile}.

        @raise MissingTool: A tool to make what it needs is not installed.
        """
        jars = serverJars(version, proxy=mainClass == configuration.PROXY)
        self._command = (
            findTool("java"),
            *configuration.JVM_FLAGS,
            *configuration.UNMAPPING_FLAGS,
            *memory,
            *configuration.writeLogging(self._directory),
            *("-cp", f"{javaClasses(version)}:{jars}/*"),
            *("Tethered", mainClass),
            *(arguments or ("-c", str(self.settingsFile))),
        )

    @property
    def settingsFile(self) -> Path:
        """
        The file its settings are read from.
        """
        return self._directory / "settings"

    @property
    def process(self) -> int | None:
        """
        The id of its process, when there is one.
        """
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        """
        Whether its process is there.
        """
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """
        Start the process; L{awaitBoot} waits for it.
        """
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                cwd=self._directory,
            )

    def awaitBoot(self, deadline: float) -> None:
        """
        Wait until the server says that it is up.

        @param deadline: When to give up, by C{time.monotonic}.

        @raise NotStarted: It ended, or did not say so in time.
        """
        while not any(words in self._output.read_bytes() for words in _BOOTED):
            if not self.running or time.monotonic() > deadline:
                raise NotStarted(f"{self.name}: {self._lastWords()}")
            time.sleep(_POLL)

    def signal(self, number: int) -> None:
        """
        Send the process a signal.
        """
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """
        End the process by SIGKILL; nothing happens when there is none.
        """
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait(_EXIT_TIMEOUT)
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()

    @property
    def _output(self) -> Path:
        """
        Where the process writes what it says.
        """
        return self._directory / "output"

    def _lastWords(self) -> str:
        """
        The end of the output and of the log.
        """
        said = self._output.read_bytes()[-2000:]
        log = self._directory / "log"
        if log.exists():
            said += b"\n" + log.read_bytes()[-2000:]
        return said.decode(errors="replace")
