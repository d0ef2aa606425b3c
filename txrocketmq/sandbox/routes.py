"""
What a name server knows: brokers, and the topics they have.  Follows Java's
C{RouteInfoManager}.
"""

from __future__ import annotations

import attrs

from txrocketmq._wire.bodies import BrokerData, QueueData, TopicRouteData

from .topics import TopicConfig


@attrs.define
class _Member:
    """
    The brokers of one name.

    @ivar addresses: Their addresses by id; 0 is the master's.

    @ivar topics: What topics they have.
    """

    cluster: str
    brokerName: str
    addresses: dict[int, str] = attrs.field(factory=dict)
    topics: dict[str, QueueData] = attrs.field(factory=dict)

    def data(self) -> BrokerData:
        """
        The brokers as routes show them.
        """
        return BrokerData(self.cluster, self.brokerName, dict(self.addresses))


class Routes:
    """
    The table of brokers and topics.
    """

    def __init__(self) -> None:
        self._members: dict[str, _Member] = {}

    def register(
        self,
        cluster: str,
        brokerName: str,
        brokerId: int,
        address: str,
        topics: dict[str, TopicConfig],
    ) -> bool:
        """
        Note what a broker says of itself.

        Topics it does not name stay: brokers register a single new topic
        alone.

        @return: Whether it was taken.  A broker that comes with a single topic
            before it came with all is not.
        """
        member = self._members.get(brokerName)
        if len(topics) == 1 and (member is None or brokerId not in member.addresses):
            return False
        if member is None:
            member = self._members[brokerName] = _Member(cluster, brokerName)
        for known, at in list(member.addresses.items()):
            if at == address:
                del member.addresses[known]
        member.addresses[brokerId] = address
        if brokerId == 0:
            for name, config in topics.items():
                member.topics[name] = _queueData(brokerName, config)
        return True

    def unregister(self, brokerName: str, brokerId: int, address: str) -> None:
        """
        Forget a broker; the last of a name takes the topics along.
        """
        member = self._members.get(brokerName)
        if member is not None and member.addresses.get(brokerId) == address:
            del member.addresses[brokerId]
            if not member.addresses:
                del self._members[brokerName]

    def deleteTopic(self, topic: str) -> None:
        """
        Forget a topic.
        """
        for member in self._members.values():
            member.topics.pop(topic, None)

    def changePerm(self, brokerName: str, write: bool) -> int:
        """
        Allow or forbid to write to all topics of a broker.

        @return: Of how many topics.
        """
        member = self._members.get(brokerName)
        topics = {} if member is None else member.topics
        for name, queues in topics.items():
            perm = queues.perm | 2 if write else queues.perm & ~2
            topics[name] = QueueData(
                brokerName,
                queues.readQueueNums,
                queues.writeQueueNums,
                perm,
                queues.topicSysFlag,
            )
        return len(topics)

    def topics(self) -> list[str]:
        """
        The names of all topics.
        """
        return sorted({name for each in self._members.values() for name in each.topics})

    def brokers(self) -> dict[str, BrokerData]:
        """
        All brokers by name.
        """
        return {name: member.data() for name, member in self._members.items()}

    def route(self, topic: str) -> TopicRouteData | None:
        """
        Where a topic is; L{None} if nobody has it.
        """
        members = [each for each in self._members.values() if topic in each.topics]
        if not members:
            return None
        return TopicRouteData(
            queueDatas=tuple(each.topics[topic] for each in members),
            brokerDatas=tuple(each.data() for each in members),
        )


def _queueData(brokerName: str, config: TopicConfig) -> QueueData:
    """
    A topic on a broker as routes show it.
    """
    return QueueData(
        brokerName,
        config.readQueueNums,
        config.writeQueueNums,
        config.perm,
        config.topicSysFlag,
    )
