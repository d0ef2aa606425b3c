"""
The run, shortened: what all tests include.
"""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.matrix.marks import row

from .hostile import Outcome, Phase, Plan, Run

SHORT = Plan(
    rate=100.0, alone=3.0, seconds=8.0, slow=60, endless=10, malformed=100, slack=15.0
)

GOOD = Phase([0.01] * 1000, [])
SLOW = Phase([0.01] * 950 + [0.1] * 50, [])

ATTACK = {
    "begun": {"malformed": 5},
    "ended": dict.fromkeys(
        (
            *("slow head", "slow body", "slow stream", "silence", "announced body"),
            *("body in chunks", "endless line", "endless head", "never reads"),
        ),
        1,
    ),
    "answers": {"slow head: 400": 1},
    "most": 20,
    "wrong": [],
}


class HostileTests(SynchronousTestCase):
    """
    Attackers do not get through, and do not stay.
    """

    timeout = 200

    @row("F76", "F77", "F78", "F80")
    def test_short(self) -> None:
        """
        Some attackers of each kind: all are thrown out in time and as they should be,
        no good post fails, and nothing is left of them.  How long good posts take
        is not looked at: other tests run at the same time.
        """
        directory = Path(self.mktemp()).absolute()
        directory.mkdir(parents=True, mode=0o700)
        outcome = Run(SHORT, directory).run()
        self.assertEqual(outcome.wrongs(), [])
        self.assertEqual(len(outcome.lines()), 4)


class OutcomeTests(SynchronousTestCase):
    """
    What is wrong is told.
    """

    def outcome(self, **changes: object) -> Outcome:
        """
        A good outcome, but for some changes.
        """
        plan = Plan(10.0, 10.0, 100.0, 10, 10, 5, 1.5)
        good = Outcome(plan, GOOD, GOOD, ATTACK, 1_000_000, 0.1, 30, 0, [], [])
        return good._replace(**changes)  # type: ignore[arg-type]

    def test_good(self) -> None:
        """
        Nothing is wrong with a good one.
        """
        self.assertEqual(self.outcome().problems(), [])

    def test_wrong(self) -> None:
        """
        Each law that is broken is told.
        """
        for changes, words in (
            ({"among": SLOW}, "the good p99 is 10.0 times"),
            ({"among": GOOD._replace(wrong=["503"])}, "1 good posts failed"),
            ({"memory": 50_000_001}, "the daemon grew by 50 MB"),
            ({"strays": ["/tmp/x"]}, "temporary files"),
            ({"left": 1}, "1 sockets are left"),
            ({"faults": ["a traceback"]}, "a traceback"),
            ({"attack": {**ATTACK, "wrong": ["it stays"]}}, "1 attackers were not"),
            ({"attack": {**ATTACK, "most": 19}}, "vacuous: at most 19"),
            ({"attack": {**ATTACK, "begun": {}}}, "vacuous: there were not all"),
            ({"attack": {**ATTACK, "ended": {}}}, "vacuous: 'slow head' was never"),
            (
                {"among": GOOD._replace(times=[0.1] * 940)},
                "vacuous: there were too few",
            ),
        ):
            problems = self.outcome(**changes).problems()
            self.assertIn(words, " ".join(problems))
