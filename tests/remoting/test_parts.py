"""
Tests of the parts a protocol is made of.
"""

from __future__ import annotations

from heapq import heapify
from math import inf

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from tests.support import TestCase
from txrocketmq._remoting import waiters as module
from txrocketmq._remoting.alarm import Alarm
from txrocketmq._remoting.backoff import Backoff
from txrocketmq._remoting.moment import Moment
from txrocketmq._remoting.opaques import MAX_OPAQUE, Opaques, anyOpaque
from txrocketmq._remoting.outbox import ANSWER, Outbox
from txrocketmq._remoting.patience import Grace, Patience
from txrocketmq._remoting.quotas import Quota, Tolerance
from txrocketmq._remoting.waiters import SLACK, UNWRITTEN, Waiter, Waiters, Waiting
from txrocketmq._remoting.watch import Watch
from txrocketmq._wire.command import RemotingCommand
from txrocketmq.message import Persisted


class MomentTests(TestCase):
    """
    L{Moment}.
    """

    def test_before(self) -> None:
        """
        Who asked before it happens is told when it does.
        """
        moment: Moment[str] = Moment()
        d = moment.when()
        self.assertFalse(moment.passed)
        self.assertNoResult(d)
        moment.happen("now")
        self.assertTrue(moment.passed)
        self.assertEqual(self.successResultOf(d), "now")

    def test_after(self) -> None:
        """
        Who asks later is told at once.
        """
        moment: Moment[str] = Moment()
        moment.happen("now")
        self.assertEqual(self.successResultOf(moment.when()), "now")

    def test_once(self) -> None:
        """
        It happens once.
        """
        moment: Moment[str] = Moment()
        moment.happen("now")
        moment.happen("again")
        self.assertEqual(self.successResultOf(moment.when()), "now")

    def test_failure(self) -> None:
        """
        What happens may be a failure, before and after.
        """
        moment: Moment[str] = Moment()
        d = moment.when()
        moment.happen(Failure(KeyError("x")))
        self.failureResultOf(d, KeyError)
        self.failureResultOf(moment.when(), KeyError)

    def test_cancel(self) -> None:
        """
        Who cancels is not told.
        """
        moment: Moment[str] = Moment()
        gone, stays = moment.when(), moment.when()
        gone.cancel()
        self.failureResultOf(gone, CancelledError)
        moment.happen("now")
        self.assertEqual(self.successResultOf(stays), "now")

    def test_askedInTheCallback(self) -> None:
        """
        Who is told may ask again.
        """
        moment: Moment[str] = Moment()
        d = moment.when().addCallback(lambda _: moment.when())
        moment.happen("now")
        self.assertEqual(self.successResultOf(d), "now")


class OpaquesTests(TestCase):
    """
    L{Opaques}.
    """

    def test_anyOpaque(self) -> None:
        """
        Connections begin somewhere, and hardly ever at the same number.
        """
        starts = {anyOpaque() for _ in range(20)}
        self.assertGreater(len(starts), 10)
        self.assertTrue(all(0 <= each <= MAX_OPAQUE for each in starts))

    def test_passesOverTheLive(self) -> None:
        """
        A number in use is not given out again.
        """
        opaques = Opaques(MAX_OPAQUE)
        live = {0, 1}
        self.assertEqual(opaques.issue(live), MAX_OPAQUE)
        self.assertEqual(opaques.upcoming, 2)
        self.assertEqual(opaques.issue(live), 2)

    def test_passedOverAreIssued(self) -> None:
        """
        An answer under a number that was passed over is late, no stranger's: the
        number was given out once.
        """
        opaques = Opaques(MAX_OPAQUE)
        opaques.issue({0, 1})
        self.assertFalse(opaques.strayed(1, 0.0))
        self.assertEqual((opaques.lateAnswers, opaques.strangers), (1, 0))

    def test_outOfRange(self) -> None:
        """
        A start that is no opaque is wrapped.
        """
        self.assertEqual(Opaques(MAX_OPAQUE + 1).issue(()), 0)
        self.assertEqual(Opaques(-1).issue(()), MAX_OPAQUE)

    @given(st.integers(0, MAX_OPAQUE), st.integers(0, 50))
    def test_lateOrStranger(self, first: int, issued: int) -> None:
        """
        What was issued is late, all else is a stranger.
        """
        opaques = Opaques(first)
        mine = {opaques.issue(()) for _ in range(issued)}
        for opaque in mine:
            opaques.strayed(opaque, 0.0)
        self.assertEqual((opaques.lateAnswers, opaques.strangers), (issued, 0))
        for n, opaque in enumerate(((first - 1) & MAX_OPAQUE, -1, -(2**31))):
            opaques.strayed(opaque, 0.0)
            self.assertEqual(opaques.strangers, n + 1)
        opaques.strayed((first + issued) & MAX_OPAQUE, 0.0)
        self.assertEqual((opaques.lateAnswers, opaques.strangers), (issued, 4))


class WaitersTests(TestCase):
    """
    L{Waiters}.
    """

    def waiter(self, opaque: int, deadline: float) -> Waiter[str]:
        """
        Make one.
        """
        waiter: Waiter[str] = Waiter()
        waiter.opaque, waiter.deadline, waiter.heard = opaque, deadline, UNWRITTEN
        return waiter

    def test_persisted(self) -> None:
        """
        Only what was written may have been carried out.
        """
        waiter = self.waiter(1, 1.0)
        self.assertIs(waiter.persisted, Persisted.NO)
        waiter.heard = 0
        self.assertIs(waiter.persisted, Persisted.MAYBE)

    def test_sameNumberAgain(self) -> None:
        """
        A number that is used again does not expire at the old deadline.
        """
        waiters: Waiters[str] = Waiters()
        waiters.add(self.waiter(1, 1.0))
        del waiters.live[1]
        again = self.waiter(1, 2.0)
        waiters.add(again)
        self.assertEqual(waiters.takeExpired(1.0), [])
        self.assertEqual(waiters.earliest(), 2.0)
        self.assertEqual(waiters.takeExpired(2.0), [again])
        self.assertEqual((waiters.earliest(), waiters.live), (inf, {}))

    def test_takeAll(self) -> None:
        """
        Everyone is taken out, in the order they came in.
        """
        waiters: Waiters[str] = Waiters()
        all = [self.waiter(n, 5.0 - n) for n in range(3)]
        for each in all:
            waiters.add(each)
        self.assertEqual(waiters.takeAll(), all)
        self.assertEqual((waiters.takeAll(), waiters.earliest()), ([], inf))
        self.assertEqual(waiters._order, [])

    @given(st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=300))
    def test_likeAList(self, steps: list[tuple[bool, int]]) -> None:
        """
        Whatever comes and goes, the same ones expire as if all were looked at,
        and no more is remembered than twice the live and some.
        """
        waiters: Waiters[str] = Waiters()
        model: dict[int, float] = {}
        for opaque, (comes, n) in enumerate(steps):
            if comes:
                waiters.add(self.waiter(opaque, float(n)))
                model[opaque] = float(n)
            else:
                waiters.live.pop(n, None)
                model.pop(n, None)
            self.assertEqual(waiters.earliest(), min(model.values(), default=inf))
            self.assertLessEqual(
                len(waiters._order), max(2 * len(model) + SLACK, opaque // 2 + 1)
            )
        for now in range(31):
            expired = {each.opaque for each in waiters.takeExpired(float(now))}
            self.assertEqual(expired, {k for k, v in model.items() if v == now})

    def test_compactedSeldom(self) -> None:
        """
        To forget answered requests takes constant time for each.
        """
        looked = 0

        def counting(order: list[tuple[float, int]]) -> None:
            nonlocal looked
            looked += len(order)
            heapify(order)

        self.patch(module, "heapify", counting)
        waiters: Waiters[str] = Waiters()
        for n in range(10_000):
            waiters.add(self.waiter(n, float(n)))
            waiters.live.pop(n - 500, None)
        self.assertLess(looked, 15_000)

    def test_compactedInOrder(self) -> None:
        """
        Those who are left still expire in the order of their deadlines.
        """
        waiters: Waiters[str] = Waiters()
        for n in range(1000):
            waiters.add(self.waiter(n, 1000.0 - n))
            if n % 10:
                del waiters.live[n]
        self.assertLess(len(waiters._order), 300)
        for n in range(990, -1, -10):
            self.assertEqual(waiters.earliest(), 1000.0 - n)
            del waiters.live[n]

    def test_compacted(self) -> None:
        """
        Answered requests are forgotten although none ever expires.
        """
        waiters: Waiters[str] = Waiters()
        waiters.add(self.waiter(0, 0.0))
        for n in range(1, 10_000):
            waiters.add(self.waiter(n, float(n)))
            del waiters.live[n]
            self.assertLessEqual(len(waiters._order), SLACK + 4)


class AlarmTests(TestCase):
    """
    L{Alarm}.
    """

    def setUp(self) -> None:
        """
        Make one that remembers its rings.
        """
        super().setUp()
        self.rung: list[float] = []
        self.alarm = Alarm(self.reactor, lambda at, now: self.rung.append(at))

    def test_rings(self) -> None:
        """
        It rings once at its time.
        """
        self.alarm.setTo(2.0)
        self.reactor.advance(1.9)
        self.assertEqual(self.rung, [])
        self.reactor.advance(0.1)
        self.assertEqual((self.rung, self.alarm.at), ([2.0], inf))

    def test_earlier(self) -> None:
        """
        It can be set to an earlier time, but to no later one.
        """
        for at in (5.0, 2.0, 3.0):
            self.alarm.setTo(at)
        self.assertEqual(len(self.reactor.getDelayedCalls()), 1)
        self.reactor.pump([1.0] * 6)
        self.assertEqual(self.rung, [2.0])

    def test_past(self) -> None:
        """
        A time that is over rings in the next turn.
        """
        self.reactor.advance(10.0)
        self.alarm.setTo(2.0)
        self.assertEqual(self.rung, [])
        self.reactor.advance(0)
        self.assertEqual(self.rung, [2.0])

    def test_never(self) -> None:
        """
        Infinity is never.
        """
        self.alarm.setTo(inf)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_unset(self) -> None:
        """
        Unset, it does not ring; it can be set again.
        """
        self.alarm.unset()
        self.alarm.setTo(2.0)
        self.alarm.unset()
        self.reactor.advance(5.0)
        self.assertEqual(self.rung, [])
        self.alarm.setTo(6.0)
        self.reactor.advance(1.0)
        self.assertEqual(self.rung, [6.0])

    def test_setAgainWhenRinging(self) -> None:
        """
        It can be set while it rings.
        """
        self.alarm = Alarm(self.reactor, lambda at, now: self.alarm.setTo(at + 1.0))
        self.alarm.setTo(1.0)
        self.reactor.pump([1.0, 1.0])
        self.assertEqual(self.alarm.at, 3.0)
        self.alarm.unset()


class QuotaTests(TestCase):
    """
    L{Quota} and L{Tolerance}.
    """

    def test_quota(self) -> None:
        """
        So many at once, and as many a second.
        """
        quota = Quota(3.0, 0.0)
        self.assertEqual([quota.take(0.0) for _ in range(4)], [True] * 3 + [False])
        self.assertEqual([quota.take(0.4), quota.take(0.4)], [True, False])
        self.assertEqual([quota.take(9.0) for _ in range(4)], [True] * 3 + [False])

    def test_clockGoesBack(self) -> None:
        """
        A clock that goes back takes nothing away.
        """
        quota = Quota(2.0, 100.0)
        self.assertEqual([quota.take(0.0) for _ in range(3)], [True, True, False])

    def test_tolerance(self) -> None:
        """
        So many within the period are too many; the same spread out are not.
        """
        tolerance = Tolerance(3, 10.0)
        self.assertEqual(
            [tolerance.exceeded(now) for now in (0.0, 6.0, 10.1, 16.0, 16.1)],
            [False, False, False, True, True],
        )


class Late:
    """
    Writes its frame when it is asked to.
    """

    def __init__(self, opaque: int) -> None:
        self.opaque = opaque
        self.written = 0

    def frame(self) -> bytes:
        """
        One letter.
        """
        self.written += 1
        return b"L"


class OutboxTests(TestCase):
    """
    L{Outbox}.
    """

    def test_order(self) -> None:
        """
        First in, first out; what was taken back is not there.
        """
        outbox = Outbox()
        outbox.putRequest(5, b"a")
        outbox.putAnswer(b"bc")
        outbox.putRequest(4, b"d")
        outbox.putAnswer(b"ef")
        self.assertEqual((len(outbox), outbox.answered), (4, 4))
        outbox.takeBack(4)
        self.assertEqual(len(outbox), 3)
        self.assertEqual(
            [outbox.take() for _ in range(3)],
            [(5, b"a"), (ANSWER, b"bc"), (ANSWER, b"ef")],
        )
        self.assertEqual((len(outbox), outbox.answered), (0, 0))

    def test_later(self) -> None:
        """
        What writes its frame later does so once, when it is its turn, and not when
        it was taken back.
        """
        outbox = Outbox()
        some = [Late(opaque) for opaque in (1, 2, 3)]
        for each in some:
            outbox.putLater(each)
        outbox.putRequest(4, b"a")
        outbox.takeBack(2)
        self.assertEqual([each.written for each in some], [0, 0, 0])
        taken = [outbox.take() for _ in range(len(outbox))]
        self.assertEqual(taken, [(1, b"L"), (3, b"L"), (4, b"a")])
        self.assertEqual([each.written for each in some], [1, 0, 1])

    def test_manyTakenBack(self) -> None:
        """
        What was taken back holds no memory for long, though what was first stays.
        """
        outbox = Outbox()
        outbox.putRequest(0, b"first")
        for opaque in range(1, 1001):
            outbox.putRequest(opaque, b"x")
            outbox.takeBack(opaque)
        self.assertEqual(len(outbox), 1)
        self.assertLess(len(outbox._entries), 2 * SLACK)
        self.assertEqual(outbox.take(), (0, b"first"))
        self.assertEqual(len(outbox), 0)

    def test_clear(self) -> None:
        """
        All can be forgotten.
        """
        outbox = Outbox()
        outbox.putAnswer(b"a")
        outbox.clear()
        self.assertEqual((len(outbox), outbox.answered), (0, 0))


class PatienceTests(TestCase):
    """
    L{Patience} and L{Grace}.
    """

    def test_asked(self) -> None:
        """
        Silence begins with the first request that is written.
        """
        patience = Patience(3.0)
        patience.asked(1.0)
        patience.asked(2.0)
        self.assertEqual(patience.silentSince, 1.0)

    def test_until(self) -> None:
        """
        The earlier of a frame's end and the connection's counts.
        """
        patience = Patience(3.0)
        self.assertEqual(patience.until(), inf)
        patience.closingSince = 5.0
        patience.frameArriving(False, 4.0)
        patience.frameArriving(False, 4.5)
        self.assertEqual(patience.until(), 7.0)
        patience.frameArriving(True, 6.0)
        self.assertEqual(patience.until(), 8.0)

    def test_graceInTime(self) -> None:
        """
        A call that came in time needs none.
        """
        self.assertFalse(Grace(3.0).isDue(1.0, 1.05, 7))

    def test_graceOnce(self) -> None:
        """
        One that came late needs one look at the sockets, and no more if there
        was nothing in them; the next time likewise.
        """
        grace = Grace(3.0)
        for at in (1.0, 20.0):
            self.assertTrue(grace.isDue(at, at + 5.0, 7))
            self.assertFalse(grace.isDue(at + 5.0, at + 5.0, 7))

    def test_graceWhileReading(self) -> None:
        """
        While something is read there are more, for one second.
        """
        grace = Grace(3.0)
        self.assertTrue(grace.isDue(1.0, 5.0, 7))
        self.assertTrue(grace.isDue(5.0, 5.5, 8))
        self.assertTrue(grace.isDue(5.5, 5.9, 9))
        self.assertFalse(grace.isDue(5.9, 6.0, 10))

    def test_stretch(self) -> None:
        """
        After standing still there is as much time more, but no more than a second,
        and not again before the limit is over.
        """
        grace = Grace(3.0)
        self.assertEqual(grace.stretch(0.05, 10.0), 10.0)
        self.assertEqual(grace.stretch(0.5, 10.0), 10.5)
        self.assertEqual(grace.stretch(5.0, 12.9), 12.9)
        self.assertEqual(grace.stretch(5.0, 13.0), 14.0)

    def test_postpone(self) -> None:
        """
        What is concluded from silence, or from what is not read, can be put off, and
        what is not waited for is not by that.
        """
        patience = Patience(3.0)
        patience.postpone(10.0)
        self.assertEqual((patience.silentSince, patience.pausedSince), (inf, inf))
        patience.silentSince, patience.pausedSince = 1.0, 8.0
        patience.postpone(10.0)
        self.assertEqual((patience.silentSince, patience.pausedSince), (7.0, 8.0))


class BackoffTests(TestCase):
    """
    L{Backoff}.  F18.
    """

    def waits(self, backoff: Backoff, failures: int) -> list[float]:
        """
        How long the address is left alone after each failure.
        """
        waits = []
        for _ in range(failures):
            backoff.failed(100.0)
            waits.append(round(backoff.until - 100.0, 6))
        return waits

    def test_failures(self) -> None:
        """
        Waits double from 100 ms to 500 ms, less a quarter to plus a half.
        """
        self.assertEqual(
            self.waits(Backoff(lambda: 0.0), 6), [0.075, 0.15, 0.3, 0.375, 0.375, 0.375]
        )
        self.assertEqual(
            self.waits(Backoff(lambda: 1.0), 6), [0.15, 0.3, 0.6, 0.75, 0.75, 0.75]
        )

    def test_success(self) -> None:
        """
        A success begins it anew.
        """
        backoff = Backoff(lambda: 1 / 3)
        self.waits(backoff, 3)
        self.assertEqual(backoff.failures, 3)
        backoff.succeeded()
        self.assertEqual(self.waits(backoff, 1), [0.1])

    def test_manyFailures(self) -> None:
        """
        It goes on for ever.
        """
        self.assertEqual(self.waits(Backoff(lambda: 1 / 3), 3000)[-1], 0.5)

    def test_losses(self) -> None:
        """
        Three connections may be lost soon after they were made; after more
        the address is left alone, up to 10 s.
        """
        backoff = Backoff(lambda: 1 / 3)
        for _ in range(3):
            backoff.lost(100.0, 99.0)
        self.assertEqual(backoff.until, -inf)
        waits = []
        for _ in range(9):
            backoff.lost(100.0, 99.0)
            waits.append(round(backoff.until - 100.0, 6))
        self.assertEqual(waits, [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0])

    def test_lasting(self) -> None:
        """
        One that lasted five seconds is no loss of that kind.
        """
        backoff = Backoff(lambda: 1 / 3)
        for since in (99.0, 99.0, 99.0, 95.0, 99.0, 99.0, 99.0):
            backoff.lost(100.0, since)
        self.assertEqual(backoff.until, -inf)

    def test_flapping(self) -> None:
        """
        An address whose connections last a tenth of a second is soon tried no
        more than twelve times a minute.
        """
        clock = Clock()
        backoff = Backoff(lambda: 0.0)
        attempts: list[float] = []
        while clock.seconds() < 300.0:
            if backoff.until > clock.seconds():
                clock.advance(backoff.until - clock.seconds())
            attempts.append(clock.seconds())
            clock.advance(0.1)
            backoff.succeeded()
            backoff.lost(clock.seconds(), attempts[-1])
        for minute in range(1, 5):
            tried = [at for at in attempts if minute * 60 <= at < (minute + 1) * 60]
            self.assertLessEqual(len(tried), 12)


class WatchTests(TestCase):
    """
    L{Watch}.
    """

    def setUp(self) -> None:
        """
        Make one that remembers what it tells.
        """
        super().setUp()
        self.told: list[str | None] = []
        self.watch = Watch(self.reactor, 3.0, Waiters(), self.passed)

    def passed(
        self, expired: list[Waiting[RemotingCommand]], verdict: str | None
    ) -> None:
        """
        Remember a verdict.
        """
        self.told.append(verdict)

    @given(st.lists(st.sampled_from([0.05, 0.1, 0.3, 0.7, 1.1]), max_size=40))
    def test_inexactTimes(self, steps: list[float]) -> None:
        """
        However times add up, a verdict comes when its time is over, and the
        clock is not asked again and again meanwhile.
        """
        self.told.clear()
        for step in steps:
            self.reactor.advance(step)
        self.watch.frameArriving(True)
        for _ in range(30):
            self.reactor.advance(0.1)
        self.reactor.advance(1e-9)
        self.assertEqual(self.told[:1], ["a frame did not arrive whole within 3 s"])
        self.assertLess(len(self.told), 3)

    def test_early(self) -> None:
        """
        A call that comes too early, as when a clock was set back, concludes
        nothing; it is made again.
        """
        self.watch.closing()
        self.watch.alarm.unset()
        self.watch._ring(3.0, 0.0)
        self.assertEqual((self.told, self.watch.alarm.at), ([None], 3.0))
        self.watch.alarm.unset()
