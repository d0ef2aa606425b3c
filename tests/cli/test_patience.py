"""
Tests for L{txrocketmq._cli.patience}.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.cli.results import NOWHERE, REFUSED, failed, stored
from txrocketmq._cli.patience import GaveUp, Patience, causeOf
from txrocketmq.errors import (
    ConnectFailed,
    InvalidMessage,
    NoNameServer,
    RemotingTimeout,
    SystemBusy,
    TooManyInFlight,
)
from txrocketmq.message import Attempt, MessageQueue, Persisted


class PatienceTests(SynchronousTestCase):
    """
    When to give up.
    """

    def setUp(self) -> None:
        """
        Be patient for ten seconds.
        """
        self.clock = Clock()
        self.patience = Patience(self.clock, 10.0)

    def fail(self, times: int = 3, error: Exception | None = None) -> None:  # type: ignore[override]
        """
        Let messages fail.
        """
        for _ in range(times):
            self.patience.learn(error or failed())

    def test_unreachable(self) -> None:
        """
        A few failures in a row after a long time without success are the end.
        """
        self.clock.advance(10)
        self.fail(2)
        self.assertTrue(self.patience.doubtful)
        self.assertIsNone(self.patience.cause)
        self.fail(1)
        self.assertIs(self.patience.cause, NOWHERE)

    def test_firstCauseStays(self) -> None:
        """
        Later failures change nothing.
        """
        self.clock.advance(10)
        self.fail(3)
        self.fail(3, failed(REFUSED))
        self.assertIs(self.patience.cause, NOWHERE)

    def test_soonIsNoReason(self) -> None:
        """
        Failures that come at once are not: a broker may be restarting.
        """
        self.clock.advance(1)
        self.fail(100)
        self.assertFalse(self.patience.doubtful)
        self.assertIsNone(self.patience.cause)

    def test_successCountsAnew(self) -> None:
        """
        One message that is stored shows that all is well.
        """
        self.clock.advance(10)
        self.fail(2)
        self.patience.learn(stored())
        self.assertFalse(self.patience.doubtful)
        self.fail(2)
        self.clock.advance(1)
        self.fail(2)
        self.assertIsNone(self.patience.cause)

    def test_refusalShowsSomebody(self) -> None:
        """
        So does any answer of a broker.
        """
        self.clock.advance(10)
        self.fail(2)
        self.patience.learn(failed(SystemBusy(2, "busy", "127.0.0.1:9")))
        self.fail(2)
        self.assertIsNone(self.patience.cause)

    def test_ownRefusalsSayNothing(self) -> None:
        """
        Messages that were not sent at all show nothing either way.
        """
        self.clock.advance(10)
        self.fail(2)
        self.patience.learn(InvalidMessage("empty"))
        self.patience.learn(TooManyInFlight("full"))
        self.assertIsNone(self.patience.cause)
        self.fail(1)
        self.assertIsNotNone(self.patience.cause)

    def test_idleTimeDoesNotCount(self) -> None:
        """
        Time in which there was nothing to send is no time without success.
        """
        self.clock.advance(100)
        self.patience.began()
        self.fail(3)
        self.assertIsNone(self.patience.cause)
        self.clock.advance(10)
        self.patience.began()
        self.fail(3)
        self.assertIsNotNone(self.patience.cause)


class CauseTests(SynchronousTestCase):
    """
    What a failure is reported by.
    """

    def test_plain(self) -> None:
        """
        What is no failed send speaks for itself.
        """
        error = InvalidMessage("empty")
        self.assertIs(causeOf(error), error)

    def test_withoutAttempts(self) -> None:
        """
        A send without attempts is reported by its cause.
        """
        error = failed(REFUSED)
        error.attempts = ()
        self.assertIs(causeOf(error), REFUSED)

    def test_firstOfItsKind(self) -> None:
        """
        The first of several like failures is the one that was not cut short.
        """
        later = ConnectFailed("127.0.0.1:9", "refused; the next try is in 1 s")
        self.assertIs(causeOf(failed(later, Persisted.NO, REFUSED)), REFUSED)

    def test_routeBehindDeadline(self) -> None:
        """
        A lookup that ran out of time is reported by an earlier one, which says
        who did not answer.
        """
        late = RemotingTimeout("the name servers", "no route in time")
        earlier = NoNameServer([("127.0.0.1:9", REFUSED)])
        self.assertIs(causeOf(failed(late, Persisted.NO, earlier)), earlier)
        self.assertIs(causeOf(failed(late)), late)

    def test_noTimeToAnswer(self) -> None:
        """
        A last try that had no time is reported by what came before; one that had
        speaks for itself.
        """
        busy = SystemBusy(2, "busy", "127.0.0.1:9")
        late = RemotingTimeout("127.0.0.1:9", "no answer within 0 s", Persisted.MAYBE)
        queue = MessageQueue("T", "broker-a", 0)
        for elapsed, expected in ((0.01, busy), (1.0, late)):
            error = failed(late, Persisted.MAYBE, busy)
            error.attempts = tuple(
                Attempt(queue, "127.0.0.1:9", seconds, each, Persisted.MAYBE)
                for each, seconds in ((busy, 0.001), (late, elapsed))
            )
            self.assertIs(causeOf(error), expected)

    def test_gaveUp(self) -> None:
        """
        What was not tried is surely not stored, and says why.
        """
        error = GaveUp(REFUSED)
        self.assertIs(error.persisted, Persisted.NO)
        self.assertIn("127.0.0.1:9", str(error))
