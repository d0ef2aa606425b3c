"""
The messages of one broker, in memory.  Follows Java's C{DefaultMessageStore}.

Laws:

    - A queue's first message has offset 0, and nothing is ever removed but with
      its topic: the memory it takes is that of everything ever sent.

    - A position in the log grows by what a message would take in Apache's, so
      that offset message ids look and sort as theirs do.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from zlib import crc32

import msgspec

from txrocketmq._wire.properties import NAME_END
from txrocketmq._wire.records import (
    MessageConst,
    StoredMessage,
    encodeStoredMessage,
)

__all__ = ["Draft", "Pulled", "Store", "StoredMessage"]

# What a record takes beside its texts, with hosts of IPv4.
_FIXED_SIZE = 91

MOST_PULLED = 32
"""
How many messages one pull gets at most.
"""

MOST_PULLED_BYTES = 256 * 1024
"""
How many bytes one pull gets at most, but for its first message.
"""

MOST_SCANNED = 800
"""
How many messages that do not match one pull passes over.
"""


class Draft(msgspec.Struct):
    """
    A message on its way into the store.

    It is the one value of the sandbox that changes: delays and transactions
    give it another topic on the way.

    @ivar bornHost: The sender, as C{host:port}.

    @ivar propertiesSize: What L{propertiesSize} gave, if anybody asked.
    """

    topic: str
    queueId: int
    body: bytes
    properties: dict[str, str]
    flag: int = 0
    sysFlag: int = 0
    bornTimestamp: int = 0
    bornHost: str = "127.0.0.1:0"
    reconsumeTimes: int = 0
    preparedTransactionOffset: int = 0
    propertiesSize: int = 0


class Pulled(msgspec.Struct, frozen=True):
    """
    What a look into a queue gave.

    @ivar status: The name Java gives it: it is the answer's remark.
    """

    status: str
    messages: list[StoredMessage]
    nextBeginOffset: int
    minOffset: int
    maxOffset: int


def draftOf(message: StoredMessage) -> Draft:
    """
    Take a stored message as the beginning of another.
    """
    return Draft(
        message.topic,
        message.queueId,
        message.body,
        dict(message.properties),
        message.flag,
        message.sysFlag,
        message.bornTimestamp,
        message.bornHost,
        message.reconsumeTimes,
    )


class Store:
    """
    A log of messages, and the queues that point into it.

    @ivar position: Where the next message goes in the log.

    @ivar host: The broker, as C{host:port}: it stands in each message.
    """

    def __init__(
        self,
        millis: Callable[[], int],
        arrived: Callable[[str, int], None] = lambda topic, queueId: None,
    ) -> None:
        """
        Begin empty.

        @param millis: The time, in milliseconds since 1970.

        @param arrived: Called with topic and queue once messages are in.
        """
        self.position = 0
        self.host = "127.0.0.1:0"
        self._millis = millis
        self._arrived = arrived
        self._log: dict[int, StoredMessage] = {}
        self._queues: dict[tuple[str, int], list[StoredMessage]] = {}
        self.at = self._log.get

    def append(self, draft: Draft) -> StoredMessage:
        """
        Store a message.
        """
        stored = self._write(draft)
        self._arrived(draft.topic, draft.queueId)
        return stored

    def appendAll(self, drafts: Iterable[Draft]) -> list[StoredMessage]:
        """
        Store messages of one queue, and tell of them once.
        """
        stored = [self._write(draft) for draft in drafts]
        if stored:
            self._arrived(stored[0].topic, stored[0].queueId)
        return stored

    def _write(self, draft: Draft) -> StoredMessage:
        """
        Write a message down.
        """
        queue = self._queues.setdefault((draft.topic, draft.queueId), [])
        at = self.position
        stored = StoredMessage(
            topic=draft.topic,
            queueId=draft.queueId,
            flag=draft.flag,
            queueOffset=len(queue),
            commitLogOffset=at,
            sysFlag=draft.sysFlag,
            bornTimestamp=draft.bornTimestamp,
            bornHost=draft.bornHost,
            storeTimestamp=self._millis(),
            storeHost=self.host,
            reconsumeTimes=draft.reconsumeTimes,
            preparedTransactionOffset=draft.preparedTransactionOffset,
            body=draft.body,
            properties=draft.properties,
            bodyCRC=crc32(draft.body) & 0x7FFFFFFF,
        )
        queue.append(stored)
        self._log[at] = stored
        self.position = at + (
            _FIXED_SIZE
            + len(draft.body)
            + len(draft.topic)
            + (draft.propertiesSize or propertiesSize(draft.properties))
        )
        return stored

    def forget(self, topic: str) -> None:
        """
        Remove a topic's messages.
        """
        for key in [key for key in self._queues if key[0] == topic]:
            for message in self._queues.pop(key):
                del self._log[message.commitLogOffset]

    def messages(self, topic: str) -> list[StoredMessage]:
        """
        A topic's messages in the order of its queues, then of their offsets.
        """
        keys = sorted(key for key in self._queues if key[0] == topic)
        return [message for key in keys for message in self._queues[key]]

    def queue(self, topic: str, queueId: int) -> Sequence[StoredMessage]:
        """
        One queue; what nobody has sent to is empty.
        """
        return self._queues.get((topic, queueId), ())

    def search(self, topic: str, queueId: int, timestamp: int, upper: bool) -> int:
        """
        The offset of a queue's messages at some time.

        @param timestamp: The time, in milliseconds since 1970.

        @param upper: Look for the last message stored until then, instead of
            the first stored from then on.
        """
        queue = self.queue(topic, queueId)
        if upper:
            return max(0, bisect_right(queue, timestamp, key=_storeTimestamp) - 1)
        return bisect_left(queue, timestamp, key=_storeTimestamp)

    def byKey(
        self, topic: str, key: str, begin: int, end: int, unique: bool | None
    ) -> Iterator[StoredMessage]:
        """
        A topic's messages that have a key, in the order they were stored.

        @param begin: The earliest time of storing, in milliseconds since 1970.

        @param end: The latest one.

        @param unique: Whether the key is a unique id; L{None} takes both.
        """
        for message in sorted(self.messages(topic), key=_commitLogOffset):
            if begin <= message.storeTimestamp <= end and _hasKey(
                message.properties, key, unique
            ):
                yield message

    def pull(
        self,
        topic: str,
        queueId: int,
        offset: int,
        most: int,
        wanted: Callable[[StoredMessage], bool] | None = None,
    ) -> Pulled:
        """
        Look into a queue.

        @param most: How many messages to give at most.

        @param wanted: What tells whether a message is for the one who asks.
        """
        queue = self._queues.get((topic, queueId))
        if queue is None:
            return Pulled("NO_MATCHED_LOGIC_QUEUE", [], 0, 0, 0)
        end = len(queue)
        if offset < 0:
            return Pulled("OFFSET_TOO_SMALL", [], 0, 0, end)
        if offset == end:
            return Pulled("OFFSET_OVERFLOW_ONE", [], end, 0, end)
        if offset > end:
            return Pulled("OFFSET_OVERFLOW_BADLY", [], end, 0, end)
        found, following = _collect(queue, offset, min(most, MOST_PULLED), wanted)
        status = "FOUND" if found else "NO_MATCHED_MESSAGE"
        return Pulled(status, found, following, 0, end)


def _collect(
    queue: list[StoredMessage],
    offset: int,
    most: int,
    wanted: Callable[[StoredMessage], bool] | None,
) -> tuple[list[StoredMessage], int]:
    """
    Gather what one pull gets of a queue, and where the next one begins.
    """
    found: list[StoredMessage] = []
    size = 0
    end = min(len(queue), offset + max(MOST_SCANNED, most))
    while offset < end and len(found) < most:
        message = queue[offset]
        if wanted is None or wanted(message):
            size += len(message.body)
            if found and size > MOST_PULLED_BYTES:
                break
            found.append(message)
        offset += 1
    return found, offset


def propertiesSize(properties: dict[str, str]) -> int:
    """
    How many bytes properties take, each with its two separators.

    @raise ValueError: There is a separator in one of them: read again, it would
        be another.
    """
    text = "".join(chain.from_iterable(properties.items()))
    if NAME_END in text:
        raise ValueError("a property has U+0001 in it")
    size = len(text) if text.isascii() else len(text.encode())
    return size + 2 * len(properties)


def encodeAll(messages: Iterable[StoredMessage]) -> bytes:
    """
    Write messages one after another, as the bodies of answers have them.
    """
    return b"".join(map(encodeStoredMessage, messages))


def _storeTimestamp(message: StoredMessage) -> int:
    """
    When a message was stored.
    """
    return message.storeTimestamp


def _commitLogOffset(message: StoredMessage) -> int:
    """
    Where a message is in the log.
    """
    return message.commitLogOffset


def _hasKey(properties: dict[str, str], key: str, unique: bool | None) -> bool:
    """
    Tell whether a message can be looked up by a key.
    """
    if unique is not False and properties.get(MessageConst.UNIQ_KEY) == key:
        return True
    return unique is not True and key in properties.get(MessageConst.KEYS, "").split()
