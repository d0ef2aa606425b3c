"""
Tests of the planted bugs themselves; that each is found is not tried here.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from twisted.python.reflect import namedAny
from twisted.trial.unittest import SynchronousTestCase

import txrocketmq

from .bugs import BUGS, Bug, Edit, Stale, plant


class BugTests(SynchronousTestCase):
    """
    Bugs can be planted.
    """

    def planted(self, bug: Bug) -> Path:
        """
        A copy of the package with a bug.
        """
        package = Path(self.mktemp()) / "txrocketmq"
        shutil.copytree(Path(txrocketmq.__path__[0]), package)
        plant(bug, package)
        return package

    def test_allFit(self) -> None:
        """
        What a bug is put in the place of is there, and what comes of it is
        Python; so are the tests that are to find it.
        """
        for bug in BUGS:
            package = self.planted(bug)
            for edit in bug.edits:
                compile((package / edit.module).read_text(), edit.module, "exec")
            for name in bug.tests:
                namedAny(name)

    def test_stale(self) -> None:
        """
        A bug whose place is not there is no bug that is found.
        """
        bug = Bug("old", (), (Edit("tls.py", "what was never there", ""),))
        self.assertRaises(Stale, self.planted, bug)

    def test_names(self) -> None:
        """
        There are 21, each once.
        """
        self.assertEqual(len({bug.name for bug in BUGS}), 21)
