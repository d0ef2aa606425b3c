"""
Tests of the matrix itself.
"""

from __future__ import annotations

from twisted.python.reflect import namedAny
from twisted.trial.unittest import SynchronousTestCase

from .patched import PATCHES
from .report import lines, problems, tests
from .rows import OPEN, ROWS, Row


class MatrixTests(SynchronousTestCase):
    """
    L{tests.matrix.report}.
    """

    def test_complete(self) -> None:
        """
        Each row has a test that exists, or a reason why it has none.
        """
        self.assertEqual(list(problems(tests())), [])

    def test_allRows(self) -> None:
        """
        The rows are the contract's, A to F, each of them once.
        """
        ids = [f"F{number:02d}" for number in range(1, 90)]
        ids += ["F30b", "F65b", "F65c", "F65d"]
        self.assertEqual(sorted(each.id for each in ROWS), sorted(ids))

    def test_patches(self) -> None:
        """
        What is to be patched out is there, and belongs to a row that has tests.
        """
        self.assertEqual(set(PATCHES) - set(tests()), set())
        for each, pairs in PATCHES.items():
            for target, _ in pairs:
                owner, _, name = target.rpartition(".")
                self.assertTrue(hasattr(namedAny(owner), name), f"{each}: {target}")

    def test_problems(self) -> None:
        """
        A row without anything, a row that is none, and tests that are none.
        """
        rows = [Row(each, "A", "U", "") for each in ("F01", "F02", "F03")]
        test = "tests.matrix.test_rows.MatrixTests.test_problems"
        found = {
            "F01": [test, "tests.matrix.rows.ROWS", "tests.nowhere.test_x"],
            "F09": [test],
        }
        self.assertEqual(
            list(problems(found, rows, {"F03": "later"})),
            [
                "F02 has neither a test nor a reason why it has none",
                "F09 is no row",
                "F01: there is no tests.matrix.rows.ROWS",
                "F01: there is no tests.nowhere.test_x",
            ],
        )

    def test_lines(self) -> None:
        """
        Each row is printed, with its tests and its reason.
        """
        text = "\n".join(lines({"F01": ["a.test_b"]}))
        for each in ROWS:
            self.assertIn(f"  {each.id} [{each.level}] {each.promise}", text)
        for reason in OPEN.values():
            self.assertIn(f"OPEN: {reason}", text)
        self.assertIn("a.test_b", text)
