"""
What hooks see of an attempt to send.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

import msgspec

from txrocketmq.message import CommunicationMode, Message, MessageQueue, SendResult

__all__ = ["MessageType", "SendMessageContext"]


class MessageType(Enum):
    """
    What kind of message it is.  Follows Java's C{MessageType}, in capitals.
    """

    NORMAL_MSG = 0
    TRANS_MSG_HALF = 1
    TRANS_MSG_COMMIT = 2
    DELAY_MSG = 3
    ORDER_MSG = 4


class SendMessageContext(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """
    One attempt of a send.  Follows Java's C{SendMessageContext}.

    @ivar producerGroup: The group, with its namespace.

    @ivar messages: What is sent: one message, or those of a batch.

    @ivar msgId: The C{UNIQ_KEY}; that of a batch is the batch's own.

    @ivar messageQueue: Where it goes.

    @ivar address: The broker's C{host:port}.

    @ivar communicationMode: Whose rules of retrying it follows; L{None} is our
        own.

    @ivar oneway: Whether there will be no answer.

    @ivar messageType: What kind of message it is.

    @ivar namespace: The namespace (v1), or L{None}.

    @ivar unitMode: Whether the request carries the unit flag.

    @ivar state: The hooks' own: what one writes before, it finds after.

    @ivar sendResult: How it ended well; L{None} before.

    @ivar exception: How it ended otherwise; L{None} before.
    """

    producerGroup: str
    messages: tuple[Message, ...]
    msgId: str
    messageQueue: MessageQueue
    address: str
    communicationMode: CommunicationMode | None
    oneway: bool
    messageType: MessageType
    namespace: str | None
    unitMode: bool
    state: dict[str, Any] = {}
    sendResult: SendResult | None = None
    exception: BaseException | None = None

    def __repr__(self) -> str:
        """
        Show which attempt it is, and how it ended: not the hooks' own.
        """
        ended = self.sendResult if self.exception is None else self.exception
        return (
            f"<SendMessageContext {self.msgId} {self.messageQueue!r} at "
            f"{self.address} {ended!r}>"
        )
