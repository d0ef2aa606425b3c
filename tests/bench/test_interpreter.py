"""
Tests for what runs the Python programs of the benchmarks.
"""

from __future__ import annotations

import os
import platform
import sys
import sysconfig
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from bench import drivers, interpreter
from bench.interpreter import (
    VARIABLE,
    Interpreter,
    Trial,
    fastest,
    others,
    tried,
)
from bench.toolchain import Missing

OWN = Path(sys.executable)
OTHER = Path("/elsewhere/python3")


class FastestTests(SynchronousTestCase):
    """
    Which of some is taken.
    """

    def test_another(self) -> None:
        """
        One that is clearly faster is, with the packages of the one that began; what
        is told is which, and by how much.
        """
        trials = {OWN: Trial("3.11.7", "abi", 0.3), OTHER: Trial("3.11.2", "abi", 0.2)}
        chosen = fastest(OWN, trials)
        self.assertEqual(chosen.path, str(OTHER))
        self.assertIn(sysconfig.get_path("purelib"), chosen.environment["PYTHONPATH"])
        self.assertIn("3.11.2, 1.50 times as fast as the 3.11.7", chosen.told)

    def test_hardlyFaster(self) -> None:
        """
        One that is not is not.
        """
        trials = {OWN: Trial("3.11.7", "abi", 0.3), OTHER: Trial("3.11.2", "abi", 0.29)}
        for tried_ in (trials, {OWN: trials[OWN]}, {OTHER: trials[OTHER]}, {}):
            chosen = fastest(OWN, tried_)
            self.assertEqual((chosen.path, chosen.environment), (sys.executable, {}))
            self.assertNotIn("times", chosen.told)


class TriedTests(SynchronousTestCase):
    """
    What one says of itself.
    """

    def script(self, text: str) -> Path:
        """
        Something that can be run.
        """
        path = Path(self.mktemp())
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path.absolute()

    def test_own(self) -> None:
        """
        The one that runs can do what it has to.
        """
        trial = tried(OWN)
        assert trial is not None
        self.assertEqual(trial.version, platform.python_version())
        self.assertGreater(trial.seconds, 0.0)

    def test_cannot(self) -> None:
        """
        What is not there, fails, or is something else cannot; nor can what takes
        other extension modules.
        """
        other = '{"version": "3", "abi": "other", "seconds": 1.0}'
        for path in (
            Path("/nowhere/python3"),
            self.script("exit 1"),
            self.script("echo hello"),
            self.script("echo '{}'"),
            self.script(f"echo '{other}'"),
        ):
            self.assertIsNone(tried(path))


class ChosenTests(SynchronousTestCase):
    """
    What is looked for, and where.
    """

    def chosen(self, wanted: str, path: str = "") -> Interpreter:
        """
        What is taken with some environment.
        """
        self.patch(os, "environ", {**os.environ, VARIABLE: wanted, "PATH": path})
        return interpreter.interpreter.__wrapped__()

    def directory(self, target: Path) -> Path:
        """
        A directory with an interpreter of this version.
        """
        directory = Path(self.mktemp()).absolute()
        directory.mkdir()
        name = f"python{sys.version_info.major}.{sys.version_info.minor}"
        (directory / name).symlink_to(target)
        return directory

    def test_others(self) -> None:
        """
        Others are those of the same version on the path, each once, and not the
        one that runs.
        """
        shell = Path("/bin/sh")
        places = [self.directory(OWN), self.directory(shell), self.directory(shell)]
        path = ":".join(map(str, places))
        self.patch(os, "environ", {**os.environ, "PATH": path})
        self.assertEqual([each.parent for each in others(OWN)], places[1:2])

    def test_alone(self) -> None:
        """
        Where there is no other, nothing is measured.
        """
        self.patch(interpreter, "tried", None)
        for wanted in ("", "same"):
            self.assertEqual(self.chosen(wanted).path, sys.executable)

    def test_measured(self) -> None:
        """
        Each is tried in turn; its best counts.
        """
        times = iter([3.0, 2.5, 2.0, 2.5, 2.6, 2.2])
        self.patch(
            interpreter, "tried", lambda path: Trial(path.name, "abi", next(times))
        )
        directory = self.directory(Path("/bin/sh"))
        chosen = self.chosen("", str(directory))
        self.assertEqual(chosen.path, sys.executable)
        self.assertEqual(next(times, None), None)

    def test_wanted(self) -> None:
        """
        One that is named is taken; if it cannot do it, that is said.
        """
        (path,) = self.directory(OWN).iterdir()
        self.assertEqual(self.chosen(str(path)).path, str(path))
        with self.assertRaises(Missing) as caught:
            self.chosen("/nowhere/python3")
        self.assertIn(f"{VARIABLE}=/nowhere/python3", str(caught.exception))


class ProgramTests(SynchronousTestCase):
    """
    Programs that it runs.
    """

    def test_packages(self) -> None:
        """
        What a program needs comes before what the interpreter needs.
        """
        chosen = Interpreter("/a/python", {"PYTHONPATH": "/there"}, "")
        self.patch(drivers, "interpreter", lambda: chosen)
        program = drivers.python("bare", packages="/more")
        self.assertEqual(program.words[0], "/a/python")
        self.assertEqual(program.environment, {"PYTHONPATH": "/more:/there"})
        self.assertEqual(drivers.python("bare").environment, {"PYTHONPATH": "/there"})
