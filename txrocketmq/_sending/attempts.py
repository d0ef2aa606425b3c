"""
The one attempt loop.

Laws:

    - A send whose route is known and whose broker is connected makes its first
      try without a coroutine and without a timer; only what fails enters the
      loop.

    - A send ends once: with a result, with L{SendFailed}, with L{InvalidMessage}
      when its selector chooses no queue, or with L{SendCancelled}.

    - What it ends with tells the most that is to be feared of all its tries.

Follows C{DefaultMQProducerImpl.sendDefaultImpl}, but for one thing: a retried
request carries the new queue's id, where Java's asynchronous retry sends the old
one to the new broker.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from random import Random
from typing import TypeAlias

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.task import deferLater

from txrocketmq._wire.command import RemotingCommand
from txrocketmq.errors import (
    GoAway,
    InvalidMessage,
    NotRunning,
    SendCancelled,
)
from txrocketmq.message import (
    Attempt,
    MessageQueue,
    Persisted,
    SendResult,
)

from .endings import Weak, failedSend, persistedBy, withoutFrames
from .firsttry import FirstTry
from .hooks import SendHooks, contextOf
from .policy import backOff, verdictOn
from .progress import History, Send, worse
from .rules import Step
from .slots import QueueSlots
from .targets import LEAST_RETRY, MOMENT, Cluster, Targets
from .timed import TimedTries

Ended: TypeAlias = Callable[[Send, bool], None]
"""
Told once of each send that ends, and whether it succeeded.
"""


class Attempts:
    """
    Takes one producer's sends to their end.

    @ivar made: How many tries there were.

    @ivar retries: How many of them were not a send's first.
    """

    def __init__(
        self,
        cluster: Cluster,
        targets: Targets,
        random: Random,
        ended: Ended,
        hooks: SendHooks | None = None,
        slots: QueueSlots | None = None,
        timed: TimedTries | None = None,
    ) -> None:
        """
        @param random: What makes back-offs differ.

        @param hooks: What is called around each try.

        @param slots: How many sends there may be to one queue.

        @param timed: What measures each try.
        """
        self._hooks = hooks
        self._slots = slots
        self._timed = timed
        # What has to be done around a try is done in the loop.
        self._plain = (
            hooks is None
            and slots is None
            and timed is None
            and not cluster.peers.hooked
        )
        self._peers = cluster.peers
        self._sendAddress = cluster.sendAddress
        self._clock = cluster.clock
        self._targets = targets
        self._known = cluster.routes.known
        self._avoidance = targets.avoidance
        self._random = random
        self.ended = ended
        self._loops: dict[Send, Deferred[SendResult]] = {}
        self._stopped = False
        self.made = 0
        self.retries = 0

    def first(self, send: Send) -> Deferred[SendResult]:
        """
        Make a send's first try, and all that follow from it.
        """
        info = self._known(send.outgoing.heading.wireTopic)
        if info is None:
            return self.loop(send)
        try:
            queue = self._targets.choose(send, info)
        except InvalidMessage as error:
            self.ended(send, False)
            return fail(error)
        broker = info.brokerOf(queue)
        master = info.masters.get(broker)
        address = None if master is None else self._sendAddress(master)
        live = None if address is None else self._peers.live(address)
        if live is None or address is None or not self._plain:
            return self.loop(send, None, queue)
        timeout = self._aim(send, broker, queue, address)
        return FirstTry(self, send, live).begin(timeout)

    def stop(self) -> None:
        """
        End all sends that are in the loop, and let no other one enter it.
        """
        self._stopped = True
        for ended in list(self._loops.values()):
            ended.cancel()

    def loop(
        self,
        send: Send,
        error: Exception | None = None,
        queue: MessageQueue | None = None,
    ) -> Deferred[SendResult]:
        """
        Go on with a send in the loop.

        @param error: Why its last try failed, if it made one.

        @param queue: Where its next try goes, if that is known.
        """
        ended = Deferred.fromCoroutine(self._guarded(send, error, queue))
        if not ended.called:
            self._loops[send] = ended
        return ended

    async def _guarded(
        self, send: Send, error: Exception | None, queue: MessageQueue | None
    ) -> SendResult:
        """
        The loop, and the end of the send.
        """
        stored = False
        try:
            result = await self._loop(send, error, queue)
            stored = True
            return result
        except CancelledError as cancelled:
            raise self._brokenOff(send, cancelled) from None
        finally:
            self._loops.pop(send, None)
            if self._slots is not None:
                self._slots.release(send)
            self.ended(send, stored)

    async def _loop(
        self, send: Send, error: Exception | None, queue: MessageQueue | None
    ) -> SendResult:
        """
        Try until there is a result, or no reason to go on.
        """
        if isinstance(error, GoAway):
            # The peer has not looked at it: ask its next connection the same.
            error, queue = None, send.queue
        while True:
            if error is not None:
                weak = await self._follow(send, error)
                if weak is not None:
                    return weak
            if self._stopped:
                raise CancelledError
            try:
                result = await self._attempt(send, queue)
            except (CancelledError, InvalidMessage):
                raise
            except Exception as failed:
                error = failed
            else:
                made = 1 if send.history is None else send.history.made + 1
                if not send.rules.betters(result, made):
                    return result
                error = Weak(result)
            queue = None

    async def _attempt(self, send: Send, queue: MessageQueue | None) -> SendResult:
        """
        One try: at this queue, or at the one that is best.
        """
        targets = self._targets
        send.began = self._clock.seconds()
        info = await targets.info(send)
        send.queue = queue = queue or targets.choose(send, info)
        address = targets.addressOrFail(info, queue)
        if self._slots is not None:
            await self._slots.take(send, queue)
        timeout = self._aim(send, info.brokerOf(queue), queue, address)

        async def ask() -> SendResult:
            command = send.outgoing.command(queue, send.broker)
            answer = await self._peers.invoke(address, command, timeout)
            return self.resultOf(send, answer)

        attempt: Callable[[], Awaitable[SendResult]] = ask
        if self._hooks is not None:
            context = contextOf(send, oneway=False)
            attempt = partial(self._hooks.around, context, ask)
        if self._timed is not None:
            return await self._timed.around(send, attempt)
        return await attempt()

    def _aim(self, send: Send, broker: str, queue: MessageQueue, address: str) -> float:
        """
        Note where a try goes, and count it.

        @return: How many seconds it may take.
        """
        send.queue = queue
        send.broker = broker
        send.address = address
        send.began = began = self._clock.seconds()
        self.made += 1
        if send.history is not None:
            self.retries += 1
        left = send.at - began
        return send.rules.attemptTimeout(left if left > MOMENT else MOMENT)

    def resultOf(self, send: Send, answer: RemotingCommand) -> SendResult:
        """
        What an answer means, and that its broker is well.
        """
        queue, address = send.queue, send.address
        assert queue is not None
        assert address is not None
        result = send.outgoing.result(
            answer,
            queue,
            address,
            send.attempts(self._clock.seconds()),
            send.duplicates,
        )
        if self._avoidance.active:
            self._avoidance.succeeded(send.broker)
        return result

    async def _follow(self, send: Send, error: Exception) -> SendResult | None:
        """
        Do what follows a failed try: end the send, or wait for the next one.

        @return: A weak result, when there is one and nothing better to be had.
        """
        if isinstance(error, Weak):
            self._noted(send, error, Persisted.YES).weak = error.result
            return None
        verdict = verdictOn(error)
        if verdict.avoid and send.address is not None:
            self._avoidance.failed(send.broker)
        history = self._noted(send, error, verdict.persisted)
        step = send.rules.after(error, verdict, history)
        left = send.at - self._clock.seconds()
        if step is Step.END or self._stopped or left < LEAST_RETRY + MOMENT:
            if history.weak is not None:
                return history.weak
            raise failedSend(send, history, error)
        await self._prepare(send, history, step, verdict.refresh)
        if send.at - self._clock.seconds() < MOMENT:
            # The wait took longer than it was to: why it failed is what it was.
            raise failedSend(send, history, error)
        return None

    async def _prepare(
        self, send: Send, history: History, step: Step, refresh: bool
    ) -> None:
        """
        Have the route looked up, and back off when no broker is left to try.
        """
        if refresh and step is Step.ON:
            await self._targets.refreshed(send)
        elif refresh:
            self._targets.refreshSoon(send)
        if step is Step.WAIT and not self._targets.another(send, history):
            left = send.at - LEAST_RETRY - self._clock.seconds()
            delay = backOff(history.rounds, self._random)
            await deferLater(self._clock, max(MOMENT, min(delay, left)))
            history.nextRound()

    def _noted(self, send: Send, error: Exception, persisted: Persisted) -> History:
        """
        Write a failed try into a send's history.
        """
        if send.history is None:
            send.history = History()
        elapsed = self._clock.seconds() - send.began
        cause = withoutFrames(error)
        attempt = Attempt(send.queue, send.address, elapsed, cause, persisted)
        send.history.add(attempt, send.broker)
        send.queue = send.address = None
        return send.history

    def _brokenOff(self, send: Send, cancelled: CancelledError) -> Exception:
        """
        The end of a send that was cancelled in the loop, by its caller or by us.
        """
        history = send.history
        begun = Persisted.NO if send.address is None else persistedBy(cancelled)
        persisted = begun if history is None else worse(begun, history.persisted)
        if self._stopped:
            error = NotRunning("the producer was stopped before the send had ended")
            return failedSend(send, self._noted(send, error, persisted), error)
        return SendCancelled(persisted, () if history is None else history.listed())
