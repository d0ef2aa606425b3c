"""
Whatever a client asks, the servers answer it or not, and go on.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.strategies import INT32, INT64, PROPERTIES
from txrocketmq._wire.codes import RequestCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.properties import encodeProperties
from txrocketmq._wire.records import MessageConst, decodeStoredMessages
from txrocketmq.sandbox.broker import SandboxBroker
from txrocketmq.sandbox.nameserver import SandboxNameServer
from txrocketmq.sandbox.network import Network
from txrocketmq.sandbox.settings import BrokerSettings
from txrocketmq.sandbox.state import BrokerState

from .support import NOW, Client, sendFields

NUMBERS = st.sampled_from(["0", "1", "-1", "007", "1e3", "x", "", "²", "9" * 30])
TOPICS = st.sampled_from(["T", "%RETRY%g", "TBW102", "a b", "", "rmq_sys_wheel_timer"])
VALUES = st.text(max_size=5) | TOPICS | NUMBERS | INT32.map(str) | INT64.map(str)
# What all requests together need, as it should be.
SOUND = sendFields("T") | {
    "topic": "T",
    "queueId": "0",
    "consumerGroup": "g",
    "queueOffset": "0",
    "maxMsgNums": "32",
    "sysFlag": "6",
    "commitOffset": "0",
    "suspendTimeoutMillis": "15000",
    "subVersion": "0",
    "subscription": "*",
    "offset": "0",
    "group": "g",
    "delayLevel": "0",
    "clientID": "c",
    "perm": "6",
    "readQueueNums": "4",
    "writeQueueNums": "4",
    "defaultTopic": "TBW102",
    "recallHandle": "djEgVCBicm9rZXItYSAx",
    "producerGroup": "pg",
    "tranStateTableOffset": "0",
    "commitLogOffset": "0",
    "commitOrRollback": "8",
    "fromTransactionCheck": "false",
    "msgId": "K",
    "brokerName": "broker-a",
    "brokerAddr": "127.0.0.1:1",
    "brokerId": "0",
    "clusterName": "c",
    "haServerAddr": "",
    "timestamp": "0",
    "key": "K",
    "maxNum": "32",
    "beginTimestamp": "0",
    "endTimestamp": "0",
}
FIELDS = st.sampled_from(sorted(SOUND))
PULL = {name: SOUND[name] for name in SOUND if len(name) > 1} | {
    "sysFlag": "4",
    "suspendTimeoutMillis": "0",
}
NAMES = st.sampled_from(
    [
        MessageConst.DELAY,
        MessageConst.TIMER_DELAY_SEC,
        MessageConst.TIMER_DELIVER_MS,
        MessageConst.TIMER_OUT_MS,
        MessageConst.REAL_TOPIC,
        MessageConst.REAL_QID,
        MessageConst.TRANSACTION_CHECK_TIMES,
        MessageConst.CHECK_IMMUNITY_TIME_IN_SECONDS,
        MessageConst.PGROUP,
    ]
)
WORDS = NUMBERS | TOPICS | INT64.map(str)
SPECIAL = st.dictionaries(NAMES, WORDS, max_size=3)


class AnythingTests(SynchronousTestCase):
    """
    Requests nobody should make.
    """

    def servers(self) -> tuple[SandboxBroker, SandboxNameServer, Clock]:
        """
        Make a broker and a name server.
        """
        clock = Clock()
        clock.rightNow = NOW
        network = Network(clock, "127.0.0.1", lambda: 0.5)
        state = BrokerState(
            clock, BrokerSettings(transactionTimeOut=1.0), "broker-a", lambda: 0.5
        )
        nameServer = SandboxNameServer(
            network, BrokerSettings(), 0, lambda: succeed(None)
        )
        return SandboxBroker(network, state), nameServer, clock

    @settings(max_examples=400)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(sorted(RequestCode)),
                st.dictionaries(FIELDS, VALUES, max_size=3),
                st.binary(max_size=20) | st.just(b"{}") | st.just(b'{"clientID":"c"}'),
            ),
            max_size=8,
        )
    )
    def test_requests(self, requests: list[tuple[int, dict[str, str], bytes]]) -> None:
        """
        No request is too strange for either server.
        """
        broker, nameServer, _ = self.servers()
        client = Client()
        for code, extFields, body in requests:
            for server in (broker, nameServer):
                server.respond(RemotingCommand(code, SOUND | extFields, body), client)
        broker._pulls.drop()

    @settings(max_examples=300)
    @given(PROPERTIES, SPECIAL, st.booleans(), INT32, INT64)
    def test_properties(
        self,
        properties: dict[str, str],
        special: dict[str, str],
        isHalf: bool,
        flag: int,
        born: int,
    ) -> None:
        """
        Whatever properties a message has: what is stored can be read, now and
        when its time has come.
        """
        broker, _, clock = self.servers()
        half = {"TRAN_MSG": "true"} if isHalf else {}
        text = encodeProperties(properties | special | half)
        fields = sendFields("T", bornTimestamp=born, flag=flag, properties=text)
        client = Client()
        command = RemotingCommand(RequestCode.SEND_MESSAGE_V2, fields, b"x")
        broker.respond(command, client)
        for _ in range(5):
            clock.advance(86400)
        for topic in broker.state.topics.table:
            messages = broker.state.store.messages(topic)
            if messages:
                place = {"topic": topic, "queueId": str(messages[0].queueId)}
                pulled = RemotingCommand(RequestCode.PULL_MESSAGE, PULL | place)
                answer = broker.respond(pulled, client)
                assert isinstance(answer, RemotingCommand)
                self.assertTrue(decodeStoredMessages(answer.body))
        self.assertEqual(self.flushLoggedErrors(), [])
