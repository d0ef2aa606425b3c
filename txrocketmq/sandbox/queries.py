"""
Single messages, looked up.  Follows Java's C{QueryMessageProcessor}.
"""

from __future__ import annotations

from itertools import islice

from txrocketmq._wire.codes import ResponseCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.headers import (
    QueryMessageRequestHeader,
    ViewMessageRequestHeader,
    fromExtFields,
)
from txrocketmq._wire.records import encodeStoredMessage

from .answers import Peer, Refused
from .state import BrokerState
from .store import encodeAll

_MOST_OF_A_UNIQUE_ID = 32
_UNIQUE = {"U": True, "K": False}


class Queries:
    """
    Answers QUERY_MESSAGE and VIEW_MESSAGE_BY_ID.
    """

    def __init__(self, state: BrokerState) -> None:
        self._state = state

    def query(self, command: RemotingCommand, peer: Peer) -> RemotingCommand:
        """
        Answer QUERY_MESSAGE: the messages of a key or of a unique id.
        """
        header = fromExtFields(QueryMessageRequestHeader, command.extFields)
        most = _MOST_OF_A_UNIQUE_ID if header.uniqueKeyQuery else header.maxNum
        found = self._state.store.byKey(
            header.topic,
            header.key,
            header.beginTimestamp,
            header.endTimestamp,
            _UNIQUE.get(header.indexType or ""),
        )
        messages = list(islice(found, max(0, most)))
        extFields = {
            "indexLastUpdateTimestamp": str(self._state.millis()),
            "indexLastUpdatePhyoffset": str(self._state.store.position),
        }
        if not messages:
            raise Refused(
                ResponseCode.QUERY_NOT_FOUND,
                "can not find message, maybe time range not correct",
                extFields,
            )
        return command.response(0, None, extFields, encodeAll(messages))

    def view(self, command: RemotingCommand, peer: Peer) -> RemotingCommand:
        """
        Answer VIEW_MESSAGE_BY_ID: the message at a place in the log.
        """
        header = fromExtFields(ViewMessageRequestHeader, command.extFields)
        message = self._state.store.at(header.offset)
        if message is None:
            raise Refused(
                ResponseCode.SYSTEM_ERROR,
                f"can not find message by the offset, {header.offset}",
            )
        return command.response(body=encodeStoredMessage(message))
