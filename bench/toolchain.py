"""
Compilers, and what they made: kept outside the checkout.

What is made has a name with a digest of its sources: a changed source makes a
new thing, and what is there is whole.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

PROGRAMS = Path(__file__).resolve().parent / "programs"
TIMEOUT = 600.0


class Missing(Exception):
    """
    A row cannot be run here; the text says why.
    """


def tool(*names: str) -> str:
    """
    Look on the path for the first of some programs that is there.

    @raise Missing: None is.
    """
    for name in names:
        if path := shutil.which(name):
            return path
    raise Missing(f"{' or '.join(names)} is not on the path")


def cacheDirectory() -> Path:
    """
    Where finished things are kept: C{TXROCKETMQ_BENCH_CACHE} if that is set.
    """
    chosen = os.environ.get("TXROCKETMQ_BENCH_CACHE")
    return Path(chosen) if chosen else Path.home() / ".cache" / "txrocketmq-bench"


def made(name: str, sources: Iterable[str], make: Callable[[Path], None]) -> Path:
    """
    Give a directory of the cache, made first if it is not there.

    @param name: What it is called, before its digest.

    @param sources: The files under C{programs/} it is made from.

    @param make: Fills the empty directory it is given.

    @raise Missing: A tool is not there, or failed.
    """
    digest = hashlib.sha256()
    for source in sources:
        digest.update((PROGRAMS / source).read_bytes())
    target = cacheDirectory() / f"{name}-{digest.hexdigest()[:12]}"
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        _makeWhole(target, make)
    return target


def _makeWhole(target: Path, make: Callable[[Path], None]) -> None:
    """
    Make a directory that is either whole or not there.
    """
    partial = Path(tempfile.mkdtemp(dir=target.parent, prefix=f"{target.name}."))
    try:
        make(partial)
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def build(*command: str) -> None:
    """
    Run a compiler to its end.

    @raise Missing: It failed; the text has the end of what it said.
    """
    try:
        subprocess.run(
            command,
            check=True,
            timeout=TIMEOUT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as e:
        said = (e.output or b"")[-300:].decode(errors="replace")
        raise Missing(f"{Path(command[0]).name} failed: {said.strip()}") from e
