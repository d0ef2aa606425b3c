"""
Tests that what Java refuses without asking anybody, we refuse.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txrocketmq.errors import InvalidConfiguration, InvalidMessage

from .declared import NOT_REFUSED, STRICTER
from .replay import Replay
from .scenarios import Record, Scenario, scenarios


def refusals(scenario: Scenario) -> list[tuple[Record, Record]]:
    """
    The steps that are to be refused, each with what Java did.
    """
    steps = [
        each
        for each in scenario.inputs["steps"]
        if each["op"] not in ("start", "shutdown")
    ]
    return list(zip(steps, scenario.cases, strict=True))


class RefusedTests(SynchronousTestCase):
    """
    The scenario C{refused} of both releases.
    """

    def check(self, scenario: Scenario) -> None:
        """
        Do the steps of one scenario, and see that each is refused.
        """
        pairs = [
            (step, case)
            for step, case in refusals(scenario)
            if case["case"] not in NOT_REFUSED
        ]
        replay = Replay(scenario)
        replay.do({"op": "start"})
        for step, case in pairs:
            error = self.assertRaises(
                (InvalidMessage, InvalidConfiguration), replay.do, step
            )
            self.assertTrue(str(error), case["case"])
            if case["refused"] is None:
                self.assertIn(case["case"], STRICTER)
        replay.do({"op": "shutdown"})
        replay.cluster.stop()
        self.assertLessEqual({each.code for each in replay.broker()}, {34, 35})
        self.assertGreater(len(pairs), 20)

    def test_refused(self) -> None:
        """
        What a Java client refuses we refuse, and nothing of it is sent.
        """
        found = [each for each in scenarios() if each.name == "refused"]
        self.assertEqual(len(found), 2)
        for scenario in found:
            self.check(scenario)

    def test_declared(self) -> None:
        """
        What is declared of the refusals exists.
        """
        cases = {
            case["case"]: case
            for each in scenarios()
            if each.name == "refused"
            for case in each.cases
            if case["case"] not in STRICTER or case["refused"] is None
        }
        self.assertLessEqual({*NOT_REFUSED, *STRICTER}, cases.keys())
