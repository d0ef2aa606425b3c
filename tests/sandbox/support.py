"""
A sandbox without a network, and somebody who asks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from tests.support import TestCase
from txrocketmq._remoting.moment import Moment
from txrocketmq._wire.codes import RequestCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.headers import SendMessageRequestHeader
from txrocketmq._wire.records import encodeProperties
from txrocketmq.sandbox.broker import SandboxBroker
from txrocketmq.sandbox.network import Network
from txrocketmq.sandbox.settings import BrokerSettings
from txrocketmq.sandbox.state import BrokerState
from txrocketmq.sandbox.topics import TopicConfig

NOW = 1_700_000_000.0
"""
When the tests take place.
"""


class Client:
    """
    One who asks: a connection as a server sees it.

    @ivar asked: The questions it was asked.

    @ivar told: What it was told and need not answer.

    @ivar written: Bytes that were written to it and are no answers.

    @ivar ended: How the connection ended: C{close}, C{abort} or L{None}.

    @ivar reply: What it answers if it is asked something.
    """

    def __init__(self, address: str = "127.0.0.1:40000") -> None:
        self.address = address
        self.asked: list[RemotingCommand] = []
        self.told: list[RemotingCommand] = []
        self.written = b""
        self.ended: str | None = None
        self.reply: Callable[[RemotingCommand], Deferred[RemotingCommand]] = (
            lambda command: succeed(command.response())
        )
        self._closed: Moment[None] = Moment()

    def invoke(
        self, command: RemotingCommand, timeout: float
    ) -> Deferred[RemotingCommand]:
        """
        Note a question and answer it.
        """
        self.asked.append(command)
        return self.reply(command)

    def oneway(self, command: RemotingCommand) -> Deferred[None]:
        """
        Note what is told.
        """
        self.told.append(command)
        return succeed(None)

    def writeBytes(self, data: bytes) -> None:
        """
        Note what is written.
        """
        self.written += data

    def close(self) -> None:
        """
        End.
        """
        self._end("close")

    def abort(self) -> None:
        """
        End.
        """
        self._end("abort")

    def _end(self, how: str) -> None:
        """
        End, in one of two ways.
        """
        self.ended = how
        self._closed.happen(None)

    def whenClosed(self) -> Deferred[None]:
        """
        Tell when it has ended.
        """
        return self._closed.when()


def now(answer: Any) -> RemotingCommand:
    """
    The answer that is there already.
    """
    if isinstance(answer, Deferred):
        found: list[Any] = []
        answer.addCallback(found.append)
        if not found:
            raise AssertionError("there is no answer yet")
        (answer,) = found
    assert isinstance(answer, RemotingCommand), answer
    return answer


class BrokerTestCase(TestCase):
    """
    A test of one broker that listens nowhere.

    @ivar client: Who asks.
    """

    def setUp(self) -> None:
        """
        Make broker and client.
        """
        super().setUp()
        self.client = Client()
        self.makeBroker()

    def makeBroker(self, **settings: Any) -> None:
        """
        Make the broker anew, with other settings.
        """
        self.clock = Clock()
        self.clock.rightNow = NOW
        state = BrokerState(
            self.clock, BrokerSettings(**settings), "broker-a", lambda: 0.5
        )
        network = Network(self.clock, "127.0.0.1", lambda: 0.5)
        self.broker = SandboxBroker(network, state)
        self.addCleanup(state.timetable.clear)

    def assertNothingScheduled(self) -> None:
        """
        Fail if the broker's clock still has something to call.
        """
        self.assertEqual(self.clock.getDelayedCalls(), [])
        super().assertNothingScheduled()

    def topic(self, name: str, queues: int = 4, **fields: Any) -> str:
        """
        Make a topic.
        """
        self.broker.state.topics.put(TopicConfig(name, queues, queues, **fields))
        return name

    def ask(
        self,
        code: int,
        extFields: dict[str, Any] | None = None,
        body: bytes = b"",
        client: Client | None = None,
        **fields: Any,
    ) -> RemotingCommand:
        """
        Ask the broker something that it answers at once.
        """
        given = {name: str(value) for name, value in (extFields or {}).items()}
        command = RemotingCommand(code, given, body, opaque=7, **fields)
        return now(self.broker.respond(command, client or self.client))

    def send(
        self,
        topic: str,
        body: bytes = b"hello",
        properties: dict[str, str] | None = None,
        **fields: Any,
    ) -> RemotingCommand:
        """
        Send a message.
        """
        given = {"UNIQ_KEY": "K1"} if properties is None else properties
        return self.ask(
            RequestCode.SEND_MESSAGE_V2,
            sendFields(topic, properties=encodeProperties(given), **fields),
            body,
        )

    def stored(self, topic: str) -> list[Any]:
        """
        What the broker has of a topic.
        """
        return self.broker.state.store.messages(topic)


def sendFields(topic: str, **fields: Any) -> dict[str, str]:
    """
    The fields of a send as a producer fills them.
    """
    known: dict[str, Any] = {
        "producerGroup": "pg",
        "topic": topic,
        "defaultTopic": "TBW102",
        "defaultTopicQueueNums": 4,
        "queueId": 0,
        "sysFlag": 0,
        "bornTimestamp": int(NOW * 1000),
        "flag": 0,
        "reconsumeTimes": 0,
        "unitMode": False,
        "batch": False,
    }
    return SendMessageRequestHeader(**(known | fields)).toV2ExtFields()
