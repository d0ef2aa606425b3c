"""
Tests for what the benchmarks make of their runs: figures and verdicts.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from bench import rows
from bench.claims import CLAIMS, SHOWS, Verdict, judge, memory, tails
from bench.figures import Summary, summaries
from bench.rows import BATCH, JAVA, PACED, PLAIN, SETS, YARDSTICK
from bench.runs import Run

from .told import told


class SummaryTests(SynchronousTestCase):
    """
    Tests for L{summaries}.
    """

    def summed(self, *runs: Run, **missing: str) -> Summary:
        """
        Sum up our row.
        """
        [summed] = summaries([PLAIN], runs, missing)
        return summed

    def test_spread(self) -> None:
        """
        The median counts, and the others are shown; of memory, the most.
        """
        summed = self.summed(
            told(PLAIN, 0, n=500),
            told(PLAIN, 1, n=50, rssKiB=2048),
            told(PLAIN, 2, n=100),
        )
        self.assertEqual(summed["rate"], {"median": 100, "min": 50, "max": 500})
        self.assertEqual(summed["cpu"]["median"], 10_000)
        self.assertEqual(summed["rssMiB"], 2.0)

    def test_badRunsDoNotCount(self) -> None:
        """
        A run with a problem is in no figure, and the row says so.
        """
        bad = told(PLAIN, 1, n=9000, problems=["miscounted"])
        summed = self.summed(told(PLAIN, 0, n=500), bad)
        self.assertEqual(summed["rate"]["max"], 500)
        self.assertEqual(summed["problems"], ["miscounted"])
        self.assertNotIn("rate", self.summed(bad))

    def test_whatIsMissing(self) -> None:
        """
        A row that could not be run is there with the reason.
        """
        summed = self.summed(**{PLAIN.name: "no Python"})
        self.assertEqual(summed, {"name": PLAIN.name, "leftOut": "no Python"})

    def test_profile(self) -> None:
        """
        The samples of all repetitions are one profile, in shares.
        """
        summed = self.summed(
            told(PLAIN, 0, profile={"a": 1, "b": 5}), told(PLAIN, 1, profile={"a": 2})
        )
        self.assertEqual(list(summed["profile"].items()), [("b", 0.625), ("a", 0.375)])

    def test_whatSomeHaveBeside(self) -> None:
        """
        Medians of latencies and of the load beside are there where they are known.
        """
        summed = self.summed(told(PLAIN, 0, p50=10), told(PLAIN, 1, p50=30))
        self.assertEqual(summed["p50"], 20)
        self.assertNotIn("p99", summed)


class VerdictTests(SynchronousTestCase):
    """
    Tests for L{judge}.
    """

    def judged(self, *runs: Run, show: str = "floor", **missing: str) -> list[Verdict]:
        """
        Judge a set.
        """
        return judge(list(SETS[show]), [show], runs, missing)

    def floor(self, n: float) -> Verdict:
        """
        Judge a rate, the prototype's being 1000.
        """
        [verdict] = self.judged(told(YARDSTICK), told(PLAIN, n=n))
        return verdict

    def test_bound(self) -> None:
        """
        The bound itself is enough, and less is not.
        """
        self.assertIs(self.floor(400)["met"], True)
        self.assertIs(self.floor(399)["met"], False)

    def test_ratiosAreTakenWithinRepetitions(self) -> None:
        """
        A repetition in which the machine was slow has the same ratio.
        """
        [verdict] = self.judged(
            told(YARDSTICK, 0),
            told(PLAIN, 0, n=500),
            told(YARDSTICK, 1, n=100),
            told(PLAIN, 1, n=50),
            told(PLAIN, 2, n=7),
        )
        figures = {name: verdict[name] for name in ("median", "min", "max")}
        self.assertEqual(figures, {"median": 0.5, "min": 0.5, "max": 0.5})

    def test_atMost(self) -> None:
        """
        A cost has a bound from above.
        """
        runs = [told(row) for row in SETS["show1"]]
        cost = {v["text"]: v for v in self.judged(*runs, show="show1")}
        self.assertIs(cost["CPU, of Java async"]["met"], False)
        runs[0] = told(PLAIN, cpu=0.75)
        cost = {v["text"]: v for v in self.judged(*runs, show="show1")}
        self.assertIs(cost["CPU, of Java async"]["met"], True)

    def test_notMeasuredIsNotMet(self) -> None:
        """
        Without a row there is no figure, and the reason is named.
        """
        runs = [told(row) for row in SETS["show1"] if row != JAVA]
        verdict, *_ = self.judged(*runs, show="show1", **{JAVA.name: "no mvn"})
        self.assertIs(verdict["met"], False)
        self.assertEqual(verdict["notMeasured"], f"{JAVA.name}: no mvn")
        [verdict] = self.judged(told(YARDSTICK), told(PLAIN, problems=["bad"]))
        self.assertEqual(verdict["notMeasured"], f"{PLAIN.name}: no run that counts")

    def test_withoutBounds(self) -> None:
        """
        What stands beside is neither met nor not.
        """
        runs = [told(row) for row in SETS["show8"]]
        self.assertEqual(
            [v["met"] for v in self.judged(*runs, show="show8")], [None] * 2
        )
        self.assertEqual([v["met"] for v in self.judged(show="show8")], [None] * 2)

    def test_whatWasNotAskedFor(self) -> None:
        """
        A claim about a client that was not chosen is not judged.
        """
        chosen = [row for row in SETS["show1"] if row != JAVA]
        texts = [v["text"] for v in judge(chosen, ["show1"], [], {})]
        self.assertEqual(texts, ["rate, of ali-ons", "rate, of Go async"])


class FigureTests(SynchronousTestCase):
    """
    Tests for the figures that are more than a ratio of two rates.
    """

    def figure(self, text: str, *runs: Run) -> float:
        """
        Apply the figure of a claim.
        """
        [claim] = [claim for claim in CLAIMS if claim.text == text]
        return claim.figure(*runs)

    def test_tail(self) -> None:
        """
        A tail is compared with a millisecond, or with theirs where that is more.
        """
        ours = told(PACED, p99=900)
        self.assertEqual(tails(ours, told(PACED, p99=300)), 0.9)
        self.assertEqual(tails(ours, told(PACED, p99=1800)), 0.5)

    def test_results(self) -> None:
        """
        There is one result for each message that has arrived.
        """
        run = told(BATCH, total=200, counted=100)
        self.assertEqual(self.figure("results a message, sink", run), 2.0)

    def test_compression(self) -> None:
        """
        Sending what is compressed is compared with sending and compressing.
        """
        figure = self.figure(
            "CPU, zlib, of plain + zlib alone",
            told(rows.ZLIB, cpu=6.0),
            told(PLAIN, cpu=1.0),
            told(rows.BARE_ZLIB, cpu=3.0),
        )
        self.assertEqual(figure, 1.5)

    def test_memory(self) -> None:
        """
        What is held beyond what was held before is that of the sends.
        """
        run = told(rows.HUNDRED_THOUSAND, rssKiB=150_000, rssBeforeKiB=50_000)
        self.assertEqual(memory(run), 1024.0)


class ClaimTests(SynchronousTestCase):
    """
    Tests for the claims themselves.
    """

    def test_everyShowHasItsRows(self) -> None:
        """
        Whoever runs the set of a claim runs all rows of it.
        """
        for claim in CLAIMS:
            self.assertEqual(set(claim.rows) - set(SETS[claim.show]), set(), claim.text)

    def test_everyShowIsClaimed(self) -> None:
        """
        Each set but C{more} shows something.
        """
        shown: set[Any] = {claim.show for claim in CLAIMS}
        self.assertEqual(shown, set(SETS) - {"more"})
        self.assertEqual(shown, set(SHOWS))
