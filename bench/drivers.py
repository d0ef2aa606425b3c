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

from .interpreter import interpreter
from .rows import Row
from .targets import Target
from .toolchain import PROGRAMS, Missing, compiledC, tool

CHECKOUT = PROGRAMS.parent.parent


class Program(NamedTuple):
    """
    A program that is ready to run.

    @ivar words: What it is started with, before the arguments all of them take.

    @ivar address: Which of a target's addresses it is given: C{nameServer},
        C{brokerPort} or C{proxy}.

    @ivar warm: Seconds before its measurement.

    @ivar exact: It ends with nothing in flight, so that its count and the
        target's must be the same.

    @ivar environment: What it needs beside what there is.
    """

    words: tuple[str, ...]
    address: str = "nameServer"
    warm: float = 1.0
    exact: bool = True
    environment: Mapping[str, str] = {}


class Load(NamedTuple):
    """
    What is the same for all rows of a run.

    @ivar size: Bytes of a body.

    @ivar seconds: How long a row is measured.

    @ivar warmFactor: What every warm-up is multiplied with.

    @ivar timed: What a row does in its time counts, not only that it works.
    """

    size: int = 100
    seconds: float = 5.0
    warmFactor: float = 1.0
    timed: bool = True


def command(program: Program, row: Row, load: Load, target: Target) -> list[str]:
    """
    The command line of a row.
    """
    size = row.size or load.size
    if row.driver == "loader":
        shape: list[object] = [row.window, size]
    else:
        shape = [row.mode, row.window, row.batch, size]
    times: list[object] = [load.seconds, (program.warm + row.warm) * load.warmFactor]
    if row.driver != "loader":
        times.append(row.rate)
    given = [getattr(target, program.address), *shape, *times, target.topic]
    return [*program.words, *map(str, given)]


def loader() -> Program:
    """
    The C loader.
    """
    return Program((str(compiledC("loader")),), "brokerPort", exact=False)


def bare() -> Program:
    """
    The bare limit.
    """
    return python("bare", "brokerPort", exact=False)


def compressor() -> Program:
    """
    zlib alone.
    """
    return python("compress", exact=False)


def prototype() -> Program:
    """
    The bare Twisted prototype.
    """
    if not imports("orjson"):
        raise Missing("orjson is not installed: pip install txrocketmq[bench]")
    return python("prototype", "brokerPort", exact=False)


def library() -> Program:
    """
    The library: what is installed, or the checkout.
    """
    return python("producer")


def batching() -> Program:
    """
    The library, whose producers can batch by themselves.

    @raise Missing: They cannot.
    """
    ask = (
        "from txrocketmq import Batching, ProducerSettings; "
        "ProducerSettings(batching=Batching())"
    )
    asked = [sys.executable, "-P", "-c", _onPath() + ask]
    if subprocess.run(asked, capture_output=True, check=False).returncode:
        raise Missing("this txrocketmq has no ProducerSettings.batching")
    return library()


def relay() -> Program:
    """
    The relay, and wrk that posts to it.

    @raise Missing: wrk is not there, or what the relay needs is not.
    """
    tool("wrk")
    if not imports("prometheus_client"):
        raise Missing(
            "prometheus_client is not installed: pip install txrocketmq[relay]"
        )
    return python("posting", exact=False)


def sqlite() -> Program:
    """
    sqlite3 alone.
    """
    return python("committing")


def python(
    name: str, address: str = "nameServer", exact: bool = True, packages: str = ""
) -> Program:
    """
    A Python program of ours.

    @param packages: A directory of packages it needs beside those there are.
    """
    run = f"runpy.run_module('bench.programs.{name}', run_name='__main__')"
    chosen = interpreter()
    environment = dict(chosen.environment)
    if packages:
        places = filter(None, [packages, environment.get("PYTHONPATH", "")])
        environment["PYTHONPATH"] = ":".join(places)
    words = (chosen.path, "-P", "-c", f"{_onPath()}import runpy; {run}")
    return Program(words, address, exact=exact, environment=environment)


def _onPath() -> str:
    """
    A statement that puts the checkout on the path: first, or last, as the library
    is to come from there or from where it is installed.
    """
    place = 0 if libraryPath() == CHECKOUT else 99
    return f"import sys; sys.path.insert({place}, {str(CHECKOUT)!r}); "


@cache
def libraryPath() -> Path:
    """
    Where the library that is measured lies.

    C{TXROCKETMQ_BENCH_LIBRARY} may say C{installed} or C{checkout}; if it does
    not, what is installed comes first.

    @raise Missing: What is wanted is not installed.
    """
    wanted = os.environ.get("TXROCKETMQ_BENCH_LIBRARY", "")
    if wanted != "checkout" and (path := imports("txrocketmq")):
        return Path(path).parent
    if wanted == "installed":
        raise Missing("txrocketmq is not installed")
    return CHECKOUT


def imports(name: str) -> str:
    """
    Where an installed package lies, or nothing.
    """
    find = f"import {name}; print({name}.__path__[0])"
    found = subprocess.run(
        [sys.executable, "-I", "-c", find], capture_output=True, text=True, check=False
    )
    return found.stdout.strip()


DRIVERS: dict[str, Callable[[], Program]] = {
    "bare": bare,
    "batching": batching,
    "loader": loader,
    "prototype": prototype,
    "relay": relay,
    "sqlite": sqlite,
    "txrocketmq": library,
    "zlib": compressor,
}
"""
What makes each program of ours; it may raise L{Missing}.
"""
