"""
Tests for L{txrocketmq._cli.sending}.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure

from tests.cli.results import failed, stored
from tests.support import TestCase
from txrocketmq._cli.lines import Line
from txrocketmq._cli.ordering import Outcome
from txrocketmq._cli.patience import GaveUp, Patience
from txrocketmq._cli.sending import LINGER, MOST_BYTES, Limits, LineSender, Pace
from txrocketmq.errors import InvalidMessage


def lines(*bodies: bytes) -> list[Line]:
    """
    Lines with these bodies.
    """
    return [Line(at, body, len(body)) for at, body in enumerate(bodies, 1)]


class SendingTestCase(TestCase):
    """
    A test of a sender whose sends end when the test ends them.

    @ivar sent: What was sent.

    @ivar sends: How that ends.

    @ivar shown: What was reported.
    """

    def setUp(self) -> None:
        """
        Note what is sent and shown.
        """
        super().setUp()
        self.sent: list[list[bytes]] = []
        self.sends: list[Deferred[Sequence[Outcome]]] = []
        self.shown: list[tuple[int, Outcome]] = []
        self.hasRoom = True
        self.patience = Patience(self.reactor, 10.0)

    def submit(self, bodies: Sequence[bytes]) -> Deferred[Sequence[Outcome]]:
        """
        Note a send.
        """
        self.sent.append(list(bodies))
        self.sends.append(Deferred())
        return self.sends[-1]

    def sender(self, limits: Limits) -> LineSender:
        """
        A sender.
        """
        return LineSender(
            self.reactor,
            self.submit,
            lambda number, outcome: self.shown.append((number, outcome)),
            lambda: self.hasRoom,
            limits,
            self.patience,
        )

    def take(self, sender: LineSender, *bodies: bytes) -> Deferred[None]:
        """
        Give a sender lines.
        """
        return Deferred.fromCoroutine(sender.take(lines(*bodies)))

    def numbers(self) -> list[int]:
        """
        The lines that were shown.
        """
        return [number for number, _ in self.shown]


class SenderTests(SendingTestCase):
    """
    Lines on their way.
    """

    def test_noMoreThanMayBe(self) -> None:
        """
        So many are under way, and the next one leaves when one of them ends.
        """
        sender = self.sender(Limits(inFlight=2))
        taking = self.take(sender, b"a", b"b", b"c")
        self.assertEqual(self.sent, [[b"a"], [b"b"]])
        self.assertEqual(sender.inFlight(), 2)
        self.assertNoResult(taking)
        self.sends[1].callback([stored()])
        self.assertEqual(self.sent[2:], [[b"c"]])
        self.successResultOf(taking)

    def test_shownInOrder(self) -> None:
        """
        What ends early is shown in its place.
        """
        sender = self.sender(Limits())
        self.take(sender, b"a", b"b")
        second, first = stored(2), stored(1)
        self.sends[1].callback([second])
        self.assertEqual(self.shown, [])
        self.sends[0].callback([first])
        self.assertEqual(self.shown, [(1, first), (2, second)])

    def test_unshownLinesAreBounded(self) -> None:
        """
        A line that takes long does not let the others pile up behind it.
        """
        sender = self.sender(Limits(inFlight=2))
        taking = self.take(sender, *[b"x"] * 40)
        for at in range(1, 40):
            if at < len(self.sends):
                self.sends[at].callback([stored()])
        self.assertNoResult(taking)
        self.assertEqual(len(self.sent), 32)
        self.sends[0].callback([stored()])
        self.assertEqual(self.numbers(), list(range(1, 33)))
        self.assertEqual(len(self.sent), 34)
        sender.stop()

    def test_bytesAreBounded(self) -> None:
        """
        Long lines wait for each other, however few they are; one always goes.
        """
        sender = self.sender(Limits(longest=MOST_BYTES * 2))
        body = b"x" * (MOST_BYTES // 2 + 1)
        taking = self.take(sender, body, body)
        self.assertEqual(len(self.sent), 1)
        self.sends[0].callback([stored()])
        self.assertEqual(len(self.sent), 2)
        self.successResultOf(taking)

    def test_outputHoldsBack(self) -> None:
        """
        Nothing is sent while its outcome could not be written.
        """
        self.hasRoom = False
        sender = self.sender(Limits())
        taking = self.take(sender, b"a")
        self.assertEqual(self.sent, [])
        sender.wake()
        self.assertEqual(self.sent, [])
        self.hasRoom = True
        sender.wake()
        self.assertEqual(self.sent, [[b"a"]])
        self.successResultOf(taking)

    def test_emptyLineFails(self) -> None:
        """
        An empty line is not sent, and is reported in its place.
        """
        sender = self.sender(Limits())
        self.take(sender, b"a", b"", b"c")
        self.assertEqual(self.sent, [[b"a"], [b"c"]])
        self.sends[1].callback([stored()])
        self.sends[0].callback([stored()])
        self.assertEqual(self.numbers(), [1, 2, 3])
        self.assertIsInstance(self.shown[1][1], InvalidMessage)

    def test_emptyLineIsLeftOut(self) -> None:
        """
        With C{skipEmpty} it is not even reported; the others keep their numbers.
        """
        sender = self.sender(Limits(skipEmpty=True))
        self.take(sender, b"", b"b")
        self.sends[0].callback([stored()])
        self.assertEqual(self.numbers(), [2])
        self.assertEqual(sender.bytesDone(), 3)

    def test_bytesDone(self) -> None:
        """
        What is under way is not done; line ends are, and what was refused.
        """
        sender = self.sender(Limits())
        self.take(sender, b"abc", b"")
        self.assertEqual(sender.bytesDone(), 1)
        self.sends[0].callback([stored()])
        self.assertEqual(sender.bytesDone(), 5)

    def test_unexpectedFailure(self) -> None:
        """
        What nobody foresaw fails the messages it met, and nothing else.
        """
        sender = self.sender(Limits(batch=2))
        self.take(sender, b"a", b"b")
        bug = KeyError("bug")
        self.sends[0].errback(Failure(bug))
        self.assertEqual(self.shown, [(1, bug), (2, bug)])
        self.assertEqual(sender.inFlight(), 0)

    def test_finish(self) -> None:
        """
        The end is when everything has ended.
        """
        sender = self.sender(Limits())
        self.take(sender, b"a", b"b")
        finishing = Deferred.fromCoroutine(sender.finish())
        self.sends[1].callback([stored()])
        self.assertNoResult(finishing)
        self.sends[0].callback([stored()])
        self.successResultOf(finishing)

    def test_stop(self) -> None:
        """
        No more lines are taken, whatever was waited for; what is under way ends.
        """
        sender = self.sender(Limits(inFlight=1))
        taking = self.take(sender, b"a", b"b")
        sender.stop()
        self.successResultOf(taking)
        self.assertEqual(self.sent, [[b"a"]])
        finishing = Deferred.fromCoroutine(sender.finish())
        self.sends[0].callback([stored()])
        self.successResultOf(finishing)
        self.assertEqual(self.numbers(), [1])
        self.successResultOf(self.take(sender, b"c"))
        self.assertEqual(self.sent, [[b"a"]])

    def test_immediateEnds(self) -> None:
        """
        Sends that end at once, by thousands, are no recursion.
        """
        sender = LineSender(
            self.reactor,
            lambda bodies: succeed([stored()]),
            lambda number, outcome: self.shown.append((number, outcome)),
            lambda: True,
            Limits(),
            self.patience,
        )
        self.successResultOf(self.take(sender, *[b"x"] * 5000))
        self.assertEqual(self.numbers(), list(range(1, 5001)))

    def test_giveUp(self) -> None:
        """
        When nobody can be reached, the rest is reported, and not tried.
        """
        sender = self.sender(Limits(inFlight=4))
        taking = self.take(sender, *[b"x"] * 8)
        self.reactor.advance(10)
        for sending in list(self.sends):
            sending.callback([failed()])
        self.successResultOf(taking)
        self.assertEqual(len(self.sent), 4)
        self.assertEqual(self.numbers(), list(range(1, 9)))
        self.assertIsInstance(self.shown[3][1], Exception)
        for _, outcome in self.shown[4:]:
            self.assertIsInstance(outcome, GaveUp)

    def test_doubt(self) -> None:
        """
        With the first failure that looks like it no more are begun, until those
        under way have told; when one of them is well, it goes on.
        """
        sender = self.sender(Limits(inFlight=2))
        self.take(sender, *[b"x"] * 4)
        self.reactor.advance(10)
        self.sends[0].callback([failed()])
        self.assertEqual(len(self.sent), 2)
        self.sends[1].callback([stored()])
        self.assertEqual(len(self.sent), 4)

    def test_doubtAlone(self) -> None:
        """
        When none is under way any more, another one has to be tried.
        """
        sender = self.sender(Limits(inFlight=1))
        self.take(sender, b"x", b"y")
        self.reactor.advance(10)
        self.sends[0].callback([failed()])
        self.assertEqual(self.sent, [[b"x"], [b"y"]])


class BatchTests(SendingTestCase):
    """
    Several lines in one send.
    """

    def test_full(self) -> None:
        """
        A batch leaves when it is full, and its outcomes are those of its lines.
        """
        sender = self.sender(Limits(batch=2))
        self.take(sender, b"a", b"b", b"c")
        self.assertEqual(self.sent, [[b"a", b"b"]])
        first, second = stored(1), stored(2)
        self.sends[0].callback([first, second])
        self.assertEqual(self.shown, [(1, first), (2, second)])
        self.reactor.advance(LINGER)

    def test_linger(self) -> None:
        """
        One that does not fill leaves soon, all the same.
        """
        sender = self.sender(Limits(batch=2))
        self.take(sender, b"a")
        self.reactor.advance(LINGER / 2)
        self.assertEqual(self.sent, [])
        self.reactor.advance(LINGER / 2)
        self.assertEqual(self.sent, [[b"a"]])

    def test_end(self) -> None:
        """
        At the end of the input it leaves at once.
        """
        sender = self.sender(Limits(batch=2))
        self.take(sender, b"a")
        finishing = Deferred.fromCoroutine(sender.finish())
        self.assertEqual(self.sent, [[b"a"]])
        self.sends[0].callback([stored()])
        self.successResultOf(finishing)

    def test_bytes(self) -> None:
        """
        It leaves before it becomes longer than brokers take.
        """
        sender = self.sender(Limits(batch=3))
        long = b"x" * (600 * 1024)
        self.take(sender, long, long, b"c")
        self.assertEqual(self.sent, [[long]])
        self.reactor.advance(LINGER)
        self.assertEqual(self.sent, [[long], [long, b"c"]])

    def test_badLineIsNoPart(self) -> None:
        """
        A line that cannot be sent does not spoil the batch of the others.
        """
        sender = self.sender(Limits(batch=2))
        self.take(sender, b"a", b"", b"c")
        self.assertEqual(self.sent, [[b"a", b"c"]])


class PaceTests(TestCase):
    """
    Only so many in a second.
    """

    def test_noRate(self) -> None:
        """
        Without a rate nothing waits.
        """
        pace = Pace(self.reactor, None)
        self.assertEqual([pace.delay() for _ in range(3)], [0.0] * 3)

    def test_places(self) -> None:
        """
        Each line has its place in time.
        """
        pace = Pace(self.reactor, 4)
        self.assertEqual([pace.delay() for _ in range(3)], [0.0, 0.25, 0.5])
        self.reactor.advance(0.75)
        self.assertEqual(pace.delay(), 0.0)

    def test_pausesAreNotMadeUpFor(self) -> None:
        """
        After a long pause there is no burst.
        """
        pace = Pace(self.reactor, 10)
        pace.delay()
        self.reactor.advance(100)
        delays = [pace.delay() for _ in range(4)]
        self.assertEqual([round(delay, 3) for delay in delays], [-0.1, 0.0, 0.1, 0.2])

    def sendPaced(self) -> tuple[LineSender, list[bytes], Deferred[None]]:
        """
        Send three lines, one in a second.
        """
        sent: list[bytes] = []

        def submit(bodies: Sequence[bytes]) -> Deferred[Sequence[Outcome]]:
            sent.extend(bodies)
            return succeed([stored()])

        sender = LineSender(
            self.reactor,
            submit,
            lambda number, outcome: None,
            lambda: True,
            Limits(rate=1),
            Patience(self.reactor, 10.0),
        )
        taking = Deferred.fromCoroutine(sender.take(lines(b"a", b"b", b"c")))
        return sender, sent, taking

    def test_rate(self) -> None:
        """
        Lines wait for their time, and are not woken early by other things.
        """
        sender, sent, taking = self.sendPaced()
        self.assertEqual(sent, [b"a"])
        sender.wake()
        self.assertEqual(sent, [b"a"])
        self.reactor.advance(1)
        self.assertEqual(sent, [b"a", b"b"])
        self.reactor.advance(1)
        self.assertEqual(sent, [b"a", b"b", b"c"])
        self.successResultOf(taking)

    def test_stopWhileWaiting(self) -> None:
        """
        The end does not wait.
        """
        sender, sent, taking = self.sendPaced()
        sender.stop()
        self.successResultOf(taking)
        self.assertEqual(sent, [b"a"])


class FailureTests(TestCase):
    """
    What a submit gives.
    """

    def test_failedAtOnce(self) -> None:
        """
        A send may have failed before it returns.
        """
        shown: list[Outcome] = []
        sender = LineSender(
            self.reactor,
            lambda bodies: fail(ValueError("bug")),
            lambda number, outcome: shown.append(outcome),
            lambda: True,
            Limits(),
            Patience(self.reactor, 10.0),
        )
        self.successResultOf(Deferred.fromCoroutine(sender.take(lines(b"a"))))
        self.assertIsInstance(shown[0], ValueError)
