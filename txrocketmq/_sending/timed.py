"""
Telling Java's latency tables of each try.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from twisted.internet.interfaces import IReactorTime

from txrocketmq._routing.latency import Latencies
from txrocketmq.errors import BrokerError, RemotingError, WeakAck

from .detector import Detector
from .progress import Send

T = TypeVar("T")


class TimedTries:
    """
    Measures tries, and records what became of them.
    """

    def __init__(
        self, clock: IReactorTime, latencies: Latencies, detector: Detector
    ) -> None:
        """
        @param detector: What is woken when a broker cannot be reached.
        """
        self._clock = clock
        self._latencies = latencies
        self._detector = detector

    async def around(self, send: Send, attempt: Callable[[], Awaitable[T]]) -> T:
        """
        Make a try, whose broker the send names already.

        Follows what C{DefaultMQProducerImpl.sendDefaultImpl} records: what a peer
        refused or did not answer isolates it; an answer that says "stored" does not,
        nor does what ended on our side.
        """
        began = self._clock.seconds()
        failed: BaseException | None = None
        try:
            return await attempt()
        except BaseException as error:
            failed = error
            raise
        finally:
            self.record(send.broker, began, failed)

    def record(self, broker: str, began: float, error: BaseException | None) -> None:
        """
        Record what became of a try.

        @param began: When it began.

        @param error: Why it failed, if it did.
        """
        isolated = isinstance(error, RemotingError | BrokerError)
        isolated = isolated and not isinstance(error, WeakAck)
        elapsed = self._clock.seconds() - began
        self._latencies.updateFaultItem(broker, elapsed, isolated, not isolated)
        if isolated:
            self._detector.wake()
