"""
Tests for what the programs of the benchmarks share.
"""

from __future__ import annotations

import json
import signal
import zlib

from twisted.internet import defer
from twisted.trial.unittest import SynchronousTestCase

from bench.programs.measuring import Arguments, Measured, lines, memory, percentiles
from bench.programs.sampling import PARTS, Samples, partOf
from txrocketmq import producer
from txrocketmq._wire import frames


class MeasuredTests(SynchronousTestCase):
    """
    Tests for L{Measured}, and what it tells.
    """

    def test_arguments(self) -> None:
        """
        All programs read the same words.
        """
        words = "send+acl 256 1 100 4.0 1.0 0.0 Topic"
        given = Arguments.parse(words.split())
        self.assertEqual(
            (given.mode, given.window, given.topic), ("send+acl", 256, "Topic")
        )

    def test_onlyWhatIsBetweenCounts(self) -> None:
        """
        What was acknowledged before or after is in the total alone.
        """
        measured = Measured()
        measured.acked += 3
        measured.fail("early")
        measured.begin()
        measured.note(0.0)
        measured.acked += 4
        measured.end()
        measured.acked += 2
        word, _, text = measured.result(more=1).partition(" ")
        told = json.loads(text)
        self.assertEqual(word, "RESULT")
        self.assertEqual((told["n"], told["failed"], told["total"]), (5, 0, 10))
        self.assertEqual((told["error"], told["more"]), ("early", 1))
        self.assertIn("p99", told)

    def test_percentiles(self) -> None:
        """
        They are those of what was timed, in microseconds.
        """
        timed = [n / 1e6 for n in range(100, 0, -1)]
        self.assertEqual(percentiles(timed), {"p50": 51, "p99": 100})
        self.assertEqual(percentiles([]), {})

    def test_memory(self) -> None:
        """
        What is held, and the most that was, are more than a few pages.
        """
        self.assertGreater(memory("VmRSS"), 1000)
        self.assertGreater(memory("VmHWM"), 1000)

    def test_lines(self) -> None:
        """
        The body to compress has its size, is the same each time, and shrinks as
        logs do: neither to nothing nor hardly.
        """
        body = lines(8192)
        self.assertEqual((len(body), body), (8192, lines(8192)))
        self.assertTrue(0.1 < len(zlib.compress(body, 5)) / len(body) < 0.6)


class SamplesTests(SynchronousTestCase):
    """
    Tests for L{Samples}.
    """

    def test_parts(self) -> None:
        """
        A file belongs to the first part that is in its path.
        """
        self.assertEqual(partOf(str(defer.__file__)), "Deferreds")
        self.assertEqual(partOf(frames.__file__), "_wire: encode and decode")
        self.assertEqual(partOf(producer.__file__), "the rest of txrocketmq")
        self.assertEqual(partOf("/usr/lib/python3/json/decoder.py"), "others")
        self.assertEqual(len({part for _, part in PARTS}), len(PARTS))

    def test_samples(self) -> None:
        """
        Each signal is a sample, until it is stopped.
        """
        self.addCleanup(signal.signal, signal.SIGPROF, signal.getsignal(signal.SIGPROF))
        samples = Samples()
        samples.start()
        signal.raise_signal(signal.SIGPROF)
        samples.stop()
        self.assertGreaterEqual(samples.counts.total(), 1)
        self.assertEqual(signal.getitimer(signal.ITIMER_PROF), (0.0, 0.0))
