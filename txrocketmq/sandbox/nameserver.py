"""
A name server.  Follows Java's C{ClientRequestProcessor} and
C{DefaultRequestProcessor}.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from zlib import crc32

import msgspec
from twisted.internet.defer import Deferred, gatherResults, succeed

from txrocketmq._wire.bodies import BrokerData, encodeTopicRouteData
from txrocketmq._wire.codes import RequestCode, ResponseCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.headers import (
    DeleteTopicRequestHeader,
    GetRouteInfoRequestHeader,
    RegisterBrokerRequestHeader,
    UnregisterBrokerRequestHeader,
    fromExtFields,
)
from txrocketmq._wire.jsonbody import parseBody

from .answers import Peer, Refused
from .network import Network
from .registration import RegisterBrokerBody
from .routes import Routes
from .server import Answering, SandboxServer
from .settings import BrokerSettings

_V4_9_4 = 401
"""
From this version on clients can read standard JSON.
"""


class _ClusterInfo(msgspec.Struct):
    """
    C{ClusterInfo} of Java.
    """

    brokerAddrTable: dict[str, BrokerData]
    clusterAddrTable: dict[str, list[str]]


_readRegistration = msgspec.json.Decoder(RegisterBrokerBody).decode
_encode = msgspec.json.Encoder().encode


class SandboxNameServer(SandboxServer):
    """
    A name server on loopback.

    It knows what brokers tell it over their connections, and forgets a broker
    when its connection is lost.
    """

    def __init__(
        self,
        network: Network,
        settings: BrokerSettings,
        port: int,
        cameUp: Callable[[], Deferred[None]],
    ) -> None:
        """
        @param port: Where to listen; 0 takes a free port.

        @param cameUp: Has the brokers register again once it listens.
        """
        self.routes = Routes()
        self._tellBrokers = cameUp
        self._brokers: dict[Peer, RegisterBrokerRequestHeader] = {}
        self.answers: Mapping[int, Answering] = {
            RequestCode.REGISTER_BROKER: self._register,
            RequestCode.UNREGISTER_BROKER: self._unregister,
            RequestCode.GET_ROUTEINFO_BY_TOPIC: self._route,
            RequestCode.GET_BROKER_CLUSTER_INFO: self._clusterInfo,
            RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER: self._allTopics,
            RequestCode.DELETE_TOPIC_IN_NAMESRV: self._deleteTopic,
            RequestCode.WIPE_WRITE_PERM_OF_BROKER: self._wipeWritePerm,
            RequestCode.ADD_WRITE_PERM_OF_BROKER: self._addWritePerm,
        }
        super().__init__(network, settings, port)

    def _cameUp(self) -> Deferred[None]:
        """
        Have the brokers say who they are.
        """
        return self._tellBrokers()

    def _wentDown(self) -> Deferred[None]:
        """
        Forget everything: it is not written down anywhere.
        """
        self.routes = Routes()
        return succeed(None)

    def whenForgotten(self, address: str) -> Deferred[None]:
        """
        Tell when no connection is left over which a broker registered.

        @param address: The broker's.
        """
        closed = [peer.whenClosed() for peer in self._connectionsOf(address)]
        return gatherResults(closed).addCallback(lambda _: None)

    def _connectionsOf(self, address: str) -> list[Peer]:
        """
        The connections over which a broker registered.
        """
        brokers = self._brokers.items()
        return [peer for peer, header in brokers if header.brokerAddr == address]

    def _register(self, command: RemotingCommand, peer: Peer) -> RemotingCommand:
        """
        Answer REGISTER_BROKER.
        """
        header = fromExtFields(RegisterBrokerRequestHeader, command.extFields)
        if header.bodyCrc32 and header.bodyCrc32 != crc32(command.body) & 0x7FFFFFFF:
            raise Refused(ResponseCode.SYSTEM_ERROR, "crc32 not match")
        if header.compressed:
            raise Refused(ResponseCode.SYSTEM_ERROR, "compressedRegister is not known")
        body = parseBody(_readRegistration, command.body)
        taken = self.routes.register(
            header.clusterName,
            header.brokerName,
            header.brokerId,
            header.brokerAddr,
            body.topicConfigSerializeWrapper.topicConfigTable,
        )
        if not taken:
            raise Refused(ResponseCode.SYSTEM_ERROR, "register broker failed")
        if peer not in self._brokers:
            peer.whenClosed().addCallback(lambda closed: self._lost(peer))
        self._brokers[peer] = header
        return command.response()

    def _lost(self, peer: Peer) -> None:
        """
        Forget the broker of a connection.
        """
        header = self._brokers.pop(peer)
        if not self._connectionsOf(header.brokerAddr):
            self.routes.unregister(
                header.brokerName, header.brokerId, header.brokerAddr
            )

    def _unregister(self, command: RemotingCommand, peer: Peer) -> RemotingCommand:
        """
        Answer UNREGISTER_BROKER.
        """
        header = fromExtFields(UnregisterBrokerRequestHeader, command.extFields)
        self.routes.unregister(header.brokerName, header.brokerId, header.brokerAddr)
        return command.response()

    def _route(self, command: RemotingCommand, peer: Peer) -> RemotingCommand:
        """
        Answer GET_ROUTEINFO_BY_TOPIC.

        Old clients read keys without quotes only, and new ones both.
        """
        header = fromExtFields(GetRouteInfoRequestHeader, command.extFields)
        route = self.routes.route(header.topic)
        if route is None:
            raise Refused(
                ResponseCode.TOPIC_NOT_EXIST,
                "No topic route info in name server for the topic: "
                f"{header.topic}\nSee https://rocketmq.apache.org/docs/bestPractice/"
                "06FAQ for further details.",
            )
        standard = command.version >= _V4_9_4 or bool(header.acceptStandardJsonOnly)
        return command.response(body=encodeTopicRouteData(route, standard))

    def _clusterInfo(self, command: RemotingCommand, peer: Peer) -> RemotingCommand:
        """
        Answer GET_BROKER_CLUSTER_INFO.
        """
        brokers = self.routes.brokers()
        clusters: dict[str, list[str]] = {}
        for name, data in brokers.items():
            clusters.setdefault(data.cluster or "", []).append(name)
        return command.response(body=_encode(_ClusterInfo(brokers, clusters)))

    def _allTopics(self, command: RemotingCommand, peer: Peer) -> RemotingCommand:
        """
        Answer GET_ALL_TOPIC_LIST_FROM_NAMESERVER.
        """
        return command.response(body=_encode({"topicList": self.routes.topics()}))

    def _deleteTopic(self, command: RemotingCommand, peer: Peer) -> RemotingCommand:
        """
        Answer DELETE_TOPIC_IN_NAMESRV.
        """
        header = fromExtFields(DeleteTopicRequestHeader, command.extFields)
        self.routes.deleteTopic(header.topic)
        return command.response()

    def _wipeWritePerm(self, command: RemotingCommand, peer: Peer) -> RemotingCommand:
        """
        Answer WIPE_WRITE_PERM_OF_BROKER.
        """
        name = command.extFields.get("brokerName", "")
        count = self.routes.changePerm(name, write=False)
        return command.response(extFields={"wipeTopicCount": str(count)})

    def _addWritePerm(self, command: RemotingCommand, peer: Peer) -> RemotingCommand:
        """
        Answer ADD_WRITE_PERM_OF_BROKER.
        """
        name = command.extFields.get("brokerName", "")
        count = self.routes.changePerm(name, write=True)
        return command.response(extFields={"addTopicCount": str(count)})
