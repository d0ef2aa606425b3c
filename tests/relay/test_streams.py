"""
Tests for streams: L{txrocketmq.relay.streams}, L{txrocketmq.relay.lines},
L{txrocketmq.relay.pace}, L{txrocketmq.relay.slots} and L{txrocketmq.relay.takers}.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.cli.results import REFUSED, failed, stored
from tests.matrix.marks import row
from tests.relay.http import NDJSON, PATH, Client, RelayTestCase
from txrocketmq.errors import SpoolFull
from txrocketmq.relay.limits import Limits
from txrocketmq.relay.lines import TOO_LONG, Lines
from txrocketmq.relay.site import TICK
from txrocketmq.relay.turns import A_TURN


def chunk(data: bytes) -> bytes:
    """
    A piece of a body.
    """
    return b"%x\r\n%b\r\n" % (len(data), data)


def line(body: str) -> bytes:
    """
    A message, as a line.
    """
    return b'{"body":"%b"}\n' % body.encode()


END = b"0\r\n\r\n"


class StreamTestCase(RelayTestCase):
    """
    A test of one stream.
    """

    limits = Limits(
        maxBody=2000, streamWindow=10, streamBytes=500, maxHeld=4000, freeBody=99
    )
    hasSpool = True

    def stream(self, query: str = "", client: Client | None = None) -> None:
        """
        Begin a stream.
        """
        (client or self.client).begin(
            "POST",
            f"{PATH}{query}",
            Transfer_Encoding="chunked",
            Content_Type=NDJSON,
        )

    def bodies(self) -> list[str]:
        """
        The bodies of what was sent.
        """
        return [message.body.decode() for message in self.sender.messages]


class ResultTests(StreamTestCase):
    """
    What is told of each line.
    """

    def test_results(self) -> None:
        """
        Each line that is not blank has one result, in order, as soon as it is known
        and those before it are; the last line counts them.
        """
        self.stream()
        self.client.give(chunk(line("a") + b"\r\n" + line("b")) + chunk(line("c")))
        self.assertEqual(self.bodies(), ["a", "b", "c"])
        self.sender.sends[1].callback(stored(1))
        self.client.wait()
        self.assertEqual(self.client.transport.value(), b"")
        self.sender.sends[0].callback(stored(0))
        self.client.wait()
        told = self.client.transport.value()
        self.assertTrue(told.startswith(b"HTTP/1.1 200 OK\r\n"))
        self.assertIn(b'"line":1', told)
        self.assertIn(b'"line":3', told)
        self.sender.sends[2].errback(Failure(failed(REFUSED)))
        self.client.give(END)
        self.client.wait()
        first, second, third, last = self.client.answer().lines
        self.assertEqual((first["line"], first["queueOffset"]), (1, 0))
        self.assertEqual((second["line"], second["queueOffset"]), (3, 1))
        self.assertEqual((third["line"], third["persisted"]), (4, "NO"))
        self.assertEqual(last, {"done": True, "accepted": 2, "failed": 1})
        self.assertEqual(self.client.ask("GET", "/healthz").status, 200)

    def test_wrongLines(self) -> None:
        """
        A line that is no message is told with its path and reason, and hinders no
        other.
        """
        self.stream()
        wrong = b'{"body":"x","tagz":1}\nnonsense\n{"body":1}\n' + b"x" * 2001 + b"\n"
        self.client.give(chunk(wrong + line("good")) + END)
        self.store()
        *results, good, last = self.client.answer().lines
        self.assertEqual([each["line"] for each in results], [1, 2, 3, 4])
        self.assertEqual(
            [(each["path"], each["persisted"]) for each in results],
            [("$", "NO"), ("$", "NO"), ("$.body", "NO"), ("$", "NO")],
        )
        self.assertEqual(results[0]["field"], "tagz")
        self.assertEqual(results[3]["limit"], 2000)
        self.assertEqual(good["msgId"], "ID0")
        self.assertEqual((last["accepted"], last["failed"]), (1, 4))

    def test_empty(self) -> None:
        """
        One without a line has none to tell of.
        """
        self.stream()
        self.client.give(chunk(b"\n \n") + END)
        self.client.wait()
        self.assertEqual(
            self.client.answer().lines, [{"done": True, "accepted": 0, "failed": 0}]
        )

    def test_lastLine(self) -> None:
        """
        The last line needs no end.
        """
        self.stream()
        self.client.give(chunk(b'{"body":"a"}') + END)
        self.store()
        self.assertEqual(self.client.answer().lines[0]["line"], 1)

    def test_spool(self) -> None:
        """
        With ack=spool a line has its result when it is committed; what came together
        is committed together.
        """
        self.stream("?ack=spool")
        self.client.give(chunk(line("a") + line("b")))
        self.client.give(chunk(line("c")))
        self.assertEqual([len(group) for group in self.spool.groups], [2, 1])
        self.spool.appends[0].callback(None)
        self.spool.appends[1].errback(SpoolFull("x"))
        self.client.give(END)
        self.client.wait()
        first, second, third, last = self.client.answer().lines
        self.assertEqual(first, {"line": 1, "msgId": "ID1"})
        self.assertEqual(second, {"line": 2, "msgId": "ID2"})
        self.assertEqual(third["persisted"], "NO")
        self.assertEqual((last["accepted"], last["failed"]), (2, 1))

    def test_noKey(self) -> None:
        """
        A stream has no Idempotency-Key.
        """
        self.client.begin(
            "POST",
            Transfer_Encoding="chunked",
            Content_Type=NDJSON,
            Idempotency_Key="k",
        )
        self.assertEqual(self.client.answer().code, "bad_key")

    @row("F81")
    def test_clientGone(self) -> None:
        """
        What was taken from a client that goes away is sent all the same.
        """
        self.stream()
        self.client.give(chunk(line("a") + b'{"body":'))
        self.client.close()
        self.store()
        self.assertEqual(self.bodies(), ["a"])
        self.assertEqual(self.server.tally.delivered["broker"], 1)

    def test_bug(self) -> None:
        """
        A send that ends in an unforeseen way is logged, and a result.
        """
        self.stream()
        self.client.give(chunk(line("a")) + END)
        self.sender.sends[0].errback(KeyError("s3cret"))
        self.client.wait()
        found = self.client.answer().lines[0]
        self.assertEqual(found["persisted"], "MAYBE")
        self.assertNotIn("s3cret", str(found))
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)


class BoundTests(StreamTestCase):
    """
    What a stream may take.
    """

    def test_window(self) -> None:
        """
        So many lines are under way, and no more is read; one that ends makes room.
        """
        self.stream()
        self.client.give(chunk(b"".join(line(str(n)) for n in range(15))))
        self.assertEqual(len(self.sender.sends), 10)
        self.assertEqual(self.client.transport.producerState, "paused")
        self.store(0)
        self.assertEqual(len(self.sender.sends), 11)
        self.store()
        self.assertEqual(len(self.sender.sends), 15)
        self.assertEqual(self.client.transport.producerState, "producing")
        self.client.give(END)
        self.store()
        self.assertEqual(len(self.client.answer().lines), 16)

    def test_bytes(self) -> None:
        """
        So many bytes are.
        """
        self.stream()
        self.client.give(chunk(line("x" * 450) + line("y" * 450) + line("z")))
        self.assertEqual(len(self.sender.sends), 2)
        self.assertEqual(self.client.transport.producerState, "paused")
        self.store()
        self.assertEqual(len(self.sender.sends), 3)

    def test_aTurn(self) -> None:
        """
        Many lines that are there at once are read by and by: others have their
        turn in between.
        """
        many = A_TURN + 5
        self.client.close()
        self.server.limits = limits = Limits(maxBody=100_000, streamWindow=1000)
        self.server.desk.limits = limits
        self.client = self.connect()
        self.stream()
        self.client.give(chunk(b"x\n" * many) + chunk(line("good")))
        self.assertEqual(self.sender.messages, [])
        self.assertEqual(self.client.transport.producerState, "paused")
        self.client.wait()
        self.assertEqual(self.bodies(), ["good"])
        self.assertEqual(self.client.transport.producerState, "producing")
        self.client.give(END)
        self.store()
        self.assertEqual(len(self.client.answer().lines), many + 2)

    def test_neverReads(self) -> None:
        """
        Of a client that does not read its results nothing more is taken.
        """
        self.stream()
        self.client.give(chunk(line("a")))
        self.client.protocol.pauseProducing()
        self.client.give(chunk(line("b")))
        self.store()
        self.assertEqual(self.bodies(), ["a"])
        self.assertEqual(self.client.transport.value(), b"")
        self.client.protocol.resumeProducing()
        self.client.wait()
        self.assertEqual(self.bodies(), ["a", "b"])
        self.client.protocol.pauseProducing()
        self.client.wait(self.server.limits.unreadDeadline + TICK)
        self.assertTrue(self.client.transport.aborted)

    def test_tooMany(self) -> None:
        """
        There are so many streams at a time.
        """
        self.client.close()
        limits = Limits(maxBody=100, maxStreams=1)
        self.server.desk.limits = self.server.front._limits = limits
        self.client = self.connect()
        self.stream()
        other = self.connect()
        self.stream(client=other)
        reply = other.answer()
        self.assertEqual((reply.status, reply.code), (503, "busy"))
        self.assertEqual(reply.headers["retry-after"], "1")


class SlowTests(StreamTestCase):
    """
    Streams that do not come.
    """

    def last(self) -> Any:
        """
        How a stream ended, that was begun.
        """
        self.client.wait()
        found = self.client.answer().lines[-1]
        self.assertFalse(found["done"])
        self.assertFalse(self.client.isOpen)
        return found["error"]

    @row("F78")
    def test_floor(self) -> None:
        """
        It has to come at some rate; one that is fast enough may last for ever.
        """
        self.stream()
        for _ in range(100):
            self.client.give(chunk(line("x" * 70)))
            self.client.wait(1)
            self.store()
        self.assertTrue(self.client.isOpen)
        for _ in range(21):
            self.client.give(chunk(line("x")))
            self.client.wait(1)
            self.store()
        error = self.last()
        self.assertEqual(
            (error["code"], error["limitBytesPerSecond"]), ("too_slow", 64)
        )

    @row("F78")
    def test_neverBegun(self) -> None:
        """
        One without a line is refused as a body is.
        """
        self.stream()
        self.client.wait(10 + TICK)
        reply = self.client.answer()
        self.assertEqual((reply.status, reply.code), (400, "too_slow"))

    @row("F78")
    def test_endlessLine(self) -> None:
        """
        A line that does not end has a deadline, however fast it comes, and nothing
        of it is kept when it has become too long.
        """
        self.stream()
        for _ in range(30 * 4 - 1):
            self.client.give(chunk(b"x" * 1500))
            self.client.wait(TICK)
            self.assertTrue(self.client.isOpen)
        self.client.give(chunk(b"x" * 1500))
        self.client.wait(2 * TICK)
        self.assertEqual(self.client.answer().code, "too_slow")
        self.assertFalse(self.client.isOpen)

    @row("F78")
    def test_noRoomForLine(self) -> None:
        """
        A long line waits for room, but not for ever: who has it may never end.
        """
        self.client.post(b"x" * 2000)
        other = self.connect()
        self.stream(client=other)
        other.give(chunk(b"y" * 600))
        self.assertEqual(other.transport.producerState, "paused")
        for _ in range(29 * 4):
            other.wait(TICK)
        self.assertTrue(other.isOpen)
        other.wait(1 + TICK)
        reply = other.answer()
        self.assertEqual((reply.status, reply.code), (503, "busy"))
        self.assertEqual(reply.headers["retry-after"], "1")

    def test_roomForLine(self) -> None:
        """
        When there is room in time, it goes on.
        """
        self.stream()
        self.client.give(chunk(b"x" * 600))
        other = self.connect()
        self.stream(client=other)
        other.give(chunk(b'{"body":"' + b"y" * 600))
        self.client.close()
        other.wait(TICK)
        self.assertEqual(other.transport.producerState, "producing")
        other.give(chunk(b'"}') + END)
        self.store()
        other.wait()
        self.assertEqual(other.answer().lines[-1]["accepted"], 1)

    def test_ourFault(self) -> None:
        """
        A client that we let wait is not told to hurry.
        """
        self.stream()
        self.client.give(chunk(b"".join(line(str(n)) for n in range(15)) + b"x"))
        self.client.wait(1000)
        self.assertTrue(self.client.isOpen)
        self.store()
        self.client.give(chunk(b"\n") + END)
        self.store()
        self.assertTrue(self.client.answer().lines[-1]["done"])

    def test_stops(self) -> None:
        """
        When the relay stops, what was taken has results, and no more is taken.
        """
        self.stream()
        self.client.give(chunk(line("a")))
        drained = self.server.desk.drained()
        self.client.wait()
        self.client.give(chunk(line("b")))
        self.assertNoResult(drained)
        self.store()
        self.assertEqual(self.last()["code"], "stopping")
        self.assertEqual(self.bodies(), ["a"])
        self.successResultOf(drained)

    @row("F77")
    def test_cut(self) -> None:
        """
        One that ends too soon is told so, after the results of what it brought.
        """
        self.stream()
        self.client.give(chunk(line("a") + b'{"body":"b'))
        self.client.finish()
        self.store()
        self.assertEqual(self.last()["code"], "cut_short")
        self.assertEqual(self.bodies(), ["a"])


class LinesTests(SynchronousTestCase):
    """
    L{Lines}.
    """

    @given(st.lists(st.binary(max_size=12), max_size=12), st.integers(1, 8))
    def test_any(self, pieces: list[bytes], longest: int) -> None:
        """
        However the bytes come, the lines are the same; those that are too long are
        told, and nothing is kept that is longer than the longest and a piece.
        """
        lines, found = Lines(longest), []
        for piece in pieces:
            lines.add(piece)
            while (each := lines.next()) is not None:
                found.append(each)
            self.assertLessEqual(len(lines), longest)
        lines.end()
        while (each := lines.next()) is not None:
            found.append(each)
        *whole, rest = b"".join(pieces).split(b"\n")
        expected = [*whole, rest] if rest else whole
        self.assertEqual(
            found, [each if len(each) <= longest else TOO_LONG for each in expected]
        )
        self.assertEqual(lines.number, len(expected))
        self.assertFalse(lines.isPartial)
