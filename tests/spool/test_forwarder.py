"""
Tests of L{txrocketmq._spool.forwarder}, with a producer whose sends end as told.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
from twisted.internet.defer import CancelledError, Deferred

from tests.spool.support import SpoolTestCase, entries, entry
from txrocketmq._spool import (
    Forwarder,
    Kept,
    Spool,
    SpoolEntry,
    forwarder,
    lanes,
    ledger,
)
from txrocketmq._spool.lane import PATIENCE
from txrocketmq._spool.patience import PROBES
from txrocketmq.errors import (
    BrokerError,
    ConnectFailed,
    InvalidMessage,
    MessageIllegal,
    NoPermission,
    RemotingTimeout,
    SendCancelled,
    SendFailed,
    WeakAck,
)
from txrocketmq.message import (
    Attempt,
    Message,
    MessageQueue,
    Persisted,
    SendResult,
    SendStatus,
)
from txrocketmq.relay.tally import Tally

BROKER = "127.0.0.1:10911"


@attrs.define(eq=False)
class Sent:
    """
    A send that is under way.
    """

    message: Message
    msgId: str
    queue: MessageQueue | None
    ended: Deferred[SendResult]

    def succeed(self, queueId: int = 0) -> None:
        """
        A broker has it.
        """
        queue = MessageQueue(self.message.topic, "b", queueId)
        result = SendResult(SendStatus.SEND_OK, self.msgId, "offset", queue, 0)
        self.ended.callback(result)

    def fail(
        self,
        cause: Exception,
        persisted: Persisted = Persisted.NO,
        queueId: int | None = None,
    ) -> None:
        """
        It fails.
        """
        attempts = []
        if queueId is not None:
            queue = MessageQueue(self.message.topic, "b", queueId)
            attempts.append(Attempt(queue, BROKER, 1.0, cause, persisted))
        topic = self.message.topic
        self.ended.errback(SendFailed(topic, self.msgId, cause, persisted, attempts))


class Sender:
    """
    A producer.

    @ivar flying: What is under way.

    @ivar log: The ids of all sends that were begun.
    """

    def __init__(self) -> None:
        self.flying: dict[str, Sent] = {}
        self.log: list[str] = []

    def send(
        self,
        message: Message,
        *,
        queue: MessageQueue | None = None,
        msgId: str | None = None,
    ) -> Deferred[SendResult]:
        """
        Send a message.
        """
        assert msgId is not None
        ended: Deferred[SendResult] = Deferred(self._cancel)
        assert msgId not in self.flying, "the same message twice at once"
        self.flying[msgId] = Sent(message, msgId, queue, ended)
        self.log.append(msgId)
        return ended.addBoth(self._over, msgId)

    def _cancel(self, ended: Deferred[SendResult]) -> None:
        """
        A send is given up.
        """
        ended.errback(SendCancelled(Persisted.MAYBE))

    def _over(self, result: object, msgId: str) -> object:
        """
        A send has ended.
        """
        del self.flying[msgId]
        return result


class ForwarderTestCase(SpoolTestCase):
    """
    A test of a forwarder.
    """

    def setUp(self) -> None:
        """
        Make everything but the messages.
        """
        super().setUp()
        self.sender = Sender()
        self.tally = Tally(lambda: 0.0)
        self.kept = self.spool()
        self.forwarder = self.newForwarder(self.kept)

    def newForwarder(self, spool: Spool) -> Forwarder:
        """
        Make another one.
        """
        made = Forwarder(self.clock, spool, self.sender, self.tally)
        self.addCleanup(self.stop, made)
        return made

    def stop(self, running: Forwarder) -> None:
        """
        Stop one at once.
        """
        stopping = running.stop(0)
        self.clock.advance(0)
        self.wait(stopping)

    def append(self, *messages: SpoolEntry) -> None:
        """
        Have messages in the spool.
        """
        self.wait(self.kept.append(messages))

    def turn(self, seconds: float = 0.0) -> None:
        """
        Let time pass, and everything be done that is to be done then.
        """
        self.clock.advance(seconds)
        for _ in range(4):
            self.wait(self.kept.refused(0, 1))
            self.clock.advance(0)

    def start(self, *messages: SpoolEntry) -> None:
        """
        Begin to send messages.
        """
        self.append(*messages)
        self.forwarder.start()
        self.turn()

    def flying(self) -> list[str]:
        """
        The ids of what is under way.
        """
        return list(self.sender.flying)

    def succeed(self, *msgIds: str, queueId: int = 0) -> None:
        """
        Have sends succeed.
        """
        for msgId in msgIds:
            self.sender.flying[msgId].succeed(queueId)
        self.turn(ledger.TOGETHER)

    def reject(self, msgId: str, *how: object, **more: object) -> None:
        """
        Have a send fail.
        """
        self.sender.flying[msgId].fail(*how, **more)  # type: ignore[arg-type]
        self.turn(ledger.TOGETHER)


UNREACHED = ConnectFailed(BROKER, "refused")
TIMEOUT = RemotingTimeout(BROKER, "no answer", Persisted.MAYBE)
ILLEGAL = MessageIllegal(13, "the message is illegal", BROKER)
FORBIDDEN = NoPermission(16, "no", BROKER)


class ForwardingTests(ForwarderTestCase):
    """
    What waits is sent, and forgotten when a broker has it.
    """

    def test_everything(self) -> None:
        """
        Messages without a key are under way together, under their ids, and each is
        forgotten when it is stored.
        """
        self.start(*entries(3))
        self.assertEqual(self.flying(), ["ID0000", "ID0001", "ID0002"])
        self.assertEqual(self.forwarder.state, "draining")
        self.succeed("ID0001")
        self.assertEqual(self.waiting(self.kept), ["ID0000", "ID0002"])
        self.succeed("ID0000", "ID0002")
        self.assertEqual(self.kept.counts.waiting, 0)
        self.assertEqual(self.forwarder.state, "idle")
        self.assertEqual(self.tally.delivered["spool"], 3)

    def test_whatComesLater(self) -> None:
        """
        What is kept while it runs is sent, too: nobody has to tell it.
        """
        self.start()
        self.append(entry(1))
        self.turn()
        self.assertEqual(self.flying(), ["ID0001"])
        self.forwarder.wake()
        self.turn()
        self.assertEqual(self.flying(), ["ID0001"])
        self.succeed("ID0001")

    def test_rests(self) -> None:
        """
        While messages are under way, and none comes, the spool is not read.
        """
        self.start(*entries(3))
        reads: list[int] = []
        waiting = self.kept.waiting

        def read(after: int, most: int, mostBytes: int) -> Deferred[list[Kept]]:
            reads.append(after)
            return waiting(after, most, mostBytes)

        self.patch(self.kept, "waiting", read)
        for _ in range(20):
            self.turn()
        self.assertEqual(reads, [])
        self.append(entry(3))
        self.turn()
        self.assertEqual(len(self.flying()), 4)
        self.assertLessEqual(len(reads), 3)
        self.succeed(*self.flying())

    def test_oneAfterTheOther(self) -> None:
        """
        Of one key there is one under way, in order; other keys and topics overtake.
        """
        self.start(
            entry(0, "a"),
            entry(1, "a"),
            entry(2, "b"),
            entry(3, "a"),
            entry(4, "a", "U"),
            entry(5),
        )
        self.assertEqual(self.flying(), ["ID0000", "ID0002", "ID0004", "ID0005"])
        self.succeed("ID0002")
        self.succeed("ID0000")
        self.assertIn("ID0001", self.flying())
        self.assertNotIn("ID0003", self.flying())
        self.succeed("ID0001")
        self.succeed("ID0003")

    def test_orderThroughFailures(self) -> None:
        """
        A message that fails is tried again before any later one of its key, even
        one that came meanwhile.
        """
        self.start(*(entry(n, "a") for n in range(3)))
        for _ in range(4):
            self.reject("ID0000", UNREACHED)
            self.append(entry(3 + len(self.sender.log), "a"))
            self.turn(6.0)
            self.assertEqual(self.flying(), ["ID0000"])
        rest = self.waiting(self.kept)
        for msgId in rest:
            self.assertEqual(self.flying(), [msgId])
            self.succeed(msgId)
        self.assertEqual(self.kept.counts.waiting, 0)

    def test_readingThatWasOvertaken(self) -> None:
        """
        What is being read when a key has to be read again from before is read
        again, too: it would come before what was left.
        """
        self.patch(lanes, "MOST_OF_LANE", 2)
        self.start(*(entry(n, "a") for n in range(9)))
        order: list[str] = []
        while self.kept.counts.waiting:
            (msgId,) = self.flying()
            order.append(msgId)
            # Ends while a read is under way.
            self.append(entry(100 + len(order), "b"))
            self.sender.flying[msgId].succeed()
            self.turn(ledger.TOGETHER)
            for other in [m for m in self.flying() if m >= "ID0100"]:
                self.succeed(other)
        self.assertEqual(order, [f"ID{n:04}" for n in range(9)])

    def test_sameIdAfterARestart(self) -> None:
        """
        What was under way when everything ended is sent again under its id.
        """
        self.start(entry(0))
        self.stop(self.forwarder)
        self.close(self.kept)
        self.kept = self.spool()
        self.forwarder = self.newForwarder(self.kept)
        self.start()
        self.assertEqual(self.sender.log, ["ID0000", "ID0000"])
        self.succeed("ID0000")

    def test_weakIsStored(self) -> None:
        """
        What is stored, if badly, is not sent again.
        """
        self.start(entry(0))
        self.reject("ID0000", WeakAck(10, None, BROKER), Persisted.YES)
        self.assertEqual(self.kept.counts.waiting, 0)
        self.assertEqual(self.kept.counts.refused, 0)

    def test_queueStays(self) -> None:
        """
        A key stays with the queue where its message may be, and leaves one that has
        not worked for long and surely has nothing.
        """
        self.start(entry(0, "a"), entry(1, "a"))
        self.reject("ID0000", UNREACHED, queueId=3)
        self.turn(PATIENCE)
        queue = MessageQueue("T", "b", 3)
        self.assertEqual(self.sender.flying["ID0000"].queue, queue)
        self.reject("ID0000", TIMEOUT, Persisted.MAYBE, queueId=3)
        self.turn(PATIENCE)
        self.assertEqual(self.sender.flying["ID0000"].queue, queue)
        self.succeed("ID0000", queueId=3)
        self.assertEqual(self.sender.flying["ID0001"].queue, queue)
        self.reject("ID0001", UNREACHED, queueId=3)
        self.turn(PATIENCE + 1)
        self.reject("ID0001", UNREACHED, queueId=3)
        self.turn(PATIENCE)
        self.assertEqual(self.sender.flying["ID0001"].queue, None)
        self.succeed("ID0001")

    def test_strange(self) -> None:
        """
        A fault of ours in counting is logged, and ends nothing else.
        """

        def stored(*args: object, **more: object) -> None:
            raise ZeroDivisionError

        self.tally.stored = stored  # type: ignore[method-assign]
        self.start(entry(0), entry(1))
        self.succeed("ID0000")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(self.flying(), ["ID0001"])


class BackingOffTests(ForwarderTestCase):
    """
    A cluster that is down is not stormed, and never given up.
    """

    def test_backsOff(self) -> None:
        """
        When everything fails, few are tried, ever more rarely; the first success
        lets all go.
        """
        self.start(*entries(40))
        self.assertEqual(len(self.flying()), 40)
        for msgId in self.flying():
            self.sender.flying[msgId].fail(UNREACHED)
        self.turn()
        self.assertEqual(self.forwarder.state, "backing off")
        self.assertEqual(self.forwarder.lastError, "a connection could not be made")
        self.assertEqual(self.flying(), [])
        begun = len(self.sender.log)
        for _ in range(600):
            self.turn(0.1)
            for msgId in self.flying():
                self.sender.flying[msgId].fail(UNREACHED)
        self.assertLess(len(self.sender.log) - begun, 20 * PROBES)
        self.assertGreater(len(self.sender.log) - begun, PROBES)
        while not self.flying():
            self.turn(0.5)
        self.assertLessEqual(len(self.flying()), PROBES)
        self.succeed(self.flying()[0])
        self.turn(6.0)
        self.assertEqual(len(self.flying()), 39)
        self.assertEqual(self.forwarder.state, "draining")
        self.assertIsNone(self.forwarder.lastError)
        self.succeed(*self.flying())
        self.assertEqual(self.kept.counts.waiting, 0)

    def test_oneKeyDoesNotStopOthers(self) -> None:
        """
        While one key fails, others go on.
        """
        self.start(entry(0, "a"), entry(1, "b"), entry(2, "b"))
        self.succeed("ID0001")
        self.reject("ID0000", TIMEOUT, Persisted.MAYBE)
        self.succeed("ID0002")
        self.assertEqual(self.forwarder.state, "draining")
        self.turn(6.0)
        self.succeed("ID0000")


class RefusedTests(ForwarderTestCase):
    """
    What no broker will ever have is put aside; what can be mended waits.
    """

    def test_illegal(self) -> None:
        """
        A message a broker refuses for good is among the refused, and the next one
        of its key goes on.
        """
        self.start(entry(0, "a"), entry(1, "a"))
        self.reject("ID0000", ILLEGAL)
        self.assertEqual(self.flying(), ["ID0001"])
        (refused,) = self.wait(self.kept.refused(0, 9))
        self.assertEqual(refused.reason, "the broker refused the message")
        self.assertEqual(self.tally.setAside["message_refused"], 1)
        self.succeed("ID0001")

    def test_unsendable(self) -> None:
        """
        So is one that cannot even be sent.
        """
        self.start(entry(0))
        self.sender.flying["ID0000"].ended.errback(InvalidMessage("it is too long"))
        self.turn(ledger.TOGETHER)
        (refused,) = self.wait(self.kept.refused(0, 9))
        self.assertEqual(refused.reason, "the message cannot be sent as it is")

    def test_unknownAnswer(self) -> None:
        """
        An answer nobody knows is no refusal.
        """
        self.start(entry(0))
        self.reject("ID0000", BrokerError(4711, None, BROKER), Persisted.MAYBE)
        self.turn(6.0)
        self.assertEqual(self.flying(), ["ID0000"])
        self.succeed("ID0000")

    def test_topicWaits(self) -> None:
        """
        A topic that may not be sent to waits as a whole, tried by one message now
        and then; others go on; when it is allowed, all of it goes in order.
        """
        self.start(*(entry(n, "a") for n in range(3)), entry(3, "z", "U"))
        self.reject("ID0000", FORBIDDEN)
        self.append(entry(4, "a"), entry(5, "b"), entry(6, "z", "U"))
        self.succeed("ID0003")
        self.turn(0.5)
        self.assertEqual(self.flying(), ["ID0006"])
        for delay in (1.0, 2.0, 4.0):
            self.turn(delay)
            self.assertIn("ID0000", self.flying())
            self.reject("ID0000", FORBIDDEN)
            self.assertEqual(self.forwarder.lastError, "the broker does not allow it")
        self.succeed("ID0006")
        self.turn(8.0)
        self.succeed("ID0000")
        self.assertEqual(sorted(self.flying()), ["ID0001", "ID0005"])
        for msgId in ("ID0001", "ID0002", "ID0004", "ID0005"):
            self.succeed(msgId)
        self.assertEqual(self.kept.counts.waiting, 0)

    def test_parkedTopicIsReplaced(self) -> None:
        """
        A parked topic whose messages are gone is forgotten.
        """
        self.start(entry(0), entry(1, None, "U"))
        self.reject("ID0000", FORBIDDEN)
        self.wait(self.kept.delivered([1]))
        self.turn(1.0)
        self.append(entry(2))
        self.turn()
        self.succeed("ID0002", "ID0001")
        self.assertEqual(self.kept.counts.waiting, 0)

    def test_replayed(self) -> None:
        """
        What is put back from the refused is sent.
        """
        self.start(entry(0))
        self.reject("ID0000", ILLEGAL)
        self.assertEqual(self.wait(self.kept.replay(None)), 1)
        self.turn()
        self.succeed("ID0000")
        self.assertEqual(self.kept.counts.waiting, 0)


class BoundTests(ForwarderTestCase):
    """
    What is in memory and under way is bounded.
    """

    def test_window(self) -> None:
        """
        No more than the window is under way, no more than some in a turn.
        """
        self.patch(forwarder, "WINDOW", 10)
        self.patch(forwarder, "SLICE", 4)
        self.append(*entries(30))
        self.forwarder.start()
        self.wait(self.kept.refused(0, 1))
        self.assertEqual(len(self.flying()), 4)
        self.turn()
        self.turn()
        self.assertEqual(len(self.flying()), 10)
        while self.flying():
            self.succeed(*self.flying())
            self.assertLessEqual(len(self.flying()), 10)
        self.assertEqual(self.kept.counts.waiting, 0)

    def test_manyOfOneKey(self) -> None:
        """
        A key with many messages does not keep others from being read.
        """
        self.patch(lanes, "MOST_OF_LANE", 3)
        self.patch(lanes, "MOST", 12)
        many = [entry(n, "a") for n in range(50)]
        self.start(*many, entry(50, "b"))
        self.turn()
        self.assertEqual(self.flying(), ["ID0000", "ID0050"])
        self.succeed("ID0050")
        for each in many:
            self.assertEqual(self.flying(), [each.msgId])
            self.succeed(each.msgId)
        self.assertEqual(self.kept.counts.waiting, 0)

    def test_spoolThatCannotWrite(self) -> None:
        """
        What was delivered and cannot be forgotten is tried again, and sent no more.
        """
        self.start(entry(0))
        self.broken("delivered")
        self.succeed("ID0000")
        self.turn(2.0)
        self.assertEqual(self.kept.counts.waiting, 1)
        self.mend("delivered")
        self.turn(ledger.AGAIN)
        self.assertEqual(self.kept.counts.waiting, 0)
        self.assertEqual(self.sender.log, ["ID0000"])

    def test_spoolThatCannotRefuse(self) -> None:
        """
        So it is with what was refused.
        """
        self.start(entry(0))
        self.broken("refuse")
        self.reject("ID0000", ILLEGAL)
        self.mend("refuse")
        self.turn(ledger.AGAIN)
        self.assertEqual(self.kept.counts.refused, 1)

    def test_spoolThatCannotRead(self) -> None:
        """
        Reading is tried again.
        """
        self.broken("waiting")
        self.start(entry(0))
        self.assertEqual(self.flying(), [])
        self.mend("waiting")
        self.turn(2.0)
        self.succeed("ID0000")

    def test_tooMuchOverdue(self) -> None:
        """
        When too much was delivered that cannot be forgotten, no more is sent.
        """
        self.patch(ledger, "MOST_OVERDUE", 1)
        self.patch(forwarder, "WINDOW", 2)
        self.start(*entries(9))
        self.broken("delivered")
        self.succeed("ID0000", "ID0001")
        self.turn(3.0)
        self.assertEqual(self.flying(), [])
        self.mend("delivered")
        for _ in range(9):
            self.turn(1.0)
            self.succeed(*self.flying())
        self.assertEqual(self.kept.counts.waiting, 0)

    def broken(self, name: str) -> None:
        """
        Have something of the spool fail.
        """
        from twisted.internet.defer import fail

        from txrocketmq.errors import SpoolUnavailable

        failing: Callable[..., object] = lambda *_: fail(SpoolUnavailable("broken"))  # noqa: E731
        setattr(self.kept, name, failing)

    def mend(self, name: str) -> None:
        """
        Have it work again.
        """
        delattr(self.kept, name)


class StoppingTests(ForwarderTestCase):
    """
    It stops in time.
    """

    def test_waitsForWhatIsUnderWay(self) -> None:
        """
        What is under way has its time, and is forgotten when it succeeds.
        """
        self.start(*entries(2))
        stopping = self.forwarder.stop(5.0)
        self.assertEqual(self.forwarder.state, "stopped")
        self.sender.flying["ID0000"].succeed()
        self.clock.advance(4.9)
        self.assertNoResult(stopping)
        self.sender.flying["ID0001"].succeed()
        self.assertEqual(self.wait(stopping), 0)

    def test_givesUp(self) -> None:
        """
        Then it stays in the spool.
        """
        self.start(*entries(2))
        stopping = self.forwarder.stop(5.0)
        self.sender.flying["ID0000"].succeed()
        self.clock.advance(5.0)
        self.assertEqual(self.wait(stopping), 1)
        self.assertEqual(self.waiting(self.kept), ["ID0001"])

    def test_atOnce(self) -> None:
        """
        A second call can end it at once; both fire.
        """
        self.start(entry(0))
        first, second = self.forwarder.stop(5.0), self.forwarder.stop(0)
        self.clock.advance(0)
        self.assertEqual((self.wait(first), self.wait(second)), (1, 1))
        self.assertEqual(self.wait(self.forwarder.stop(1)), 1)

    def test_startAgain(self) -> None:
        """
        It can be started again, twice is once.
        """
        self.start(entry(0))
        self.stop(self.forwarder)
        self.forwarder.start()
        self.forwarder.start()
        self.turn()
        self.succeed("ID0000")

    def test_cancelled(self) -> None:
        """
        A send that somebody else cancels is tried again.
        """
        self.start(entry(0))
        self.sender.flying["ID0000"].ended.errback(CancelledError())
        self.turn(6.0)
        self.succeed("ID0000")
        self.assertEqual(self.kept.counts.waiting, 0)
