"""
Who is connected, and for which groups.  Follows Java's C{ProducerManager},
C{ConsumerManager} and C{ClientManageProcessor}.
"""

from __future__ import annotations

import attrs
import msgspec

from txrocketmq._wire.bodies import (
    ConsumerData,
    HeartbeatData,
    SubscriptionData,
    decodeHeartbeatData,
    encodeConsumerList,
)
from txrocketmq._wire.codes import RequestCode, ResponseCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.headers import (
    GetConsumerListByGroupRequestHeader,
    UnregisterClientRequestHeader,
    fromExtFields,
)
from txrocketmq._wire.jsonbody import parseBody

from .answers import Peer, Refused
from .state import BrokerState
from .topics import RETRY_PREFIX


class _Check(msgspec.Struct):
    """
    C{CheckClientRequestBody} of Java.
    """

    subscriptionData: SubscriptionData = SubscriptionData("")


_readCheck = msgspec.json.Decoder(_Check).decode


@attrs.define
class ConsumerGroup:
    """
    A group that consumes.

    @ivar members: The ids of its clients, by connection.

    @ivar subscriptions: What it wants, by topic.
    """

    members: dict[Peer, str] = attrs.field(factory=dict)
    subscriptions: dict[str, SubscriptionData] = attrs.field(factory=dict)

    def subscribe(self, consumer: ConsumerData) -> bool:
        """
        Note what a member wants; what is older than what is known is ignored.

        @return: Whether there are other topics now.
        """
        wanted = {each.topic: each for each in consumer.subscriptionDataSet}
        known = self.subscriptions
        for topic, new in wanted.items():
            old = known.get(topic)
            if old is not None and old.subVersion >= new.subVersion:
                wanted[topic] = old
        self.subscriptions = wanted
        return wanted.keys() != known.keys()


class Groups:
    """
    The clients that have sent a heartbeat, until they or their connections go.

    @ivar producers: The ids of a producer group's clients, by connection.

    @ivar consumers: The consumer groups by name.

    @ivar clients: The newest connection of each client.
    """

    def __init__(self, state: BrokerState) -> None:
        self.producers: dict[str, dict[Peer, str]] = {}
        self.consumers: dict[str, ConsumerGroup] = {}
        self.clients: dict[str, Peer] = {}
        self._state = state
        self._peers: set[Peer] = set()

    def producersOf(self, group: str) -> list[Peer]:
        """
        The connections of a producer group.
        """
        return list(self.producers.get(group, ()))

    def checkGroup(self, group: str) -> None:
        """
        Refuse a consumer group nobody has made.

        @raise Refused: It is unknown, and must not make itself known.
        """
        if (
            not self._state.settings.autoCreateSubscriptionGroup
            and group not in self.consumers
        ):
            raise Refused(
                ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST,
                f"subscription group [{group}] does not exist",
            )

    def heartbeat(self, command: RemotingCommand, peer: Peer) -> RemotingCommand:
        """
        Answer HEART_BEAT.

        Those of the second version, which have a fingerprint, leave out their
        subscriptions until they are told that something has changed.
        """
        data = decodeHeartbeatData(command.body)
        self._watch(peer)
        for producer in data.producerDataSet:
            self.producers.setdefault(producer.groupName, {})[peer] = data.clientID
            self.clients[data.clientID] = peer
        changes = [self._consumes(each, data, peer) for each in data.consumerDataSet]
        isChanged = any(changes) or data.heartbeatFingerprint == 0
        extFields = {
            "IS_SUPPORT_HEART_BEAT_V2": "true",
            "IS_SUB_CHANGE": "true" if isChanged else "false",
        }
        return command.response(0, None, extFields)

    def _consumes(
        self, consumer: ConsumerData, data: HeartbeatData, peer: Peer
    ) -> bool:
        """
        Note that a client consumes for a group.

        @return: Whether the group is another one now, or its subscriptions are
            wanted.
        """
        if self._state.settings.autoCreateSubscriptionGroup:
            self._state.topics.ensure(RETRY_PREFIX + consumer.groupName, 1)
        group = self.consumers.setdefault(consumer.groupName, ConsumerGroup())
        isNew = peer not in group.members
        group.members[peer] = data.clientID
        isChanged = not data.withoutSub and group.subscribe(consumer)
        if isNew or isChanged:
            self._tell(consumer.groupName, group)
        return isNew or isChanged or not group.subscriptions

    def _tell(self, name: str, group: ConsumerGroup) -> None:
        """
        Tell the members of a group that it has changed; a new one needs it to
        begin.
        """
        request = RemotingCommand(
            RequestCode.NOTIFY_CONSUMER_IDS_CHANGED, {"consumerGroup": name}
        ).asOneway()
        for member in list(group.members):
            member.oneway(request).addErrback(lambda lost: None)

    def _watch(self, peer: Peer) -> None:
        """
        See that a client is forgotten when its connection is lost.
        """
        if peer not in self._peers:
            self._peers.add(peer)
            peer.whenClosed().addCallback(lambda closed: self.forget(peer))

    def forget(self, peer: Peer) -> None:
        """
        Forget a connection.
        """
        self._peers.discard(peer)
        for group in list(self.producers):
            self._leaveProducers(group, peer)
        for group in list(self.consumers):
            self._leaveConsumers(group, peer)
        for client in [each for each, at in self.clients.items() if at is peer]:
            del self.clients[client]

    def unregister(self, command: RemotingCommand, peer: Peer) -> RemotingCommand:
        """
        Answer UNREGISTER_CLIENT.
        """
        header = fromExtFields(UnregisterClientRequestHeader, command.extFields)
        if header.producerGroup:
            self._leaveProducers(header.producerGroup, peer)
        if header.consumerGroup:
            self._leaveConsumers(header.consumerGroup, peer)
        return command.response()

    def _leaveProducers(self, name: str, peer: Peer) -> None:
        """
        Take a connection out of a producer group.
        """
        members = self.producers.get(name, {})
        members.pop(peer, None)
        if not members:
            self.producers.pop(name, None)

    def _leaveConsumers(self, name: str, peer: Peer) -> None:
        """
        Take a connection out of a consumer group.
        """
        group = self.consumers.get(name)
        if group is None or group.members.pop(peer, None) is None:
            return
        if group.members:
            self._tell(name, group)
        else:
            del self.consumers[name]

    def checkClient(self, command: RemotingCommand, peer: Peer) -> RemotingCommand:
        """
        Answer CHECK_CLIENT_CONFIG: only filters by tag are understood.
        """
        request = parseBody(_readCheck, command.body or b"{}")
        kind = request.subscriptionData.expressionType
        if kind not in (None, "", "TAG"):
            raise Refused(
                ResponseCode.SYSTEM_ERROR,
                f"The broker does not support consumer to filter message by {kind}",
            )
        return command.response()

    def consumerList(self, command: RemotingCommand, peer: Peer) -> RemotingCommand:
        """
        Answer GET_CONSUMER_LIST_BY_GROUP.
        """
        name = fromExtFields(
            GetConsumerListByGroupRequestHeader, command.extFields
        ).consumerGroup
        group = self.consumers.get(name)
        if group is None:
            raise Refused(
                ResponseCode.SYSTEM_ERROR, f"no consumer for this group, {name}"
            )
        clientIds = dict.fromkeys(group.members.values())
        return command.response(body=encodeConsumerList(clientIds))
