"""
The sandbox on real sockets.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor as globalReactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory
from twisted.trial.unittest import TestCase

from tests.certificates import Authority
from txrocketmq._remoting.endpoints import Connector
from txrocketmq._remoting.protocol import RemotingProtocol
from txrocketmq._wire.bodies import decodeTopicRouteData
from txrocketmq._wire.codes import RequestCode, SerializeType
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.headers import SendMessageRequestHeader
from txrocketmq._wire.records import decodeStoredMessages
from txrocketmq.errors import (
    ConnectFailed,
    ConnectionClosed,
    ProtocolError,
    RemotingTimeout,
)
from txrocketmq.sandbox import Sandbox, faults
from txrocketmq.settings import ClientSettings, TLSSettings

reactor: Any = globalReactor

TIMEOUT = 10.0


def send(topic: str, queueId: int = 0) -> dict[str, str]:
    """
    The fields of a send.
    """
    return SendMessageRequestHeader(
        producerGroup="pg",
        topic=topic,
        defaultTopic="TBW102",
        defaultTopicQueueNums=4,
        queueId=queueId,
        sysFlag=0,
        bornTimestamp=0,
        flag=0,
    ).toV2ExtFields()


def pull(topic: str, sysFlag: int = 4) -> dict[str, str]:
    """
    The fields of a pull.
    """
    return {
        "consumerGroup": "g",
        "topic": topic,
        "queueId": "0",
        "queueOffset": "0",
        "maxMsgNums": "32",
        "sysFlag": str(sysFlag),
        "commitOffset": "0",
        "suspendTimeoutMillis": "9000",
        "subscription": "*",
        "subVersion": "0",
    }


class SandboxTestCase(TestCase):
    """
    A sandbox, and connections to it.
    """

    timeout = 30
    settings = ClientSettings()

    async def sandbox(self, **options: Any) -> Sandbox:
        """
        Start one that ends with the test.
        """
        sandbox = Sandbox(reactor, **options)
        sandbox.startService()
        self.addCleanup(sandbox.stopService)
        return await sandbox.whenReady()

    async def connect(self, address: str) -> RemotingProtocol:
        """
        Connect to a server.
        """
        connector = Connector(reactor, reactor, self.settings, lambda c, p: None)
        protocol = await connector.connect(address)
        self.addCleanup(protocol.whenClosed)
        self.addCleanup(protocol.close)
        return protocol

    async def ask(
        self,
        protocol: RemotingProtocol,
        code: int,
        extFields: dict[str, str] | None = None,
        body: bytes = b"",
        **fields: Any,
    ) -> RemotingCommand:
        """
        Ask a server something.
        """
        command = RemotingCommand(code, extFields or {}, body, **fields)
        return await protocol.invoke(command, TIMEOUT)


class MessageTests(SandboxTestCase):
    """
    Messages on their way.
    """

    async def test_sentAndPulled(self) -> None:
        """
        A topic is routed, sent to in both serialisations, and read.
        """
        sandbox = await self.sandbox(brokers=2)
        await sandbox.createTopic("T", queues=1)
        nameServer = await self.connect(sandbox.nameServerAddresses[0])
        answer = await self.ask(
            nameServer, RequestCode.GET_ROUTEINFO_BY_TOPIC, {"topic": "T"}
        )
        route = decodeTopicRouteData(answer.body)
        addresses = {b.brokerName: b.brokerAddrs[0] for b in route.brokerDatas}
        self.assertEqual(set(addresses), {"broker-a", "broker-b"})
        broker = await self.connect(addresses["broker-b"])
        for kind in SerializeType:
            answer = await self.ask(
                broker,
                RequestCode.SEND_MESSAGE_V2,
                send("T"),
                kind.name.encode(),
                serializeType=kind,
            )
            self.assertEqual((answer.code, answer.serializeType), (0, 0))
        answer = await self.ask(broker, RequestCode.PULL_MESSAGE, pull("T"))
        bodies = [each.body for each in decodeStoredMessages(answer.body)]
        self.assertEqual(bodies, [b"JSON", b"ROCKETMQ"])
        self.assertEqual([each.body for each in sandbox.messages("T")], bodies)

    async def test_longPull(self) -> None:
        """
        A pull waits for a message another connection sends, at the VIP channel.
        """
        sandbox = await self.sandbox()
        await sandbox.createTopic("T")
        address = sandbox.brokers["broker-a"].address
        reader = await self.connect(address)
        host, port = address.split(":")
        writer = await self.connect(f"{host}:{int(port) - 2}")
        pulled = Deferred.fromCoroutine(
            self.ask(reader, RequestCode.PULL_MESSAGE, pull("T", 6))
        )
        await self.ask(writer, RequestCode.HEART_BEAT, body=b'{"clientID":"c"}')
        self.assertFalse(pulled.called)
        await self.ask(writer, RequestCode.SEND_MESSAGE_V2, send("T"), b"now")
        answer = await pulled
        self.assertEqual(decodeStoredMessages(answer.body)[0].body, b"now")

    async def test_manyAtOnce(self) -> None:
        """
        Many sends on one connection are all answered, each with its own place.
        """
        sandbox = await self.sandbox()
        await sandbox.createTopic("T", queues=8)
        broker = await self.connect(sandbox.brokers["broker-a"].address)
        answers = await gatherResults(
            broker.invoke(
                RemotingCommand(
                    RequestCode.SEND_MESSAGE_V2, send("T", n % 8), b"%d" % n
                ),
                TIMEOUT,
            )
            for n in range(2000)
        )
        places = {answer.extFields["msgId"] for answer in answers}
        self.assertEqual(len(places), 2000)
        self.assertEqual(len(sandbox.messages("T")), 2000)


class FaultTests(SandboxTestCase):
    """
    What goes wrong, as a client meets it.
    """

    async def invoke(self, sandbox: Sandbox, seconds: float = TIMEOUT) -> Any:
        """
        Ask a broker something on a connection of its own.
        """
        protocol = await self.connect(sandbox.brokers["broker-a"].address)
        return await protocol.invoke(RemotingCommand(9999), seconds)

    async def test_faults(self) -> None:
        """
        Each fault is what it says.
        """
        sandbox = await self.sandbox()
        broker = sandbox.brokers["broker-a"]
        for fault, error, timeout in (
            (faults.silence(), RemotingTimeout, 0.05),
            (faults.delay(5), RemotingTimeout, 0.05),
            (faults.close(), ConnectionClosed, TIMEOUT),
            (faults.reset(), ConnectionClosed, TIMEOUT),
            (faults.garbage(b"HTTP/1.1 400 Bad Request\r\n"), ProtocolError, TIMEOUT),
            (faults.cut(3), ConnectionClosed, TIMEOUT),
            (faults.cut(40), ConnectionClosed, TIMEOUT),
        ):
            broker.push(fault)
            with self.assertRaises(error, msg=repr(fault)):
                await self.invoke(sandbox, timeout)
        broker.push(faults.goAway())
        self.assertEqual((await self.invoke(sandbox)).code, 1500)
        self.assertEqual((await self.invoke(sandbox)).code, 3)

    async def test_downAndUp(self) -> None:
        """
        A broker that goes down loses its connections, cannot be connected to,
        and is at the same place again.
        """
        sandbox = await self.sandbox()
        broker = sandbox.brokers["broker-a"]
        broker.push(faults.silence())
        waiting = Deferred.fromCoroutine(self.invoke(sandbox))
        while not broker.requests(9999):
            await self.connect(sandbox.nameServerAddresses[0])
        await broker.setDown()
        with self.assertRaises(ConnectionClosed):
            await waiting
        with self.assertRaises(ConnectFailed):
            await self.invoke(sandbox)
        await broker.setUp()
        self.assertEqual((await self.invoke(sandbox)).code, 3)

    async def test_portTaken(self) -> None:
        """
        A port that is taken is an error, and nothing is left listening.
        """
        taken = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(
            Factory()
        )
        self.addCleanup(taken.stopListening)
        address: Any = taken.getHost()
        sandbox = Sandbox(reactor, port=address.port)
        sandbox.startService()
        with self.assertRaises(CannotListenError):
            await sandbox.whenReady()
        self.assertFalse(any(each.isUp for each in sandbox.brokers.values()))
        await sandbox.stopService()


class TLSTests(SandboxTestCase):
    """
    The sandbox with TLS.
    """

    async def test_secure(self) -> None:
        """
        Brokers and name servers speak TLS with one another and with clients, and
        nothing else.
        """
        authority = Authority(self.mktemp())
        self.settings = ClientSettings(tls=TLSSettings(trustRoots=authority.roots))
        sandbox = await self.sandbox(tls=authority.server("127.0.0.1"))
        protocol = await self.connect(sandbox.nameServerAddresses[0])
        answer = await self.ask(
            protocol, RequestCode.GET_ROUTEINFO_BY_TOPIC, {"topic": "TBW102"}
        )
        self.assertEqual(answer.code, 0)
        self.settings = ClientSettings()
        plain = await self.connect(sandbox.nameServerAddresses[0])
        with self.assertRaises((ConnectionClosed, ProtocolError)):
            await plain.invoke(RemotingCommand(9999), TIMEOUT)


class IPv6Tests(SandboxTestCase):
    """
    The sandbox on the loopback of IPv6.
    """

    async def test_addresses(self) -> None:
        """
        Addresses are in brackets, ids are long, and messages can be read.
        """
        try:
            sandbox = await self.sandbox(host="::1")
        except CannotListenError as e:
            self.skipTest(f"there is no IPv6 here: {e}")
        broker = await self.connect(sandbox.brokers["broker-a"].address)
        answer = await self.ask(broker, RequestCode.SEND_MESSAGE_V2, send("T"), b"six")
        self.assertEqual(len(answer.extFields["msgId"]), 56)
        answer = await self.ask(broker, RequestCode.PULL_MESSAGE, pull("T"))
        (message,) = decodeStoredMessages(answer.body)
        self.assertEqual(message.storeHost, sandbox.brokers["broker-a"].address)
        self.assertTrue(message.bornHost.startswith("[::1]:"))
        self.assertEqual(message.offsetMsgId, sandbox.messages("T")[0].offsetMsgId)
