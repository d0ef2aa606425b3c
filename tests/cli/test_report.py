"""
Tests for L{txrocketmq._cli.report}.
"""

from __future__ import annotations

import json

from twisted.internet.error import CannotListenError
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from tests.cli.results import REFUSED, failed, stored
from txrocketmq import MessageQueue, Persisted
from txrocketmq._cli.patience import GaveUp
from txrocketmq._cli.reading import InputFailed
from txrocketmq._cli.report import (
    Tally,
    causeLines,
    causes,
    jsonLine,
    persistedOf,
    plainLine,
    reasonOf,
)
from txrocketmq.errors import (
    InvalidMessage,
    RemotingTimeout,
    SendCancelled,
    SystemBusy,
)
from txrocketmq.message import Attempt


class JSONTests(SynchronousTestCase):
    """
    Outcomes for programs.
    """

    def test_stored(self) -> None:
        """
        What is stored has these fields, in this order.
        """
        self.assertEqual(
            jsonLine(1, stored(7)),
            '{"line": 1, "sendStatus": "SEND_OK", "msgId": "ID7", '
            '"offsetMsgId": "OFF7", "brokerName": "broker-a", "queueId": 3, '
            '"queueOffset": 7}',
        )

    def test_failed(self) -> None:
        """
        What is not has the reason, and what is known of it.
        """
        found = json.loads(jsonLine(2, failed(persisted=Persisted.MAYBE)))
        self.assertEqual(list(found), ["line", "error", "persisted"])
        self.assertEqual((found["line"], found["persisted"]), (2, "MAYBE"))
        self.assertIn("127.0.0.1:9", found["error"])

    def test_oneway(self) -> None:
        """
        What nobody confirms has the fields of a stored one, and no values.
        """
        found = json.loads(jsonLine(3, None))
        self.assertEqual(found.keys(), json.loads(jsonLine(1, stored())).keys())
        self.assertEqual({v for k, v in found.items() if k != "line"}, {None})


class PlainTests(SynchronousTestCase):
    """
    Outcomes for people.
    """

    def test_lines(self) -> None:
        """
        Each kind says what it is.
        """
        self.assertEqual(
            plainLine(1, stored(7)), "     1  SEND_OK  ID7  broker-a queue 3 offset 7"
        )
        self.assertIn("FAILED (not stored): no name server", plainLine(2, failed()))
        self.assertIn("(may be stored)", plainLine(2, failed(REFUSED, Persisted.MAYBE)))
        self.assertIn("one-way", plainLine(3, None))

    def test_remoteTextIsHarmless(self) -> None:
        """
        What a broker says cannot move the cursor, or begin a line.
        """
        error = failed(SystemBusy(2, "\x1b[2Jgone\nline", "127.0.0.1:9"))
        for text in (plainLine(1, error), jsonLine(1, error)):
            self.assertNotIn("\x1b", text)
            self.assertNotIn("\n", text)


class ReasonTests(SynchronousTestCase):
    """
    Why something failed.
    """

    def test_expected(self) -> None:
        """
        What is foreseen is said in its own words.
        """
        missing = FileNotFoundError(2, "No such file")
        self.assertEqual(reasonOf(InvalidMessage("bad")), "bad")
        self.assertEqual(reasonOf(UsageError("bad")), "bad")
        self.assertEqual(reasonOf(InputFailed("f", missing)), "'f': No such file")
        taken = CannotListenError("127.0.0.1", 1, OSError(98, "Address in use"))
        self.assertEqual(
            reasonOf(taken), "cannot listen on 127.0.0.1:1: Address in use"
        )
        strange = CannotListenError("127.0.0.1", 1, ValueError("odd"))
        self.assertEqual(reasonOf(strange), "cannot listen on 127.0.0.1:1: odd")

    def test_bug(self) -> None:
        """
        What is not is named.
        """
        self.assertEqual(reasonOf(KeyError("x")), "unexpected KeyError: 'x'")

    def test_persisted(self) -> None:
        """
        What was not foreseen may have happened after the message was stored.
        """
        self.assertIs(persistedOf(KeyError()), Persisted.MAYBE)
        self.assertIs(persistedOf(InvalidMessage()), Persisted.NO)
        self.assertIs(persistedOf(SendCancelled(Persisted.YES)), Persisted.YES)


class CauseTests(SynchronousTestCase):
    """
    The whole story.
    """

    def test_attempts(self) -> None:
        """
        Each try has a line, then each error that led to the next.
        """
        error = failed()
        timeout = RemotingTimeout("127.0.0.1:9", "no answer", Persisted.MAYBE)
        error.attempts = (
            Attempt(None, None, 0.5, REFUSED, Persisted.NO),
            Attempt(
                MessageQueue("T", "broker-a", 3),
                "127.0.0.1:9",
                3,
                timeout,
                Persisted.MAYBE,
            ),
            Attempt(None, "127.0.0.1:9", 3, None, Persisted.YES),
        )
        found = list(causeLines(4, error))
        self.assertEqual(len(found), 5)
        self.assertIn("line 4: tried no queue at no address for 0.500 s", found[0])
        self.assertIn("broker-a queue 3 at 127.0.0.1:9", found[1])
        self.assertIn("stored (stored: YES)", found[2])
        self.assertIn("line 4: SendFailed: ", found[3])
        self.assertIn("line 4: NoNameServer: ", found[4])

    def test_success(self) -> None:
        """
        A success has none.
        """
        self.assertEqual(list(causeLines(1, stored())), [])
        self.assertEqual(list(causeLines(1, None)), [])

    def test_circle(self) -> None:
        """
        Errors that lead to each other end.
        """
        one, two = ValueError("one"), ValueError("two")
        one.__cause__, two.__context__ = two, one
        self.assertEqual(list(causes(one)), ["ValueError: one", "ValueError: two"])


class TallyTests(SynchronousTestCase):
    """
    Outcomes in numbers.
    """

    def test_stored(self) -> None:
        """
        All is well.
        """
        tally = Tally()
        tally.add(1, stored())
        tally.add(2, stored())
        self.assertEqual(tally.sentence(), "2 messages stored")
        self.assertEqual((tally.total, tally.sent, tally.failures), (2, 2, 0))

    def test_oneway(self) -> None:
        """
        Of one-way messages nobody says that they are stored.
        """
        tally = Tally()
        tally.add(1, None)
        self.assertEqual(tally.sentence(), "1 message sent one-way")

    def test_failed(self) -> None:
        """
        The first failure speaks for the others, of which it is said how many
        reasons they had: not counting those that differ in a number.
        """
        tally = Tally()
        tally.add(1, stored())
        for number in range(2, 5):
            error = RemotingTimeout("127.0.0.1:9", f"no answer in {number} s")
            tally.add(number, failed(error))
        tally.add(5, failed(REFUSED, Persisted.MAYBE))
        self.assertEqual(
            tally.sentence(),
            "4 of 5 messages failed (3 not stored, 1 may be stored); line 2: "
            "127.0.0.1:9: no answer in 2 s (and 1 other reason)",
        )

    def test_untried(self) -> None:
        """
        What was not tried is a number, and no reason of its own.
        """
        tally = Tally()
        tally.add(1, failed(REFUSED))
        tally.add(2, GaveUp(REFUSED))
        tally.add(3, GaveUp(REFUSED))
        self.assertEqual(
            tally.sentence(),
            "3 of 3 messages failed (3 not stored; the last 2 not tried, as nothing "
            "could be reached); line 1: 127.0.0.1:9: connection refused",
        )

    def test_reasonsAreBounded(self) -> None:
        """
        A hundred reasons are enough.
        """
        tally = Tally()
        for number in range(300):
            letters = "".join(chr(97 + int(digit)) for digit in str(number))
            tally.add(number, InvalidMessage(letters))
        self.assertIn("(and 99 other reasons)", tally.sentence())
