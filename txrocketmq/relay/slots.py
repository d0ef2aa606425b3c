"""
The lines of a stream that have no result yet.
"""

from __future__ import annotations

from typing import Any

import msgspec

from txrocketmq.relay.answers import Answer
from txrocketmq.relay.documents import Fault


class Slot(msgspec.Struct, eq=False):
    """
    One line, from when it is taken until its result is told.

    @ivar number: Which line it is.

    @ivar size: Its bytes.

    @ivar held: The room that is taken for it.

    @ivar text: Its result; empty as long as there is none.

    @ivar isTaken: Whether it is a message that counts as under way.

    @ivar since: When it was sent.
    """

    number: int
    size: int
    held: int
    text: bytes = b""
    isTaken: bool = False
    since: float = 0.0

    def told(self) -> bytes:
        """
        The line that tells its result.
        """
        return b'{"line":%d,%b\n' % (self.number, self.text[1:])


def faultText(fault: Fault) -> bytes:
    """
    The result of a line that is no message.
    """
    told: dict[str, Any] = {
        "error": "the line is no message that can be sent",
        "persisted": "NO",
        "msgId": None,
        "path": fault.path,
        "reason": fault.reason,
    }
    return msgspec.json.encode({**told, **fault.more})


def lastLine(accepted: int, failed: int, why: Answer | None) -> bytes:
    """
    The line that ends a stream.

    @param why: Why it was not read to its end, if it was not.
    """
    counts = b'"accepted":%d,"failed":%d' % (accepted, failed)
    if why is None:
        return b'{"done":true,%b}\n' % counts
    return b'{"done":false,%b,%b\n' % (counts, why.content.strip()[1:])
