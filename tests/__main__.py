"""
The project's test command: C{python -m tests [names...]}.

It runs trial on the installed package, never on the checkout beside it: the tests
are linked into an empty directory, and trial runs there.  With no names it runs
everything but C{tests.broker}, which needs Java, and C{tests.browser}, which needs
Chromium.

Output streams through; the last line is always C{N passed, N failed}, with
C{, N skipped} where there are any.  The exit status is 0 only if something ran and
nothing failed: unlike trial's own, which is also 0 when no test was found and when
a test marked C{todo} passes.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

CHECKOUT = Path(__file__).resolve().parent.parent
PYTHON = [sys.executable, "-P"]
CONFIGURATION = f"--rcfile={CHECKOUT / 'setup.cfg'}"

#: What must be covered to the last branch.
COVERED = ("_wire", "_remoting")

#: What runs only when named.
ON_REQUEST = {"broker", "browser"}

CLOSING = re.compile(r"^(?:PASSED|FAILED)(?: \((?P<counts>.*)\))?$")


class Outcome(NamedTuple):
    """
    How a run ended, in numbers of tests.
    """

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def line(self, showSkipped: bool) -> str:
        """
        Say it in the closing line's words.

        @param showSkipped: Name the skipped ones even if there are none.
        """
        text = f"{self.passed} passed, {self.failed} failed"
        if self.skipped or showSkipped:
            text += f", {self.skipped} skipped"
        return text


class NotInstalled(Exception):
    """
    There is no wheel of this checkout to test.
    """


def parseClosing(lines: Iterable[str]) -> Outcome | None:
    """
    Read trial's closing line.

    An unexpected success is a failure; an expected failure counts as skipped, since
    what it is about is known not to work.

    @return: The outcome, or C{None} where trial never came to its closing line.
    """
    outcome = None
    for line in lines:
        if match := CLOSING.match(line.strip()):
            outcome = _count(match["counts"] or "")
    return outcome


def _count(counts: str) -> Outcome:
    """
    Add up C{skips=1, errors=1, successes=6}.
    """
    pairs = (pair.split("=") for pair in counts.split(", ") if pair)
    number = {kind: int(value) for kind, value in pairs}
    return Outcome(
        passed=number.get("successes", 0),
        failed=sum(
            number.get(kind, 0)
            for kind in ("failures", "errors", "unexpectedSuccesses")
        ),
        skipped=number.get("skips", 0) + number.get("expectedFailures", 0),
    )


def judge(outcome: Outcome | None, status: int) -> tuple[Outcome, str]:
    """
    Make sure that a run which proves nothing is not taken for a good one.

    @param outcome: What trial's closing line says, if there was one.
    @param status: Trial's exit status.
    @return: The outcome that counts, and a remark where it is not trial's.
    """
    if outcome is None:
        return Outcome(failed=1), f"trial ended early, with status {status}"
    if outcome.passed + outcome.failed == 0:
        return outcome._replace(failed=1), "no test ran"
    if status != 0 and outcome.failed == 0:
        return outcome._replace(failed=1), f"trial ended with status {status}"
    return outcome, ""


def everything() -> list[str]:
    """
    Name all tests but those that run L{ON_REQUEST}.
    """
    tests = CHECKOUT / "tests"
    modules = [path.stem for path in tests.glob("test_*.py")]
    packages = [path.parent.name for path in tests.glob("*/test_*.py")]
    return [f"tests.{name}" for name in sorted({*modules, *packages} - ON_REQUEST)]


def stage(directory: Path) -> dict[str, str]:
    """
    Prepare a directory from which the tests can be imported, and the package cannot.

    @return: The environment to run trial in.
    """
    for name in ("tests", "bench"):
        if (CHECKOUT / name).is_dir():
            (directory / name).symlink_to(CHECKOUT / name)
    return {
        **os.environ,
        "PYTHONPATH": str(directory),
        "TXROCKETMQ_CHECKOUT": str(CHECKOUT),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(CHECKOUT / ".hypothesis"),
        "COVERAGE_FILE": str(directory / ".coverage"),
    }


def checkInstalled(directory: Path, environment: Mapping[str, str]) -> None:
    """
    Refuse to test anything but an installed wheel of this very checkout.

    @raise NotInstalled: The package is missing, is the checkout itself, or differs
        from it.
    """
    find = "import txrocketmq; print(txrocketmq.__path__[0])"
    found = subprocess.run(
        [*PYTHON, "-c", find],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode:
        reason = (found.stderr.strip().splitlines() or ["unknown"])[-1]
        raise NotInstalled(f"txrocketmq cannot be imported ({reason})")
    installed, ours = Path(found.stdout.strip()), CHECKOUT / "txrocketmq"
    if installed.resolve() == ours:
        raise NotInstalled("txrocketmq is the checkout itself, not an installed wheel")
    if different := sorted(_differences(installed, ours)):
        raise NotInstalled(f"the installed txrocketmq is another: see {different[0]}")


def _differences(installed: Path, ours: Path) -> Iterator[str]:
    """
    Name the files that two copies of the package do not share: modules, and the
    status page.
    """
    names = {
        str(path.relative_to(copy))
        for copy in (installed, ours)
        for path in copy.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    for name in names:
        theirs, mine = installed / name, ours / name
        both = theirs.exists() and mine.exists()
        if not (both and filecmp.cmp(theirs, mine, shallow=False)):
            yield name


def run(
    command: Sequence[str],
    directory: Path,
    environment: Mapping[str, str],
    timeout: float,
) -> tuple[list[str], int]:
    """
    Run trial, passing its output on as it comes.

    @param timeout: After how many seconds to end it, with all that it has started.
    @return: Its output and its exit status.
    """
    lines = []
    with subprocess.Popen(
        command,
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        timer = threading.Timer(timeout, _end, [process, timeout])
        timer.start()
        try:
            for line in process.stdout or ():
                print(line, end="", flush=True)
                lines.append(line)
            return lines, process.wait()
        finally:
            timer.cancel()
            _end(process)


def _end(process: subprocess.Popen[str], timeout: float | None = None) -> None:
    """
    End a run and everything it has started.

    @param timeout: The time it had, in seconds, where that is why.
    """
    if timeout is not None:
        print(f"\nnot done after {timeout:g} s: ended", flush=True)
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def uncovered(directory: Path, environment: Mapping[str, str]) -> list[str]:
    """
    Report what the run has covered.

    @return: Which of L{COVERED} are not covered to the last branch.
    """

    def coverage(action: str, *arguments: str) -> int:
        command = [*PYTHON, "-m", "coverage", action, CONFIGURATION, *arguments]
        return subprocess.run(
            command, cwd=CHECKOUT, env=environment, check=False
        ).returncode

    if coverage("combine", "--quiet", str(directory)) or coverage("report"):
        return ["anything"]
    return [
        name
        for name in COVERED
        if coverage("report", "--fail-under=100", f"--include=txrocketmq/{name}/*")
    ]


def parseArguments(arguments: Sequence[str]) -> argparse.Namespace:
    """
    Read the command line.
    """
    parser = argparse.ArgumentParser(
        prog="python -m tests",
        description="Run the tests against the installed txrocketmq.",
    )
    parser.add_argument(
        "names",
        nargs="*",
        help="what to run, for example tests.wire or tests.wire.test_frames;"
        " everything but tests.broker and tests.browser unless given",
    )
    parser.add_argument(
        "--coverage",
        action="store_true",
        help=f"measure coverage, and fail unless {' and '.join(COVERED)}"
        " have all their branches covered",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=1800,
        metavar="SECONDS",
        help="end the run after so long (default: %(default)s)",
    )
    parser.add_argument("--jobs", type=int, metavar="N", help="use N processes")
    parser.add_argument(
        "--skipped",
        action="store_true",
        help="name the number of skipped tests even if it is 0",
    )
    return parser.parse_args(arguments)


def trialCommand(options: argparse.Namespace, directory: Path) -> list[str]:
    """
    Spell out how to run trial.
    """
    measure = ["-m", "coverage", "run", CONFIGURATION] if options.coverage else []
    jobs = [f"--jobs={options.jobs}"] if options.jobs else []
    return [
        *PYTHON,
        *measure,
        "-m",
        "twisted.trial",
        f"--temp-directory={directory / '_trial_temp'}",
        *jobs,
        *(options.names or everything()),
    ]


def runTests(options: argparse.Namespace, directory: Path) -> Outcome:
    """
    Run what was asked for, in a directory of its own.
    """
    environment = stage(directory)
    checkInstalled(directory, environment)
    command = trialCommand(options, directory)
    lines, status = run(command, directory, environment, options.timeout)
    outcome, remark = judge(parseClosing(lines), status)
    if remark:
        print(remark)
    if options.coverage:
        for name in uncovered(directory, environment):
            print(f"{name} is not covered to the last branch")
            outcome = outcome._replace(failed=outcome.failed + 1)
    return outcome


def main(arguments: Sequence[str]) -> int:
    """
    Run the tests.

    @return: The exit status: 0 only if something ran and nothing failed.
    """
    options = parseArguments(arguments)
    with tempfile.TemporaryDirectory(prefix="txrocketmq-tests-") as directory:
        try:
            outcome = runTests(options, Path(directory).resolve())
        except NotInstalled as e:
            print(f"{e}: run  {sys.executable} -m pip install '.[test]'  first")
            outcome = Outcome(failed=1)
    print(outcome.line(options.skipped), flush=True)
    return 1 if outcome.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
