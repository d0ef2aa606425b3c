"""
The half messages of transactions: what the send itself has to say of them.

Laws:

    - A message is marked as half here and nowhere else: the properties that say so
      are reserved, and users cannot set them.

    - The flag and the properties are set together.  A broker goes by the
      properties, and what reads its store by the flag.

Follows C{DefaultMQProducerImpl.sendMessageInTransaction}, its first step, and the
transaction flag of C{sendKernelImpl}.
"""

from __future__ import annotations

from msgspec.structs import replace

from txrocketmq._wire.codes import SysFlag
from txrocketmq._wire.messageconst import MessageConst
from txrocketmq._wire.records import encodeProperties
from txrocketmq.errors import InvalidMessage
from txrocketmq.message import Message

from .assemble import assemble
from .envelope import Envelope
from .outgoing import Outgoing
from .validate import checkPropertiesLength, isUndelayed


def assembleHalf(
    envelope: Envelope, message: Message, msgId: str | None = None
) -> Outgoing:
    """
    Make the first half of a transaction ready: a broker stores it, and shows it to
    nobody before it is told how the transaction has ended.

    @param msgId: The id of an earlier send of it, or L{None} for a new one.

    @raise InvalidMessage: When it cannot be sent, or is delayed: a broker would
        drop the delay.
    """
    outgoing = assemble(envelope, message, msgId)
    if not isUndelayed(message):
        raise InvalidMessage(
            "a message of a transaction cannot be delayed: leave out delayTimeLevel, "
            "deliverAfter and deliverAt"
        )
    marks = {MessageConst.TRAN_MSG: "true", MessageConst.PGROUP: envelope.group}
    properties = encodeProperties(marks) + outgoing.properties
    checkPropertiesLength(properties)
    return replace(
        outgoing,
        properties=properties,
        sysFlag=outgoing.sysFlag | SysFlag.TRANSACTION_PREPARED,
    )
