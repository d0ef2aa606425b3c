"""
Queues that one consumer has for itself: orderly consumption.  Follows Java's
C{RebalanceLockManager}.
"""

from __future__ import annotations

import msgspec

from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.jsonbody import parseBody

from .answers import Peer
from .state import BrokerState

EXPIRY = 60.0
"""
How long a lock holds that nobody renews.
"""


class _Queue(msgspec.Struct, frozen=True):
    """
    C{MessageQueue} of Java.
    """

    brokerName: str
    queueId: int
    topic: str


class _Request(msgspec.Struct):
    """
    C{LockBatchRequestBody} and C{UnlockBatchRequestBody} of Java.
    """

    consumerGroup: str
    clientId: str
    mqSet: tuple[_Queue, ...] = ()


class _Response(msgspec.Struct):
    """
    C{LockBatchResponseBody} of Java.
    """

    lockOKMQSet: tuple[_Queue, ...]


_read = msgspec.json.Decoder(_Request).decode
_encode = msgspec.json.Encoder().encode


class Locks:
    """
    Answers LOCK_BATCH_MQ and UNLOCK_BATCH_MQ.
    """

    def __init__(self, state: BrokerState) -> None:
        self._clock = state.clock
        self._owners: dict[tuple[str, _Queue], tuple[str, float]] = {}

    def lock(self, command: RemotingCommand, peer: Peer) -> RemotingCommand:
        """
        Lock queues, and say which of them.
        """
        request = parseBody(_read, command.body)
        now = self._clock.seconds()
        granted = []
        for queue in request.mqSet:
            key = (request.consumerGroup, queue)
            owner, since = self._owners.get(key, (request.clientId, now))
            if owner == request.clientId or now - since > EXPIRY:
                self._owners[key] = (request.clientId, now)
                granted.append(queue)
        return command.response(body=_encode(_Response(tuple(granted))))

    def unlock(self, command: RemotingCommand, peer: Peer) -> RemotingCommand:
        """
        Give up the locks of queues.
        """
        request = parseBody(_read, command.body)
        for queue in request.mqSet:
            key = (request.consumerGroup, queue)
            if self._owners.get(key, ("", 0.0))[0] == request.clientId:
                del self._owners[key]
        return command.response()
