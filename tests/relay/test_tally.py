"""
Tests for what the relay counts.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txrocketmq.relay.reasons import REASONS as OURS
from txrocketmq.relay.summary import REASON_WORDS, incidentWords
from txrocketmq.relay.tally import (
    BOUNDS,
    MOST_RECENT,
    OTHER,
    PERSISTED,
    REASONS,
    TOGETHER,
    Durations,
    Tally,
)


class TallyTests(SynchronousTestCase):
    """
    Counting.
    """

    def setUp(self) -> None:
        """
        Nothing is counted yet.
        """
        self.time = 1000.0
        self.tally = Tally(lambda: self.time)

    def test_accepted(self) -> None:
        """
        Messages and bytes are counted by what their sender asked for.
        """
        self.tally.accepted("broker", 2, 30)
        self.tally.accepted("spool", 1, 5)
        self.assertEqual(self.tally.taken, {"broker": 2, "spool": 1})
        self.assertEqual(self.tally.takenBytes, {"broker": 30, "spool": 5})

    def test_stored(self) -> None:
        """
        So are those that are stored, with their tries and the time it took.
        """
        self.tally.stored(0.004, 1)
        self.tally.stored(2.0, 3, viaSpool=True)
        self.assertEqual(self.tally.delivered, {"broker": 1, "spool": 1})
        self.assertEqual((self.tally.attempts, self.tally.retries), (4, 2))
        self.assertEqual(self.tally.durations["broker"].total, 0.004)
        self.assertEqual(sum(self.tally.durations["spool"].counts), 1)

    def test_failed(self) -> None:
        """
        Failures are counted by reason and truth.
        """
        self.tally.failed("timeout", 3.0, 2, "MAYBE")
        self.assertEqual(self.tally.failures["timeout", "MAYBE"], 1)
        self.assertEqual(sum(self.tally.failures.values()), 1)
        self.assertEqual((self.tally.attempts, self.tally.retries), (2, 1))

    def test_unknownWords(self) -> None:
        """
        No word adds a series: an unknown one is counted with the others.
        """
        names = set(self.tally.failures), set(self.tally.setAside)
        self.tally.failed("Topic-ä\n", 0.0, 0, "PERHAPS")
        self.tally.refused("{evil}")
        self.tally.answered(299)
        self.assertEqual((set(self.tally.failures), set(self.tally.setAside)), names)
        self.assertEqual(self.tally.failures[OTHER, "MAYBE"], 1)
        self.assertEqual(self.tally.setAside[OTHER], 1)
        self.assertEqual(self.tally.answers[0], 1)

    def test_answered(self) -> None:
        """
        Answers are counted by status.
        """
        self.tally.answered(200)
        self.tally.answered(200)
        self.tally.answered(507)
        counted = {s: n for s, n in self.tally.answers.items() if n}
        self.assertEqual(counted, {200: 2, 507: 1})

    def test_recent(self) -> None:
        """
        Failures of one kind within a minute are one line; the latest is first.
        """
        self.tally.failed("timeout", 3.0, 2, "MAYBE")
        self.time += 10
        self.tally.refused("message_refused")
        self.time += 10
        self.tally.failed("timeout", 3.0, 2, "MAYBE")
        self.tally.failed("timeout", 3.0, 2, "NO")
        first, second, third = self.tally.recent()
        self.assertEqual(
            {(e.persisted, e.count) for e in (first, second)}, {("MAYBE", 2), ("NO", 1)}
        )
        self.assertEqual((third.kind, third.count), ("refused", 1))
        self.time += TOGETHER
        self.tally.failed("timeout", 3.0, 2, "MAYBE")
        self.assertEqual(len(self.tally.recent()), 4)

    def test_recentIsBounded(self) -> None:
        """
        However much fails, a few lines are remembered.
        """
        for _ in range(10 * MOST_RECENT):
            self.time += TOGETHER + 1
            self.tally.refused("damaged")
        self.assertEqual(len(self.tally.recent()), MOST_RECENT)

    def test_durations(self) -> None:
        """
        Each duration is counted at the first bound it does not exceed.
        """
        durations = Durations()
        for bound in BOUNDS:
            durations.add(bound)
        self.assertEqual(durations.counts, [1] * len(BOUNDS) + [0])
        durations.add(BOUNDS[-1] + 1)
        durations.add(0.0)
        self.assertEqual((durations.counts[0], durations.counts[-1]), (2, 1))

    def test_reasonsAreAgreed(self) -> None:
        """
        Every reason that errors are given is counted under its own name, and every
        reason has words.
        """
        self.assertLessEqual({label for _, label, _ in OURS}, set(REASONS))
        self.assertEqual(set(REASON_WORDS), set(REASONS))

    def test_words(self) -> None:
        """
        Every kind of failure can be told.
        """
        for reason in REASONS:
            self.tally.refused(reason)
            for persisted in PERSISTED:
                self.tally.failed(reason, 0.0, 1, persisted)
        words = {incidentWords(each) for each in self.tally.recent()}
        self.assertEqual(len(words), MOST_RECENT)
        self.assertIn("1 message", min(words))
