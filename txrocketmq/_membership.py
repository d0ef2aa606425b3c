"""
Telling brokers who is here: heartbeats and goodbyes.

Follows C{MQClientInstance.sendHeartbeatToAllBroker} and C{unregisterClient}.  A
heartbeat is never the reason of a failed send: what goes wrong with one is
logged, and the next one tries again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from txrocketmq._wire.bodies import HeartbeatData, ProducerData, encodeHeartbeatData
from txrocketmq._wire.codes import RequestCode, ResponseCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.headers import UnregisterClientRequestHeader, toExtFields
from txrocketmq.errors import BrokerError, RocketMQError
from txrocketmq.settings import ClientSettings

Invoke = Callable[[str, RemotingCommand, float], Deferred[RemotingCommand]]


class Membership:
    """
    Keeps brokers informed of the groups of one client.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        clientId: str,
        settings: ClientSettings,
        invoke: Invoke,
        masters: Callable[[], Iterable[str]],
    ) -> None:
        """
        @param masters: Gives the addresses heartbeats go to.
        """
        self._clock = clock
        self._clientId = clientId
        self._settings = settings
        self._invoke = invoke
        self._masters = masters
        self._groups: set[str] = set()
        self._loop: LoopingCall | None = None

    @property
    def groups(self) -> frozenset[str]:
        """
        The groups that are here.
        """
        return frozenset(self._groups)

    def join(self, group: str) -> None:
        """
        A group is here from now on.

        @raise ValueError: When it is here already.
        """
        if group in self._groups:
            raise ValueError(
                f"this client has a producer of group {group!r} already: "
                "one producer per group and client"
            )
        self._groups.add(group)

    def start(self) -> None:
        """
        Send heartbeats to all masters from now on, first after one interval.
        """
        self._loop = LoopingCall(self._beatAll)
        self._loop.clock = self._clock
        self._loop.start(self._settings.heartbeatBrokerInterval, now=False)

    def stop(self) -> None:
        """
        Send no more heartbeats by oneself.
        """
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.stop()

    def beat(self, addresses: Iterable[str]) -> None:
        """
        Send a heartbeat to each of these brokers now, if there is a group to tell.
        """
        if not self._groups:
            return
        command = self._heartbeat()
        for address in addresses:
            self._told(address, command, "heartbeat", self._settings.requestTimeout)

    def leave(
        self, group: str, addresses: Iterable[str], timeout: float
    ) -> Deferred[None]:
        """
        A group is gone: tell these brokers.

        @return: Fires when all have answered or failed to; it does not fail.
        """
        self._groups.discard(group)
        return self._goodbye([group], addresses, timeout)

    def goodbye(self, addresses: Iterable[str], timeout: float) -> Deferred[None]:
        """
        Tell these brokers that all groups are gone for now.

        @return: Fires when all have answered or failed to; it does not fail.
        """
        return self._goodbye(sorted(self._groups), addresses, timeout)

    def _goodbye(
        self, groups: Iterable[str], addresses: Iterable[str], timeout: float
    ) -> Deferred[None]:
        """
        Tell each broker of each group.
        """
        told = [
            self._told(address, self._unregistering(group), "goodbye", timeout)
            for group in groups
            for address in addresses
        ]
        return gatherResults(told).addCallback(lambda _: None)

    def _unregistering(self, group: str) -> RemotingCommand:
        """
        The request that says a group is gone.
        """
        header = UnregisterClientRequestHeader(
            clientID=self._clientId, producerGroup=group
        )
        return self._command(RequestCode.UNREGISTER_CLIENT, toExtFields(header))

    def _beatAll(self) -> None:
        """
        One round of heartbeats; nothing of it can fail.
        """
        self.beat(self._masters())

    def _heartbeat(self) -> RemotingCommand:
        """
        The heartbeat of now.
        """
        producers = tuple(ProducerData(group) for group in sorted(self._groups))
        body = encodeHeartbeatData(HeartbeatData(self._clientId, producers))
        return self._command(RequestCode.HEART_BEAT, {}, body)

    def _command(
        self, code: RequestCode, extFields: dict[str, str], body: bytes = b""
    ) -> RemotingCommand:
        """
        A request in the client's serialisation.
        """
        return RemotingCommand(
            code, extFields, body, serializeType=self._settings.serializeType
        )

    def _told(
        self,
        address: str,
        command: RemotingCommand,
        what: str,
        timeout: float,
    ) -> Deferred[None]:
        """
        Tell one broker; say, once, when it did not work.
        """
        answer = self._invoke(address, command, timeout)
        return answer.addCallback(self._answered, address).addErrback(
            self._untold, address, what
        )

    def _untold(self, reason: Failure, address: str, what: str) -> None:
        """
        Log what went wrong with one broker.
        """
        if reason.check(RocketMQError, CancelledError):
            self._log.warn(
                "No {what} to {address}: {error}",
                what=what,
                address=address,
                error=reason.getErrorMessage(),
            )
        else:
            self._log.failure(
                "No {what} to {address}", reason, what=what, address=address
            )

    def _answered(self, answer: RemotingCommand, address: str) -> None:
        """
        Take a refusal for what it is.
        """
        if answer.code != ResponseCode.SUCCESS:
            raise BrokerError.fromResponse(answer, address)
