"""
Tests of the whole sandbox, in memory and virtual time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zlib import compress

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.internet.testing import EventLoggingObserver, MemoryReactorClock
from twisted.logger import LogEvent, LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from tests.support import TestCase
from txrocketmq._remoting.endpoints import Connector
from txrocketmq._remoting.protocol import RemotingProtocol
from txrocketmq._wire.bodies import TopicRouteData, decodeTopicRouteData
from txrocketmq._wire.codes import RequestCode, SerializeType
from txrocketmq._wire.command import RemotingCommand
from txrocketmq.errors import ConnectFailed, ConnectionClosed, NotRunning
from txrocketmq.sandbox import BrokerSettings, Sandbox, faults
from txrocketmq.sandbox.network import Network, listenTCP
from txrocketmq.sandbox.server import SandboxServer
from txrocketmq.sandbox.service import brokerName
from txrocketmq.settings import ClientSettings
from txrocketmq.testing import MemoryCluster

from .support import sendFields


def logged(case: SynchronousTestCase) -> Sequence[LogEvent]:
    """
    What is logged from now on, to the end of a test.
    """
    observer = EventLoggingObserver()
    globalLogPublisher.addObserver(observer)
    case.addCleanup(globalLogPublisher.removeObserver, observer)
    events: Sequence[LogEvent] = observer
    return events


class ClusterTestCase(SynchronousTestCase):
    """
    A cluster in memory.
    """

    def cluster(self, **options: Any) -> MemoryCluster:
        """
        Bring one up that ends with the test.
        """
        cluster = MemoryCluster(**options)
        self.addCleanup(self.end, cluster)
        return cluster

    def end(self, cluster: MemoryCluster) -> None:
        """
        Stop it; nothing may be left of it.
        """
        cluster.stop()
        self.assertEqual(cluster.clock.getDelayedCalls(), [])

    def connect(self, cluster: MemoryCluster, address: str) -> RemotingProtocol:
        """
        Connect to a server.
        """
        settings = ClientSettings(endpointFactory=cluster.network.connectTo)
        connector = Connector(
            cluster.clock, cluster.clock, settings, lambda command, peer: None
        )
        return cluster.result(connector.connect(address))

    def ask(
        self,
        cluster: MemoryCluster,
        address: str,
        code: int,
        extFields: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> RemotingCommand:
        """
        Ask a server something over a connection of its own.
        """
        protocol = self.connect(cluster, address)
        command = RemotingCommand(code, extFields or {}, body)
        answer = cluster.result(protocol.invoke(command, 3))
        protocol.close()
        return answer

    def route(
        self, cluster: MemoryCluster, topic: str, nameServer: int = 0
    ) -> TopicRouteData | None:
        """
        Ask a name server for a route.
        """
        address = cluster.sandbox.nameServers[nameServer].address
        code = RequestCode.GET_ROUTEINFO_BY_TOPIC
        answer = self.ask(cluster, address, code, {"topic": topic})
        return None if answer.code else decodeTopicRouteData(answer.body)

    def brokersOf(
        self, cluster: MemoryCluster, topic: str, nameServer: int = 0
    ) -> list[str]:
        """
        The brokers in a route.
        """
        route = self.route(cluster, topic, nameServer)
        return [] if route is None else [q.brokerName for q in route.queueDatas]


class StartTests(ClusterTestCase):
    """
    How it begins and ends.
    """

    def test_ready(self) -> None:
        """
        When it is ready, all brokers are in the routes of all name servers.
        """
        cluster = self.cluster(brokers=3, nameServers=2)
        sandbox = cluster.sandbox
        self.assertIs(cluster.result(sandbox.whenReady()), sandbox)
        self.assertEqual(list(sandbox.brokers), ["broker-a", "broker-b", "broker-c"])
        self.assertEqual(len(set(sandbox.nameServerAddresses)), 2)
        for index in range(2):
            route = self.route(cluster, "TBW102", index)
            assert route is not None
            self.assertEqual(
                {b.brokerName: b.brokerAddrs for b in route.brokerDatas},
                {name: {0: b.address} for name, b in sandbox.brokers.items()},
            )

    def test_port(self) -> None:
        """
        The first name server listens where it is told to, the others anywhere.
        """
        sandbox = self.cluster(nameServers=2, port=9876).sandbox
        self.assertEqual(sandbox.nameServerAddresses[0], "127.0.0.1:9876")
        self.assertNotEqual(sandbox.nameServerAddresses[1], "127.0.0.1:9876")

    def test_vipChannel(self) -> None:
        """
        A broker listens two ports below its own as well.
        """
        cluster = self.cluster()
        host, port = cluster.sandbox.brokers["broker-a"].address.split(":")
        answer = self.ask(cluster, f"{host}:{int(port) - 2}", 9999)
        self.assertEqual(answer.code, 3)

    def test_stopped(self) -> None:
        """
        After it was stopped nobody listens; started again, it is where and what
        it was.
        """
        cluster = self.cluster()
        sandbox = cluster.sandbox
        address = sandbox.brokers["broker-a"].address
        cluster.result(sandbox.createTopic("T"))
        self.ask(cluster, address, RequestCode.SEND_MESSAGE_V2, sendFields("T"), b"x")
        cluster.result(sandbox.stopService())
        cluster.result(sandbox.stopService())
        self.assertRaises(ConnectFailed, self.connect, cluster, address)
        sandbox.startService()
        cluster.result(sandbox.whenReady())
        self.assertEqual(sandbox.brokers["broker-a"].address, address)
        self.assertEqual(len(sandbox.messages("T")), 1)
        self.assertEqual(self.brokersOf(cluster, "T"), ["broker-a"])

    def test_notStarted(self) -> None:
        """
        It is not ready before it is started, nor after it is stopped.
        """
        cluster = self.cluster()
        sandbox = Sandbox(
            cluster.clock,
            brokers=2,
            listen=cluster.network.listenAt,
            connect=cluster.network.connectTo,
        )
        self.failureResultOf(sandbox.whenReady(), NotRunning)
        self.assertEqual(sandbox.nameServerAddresses, [])
        sandbox.startService()
        waiting = sandbox.whenReady()
        stopped = sandbox.stopService()
        self.failureResultOf(waiting, NotRunning)
        cluster.result(stopped)
        cluster.flush()
        self.failureResultOf(sandbox.whenReady(), NotRunning)
        self.assertEqual([each.isUp for each in sandbox.brokers.values()], [False] * 2)

    def test_startedAgainTooSoon(self) -> None:
        """
        A start that a stop has overtaken is none, and the next one is.
        """
        cluster = self.cluster()
        sandbox = cluster.sandbox
        cluster.result(sandbox.stopService())
        sandbox.startService()
        sandbox.stopService()
        sandbox.startService()
        cluster.result(sandbox.whenReady())
        self.assertEqual(self.brokersOf(cluster, "TBW102"), ["broker-a"])

    def test_giveUpWaiting(self) -> None:
        """
        Who waits may give up.
        """
        cluster = self.cluster()
        sandbox = cluster.sandbox
        cluster.result(sandbox.stopService())
        sandbox.startService()
        waiting = sandbox.whenReady()
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        cluster.result(sandbox.whenReady())

    def test_portTaken(self) -> None:
        """
        When its port is taken, it says so and leaves nothing behind.
        """
        cluster = self.cluster(port=9876)
        other = Sandbox(
            cluster.clock,
            port=9876,
            listen=cluster.network.listenAt,
            connect=cluster.network.connectTo,
        )
        events = logged(self)
        other.startService()
        self.failureResultOf(other.whenReady(), CannotListenError)
        self.assertIn(LogLevel.error, [e["log_level"] for e in events])
        self.assertEqual([each.isUp for each in other.nameServers], [False])
        cluster.result(other.stopService())

    def test_brokerNames(self) -> None:
        """
        Brokers have letters, and numbers when there are no more.
        """
        self.assertEqual(
            [brokerName(n) for n in (0, 25, 26)], ["broker-a", "broker-z", "broker-26"]
        )

    def test_options(self) -> None:
        """
        What is given beside the settings takes their place.
        """
        cluster = self.cluster(
            settings=BrokerSettings(defaultTopicQueueNums=3, recallMessageEnable=False),
            autoCreateTopicEnable=False,
            serializeType=SerializeType.ROCKETMQ,
        )
        settings = cluster.sandbox.brokers["broker-a"].state.settings
        self.assertFalse(settings.autoCreateTopicEnable)
        self.assertFalse(settings.recallMessageEnable)
        self.assertEqual(settings.defaultTopicQueueNums, 3)
        self.assertEqual(self.brokersOf(cluster, "TBW102"), [])
        address = cluster.sandbox.brokers["broker-a"].address
        answer = self.ask(cluster, address, 9999)
        self.assertEqual(answer.serializeType, SerializeType.ROCKETMQ)


class TopicTests(ClusterTestCase):
    """
    Topics on several brokers.
    """

    def test_createTopic(self) -> None:
        """
        A topic is made on every broker, and all name servers know when that is
        done.
        """
        cluster = self.cluster(brokers=2, nameServers=2)
        cluster.result(cluster.sandbox.createTopic("T", queues=2, perm=4))
        for index in range(2):
            route = self.route(cluster, "T", index)
            assert route is not None
            self.assertEqual(
                [(q.brokerName, q.readQueueNums, q.perm) for q in route.queueDatas],
                [("broker-a", 2, 4), ("broker-b", 2, 4)],
            )

    def test_changeTopic(self) -> None:
        """
        Making it again changes it.
        """
        cluster = self.cluster()
        cluster.result(cluster.sandbox.createTopic("T", queues=2))
        cluster.result(cluster.sandbox.createTopic("T", queues=6, perm=4))
        route = self.route(cluster, "T")
        assert route is not None
        self.assertEqual(route.queueDatas[0].writeQueueNums, 6)
        self.assertEqual(route.queueDatas[0].perm, 4)

    def test_beforeStart(self) -> None:
        """
        A topic can be made before the start.
        """
        cluster = self.cluster()
        sandbox = cluster.sandbox
        cluster.result(sandbox.stopService())
        self.successResultOf(sandbox.createTopic("T"))
        sandbox.startService()
        cluster.result(sandbox.whenReady())
        self.assertEqual(self.brokersOf(cluster, "T"), ["broker-a"])

    def test_autoCreated(self) -> None:
        """
        A topic somebody sends to is in the routes at once, on that broker only.
        """
        cluster = self.cluster(brokers=2)
        address = cluster.sandbox.brokers["broker-b"].address
        self.ask(cluster, address, RequestCode.SEND_MESSAGE_V2, sendFields("T"), b"x")
        self.assertEqual(self.brokersOf(cluster, "T"), ["broker-b"])

    def test_readOnlyBroker(self) -> None:
        """
        The topics of a broker that is read only are so in the routes.
        """
        cluster = self.cluster(settings=BrokerSettings(brokerPermission=4))
        cluster.result(cluster.sandbox.createTopic("T"))
        route = self.route(cluster, "T")
        assert route is not None
        self.assertEqual(route.queueDatas[0].perm, 4)

    def test_messages(self) -> None:
        """
        Messages come by broker, queue and offset, with the bodies their senders
        gave them.
        """
        cluster = self.cluster(brokers=2)
        cluster.result(cluster.sandbox.createTopic("T"))
        code = RequestCode.SEND_MESSAGE_V2
        for name, queueId, body in (
            ("broker-b", 0, b"b0"),
            ("broker-a", 1, b"a1"),
            ("broker-a", 0, b"a0"),
            ("broker-a", 0, b"a0'"),
        ):
            address = cluster.sandbox.brokers[name].address
            self.ask(cluster, address, code, sendFields("T", queueId=queueId), body)
        packed = sendFields("T", queueId=1, sysFlag=1)
        self.ask(cluster, address, code, packed, compress(b"large"))
        self.ask(cluster, address, code, packed, b"no zlib at all")
        messages = cluster.sandbox.messages("T")
        self.assertEqual(
            [(m.body, m.sysFlag) for m in messages],
            [
                (b"a0", 0),
                (b"a0'", 0),
                (b"a1", 0),
                (b"large", 0),
                (b"no zlib at all", 1),
                (b"b0", 0),
            ],
        )
        self.assertEqual(cluster.sandbox.messages("U"), [])


class DownTests(ClusterTestCase):
    """
    Servers that go down and come up again.
    """

    def test_broker(self) -> None:
        """
        A broker that is down refuses connections, has lost those it had, and is
        in no route; when it is up again, all is as it was.
        """
        cluster = self.cluster(brokers=2, nameServers=2)
        broker = cluster.sandbox.brokers["broker-a"]
        held = self.connect(cluster, broker.address)
        answer = held.invoke(RemotingCommand(9999), 3)
        cluster.result(broker.setDown())
        self.assertFalse(broker.isUp)
        with self.assertRaises(ConnectionClosed):
            cluster.result(answer)
        for index in range(2):
            self.assertEqual(self.brokersOf(cluster, "TBW102", index), ["broker-b"])
        self.assertRaises(ConnectFailed, self.connect, cluster, broker.address)
        cluster.result(broker.setDown())
        cluster.result(broker.setUp())
        self.assertTrue(broker.isUp)
        for index in range(2):
            self.assertEqual(
                sorted(self.brokersOf(cluster, "TBW102", index)),
                ["broker-a", "broker-b"],
            )
        cluster.result(broker.setUp())

    def test_whatWaitsWhileDown(self) -> None:
        """
        Delayed messages are delivered when the broker is up again; requests
        that had no answer yet are lost.
        """
        cluster = self.cluster()
        cluster.result(cluster.sandbox.createTopic("T"))
        broker = cluster.sandbox.brokers["broker-a"]
        delayed = sendFields("T", properties="DELAY\x012\x02")
        code = RequestCode.SEND_MESSAGE_V2
        self.ask(cluster, broker.address, code, delayed, b"delayed")
        broker.push(faults.delay(4))
        protocol = self.connect(cluster, broker.address)
        protocol.oneway(RemotingCommand(code, sendFields("T"), b"lost"))
        cluster.flush()
        cluster.result(broker.setDown())
        cluster.advance(10)
        self.assertEqual(cluster.sandbox.messages("T"), [])
        cluster.result(broker.setUp())
        cluster.advance(10)
        bodies = [message.body for message in cluster.sandbox.messages("T")]
        self.assertEqual(bodies, [b"delayed"])

    def test_gracefully(self) -> None:
        """
        A broker that is asked to end tells the name servers first.
        """
        cluster = self.cluster(nameServers=2)
        broker = cluster.sandbox.brokers["broker-a"]
        down = cluster.sandbox.nameServers[1]
        cluster.result(down.setDown())
        cluster.result(broker.setDown(gracefully=True))
        self.assertFalse(broker.isUp)
        told = cluster.sandbox.nameServers[0].requests(RequestCode.UNREGISTER_BROKER)
        self.assertEqual(len(told), 1)
        self.assertEqual(self.brokersOf(cluster, "TBW102"), [])

    def test_nameServer(self) -> None:
        """
        A name server that comes up again knows all brokers that are up, and
        topics that were made meanwhile.
        """
        cluster = self.cluster(brokers=2, nameServers=2)
        sandbox = cluster.sandbox
        nameServer = sandbox.nameServers[0]
        cluster.result(nameServer.setDown())
        self.assertRaises(ConnectFailed, self.connect, cluster, nameServer.address)
        self.assertEqual(len(self.brokersOf(cluster, "TBW102", 1)), 2)
        cluster.result(sandbox.createTopic("T"))
        cluster.result(sandbox.brokers["broker-b"].setDown())
        cluster.result(nameServer.setUp())
        self.assertEqual(self.brokersOf(cluster, "T"), ["broker-a"])

    def test_allNameServersDown(self) -> None:
        """
        A broker comes up without any name server, and is known when one is
        there.
        """
        cluster = self.cluster()
        sandbox = cluster.sandbox
        cluster.result(sandbox.nameServers[0].setDown())
        cluster.result(sandbox.brokers["broker-a"].setDown())
        cluster.result(sandbox.brokers["broker-a"].setUp())
        cluster.result(sandbox.nameServers[0].setUp())
        self.assertEqual(self.brokersOf(cluster, "TBW102"), ["broker-a"])

    def test_setUpAndDownAtOnce(self) -> None:
        """
        The last word counts, whatever is still going on.
        """
        cluster = self.cluster()
        broker = cluster.sandbox.brokers["broker-a"]
        for each in [broker.setDown(), broker.setUp(), broker.setDown()]:
            cluster.result(each)
        self.assertFalse(broker.isUp)
        self.assertEqual(self.brokersOf(cluster, "TBW102"), [])
        for each in [broker.setUp(), broker.setDown(), broker.setUp()]:
            cluster.result(each)
        self.assertTrue(broker.isUp)
        self.assertEqual(self.brokersOf(cluster, "TBW102"), ["broker-a"])

    def test_registersAgain(self) -> None:
        """
        A name server that lost a broker's connection hears from it again.
        """
        cluster = self.cluster()
        nameServer = cluster.sandbox.nameServers[0]
        cluster.advance(1)
        for factory in nameServer._factories:
            for protocol in list(factory.protocols):
                protocol.abort()
        cluster.flush()
        self.assertEqual(self.brokersOf(cluster, "TBW102"), [])
        cluster.advance(30)
        self.assertEqual(self.brokersOf(cluster, "TBW102"), ["broker-a"])

    def test_newTopicWhereNobodyIsKnown(self) -> None:
        """
        A name server that forgot a broker is told of all its topics, not only
        of the new one.
        """
        cluster = self.cluster()
        nameServer = cluster.sandbox.nameServers[0]
        nameServer.routes.unregister(
            "broker-a", 0, cluster.sandbox.brokers["broker-a"].address
        )
        cluster.result(cluster.sandbox.createTopic("T"))
        self.assertEqual(self.brokersOf(cluster, "T"), ["broker-a"])
        self.assertEqual(self.brokersOf(cluster, "TBW102"), ["broker-a"])

    def test_silentNameServer(self) -> None:
        """
        A name server that does not answer holds a broker up for three seconds.
        """
        cluster = self.cluster(nameServers=2)
        nameServer = cluster.sandbox.nameServers[0]
        nameServer.push(faults.silence(), code=RequestCode.REGISTER_BROKER, times=9)
        before = cluster.clock.seconds()
        cluster.result(cluster.sandbox.createTopic("T"))
        self.assertEqual(cluster.clock.seconds() - before, 3)
        self.assertEqual(self.brokersOf(cluster, "T", 1), ["broker-a"])


class PlainServer(SandboxServer):
    """
    A server that answers one thing.
    """

    def __init__(self, network: Network) -> None:
        self.answers = {1: lambda command, peer: command.response(body=b"one")}
        super().__init__(network, BrokerSettings())


class ServerTests(ClusterTestCase):
    """
    What a server is by itself.
    """

    def test_plain(self) -> None:
        """
        A server needs no more than answers.
        """
        cluster = self.cluster()
        server = PlainServer(
            Network(
                cluster.clock,
                "127.0.0.1",
                lambda: 0.0,
                cluster.network.listenAt,
                cluster.network.connectTo,
            )
        )
        cluster.result(server.setUp())
        self.assertEqual(repr(server), f"<PlainServer {server.address}>")
        self.assertEqual(self.ask(cluster, server.address, 1).body, b"one")
        self.assertEqual(self.ask(cluster, server.address, 2).code, 3)
        cluster.result(server.setDown())

    def test_questionsToBrokers(self) -> None:
        """
        A broker has nothing to answer over its connection to a name server.
        """
        cluster = self.cluster()
        (factory,) = cluster.sandbox.nameServers[0]._factories
        (protocol,) = factory.protocols
        answer = cluster.result(protocol.invoke(RemotingCommand(9999), 3))
        self.assertEqual(answer.code, 3)


class NetworkTests(TestCase):
    """
    Ports and addresses.
    """

    def network(self, **options: Any) -> Network:
        """
        Make a network.
        """
        options.setdefault("host", "127.0.0.1")
        options.setdefault("random", iter([0.0, 0.5]).__next__)
        return Network(self.reactor, **options)

    def test_free(self) -> None:
        """
        When a port is taken, or the one that belongs to it, others are tried,
        and none is kept.
        """
        refused = {12000 - 2}
        stopped: list[int] = []

        class Port:
            """
            A port that is listened at.
            """

            def __init__(self, port: int) -> None:
                self.port = port

            def stopListening(self) -> None:
                """
                Note it.
                """
                stopped.append(self.port)

        class Endpoint:
            """
            An endpoint at a port that may be taken.
            """

            def __init__(self, reactor: Any, host: str, port: int) -> None:
                self.port = port

            def listen(self, factory: IProtocolFactory) -> Deferred[Any]:
                """
                Listen, or not.
                """
                if self.port in refused:
                    return fail(CannotListenError("", self.port, OSError()))
                done: Deferred[Any] = Deferred()
                done.callback(Port(self.port))
                return done

        network = self.network(listen=Endpoint)
        factories: list[Any] = [object(), object()]
        ports: Any = self.successResultOf(network.listen(factories, 0))
        self.assertEqual([p.port for p in ports], [21000, 20998])
        self.assertEqual(stopped, [12000])
        refused.add(7)
        self.failureResultOf(network.listen(factories, 9), CannotListenError)

    def test_allTaken(self) -> None:
        """
        When no port is free, that is an error.
        """

        def listen(reactor: Any, host: str, port: int) -> Any:
            raise CannotListenError(host, port, OSError())

        network = self.network(random=lambda: 0.5, listen=listen)
        self.failureResultOf(network.listen([Factory()], 0), CannotListenError)

    def test_tcp(self) -> None:
        """
        Hosts of both kinds can be listened at, and only there.
        """
        reactor = MemoryReactorClock()
        for host in ("127.0.0.1", "::1"):
            self.successResultOf(listenTCP(reactor, host, 0).listen(Factory()))
        self.assertEqual([s[3] for s in reactor.tcpServers], ["127.0.0.1", "::1"])

    def test_address(self) -> None:
        """
        An address of IPv6 is in brackets; who listens everywhere is at home.
        """
        for host, address in (
            ("127.0.0.1", "127.0.0.1:5"),
            ("::1", "[::1]:5"),
            ("0.0.0.0", "127.0.0.1:5"),
            ("::", "[::1]:5"),
        ):
            self.assertEqual(self.network(host=host).addressOf(5), address)

    def test_warning(self) -> None:
        """
        Whoever lets others in is warned.
        """
        events = logged(self)
        for host in ("127.0.0.1", "::1", "localhost"):
            self.network(host=host).warnUnlessLoopback()
        self.assertEqual(list(events), [])
        for host in ("0.0.0.0", "example.org"):
            self.network(host=host).warnUnlessLoopback()
        self.assertEqual(
            [(event["log_level"], event["host"]) for event in events],
            [(LogLevel.warn, "0.0.0.0"), (LogLevel.warn, "example.org")],
        )


class WallClockTests(SynchronousTestCase):
    """
    The time messages are stored at.
    """

    def test_another(self) -> None:
        """
        It can come from somewhere else than the reactor.
        """
        sandbox = Sandbox(Clock(), wallClock=lambda: 12.5)
        self.assertEqual(sandbox.brokers["broker-a"].state.millis(), 12500)
        self.assertEqual(Sandbox(Clock()).brokers["broker-a"].state.millis(), 0)
