"""
Tests of L{txrocketmq.MQClient} against the sandbox in memory.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace
from twisted.internet.defer import succeed
from twisted.internet.task import Clock
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import globalLogPublisher
from zope.interface import implementer

from tests.sending.support import ClusterTestCase
from txrocketmq._remoting.protocol import RemotingProtocol
from txrocketmq._wire.bodies import decodeHeartbeatData
from txrocketmq._wire.codes import LanguageCode, RequestCode, SerializeType
from txrocketmq._wire.command import RemotingCommand
from txrocketmq.client import MQClient
from txrocketmq.errors import InvalidConfiguration, NotRunning, TopicNotFound
from txrocketmq.interfaces import INameServers, IRPCHook
from txrocketmq.message import Message
from txrocketmq.producer import Producer
from txrocketmq.sandbox import SandboxBroker
from txrocketmq.settings import ClientSettings, ProducerSettings, SessionCredentials
from txrocketmq.testing import MemoryCluster

HEART_BEAT = RequestCode.HEART_BEAT
SEND = RequestCode.SEND_MESSAGE_V2


class ServiceTests(ClusterTestCase):
    """
    Starting, being ready, stopping.
    """

    def test_startOpensNothing(self) -> None:
        """
        A started client is connected to nobody until somebody sends.
        """
        self.cluster.flush()
        self.assertEqual(self.client.stats().connections, 0)
        self.sent()
        self.assertEqual(self.client.stats().connections, 2)

    def test_startWithoutACluster(self) -> None:
        """
        Starting does not fail when nothing is there.
        """
        clock = Clock()
        client = MQClient(clock, "127.0.0.1:9")
        client.startService()
        client.startService()
        self.successResultOf(client.stopService())
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_stopTwice(self) -> None:
        """
        Both stops fire, at any moment, before a start too.
        """
        first, second = self.client.stopService(), self.client.stopService()
        self.cluster.flush()
        self.successResultOf(first)
        self.successResultOf(second)
        self.successResultOf(self.client.stopService())
        other = MQClient(Clock(), "127.0.0.1:9")
        self.successResultOf(other.stopService())

    def test_whenReady(self) -> None:
        """
        It waits for a name server; with a topic, for its brokers.
        """
        self.result(self.client.whenReady())
        self.assertEqual(self.client.stats().connections, 1)
        self.result(self.client.whenReady("T"))
        self.assertEqual(self.client.stats().connections, 3)

    def test_whenReadyWaits(self) -> None:
        """
        As long as it takes.
        """
        nameServer = self.sandbox.nameServers[0]
        nameServer.setDown()
        ready = self.client.whenReady("T")
        self.cluster.advance(60)
        self.assertNoResult(ready)
        self.result(nameServer.setUp())
        self.result(ready)

    def test_notReady(self) -> None:
        """
        It fails where waiting is in vain.
        """
        for broker in self.sandbox.brokers.values():
            broker.setDown()
        self.cluster.flush()
        self.failure(self.client.whenReady("Nope"), TopicNotFound)
        self.result(self.client.whenReady())
        self.result(self.client.stopService())
        self.failure(self.client.whenReady(), NotRunning)

    def test_twoClientsNeverMeet(self) -> None:
        """
        Two clients of two clusters in one process share nothing.
        """
        other = MemoryCluster(self.clock)
        producer = Producer(other.client(), "group")
        self.sent(b"here")
        self.result(producer.send(Message("T", b"there")))
        self.assertEqual([m.body for m in self.stored()], [b"here"])
        self.assertEqual([m.body for m in other.sandbox.messages("T")], [b"there"])
        other.stop()

    def test_masters(self) -> None:
        """
        The stats say which brokers are connected, and why others are not.
        """
        self.result(self.client.whenReady("T"))
        one, other = self.client.stats().masters
        self.assertEqual((one.brokerName, other.brokerName), ("broker-a", "broker-b"))
        self.assertEqual(one.address, self.brokerA.address)
        self.assertTrue(one.connected and other.connected)
        self.brokerB.setDown()
        self.cluster.flush()
        self.client.pool.connection(other.address).protocol().addErrback(lambda _: None)
        self.cluster.flush()
        one, other = self.client.stats().masters
        self.assertTrue(one.connected)
        self.assertIsNone(one.failure)
        self.assertFalse(other.connected)
        self.assertEqual(other.failures, 1)
        self.assertIn(other.address, other.failure or "")

    def test_mastersNobodyAsked(self) -> None:
        """
        A broker nobody has sent to is not connected, and nothing is wrong with it.
        """
        self.client.prefetch("T", 4)
        self.cluster.flush()
        masters = self.client.stats().masters
        self.assertEqual(len(masters), 2)
        for each in masters:
            self.assertEqual((each.connected, each.failures), (False, 0))

    def test_isolated(self) -> None:
        """
        A producer's stats name the brokers it leaves out.
        """
        javas = self.producerOf("javas", sendLatencyFaultEnable=True)
        self.warm()
        self.assertEqual(self.producer.stats().isolated, ())
        self.brokerB.setDown()
        self.cluster.flush()
        both = (self.producer, javas) * 4
        sends = [producer.send(Message("T", b"x")) for producer in both]
        self.cluster.flush()
        for producer in (self.producer, javas):
            self.assertEqual(producer.stats().isolated, ("broker-b",))
        for each in sends:
            self.result(each)

    def test_badArguments(self) -> None:
        """
        What cannot work is said when the client is made.
        """
        clock = Clock()
        self.assertRaises(InvalidConfiguration, MQClient, clock, "nowhere")
        self.assertRaises(InvalidConfiguration, MQClient, clock, "")
        self.assertRaises(InvalidConfiguration, MQClient, clock, "a:1;b:70000")
        self.assertRaises(TypeError, MQClient, clock, 9876)
        self.assertRaises(TypeError, MQClient, clock, "a:1", hooks=[object()])

    def test_clientId(self) -> None:
        """
        Unique, unless its parts are given.
        """
        clock = Clock()
        ids = {MQClient(clock, "a:1").clientId for _ in range(10)}
        self.assertEqual(len(ids), 10)
        settings = ClientSettings(clientIP="10.0.0.1", instanceName="i", unitName="u")
        self.assertEqual(MQClient(clock, "a:1", settings).clientId, "10.0.0.1@i@u")
        self.assertIn("stopped", repr(MQClient(clock, "a:1", settings)))

    def test_nameServersFromAProvider(self) -> None:
        """
        What finds name servers may be the user's own.
        """
        addresses = self.sandbox.nameServerAddresses

        @implementer(INameServers)
        class Own:
            def addresses(self) -> Any:
                return succeed(addresses)

        settings = ClientSettings(endpointFactory=self.cluster.network.connectTo)
        client = MQClient(self.clock, Own(), settings)
        client.startService()
        self.result(client.whenReady("T"))
        self.result(client.stopService())


class HeartbeatTests(ClusterTestCase):
    """
    What brokers are told of the client.
    """

    def beats(self, broker: SandboxBroker) -> list[tuple[str, ...]]:
        """
        The groups of the heartbeats a broker has had.
        """
        return [
            tuple(p.groupName for p in decodeHeartbeatData(r.body).producerDataSet)
            for r in broker.requests(HEART_BEAT)
        ]

    def test_atConnect(self) -> None:
        """
        Each master hears of the group as soon as it is connected.
        """
        self.result(self.client.whenReady("T"))
        self.cluster.flush()
        for broker in (self.brokerA, self.brokerB):
            self.assertEqual(self.beats(broker), [("group",)])
            beat = decodeHeartbeatData(broker.requests(HEART_BEAT)[0].body)
            self.assertEqual(beat.clientID, self.client.clientId)

    def test_everyInterval(self) -> None:
        """
        And every 30 seconds.
        """
        self.warm()
        self.cluster.advance(65)
        self.assertEqual(len(self.beats(self.brokerA)), 2)

    def test_newGroups(self) -> None:
        """
        A producer made later is known at once; one that is closed is not.
        """
        self.warm()
        second = self.producerOf("second")
        self.cluster.flush()
        self.assertEqual(self.beats(self.brokerA), [("group", "second")])
        self.result(second.close())
        self.cluster.advance(31)
        self.assertEqual(self.beats(self.brokerA)[-1], ("group",))

    def test_goodbye(self) -> None:
        """
        At the stop every broker is told, once for each group.
        """
        self.warm()
        self.producerOf("second")
        self.result(self.client.stopService())
        for broker in (self.brokerA, self.brokerB):
            goodbyes = broker.requests(RequestCode.UNREGISTER_CLIENT)
            fields = [goodbye.extFields for goodbye in goodbyes]
            self.assertEqual([f["producerGroup"] for f in fields], ["group", "second"])
            self.assertEqual({f["clientID"] for f in fields}, {self.client.clientId})

    def test_refusedHeartbeat(self) -> None:
        """
        A heartbeat that fails fails nothing else.
        """
        from txrocketmq.sandbox import faults

        self.brokerA.push(faults.respond(16, "no"), code=HEART_BEAT, times=99)
        self.brokerB.push(faults.silence(), code=HEART_BEAT, times=99)
        for _ in range(4):
            self.sent()
        self.cluster.advance(90)
        self.assertEqual(self.flushLoggedErrors(), [])


class RefreshTests(ClusterTestCase):
    """
    Routes that change under a running client.
    """

    def test_enlargedTopic(self) -> None:
        """
        New queues are used after the next refresh.
        """
        self.sent()
        self.result(self.sandbox.createTopic("T", queues=4))
        self.cluster.advance(31)
        queues = {self.sent().messageQueue for _ in range(8)}
        self.assertEqual(len(queues), 8)

    def test_prefetch(self) -> None:
        """
        A producer's topics are looked up when the client starts.
        """
        self.result(self.client.stopService())
        Producer(self.client, "eager", ProducerSettings(topics=("T", "Nope!")))
        self.client.startService()
        self.cluster.flush()
        self.assertIn("T", self.client.stats().routeAge)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_retiredBroker(self) -> None:
        """
        A broker that no route names any more is left, and its connection closed.
        """
        self.warm()
        self.brokerB.setDown()
        self.cluster.advance(31)
        self.assertEqual(self.client.stats().brokers, (self.brokerA.address,))
        self.assertNotIn(self.brokerB.address, self.client.pool.connections)


class SettingsTests(ClusterTestCase):
    """
    Settings that change what is on the wire.
    """

    def clientWith(self, **settings: Any) -> tuple[MQClient, Producer]:
        """
        Another client, and a producer of it.
        """
        client = self.cluster.client(ClientSettings(**settings))
        return client, Producer(client, "group")

    def sendsOf(self, producer: Producer) -> RemotingCommand:
        """
        The request a send of this producer makes.
        """
        before = len(self.brokerA.requests(SEND)), len(self.brokerB.requests(SEND))
        self.result(producer.send(Message("T", b"x")))
        new = (
            self.brokerA.requests(SEND)[before[0] :]
            + self.brokerB.requests(SEND)[before[1] :]
        )
        (request,) = new
        return request

    def test_whoWeAre(self) -> None:
        """
        Python, as of version 5.5.0, in JSON.
        """
        request = self.sendsOf(self.producer)
        self.assertEqual(
            (request.language, request.version, request.serializeType),
            (LanguageCode.PYTHON, 513, SerializeType.JSON),
        )

    def test_binaryHeaders(self) -> None:
        """
        Every request is in the serialisation asked for, and answers are read in
        the server's.
        """
        _, producer = self.clientWith(serializeType=SerializeType.ROCKETMQ)
        self.assertEqual(self.sendsOf(producer).serializeType, SerializeType.ROCKETMQ)
        beats = self.brokerA.requests(HEART_BEAT) + self.brokerB.requests(HEART_BEAT)
        self.assertEqual(beats[-1].serializeType, SerializeType.ROCKETMQ)

    def test_namespace(self) -> None:
        """
        v1: topics and groups have the prefix on the wire, results have not.
        """
        _, producer = self.clientWith(namespace="ns")
        result = self.result(producer.send(Message("T", b"x")))
        self.assertEqual(result.messageQueue.topic, "T")
        self.assertEqual(len(self.stored("ns%T")), 1)
        queues = self.result(producer.publishQueues("T"))
        self.assertEqual({queue.topic for queue in queues}, {"T"})
        chosen = self.result(producer.send(Message("T", b"x"), queue=queues[1]))
        self.assertEqual(chosen.messageQueue, queues[1])

    def test_namespaceV2(self) -> None:
        """
        v2: two fields beside names that stay as they are.
        """
        _, producer = self.clientWith(namespaceV2="ns")
        fields = self.sendsOf(producer).extFields
        self.assertEqual(
            (fields["ns"], fields["nsd"], fields["b"]), ("ns", "true", "T")
        )

    def test_credentials(self) -> None:
        """
        Every request is signed, after what hooks did to it.
        """

        @implementer(IRPCHook)
        class Adds:
            def beforeRequest(self, address: str, command: Any) -> Any:
                return replace(command, extFields={**command.extFields, "own": "1"})

            def afterResponse(self, address: str, request: Any, response: Any) -> None:
                seen.append((request.extFields.get("own"), response.code))

        seen: list[Any] = []
        settings = ClientSettings(credentials=SessionCredentials("ak", "sk"))
        producer = Producer(self.cluster.client(settings, hooks=[Adds()]), "signed")
        fields = self.sendsOf(producer).extFields
        self.assertEqual((fields["AccessKey"], fields["own"]), ("ak", "1"))
        self.assertEqual(len(fields["Signature"]), 28)
        self.assertIn(("1", 0), seen)
        self.result(producer.sendOneway(Message("T", b"x")))

    def test_plainText(self) -> None:
        """
        Signing without TLS is warned of once.
        """
        logged = EventLoggingObserver()
        globalLogPublisher.addObserver(logged)
        self.addCleanup(globalLogPublisher.removeObserver, logged)
        settings = ClientSettings(credentials=SessionCredentials("ak", "sk"))
        client = self.cluster.client(settings)
        self.result(client.stopService())
        client.startService()
        warnings = [e for e in logged if "encrypted" in str(e.get("log_format"))]
        self.assertEqual(len(warnings), 1)

    def test_vipChannel(self) -> None:
        """
        Sends go two ports lower, heartbeats do not.
        """
        _, producer = self.clientWith(vipChannelEnabled=True)
        result = self.result(producer.send(Message("T", b"x")))
        broker = self.sandbox.brokers[result.messageQueue.brokerName]
        host, _, port = broker.address.rpartition(":")
        self.assertEqual(result.attempts[0].address, f"{host}:{int(port) - 2}")
        self.cluster.advance(31)
        self.result(producer.send(Message("T", b"x")))

    def test_addressMap(self) -> None:
        """
        An advertised address is reached where the map says.
        """
        real = self.brokerA.address
        self.brokerB.setDown()
        self.cluster.flush()
        seen: list[str] = []

        def mapped(address: str) -> str:
            seen.append(address)
            return address

        _, producer = self.clientWith(addressMap=mapped)
        self.result(producer.send(Message("T", b"x")))
        self.assertIn(real, seen)


class InboundTests(ClusterTestCase):
    """
    What brokers ask of the client.
    """

    def asked(self, command: RemotingCommand) -> RemotingCommand | None:
        """
        Let the first broker ask the client, and give the answer.
        """
        self.warm()
        protocol = self.peer()
        answers: list[RemotingCommand] = []
        asking = protocol.invoke(command, 5)
        asking.addCallbacks(answers.append, lambda _: None)
        self.cluster.advance(6)
        return answers[0] if answers else None

    def peer(self) -> RemotingProtocol:
        """
        The first broker's end of its connection with the client.
        """
        for _, end in self.cluster.network.connections:
            host = end.getHost()
            if self.brokerA.address.endswith(f":{host.port}"):
                protocol = end._protocol
                assert isinstance(protocol, RemotingProtocol)
                return protocol
        raise AssertionError("no connection")

    def test_aConsumersBusiness(self) -> None:
        """
        It is answered as a client without consumers answers it.
        """
        for code, answered in (
            (RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT, 0),
            (RequestCode.GET_CONSUMER_RUNNING_INFO, 1),
            (RequestCode.CONSUME_MESSAGE_DIRECTLY, 1),
            (RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT, 1),
            (RequestCode.NOTIFY_CONSUMER_IDS_CHANGED, None),
            (RequestCode.RESET_CONSUMER_CLIENT_OFFSET, None),
            (RequestCode.CHECK_TRANSACTION_STATE, None),
            (9999, 3),
        ):
            answer = self.asked(RemotingCommand(code, {"consumerGroup": "g"}))
            self.assertEqual(answer and answer.code, answered, code)
        self.assertEqual(answer and answer.remark, " request type 9999 not supported")

    def test_register(self) -> None:
        """
        Requests that name a group go to its responder, and to nobody else's.
        """
        seen: list[tuple[str, RemotingCommand]] = []

        def respond(address: str, command: RemotingCommand) -> RemotingCommand:
            seen.append((address, command))
            return command.response(body=b"mine")

        self.client.register("mine", respond)
        self.assertRaises(ValueError, self.client.register, "mine", respond)
        code = RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT
        answer = self.asked(RemotingCommand(code, {"producerGroup": "mine"}))
        assert answer is not None
        self.assertEqual((answer.code, answer.body), (0, b"mine"))
        ((address, command),) = seen
        self.assertEqual((address, command.code), (self.brokerA.address, code))
        other = self.asked(RemotingCommand(code, {"producerGroup": "other"}))
        self.assertEqual(other and other.code, 1)

    def test_responderThatFails(self) -> None:
        """
        The broker is told, and the failure is logged once.
        """

        def respond(address: str, command: RemotingCommand) -> RemotingCommand:
            raise ZeroDivisionError

        self.client.register("mine", respond)
        code = RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT
        answer = self.asked(RemotingCommand(code, {"producerGroup": "mine"}))
        self.assertEqual(answer and answer.code, 1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_checksGoToTheGroupOfTheMessage(self) -> None:
        """
        A transaction check names its group inside the message.
        """
        from txrocketmq._wire.records import encodeStoredMessage

        self.sent()
        (stored,) = self.stored()
        half = replace(stored, properties={**stored.properties, "PGROUP": "mine"})
        seen: list[RemotingCommand] = []
        self.client.register("mine", lambda address, command: seen.append(command))
        code = RequestCode.CHECK_TRANSACTION_STATE
        self.asked(RemotingCommand(code, body=encodeStoredMessage(half)))
        self.assertEqual(len(seen), 1)
        self.asked(RemotingCommand(code, body=b"garbage"))
        self.assertEqual(len(seen), 1)
