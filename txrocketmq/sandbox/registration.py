"""
How brokers tell name servers what they have.  Follows Java's
C{BrokerOuterAPI.registerBrokerAll} and C{RegisterBrokerBody}.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar
from zlib import crc32

import msgspec
from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from txrocketmq._remoting.answering import notSupported
from txrocketmq._remoting.connection import BrokerConnection
from txrocketmq._remoting.protocol import RemotingProtocol
from txrocketmq._wire.codes import RequestCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.headers import (
    RegisterBrokerRequestHeader,
    UnregisterBrokerRequestHeader,
    toExtFields,
)

from .network import Network
from .state import BrokerState
from .topics import TopicConfig

TIMEOUT = 3.0
"""
How long a name server may take to answer.
"""


class DataVersion(msgspec.Struct, frozen=True):
    """
    C{DataVersion} of Java: tells a later table of topics from an earlier one.
    """

    counter: int = 0
    stateVersion: int = 0
    timestamp: int = 0


class TopicConfigs(msgspec.Struct, frozen=True):
    """
    C{TopicConfigSerializeWrapper} of Java.
    """

    topicConfigTable: dict[str, TopicConfig] = {}
    dataVersion: DataVersion = DataVersion()


class RegisterBrokerBody(msgspec.Struct, frozen=True):
    """
    The body of REGISTER_BROKER.
    """

    topicConfigSerializeWrapper: TopicConfigs
    filterServerList: list[str] = []


_encode = msgspec.json.Encoder().encode


class Registration:
    """
    One broker's word to all name servers: when it comes up, whenever its topics
    change, and every so often.

    A name server that is down is told when it is back, or at the next time.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(self, state: BrokerState, network: Network) -> None:
        self._state = state
        self._connector = network.connector(_ignore)
        self._connections: list[BrokerConnection] = []
        self._loop: LoopingCall
        self._version = 0

    def start(self, nameServers: list[str]) -> Deferred[None]:
        """
        Begin to register.

        @return: Fires when all name servers were told that can be reached.
        """
        self._connections = [self._connection(address) for address in nameServers]
        self._loop = LoopingCall(self.announce)
        self._loop.clock = self._state.clock
        self._loop.start(self._state.settings.registerBrokerInterval, now=False)
        return self.announce()

    def stop(self) -> None:
        """
        Stop at once, without a word: the name servers see the connection go.
        """
        self._loop.stop()
        for connection in self._connections:
            if connection.live is not None:
                connection.live.abort()
            connection.close()
        self._connections = []

    def announce(self) -> Deferred[None]:
        """
        Tell all name servers what topics there are.

        @return: Fires when all were told that can be reached; never fails.
        """
        command = self._command(self._state.topics.table)
        return self._tell(lambda connection: connection.invoke(command, TIMEOUT))

    def announceTopic(self, config: TopicConfig) -> Deferred[None]:
        """
        Tell all name servers of one topic.

        @return: Fires when all were told that can be reached; never fails.
        """
        command = self._command({config.topicName: config})
        return self._tell(lambda connection: self._increment(connection, command))

    def _tell(
        self, ask: Callable[[BrokerConnection], Deferred[RemotingCommand]]
    ) -> Deferred[None]:
        """
        Ask something of all name servers that can be reached.
        """
        self._connections = [
            # Those that failed before are tried without any back-off: it is
            # for many clients of one server, and this is one.
            self._connection(each.address) if each.failures else each
            for each in self._connections
        ]
        told = [
            ask(connection).addErrback(self._unreached, connection.address)
            for connection in self._connections
        ]
        return gatherResults(told).addCallback(lambda _: None)

    def _increment(
        self, connection: BrokerConnection, command: RemotingCommand
    ) -> Deferred[RemotingCommand]:
        """
        Tell a name server of one topic, or of all if it knows of none.
        """

        def told(answer: RemotingCommand) -> Deferred[RemotingCommand]:
            if answer.code == 0:
                return succeed(answer)
            return connection.invoke(self._command(self._state.topics.table), TIMEOUT)

        return connection.invoke(command, TIMEOUT).addCallback(told)

    def farewell(self) -> Deferred[None]:
        """
        Tell all name servers that the broker is going.

        @return: Fires when all were told that can be reached; never fails.
        """
        header = UnregisterBrokerRequestHeader(
            brokerName=self._state.brokerName,
            brokerAddr=self._state.address,
            clusterName=self._state.settings.clusterName,
            brokerId=0,
        )
        command = RemotingCommand(RequestCode.UNREGISTER_BROKER, toExtFields(header))
        told = [
            connection.invoke(command, TIMEOUT).addErrback(
                self._unreached, connection.address
            )
            for connection in self._connections
            if connection.live is not None
        ]
        return gatherResults(told).addCallback(lambda _: None)

    def _command(self, table: Mapping[str, TopicConfig]) -> RemotingCommand:
        """
        The request that tells of some topics.
        """
        self._version += 1
        permission = self._state.settings.brokerPermission
        version = DataVersion(self._version, 0, self._state.millis())
        topics = TopicConfigs(_permitted(table, permission), version)
        body = _encode(RegisterBrokerBody(topics))
        header = RegisterBrokerRequestHeader(
            brokerName=self._state.brokerName,
            brokerAddr=self._state.address,
            clusterName=self._state.settings.clusterName,
            haServerAddr=self._state.address,
            brokerId=0,
            enableActingMaster=False,
            compressed=False,
            bodyCrc32=crc32(body) & 0x7FFFFFFF,
        )
        return RemotingCommand(RequestCode.REGISTER_BROKER, toExtFields(header), body)

    def _connection(self, address: str) -> BrokerConnection:
        """
        A connection to a name server, made when it is wanted.
        """
        return BrokerConnection(
            address,
            self._connector.connect,
            self._state.clock,
            random=self._state.random,
        )

    def _unreached(self, reason: object, address: str) -> None:
        """
        Live without a name server for a while.
        """
        self._log.debug(
            "{broker} cannot register at {address}: {reason}",
            broker=self._state.brokerName,
            address=address,
            reason=reason,
        )


def _ignore(command: RemotingCommand, peer: RemotingProtocol) -> RemotingCommand:
    """
    Name servers ask nothing of our brokers.
    """
    return notSupported(command)


def _permitted(
    table: Mapping[str, TopicConfig], permission: int
) -> dict[str, TopicConfig]:
    """
    The topics, with no more permissions than the broker has.
    """
    return {
        name: msgspec.structs.replace(config, perm=config.perm & (permission | 1))
        for name, config in table.items()
    }
