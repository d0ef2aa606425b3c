"""
The header of a send, read fast: every message comes with one.
"""

from __future__ import annotations

import msgspec
from msgspec import field

from txrocketmq._wire.codes import RequestCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.extfields import Int32, Int64
from txrocketmq._wire.headers import MalformedHeader, SendMessageRequestHeader
from txrocketmq._wire.sendheaders import V2_NAMES

_V1_CODES = (RequestCode.SEND_MESSAGE, RequestCode.SEND_REPLY_MESSAGE)
_V1_NAMES = {name: letter for letter, name in V2_NAMES.items()}


class SendHeader(msgspec.Struct, frozen=True, gc=False):
    """
    C{SendMessageRequestHeaderV2} of Java, as far as a broker reads it.

    What is true or false is a text here: Java takes whatever is not C{true}
    for false.
    """

    producerGroup: str = field(name="a")
    topic: str = field(name="b")
    defaultTopic: str = field(name="c")
    defaultTopicQueueNums: Int32 = field(name="d")
    queueId: Int32 = field(name="e")
    sysFlag: Int32 = field(name="f")
    bornTimestamp: Int64 = field(name="g")
    flag: Int32 = field(name="h")
    properties: str = field(name="i", default="")
    reconsumeTimes: Int32 = field(name="j", default=0)
    unitMode: str = field(name="k", default="")
    maxReconsumeTimes: Int32 | None = field(name="l", default=None)
    batch: str = field(name="m", default="")

    @property
    def isUnitMode(self) -> bool:
        """
        Whether the sender is one of several units.
        """
        return self.unitMode.lower() == "true"

    @property
    def isBatch(self) -> bool:
        """
        Whether the body is several messages.
        """
        return self.batch.lower() == "true"


def readSendHeader(command: RemotingCommand) -> SendHeader:
    """
    Read the header of a send in either spelling.

    @raise MalformedHeader: It is none.
    """
    extFields = command.extFields
    if command.code in _V1_CODES:
        extFields = {_V1_NAMES.get(name, name): extFields[name] for name in extFields}
    try:
        return msgspec.convert(extFields, SendHeader, strict=False)
    except msgspec.ValidationError as e:
        # Whoever reads slowly has the better words for what is wrong.
        SendMessageRequestHeader.fromV2ExtFields(extFields)
        raise MalformedHeader(str(e)) from e
