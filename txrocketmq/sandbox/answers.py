"""
What answering requests has in common.
"""

from __future__ import annotations

from typing import Protocol, TypeAlias

from twisted.internet.defer import Deferred

from txrocketmq._wire.codes import ResponseCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.extfields import parseInt64

Answer: TypeAlias = RemotingCommand | Deferred[RemotingCommand | None] | None
"""
An answer, one that will come later, or none at all.
"""

UNSET_REMARK = "not set any response code"
"""
What Apache's broker says where its code forgot to say anything.  It is no error:
the code is 0.
"""


def number(text: str, otherwise: int = 0) -> int:
    """
    Read a number a client has put somewhere, an int64.

    @param otherwise: What to take for what is none.
    """
    try:
        return parseInt64(text)
    except ValueError:
        return otherwise


class Peer(Protocol):
    """
    Who asks: one connection, as far as answering needs it.

    L{RemotingProtocol<txrocketmq._remoting.protocol.RemotingProtocol>} is one.

    @ivar address: The other end, as C{host:port}.
    """

    address: str

    def invoke(
        self, command: RemotingCommand, timeout: float
    ) -> Deferred[RemotingCommand]:
        """
        Ask the client something.
        """

    def oneway(self, command: RemotingCommand) -> Deferred[None]:
        """
        Tell the client something.
        """

    def writeBytes(self, data: bytes) -> None:
        """
        Write what need not be a frame.
        """

    def close(self) -> None:
        """
        Lose the connection once everything is written.
        """

    def abort(self) -> None:
        """
        Lose the connection at once.
        """

    def whenClosed(self) -> Deferred[None]:
        """
        Tell when the connection is lost.
        """


class Refused(Exception):
    """
    A request gets an answer other than SUCCESS.

    @ivar code: The answer's code.

    @ivar remark: The answer's remark: why.

    @ivar extFields: The answer's fields.
    """

    def __init__(
        self,
        code: ResponseCode,
        remark: str,
        extFields: dict[str, str] | None = None,
    ) -> None:
        super().__init__(remark)
        self.code = code
        self.remark = remark
        self.extFields = extFields

    def answer(self, command: RemotingCommand) -> RemotingCommand:
        """
        The answer to the request that is refused.
        """
        return command.response(self.code, self.remark, self.extFields)
