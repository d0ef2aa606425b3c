"""
A route is had as long as one name server answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from msgspec.structs import replace
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.wire.vectors import responses
from txrocketmq._routing.nameserver import FixedNameServers, NameServerClient
from txrocketmq._routing.publishinfo import publishInfoOf
from txrocketmq._wire.codes import RequestCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.frames import FrameBuffer
from txrocketmq.errors import (
    BrokerError,
    ConnectFailed,
    ConnectionClosed,
    GoAway,
    InvalidConfiguration,
    NoNameServer,
    NotRunning,
    ProtocolError,
    RemotingTimeout,
    TopicNotFound,
)
from txrocketmq.interfaces import INameServers

from .doubles import ONE, THREE, TWO, Chance, Log, NameServers, Question, routeOf

ROUTE = routeOf({"a": 4})


@implementer(INameServers)
class Listing:
    """
    Name servers that are said to be elsewhere from time to time.
    """

    def __init__(self, *answers: Callable[[], Deferred[Sequence[str]]]) -> None:
        self._answers = list(answers)

    def addresses(self) -> Deferred[Sequence[str]]:
        """
        The next answer.
        """
        return self._answers.pop(0)()


def says(*addresses: str) -> Callable[[], Deferred[Sequence[str]]]:
    """
    Say that these are the name servers.
    """
    return lambda: succeed(addresses)


def fails() -> Deferred[Sequence[str]]:
    """
    Say nothing.
    """
    return fail(OSError("address server on fire"))


class NameServerTests(SynchronousTestCase):
    """
    A client of three name servers, of which the first one asked is the second.
    """

    def setUp(self) -> None:
        """
        Make the client.
        """
        self.servers = NameServers()
        self.client = self.clientOf(FixedNameServers([ONE, TWO, THREE]))

    def clientOf(self, source: INameServers, chance: float = 0.5) -> NameServerClient:
        """
        A client of some other name servers.
        """
        return NameServerClient(
            source, self.servers.invoke, requestTimeout=3.0, random=Chance(chance)
        )

    def asked(self, address: str) -> Question:
        """
        The only lookup that waits, which must be this name server's.
        """
        self.assertEqual([q.address for q in self.servers.asked], [address])
        return self.servers.next()


class LookupTests(NameServerTests):
    """
    One name server answers.
    """

    def test_request(self) -> None:
        """
        The question names the topic and asks for JSON that everybody can read.
        """
        route = self.client.route("T")
        question = self.asked(TWO)
        self.assertEqual(question.command.code, RequestCode.GET_ROUTEINFO_BY_TOPIC)
        self.assertEqual(
            question.command.extFields, {"topic": "T", "acceptStandardJsonOnly": "true"}
        )
        self.assertEqual(question.timeout, 3.0)
        question.routed(ROUTE)
        self.assertEqual(self.successResultOf(route), ROUTE)

    def test_oldServer(self) -> None:
        """
        An answer without quotes around its numbers is read all the same.
        """
        route = self.client.route("T")
        body = (
            b'{"brokerDatas":[{"brokerAddrs":{0:"a:10911"},"brokerName":"a",'
            b'"cluster":"c"}],"filterServerTable":{},"queueDatas":[{"brokerName":"a",'
            b'"perm":6,"readQueueNums":4,"topicSynFlag":0,"writeQueueNums":4}]}'
        )
        self.asked(TWO).answer.callback(RemotingCommand(0, body=body))
        self.assertEqual(self.successResultOf(route), ROUTE)

    def test_current(self) -> None:
        """
        It is asked again, until it fails.
        """
        self.assertIsNone(self.client.current)
        first = self.client.route("T")
        self.asked(TWO).routed(ROUTE)
        self.successResultOf(first)
        self.assertEqual(self.client.current, TWO)
        self.client.route("U")
        self.asked(TWO).silent()
        self.assertIsNone(self.client.current)
        self.asked(THREE).routed(ROUTE)
        self.assertEqual(self.client.current, THREE)

    def test_lateFailure(self) -> None:
        """
        One that failed is not held against the one that has answered since.
        """
        self.client.route("T")
        self.client.route("U")
        late = self.servers.next()
        self.servers.next().silent()
        self.asked(THREE).routed(ROUTE)
        late.silent()
        self.assertEqual(self.client.current, THREE)

    def test_topicNotFound(self) -> None:
        """
        "No such topic" is an answer: nobody else is asked.
        """
        route = self.client.route("T")
        self.asked(TWO).unknown()
        error = self.failureResultOf(route, TopicNotFound).value
        self.assertEqual((error.topic, error.nameServers), ("T", (TWO,)))
        self.assertEqual(self.client.current, TWO)

    def test_addresses(self) -> None:
        """
        All name servers are known from the first lookup on.
        """
        self.assertEqual(self.client.addresses, ())
        self.client.route("T")
        self.assertEqual(self.client.addresses, (ONE, TWO, THREE))

    def test_anyFirst(self) -> None:
        """
        Chance decides who is asked first, so that clients spread.
        """
        for chance, address in ((0.0, ONE), (0.4, TWO), (0.999, THREE)):
            source = FixedNameServers([ONE, TWO, THREE])
            self.clientOf(source, chance).route("T")
            self.asked(address)


class FailoverTests(NameServerTests):
    """
    A name server does not answer, and another one is asked in the same lookup.
    """

    def test_failures(self) -> None:
        """
        Whatever is wrong with one, the next is asked.
        """
        for error in (
            ConnectFailed(TWO, "refused"),
            ConnectionClosed(TWO, "lost"),
            RemotingTimeout(TWO, "no answer"),
            ProtocolError(TWO, "no frame"),
            GoAway(1500, None, TWO),
            InvalidConfiguration("no such address"),
        ):
            client = self.clientOf(FixedNameServers([ONE, TWO]))
            route = client.route("T")
            self.asked(TWO).answer.errback(error)
            self.asked(ONE).routed(ROUTE)
            self.assertEqual(self.successResultOf(route), ROUTE)

    def test_codes(self) -> None:
        """
        An answer that is no success, or no route, is as good as none.
        """
        for answer in (
            RemotingCommand(1, remark="name server not ready"),
            RemotingCommand(1500),
            RemotingCommand(-7),
            RemotingCommand(0),
            RemotingCommand(0, body=b"<html>"),
            RemotingCommand(0, body=b"null"),
        ):
            client = self.clientOf(FixedNameServers([ONE, TWO]))
            route = client.route("T")
            self.asked(TWO).answer.callback(answer)
            self.asked(ONE).routed(ROUTE)
            self.assertEqual(self.successResultOf(route), ROUTE)

    def test_nobody(self) -> None:
        """
        When none answers, each was asked once, and the error says how each failed.
        """
        route = self.client.route("T")
        self.asked(TWO).silent()
        self.asked(THREE).answer.callback(RemotingCommand(1, remark="not ready"))
        self.asked(ONE).answer.callback(RemotingCommand(0, body=b"x" * 5000))
        error = self.failureResultOf(route, NoNameServer).value
        self.assertEqual([address for address, _ in error.tried], [TWO, THREE, ONE])
        self.assertEqual(
            [type(reason) for _, reason in error.tried],
            [RemotingTimeout, BrokerError, ProtocolError],
        )
        self.assertTrue(error.retriable)
        self.assertLess(len(str(error)), 1000)

    def test_again(self) -> None:
        """
        The next lookup asks all of them again.
        """
        self.servers.down = {ONE, TWO, THREE}
        self.failureResultOf(self.client.route("T"), NoNameServer)
        self.servers.down = {TWO, THREE}
        route = self.client.route("T")
        self.asked(ONE).routed(ROUTE)
        self.assertEqual(self.successResultOf(route), ROUTE)

    def test_none(self) -> None:
        """
        Without name servers there is no route.
        """
        route = self.clientOf(FixedNameServers([])).route("T")
        error = self.failureResultOf(route, NoNameServer).value
        self.assertEqual(error.tried, ())

    def test_ourOwnFault(self) -> None:
        """
        What no name server is to blame for ends the lookup at once.
        """
        for fault in (NotRunning("stopped"), KeyError("a hook's bug")):
            route = self.client.route("T")
            self.asked(TWO).answer.errback(fault)
            self.assertIs(self.failureResultOf(route).value, fault)
            self.assertEqual(self.servers.asked, [])

    def test_cancel(self) -> None:
        """
        A cancelled lookup cancels its question, and asks nobody else.
        """
        route = self.client.route("T")
        question = self.asked(TWO)
        route.cancel()
        self.failureResultOf(route, CancelledError)
        self.assertTrue(question.cancelled)
        self.assertEqual(self.servers.asked, [])


class SourceTests(NameServerTests):
    """
    Where name servers are may change.
    """

    def test_fixed(self) -> None:
        """
        What is known beforehand is an L{INameServers} too.
        """
        source = FixedNameServers([ONE])
        verifyObject(INameServers, source)
        self.assertEqual(self.successResultOf(source.addresses()), (ONE,))

    def test_moved(self) -> None:
        """
        Where the current one is gone, a new one is asked.
        """
        client = self.clientOf(Listing(says(ONE, TWO), says(THREE), says(ONE, THREE)))
        for address in (TWO, THREE, THREE):
            route = client.route("T")
            self.asked(address).routed(ROUTE)
            self.successResultOf(route)

    def test_lastOnesStay(self) -> None:
        """
        When it is not known where they are, they are where they were.
        """

        def raises() -> Deferred[Sequence[str]]:
            raise ValueError("a bug")

        client = self.clientOf(
            Listing(says(ONE), fails, raises, says(), lambda: succeed(None))  # type: ignore[arg-type]
        )
        log = Log(self)
        for _ in range(5):
            route = client.route("T")
            self.asked(ONE).routed(ROUTE)
            self.successResultOf(route)
        warnings = log.at("warn")
        self.assertEqual(len(warnings), 3)
        self.assertIn("'address server on fire'; staying with", warnings[0])

    def test_neverKnown(self) -> None:
        """
        When it never was known, the lookup says why.
        """
        error = self.failureResultOf(
            self.clientOf(Listing(fails)).route("T"), NoNameServer
        ).value
        self.assertIn("address server on fire", str(error))

    def test_cancelWhileLooking(self) -> None:
        """
        Cancelling cancels the search for name servers too.
        """
        left: list[object] = []

        def leave(searching: Deferred[Sequence[str]]) -> None:
            left.append(searching)
            searching.errback(OSError("not what is expected"))

        searching: Deferred[Sequence[str]] = Deferred(leave)
        client = self.clientOf(Listing(says(ONE), lambda: searching))
        client.route("T")
        self.servers.asked.clear()
        route = client.route("T")
        route.cancel()
        self.failureResultOf(route, CancelledError)
        self.assertEqual(left, [searching])
        self.assertEqual(self.servers.asked, [])


class CapturedTests(NameServerTests):
    """
    Apache's name servers are understood.
    """

    def test_routes(self) -> None:
        """
        Each of their answers is a route with queues, or says that there is none.
        """
        found: Counter[int] = Counter()
        for vector in responses(RequestCode.GET_ROUTEINFO_BY_TOPIC):
            (answer,) = FrameBuffer().feed(vector.data)
            route = self.clientOf(FixedNameServers([ONE])).route("T")
            self.asked(ONE).answer.callback(answer)
            found[answer.code] += 1
            if answer.code == 0:
                info = publishInfoOf("T", self.successResultOf(route))
                self.assertGreaterEqual(len(info.queues), 1, vector.name)
                self.assertEqual(info.queues[0].brokerName, "broker-a")
                self.assertIn("127.0.0.1:", info.masterOf(info.queues[0]) or "")
            else:
                self.failureResultOf(route, TopicNotFound)
        self.assertEqual(set(found), {0, 17})
        self.assertGreater(found[0], 50)


class EmptyRouteTests(NameServerTests):
    """
    A route of nothing is a route.
    """

    def test_noQueues(self) -> None:
        """
        What it means is for others to say.
        """
        route = self.client.route("T")
        empty = replace(ROUTE, queueDatas=())
        self.asked(TWO).routed(empty)
        self.assertEqual(self.successResultOf(route), empty)
