"""
When a send makes its next try.

Laws:

    - What was begun in vain is not begun again before there is reason to hope, and
      not for longer than the send has time.

    - Brokers that say they are busy are asked less; of what they could not cope
      with, little is asked again.

    - Java's rules know nothing of all this.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as TwistedTimeout

from txrocketmq._routing.publishinfo import TopicPublishInfo
from txrocketmq.errors import BrokerError, GoAway, RemotingTimeout, TooManyInFlight
from txrocketmq.message import MessageQueue, Persisted

from .budget import RetryBudget
from .endings import failedSend
from .policy import FIRST_DELAY, JITTER, LONGEST_DELAY, Verdict, backOff
from .progress import History, Send
from .rules import Step
from .slots import QueueSlots
from .targets import LEAST_RETRY, MOMENT, Cluster, Targets
from .windows import Windows

T = TypeVar("T")


class Pacing:
    """
    Holds one producer's sends back where that is better.
    """

    def __init__(
        self,
        cluster: Cluster,
        targets: Targets,
        random: Random,
        offered: Callable[[], int],
        slots: QueueSlots | None,
    ) -> None:
        """
        @param random: What makes back-offs differ.

        @param offered: How many sends have made their first try.

        @param slots: How many sends there may be to one queue.
        """
        self._clock = cluster.clock
        self._peers = cluster.peers
        self._news = cluster.routes.news
        self._circuits = cluster.peers.circuits
        self._targets = targets
        self._random = random
        self._slots = slots
        self._budget = RetryBudget(cluster.clock, offered)
        avoidance = targets.avoidance
        self._windows = Windows(
            cluster.clock, self._inFlight, self._pause, avoidance.full, avoidance.marked
        )

    def stop(self) -> None:
        """
        Leave nothing behind.
        """
        self._windows.stop()

    def refused(self, send: Send, error: Exception, verdict: Verdict) -> None:
        """
        Take note of a try that failed, before its send does.
        """
        if verdict.busy and send.address is not None and send.rules.avoids:
            assert isinstance(error, BrokerError)
            self._windows.refused(send.broker, send.address, error)

    def stored(self, history: History) -> None:
        """
        Take note that a retry was not in vain.
        """
        if history.charged:
            self._budget.giveBack()

    async def queueFor(
        self, send: Send, queue: MessageQueue | None
    ) -> tuple[str, MessageQueue, str]:
        """
        Where a try goes, as soon as it may be made.

        @param queue: Where it is to go first of all, if that is known.

        @return: The name of the broker, the queue, and the broker's address.

        @raise TooManyInFlight: When it may not within the send's time.

        @raise SendFailed: The same, where an earlier try has a better reason.
        """
        targets, isNext = self._targets, False
        while True:
            info = await targets.info(send)
            send.queue = queue = queue or targets.choose(send, info)
            address = targets.addressOrFail(info, queue)
            if self._circuits is not None and send.rules.avoids:
                queue, address = self._notRefused(send, info, queue, address)
            if self._slots is not None:
                await self._slots.take(send, queue)
            broker = info.brokerOf(queue)
            if not send.rules.avoids or self._windows.admits(broker, isNext):
                return broker, queue, address
            await self._turn(send, info, broker)
            queue, isNext = None, True

    def _notRefused(
        self, send: Send, info: TopicPublishInfo, queue: MessageQueue, address: str
    ) -> tuple[MessageQueue, str]:
        """
        This queue and address, or others, where our credentials are not refused.

        @raise BrokerError: When they are everywhere.
        """
        shut: set[str] = set()
        topic = send.outgoing.wireTopic
        assert self._circuits is not None
        while (error := self._circuits.refusal(address, topic)) is not None:
            shut.add(info.brokerOf(queue))
            send.queue = queue = self._targets.choose(send, info, shut)
            if info.brokerOf(queue) in shut:
                raise error
            address = self._targets.addressOrFail(info, queue)
        return queue, address

    async def around(self, send: Send, attempt: Callable[[], Awaitable[T]]) -> T:
        """
        Make a try, whose broker the send names already.
        """
        if not send.rules.avoids:
            return await attempt()
        return await self._windows.around(send.broker, attempt)

    async def next(
        self,
        send: Send,
        history: History,
        step: Step,
        verdict: Verdict,
        error: Exception,
    ) -> None:
        """
        Wait for the next try, at most as long as the send has time.

        @param error: Why the last one failed.

        @raise SendFailed: When there will be none, for that reason.
        """
        if verdict.refresh and step is Step.ON:
            await self._targets.refreshed(send)
        elif verdict.refresh:
            self._targets.refreshSoon(send)
        another = self._targets.another(send, history)
        if step is Step.WAIT and not another:
            await self._backOff(send, history)
        if send.rules.avoids and _isCostly(verdict, error, another):
            await self._charge(send, history, error)

    async def _backOff(self, send: Send, history: History) -> None:
        """
        Wait before another round of brokers, or until there is a reason not to.
        """
        delay = backOff(history.rounds, self._random)
        delay = max(MOMENT, min(delay, self._left(send)))
        last = history.listed()[-1].address
        await self._news.sleep(delay, send.outgoing.wireTopic, last or "")
        history.nextRound()

    async def _charge(self, send: Send, history: History, error: Exception) -> None:
        """
        Take a retry out of the budget.

        @raise SendFailed: When there is none within the send's time.
        """
        history.charged = True
        turn = self._budget.take()
        if turn is None:
            return
        try:
            await turn.addTimeout(max(MOMENT, self._left(send)), self._clock)
        except TwistedTimeout:
            raise failedSend(send, history, error) from None

    async def _turn(self, send: Send, info: TopicPublishInfo, broker: str) -> None:
        """
        Wait until one of the brokers the send may go to has a place.
        """
        brokers = {broker}
        if send.choice is None:
            brokers.update(map(info.brokerOf, info.queues))
        left = max(MOMENT, self._left(send))
        waiting: Deferred[None] = self._windows.wait(brokers)
        try:
            await waiting.addTimeout(left, self._clock)
        except TwistedTimeout:
            words = self._windows.lastWords(brokers)
            history = send.history
            if history is not None:
                last = history.listed()[-1].error
                assert last is not None
                raise failedSend(send, history, last) from None
            raise TooManyInFlight(
                f"it was not sent: no broker had a place within {left:.1f} s, the last "
                f"to say why: {words}"
            ) from None

    def _left(self, send: Send) -> float:
        """
        How long a send may wait, in seconds, to make a try after it.
        """
        return send.at - LEAST_RETRY - self._clock.seconds()

    def _inFlight(self, address: str) -> int:
        """
        How many requests to an address wait for their answers.
        """
        live = self._peers.live(address)
        return 0 if live is None else live.pending

    def _pause(self, times: int) -> float:
        """
        How long a broker that has refused so many single requests in a row is left
        alone, in seconds.
        """
        delay = min(FIRST_DELAY * (1 << min(times, 10)), LONGEST_DELAY)
        return delay * (1 + JITTER * self._random.random())


def _isCostly(verdict: Verdict, error: Exception, another: bool) -> bool:
    """
    Whether another try would add to the load of brokers that cannot cope with it:
    after they said so, and where one would be asked again what it did not take or
    did not answer.  A lost connection must be made anew first, which takes its time.
    """
    if verdict.busy:
        return True
    if another or isinstance(error, GoAway):
        return False
    if isinstance(error, RemotingTimeout):
        return error.persisted is Persisted.MAYBE
    return isinstance(error, BrokerError)
