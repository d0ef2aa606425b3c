"""
What stands for messages on the wire: their properties, batches of them, and
the records brokers keep.
"""

from __future__ import annotations

from .batches import BatchRecord, decodeBatch, encodeBatch
from .messageconst import RESERVED, MessageConst
from .properties import decodeProperties, encodeProperties
from .stored import (
    StoredMessage,
    decodeStoredMessages,
    encodeStoredMessage,
    unwrapInnerBatch,
)

__all__ = [
    "RESERVED",
    "BatchRecord",
    "MessageConst",
    "StoredMessage",
    "decodeBatch",
    "decodeProperties",
    "decodeStoredMessages",
    "encodeBatch",
    "encodeProperties",
    "encodeStoredMessage",
    "unwrapInnerBatch",
]
