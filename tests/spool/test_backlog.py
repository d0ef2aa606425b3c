"""
Tests of a spool in which very many messages wait.
"""

from __future__ import annotations

import sqlite3
import tracemalloc

from tests.spool.support import SpoolTestCase
from txrocketmq._spool import SpoolEntry, database
from txrocketmq.message import Message

COUNT = 150_000
TOGETHER = 1000
MOST_STEPS = 1000
"""
How many thousands of its steps SQLite may take to open a file and give out the first
messages.  To read this file it takes many times as many.
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
        spool = self.spool()
        message = Message("T", bytes(500))
        for start in range(0, COUNT, TOGETHER):
            numbers = range(start, start + TOGETHER)
            self.wait(spool.append([SpoolEntry(message, f"ID{n}") for n in numbers]))
        self.close(spool)
        size = (self.directory / "spool.db").stat().st_size
        self.assertGreater(size, database.SMALL)
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        spool = self.spool(connect=self.connect)
        found = self.wait(spool.waiting(0, 512, 1 << 22))
        self.assertEqual(len(found), 512)
        self.assertEqual(spool.counts.waiting, COUNT)
        self.assertLess(self.steps, MOST_STEPS // 100)
        self.assertLess(tracemalloc.get_traced_memory()[1], MOST_MEMORY)
