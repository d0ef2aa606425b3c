"""
What stands for messages on the wire: their properties, batches of them, and
the records brokers keep.
"""

from __future__ import annotations

from .batches import (
    HEAD_SIZE,
    BatchRecord,
    Shell,
    Shells,
    decodeBatch,
    encodeBatch,
    fillShells,
    recordTail,
    shellOf,
)
from .messageconst import RESERVED, MessageConst
from .properties import decodeProperties, encodeProperties
from .stored import (
    StoredMessage,
    decodeStoredMessages,
    encodeStoredMessage,
    unwrapInnerBatch,
)

__all__ = [
    "HEAD_SIZE",
    "RESERVED",
    "BatchRecord",
    "MessageConst",
    "Shell",
    "Shells",
    "StoredMessage",
    "decodeBatch",
    "decodeProperties",
    "decodeStoredMessages",
    "encodeBatch",
    "encodeProperties",
    "encodeStoredMessage",
    "fillShells",
    "recordTail",
    "shellOf",
    "unwrapInnerBatch",
]
