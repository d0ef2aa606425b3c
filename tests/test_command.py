"""
Tests for the test command: a run that proves nothing must not look good.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.__main__ import (
    NotInstalled,
    Outcome,
    checkInstalled,
    everything,
    judge,
    parseArguments,
    parseClosing,
    run,
    stage,
    trialCommand,
)
from tests.support import CHECKOUT


class ClosingTests(SynchronousTestCase):
    """
    What trial's closing line says is understood.
    """

    def test_passed(self) -> None:
        """
        Successes are passed; the last closing line counts.
        """
        lines = [
            "PASSED (successes=1)\n",
            "Ran 5 tests in 0.1s\n",
            "PASSED (successes=5)\n",
        ]
        self.assertEqual(parseClosing(lines), Outcome(5, 0, 0))

    def test_failed(self) -> None:
        """
        Failures, errors and unexpected successes are failed; skips and expected
        failures are skipped.
        """
        line = (
            "FAILED (skips=1, expectedFailures=2, failures=4, errors=8,"
            " unexpectedSuccesses=16, successes=32)"
        )
        self.assertEqual(parseClosing([line]), Outcome(32, 28, 3))

    def test_none(self) -> None:
        """
        A run of no tests, and output without a closing line, are told apart.
        """
        self.assertEqual(parseClosing(["PASSED"]), Outcome(0, 0, 0))
        self.assertIsNone(parseClosing(["it PASSED (really)", "[OK]"]))


class JudgeTests(SynchronousTestCase):
    """
    A run is good only if something ran, nothing failed, and trial agrees.
    """

    def test_good(self) -> None:
        """
        A good run is left as it is.
        """
        outcome = Outcome(3, 0, 1)
        self.assertEqual(judge(outcome, 0), (outcome, ""))

    def test_bad(self) -> None:
        """
        Failures are left as they are.
        """
        self.assertEqual(judge(Outcome(3, 2), 1), (Outcome(3, 2), ""))

    def test_nothingRan(self) -> None:
        """
        No test at all, or only skipped ones, is a failure.
        """
        self.assertEqual(judge(Outcome(), 0), (Outcome(0, 1), "no test ran"))
        self.assertEqual(judge(Outcome(0, 0, 9), 0)[0], Outcome(0, 1, 9))

    def test_endedEarly(self) -> None:
        """
        A run without a closing line is a failure.
        """
        outcome, remark = judge(None, -9)
        self.assertEqual(outcome, Outcome(0, 1))
        self.assertIn("-9", remark)

    def test_status(self) -> None:
        """
        A bad exit status is a failure, whatever the closing line says.
        """
        self.assertEqual(judge(Outcome(5), 3)[0], Outcome(5, 1))

    def test_line(self) -> None:
        """
        The number of skipped tests is named where it is not 0, or on request.
        """
        self.assertEqual(Outcome(2, 1).line(False), "2 passed, 1 failed")
        self.assertEqual(Outcome(2, 1).line(True), "2 passed, 1 failed, 0 skipped")
        self.assertEqual(Outcome(2, 1, 3).line(False), "2 passed, 1 failed, 3 skipped")


class SelectionTests(SynchronousTestCase):
    """
    The right tests run.
    """

    def test_everything(self) -> None:
        """
        Without names everything runs but what needs Java or a browser.
        """
        found = everything()
        self.assertIn("tests.test_command", found)
        self.assertIn("tests.wire", found)
        self.assertNotIn("tests.broker", found)
        self.assertNotIn("tests.browser", found)
        self.assertNotIn("tests.support", found)

    def test_packages(self) -> None:
        """
        Every directory with tests is a package: trial finds nothing in others.
        """
        files = (CHECKOUT / "tests").rglob("test_*.py")
        directories = {file.parent for file in files}
        missing = [d for d in directories if not (d / "__init__.py").exists()]
        self.assertEqual(missing, [])

    def test_names(self) -> None:
        """
        Names are handed to trial, and nothing else is run.
        """
        command = trialCommand(parseArguments(["tests.broker"]), Path("d"))
        self.assertEqual(command[:4], [sys.executable, "-P", "-m", "twisted.trial"])
        self.assertEqual(command[5:], ["tests.broker"])

    def test_coverage(self) -> None:
        """
        Coverage is measured on request, with the project's configuration.
        """
        command = trialCommand(
            parseArguments(["--coverage", "--jobs=2", "a"]), Path("d")
        )
        self.assertEqual(command[2:5], ["-m", "coverage", "run"])
        self.assertIn("--jobs=2", command)


class InstallationTests(SynchronousTestCase):
    """
    Only an installed wheel of this checkout is tested.
    """

    def setUp(self) -> None:
        """
        Make a stage.
        """
        self.directory = Path(self.mktemp()).resolve()
        self.directory.mkdir()
        self.environment = stage(self.directory)

    def refused(self) -> str:
        """
        Say why the installation is refused.
        """
        with self.assertRaises(NotInstalled) as refused:
            checkInstalled(self.directory, self.environment)
        return str(refused.exception)

    def test_stage(self) -> None:
        """
        The tests can be imported from the stage, and the checkout's package cannot.
        """
        names = {path.name for path in self.directory.iterdir()}
        self.assertEqual(names - {"bench"}, {"tests"})
        self.assertEqual(self.environment["PYTHONPATH"], str(self.directory))
        self.assertEqual(self.environment["TXROCKETMQ_CHECKOUT"], str(CHECKOUT))

    def test_checkout(self) -> None:
        """
        The checkout itself is refused.
        """
        self.environment["PYTHONPATH"] = str(CHECKOUT)
        self.assertIn("the checkout itself", self.refused())

    def test_missing(self) -> None:
        """
        A package that cannot be imported is refused, with the reason.
        """
        package = self.directory / "txrocketmq"
        package.mkdir()
        (package / "__init__.py").write_text("raise ImportError('no such thing')")
        self.assertIn("no such thing", self.refused())

    def test_another(self) -> None:
        """
        A package that differs from the checkout's is refused: it would be tested
        in vain.
        """
        package = self.directory / "txrocketmq"
        package.mkdir()
        (package / "__init__.py").touch()
        self.assertIn("is another: see ", self.refused())

    def test_anotherPage(self) -> None:
        """
        So is one of which only a file that is no module differs.
        """
        package = self.directory / "txrocketmq"
        shutil.copytree(CHECKOUT / "txrocketmq", package)
        (package / "relay" / "page" / "page.css").write_text("")
        self.assertIn("see relay/page/page.css", self.refused())


class RunTests(SynchronousTestCase):
    """
    Trial's run is passed on, and ended when it takes too long.
    """

    def runPython(self, code: str, timeout: float) -> tuple[list[str], int]:
        """
        Run a program in place of trial.
        """
        shown, sys.stdout = sys.stdout, open(os.devnull, "w")  # noqa: PTH123, SIM115
        self.addCleanup(setattr, sys, "stdout", shown)
        self.addCleanup(sys.stdout.close)
        return run([sys.executable, "-c", code], Path(), os.environ, timeout)

    def test_output(self) -> None:
        """
        Both of the program's outputs are taken, and its exit status.
        """
        code = "import sys; print('a', flush=True); sys.exit('b')"
        self.assertEqual(self.runPython(code, 60), (["a\n", "b\n"], 1))

    def test_timeout(self) -> None:
        """
        A program that does not end is ended, with what it has started.
        """
        code = (
            "import subprocess, sys;"
            "subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"
        )
        self.assertEqual(self.runPython(code, 0.5), ([], -9))
