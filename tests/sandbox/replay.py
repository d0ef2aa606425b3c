"""
What Apache's clients asked real servers, asked of the sandbox.

A scenario is replayed on one broker and one name server at the times it was
recorded at.  Where a request names a place in a real broker's log, it is given
that of the same message in ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import msgspec
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from tests.wire.strategies import decode
from tests.wire.vectors import records
from txrocketmq._wire.codes import RequestCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.frames import FrameBuffer
from txrocketmq._wire.ids import decodeOffsetId
from txrocketmq.sandbox.broker import SandboxBroker
from txrocketmq.sandbox.nameserver import SandboxNameServer
from txrocketmq.sandbox.network import Network
from txrocketmq.sandbox.settings import BrokerSettings
from txrocketmq.sandbox.state import BrokerState
from txrocketmq.sandbox.topics import TopicConfig

from .support import Client

_NOT_MADE_BEFORE = ("auto-create", "namespace-v1", "retry-topic")
_MOVED = ("commitLogOffset", "offset")


@attrs.frozen
class Turn:
    """
    A request, and what it was answered there and here.

    @ivar recorded: The real server's answer.

    @ivar answer: Ours; L{None} is none.
    """

    name: str
    request: RemotingCommand
    recorded: RemotingCommand
    answer: RemotingCommand | None


def scenarios() -> dict[tuple[str, str], list[dict[str, Any]]]:
    """
    The recorded frames by client and scenario, in order.
    """
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for record in records():
        if "direction" in record:
            key = (record["client"], record["scenario"])
            found.setdefault(key, []).append(record)
    return {key: sorted(each, key=_number) for key, each in found.items()}


def _number(record: dict[str, Any]) -> int:
    """
    A frame's place in its scenario.
    """
    number: int = record["seq"]
    return number


class Replay:
    """
    One scenario.

    @ivar clients: The connections by their recorded number.
    """

    def __init__(
        self, client: str, scenario: str, frames: list[dict[str, Any]]
    ) -> None:
        """
        Make the servers as they were.
        """
        self.name = f"{client} {scenario}"
        self.clients: dict[int, Client] = {}
        self._frames = [each for each in frames if "hex" in each]
        self._clock = Clock()
        self._clock.rightNow = next(filter(None, map(_when, self._frames)), 1.7e9)
        settings = _settings(client, scenario)
        network = Network(self._clock, "127.0.0.1", lambda: 0.5)
        self.state = BrokerState(self._clock, settings, "broker-a", lambda: 0.5)
        self.broker = SandboxBroker(network, self.state)
        self._nameServer = SandboxNameServer(
            network, settings, 0, lambda: succeed(None)
        )
        self.state.topicChanged = lambda config: self._register()
        self._register()
        self._makeTopics(scenario)
        self._answers: dict[tuple[int, int], list[RemotingCommand]] = {}
        self._places: dict[int, int] = {}

    def _register(self) -> None:
        """
        Tell the name server of all topics.
        """
        self._nameServer.routes.register(
            "DefaultCluster",
            "broker-a",
            0,
            self.state.address,
            dict(self.state.topics.table),
        )

    def _makeTopics(self, scenario: str) -> None:
        """
        Make the topics that were there before.
        """
        if scenario in _NOT_MADE_BEFORE or scenario.startswith("topic-missing"):
            return
        for each in self._frames:
            topic = (each["frame"]["extFields"] or {}).get("topic", "-new")
            if (
                each["frame"]["code"] == RequestCode.GET_ROUTEINFO_BY_TOPIC
                and topic not in self.state.topics.table
                and not topic.startswith("%")
                and not topic.endswith("-new")
            ):
                self.state.topics.put(TopicConfig(topic, 4, 4))

    def turns(self) -> Iterator[Turn]:
        """
        Ask everything that was asked.
        """
        requests: dict[tuple[int, int], RemotingCommand] = {}
        for each in self._frames:
            command = decode(bytes.fromhex(each["hex"]))
            key = (each["conn"], command.opaque)
            if each["direction"] == "request":
                requests[key] = command
                self._ask(each, command)
            elif command.code == RequestCode.CHECK_TRANSACTION_STATE:
                self._awaitCheck(command)
            elif each["direction"] == "response" and key in requests:
                answers = self._answers[key] + self.written(each["conn"])
                answer = answers[0] if answers else None
                self._learn(command, answer)
                name = f"{self.name} {each['seq']}"
                yield Turn(name, requests[key], command, answer)
        self.state.timetable.clear()

    def _ask(self, record: dict[str, Any], command: RemotingCommand) -> None:
        """
        Ask one thing.
        """
        when = _when(record)
        if when is not None and when > self._clock.seconds():
            self._clock.advance(when - self._clock.seconds())
        client = self.clients.setdefault(
            record["conn"], Client(f"127.0.0.1:{40000 + record['conn']}")
        )
        isBroker = record["to"] == "broker"
        server = self.broker if isBroker else self._nameServer
        answer = server.respond(self._moved(command), client)
        answers = self._answers[record["conn"], command.opaque] = []
        given: list[Any] = [answer]
        if isinstance(answer, Deferred):
            given.clear()
            answer.addCallback(given.append)
        answers += filter(None, given)

    def written(self, connection: int) -> list[RemotingCommand]:
        """
        What a server wrote in a serialisation of its own choice.
        """
        client = self.clients[connection]
        data, client.written = client.written, b""
        return FrameBuffer().feed(data)

    def _moved(self, command: RemotingCommand) -> RemotingCommand:
        """
        A request with the places of our log.
        """
        extFields = dict(command.extFields)
        for name in _MOVED:
            place = self._places.get(int(extFields.get(name, "-1")))
            message = None if place is None else self.state.store.at(place)
            if message is not None:
                extFields[name] = str(place)
                extFields["tranStateTableOffset"] = str(message.queueOffset)
        return msgspec.structs.replace(command, extFields=extFields)

    def _awaitCheck(self, recorded: RemotingCommand) -> None:
        """
        Let time pass until our broker asks about the same transaction.
        """
        client = self.clients[max(self.clients)]
        before = len(client.told)
        for _ in range(3):
            self._clock.advance(1.01)
            for told in client.told[before:]:
                if told.extFields["msgId"] == recorded.extFields["msgId"]:
                    place = int(told.extFields["commitLogOffset"])
                    self._places[int(recorded.extFields["commitLogOffset"])] = place
                    return

    def _learn(self, recorded: RemotingCommand, answer: RemotingCommand | None) -> None:
        """
        Note where a message lies there, and where here.
        """
        there = recorded.extFields.get("msgId", "")
        here = answer.extFields.get("msgId", "") if answer else ""
        if len(there) == len(here) == 32:
            self._places[decodeOffsetId(there)[2]] = decodeOffsetId(here)[2]


def _when(record: dict[str, Any]) -> float | None:
    """
    When a send was made, in seconds since 1970.
    """
    extFields = record["frame"]["extFields"] or {}
    millis = extFields.get("g") or extFields.get("bornTimestamp")
    return int(millis) / 1000 if millis and record["direction"] == "request" else None


def _settings(client: str, scenario: str) -> BrokerSettings:
    """
    The settings of the real broker.
    """
    return BrokerSettings(
        transactionTimeOut=1.0,
        transactionCheckInterval=1.0,
        autoCreateTopicEnable=scenario != "topic-missing-no-auto",
        credentials={"rocketmq": "12345678"} if scenario.startswith("acl") else {},
        serializeType=None if client == "java 4.9.7" else 0,  # type: ignore[arg-type]
    )
