"""
The Java and Go programs of this package, run to their end.

Each function blocks and returns the JSON objects the program printed.  The
Java consumers come from the given release, so that a proof can be made with
either.
"""

from __future__ import annotations

import base64
import json
import subprocess
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .commands import OPEN, Access
from .configuration import JVM_FLAGS, writeLogging
from .jars import V5, findTool, goProducer, javaClasses, serverJars

Line = dict[str, Any]

_GRACE = 30.0


class ProgramFailed(Exception):
    """
    A program ended with an error; the message shows the end of what it said.
    """


class Source(NamedTuple):
    """
    A topic of a cluster, and what is expected of it.

    @ivar nameServer: Addresses, with semicolons between them.

    @ivar expected: How many messages there must be.  Reading goes on for a
        moment after the last of them, so that one too many is seen.

    @ivar version: The release of the Java client.

    @ivar quiet: How long, in seconds, nothing may come before reading ends
        with less than was expected.

    @ivar access: What L{read} gets in with.
    """

    nameServer: str
    topic: str
    expected: int
    version: str = V5
    quiet: float = 10.0
    access: Access = OPEN


class Load(NamedTuple):
    """
    Messages for a foreign producer to send.

    Message C{i} has what L{body}, L{tag} and L{key} say, and a property
    C{index} that is C{i}.

    @ivar mode: C{sync}, C{async}, C{oneway} or C{batch} (of ten).

    @ivar total: How many.
    """

    nameServer: str
    topic: str
    mode: str
    total: int
    prefix: str = "load"

    def body(self, index: int) -> bytes:
        """
        The bytes of one message.
        """
        return f"{self.prefix} {index} \U0001f680".encode()

    def tag(self, index: int) -> str:
        """
        The tag of one message.
        """
        return f"tag{index % 5}"

    def key(self, index: int) -> str:
        """
        The key of one message.
        """
        return f"key{index}"


def read(source: Source, timeout: float = 60.0) -> list[Line]:
    """
    Read all queues of a topic from their first message on.

    @param timeout: When to end in any case, in seconds.

    @return: One object per message.

    @raise ProgramFailed: The program ended with an error.
    """
    options = [*_options(source, timeout), *credentialsOf(source.access)]
    flags = flagsOf(source.access)
    return runJava(source.version, "Read", options, timeout, flags)


def consume(source: Source, mode: str, timeout: float = 60.0) -> list[Line]:
    """
    Consume a topic as a new group.

    @param mode: C{push} or C{lite}: which of the Java client's consumers.

    @param timeout: When to end in any case, in seconds.

    @return: One object per message.

    @raise ProgramFailed: The program ended with an error.
    """
    options = [*_options(source, timeout), f"mode={mode}"]
    return runJava(source.version, "Consume", options, timeout)


def javaSend(
    load: Load, version: str = V5, flags: Sequence[str] = (), timeout: float = 60.0
) -> list[Line]:
    """
    Send messages with the Java client.

    @param flags: For the JVM, like C{-Drocketmq.serialize.type=ROCKETMQ}.

    @return: One object per message, with C{index}, and C{error} if it failed.

    @raise ProgramFailed: The program ended with an error.
    """
    options = [
        f"nameServer={load.nameServer}",
        f"topic={load.topic}",
        f"group=JavaProducer-{uuid.uuid4().hex}",
        f"prefix={load.prefix}",
        f"mode={load.mode}",
        f"count={load.total}",
        "batch=10",
    ]
    return runJava(version, "Send", options, timeout, flags)


def goSend(load: Load, timeout: float = 60.0) -> list[Line]:
    """
    Send messages with the Go client.

    @return: One object per message, with C{index}, and C{error} if it failed.

    @raise ProgramFailed: The program ended with an error.
    """
    command = [
        str(goProducer()),
        *("-name-server", load.nameServer),
        *("-topic", load.topic),
        *("-group", f"GoProducer-{uuid.uuid4().hex}"),
        *("-prefix", load.prefix),
        *("-mode", load.mode),
        *("-count", str(load.total)),
    ]
    return _lines(command, timeout)


def credentialsOf(access: Access) -> list[str]:
    """
    The options that have a Java program sign its requests, if it is to.
    """
    if not access.accessKey:
        return []
    return [f"accessKey={access.accessKey}", f"secretKey={access.secretKey}"]


def flagsOf(access: Access) -> list[str]:
    """
    The flags that have a Java program use TLS, if it is to; it trusts anybody.
    """
    return ["-Dtls.enable=true"] if access.tls else []


def runJava(
    version: str,
    program: str,
    options: Sequence[str],
    timeout: float,
    flags: Sequence[str] = (),
) -> list[Line]:
    """
    Run one of the Java programs to its end.

    @param program: The class in C{java/}.

    @param options: Its C{name=value} words.

    @param timeout: How long it means to take, in seconds; it gets some more.

    @param flags: For the JVM.

    @return: What it printed.

    @raise ProgramFailed: It ended with an error, or not in time.
    """
    classPath = f"{javaClasses(version)}:{serverJars(version)}/*"
    with tempfile.TemporaryDirectory(prefix="txrocketmq-java-") as home:
        command = [
            findTool("java"),
            *JVM_FLAGS,
            "-Xmx512m",
            *writeLogging(Path(home)),
            f"-Drocketmq.client.logRoot={home}",
            "-Drocketmq.client.logLevel=WARN",
            *flags,
            *("-cp", classPath, program),
            *options,
        ]
        return _lines(command, timeout + _GRACE)


def bodyOf(line: Line) -> bytes:
    """
    The body of a message that was read.
    """
    return base64.b64decode(line["bodyBase64"])


def _options(source: Source, timeout: float) -> list[str]:
    """
    What the reading programs have in common on their command lines.
    """
    return [
        f"nameServer={source.nameServer}",
        f"topic={source.topic}",
        f"group=Reader-{uuid.uuid4().hex}",
        f"expected={source.expected}",
        "settle=0.5",
        f"quiet={source.quiet}",
        f"timeout={timeout}",
    ]


def _lines(command: Sequence[str], timeout: float) -> list[Line]:
    """
    Run a program and parse its lines.
    """
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
        raise ProgramFailed(f"{Path(command[0]).name}: {e}\n{said}") from e
    return [json.loads(line) for line in done.stdout.splitlines()]
