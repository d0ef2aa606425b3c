"""
The command: C{python -m tests.http_overload [options]}.

The exit status is 0 when all is as promised, and 1 when not, or when nothing was
proved; 2 for wrong usage.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .overload import Plan, Run


def planned(words: Sequence[str]) -> Plan:
    """
    Read the command line.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.http_overload")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--measured", type=float, default=5.0)
    parser.add_argument("--times", type=float, default=2.0)
    parser.add_argument("--limit", default="64MiB")
    parser.add_argument("--size", type=int, default=1024)
    return Plan(**vars(parser.parse_args(words)))


def main(words: Sequence[str]) -> int:
    """
    Run, report, judge.
    """
    plan = planned(words)
    directory = Path(tempfile.mkdtemp(prefix="txrocketmq-overload-"))
    outcome = Run(plan, directory, sys.stderr.write).run()
    lines = outcome.lines()
    problems = outcome.problems()
    if problems:
        lines += [*problems, f"FAILED; logs are in {directory}"]
    else:
        shutil.rmtree(directory)
        lines.append("passed")
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
