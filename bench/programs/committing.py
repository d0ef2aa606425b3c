"""
What C{sqlite3} alone does with the rows of the relay's spool: as many for each commit
as a request has messages, and nothing else.

    committing - - WINDOW BATCH SIZE SECONDS WARM RATE TOPIC

C{WINDOW}, C{RATE} and C{TOPIC} say nothing here.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bench.spooling import Loop

from .measuring import Arguments, Measured


def main() -> None:
    """
    Commit, and say how long it took.
    """
    given = Arguments.parse(sys.argv[2:])
    measured = Measured()
    with tempfile.TemporaryDirectory(prefix="txrocketmq-bench-") as directory:
        loop = Loop(Path(directory), given.size, given.batch)
        measured.acked += loop.run(given.warm)
        measured.begin()
        measured.acked += loop.run(given.seconds)
        measured.end()
        loop.close()
    print(measured.result(), flush=True)


if __name__ == "__main__":
    main()
