"""
Tests of the checker, and of what makes a run count: they find what is wrong.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.chaos.checker import Accepted, Stored, Verdict, check
from tests.chaos.full import Outcome as FullOutcome
from tests.chaos.killing import Outcome, Plan

QUEUE = ("broker-a", 0)


def accepted(*bodies: str) -> dict[str, Accepted]:
    """
    Messages like C{k/0}, accepted in their order.
    """
    return {
        body: Accepted(
            f"ID-{body}", body.split("/")[0] or None, int(body.split("/")[1])
        )
        for body in bodies
    }


def stored(*bodies: str, queue: tuple[str, int] = QUEUE) -> list[Stored]:
    """
    These messages in a queue.
    """
    return [Stored(body, f"ID-{body}", queue, at) for at, body in enumerate(bodies)]


class CheckerTests(SynchronousTestCase):
    """
    What is wrong is found, and nothing else.
    """

    def test_right(self) -> None:
        """
        All there, in order; a copy behind its original is no fault, whatever is
        between.
        """
        verdict = check(accepted("k/0", "k/1", "/0"), stored("k/0", "/0", "k/1", "k/0"))
        self.assertEqual(verdict, Verdict([], [], [], [], 1, 0))
        self.assertEqual(verdict.problems(), [])

    def test_missing(self) -> None:
        """
        A message that is not there is missing.
        """
        verdict = check(accepted("k/0", "k/1"), stored("k/1"))
        self.assertEqual(verdict.missing, ["k/0"])
        self.assertEqual(verdict.problems(), ["1 missing: k/0"])

    def test_foreign(self) -> None:
        """
        A copy under another id is found.
        """
        copies = [*stored("k/0"), Stored("k/0", "other", QUEUE, 5)]
        self.assertEqual(check(accepted("k/0"), copies).foreign, ["k/0"])

    def test_unknown(self) -> None:
        """
        What was never accepted is found.
        """
        self.assertEqual(check({}, stored("k/0")).unknown, ["k/0"])

    def test_disordered(self) -> None:
        """
        A message that first arrives behind a later one of its key is found.
        """
        verdict = check(accepted("k/0", "k/1"), stored("k/1", "k/0"))
        self.assertEqual(verdict.disordered, ["k/0"])

    def test_moved(self) -> None:
        """
        Order is that of each queue; a key on two of them is counted.
        """
        there = [*stored("k/1"), *stored("k/0", queue=("broker-a", 1))]
        verdict = check(accepted("k/0", "k/1"), there)
        self.assertEqual((verdict.disordered, verdict.moved), ([], 1))


class VacuousTests(SynchronousTestCase):
    """
    A run in which nothing was broken fails.
    """

    def outcome(self, kills: int, brokerKills: int, touched: int) -> Outcome:
        """
        What came of a run in which all was well.
        """
        verdict = Verdict([], [], [], [], 0, 0)
        plan = Plan(1000, 5, 2, 1)
        return Outcome(plan, kills, brokerKills, 1000, 100, touched, 0, verdict, [])

    def test_good(self) -> None:
        """
        Enough was broken.
        """
        outcome = self.outcome(5, 2, 1)
        self.assertEqual(outcome.problems(), [])
        self.assertIn("daemon killed 5 times", "\n".join(outcome.lines()))

    def test_vacuous(self) -> None:
        """
        Too few kills of either, or too little of it felt, prove nothing.
        """
        for how in ((4, 2, 9), (5, 1, 9), (5, 2, 0)):
            (problem,) = self.outcome(*how).problems()
            self.assertTrue(problem.startswith("vacuous"), problem)

    def test_incomplete(self) -> None:
        """
        A run that did not get everything accepted fails.
        """
        outcome = self.outcome(5, 2, 9)._replace(accepted=999)
        self.assertEqual(outcome.problems(), ["only 999 of 1000 were accepted"])

    def test_neverFull(self) -> None:
        """
        So does one in which the disk was never full, or space never returned.
        """
        verdict = Verdict([], [], [], [], 0, 0)
        outcome = FullOutcome(10, 0, {202: 1}, None, verdict, [])
        self.assertEqual(len(outcome.problems()), 2)
        self.assertIn("10 messages accepted", outcome.lines()[0])
