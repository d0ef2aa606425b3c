"""
The command: C{python -m tests.chaos RUN [options]}.

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

from . import damage, full
from .clusters import RealTarget, SandboxTarget, Target
from .killing import Plan, Run


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """
    Read the command line.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    runs = parser.add_subparsers(dest="run", required=True)
    daemon = runs.add_parser("daemon", help="kill the daemon and the broker")
    daemon.add_argument("--messages", type=int, default=200_000)
    daemon.add_argument("--kills", type=int, default=50)
    daemon.add_argument("--broker-kills", type=int, default=10)
    daemon.add_argument("--seed", type=int, default=1)
    daemon.add_argument(
        "--sandbox", action="store_true", help="instead of the real broker"
    )
    runs.add_parser("full", help="fill the disk; needs root, to mount a small one")
    flips = runs.add_parser("damage", help="flip a bit in each of some pages")
    flips.add_argument("--pages", type=int, default=200)
    flips.add_argument("--messages", type=int, default=6000)
    flips.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(words)
    if options.run == "daemon" and options.sandbox:
        # What a sandbox has stored is in its memory.
        options.broker_kills = 0
    return options


def say(*lines: str) -> None:
    """
    Write lines.
    """
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.flush()


def killing(options: argparse.Namespace, directory: Path) -> list[str]:
    """
    Kill the daemon and the broker.

    @return: What is wrong.
    """
    plan = Plan(options.messages, options.kills, options.broker_kills, options.seed)
    target: Target = SandboxTarget() if options.sandbox else RealTarget()
    try:
        outcome = Run(plan, target, directory, sys.stderr.write).run()
    finally:
        target.stop()
    say(*outcome.lines())
    return outcome.problems()


def filling(options: argparse.Namespace, directory: Path) -> list[str]:
    """
    Fill the disk.

    @return: What is wrong.
    """
    try:
        outcome = full.Run(directory).run()
    except full.NotPossible as reason:
        say(f"skipped: {reason}")
        return []
    say(*outcome.lines())
    return outcome.problems()


def damaging(options: argparse.Namespace, directory: Path) -> list[str]:
    """
    Flip bits.

    @return: What is wrong.
    """
    tested = damage.prepared(directory / "tested", options.messages)
    cases = damage.flips(tested, directory / "copy", options.pages, options.seed)
    say(*damage.lines(tested, cases))
    problems = [problem for case in cases for problem in case.problems]
    if not any(case.noticed for case in cases):
        problems.append("vacuous: nothing was noticed")
    return problems


RUNS = {"daemon": killing, "full": filling, "damage": damaging}


def main(words: Sequence[str]) -> int:
    """
    Run, report, judge.
    """
    options = parsed(words)
    directory = Path(tempfile.mkdtemp(prefix="txrocketmq-chaos-"))
    problems = RUNS[options.run](options, directory)
    if problems:
        say(*problems, f"FAILED; logs are in {directory}")
        return 1
    shutil.rmtree(directory)
    say("passed")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
