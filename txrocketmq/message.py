"""
Messages, queues and what becomes of a send: the values users hold.

Everything here is frozen and compared by value.  Nothing here checks what it is
given: a message that cannot be sent fails its send, so that one broken message
in a stream is one failed L{Deferred<twisted.internet.defer.Deferred>} and not
an exception in the middle of a loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import TypeAlias

import msgspec
from msgspec.structs import force_setattr

__all__ = [
    "Attempt",
    "CommunicationMode",
    "Message",
    "MessageQueue",
    "Persisted",
    "RequiredAck",
    "Selector",
    "SendResult",
    "SendStatus",
    "WhenFull",
]


class Persisted(Enum):
    """
    Whether a broker holds a message.

    @cvar NO: It surely does not: the bytes were never given to a transport, or
        the broker's answer means "not stored".

    @cvar MAYBE: Nobody knows: the bytes were given to a transport and no
        trustworthy answer came.

    @cvar YES: It surely does.
    """

    NO = "NO"
    MAYBE = "MAYBE"
    YES = "YES"


class SendStatus(Enum):
    """
    How well a broker stored a message; all four mean that it did.

    Follows Java's C{SendStatus}.
    """

    SEND_OK = 0
    FLUSH_DISK_TIMEOUT = 10
    SLAVE_NOT_AVAILABLE = 11
    FLUSH_SLAVE_TIMEOUT = 12


class CommunicationMode(Enum):
    """
    Whose rules of retrying a send follows; nothing blocks in either.

    @cvar SYNC: Those of Java's blocking send: by count, without back-off, and
        one attempt may take the whole budget.

    @cvar ASYNC: Those of Java's send with a callback: no retry on a timeout or
        on a broker's answer.
    """

    SYNC = "sync"
    ASYNC = "async"


class RequiredAck(Enum):
    """
    What a broker must promise before a send is a success.

    @cvar STORED: It has the message.

    @cvar FLUSHED: It has flushed the message to its disk.

    @cvar REPLICATED: It has flushed the message, and so has a slave.
    """

    STORED = "stored"
    FLUSHED = "flushed"
    REPLICATED = "replicated"


class WhenFull(Enum):
    """
    What a send does when there is no room for it.

    @cvar WAIT: It waits its turn, within its own timeout.

    @cvar FAIL: It fails at once.
    """

    WAIT = "wait"
    FAIL = "fail"


class MessageQueue(msgspec.Struct, frozen=True, order=True, gc=False):
    """
    One queue of a topic on one broker.
    """

    topic: str
    brokerName: str
    queueId: int

    def __repr__(self) -> str:
        """
        Keep it short: this is what log lines and attempts show.
        """
        return f"<MessageQueue {self.topic} {self.brokerName}:{self.queueId}>"


class _Content(msgspec.Struct, frozen=True, gc=False):
    """
    The two things every message is given by position.
    """

    topic: str
    body: bytes


class Message(_Content, frozen=True, kw_only=True, gc=False):
    """
    What to send, and where.  Sending never changes it; sending it twice gives
    two ids.

    @ivar topic: The topic, without a namespace.

    @ivar body: Any bytes, but not none.

    @ivar tags: What consumers filter by.

    @ivar keys: What the message can be looked up by.  A C{str} is one key.

    @ivar flag: An int32 the broker stores and does not read.

    @ivar properties: Names and values of your own.  They are copied.

    @ivar delayTimeLevel: One of the broker's delay levels, from 1; 0 is none.

    @ivar deliverAfter: Deliver so many seconds from now.

    @ivar deliverAt: Deliver at this time, in epoch seconds.

    @ivar waitStoreMsgOK: Whether the broker answers only when its flush and
        replication settings are met.

    @ivar shardingKey: Messages of one key go to one queue, and to no other.
    """

    tags: str | None = None
    keys: Iterable[str] = ()
    flag: int = 0
    properties: Mapping[str, str] | None = None
    delayTimeLevel: int = 0
    deliverAfter: float | None = None
    deliverAt: float | None = None
    waitStoreMsgOK: bool = True
    shardingKey: str | None = None

    def __post_init__(self) -> None:
        """
        Take copies of what the caller could change later.

        What is of the wrong type is left as it is, for the send to refuse.
        """
        keys, properties = self.keys, self.properties
        if type(keys) is not tuple:
            force_setattr(self, "keys", _frozenKeys(keys))
        if properties is not None and (
            type(properties) is dict or isinstance(properties, Mapping)
        ):
            force_setattr(self, "properties", dict(properties))

    def __repr__(self) -> str:
        """
        Show what tells messages apart, and never a body.
        """
        size = len(self.body) if isinstance(self.body, bytes) else "?"
        return f"<Message {self.topic!r} keys={self.keys!r} body={size}B>"


def _frozenKeys(keys: object) -> object:
    """
    One key, or several, as a tuple.
    """
    if isinstance(keys, str):
        return (keys,)
    if isinstance(keys, Iterable) and not isinstance(keys, bytes | Mapping):
        return tuple(keys)
    return keys


class Attempt(msgspec.Struct, frozen=True):
    """
    One try at a broker.

    @ivar messageQueue: The queue it was meant for; L{None} when the try ended
        before there was one.

    @ivar address: The broker's C{host:port}, where it was known.

    @ivar elapsed: Seconds from the start of the try to its end.

    @ivar error: Why it failed, or L{None}.

    @ivar persisted: Whether the broker holds the message because of this try.
    """

    messageQueue: MessageQueue | None
    address: str | None
    elapsed: float
    error: Exception | None
    persisted: Persisted

    def __repr__(self) -> str:
        """
        One try in one short line.
        """
        end = "ok" if self.error is None else repr(self.error)
        return (
            f"<Attempt {self.messageQueue!r} at {self.address} "
            f"{self.elapsed:.3f}s {self.persisted.name} {end}>"
        )


class SendResult(msgspec.Struct, frozen=True):
    """
    A stored message, as its broker confirmed it.

    @ivar msgId: The client's own id of the message, its C{UNIQ_KEY}; the same in
        every copy of it.

    @ivar offsetMsgId: The broker's id: its address and the position in its log.

    @ivar messageQueue: Where the message lies, without a namespace.

    @ivar queueOffset: Its place in that queue.  For a delayed message that is a
        place in the queue it waits in.

    @ivar recallHandle: What takes back a timer message.

    @ivar attempts: The tries it took, the last one being the one that stored it.

    @ivar possibleDuplicates: How many further copies may be stored: one for each
        earlier try nobody knows the end of.
    """

    sendStatus: SendStatus
    msgId: str
    offsetMsgId: str
    messageQueue: MessageQueue
    queueOffset: int
    transactionId: str | None = None
    regionId: str = "DefaultRegion"
    traceOn: bool = True
    recallHandle: str | None = None
    attempts: tuple[Attempt, ...] = ()
    possibleDuplicates: int = 0

    def __repr__(self) -> str:
        """
        Status, id and place.
        """
        queue = self.messageQueue
        return (
            f"<SendResult {self.sendStatus.name} {self.msgId} {queue.topic} "
            f"{queue.brokerName}:{queue.queueId}@{self.queueOffset}>"
        )


Selector: TypeAlias = Callable[[Sequence[MessageQueue], Message], MessageQueue]
"""
What chooses a queue among a topic's publish queues.
"""
