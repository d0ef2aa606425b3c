"""
Routes are kept, refreshed, and never lost for want of an answer.
"""

from __future__ import annotations

from msgspec.structs import replace
from twisted.internet.defer import CancelledError, Deferred

from tests.support import TestCase
from txrocketmq._routing.nameserver import FixedNameServers, NameServerClient
from txrocketmq._routing.publishinfo import TopicPublishInfo
from txrocketmq._routing.rounds import LOOKUPS
from txrocketmq._routing.table import RouteTable
from txrocketmq._wire.bodies import BrokerData, TopicRouteData
from txrocketmq.errors import (
    NoNameServer,
    NoWritableQueue,
    RouteError,
    TopicNotFound,
)

from .doubles import ONE, TWO, Chance, Log, NameServers, routeOf

A = routeOf({"a": 2})
AB = routeOf({"a": 2, "b": 2})
MOVED = routeOf({"a": 2}, port=10921)
DEFAULT = routeOf({"a": 8, "b": 8}, perm=7)
READ_ONLY = routeOf({"a": 2}, perm=4)


class TableTests(TestCase):
    """
    A table with two name servers behind it, started, refreshing every 30 seconds.
    """

    def setUp(self) -> None:
        """
        Make the table.
        """
        super().setUp()
        self.servers = NameServers()
        self.changes: list[frozenset[str]] = []
        self.table = RouteTable(
            self.reactor,
            NameServerClient(
                FixedNameServers([ONE, TWO]),
                self.servers.invoke,
                requestTimeout=3.0,
                random=Chance(0.0),
            ),
            pollInterval=30.0,
            changed=self.changed,
        )
        self.table.start()
        self.addCleanup(self.table.stop)

    def changed(self) -> None:
        """
        Note which masters there are now.
        """
        self.changes.append(self.table.masters())

    def found(self, topic: str = "T", queueNums: int = 4) -> TopicPublishInfo:
        """
        A route that is there at once.
        """
        return self.successResultOf(self.table.publishInfo(topic, queueNums))

    def answer(self, **routes: TopicRouteData | None) -> None:
        """
        Let name servers answer at once from now on, and know nothing else.
        """
        self.servers.routes = routes

    def poll(self, times: int = 1) -> None:
        """
        Let time pass until the next refresh.
        """
        for _ in range(times):
            self.reactor.advance(30.0)


class PublishInfoTests(TableTests):
    """
    A route is looked up when it is wanted, and then it is there.
    """

    def test_lookup(self) -> None:
        """
        It is looked up once.
        """
        self.assertIsNone(self.table.known("T"))
        info = self.table.publishInfo("T", 4)
        self.servers.next().routed(A)
        found = self.successResultOf(info)
        self.assertEqual(len(found.queues), 2)
        self.assertIs(self.table.known("T"), found)
        self.assertIs(self.found(), found)
        self.assertEqual(self.servers.count, 1)
        self.assertEqual(self.table.topics(), {"T"})

    def test_together(self) -> None:
        """
        All who want it at the same time share one lookup; other topics have theirs.
        """
        infos = [self.table.publishInfo("T", 4), self.table.refresh("T")]
        other = self.table.publishInfo("U", 4)
        self.assertEqual(self.servers.waiting, [(ONE, "T"), (ONE, "U")])
        self.servers.next().routed(A)
        first, second = (self.successResultOf(info) for info in infos)
        self.assertIs(first, second)
        self.assertNoResult(other)
        self.servers.next().routed(AB)
        self.successResultOf(other)

    def test_cancel(self) -> None:
        """
        Who cancels leaves alone; the last one takes the lookup along.
        """
        infos = [self.table.publishInfo("T", 4) for _ in range(2)]
        (question,) = self.servers.asked
        infos[0].cancel()
        self.failureResultOf(infos[0], CancelledError)
        self.assertFalse(question.cancelled)
        infos[1].cancel()
        self.failureResultOf(infos[1], CancelledError)
        self.assertTrue(question.cancelled)
        self.answer(T=A)
        self.found()

    def test_noNameServer(self) -> None:
        """
        Without an answer it fails; with the next one it does not.
        """
        self.servers.down = {ONE, TWO}
        self.failureResultOf(self.table.publishInfo("T", 4), NoNameServer)
        self.assertEqual(self.table._flights, {}, "left behind")
        self.servers.down = set()
        self.answer(T=A)
        self.found()

    def test_noWritableQueue(self) -> None:
        """
        A topic that cannot be written to is no topic that is missing; it is looked
        up each time, until it can be.
        """
        self.answer(T=READ_ONLY, TBW102=DEFAULT)
        for _ in range(2):
            self.failureResultOf(self.table.publishInfo("T", 4), NoWritableQueue)
        self.assertEqual(self.servers.count, 2)
        self.assertIsNone(self.table.known("T"))
        self.answer(T=A)
        self.found()

    def test_senseless(self) -> None:
        """
        A route that makes no sense is an error, and not kept.
        """
        self.answer(T=replace(A, orderTopicConf="?"))
        error = self.failureResultOf(self.table.publishInfo("T", 4), RouteError).value
        self.assertIn("order configuration", str(error))
        self.assertEqual(self.table.topics(), frozenset())


class DefaultTopicTests(TableTests):
    """
    A topic that is not there yet goes where the default topic is.
    """

    def test_fallback(self) -> None:
        """
        Its queues are its own, as many as wanted.
        """
        self.answer(TBW102=DEFAULT)
        info = self.found("New", 3)
        self.assertEqual(len(info.queues), 6)
        self.assertEqual({queue.topic for queue in info.queues}, {"New"})
        self.assertIs(self.table.known("New"), info)
        self.assertEqual(self.table.topics(), {"New"})

    def test_together(self) -> None:
        """
        Those who ask for it at the same time get the same, and topics that are
        missing at the same time share the lookup of the default one.
        """
        infos = [self.table.publishInfo(topic, 4) for topic in ("N", "N", "M")]
        self.servers.next().unknown()
        self.servers.next().unknown()
        self.assertEqual(self.servers.waiting, [(ONE, "TBW102")])
        self.servers.next().routed(DEFAULT)
        first, second, other = (self.successResultOf(info) for info in infos)
        self.assertEqual(first, second)
        self.assertEqual((first.topic, other.topic), ("N", "M"))

    def test_nowhere(self) -> None:
        """
        Where brokers make no topics, the topic is not found.
        """
        for default in (None, routeOf({"a": 8}, perm=4), TopicRouteData()):
            self.answer(TBW102=default)
            info = self.table.publishInfo("New", 4)
            error = self.failureResultOf(info, TopicNotFound).value
            self.assertEqual((error.topic, error.nameServers), ("New", (ONE,)))
        self.assertEqual(self.table.topics(), frozenset())

    def test_noNameServer(self) -> None:
        """
        When nobody answers in between, that is the error.
        """
        info = self.table.publishInfo("New", 4)
        self.servers.next().unknown()
        self.servers.down = {ONE, TWO}
        self.servers.next().silent()
        self.failureResultOf(info, NoNameServer)

    def test_created(self) -> None:
        """
        The real route takes its place once there is one.
        """
        self.answer(TBW102=DEFAULT)
        self.found("New", 4)
        self.answer(New=A, TBW102=DEFAULT)
        self.poll()
        info = self.found("New")
        self.assertFalse(info.fromDefaultTopic)
        self.assertEqual(len(info.queues), 2)

    def test_notYetCreated(self) -> None:
        """
        Until then it follows the default topic, under the number once asked for.
        """
        self.answer(TBW102=A)
        before = self.found("New", 1)
        self.poll()
        self.assertIs(self.table.known("New"), before)
        self.assertEqual(self.table.ages(), {"New": 0.0})
        self.answer(TBW102=MOVED)
        self.poll()
        info = self.found("New")
        self.assertEqual(info.masterOf(info.queues[0]), "a:10921")
        self.assertEqual(len(info.queues), 1)

    def test_never(self) -> None:
        """
        When the default topic goes too, it stays as long as any other topic.
        """
        self.answer(TBW102=DEFAULT)
        self.found("New")
        self.answer()
        self.poll(2)
        self.assertIsNotNone(self.table.known("New"))
        self.poll()
        self.assertIsNone(self.table.known("New"))

    def test_refreshDoesNotInvent(self) -> None:
        """
        To look a topic up does not make it one that could be.
        """
        self.answer(TBW102=DEFAULT)
        self.failureResultOf(self.table.refresh("New"), TopicNotFound)
        self.assertEqual(self.table.topics(), frozenset())


class RefreshTests(TableTests):
    """
    A refresh brings what is new, and loses nothing.
    """

    def setUp(self) -> None:
        """
        Know a topic.
        """
        super().setUp()
        self.answer(T=A)
        self.before = self.found()

    def test_same(self) -> None:
        """
        The same route again is the same object, and no change.
        """
        self.assertIs(self.successResultOf(self.table.refresh("T")), self.before)
        self.assertEqual(len(self.changes), 1)

    def test_new(self) -> None:
        """
        Another route replaces it as a whole.
        """
        self.answer(T=MOVED)
        info = self.successResultOf(self.table.refresh("T"))
        self.assertIs(self.table.known("T"), info)
        self.assertEqual(info.masterOf(info.queues[0]), "a:10921")

    def test_known(self) -> None:
        """
        While it is looked up, the old one serves.
        """
        self.servers.routes = None
        refreshed = self.table.refresh("T")
        self.assertIs(self.table.known("T"), self.before)
        self.assertIs(self.found(), self.before)
        self.servers.next().routed(AB)
        self.assertIs(self.table.known("T"), self.successResultOf(refreshed))

    def test_nobodyAnswers(self) -> None:
        """
        When nobody answers, the refresh fails and the route stays for ever.
        """
        self.servers.down = {ONE, TWO}
        self.failureResultOf(self.table.refresh("T"), NoNameServer)
        self.poll(1000)
        self.assertIs(self.table.known("T"), self.before)
        self.assertEqual(self.table.ages(), {"T": 30_000.0})

    def test_senseless(self) -> None:
        """
        A route that makes no sense changes nothing.
        """
        self.answer(T=replace(A, orderTopicConf="?"))
        self.failureResultOf(self.table.refresh("T"), RouteError)
        self.poll(10)
        self.assertIs(self.table.known("T"), self.before)

    def test_unusable(self) -> None:
        """
        A topic that cannot be written to any more is not written to, and is
        looked at again.
        """
        slavesOnly = replace(A, brokerDatas=(BrokerData("c", "a", {1: "a:10911"}),))
        for route in (READ_ONLY, slavesOnly, TopicRouteData()):
            self.answer(T=route)
            self.assertEqual(self.successResultOf(self.table.refresh("T")).queues, ())
            self.assertIsNone(self.table.known("T"))
            self.answer(T=A)
            self.poll()
            self.assertEqual(self.table.known("T"), self.before)


class MissingTests(TableTests):
    """
    A name server that has just started knows nothing.
    """

    def setUp(self) -> None:
        """
        Know a topic that name servers have forgotten.
        """
        super().setUp()
        self.answer(T=A)
        self.before = self.found()
        self.answer(TBW102=DEFAULT)

    def test_forAWhile(self) -> None:
        """
        What they forget for two intervals is kept; nothing takes its place.
        """
        self.poll(2)
        self.failureResultOf(self.table.refresh("T"), TopicNotFound)
        self.assertIs(self.found(), self.before)
        self.answer(T=A)
        self.poll()
        self.answer()
        self.poll(2)
        self.assertIs(self.found(), self.before)

    def test_forGood(self) -> None:
        """
        After that it is gone, and so are its brokers, and it is looked up no more.
        """
        log = Log(self)
        self.poll(3)
        self.assertIsNone(self.table.known("T"))
        self.assertEqual(self.table.topics(), frozenset())
        self.assertEqual(self.changes[-1], frozenset())
        self.assertIn("No name server knows T any more", log.at("info"))
        count = self.servers.count
        self.poll()
        self.assertEqual(self.servers.count, count)

    def test_countsFromTheFirstMiss(self) -> None:
        """
        However often a topic is looked up, the while is as long.
        """
        for _ in range(100):
            self.failureResultOf(self.table.refresh("T"), TopicNotFound)
        self.assertIs(self.table.known("T"), self.before)
        self.reactor.advance(59.9)
        self.failureResultOf(self.table.refresh("T"), TopicNotFound)
        self.assertIs(self.table.known("T"), self.before)

    def test_notToBeMade(self) -> None:
        """
        A topic that could only be read is not taken for one that could be made,
        until it is gone.
        """
        self.answer(T=READ_ONLY)
        self.successResultOf(self.table.refresh("T"))
        self.answer(TBW102=DEFAULT)
        self.failureResultOf(self.table.publishInfo("T", 4), NoWritableQueue)
        self.poll(2)
        self.assertEqual(len(self.found().queues), 8)


class MastersTests(TableTests):
    """
    Those who keep connections learn which brokers there are.
    """

    def test_masters(self) -> None:
        """
        They are those of all routes.
        """
        self.assertEqual(self.table.masters(), frozenset())
        self.answer(T=A, U=AB)
        self.found("T")
        self.assertEqual(self.table.masters(), {"a:10911"})
        self.found("U")
        self.assertEqual(self.table.masters(), {"a:10911", "b:10911"})
        self.assertEqual(self.changes, [{"a:10911"}, {"a:10911", "b:10911"}])

    def test_leaving(self) -> None:
        """
        A broker leaves with the last route that names it.
        """
        self.answer(T=AB, U=AB)
        self.found("T")
        self.found("U")
        self.answer(T=A, U=AB)
        self.successResultOf(self.table.refresh("T"))
        self.assertEqual(len(self.changes), 1)
        self.answer(T=A, U=A)
        self.successResultOf(self.table.refresh("U"))
        self.assertEqual(self.changes[1:], [{"a:10911"}])

    def test_sameAddress(self) -> None:
        """
        Brokers at one address, as behind a proxy, are one master.
        """
        proxied = replace(
            AB,
            brokerDatas=tuple(BrokerData("c", name, {0: "p:8080"}) for name in "ab"),
        )
        self.answer(T=proxied, U=proxied)
        self.found("T")
        self.found("U")
        self.answer(T=A, U=A)
        self.successResultOf(self.table.refresh("T"))
        self.successResultOf(self.table.refresh("U"))
        self.assertEqual(self.changes, [{"p:8080"}, {"a:10911", "p:8080"}, {"a:10911"}])

    def test_queuesOnly(self) -> None:
        """
        More queues on the same brokers concern nobody else.
        """
        self.answer(T=A)
        self.found()
        self.answer(T=routeOf({"a": 8}))
        self.assertEqual(len(self.successResultOf(self.table.refresh("T")).queues), 8)
        self.assertEqual(len(self.changes), 1)

    def test_raising(self) -> None:
        """
        What is told and fails is logged, and takes nothing along.
        """

        def broken() -> None:
            raise ZeroDivisionError

        self.patch(self.table, "_changed", broken)
        self.answer(T=A, U=AB)
        self.found("T")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.found("U")
        self.answer(T=AB, U=MOVED)
        self.poll()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)
        self.assertEqual(len(self.found("T").queues), 4)
        self.answer(T=A)
        self.poll()
        self.assertEqual(len(self.found("T").queues), 2)
        self.flushLoggedErrors(ZeroDivisionError)

    def test_reentrant(self) -> None:
        """
        Who is told finds the new route, and may ask for another.
        """
        seen: list[object] = []

        def look() -> None:
            seen.append(self.table.known("T"))
            if len(seen) == 1:
                seen.append(self.found("U"))

        self.patch(self.table, "_changed", look)
        self.answer(T=A, U=AB)
        info = self.found("T")
        self.assertEqual(seen, [info, info, self.table.known("U")])


class AgeTests(TableTests):
    """
    How old a route is can be seen.
    """

    def test_ages(self) -> None:
        """
        Each answer makes it new, a changed one or the same.
        """
        self.answer(T=A, U=A)
        self.found("T")
        self.reactor.advance(10.0)
        self.found("U")
        self.reactor.advance(5.0)
        self.assertEqual(self.table.ages(), {"T": 15.0, "U": 5.0})
        self.successResultOf(self.table.refresh("T"))
        self.assertEqual(self.table.ages(), {"T": 0.0, "U": 5.0})


class RoundTests(TableTests):
    """
    All topics are refreshed from time to time.
    """

    def know(self, count: int) -> list[str]:
        """
        Know many topics, and let name servers be slow from then on.
        """
        topics = [f"T{at:03}" for at in range(count)]
        self.answer(**dict.fromkeys(topics, A))
        for topic in topics:
            self.found(topic)
        self.servers.routes = None
        return topics

    def waiting(self) -> list[str]:
        """
        Which topics are looked up now.
        """
        return [topic for _, topic in self.servers.waiting]

    def test_interval(self) -> None:
        """
        The first refresh comes after one interval, and then each one after another.
        """
        self.answer(T=A)
        self.found()
        self.reactor.advance(29.9)
        self.assertEqual(self.servers.count, 1)
        self.reactor.advance(0.1)
        self.assertEqual(self.servers.count, 2)
        self.poll()
        self.assertEqual(self.servers.count, 3)

    def test_some(self) -> None:
        """
        Only so many are looked up at a time, and all in their turn.
        """
        topics = self.know(LOOKUPS + 4)
        self.poll()
        self.assertEqual(self.waiting(), topics[:LOOKUPS])
        self.servers.next().routed(A)
        self.assertEqual(self.waiting(), topics[1 : LOOKUPS + 1])
        while self.servers.asked:
            self.servers.next().routed(A)
        self.assertEqual(set(self.table.ages().values()), {0.0})

    def test_oneAtATime(self) -> None:
        """
        No round begins while one is running; the next one is on time.
        """
        self.know(2)
        count = self.servers.count
        self.poll(5)
        self.assertEqual(self.servers.count, count + 2)
        for _ in range(2):
            self.servers.next().routed(A)
        self.reactor.advance(1.0)
        self.assertEqual(self.waiting(), [])
        self.reactor.advance(29.0)
        self.assertEqual(self.waiting(), ["T000", "T001"])

    def test_nobodyAnswers(self) -> None:
        """
        When no name server answers for one topic, the others are not asked for:
        the round costs one time-out for each name server, however many topics
        there are.  It is said once.
        """
        log = Log(self)
        self.know(100)
        count = self.servers.count
        self.poll()
        for _ in range(2 * LOOKUPS):
            self.servers.next().silent()
        self.assertEqual(self.servers.count, count + 2 * LOOKUPS)
        self.assertEqual(self.waiting(), [])
        self.assertEqual(len(log.at("warn")), 1)
        self.answer(**dict.fromkeys(self.table.topics(), AB))
        self.poll()
        self.assertEqual(self.table.masters(), {"a:10911", "b:10911"})

    def test_oneTopicOnly(self) -> None:
        """
        What is wrong with one topic does not keep the others from being refreshed,
        and it is said.
        """
        log = Log(self)
        self.know(3)
        self.answer(T000=replace(A, orderTopicConf="?"), T002=AB)
        self.poll()
        self.assertEqual(len(log.at("warn")), 2)
        self.assertIn("b:10911", self.table.masters())

    def test_bugs(self) -> None:
        """
        No bug ends the refreshing.
        """
        self.know(2)
        self.poll()
        self.servers.next().answer.errback(ZeroDivisionError("a hook's"))
        self.servers.next().routed(A)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.poll()
        self.assertEqual(self.waiting(), ["T000", "T001"])

    def test_stop(self) -> None:
        """
        Stopping ends the round under way, and there is no other.
        """
        self.know(LOOKUPS + 1)
        self.poll()
        questions = list(self.servers.asked)
        self.table.stop()
        self.assertTrue(all(question.cancelled for question in questions))
        self.assertEqual(len(questions), LOOKUPS)
        count = self.servers.count
        self.poll(3)
        self.assertEqual(self.servers.count, count)
        self.assertNothingScheduled()

    def test_othersWait(self) -> None:
        """
        Stopping takes no lookup from somebody else who waits for it.
        """
        self.know(1)
        self.poll()
        refreshed = self.table.refresh("T000")
        self.table.stop()
        self.servers.next().routed(AB)
        self.assertEqual(len(self.successResultOf(refreshed).queues), 4)

    def test_again(self) -> None:
        """
        Stopping twice, or starting twice, is stopping or starting; what was
        stopped can start again.
        """
        self.answer(T=A)
        self.found()
        self.table.start()
        self.table.stop()
        self.table.stop()
        self.table.start()
        self.assertEqual(self.servers.count, 1)
        self.poll()
        self.assertEqual(self.servers.count, 2)


class EdgeTests(TableTests):
    """
    What happens at the same moment.
    """

    def test_askingFromACallback(self) -> None:
        """
        Who is answered may look the same topic up again: that is a new lookup.
        """
        again: list[Deferred[TopicPublishInfo]] = []

        def refresh(info: TopicPublishInfo) -> None:
            again.append(self.table.refresh("T"))

        self.table.refresh("T").addCallback(refresh)
        self.servers.next().routed(A)
        self.assertEqual(self.servers.waiting, [(ONE, "T")])
        self.servers.next().routed(AB)
        self.assertEqual(len(self.successResultOf(again[0]).queues), 4)
