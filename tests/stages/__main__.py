"""
C{python -m tests.stages [numbers...]}: go through all cases, or through these.

It says how many there were, in how many something happened, and how many of the
sends that ended with MAYBE had not been stored.  The exit status is 1 where
anything was not as it must be; the number of such a case is all it takes to see it
again.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context

from twisted.logger import globalLogBeginner

from .cases import Verdict, cases, judged

CHUNK = 50


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """
    Read the command line.
    """
    parser = argparse.ArgumentParser(
        prog="python -m tests.stages", description="Enumerate the stages of a life."
    )
    parser.add_argument("numbers", nargs="*", type=int, help="only these cases")
    parser.add_argument(
        "--every", type=int, default=1, metavar="N", help="only every Nth case"
    )
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count(), metavar="N", help="use N processes"
    )
    return parser.parse_args(arguments)


def several(numbers: Sequence[int]) -> list[Verdict]:
    """
    Go through some cases, in a process of their own.
    """
    found = cases()
    gc.collect()
    gc.disable()
    gc.freeze()
    return [judged(found[number]) for number in numbers]


def verdicts(numbers: Sequence[int], jobs: int) -> Iterator[Verdict]:
    """
    Go through cases, in so many processes.
    """
    chunks = [numbers[at : at + CHUNK] for at in range(0, len(numbers), CHUNK)]
    with ProcessPoolExecutor(jobs, get_context("fork")) as pool:
        for each in pool.map(several, chunks):
            yield from each


class Sum:
    """
    What came of all cases.
    """

    def __init__(self) -> None:
        self.cases = self.happened = self.maybes = self.absent = 0
        self.wrong: list[Verdict] = []

    def add(self, found: Iterable[Verdict]) -> None:
        """
        Count cases.
        """
        for verdict in found:
            self.cases += 1
            self.happened += verdict.happened
            self.maybes += verdict.maybes
            self.absent += verdict.absent
            if verdict.wrongs:
                self.wrong.append(verdict)

    def lines(self) -> Iterator[str]:
        """
        Say it.
        """
        for verdict in islice(self.wrong, 40):
            yield str(verdict.case)
            yield from (f"    {each}" for each in verdict.wrongs)
        share = 100 * self.absent / self.maybes if self.maybes else 0.0
        yield (
            f"{self.maybes} sends ended with MAYBE: "
            f"{self.absent} of them ({share:.1f} %) were not stored"
        )
        yield (
            f"{self.cases} cases, something happened in {self.happened}, "
            f"{len(self.wrong)} wrong"
        )


def main(arguments: Sequence[str]) -> int:
    """
    Go through cases.

    @return: The exit status.
    """
    options = parsed(arguments)
    began = time.monotonic()
    # What is logged would be kept until somebody wants it.
    globalLogBeginner.beginLoggingTo([], discardBuffer=True, redirectStandardIO=False)
    numbers = options.numbers or range(0, len(cases()), options.every)
    total = Sum()
    total.add(verdicts(numbers, options.jobs or 1))
    sys.stdout.writelines(f"{line}\n" for line in total.lines())
    sys.stdout.write(f"{time.monotonic() - began:.0f} s\n")
    return 1 if total.wrong or not total.cases else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
