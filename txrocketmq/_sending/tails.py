"""
What stands behind the bodies of plain messages in a batch.

Law: it is what L{propertiesOf<txrocketmq._sending.assemble.propertiesOf>} and
L{recordTail<txrocketmq._wire.batches.recordTail>} make of each message, less its
C{UNIQ_KEY}, and is made once for all messages of the same tags.
"""

from __future__ import annotations

from txrocketmq._wire.records import recordTail
from txrocketmq.errors import InvalidMessage
from txrocketmq.message import Message

from .assemble import propertiesOf
from .envelope import Envelope
from .validate import SURELY_SHORT, checkMessage

MOST_TAGS = 64
"""
For how many tags there is a template.
"""


def tailFor(envelope: Envelope, tags: str | None, msgId: str) -> bytes:
    """
    Make what messages of some tags have there, and keep it in C{envelope.tails}.

    @param msgId: The C{UNIQ_KEY} of one of them: it tells how long they are.

    @return: What C{%} completes by a C{UNIQ_KEY}; nothing, where nothing can be
        sent with these tags, or not this way.
    """
    marked = Message("", b" ", tags=tags)
    try:
        checkMessage(marked, 1)
        text = propertiesOf(envelope, marked, msgId, batched=True)
    except InvalidMessage:
        return b""
    if len(text) > SURELY_SHORT:
        return b""
    before, _, after = recordTail(text).partition(msgId.encode())
    if len(envelope.tails) >= MOST_TAGS:
        envelope.tails.clear()
    tail = before.replace(b"%", b"%%") + b"%b" + after.replace(b"%", b"%%")
    envelope.tails[tags] = tail
    return tail
