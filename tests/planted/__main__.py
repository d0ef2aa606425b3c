"""
C{python -m tests.planted [words...]}: whether tests find the bugs of L{bugs}.

Each is put into a copy of the package of its own, and the tests named with it run
there.  The exit status is 1 where all of them pass all the same.  With words, only
the bugs are planted that have one of them in their names.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .bugs import BUGS, Bug, plant

CHECKOUT = Path(__file__).resolve().parents[2]

FAILED = re.compile(r"tests\.[\w.]+\.[A-Z]\w+\.test_\w+$")
"""
How trial names a test that failed.
"""

TIMEOUT = 120.0
"""
Seconds the tests of a bug may take; a bug that makes them hang is found.
"""


def finder(bug: Bug | None) -> str:
    """
    What finds a bug.

    @param bug: L{None} is none: nothing must be found then.

    @return: The name of a test that failed; empty where none did.
    """
    with tempfile.TemporaryDirectory(prefix="txrocketmq-planted-") as directory:
        root = Path(directory)
        for name in ("tests", "bench"):
            (root / name).symlink_to(CHECKOUT / name)
        shutil.copytree(CHECKOUT / "txrocketmq", root / "txrocketmq")
        if bug is not None:
            plant(bug, root / "txrocketmq")
        each = BUGS if bug is None else (bug,)
        return _found(root, sorted({name for bug in each for name in bug.tests}))


def _found(root: Path, names: Sequence[str]) -> str:
    """
    Run tests, and give what they find.
    """
    trial = ["-m", "twisted.trial", f"--temp-directory={root}/trial"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(root),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TXROCKETMQ_CHECKOUT": str(CHECKOUT),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(root / "hypothesis"),
    }
    try:
        ended = subprocess.run(
            [sys.executable, "-P", *trial, *names],
            cwd=root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        return f"they are not done after {TIMEOUT:g} s"
    lines = ended.stdout.splitlines()
    if not ended.returncode and any(line.startswith("PASSED") for line in lines):
        return ""
    told = [line for line in lines if FAILED.match(line)]
    return next(iter(told or lines[-1:]), "nothing ran")


def timed(bug: Bug | None) -> tuple[str, float]:
    """
    What finds a bug, and in how many seconds.
    """
    began = time.monotonic()
    return finder(bug), time.monotonic() - began


def main(words: Sequence[str]) -> int:
    """
    Plant bugs.

    @return: The exit status.
    """
    bugs = [bug for bug in BUGS if not words or any(word in bug.name for word in words)]
    lost = not bugs
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for bug, (found, seconds) in zip(
            [None, *bugs], threads.map(timed, [None, *bugs]), strict=True
        ):
            name = "no bug at all" if bug is None else bug.name
            lost |= bool(found) is (bug is None)
            sys.stdout.write(f"{name}: {found or 'nothing found'} ({seconds:.0f} s)\n")
            sys.stdout.flush()
    return int(lost)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
