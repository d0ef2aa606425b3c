"""
One key's messages on their way out, and topics that cannot be sent to.
"""

from __future__ import annotations

from collections import deque

import attrs

from txrocketmq.message import MessageQueue

from .entries import Kept

FIRST_DELAY = 0.1
LONGEST_DELAY = 5.0
LONGEST_TOPIC_DELAY = 30.0

PATIENCE = 30.0
"""
Seconds for which a key stays with a queue that does not work.
"""

OPEN_PATIENCE = 600.0
"""
The same while its first message may be stored there.
"""

Key = tuple[str, str | None]


@attrs.define(eq=False)
class Lane:
    """
    The messages of one topic and shardingKey; or those of a topic that have none,
    which leave in any order.

    @ivar queue: Those in memory that are not under way, in order.

    @ivar flying: How many are under way.

    @ivar pin: The queue that messages go to.

    @ivar open: Whether the first one may be stored there.

    @ivar failures: How often sends failed, one after the other.

    @ivar since: When the first of these began.

    @ivar until: When it may be tried again.

    @ivar skipped: The first one's number that was left in the spool.

    @ivar listed: Whether it is among those that can send.
    """

    key: Key
    queue: deque[Kept] = attrs.field(factory=deque)
    flying: int = 0
    pin: MessageQueue | None = None
    open: bool = False
    failures: int = 0
    since: float = 0.0
    until: float = 0.0
    skipped: int | None = None
    listed: bool = False

    @property
    def serial(self) -> bool:
        """
        Whether its messages leave one by one.
        """
        return self.key[1] is not None

    @property
    def able(self) -> bool:
        """
        Whether it has something that could leave, but for the time.
        """
        return bool(self.queue) and not (self.serial and self.flying)

    @property
    def idle(self) -> bool:
        """
        Whether there is nothing of it in memory.
        """
        return not self.queue and not self.flying

    def delay(self, now: float) -> float:
        """
        Count a failure.

        @return: Seconds until it may be tried again.
        """
        if not self.failures:
            self.since = now
        delay = min(FIRST_DELAY * (1 << min(self.failures, 10)), LONGEST_DELAY)
        self.failures += 1
        self.until = now + delay
        return delay

    def hold(self, queue: MessageQueue | None, now: float) -> None:
        """
        Stay with the queue a send failed at, for as long as it makes sense: another
        one may be tried when this one has not worked for long.
        """
        self.pin = self.pin or queue
        if now - self.since > (OPEN_PATIENCE if self.open else PATIENCE):
            self.pin = None
            self.open = False
            self.since = now

    def succeeded(self) -> None:
        """
        A broker has one of its messages.
        """
        self.failures = 0
        self.open = False


@attrs.define
class Parked:
    """
    A topic that cannot be sent to now.

    @ivar skipped: The number of its first message that was left in the spool.

    @ivar until: When one of them is tried.

    @ivar failures: How often that failed.

    @ivar trying: Whether one of them is under way.
    """

    skipped: int | None
    until: float
    failures: int = 0
    trying: bool = False

    def delay(self, now: float) -> float:
        """
        Count a failure.

        @return: Seconds until one is tried again.
        """
        delay = min(1.0 * (1 << min(self.failures, 10)), LONGEST_TOPIC_DELAY)
        self.failures += 1
        self.trying = False
        self.until = now + delay
        return delay

    def skip(self, number: int) -> None:
        """
        Leave a message in the spool.
        """
        if self.skipped is None or number < self.skipped:
            self.skipped = number
