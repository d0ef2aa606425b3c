"""
What brings messages from the disk into the lanes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure

from txrocketmq.errors import SpoolError

from .entries import Kept
from .lanes import Lanes
from .spool import Spool

MOST = 512
"""
The most messages that are read at once.
"""

MOST_BYTES = 4 * 1024 * 1024
"""
The most bytes of them.
"""

AGAIN = 1.0
"""
Seconds after which the spool is asked again when it could not answer.
"""


class Reading:
    """
    Reads ahead, as far as the lanes have room.
    """

    def __init__(
        self, reactor: Any, spool: Spool, lanes: Lanes, arrived: Callable[[], None]
    ) -> None:
        """
        @param arrived: Is told that there may be more to send.
        """
        self._reactor = reactor
        self._spool = spool
        self._lanes = lanes
        self._arrived = arrived
        self._reading = False
        self._woken = False
        self._stopped = False

    @property
    def strayed(self) -> bool:
        """
        Whether messages wait of which there is nothing in sight, though all was read.
        """
        lanes = self._lanes
        quiet = lanes.ended and not lanes.known and not self._reading
        return quiet and self._spool.counts.waiting > 0

    def wake(self) -> None:
        """
        There may be new messages in the spool.
        """
        self._woken = True
        if self._lanes.ended:
            self._lanes.ended = False
            self.read()

    def stop(self) -> None:
        """
        Read no more.
        """
        self._stopped = True

    def read(self) -> None:
        """
        Read more, if there is room for it.
        """
        if self._reading or self._stopped or not self._lanes.hungry:
            return
        self._reading = True
        self._woken = False
        most = min(MOST, self._lanes.room)
        reading = self._spool.waiting(self._lanes.cursor, most, MOST_BYTES)
        reading.addCallbacks(
            self._got, self._gotNothing, callbackArgs=(self._lanes.turned,)
        )

    def probe(self, topic: str, number: int) -> None:
        """
        Read the first message of a topic that could not be sent to.
        """
        self._spool.waiting(number - 1, 1, 1).addCallbacks(
            partial(self._gotProbe, topic), partial(self._gotNoProbe, topic)
        )

    def _got(self, kept: list[Kept], turned: int) -> None:
        """
        Messages were read.

        @param turned: The lanes' C{turned} when they were asked for.
        """
        self._reading = False
        if turned != self._lanes.turned:
            # Others come before these now.
            self.read()
            return
        self._lanes.take(kept)
        if self._woken and self._lanes.ended:
            # What is new may have come after this was read.
            self._lanes.ended = False
            self.read()
        self._arrived()

    def _gotNothing(self, failure: Failure) -> None:
        """
        The spool could not be read.
        """
        failure.trap(SpoolError, CancelledError)
        self._reading = False
        if not self._stopped:
            self._reactor.callLater(AGAIN, self.read)

    def _gotProbe(self, topic: str, kept: list[Kept]) -> None:
        """
        A message was read with which a topic can be tried.
        """
        if kept and kept[0].message.topic == topic:
            self._lanes.probe(kept[0])
        else:
            self._lanes.unpark(topic)
            self.read()
        self._arrived()

    def _gotNoProbe(self, topic: str, failure: Failure) -> None:
        """
        No message could be read: it is tried again later.
        """
        failure.trap(SpoolError, CancelledError)
        if topic in self._lanes.parked:
            self._lanes.parked[topic].delay(self._reactor.seconds())
        self._arrived()
