"""
Doing what a page tells its reader to do.

A page is replayed from top to bottom in an empty directory, with a sandbox of its
own:

    - a block with a caption is saved as a file of that name;

    - C{console} and C{sh} blocks are run in a shell; what is shown below a command
      is compared with what it prints, C{...} standing for anything;

    - a Python program is run;

    - all other Python blocks are pieces: they are pasted, one after the other, in
      place of L{PLACE} in the program at the beginning of C{howto/index.rst}.

Ports that pages name are replaced by free ones.  A relay that is started ends the
one before it, as the page's reader does.
"""

from __future__ import annotations

import doctest
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from textwrap import indent
from urllib.error import URLError
from urllib.request import urlopen

import attrs

from .blocks import Block, Command, blocksOf, commandsOf

PLACE = "    # What these pages show goes here.\n"

NAME_SERVER = "9876"
RELAY = "8088"
ADMIN = "8089"

#: Commands that may go on until they are told to stop.
LASTING = re.compile(
    r"(?:\.venv/bin/)?(?:txrocketmq sandbox\b|twistd? (?:-n )?txrocketmq\b)"
)

#: Commands that only look: they do it again while what they look at is on its way.
LOOKING = re.compile(r"curl -s http://\S+")

#: What has been done already where these tests run.
DONE = re.compile(r"-m venv |pip install |-m tests\b|^cd |^git clone ")

LIMIT = 60.0
"""
Seconds for one command.
"""

SETTLING = 10.0
"""
Seconds until there must be what is looked at.
"""

Process = subprocess.Popen[str]


BRIEFLY = re.compile(r"^timeout (\d) ")
"""
What a page gives a second or two, enough on most machines; a machine that is busy
with other things gets ten times as long.
"""


class Different(AssertionError):
    """
    A page does not say what is so.
    """


@attrs.define
class Reader:
    """
    Somebody who does what a page says.

    @ivar scaffold: The program that pieces are pasted into.
    """

    page: Path
    directory: Path
    scaffold: str
    environment: dict[str, str]
    ports: dict[str, int] = attrs.field(factory=dict)
    _running: ExitStack = attrs.field(factory=ExitStack)
    _relay: ExitStack = attrs.field(factory=ExitStack)

    def replay(self) -> None:
        """
        Do it all.

        @raise Different: When something is not as the page has it.
        """
        self.ports = {port: freePort() for port in (NAME_SERVER, RELAY, ADMIN)}
        blocks = blocksOf(self.page)
        with self._running, self._relay:
            if not any(_startsSandbox(block) for block in blocks):
                self._start(f"txrocketmq sandbox --port {NAME_SERVER} --brokers 2")
            for block in blocks:
                self._follow(block)
            self._paste([b for b in blocks if _isPiece(b)])

    def _follow(self, block: Block) -> None:
        """
        Do what one block says.
        """
        text = self._local(block.text)
        if block.file is not None:
            (self.directory / block.file).write_text(text, encoding="utf-8")
        elif block.language in ("console", "sh"):
            for command in commandsOf(block):
                self._obey(command, block.line)
        elif block.isProgram and PLACE not in block.text:
            self._python(text, f"line {block.line}")

    def _obey(self, command: Command, line: int) -> None:
        """
        Run a command, and compare.
        """
        steps = [step.strip() for step in command.text.split("&&")]
        text = " && ".join(step for step in steps if not DONE.search(step))
        if not text or any(_isMissing(tool, text) for tool in ("curl", "openssl")):
            return
        if _lasts(command):
            self._start(text)
            return
        try:
            self._runOnce(command, text, line)
        except Different:
            patient = BRIEFLY.sub(r"timeout \g<1>0 ", text)
            if patient == text:
                raise
            self._runOnce(command, patient, line)

    def _runOnce(self, command: Command, text: str, line: int) -> None:
        """
        Run a command that ends, and compare.
        """
        status, output = self._run(["bash", "-c", self._local(text)])
        if command.output is None:
            if status:
                raise Different(f"{self._at(line)}: {text}\n{output}")
            return
        want = self._local(command.output)
        until = time.monotonic() + SETTLING
        while not _isAs(want, output):
            if not LOOKING.fullmatch(text) or time.monotonic() > until:
                raise Different(
                    f"{self._at(line)} shows\n{want}\nbut this was printed\n{output}"
                )
            time.sleep(0.1)
            status, output = self._run(["bash", "-c", self._local(text)])

    def _paste(self, pieces: list[Block]) -> None:
        """
        Run the program with all pieces in it.
        """
        if not pieces:
            return
        pasted = "\n".join(
            indent(f"# line {piece.line}\n{self._local(piece.text)}", "    ")
            for piece in pieces
        )
        self._python(self._local(self.scaffold).replace(PLACE, pasted), "the pieces")

    def _python(self, program: str, where: str) -> None:
        """
        Run a program that must end well.
        """
        file = self.directory / "pasted.py"
        file.write_text(program, encoding="utf-8")
        status, output = self._run([sys.executable, file.name])
        if status:
            raise Different(f"{self._at(where)}:\n{program}\n{output}")

    def _run(self, command: list[str]) -> tuple[int, str]:
        """
        Run something to its end.

        @return: Its exit status and all that it has printed.
        """
        ended = subprocess.run(
            command,
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        return ended.returncode, ended.stdout

    def _start(self, text: str) -> None:
        """
        Start something that lasts as long as the page does, and wait for it.
        """
        isRelay = "sandbox" not in text.split("--")[0]
        if isRelay:
            self._relay.close()
            text += f" --admin-listen tcp:{ADMIN}:interface=127.0.0.1"
            if "--listen" not in text:
                text += f" --listen tcp:{RELAY}:interface=127.0.0.1"
        command = ["bash", "-c", f"exec {self._local(text)}"]
        stack = self._relay if isRelay else self._running
        process = stack.enter_context(
            lasting(command, self.directory, self.environment)
        )
        if isRelay:
            self._awaitRelay()
        else:
            assert process.stdout is not None
            json.loads(process.stdout.readline())

    def _awaitRelay(self) -> None:
        """
        Wait until the relay says that it is ready.
        """
        until = time.monotonic() + LIMIT
        while time.monotonic() < until:
            try:
                with urlopen(f"http://127.0.0.1:{self.ports[ADMIN]}/readyz"):
                    return
            except (URLError, ConnectionError):
                time.sleep(0.05)
        raise Different(f"{self.page.name}: the relay is not ready")

    def _local(self, text: str) -> str:
        """
        A text with free ports for the ones it names.
        """
        for named, port in self.ports.items():
            text = re.sub(rf"\b{named}\b", str(port), text)
        return text.replace(".venv/bin/", "")

    def _at(self, where: object) -> str:
        """
        Name a place in the page.
        """
        return f"{self.page.name}, {where}"


def freePort() -> int:
    """
    A port nobody listens at.
    """
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


@contextmanager
def lasting(
    command: list[str], directory: Path, environment: dict[str, str]
) -> Iterator[Process]:
    """
    Have a process while something else is done.
    """
    with (
        (directory / "lasting.log").open("a", encoding="utf-8") as log,
        subprocess.Popen(
            command,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log if "twist" in command[-1] else subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            # A page may have ended it.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(LIMIT)


def environmentFor(directory: Path) -> dict[str, str]:
    """
    The environment of somebody who has just installed the package.
    """
    scripts = Path(sys.executable).parent
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("TXROCKETMQ_") and name != "NAMESRV_ADDR"
    }
    return {**kept, "PATH": f"{scripts}:{kept['PATH']}", "HOME": str(directory)}


def _isAs(want: str, got: str) -> bool:
    """
    Whether a command has printed what a page shows.
    """
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    return doctest.OutputChecker().check_output(want, got, flags)


def _isMissing(tool: str, text: str) -> bool:
    """
    Whether a command needs a tool that is not installed here.
    """
    return f"{tool} " in text and shutil.which(tool) is None


def _isPiece(block: Block) -> bool:
    """
    Whether a block is a piece of a program.
    """
    return block.language == "python" and not block.isProgram and block.file is None


def _lasts(command: Command) -> bool:
    """
    Whether a command goes on; one whose output is shown does not.
    """
    return command.output is None and LASTING.match(command.text) is not None


def _startsSandbox(block: Block) -> bool:
    """
    Whether a block tells the reader to start the sandbox.
    """
    return block.language in ("console", "sh") and any(
        _lasts(command) and "sandbox" in command.text for command in commandsOf(block)
    )
