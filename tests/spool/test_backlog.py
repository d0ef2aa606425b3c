"""
Tests of a spool in which very many messages wait.
"""

from __future__ import annotations

import sqlite3
import tracemalloc

from tests.spool.filling import fill
from tests.spool.support import SpoolTestCase
from txrocketmq._spool import database

COUNT = 150_000
STEPS_TO_OPEN = 2
STEPS_TO_READ = 50
"""
How many thousands of its steps SQLite may take to open a file, and to give out the
first messages: of these it takes some thirty for each.  To look at each message of
this file, as is done with a short one, takes thousands of thousands.
"""

MOST_MEMORY = 8 * 1024 * 1024


class BacklogTests(SpoolTestCase):
    """
    How much waits does not matter for what is done.
    """

    def connect(self, path: str) -> sqlite3.Connection:
        """
        Open a file, and count SQLite's steps.
        """
        connection = database.connect(path)
        connection.set_progress_handler(self.step, 1000)
        return connection

    def step(self) -> int:
        """
        A thousand steps more.
        """
        self.steps += 1
        return 0

    def test_start(self) -> None:
        """
        A spool with a long backlog opens without reading it, and gives out the first
        messages at once, in little memory; its counts are there.
        """
        self.steps = 0
        self.directory.rmdir()
        fill(self.directory, COUNT, 500)
        size = (self.directory / "spool.db").stat().st_size
        self.assertGreater(size, database.SMALL)
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        spool = self.spool(connect=self.connect)
        self.assertLess(self.steps, STEPS_TO_OPEN)
        found = self.wait(spool.waiting(0, 512, 1 << 22))
        self.assertEqual(len(found), 512)
        self.assertEqual(spool.counts.waiting, COUNT)
        self.assertLess(self.steps, STEPS_TO_OPEN + STEPS_TO_READ)
        self.assertLess(tracemalloc.get_traced_memory()[1], MOST_MEMORY)
