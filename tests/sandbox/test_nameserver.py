"""
Tests of the name server.
"""

from __future__ import annotations

import json
from typing import Any
from zlib import crc32

from twisted.internet.defer import succeed
from twisted.internet.task import Clock

from tests.support import TestCase
from txrocketmq._wire.bodies import decodeTopicRouteData
from txrocketmq._wire.codes import RequestCode, ResponseCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq.sandbox.nameserver import SandboxNameServer
from txrocketmq.sandbox.network import Network
from txrocketmq.sandbox.settings import BrokerSettings

from .support import Client, now

TOPICS = ("T", "U")


class NameServerTestCase(TestCase):
    """
    A name server that listens nowhere.

    @ivar client: Who asks.
    """

    def setUp(self) -> None:
        """
        Make it.
        """
        super().setUp()
        network = Network(Clock(), "127.0.0.1", lambda: 0.5)
        self.client = Client()
        self.nameServer = SandboxNameServer(
            network, BrokerSettings(), 0, lambda: succeed(None)
        )

    def ask(
        self,
        code: int,
        extFields: dict[str, Any] | None = None,
        body: bytes = b"",
        client: Client | None = None,
        **fields: Any,
    ) -> RemotingCommand:
        """
        Ask something.
        """
        given = {name: str(value) for name, value in (extFields or {}).items()}
        command = RemotingCommand(code, given, body, **fields)
        return now(self.nameServer.respond(command, client or self.client))

    def register(
        self,
        client: Client,
        name: str = "broker-a",
        topics: tuple[str, ...] = TOPICS,
        queues: int = 4,
        **fields: Any,
    ) -> RemotingCommand:
        """
        Register a broker, as Java's do.
        """
        table = {
            topic: {
                "attributes": {},
                "order": False,
                "perm": 6,
                "readQueueNums": queues,
                "topicFilterType": "SINGLE_TAG",
                "topicName": topic,
                "topicSysFlag": 0,
                "writeQueueNums": queues,
            }
            for topic in topics
        }
        body = {
            "filterServerList": [],
            "topicConfigSerializeWrapper": {
                "dataVersion": {"counter": 1, "stateVersion": 0, "timestamp": 1},
                "topicConfigTable": table,
                "topicQueueMappingInfoMap": {},
            },
        }
        data = json.dumps(body).encode()
        known = {
            "brokerName": name,
            "brokerAddr": client.address,
            "clusterName": "DefaultCluster",
            "haServerAddr": "127.0.0.1:10912",
            "brokerId": 0,
            "compressed": "false",
            "enableActingMaster": "false",
            "bodyCrc32": crc32(data) & 0x7FFFFFFF,
        }
        return self.ask(RequestCode.REGISTER_BROKER, known | fields, data, client)

    def addresses(self, topic: str = "T") -> dict[str, dict[int, str]]:
        """
        Who has a topic, as a route tells.
        """
        answer = self.ask(RequestCode.GET_ROUTEINFO_BY_TOPIC, {"topic": topic})
        if answer.code:
            return {}
        route = decodeTopicRouteData(answer.body)
        return {each.brokerName: each.brokerAddrs for each in route.brokerDatas}


class RegistrationTests(NameServerTestCase):
    """
    Brokers that come and go.
    """

    def setUp(self) -> None:
        """
        Make two brokers.
        """
        super().setUp()
        self.one = Client("127.0.0.1:1")
        self.two = Client("127.0.0.1:2")

    def test_registered(self) -> None:
        """
        A route has all brokers of a topic, and how many queues they have.
        """
        self.assertEqual(self.register(self.one).code, 0)
        self.register(self.two, "broker-b", queues=2)
        answer = self.ask(RequestCode.GET_ROUTEINFO_BY_TOPIC, {"topic": "T"})
        route = decodeTopicRouteData(answer.body)
        self.assertEqual(
            [(q.brokerName, q.writeQueueNums, q.perm) for q in route.queueDatas],
            [("broker-a", 4, 6), ("broker-b", 2, 6)],
        )
        self.assertEqual(
            self.addresses(),
            {"broker-a": {0: "127.0.0.1:1"}, "broker-b": {0: "127.0.0.1:2"}},
        )

    def test_changed(self) -> None:
        """
        A broker's later word counts; topics it does not name stay.
        """
        self.register(self.one)
        self.register(self.one, topics=("T",), queues=9)
        answer = self.ask(RequestCode.GET_ROUTEINFO_BY_TOPIC, {"topic": "T"})
        (queues,) = decodeTopicRouteData(answer.body).queueDatas
        self.assertEqual(queues.readQueueNums, 9)
        self.assertIn("broker-a", self.addresses("U"))

    def test_oneTopicFirst(self) -> None:
        """
        A broker must tell of all its topics before it tells of one.
        """
        answer = self.register(self.one, topics=("T",))
        self.assertEqual((answer.code, answer.remark), (1, "register broker failed"))
        self.assertEqual(self.addresses(), {})

    def test_slave(self) -> None:
        """
        A slave stands beside its master, and has no say about topics.
        """
        self.register(self.two, brokerId=1)
        self.assertEqual(self.addresses(), {})
        self.register(self.one)
        addresses = {0: "127.0.0.1:1", 1: "127.0.0.1:2"}
        self.assertEqual(self.addresses(), {"broker-a": addresses})

    def test_masterGone(self) -> None:
        """
        The topics of a master that is gone stay as long as there is a slave.
        """
        self.register(self.one)
        self.register(self.two, brokerId=1)
        self.one.abort()
        self.assertEqual(self.addresses(), {"broker-a": {1: "127.0.0.1:2"}})
        self.two.abort()
        self.assertEqual(self.addresses(), {})

    def test_becomesMaster(self) -> None:
        """
        An address has one id, the last it was given.
        """
        self.register(self.one, brokerId=1)
        self.register(self.one, brokerId=0)
        self.assertEqual(self.addresses(), {"broker-a": {0: "127.0.0.1:1"}})

    def test_lost(self) -> None:
        """
        A broker whose connection is lost is gone at once.
        """
        self.register(self.one)
        self.register(self.two, "broker-b")
        self.one.abort()
        self.assertEqual(list(self.addresses()), ["broker-b"])
        self.two.abort()
        self.assertEqual(self.addresses(), {})

    def test_lostTooLate(self) -> None:
        """
        A broker that is back on another connection is not lost with the first.
        """
        again = Client(self.one.address)
        self.register(self.one)
        self.register(again)
        self.one.abort()
        self.assertEqual(list(self.addresses()), ["broker-a"])

    def test_unregistered(self) -> None:
        """
        A broker can say that it goes; nobody says it for another address.
        """
        self.register(self.one)
        fields = {
            "brokerName": "broker-a",
            "brokerAddr": "127.0.0.1:9",
            "clusterName": "DefaultCluster",
            "brokerId": 0,
        }
        for address, there in ((self.two.address, True), (self.one.address, False)):
            fields["brokerAddr"] = address
            self.assertEqual(self.ask(RequestCode.UNREGISTER_BROKER, fields).code, 0)
            self.assertEqual(bool(self.addresses()), there)
        self.ask(RequestCode.UNREGISTER_BROKER, fields)

    def test_refused(self) -> None:
        """
        A registration that was damaged, or is compressed, is refused.
        """
        answer = self.register(self.one, bodyCrc32=1)
        self.assertEqual((answer.code, answer.remark), (1, "crc32 not match"))
        self.assertEqual(self.register(self.one, compressed="true").code, 1)
        self.assertEqual(self.register(self.one, bodyCrc32=0).code, 0)

    def test_whenForgotten(self) -> None:
        """
        Who waits until a broker is forgotten is told when its connection is
        lost, or at once.
        """
        self.successResultOf(self.nameServer.whenForgotten(self.one.address))
        self.register(self.one)
        waiting = self.nameServer.whenForgotten(self.one.address)
        self.assertNoResult(waiting)
        self.one.abort()
        self.successResultOf(waiting)
        self.assertEqual(self.addresses(), {})


class QuestionTests(NameServerTestCase):
    """
    What clients ask.
    """

    def setUp(self) -> None:
        """
        Make a broker.
        """
        super().setUp()
        self.broker = Client("127.0.0.1:1")
        self.register(self.broker)

    def test_unknown(self) -> None:
        """
        An unknown topic has no route.
        """
        answer = self.ask(RequestCode.GET_ROUTEINFO_BY_TOPIC, {"topic": "V"})
        self.assertEqual(answer.code, ResponseCode.TOPIC_NOT_EXIST)
        self.assertEqual(
            answer.remark,
            "No topic route info in name server for the topic: V\nSee https://"
            "rocketmq.apache.org/docs/bestPractice/06FAQ for further details.",
        )

    def test_standardJSON(self) -> None:
        """
        New clients, and those that ask for it, get standard JSON; old ones what
        they always got.
        """
        code = RequestCode.GET_ROUTEINFO_BY_TOPIC
        accept = {"acceptStandardJsonOnly": "true"}
        for extFields, version, standard in (
            ({}, 401, True),
            ({}, 400, False),
            (accept, 317, True),
        ):
            answer = self.ask(code, {"topic": "T"} | extFields, version=version)
            self.assertEqual(b'{"0":"127.0.0.1:1"}' in answer.body, standard)
            self.assertEqual(b'{0:"127.0.0.1:1"}' in answer.body, not standard)

    def test_clusterInfo(self) -> None:
        """
        All brokers, by name and by cluster.
        """
        self.register(Client("127.0.0.1:2"), "broker-b")
        body = json.loads(self.ask(RequestCode.GET_BROKER_CLUSTER_INFO).body)
        self.assertEqual(
            body["clusterAddrTable"], {"DefaultCluster": ["broker-a", "broker-b"]}
        )
        self.assertEqual(
            body["brokerAddrTable"]["broker-b"]["brokerAddrs"], {"0": "127.0.0.1:2"}
        )

    def test_topics(self) -> None:
        """
        All topics; a deleted one is gone.
        """
        code = RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER
        self.assertEqual(json.loads(self.ask(code).body)["topicList"], ["T", "U"])
        self.ask(RequestCode.DELETE_TOPIC_IN_NAMESRV, {"topic": "T"})
        self.ask(RequestCode.DELETE_TOPIC_IN_NAMESRV, {"topic": "T"})
        self.assertEqual(json.loads(self.ask(code).body)["topicList"], ["U"])
        self.assertEqual(self.addresses(), {})

    def test_permissions(self) -> None:
        """
        A broker can be made read only in all routes, and writable again.
        """
        for code, field, perm in (
            (RequestCode.WIPE_WRITE_PERM_OF_BROKER, "wipeTopicCount", 4),
            (RequestCode.ADD_WRITE_PERM_OF_BROKER, "addTopicCount", 6),
        ):
            answer = self.ask(code, {"brokerName": "broker-a"})
            self.assertEqual(answer.extFields, {field: "2"})
            self.assertEqual(self.ask(code).extFields, {field: "0"})
            route = self.nameServer.routes.route("T")
            assert route is not None
            self.assertEqual([q.perm for q in route.queueDatas], [perm])

    def test_notSupported(self) -> None:
        """
        Its configuration is nobody's business.
        """
        for code in (318, 319):
            self.assertEqual(self.ask(code).code, 3)
