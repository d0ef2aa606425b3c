"""
The programs that put load on: how each is made, and what it is started with.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from .rows import Row
from .toolchain import PROGRAMS, Missing, build, made, tool

CHECKOUT = PROGRAMS.parent.parent
JAVA_CLIENT = "5.5.0"
TOPIC = "TopicTest"


class Program(NamedTuple):
    """
    A program that is ready to run.

    @ivar words: What it is started with, before the arguments all of them take.

    @ivar toBroker: It is given the broker's port, not the name server's address.

    @ivar warm: Seconds before its measurement.

    @ivar exact: It ends with nothing in flight, so that its count and the sink's
        must be the same.

    @ivar environment: What it needs beside what there is.
    """

    words: tuple[str, ...]
    toBroker: bool = False
    warm: float = 1.0
    exact: bool = False
    environment: Mapping[str, str] = {}


class Load(NamedTuple):
    """
    What is the same for all rows of a run.

    @ivar size: Bytes of a body.

    @ivar seconds: How long a row is measured.

    @ivar warmFactor: What every warm-up is multiplied with.
    """

    size: int = 100
    seconds: float = 5.0
    warmFactor: float = 1.0


def command(
    program: Program, row: Row, load: Load, nameServer: str, brokerPort: int
) -> list[str]:
    """
    The command line of a row.
    """
    address = str(brokerPort) if program.toBroker else nameServer
    if row.driver == "loader":
        shape: list[object] = [row.window, load.size]
    else:
        shape = [row.mode, row.window, row.batch, load.size]
    times: list[object] = [load.seconds, program.warm * load.warmFactor]
    if row.driver != "loader":
        times.append(row.rate)
    return [*program.words, address, *map(str, shape + times), TOPIC]


def sinkProgram() -> Path:
    """
    The sink, compiled.

    @raise Missing: There is no C compiler.
    """
    return _compiledC("sink", "-pthread")


def _compiledC(name: str, *options: str) -> Path:
    """
    A C program, compiled.
    """

    def make(directory: Path) -> None:
        source, target = str(PROGRAMS / f"{name}.c"), str(directory / name)
        build(tool("cc", "gcc", "clang"), "-O2", *options, "-o", target, source)

    return made(name, [f"{name}.c"], make) / name


def loader() -> Program:
    """
    The C loader.
    """
    return Program((str(_compiledC("loader")),), toBroker=True)


def prototype() -> Program:
    """
    The bare Twisted prototype.
    """
    if not _imports("orjson"):
        raise Missing("orjson is not installed: pip install txrocketmq[bench]")
    return Program(_python("prototype"), toBroker=True)


def library() -> Program:
    """
    The library: what is installed, or the checkout.
    """
    return Program(_python("producer"), exact=True)


def _python(name: str) -> tuple[str, ...]:
    """
    What starts a Python program of ours: the checkout comes first on its path,
    or last, as the library is to come from there or from where it is installed.
    """
    place = 0 if libraryPath() == CHECKOUT else 99
    start = (
        f"import runpy, sys; sys.path.insert({place}, {str(CHECKOUT)!r}); "
        f"runpy.run_module('bench.programs.{name}', run_name='__main__')"
    )
    return (sys.executable, "-P", "-c", start)


@cache
def libraryPath() -> Path:
    """
    Where the library that is measured lies.

    C{TXROCKETMQ_BENCH_LIBRARY} may say C{installed} or C{checkout}; if it does
    not, what is installed comes first.

    @raise Missing: What is wanted is not installed.
    """
    wanted = os.environ.get("TXROCKETMQ_BENCH_LIBRARY", "")
    if wanted != "checkout" and (path := _imports("txrocketmq")):
        return Path(path).parent
    if wanted == "installed":
        raise Missing("txrocketmq is not installed")
    return CHECKOUT


def _imports(name: str) -> str:
    """
    Where an installed package lies, or nothing.
    """
    find = f"import {name}; print({name}.__path__[0])"
    found = subprocess.run(
        [sys.executable, "-I", "-c", find], capture_output=True, text=True, check=False
    )
    return found.stdout.strip()


def java() -> Program:
    """
    Apache's Java client.
    """

    def fetch(directory: Path) -> None:
        build(
            tool("mvn"),
            *("--quiet", "--batch-mode", f"--file={PROGRAMS / 'pom.xml'}"),
            f"-Drocketmq.version={JAVA_CLIENT}",
            "dependency:copy-dependencies",
            f"-DoutputDirectory={directory}",
        )

    runtime = tool("java")
    jars = made(f"jars-{JAVA_CLIENT}", ["pom.xml"], fetch)

    def make(directory: Path) -> None:
        source = str(PROGRAMS / "Bench.java")
        build(tool("javac"), "-cp", f"{jars}/*", "-d", str(directory), source)

    classes = made(f"classes-{JAVA_CLIENT}", ["Bench.java"], make)
    logs = classes.parent / "java-logs"
    options = (
        "-Xmx512m",
        f"-Duser.home={logs}",
        f"-Drocketmq.client.logRoot={logs}",
        "-Drocketmq.client.logLevel=ERROR",
    )
    command = (runtime, *options, "-cp", f"{jars}/*:{classes}", "Bench")
    return Program(command, warm=2.0, exact=True)


def go() -> Program:
    """
    Apache's Go client.
    """

    def make(directory: Path) -> None:
        build(
            tool("go"),
            *("build", "-C", str(PROGRAMS / "go"), "-trimpath", "-buildvcs=false"),
            *("-o", str(directory / "producer"), "."),
        )

    sources = ["go/main.go", "go/go.mod", "go/go.sum"]
    program = made("go", sources, make) / "producer"
    quiet = {"ROCKETMQ_GO_LOG_LEVEL": "fatal"}
    return Program((str(program),), exact=True, environment=quiet)


DRIVERS: dict[str, Callable[[], Program]] = {
    "go": go,
    "java": java,
    "loader": loader,
    "prototype": prototype,
    "txrocketmq": library,
}
"""
What makes each program; it may raise L{Missing}.
"""
