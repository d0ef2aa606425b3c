"""
What surrounds the bodies of plain messages in a batch.

Law: with body and C{UNIQ_KEY} put in, it is the record that L{encodeBatch
<txrocketmq._wire.batches.encodeBatch>} makes of the message with L{propertiesOf
<txrocketmq._sending.assemble.propertiesOf>}.

What it saves: a record is written by one formatting, and what is the same for all
messages of the same tags and size is worked out once.
"""

from __future__ import annotations

from txrocketmq._wire.records import Shell, recordTail, shellOf
from txrocketmq.errors import InvalidMessage
from txrocketmq.message import Message

from .assemble import propertiesOf
from .envelope import Envelope
from .validate import SURELY_SHORT, checkMessage


def shellFor(
    envelope: Envelope, tags: str | None, size: int, msgId: str
) -> Shell | None:
    """
    Make what messages of some tags and size have, and keep it in C{envelope.shells}.

    @param msgId: The C{UNIQ_KEY} of one of them: all are as long.

    @return: L{None} where nothing can be sent with these tags, or not this way.
    """
    marked = Message("", b" ", tags=tags)
    try:
        checkMessage(marked, 1)
        text = propertiesOf(envelope, marked, msgId, batched=True)
    except InvalidMessage:
        return None
    if len(text) > SURELY_SHORT:
        return None
    shell = shellOf(0, size, recordTail(text), msgId.encode())
    envelope.shells.keep(tags, size, shell)
    return shell
