"""
What runs the Python programs: of the interpreters of one version, the fastest.

The other clients run as their makers build their runtimes.  So does CPython, mostly:
with profile-guided optimization.  A plain C{configure} and C{make}, which is what
pyenv does, leaves that out, and then everything takes a sixth longer or more.  How
an interpreter was built it does not tell; so it is measured.

Laws:

    1. All Python programs of a run, those of other clients too, are run by the same
       interpreter, with the packages of the one that runs the benchmark.

    2. That one runs them itself unless another is clearly faster.  Which it was
       stands above the table.

C{TXROCKETMQ_BENCH_PYTHON} may name one, by its path; C{same} is the one that runs the
benchmark.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from .toolchain import Missing

CLEARLY = 1.05
"""
So many times as fast another one must be.
"""

ROUNDS = 3
"""
How often each is measured, in turn; its best counts.
"""

VARIABLE = "TXROCKETMQ_BENCH_PYTHON"

TRIAL = """
import json, platform, ssl, sqlite3, sysconfig, time
import msgspec
from twisted.internet.defer import Deferred

def seconds():
    start = time.perf_counter()
    for _ in range(200):
        Deferred().addCallbacks(str).callback(1)
    return time.perf_counter() - start

print(json.dumps({
    "version": platform.python_version(),
    "abi": sysconfig.get_config_var("SOABI"),
    "seconds": min(seconds() for _ in range(400)),
}))
"""
"""
What each of them has to do: what all clients do most, in pieces so small that some
of them are not disturbed.
"""


class Interpreter(NamedTuple):
    """
    One of them.

    @ivar path: Where it lies.

    @ivar environment: What it needs to find the packages.

    @ivar told: What it is called above the table.
    """

    path: str
    environment: Mapping[str, str]
    told: str


class Trial(NamedTuple):
    """
    What one said of itself, and did.

    @ivar abi: What its extension modules are made for.

    @ivar seconds: How long it took, at best.
    """

    version: str
    abi: str
    seconds: float


@cache
def interpreter() -> Interpreter:
    """
    The one that runs the Python programs.

    @raise Missing: The one that is wanted cannot.
    """
    own = Path(sys.executable)
    wanted = os.environ.get(VARIABLE, "")
    if wanted == "same":
        return _made(own, platform.python_version())
    if wanted:
        trial = tried(Path(wanted))
        if trial is None:
            raise Missing(f"{VARIABLE}={wanted} cannot run what {own} can")
        return _made(Path(wanted), trial.version)
    return fastest(own, _measured([own, *others(own)]))


def fastest(own: Path, trials: Mapping[Path, Trial]) -> Interpreter:
    """
    Choose among some.

    @param own: The one that runs the benchmark.
    """
    ours = trials.get(own)
    if ours is None:
        return _made(own, platform.python_version())
    path, best = min(trials.items(), key=lambda each: each[1].seconds)
    gain = ours.seconds / best.seconds
    if gain < CLEARLY:
        return _made(own, ours.version)
    more = (
        f"{best.version}, {gain:.2f} times as fast as the {ours.version} "
        "the benchmark was started with"
    )
    return _made(path, more)


def others(own: Path) -> Iterator[Path]:
    """
    Further ones of the same version that are on the path.
    """
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    seen = {own.resolve()}
    for directory in os.get_exec_path():
        path = Path(directory) / name
        if os.access(path, os.X_OK) and path.resolve() not in seen:
            seen.add(path.resolve())
            yield path


def tried(path: Path) -> Trial | None:
    """
    Let one show what it can.

    @return: L{None} where it cannot run the programs.
    """
    try:
        done = subprocess.run(
            [str(path), "-P", "-c", TRIAL],
            env={**os.environ, **_environment(path)},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        trial = Trial(**json.loads(done.stdout))
    except (OSError, subprocess.SubprocessError, ValueError, TypeError):
        return None
    return trial if trial.abi == sysconfig.get_config_var("SOABI") else None


def _measured(paths: list[Path]) -> dict[Path, Trial]:
    """
    Try each, in turn, and keep its best.
    """
    best: dict[Path, Trial] = {}
    if len(paths) < 2:
        return best
    for _ in range(ROUNDS):
        for path in paths:
            trial = tried(path)
            if trial and (path not in best or trial.seconds < best[path].seconds):
                best[path] = trial
    return best


def _made(path: Path, told: str) -> Interpreter:
    """
    One that was chosen.
    """
    name = platform.python_implementation()
    return Interpreter(str(path), _environment(path), f"{name} {told}")


def _environment(path: Path) -> dict[str, str]:
    """
    What one needs to find the packages of the one that runs the benchmark.
    """
    if path == Path(sys.executable):
        return {}
    places = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    places.append(os.environ.get("PYTHONPATH", ""))
    return {"PYTHONPATH": ":".join(dict.fromkeys(filter(None, places)))}
