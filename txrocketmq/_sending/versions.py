"""
Which brokers know the first form of the send header only, and which no batches.

Law: what one connection said is believed of that connection: a broker that was
replaced by a newer one is not taken for the old one.

Java has a switch (C{org.apache.rocketmq.client.sendSmartMsg}, here the setting
C{sendSmartMsg}) and never finds out itself.
"""

from __future__ import annotations

from typing import Protocol

from txrocketmq._remoting.protocol import RemotingProtocol
from txrocketmq._wire.codes import ResponseCode
from txrocketmq.errors import BrokerError
from txrocketmq.message import MessageQueue, Persisted

from .endings import noted
from .progress import Send

_UNKNOWN = int(ResponseCode.REQUEST_CODE_NOT_SUPPORTED)


class Connections(Protocol):
    """
    What knows which connection there is to an address.
    """

    def live(self, address: str) -> RemotingProtocol | None:
        """
        The connection to an address, if there is one.
        """


class Versions:
    """
    The brokers that answered a send by saying that they do not know such a request.
    """

    def __init__(self, connections: Connections, marked: set[str]) -> None:
        """
        @param marked: Filled with the names of these brokers.
        """
        self._connections = connections
        self._marked = marked
        self._old: dict[str, RemotingProtocol] = {}
        self._batchless: dict[str, RemotingProtocol] = {}

    def isOld(self, broker: str, address: str) -> bool:
        """
        Whether a broker is to be sent the first form.
        """
        known = self._old.get(address)
        if known is None:
            return False
        if self._connections.live(address) is known:
            return True
        del self._old[address]
        self._marked.discard(broker)
        return False

    def takesBatches(self, address: str, live: RemotingProtocol) -> bool:
        """
        Whether a batch may be sent there.

        @param live: The connection.
        """
        return self._batchless.get(address) is not live

    def takesNoBatches(self, address: str) -> None:
        """
        A broker has answered a batch by saying that it does not know such a request.
        """
        live = self._connections.live(address)
        if live is not None:
            self._batchless[address] = live

    def again(self, send: Send, error: Exception, now: float) -> MessageQueue | None:
        """
        The queue to send to once more, in the first form, if that can help: not
        for a batch, which has none, and not under Java's rules.
        """
        queue, address = send.queue, send.address
        if (
            not isinstance(error, BrokerError)
            or error.code != _UNKNOWN
            or address is None
            or send.outgoing.memberIds is not None
            or not send.rules.avoids
            or not send.outgoing.envelope.settings.sendSmartMsg
            or self.isOld(send.broker, address)
        ):
            return None
        live = self._connections.live(address)
        if live is None:
            return None
        self._old[address] = live
        self._marked.add(send.broker)
        noted(send, error, Persisted.NO, now)
        return queue
