"""
Every eighth case, and tests of what goes through the cases.
"""

from __future__ import annotations

import os
import subprocess
import sys

from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from txrocketmq.errors import SendCancelled

from . import cases as module
from .__main__ import Sum
from .actions import ACTIONS, reset
from .cases import Case, Verdict, cases, judged
from .life import MAYBE, SENDS, VARIANTS, End, Life
from .truth import wrongs

EVERY = 8


class EighthTests(SynchronousTestCase):
    """
    A part of the enumeration.
    """

    def test_everyEighth(self) -> None:
        """
        Whatever happens at every eighth step, sends end once, in time and truly,
        and nothing is left.
        """
        command = [sys.executable, "-P", "-m", "tests.stages", f"--every={EVERY}"]
        path = os.pathsep.join(each for each in sys.path if each)
        ended = subprocess.run(
            command,
            env={**os.environ, "PYTHONPATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.assertEqual(ended.returncode, 0, ended.stdout)
        self.assertIn(" 0 wrong", ended.stdout)


class CaseTests(SynchronousTestCase):
    """
    The cases.
    """

    def test_numbers(self) -> None:
        """
        There are more than 20000, each under its own number, and all kinds of
        lives and actions are among them.
        """
        found = cases()
        self.assertGreater(len(found), 20_000)
        self.assertEqual([each.number for each in found], list(range(len(found))))
        kinds = {(each.variant, each.action) for each in found}
        self.assertEqual(len(kinds), len(VARIANTS) * len(ACTIONS))

    def test_sameSteps(self) -> None:
        """
        A life takes the same steps each time, or numbers would mean nothing.
        """
        for variant in VARIANTS:
            steps = set()
            for _ in range(2):
                life = Life(variant)
                life.live()
                steps.add(life.steps)
                self.assertEqual(list(wrongs(life)), [])
                self.assertEqual(len(life.ends), SENDS)
            self.assertEqual(len(steps), 1)

    def test_everyWayToTheEnd(self) -> None:
        """
        Where nothing happens, a send is refused once and another is lost after it
        was stored: the broker holds one copy that was declared.
        """
        life = Life(VARIANTS[0])
        life.live()
        results = [end.outcome for ends in life.ends for end in ends]
        self.assertEqual([len(each.attempts) for each in results], [2, 1, 2, 1])
        self.assertEqual([each.possibleDuplicates for each in results], [0, 0, 1, 0])
        self.assertEqual(len(life.cluster.sandbox.messages("T")), SENDS + 1)
        self.assertEqual(list(wrongs(life)), [])


class JudgeTests(SynchronousTestCase):
    """
    What is wrong is seen.
    """

    def judged(self, act: object) -> list[str]:
        """
        What is wrong with a life in which this happened.
        """
        self.patch(module, "ACTIONS", {"act": act})
        return list(judged(Case(0, VARIANTS[0], "act", 400)).wrongs)

    def test_nothingWrong(self) -> None:
        """
        A reset is no reason.
        """
        self.assertEqual(self.judged(reset), [])

    def test_neverReached(self) -> None:
        """
        A step that does not come is no proof of anything.
        """
        verdict = judged(Case(0, VARIANTS[0], "reset", 10**6))
        self.assertEqual(verdict.wrongs, ["the step never came"])

    def test_logged(self) -> None:
        """
        Nor is a failure that was only logged.
        """

        def act(life: Life) -> bool:
            Logger().failure("oops", Failure(ZeroDivisionError()))
            return True

        (wrong,) = self.judged(act)
        self.assertIn("ZeroDivisionError", wrong)
        self.flushLoggedErrors(ZeroDivisionError)

    def test_lies(self) -> None:
        """
        A send that ends twice, late, or with what is not so, and what it
        leaves behind.
        """

        def act(life: Life) -> bool:
            life.ends[1].extend([End(0.0, None), End(0.0, None)])
            life.ends[0].append(End(100.0, Failure(SendCancelled(MAYBE))))
            life.sent[0].cancel()
            life.cluster.network.frames.clear()
            life.clock.callLater(1000, list)
            return True

        said = "\n".join(self.judged(act))
        for each in ("ended 3 times", "ended 2 times", "on the clock is left"):
            self.assertIn(each, said)

    def test_sum(self) -> None:
        """
        The number of what is wrong is told, and the share of what was feared for
        nothing.
        """
        total = Sum()
        case = Case(12, VARIANTS[0], "reset", 3)
        total.add([Verdict(case, True, 3, 1, []), Verdict(case, False, 1, 0, ["bad"])])
        text = "\n".join(total.lines())
        self.assertIn("case 12: reset at step 3, JSON, plain\n    bad", text)
        self.assertIn("4 sends ended with MAYBE: 1 of them (25.0 %)", text)
        self.assertIn("2 cases, something happened in 1, 1 wrong", text)
