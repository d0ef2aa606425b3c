"""
Tests for what is printed, and for what the documentation includes.
"""

from __future__ import annotations

import json
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from bench import pages
from bench.__main__ import main, parse
from bench.claims import CLAIMS, SHOWS, Verdict, judge
from bench.figures import summaries
from bench.report import table, verdictLine
from bench.rows import JAVA, PLAIN, PROFILE, SETS, YARDSTICK
from tests.support import CHECKOUT

from .told import told

DOCS = CHECKOUT / "docs"


class TableTests(SynchronousTestCase):
    """
    Tests for L{table}.
    """

    def line(self, *runs: Any, **missing: str) -> str:
        """
        The line of Java's row.
        """
        return table(summaries([JAVA], runs, missing)).splitlines()[2]

    def test_figures(self) -> None:
        """
        A row has its figures, and nothing where it has none.
        """
        self.assertEqual(
            self.line(told(JAVA, n=4000, otherCores=0.25)),
            "| java async | 4,000 | 4,000 | 4,000 | 250.00 | 1 |  |  | 0.25 |  |  |",
        )

    def test_whatIsMissingIsNamed(self) -> None:
        """
        A row that could not be run is in the table, with the reason.
        """
        missing = {JAVA.name: "mvn is not on the path"}
        self.assertEqual(
            self.line(**missing), "| java async | left out: mvn is not on the path |"
        )

    def test_allFailed(self) -> None:
        """
        A row none of whose runs count has no figures, but its problems.
        """
        self.assertEqual(
            self.line(told(JAVA, problems=["it did not end in time"])),
            "| java async | failed: it did not end in time |",
        )

    def test_someFailed(self) -> None:
        """
        A row some of whose runs do not count says so.
        """
        line = self.line(told(JAVA), told(JAVA, 1, problems=["miscounted"]))
        self.assertIn("java async (some runs failed: miscounted) |", line)


class VerdictLineTests(SynchronousTestCase):
    """
    Tests for L{verdictLine}.
    """

    def line(self, **other: Any) -> str:
        """
        The line of a verdict.
        """
        verdict: Verdict = {
            "show": "show1",
            "text": "rate, of Java async",
            "median": 0.625,
            "min": 0.5,
            "max": 0.75,
            "least": 0.5,
            "most": None,
            "met": True,
        }
        return verdictLine(verdict | other)

    def test_met(self) -> None:
        """
        The figure stands with its range, the bound and the verdict.
        """
        self.assertEqual(
            self.line(),
            "show1  rate, of Java async: 0.62 (0.50..0.75), at least 0.5: MET",
        )

    def test_notMet(self) -> None:
        """
        What is not met is seen at once.
        """
        line = self.line(least=None, most=0.25, met=False)
        self.assertTrue(line.endswith(", at most 0.25: NOT MET"))

    def test_exactly(self) -> None:
        """
        One bound from both sides is an equation.
        """
        self.assertIn(", exactly 1: MET", self.line(least=1.0, most=1.0))

    def test_bytes(self) -> None:
        """
        What is no ratio has no fractions.
        """
        self.assertIn(": 1,890 (", self.line(median=1889.8))

    def test_notMeasured(self) -> None:
        """
        Without a figure there is the reason.
        """
        line = self.line(notMeasured="java async: no mvn", met=False)
        self.assertIn(": not measured (java async: no mvn), at least 0.5: NOT", line)

    def test_withoutBound(self) -> None:
        """
        What only stands beside has no verdict.
        """
        line = self.line(least=None, met=None)
        self.assertTrue(line.endswith(": 0.62 (0.50..0.75)"))


class IncludeTests(SynchronousTestCase):
    """
    Tests for what the documentation includes.
    """

    def saved(self) -> dict[str, Any]:
        """
        What a small run has written.
        """
        chosen = [YARDSTICK, PLAIN, PROFILE, JAVA]
        runs = [told(YARDSTICK), told(PLAIN, n=500)]
        runs.append(told(PROFILE, profile={"Deferreds": 1, "_wire": 3}))
        missing = {JAVA.name: "no mvn, sorry"}
        return {
            "environment": {"cores": 4, "orjson": None},
            "load": {"repetitions": 3, "seconds": 4.0, "size": 100},
            "rows": summaries(chosen, runs, missing),
            "claims": judge(list(SETS["floor"]), ["floor"], runs, {}),
        }

    def test_tables(self) -> None:
        """
        There are the machine, the verdicts, the profile and all rows.
        """
        text, title = pages.include(self.saved()), SHOWS["floor"]
        for line in (
            ":cores: 4",
            ":load: 3 repetitions of 4 s, bodies of 100 bytes",
            ".. image:: performance.svg",
            f'   "{title}","{CLAIMS[0].text}",0.50,0.50..0.50,at least 0.4,met',
            "   _wire,75.0%,1500.00",
            "   all,100%,2000.00",
            '   java async,"left out: no mvn, sorry",,,,,,,,,',
        ):
            self.assertIn(f"{line}\n", text)
        self.assertNotIn("orjson", text)

    def test_withoutProfile(self) -> None:
        """
        Without a profile there is no table of one.
        """
        saved = self.saved()
        saved["rows"] = saved["rows"][:2]
        self.assertNotIn("Where the time", pages.include(saved))

    def test_pageIsOfWhatIsKept(self) -> None:
        """
        The tables in the documentation are made of the figures kept beside them,
        or say that there are none.
        """
        kept = DOCS / pages.KEPT
        expected = pages.NOT_MEASURED
        if kept.exists():
            expected = pages.include(json.loads(kept.read_text()))
        self.assertEqual((DOCS / pages.INCLUDE).read_text(), expected)

    def test_report(self) -> None:
        """
        C{--report} prints and writes what an earlier run has found.
        """
        docs = Path(self.mktemp())
        docs.mkdir()
        saved = docs / "saved.json"
        saved.write_text(json.dumps({**self.saved(), "runs": []}))
        with redirect_stdout(StringIO()) as printed:
            self.assertEqual(main([f"--report={saved}", f"--docs={docs}"]), 0)
        self.assertIn("at least 0.4: MET", printed.getvalue())
        kept = json.loads((docs / pages.KEPT).read_text())
        self.assertEqual((docs / pages.INCLUDE).read_text().count("csv-table"), 3)
        self.assertNotIn("runs", kept)

    def test_noReport(self) -> None:
        """
        What is not there, or is something else, is wrong usage; nothing is written.
        """
        docs = Path(self.mktemp())
        docs.mkdir()
        other = docs / "other"
        for text in ("no JSON", "[]", "{}"):
            other.write_text(text)
            for path in (other, docs / "nothing"):
                with redirect_stderr(StringIO()) as printed:
                    code = main([f"--report={path}", f"--docs={docs}"])
                self.assertEqual(code, 2)
                self.assertIn(f"{path} is not what --output wrote", printed.getvalue())
        self.assertEqual([each.name for each in docs.iterdir()], ["other"])


class ArgumentTests(SynchronousTestCase):
    """
    Tests for the command line.
    """

    def test_everythingByDefault(self) -> None:
        """
        Without options all is measured, on the sink and on a broker.
        """
        options = parse([])
        self.assertEqual(options.sets, list(SETS))
        self.assertEqual(options.broker, ["sink", "real"])

    def test_choice(self) -> None:
        """
        Sets, peers and targets can be chosen; C{all} is all.
        """
        options = parse(["--sets=show1,show8", "--peers=all", "--broker=sink"])
        self.assertEqual(options.sets, ["show1", "show8"])
        self.assertEqual(options.peers, ["java", "go", "js", "grpc"])
        self.assertEqual(options.broker, ["sink"])

    def test_unknown(self) -> None:
        """
        A word that is none is refused.
        """
        with redirect_stderr(StringIO()) as printed:
            raised = self.assertRaises(SystemExit, parse, ["--sets=show1,show9"])
        self.assertEqual(raised.code, 2)
        self.assertIn("show9", printed.getvalue())
