"""
Tests for what the benchmarks make of their runs.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from bench.report import Summary, summaries, table, verdict
from bench.rows import FLOOR, OURS, SETS, YARDSTICK, Row, chosenRows
from bench.runs import Run, interleaved, problems

JAVA = Row("java", "java", "async")


def told(row: Row, repetition: int = 0, **other: Any) -> Run:
    """
    What a program of a good run told: a thousand messages in a second.
    """
    run: Run = {
        "name": row.name,
        "repetition": repetition,
        "n": 1000,
        "secs": 1.0,
        "cpu": 1.0,
        "rssKiB": 1024,
        "failed": 0,
        "problems": [],
    }
    return run | other


class ProblemsTests(SynchronousTestCase):
    """
    Tests for L{problems}.
    """

    def test_equalCountsAreGood(self) -> None:
        """
        A program that drains must have counted what the sink has.
        """
        run = told(OURS, total=1500, sinkMessages=1500)
        self.assertEqual(problems(run, OURS, True), [])

    def test_drainedProgramMustCountExactly(self) -> None:
        """
        One message more at the sink was sent twice, or not waited for.
        """
        for counted in (1499, 1501):
            run = told(OURS, total=1500, sinkMessages=counted)
            [problem] = problems(run, OURS, True)
            self.assertIn(str(counted), problem)

    def test_whatIsInFlightMayBeCounted(self) -> None:
        """
        A program that ends in the middle may have a window of messages
        outstanding, and no more.
        """
        run = told(JAVA, total=1500, sinkMessages=1756)
        self.assertEqual(problems(run, JAVA, False), [])
        [problem] = problems(run | {"sinkMessages": 1800}, JAVA, False)
        self.assertIn("1800", problem)

    def test_unseenMessagesAreNotCounted(self) -> None:
        """
        A program cannot have more acknowledged than the sink has seen.
        """
        run = told(JAVA, total=1500, sinkMessages=1499)
        [problem] = problems(run, JAVA, False)
        self.assertIn("1499", problem)

    def test_failedSendsAreAProblem(self) -> None:
        """
        A failure is quick; a rate with failures in it is none.
        """
        [problem] = problems(told(OURS, failed=3, error="refused"), OURS, True)
        self.assertEqual(problem, "3 sends failed: refused")

    def test_silenceIsAProblem(self) -> None:
        """
        A program that told nothing says why, where that is known.
        """
        self.assertEqual(problems({"error": "no jar"}, OURS, True), ["no jar"])
        self.assertEqual(problems({"n": 0}, OURS, True), ["nothing was acknowledged"])

    def test_pacedLoadMustKeepItsPace(self) -> None:
        """
        Latencies at half the rate are not latencies at that rate.
        """
        row = Row("paced", "txrocketmq", "send", rate=2000.0)
        [problem] = problems(told(row), row, True)
        self.assertIn("1,000 of 2,000", problem)


class SummaryTests(SynchronousTestCase):
    """
    Tests for L{summaries} and L{table}.
    """

    def summed(self, runs: list[Run], **missing: str) -> list[Summary]:
        """
        Sum up the yardstick, our row and Java's.
        """
        return summaries([YARDSTICK, OURS, JAVA], runs, missing)

    def test_ratiosAreTakenWithinRepetitions(self) -> None:
        """
        A repetition in which the machine was slow has the same ratio.
        """
        runs = [
            told(YARDSTICK, 0),
            told(OURS, 0, n=500),
            told(YARDSTICK, 1, n=100),
            told(OURS, 1, n=50),
        ]
        ours = self.summed(runs)[1]
        self.assertEqual(ours["ofYardstick"], {"median": 0.5, "min": 0.5, "max": 0.5})
        self.assertEqual(ours["rate"], {"median": 275, "min": 50, "max": 500})

    def test_badRunsDoNotCount(self) -> None:
        """
        A run with a problem is in no figure, and the row says so.
        """
        runs = [
            told(YARDSTICK),
            told(OURS, 0, n=500),
            told(OURS, 1, n=9000, problems=["miscounted"]),
        ]
        summed = self.summed(runs)
        self.assertEqual(summed[1]["rate"]["max"], 500)
        self.assertIn("miscounted", table(summed))

    def test_whatIsMissingIsNamed(self) -> None:
        """
        A row that could not be run is in the table, with the reason.
        """
        summed = self.summed([], java="mvn is not on the path")
        self.assertIn("| java | left out: mvn is not on the path |", table(summed))

    def test_allFailed(self) -> None:
        """
        A row none of whose runs count has no figures, but its problems.
        """
        summed = self.summed([told(JAVA, problems=["it did not end in time"])])
        self.assertIn("| java | failed: it did not end in time |", table(summed))


class VerdictTests(SynchronousTestCase):
    """
    Tests for L{verdict}.
    """

    def judged(self, n: float) -> tuple[str, bool]:
        """
        Judge a rate, the yardstick's being 1000.
        """
        return verdict(
            summaries([YARDSTICK, OURS], [told(YARDSTICK), told(OURS, n=n)], {})
        )

    def test_floor(self) -> None:
        """
        The floor itself is enough, and less is not.
        """
        line, met = self.judged(1000 * FLOOR)
        self.assertTrue(met)
        self.assertIn("met", line)
        line, met = self.judged(1000 * FLOOR - 1)
        self.assertFalse(met)
        self.assertIn("NOT MET", line)

    def test_notMeasuredIsNotMet(self) -> None:
        """
        Without our row, or without the yardstick, nothing is met.
        """
        for runs in ([told(YARDSTICK)], [told(OURS)]):
            line, met = verdict(summaries([YARDSTICK, OURS], runs, {}))
            self.assertFalse(met)
            self.assertIn("NOT MET", line)


class RowsTests(SynchronousTestCase):
    """
    Tests for the order and the choice of rows.
    """

    def test_everySecondRepetitionIsReversed(self) -> None:
        """
        No row always runs before another.
        """
        order = [row.name for _, row in interleaved([YARDSTICK, JAVA], 2)]
        self.assertEqual(order, [YARDSTICK.name, "java", "java", YARDSTICK.name])

    def test_yardstickIsAlwaysIn(self) -> None:
        """
        Whatever is chosen, there is something to compare it with.
        """
        self.assertEqual(chosenRows(["peers"], "java")[0], YARDSTICK)
        self.assertEqual(len(chosenRows(["peers"], "java")), 2)

    def test_namesAreUnique(self) -> None:
        """
        Runs are told apart by the names of their rows.
        """
        names = [row.name for row in chosenRows(list(SETS))]
        self.assertEqual(len(names), len(set(names)))
