"""
What users implement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zope.interface import Interface

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twisted.internet.defer import Deferred

    from txrocketmq.context import SendMessageContext
    from txrocketmq.remoting import RemotingCommand

__all__ = ["ICheckForbiddenHook", "INameServers", "IRPCHook", "ISendMessageHook"]


class INameServers(Interface):
    """
    Where the name servers are.
    """

    def addresses() -> Deferred[Sequence[str]]:
        """
        The name servers' addresses now.

        @return: Addresses as C{host:port}; chance decides which is asked first.
            It may fail, and then those of the last time stay in use.
        """


class IRPCHook(Interface):
    """
    Sees every request and every answer of a client, heartbeats and route lookups
    included.  Follows Java's C{RPCHook}.
    """

    def beforeRequest(address: str, command: RemotingCommand) -> RemotingCommand:
        """
        See a request before it is written, and say what is written instead.

        @param address: The peer, as C{host:port}.

        @param command: The request.  It is frozen.

        @return: The request to write: the same one, or a changed copy made by
            C{msgspec.structs.replace}.  An exception fails the request.
        """

    def afterResponse(
        address: str, request: RemotingCommand, response: RemotingCommand
    ) -> None:
        """
        See an answer.  Not called for one-way requests, nor without an answer.

        An exception is logged and changes nothing.
        """


class ISendMessageHook(Interface):
    """
    Sees every attempt of a producer's sends: once before it, once after.  Follows
    Java's C{SendMessageHook}.

    What it raises is logged and never fails a send.
    """

    def sendMessageBefore(context: SendMessageContext) -> None:
        """
        See an attempt before its request is written.

        @param context: The attempt.  Its C{state} is the hook's to write in.
        """

    def sendMessageAfter(context: SendMessageContext) -> None:
        """
        See how the same attempt ended.

        @param context: The same attempt, with its result or its exception; a
            one-way send has neither.
        """


class ICheckForbiddenHook(Interface):
    """
    May forbid attempts.  Follows Java's C{CheckForbiddenHook}.
    """

    def checkForbidden(context: SendMessageContext) -> None:
        """
        Look at an attempt before anything of it is done.

        @raise Exception: To forbid it.  That ends the send, and nothing of this
            attempt is written; under Java's SYNC rules it is tried again.
        """
