"""
The runs, shortened: what all tests include.
"""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.chaos import damage, full, killing
from tests.chaos.clusters import SandboxTarget


class ChaosTests(SynchronousTestCase):
    """
    Nothing that was accepted is lost, altered or out of order.
    """

    timeout = 300

    def setUp(self) -> None:
        """
        Make a directory.
        """
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir(parents=True, mode=0o700)

    def test_killed(self) -> None:
        """
        20,000 messages through a daemon that is killed eight times: all are there,
        the ids are those that were told, and each key is in order.
        """
        target = SandboxTarget()
        self.addCleanup(target.stop)
        plan = killing.Plan(20_000, 8, 0, seed=3)
        outcome = killing.Run(plan, target, self.directory).run()
        self.assertEqual(outcome.problems(), [])

    def test_full(self) -> None:
        """
        What a full disk cannot keep is refused, and what was accepted is there.
        """
        try:
            run = full.Run(self.directory)
        except full.NotPossible as reason:
            raise self.skipTest(str(reason)) from None
        self.assertEqual(run.run().problems(), [])

    def test_damaged(self) -> None:
        """
        A flipped bit is never delivered, and never loses more than it hit.
        """
        tested = damage.prepared(self.directory / "tested", 2000)
        cases = damage.flips(tested, self.directory / "copy", 30, seed=5)
        self.assertEqual([line for case in cases for line in case.problems], [])
        self.assertTrue(any(case.noticed for case in cases))
        self.assertIn("recovered", damage.lines(tested, cases)[1])
