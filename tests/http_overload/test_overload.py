"""
The run, shortened: what all tests include.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.matrix.marks import row

from .overload import Outcome, Plan, Run

SHORT = Plan(seconds=5.0, measured=2.0, times=2.0, limit="128KiB", size=1024)

TOLD: dict[str, Any] = {
    "posted": 3000,
    "accepted": {"1": "A1", "2": "A2"},
    "statuses": {"202": 2, "507": 2998},
    "mute": 0,
    "lost": 0,
    "unposted": 0,
    "odd": [],
    "busiest": 9,
}


class OverloadTests(SynchronousTestCase):
    """
    What is too much is refused.
    """

    timeout = 200

    @row("F83", "F74")
    def test_short(self) -> None:
        """
        Twice of what the daemon takes, with a spool that is soon full: what was
        accepted is what a broker has in the end, and all else was told when to come
        again.
        """
        directory = Path(self.mktemp()).absolute()
        directory.mkdir(parents=True, mode=0o700)
        outcome = Run(SHORT, directory).run()
        self.assertEqual(outcome.problems(), [])
        self.assertEqual(len(outcome.lines()), 4)


class OutcomeTests(SynchronousTestCase):
    """
    What is wrong is told.
    """

    def outcome(self, **changes: Any) -> Outcome:
        """
        A good outcome, but for some changes.
        """
        stored = Counter({(1, "A1"): 1, (2, "A2"): 1})
        good = Outcome(SHORT, 100.0, TOLD, 2, stored, 1, 0.1, [])
        return good._replace(**changes)

    def test_good(self) -> None:
        """
        Nothing is wrong with a good one.
        """
        self.assertEqual(self.outcome().problems(), [])

    def test_wrong(self) -> None:
        """
        Each law that is broken is told.
        """
        twice = Counter({(1, "A1"): 2, (2, "A2"): 1})
        other = Counter({(1, "A1"): 1, (2, "B2"): 1})
        for changes, words in (
            ({"stored": Counter({(1, "A1"): 1})}, "1 accepted messages are missing"),
            ({"stored": other}, "1 messages were never accepted"),
            ({"stored": twice}, "1 messages are stored twice"),
            ({"spooled": 3}, "2 were accepted, 3 kept"),
            ({"memory": 200_000_001}, "the daemon took 200 MB"),
            ({"faults": ["a traceback"]}, "a traceback"),
            ({"told": {**TOLD, "mute": 1}}, "1 refusals do not say when"),
            ({"told": {**TOLD, "lost": 1}}, "1 posts had no answer"),
            ({"told": {**TOLD, "odd": ["500"]}}, "1 answers were odd 500"),
            ({"told": {**TOLD, "accepted": {}}}, "vacuous: nothing was accepted"),
            ({"told": {**TOLD, "statuses": {}}}, "vacuous: the spool was never full"),
            ({"told": {**TOLD, "posted": 499}}, "vacuous: it was never asked"),
        ):
            problems = self.outcome(**changes).problems()
            self.assertIn(words, " ".join(problems))
