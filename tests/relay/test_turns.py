"""
Tests for L{txrocketmq.relay.turns}.
"""

from __future__ import annotations

from itertools import pairwise

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.relay.http import NDJSON, PATH, RelayTestCase
from tests.relay.test_streams import END, chunk, line
from txrocketmq.relay.limits import Limits
from txrocketmq.relay.shares import Shares
from txrocketmq.relay.site import TICK
from txrocketmq.relay.turns import A_TURN, Turns


def passTurn(clock: Clock) -> None:
    """
    Let one turn of the reactor pass: what is asked for in it is for the next one.
    """
    due = [(each, each.func, each.args) for each in clock.calls]
    for call, func, args in due:
        if call.active() and call.getTime() <= clock.seconds():
            call.cancel()
            func(*args)


class Taker:
    """
    Takes lines as long as it may.
    """

    def __init__(self, name: str, turns: Turns, told: list[str], lines: int) -> None:
        """
        @param told: Where it says that it took one.

        @param lines: How many it has.
        """
        self.name = name
        self.turns = turns
        self.told = told
        self.lines = lines

    def goOn(self) -> None:
        """
        Take some.
        """
        while self.lines and self.turns.isOpen(self):
            self.lines -= 1
            self.turns.taken()
            self.told.append(self.name)


class TurnsTests(SynchronousTestCase):
    """
    Some who take lines.
    """

    def setUp(self) -> None:
        """
        Nobody has taken any.
        """
        self.clock = Clock()
        self.turns = Turns(self.clock)
        self.told: list[str] = []

    def taker(self, name: str, lines: int) -> Taker:
        """
        One that has some lines, and begins to take them.
        """
        taker = Taker(name, self.turns, self.told, lines)
        taker.goOn()
        return taker

    def turn(self) -> dict[str, int]:
        """
        Who takes how many in the next turn.
        """
        del self.told[:]
        passTurn(self.clock)
        return {name: self.told.count(name) for name in self.told}

    def test_few(self) -> None:
        """
        Who has few takes them at once, and nothing is left to be done.
        """
        self.taker("a", 3)
        self.taker("b", 2)
        self.assertEqual(self.told, ["a"] * 3 + ["b"] * 2)
        self.assertEqual(self.turn(), {})
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_many(self) -> None:
        """
        All together take so many in a turn, whoever they are; who came first goes on
        first, and who comes now waits.
        """
        self.taker("a", 2 * A_TURN + 5)
        self.assertEqual(self.told, ["a"] * A_TURN)
        self.taker("b", A_TURN + 1)
        self.taker("c", 3)
        self.assertEqual(self.told, ["a"] * A_TURN)
        self.assertEqual(self.turn(), {"a": A_TURN})
        self.taker("d", 1)
        self.assertEqual(self.turn(), {"b": A_TURN})
        self.assertEqual(self.turn(), {"c": 3, "d": 1, "a": 5, "b": 1})
        self.assertEqual(self.turn(), {})
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_next(self) -> None:
        """
        The next turn is another one, though nobody had to wait in this.
        """
        self.taker("a", A_TURN - 1)
        self.turn()
        del self.told[:]
        self.taker("a", A_TURN)
        self.assertEqual(len(self.told), A_TURN)

    def test_fault(self) -> None:
        """
        That one fails keeps nobody else from going on, in the turn after it.
        """

        class Fails(Taker):
            """
            Fails at its turn.
            """

            def goOn(self) -> None:
                """
                Fail.
                """
                raise ArithmeticError

        self.taker("a", A_TURN)
        fails = Fails("f", self.turns, self.told, 1)
        self.assertFalse(self.turns.isOpen(fails))
        self.taker("b", 2)
        self.assertRaises(ArithmeticError, self.turn)
        self.assertEqual(self.turn(), {"b": 2})


class StreamsTests(RelayTestCase):
    """
    Several streams.
    """

    limits = Limits(maxBody=100_000, streamWindow=1000)

    def test_together(self) -> None:
        """
        However many lines several streams have, few are taken in one turn; each has
        all its results in the end.
        """
        clients = [self.connect() for _ in range(5)]
        for client in clients:
            client.begin("POST", PATH, Transfer_Encoding="chunked", Content_Type=NDJSON)
            client.give(chunk(line("x") * A_TURN) + END)
        taken = [len(self.sender.messages)]
        for _ in clients:
            passTurn(self.server.reactor)
            taken.append(len(self.sender.messages))
        steps = [after - before for before, after in pairwise(taken)]
        self.assertEqual(steps, [A_TURN] * 4 + [0])
        self.store()
        for client in clients:
            self.assertEqual(len(client.answer().lines), A_TURN + 1)

    def test_lastWithoutEnd(self) -> None:
        """
        The last line has its result, though others have their turn first, and though
        it was too long to be kept.
        """
        busy, last = self.connect(), self.connect()
        for client in (busy, last):
            client.begin("POST", PATH, Transfer_Encoding="chunked", Content_Type=NDJSON)
        last.give(chunk(b"x" * 100_001))
        busy.give(chunk(b"x\n" * 3 * A_TURN) + END)
        last.give(END)
        last.wait()
        wrong, end = last.answer().lines
        self.assertEqual((wrong["line"], wrong["limit"]), (1, 100_000))
        self.assertEqual(end, {"done": True, "accepted": 0, "failed": 1})

    def test_onlyBlank(self) -> None:
        """
        A stream of which only blank lines are left, and for which there was no room,
        ends when there is.
        """
        self.client.close()
        self.server.limits = limits = Limits(maxMessages=2, maxInFlight=2, share=1.0)
        self.server.desk.limits = limits
        self.server.desk.shares = Shares(self.server.reactor, limits)
        busy, blank = self.connect(), self.connect()
        for client in (busy, blank):
            client.begin("POST", PATH, Transfer_Encoding="chunked", Content_Type=NDJSON)
        busy.give(chunk(line("x") * 2))
        blank.give(chunk(b"\n") + END)
        blank.wait()
        self.store()
        blank.wait(TICK)
        blank.wait(TICK)
        (end,) = blank.answer().lines
        self.assertEqual(end, {"done": True, "accepted": 0, "failed": 0})

    def test_nothingToTake(self) -> None:
        """
        Who has sent no whole line does not wait for others: it is read on, and it is
        its own fault if that takes long.
        """
        busy, slow = self.connect(), self.connect()
        for client in (busy, slow):
            client.begin("POST", PATH, Transfer_Encoding="chunked", Content_Type=NDJSON)
        busy.give(chunk(line("x") * (A_TURN + 1)))
        slow.give(chunk(b'{"body":'))
        self.assertEqual(busy.transport.producerState, "paused")
        self.assertEqual(slow.transport.producerState, "producing")
        slow.give(chunk(b'"y"}\n'))
        self.assertEqual(slow.transport.producerState, "paused")
        passTurn(self.server.reactor)
        self.assertEqual(len(self.sender.messages), A_TURN + 2)
        self.assertEqual(slow.transport.producerState, "producing")
