"""
A scenario, done by our client to a sandbox in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import attrs
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import Clock

from txrocketmq import errors
from txrocketmq.client import MQClient
from txrocketmq.message import CommunicationMode, MessageQueue
from txrocketmq.producer import Producer
from txrocketmq.remoting import LanguageCode, RemotingCommand, SerializeType
from txrocketmq.testing import MemoryCluster

from .frames import ROUTE
from .messages import clientSettings, messageOf, producerSettings, selectorOf
from .scenarios import Record, Scenario, Seen

NOW = 1_795_479_200
"""
The time here, in epoch seconds: that of the recordings.
"""

MADE_BY_SENDING = {
    "auto-create",
    "namespace-v1",
    "retry-topic",
    "topic-missing-no-auto",
    "topic-missing-template",
}
"""
The scenarios whose topic was not there.
"""

SECRETS = {"rocketmq": "12345678"}


class Replay:
    """
    One scenario, from start to shutdown.

    @ivar outcomes: How each step ended: what it gave, or the error.
    """

    def __init__(self, scenario: Scenario, javaRules: bool = True) -> None:
        """
        @param javaRules: Whether sends follow Java's rules of retrying, or ours.
        """
        inputs = scenario.inputs
        self._steps: list[Record] = inputs["steps"]
        self._javaRules = javaRules
        self.cluster = _cluster(scenario)
        network = self.cluster.network
        self._client = MQClient(
            self.cluster.clock,
            self.cluster.sandbox.nameServerAddresses,
            attrs.evolve(clientSettings(inputs), endpointFactory=network.connectTo),
        )
        self._group: str = inputs["group"]
        self._producer = Producer(self._client, self._group, producerSettings(inputs))
        self._topics: list[str] = inputs["config"].get("topics", [])
        self._named: dict[str, Any] = {}
        self.outcomes: list[Any] = []

    def run(self) -> Replay:
        """
        Do all steps.
        """
        for step in self._steps:
            try:
                outcome = self.do(step)
            except errors.RocketMQError as error:
                outcome = error
            self.outcomes.append(outcome)
            self._named[step.get("as", "")] = outcome
        self.cluster.stop()
        return self

    def nameServer(self) -> list[Seen]:
        """
        What our client asked the name server.
        """
        (server,) = self.cluster.sandbox.nameServers
        return [seenOf(each) for each in server.requests(ROUTE)]

    def broker(self) -> list[Seen]:
        """
        What our client asked the broker.
        """
        (broker,) = self.cluster.sandbox.brokers.values()
        return [seenOf(each) for each in broker.requests()]

    def do(self, step: Record) -> Any:
        """
        Do one step, to its end.
        """
        doing: Callable[[Record], Any] = getattr(self, f"_{step['op']}")
        done = doing(step)
        return self.cluster.result(done) if isinstance(done, Deferred) else done

    def _start(self, step: Record) -> Any:
        """
        Start the client.
        """
        self._client.startService()
        # Java connects to the brokers of the topics it was given; we do when told.
        ready = [self._client.whenReady(topic) for topic in self._topics]
        return gatherResults(ready)

    def _shutdown(self, step: Record) -> Any:
        """
        Stop it.
        """
        return self._client.stopService()

    def _sleep(self, step: Record) -> None:
        """
        Let time pass.
        """
        self.cluster.advance(step["ms"] / 1000)

    def _fetch(self, step: Record) -> Any:
        """
        Ask for a topic's queues.
        """
        return self._producer.publishQueues(step["topic"])

    def _send(
        self, step: Record, mode: CommunicationMode = CommunicationMode.SYNC, **to: Any
    ) -> Any:
        """
        Send one message.
        """
        message = messageOf(step["message"], NOW)
        rules = mode if self._javaRules else None
        return self._producer.send(message, mode=rules, **to)

    def _sendAsync(self, step: Record) -> Any:
        """
        Send one by the rules of Java's send with a callback.
        """
        return self._send(step, CommunicationMode.ASYNC)

    def _sendOneway(self, step: Record) -> Any:
        """
        Send one without an answer.
        """
        return self._producer.sendOneway(messageOf(step["message"], NOW))

    def _sendQueue(self, step: Record) -> Any:
        """
        Send one to a given queue.
        """
        topic = step.get("queueTopic", step["message"]["topic"])
        return self._send(step, queue=MessageQueue(topic, "broker-a", step["queueId"]))

    def _sendSelector(self, step: Record) -> Any:
        """
        Send one to the queue a selector chooses.
        """
        return self._send(step, selector=selectorOf(step))

    def _batch(self, step: Record) -> Any:
        """
        Send several at once.
        """
        return self._producer.sendBatch(
            [messageOf(each, NOW) for each in step["messages"]]
        )

    def _sendTogether(self, step: Record) -> Any:
        """
        Send several in one turn.  Java's rules of retrying are for sends that leave
        alone, so it is always ours here.
        """
        return gatherResults(
            [self._producer.send(messageOf(each, NOW)) for each in step["messages"]]
        )

    def _recall(self, step: Record) -> Any:
        """
        Take one back.
        """
        handle = step.get("handle")
        if handle is None:
            handle = self._named[step["of"]].recallHandle
        return self._producer.recall(step["topic"], handle)

    def _producerStart(self, step: Record) -> Any:
        """
        Make another producer.
        """
        return Producer(self._client, step["group"])


def seenOf(command: RemotingCommand) -> Seen:
    """
    A request that came to the sandbox.
    """
    return Seen(
        command.code,
        command.flag,
        LanguageCode(command.language).name,
        command.version,
        SerializeType(command.serializeType).name,
        command.remark,
        command.extFields,
        command.body,
        sha256(command.body).hexdigest(),
    )


def _cluster(scenario: Scenario) -> MemoryCluster:
    """
    The servers as they were for a scenario, before its client came.
    """
    clock = Clock()
    clock.advance(NOW)
    options: dict[str, Any] = {}
    if scenario.name.startswith("acl"):
        options["credentials"] = SECRETS
    if scenario.name == "topic-missing-no-auto":
        options["autoCreateTopicEnable"] = False
    cluster = MemoryCluster(clock, **options)
    if scenario.name not in MADE_BY_SENDING:
        for topic in sorted(_topics(scenario.inputs["steps"])):
            cluster.result(cluster.sandbox.createTopic(topic))
    for server in (*cluster.sandbox.nameServers, *cluster.sandbox.brokers.values()):
        server.clear()
    return cluster


def _topics(steps: list[Record]) -> set[str]:
    """
    The topics of a scenario that can be made.
    """
    messages = [each["message"] for each in steps if "message" in each]
    messages += [each for step in steps for each in step.get("messages", ())]
    named = {each["topic"] for each in (*messages, *steps) if "topic" in each}
    return {topic for topic in named if topic.startswith("Golden")}
