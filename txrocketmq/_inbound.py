"""
What brokers ask of a client.

Follows Java's C{ClientRemotingProcessor}.  Requests that name a group go to that
group's responder; a consumer's business is answered as a client without
consumers answers it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from twisted.logger import Logger

from txrocketmq._remoting.protocol import RemotingProtocol, notSupported
from txrocketmq._wire.codes import RequestCode, ResponseCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.malformed import Malformed
from txrocketmq._wire.records import decodeStoredMessages

Responder: TypeAlias = Callable[[str, RemotingCommand], Any]
"""
Answers a broker: C{(address, command)} to a command, a Deferred of one, or None.
"""

UNANSWERED = frozenset(
    {
        RequestCode.CHECK_TRANSACTION_STATE,
        RequestCode.NOTIFY_CONSUMER_IDS_CHANGED,
        RequestCode.RESET_CONSUMER_CLIENT_OFFSET,
    }
)
"""
What no client answers.
"""

CONSUMERS_ONLY = frozenset(
    {RequestCode.GET_CONSUMER_RUNNING_INFO, RequestCode.CONSUME_MESSAGE_DIRECTLY}
)

NO_STATUS = b'{"consumerTable":{},"messageQueueTable":{}}'


class Inbound:
    """
    Routes brokers' requests to the groups they name.
    """

    _log = Logger()

    def __init__(self) -> None:
        self._responders: dict[str, Responder] = {}

    def register(self, group: str, responder: Responder) -> None:
        """
        Give a group's requests to C{responder}.

        @raise ValueError: When the group has one.
        """
        if group in self._responders:
            raise ValueError(f"group {group!r} has a responder already")
        self._responders[group] = responder

    def unregister(self, group: str) -> None:
        """
        Give a group's requests to nobody.
        """
        self._responders.pop(group, None)

    def respond(self, command: RemotingCommand, protocol: RemotingProtocol) -> Any:
        """
        Answer a request.

        @return: An answer, a Deferred of one, or L{None} for no answer.
        """
        responder = self._responders.get(groupOf(command) or "")
        if responder is not None:
            return responder(protocol.address, command)
        return self._alone(command)

    def _alone(self, command: RemotingCommand) -> RemotingCommand | None:
        """
        Answer for a group that nobody here is.
        """
        code = command.code
        if code in UNANSWERED:
            self._log.debug("Nobody here is asked {code}", code=code)
            return None
        if code == RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT:
            return command.response(body=NO_STATUS)
        if code in CONSUMERS_ONLY or code == RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT:
            group = groupOf(command)
            return command.response(
                ResponseCode.SYSTEM_ERROR, f"no group {group!r} in this client"
            )
        return notSupported(command)


def groupOf(command: RemotingCommand) -> str | None:
    """
    The group a request is meant for, if it names one.
    """
    if command.code == RequestCode.CHECK_TRANSACTION_STATE:
        return _groupOfHalf(command.body)
    fields = command.extFields
    return fields.get("producerGroup") or fields.get("consumerGroup")


def _groupOfHalf(body: bytes) -> str | None:
    """
    The group that sent a half message.
    """
    try:
        messages = decodeStoredMessages(body)
    except Malformed:
        return None
    return messages[0].properties.get("PGROUP") if messages else None
