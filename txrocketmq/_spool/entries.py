"""
What goes into the spool and what comes out of it.
"""

from __future__ import annotations

import msgspec

from txrocketmq.message import Message


class SpoolEntry(msgspec.Struct, frozen=True, gc=False):
    """
    A message that is to be kept.

    @ivar msgId: Its C{UNIQ_KEY}, the same in every copy of it.
    """

    message: Message
    msgId: str


class Kept(msgspec.Struct, frozen=True, gc=False):
    """
    A message that waits.

    @ivar number: Its place: messages that were accepted later have higher ones.

    @ivar msgId: Its C{UNIQ_KEY}.

    @ivar tries: How often it was refused and put back.

    @ivar acceptedAt: When it was accepted, in seconds of the epoch.

    @ivar size: The bytes it counts for.
    """

    number: int
    message: Message
    msgId: str
    tries: int
    acceptedAt: float
    size: int


class Refused(msgspec.Struct, frozen=True):
    """
    A message that no broker will have.

    @ivar number: The place it had.

    @ivar size: The bytes of its body.

    @ivar reason: Why, in fixed words.

    @ivar refusedAt: When it was refused, in seconds of the epoch.

    @ivar acceptedAt: When it was accepted.
    """

    number: int
    msgId: str
    topic: str
    size: int
    reason: str
    refusedAt: float
    acceptedAt: float


class SpoolCounts(msgspec.Struct, frozen=True):
    """
    A look at the spool.

    @ivar waiting: How many messages wait.

    @ivar waitingBytes: The bytes they count for: a message's own, its metadata's,
        and what the database needs for a row.

    @ivar refused: How many messages were refused for good.

    @ivar refusedBytes: The bytes these count for.

    @ivar limit: The most bytes of both, and of C{claimBytes}.

    @ivar oldest: When the first of those that wait was accepted, in seconds of the
        epoch; L{None} when none waits.

    @ivar recovered: How many messages were taken out of damaged files.

    @ivar lost: How many of them could not be.

    @ivar commits: How many commits there were since the spool was opened.

    @ivar fileBytes: The bytes of its files.

    @ivar claimBytes: The bytes that answers count for, which are remembered for
        their idempotency keys.
    """

    waiting: int
    waitingBytes: int
    refused: int
    refusedBytes: int
    limit: int
    oldest: float | None
    recovered: int
    lost: int
    commits: int
    fileBytes: int
    claimBytes: int = 0
