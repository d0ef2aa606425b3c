"""
From a topic's route to the queues that can be written to.

Follows Java's C{MQClientInstance.topicRouteData2TopicPublishInfo} and
C{ClientMetadata.topicRouteData2EndpointsForStaticTopic}.

Laws:

    - The same route gives the same queues in the same order, in whichever order
      the name server lists things: selectors count on it.

    - No number of a route is believed before it is checked: what a route says can
      make no more than L{MAX_QUEUES} queues.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from txrocketmq._wire.bodies import QueueData, TopicQueueMappingInfo, TopicRouteData
from txrocketmq._wire.codes import PermName
from txrocketmq.errors import RouteError
from txrocketmq.message import MessageQueue

__all__ = [
    "MASTER_ID",
    "MAX_QUEUES",
    "TopicPublishInfo",
    "publishInfoFromDefault",
    "publishInfoOf",
]

MASTER_ID = 0
"""
The id of the one broker of a name that can be written to.
"""

MAX_QUEUES = 65_536
"""
The most queues of one topic: a name server's word must not fill the memory.
"""

_GLOBAL_SCOPE = "__global__"
_STATIC_PREFIX = "__syslo__"
_NOBODY = "__syslo__none__"


class TopicPublishInfo(msgspec.Struct, frozen=True):
    """
    Where a topic's messages can go.

    @ivar queues: The queues that can be written to, in the order all clients
        agree on.

    @ivar masters: The address of each broker's master, where it has one.

    @ivar orderTopic: Whether the queues come from the name server's order
        configuration and stay the same whatever happens to brokers.

    @ivar fromDefaultTopic: Whether the topic does not exist yet, and this is what
        a broker will make of the default topic.

    @ivar physical: The broker that has each queue, where the queue does not say
        so: a static topic's.
    """

    topic: str
    queues: tuple[MessageQueue, ...]
    masters: dict[str, str]
    orderTopic: bool = False
    fromDefaultTopic: bool = False
    physical: dict[MessageQueue, str] = {}

    def brokerOf(self, queue: MessageQueue) -> str:
        """
        The name of the broker that has a queue: the request's C{bname}.
        """
        if not self.physical:
            return queue.brokerName
        return self.physical.get(queue, queue.brokerName)

    def masterOf(self, queue: MessageQueue) -> str | None:
        """
        The C{host:port} a queue's messages go to; L{None} if it has no master.
        """
        return self.masters.get(self.brokerOf(queue))


def publishInfoOf(topic: str, route: TopicRouteData) -> TopicPublishInfo:
    """
    What a topic's own route means for those who write to it.

    @raise RouteError: When the order configuration cannot be read, or there are
        more than L{MAX_QUEUES} queues.
    """
    masters = _mastersOf(route)
    if route.orderTopicConf:
        queues = _orderedQueues(topic, route.orderTopicConf)
        return TopicPublishInfo(topic, queues, masters, orderTopic=True)
    if route.orderTopicConf is None and route.topicQueueMappingByBroker:
        physical = _staticQueues(topic, route.topicQueueMappingByBroker)
        return TopicPublishInfo(topic, tuple(physical), masters, physical=physical)
    return TopicPublishInfo(topic, _writableQueues(topic, route, masters), masters)


def publishInfoFromDefault(
    topic: str, route: TopicRouteData, queueNums: int
) -> TopicPublishInfo:
    """
    What the default topic's route means for a topic that does not exist yet.

    @param route: The default topic's.

    @param queueNums: How many queues the new topic is to have on each broker; the
        default topic may allow fewer.

    @raise RouteError: As L{publishInfoOf}.
    """
    queueDatas = tuple(_limited(data, queueNums) for data in route.queueDatas)
    limited = msgspec.structs.replace(route, queueDatas=queueDatas)
    return msgspec.structs.replace(publishInfoOf(topic, limited), fromDefaultTopic=True)


def _limited(data: QueueData, queueNums: int) -> QueueData:
    """
    The queues a broker will make: as many as wanted, if the default has as many.
    """
    nums = min(queueNums, data.readQueueNums)
    return msgspec.structs.replace(data, readQueueNums=nums, writeQueueNums=nums)


def _mastersOf(route: TopicRouteData) -> dict[str, str]:
    """
    The address of each broker's master, where it has one.
    """
    return {
        broker.brokerName: broker.brokerAddrs[MASTER_ID]
        for broker in route.brokerDatas
        if MASTER_ID in broker.brokerAddrs
    }


def _numbered(
    topic: str, brokers: Iterable[tuple[str, int]]
) -> tuple[MessageQueue, ...]:
    """
    Queues from 0 for each broker, as many as it has.
    """
    counted = tuple(brokers)
    _checkCount(topic, sum(nums for _, nums in counted))
    return tuple(
        MessageQueue(topic, brokerName, queueId)
        for brokerName, nums in counted
        for queueId in range(nums)
    )


def _checkCount(topic: str, count: int) -> None:
    """
    Refuse more queues than any real topic has.
    """
    if count > MAX_QUEUES:
        raise RouteError(
            f"the route of topic {topic!r} has {count} queues; at most {MAX_QUEUES} "
            "are believed"
        )


def _writableQueues(
    topic: str, route: TopicRouteData, masters: Mapping[str, str]
) -> tuple[MessageQueue, ...]:
    """
    The queues of brokers that may be written to and have a master.
    """
    return _numbered(
        topic,
        (
            (data.brokerName, data.writeQueueNums)
            for data in sorted(route.queueDatas, key=lambda data: data.brokerName)
            if data.perm & PermName.WRITE and data.brokerName in masters
        ),
    )


def _orderedQueues(topic: str, conf: str) -> tuple[MessageQueue, ...]:
    """
    The queues an order configuration lists, C{broker:nums;broker:nums}.
    """
    return _numbered(
        topic, (_orderEntry(topic, entry) for entry in conf.split(";") if entry)
    )


def _orderEntry(topic: str, entry: str) -> tuple[str, int]:
    """
    One broker of an order configuration, and how many queues it has.
    """
    brokerName, _, nums = entry.partition(":")
    # The length keeps int() away from numbers of millions of digits.
    if not (brokerName and nums.isascii() and nums.isdigit() and len(nums) < 10):
        raise RouteError(
            f"the order configuration of topic {topic!r} cannot be read: "
            f"{entry[:256]!r}"
        )
    return brokerName, int(nums)


def _staticQueues(
    topic: str, mappings: Mapping[str, TopicQueueMappingInfo]
) -> dict[MessageQueue, str]:
    """
    A static topic's logical queues in their order, and which broker has each.
    """
    scopes: dict[str, list[TopicQueueMappingInfo]] = {}
    for _, mapping in sorted(mappings.items()):
        scopes.setdefault(mapping.scope, []).append(mapping)
    totals = {
        scope: max(mapping.totalQueues for mapping in of)
        for scope, of in scopes.items()
    }
    _checkCount(topic, sum(totals.values()))
    owned = {
        MessageQueue(topic, _logicalName(scope), queueId): owner
        for scope, of in scopes.items()
        for queueId, owner in enumerate(_owners(of, totals[scope]))
    }
    order = sorted(owned, key=lambda queue: (queue.queueId, queue.brokerName))
    return {queue: owned[queue] for queue in order}


def _owners(mappings: Iterable[TopicQueueMappingInfo], total: int) -> list[str]:
    """
    The broker of each logical queue; where several claim it, the latest epoch's.
    """
    owners = [_NOBODY] * total
    for mapping in sorted(mappings, key=lambda mapping: mapping.epoch):
        for queueId in mapping.currIdMap:
            if 0 <= queueId < total:
                owners[queueId] = mapping.bname
    return owners


def _logicalName(scope: str) -> str:
    """
    The name logical queues have instead of a broker's.
    """
    return _STATIC_PREFIX + (scope[2:] if scope == _GLOBAL_SCOPE else scope)
