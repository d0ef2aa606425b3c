"""
What the tests of this package run, made once and kept outside the checkout.

    1. A thing in the cache is whole: it is made beside its place and renamed.

    2. Its name holds a digest of what it was made from: a changed source makes
       a new one, an old one is never updated.

    3. Two runs at once make it once; the second waits for the first.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

V5 = "5.5.0"
V4 = "4.9.7"
VERSIONS = (V5, V4)

_HERE = Path(__file__).resolve().parent
_TIMEOUT = 600.0


class MissingTool(Exception):
    """
    A program the tests cannot do without is not installed.

    @ivar name: What the shell calls it.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not on the path; tests.broker needs it")
        self.name = name


class ToolFailed(Exception):
    """
    A tool ended with an error; the message shows the end of what it said.
    """


def findTool(name: str) -> str:
    """
    Look for a program on the path.

    @raise MissingTool: It is not there.
    """
    path = shutil.which(name)
    if path is None:
        raise MissingTool(name)
    return path


def cacheDirectory() -> Path:
    """
    Where finished things are kept.
    """
    chosen = os.environ.get("TXROCKETMQ_CACHE")
    if chosen:
        return Path(chosen)
    return Path.home() / ".cache" / "txrocketmq-tests"


def serverJars(version: str, *, proxy: bool = False) -> Path:
    """
    Get the jars of the server and of the Java client.

    @param version: A release of Apache RocketMQ.

    @param proxy: Get those of the proxy, too.

    @return: The directory with the jars.

    @raise MissingTool: There is no C{mvn}.

    @raise ToolFailed: Maven could not get them.
    """
    pom = _HERE / "pom.xml"

    def make(directory: Path) -> None:
        run(
            findTool("mvn"),
            "--quiet",
            "--batch-mode",
            f"--file={pom}",
            f"-Drocketmq.version={version}",
            *(["-Pproxy"] if proxy else []),
            "dependency:copy-dependencies",
            f"-DoutputDirectory={directory}",
        )

    return cached(f"jars-{'proxy-' if proxy else ''}{version}", [pom], make)


def javaClasses(version: str) -> Path:
    """
    Compile the programs in C{java/} against one release.

    @param version: A release of Apache RocketMQ.

    @return: The directory with the classes.

    @raise MissingTool: There is no C{javac} or C{mvn}.

    @raise ToolFailed: Something could not be had, or did not compile.
    """
    sources = sorted((_HERE / "java").glob("*.java"))

    def make(directory: Path) -> None:
        run(
            findTool("javac"),
            *("-nowarn", "-proc:none", "-encoding", "UTF-8"),
            *("-cp", f"{serverJars(version)}/*", "-d", str(directory)),
            *map(str, sources),
        )

    return cached(f"classes-{version}", sources, make)


def goProducer() -> Path:
    """
    Build the Go program.

    @return: The executable.

    @raise MissingTool: There is no C{go}.

    @raise ToolFailed: It did not build.
    """
    source = _HERE / "go"

    def make(directory: Path) -> None:
        run(
            findTool("go"),
            *("build", "-C", str(source), "-trimpath", "-buildvcs=false"),
            *("-o", str(directory / "producer"), "."),
        )

    inputs = [source / name for name in ("go.mod", "go.sum", "main.go")]
    return cached("go", inputs, make) / "producer"


def cached(name: str, inputs: Iterable[Path], make: Callable[[Path], None]) -> Path:
    """
    Give a directory of the cache, made first if it is not there.

    @param name: What it is called, before its digest.

    @param inputs: The files it is made from.

    @param make: Fills the empty directory it is given.
    """
    digest = hashlib.sha256()
    for path in inputs:
        digest.update(path.read_bytes())
    cache = cacheDirectory()
    target = cache / f"{name}-{digest.hexdigest()[:12]}"
    if target.is_dir():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.is_dir():
            _makeWhole(target, make)
    return target


def run(*command: str) -> None:
    """
    Run a tool to its end.

    @raise ToolFailed: It ended with another status than 0, or not in time.
    """
    try:
        subprocess.run(
            command,
            check=True,
            timeout=_TIMEOUT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as e:
        said = (e.output or b"")[-4000:].decode(errors="replace")
        raise ToolFailed(f"{command[0]}: {e}\n{said}") from e


def _makeWhole(target: Path, make: Callable[[Path], None]) -> None:
    """
    Make a directory that is either whole or not there.
    """
    partial = Path(tempfile.mkdtemp(dir=target.parent, prefix=f"{target.name}."))
    try:
        make(partial)
        partial.rename(target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
