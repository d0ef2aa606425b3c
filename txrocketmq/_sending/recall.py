"""
Taking back timer messages that have not been delivered.

Follows C{DefaultMQProducerImpl.recallMessage} and C{RecallMessageHandle}.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from random import Random

from twisted.internet.defer import Deferred

from txrocketmq._routing.publishinfo import TopicPublishInfo
from txrocketmq._wire.codes import RequestCode, ResponseCode, SerializeType
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.headers import RecallMessageRequestHeader, toExtFields
from txrocketmq.errors import (
    BrokerError,
    InvalidMessage,
    MalformedAnswer,
    NoWritableQueue,
)

from .targets import Cluster
from .validate import checkTopic

VERSION = "v1"
ITEMS = 5
NEVER_RECALLED = ("%RETRY%", "%DLQ%")


def brokerOf(topic: str, recallHandle: object) -> str:
    """
    The broker that a handle names.

    @raise InvalidMessage: When nothing can be recalled by it.
    """
    checkTopic(topic)
    if topic.startswith(NEVER_RECALLED):
        raise InvalidMessage(f"topic {topic!r} holds no message that can be recalled")
    try:
        text = urlsafe_b64decode(str(recallHandle).encode("ascii")).decode()
    except ValueError:
        text = ""
    items = text.split(" ")
    if len(items) < ITEMS or items[0] != VERSION:
        raise InvalidMessage(
            "recallHandle must be that of an earlier send's result, and is not"
        )
    return items[2]


class Recall:
    """
    Asks brokers to drop messages that wait for their time.
    """

    def __init__(
        self,
        cluster: Cluster,
        group: str,
        serializeType: SerializeType,
        queueNums: int,
        random: Random,
    ) -> None:
        """
        @param group: The producer group, with its namespace.

        @param queueNums: How many queues a topic is asked for that does not exist.
        """
        self._cluster = cluster
        self._group = group
        self._serializeType = serializeType
        self._queueNums = queueNums
        self._random = random

    def recall(
        self, wireTopic: str, recallHandle: str, brokerName: str, seconds: float
    ) -> Deferred[str]:
        """
        Ask the broker of a handle, once.

        @param seconds: How long it may take, with the lookup of its route.

        @return: The msgId of the message that will not be delivered.
        """
        return Deferred.fromCoroutine(
            self._recall(wireTopic, recallHandle, brokerName, seconds)
        )

    async def _recall(
        self, wireTopic: str, recallHandle: str, brokerName: str, seconds: float
    ) -> str:
        """
        The same, step by step.
        """
        began = self._cluster.clock.seconds()
        info = await self._cluster.routes.publishInfo(wireTopic, self._queueNums)
        address = self._addressOf(info, brokerName)
        header = RecallMessageRequestHeader(
            topic=wireTopic,
            recallHandle=recallHandle,
            producerGroup=self._group,
            brokerName=brokerName,
        )
        command = RemotingCommand(
            RequestCode.RECALL_MESSAGE,
            toExtFields(header),
            serializeType=self._serializeType,
        )
        left = max(seconds - (self._cluster.clock.seconds() - began), 0.001)
        answer = await self._cluster.peers.invoke(address, command, left)
        if answer.code != ResponseCode.SUCCESS:
            raise BrokerError.fromResponse(answer, address)
        msgId = answer.extFields.get("msgId")
        if not msgId:
            raise MalformedAnswer(answer.code, "it names no msgId", address)
        return msgId

    def _addressOf(self, info: TopicPublishInfo, brokerName: str) -> str:
        """
        The handle's broker; behind a proxy, whose routes name others, any.
        """
        address = info.masters.get(brokerName)
        if address is None:
            if not info.masters:
                raise NoWritableQueue(info.topic)
            address = self._random.choice(sorted(info.masters.values()))
        return address
