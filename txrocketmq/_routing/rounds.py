"""
Looking all topics up again, time after time.

Law: a round cannot fail, and there is one at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, gatherResults, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from txrocketmq.errors import NoNameServer, RocketMQError

LOOKUPS = 16
"""
How many topics are looked up at the same time: few enough for a name server,
enough for thousands of topics within an interval.
"""


class Rounds:
    """
    Refreshes all topics there are, once in an interval.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        interval: float,
        topics: Callable[[], Collection[str]],
        refresh: Callable[[str], Deferred[Any]],
    ) -> None:
        """
        @param interval: Seconds from one round to the next.

        @param topics: Which topics there are.

        @param refresh: What looks one of them up.
        """
        self._clock = clock
        self._interval = interval
        self._topics = topics
        self._refresh = refresh
        self._loop: LoopingCall | None = None
        self._round: Deferred[None] = succeed(None)

    def start(self) -> None:
        """
        Refresh all topics from now on, for the first time after one interval.
        """
        if self._loop is None:
            self._loop = LoopingCall(self._all)
            self._loop.clock = self._clock
            self._loop.start(self._interval, now=False)

    def stop(self) -> None:
        """
        Refresh no more, and end the round under way.
        """
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.stop()
        self._round.cancel()

    def _all(self) -> Deferred[None]:
        """
        Refresh all topics, some at a time, until no name server answers.
        """
        topics = iter(sorted(self._topics()))
        lookups = [Deferred.fromCoroutine(self._some(topics)) for _ in range(LOOKUPS)]
        ended = gatherResults(lookups, consumeErrors=True)
        self._round = ended.addCallbacks(self._ended, self._cancelled)
        return self._round

    def _ended(self, results: list[NoNameServer | None]) -> None:
        """
        Say, once, that a round was in vain.
        """
        for error in filter(None, results):
            self._log.warn("Routes stay as they are: {error}", error=str(error))
            break

    def _cancelled(self, reason: Failure) -> None:
        """
        End a round as all rounds end; nothing but L{stop} gets here.
        """

    async def _some(self, topics: Iterator[str]) -> NoNameServer | None:
        """
        Refresh topics while there are any left and name servers answer.
        """
        for topic in topics:
            try:
                await self._refresh(topic)
            except CancelledError:
                raise
            except NoNameServer as error:
                # Nobody would answer for the others either.
                return error
            except RocketMQError as error:
                self._log.warn(
                    "The route of {topic} stays: {error}",
                    topic=topic,
                    error=str(error),
                )
            except Exception:
                self._log.failure("The route of {topic} stays", topic=topic)
        return None
