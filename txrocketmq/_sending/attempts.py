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

from txrocketmq._wire.command import RemotingCommand
from txrocketmq.errors import (
    GoAway,
    InvalidMessage,
    NotRunning,
    SendCancelled,
    SendFailed,
)
from txrocketmq.message import MessageQueue, Persisted, SendResult

from .endings import Weak, failedSend, noted, persistedBy
from .firsttry import FirstTry
from .hooks import SendHooks, contextOf
from .pacing import Pacing
from .policy import NO, Verdict, verdictOn
from .progress import Send, worse
from .rules import Step
from .slots import QueueSlots
from .targets import LEAST_RETRY, MOMENT, Cluster, Targets
from .timed import TimedTries
from .unreached import Unreached

Ended: TypeAlias = Callable[[Send, bool], None]
"""
Told once of each send that ends, and whether it succeeded.
"""


class Attempts:
    """
    Takes one producer's sends to their end.

    @ivar made: How many tries there were.

    @ivar retries: How many of them were not a send's first.

    @ivar measured: Whether tries are timed, or counted for each queue.

    @ivar plain: Whether nothing is done around a try.
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
        self.made = 0
        self.retries = 0
        self._hooks = hooks
        self._slots = slots
        self._timed = timed
        self.measured = slots is not None or timed is not None
        # What has to be done around a try is done in the loop.
        isHooked = hooks is not None or cluster.peers.hooked
        self.plain = not isHooked and not self.measured
        self._peers = cluster.peers
        self._sendAddress = cluster.sendAddress
        self._seconds = cluster.clock.seconds
        self._targets = targets
        self._known = cluster.routes.known
        self._avoidance = targets.avoidance
        self._versions = targets.versions
        self._marked = targets.avoidance.marked
        self._pacing = Pacing(
            cluster, targets, random, lambda: self.made - self.retries, slots
        )
        self.ended = ended
        self._unreached = Unreached(self, cluster, targets, random)
        self._loops: dict[Send, Deferred[SendResult]] = {}
        self._stopped = False

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
        if live is None or address is None or not self.plain or broker in self._marked:
            return self.loop(send, None, queue)
        timeout = self.aim(send, broker, queue, address)
        return FirstTry(self, send, live).begin(timeout)

    def stop(self) -> None:
        """
        End all sends that are in the loop, and let no other one enter it.
        """
        self._stopped = True
        self._unreached.stop()
        for ended in list(self._loops.values()):
            ended.cancel()
        self._pacing.stop()

    def loop(
        self,
        send: Send,
        error: Exception | None = None,
        queue: MessageQueue | None = None,
    ) -> Deferred[SendResult]:
        """
        Go on with a send.

        @param error: Why its last try failed, if it made one.

        @param queue: Where its next try goes, if that is known.
        """
        if self.plain and send.rules.avoids and not self._stopped:
            return self._unreached.begin(send, error, queue)
        return self.inLoop(send, error, queue)

    def inLoop(
        self, send: Send, error: Exception | None, queue: MessageQueue | None
    ) -> Deferred[SendResult]:
        """
        Go on with a send in the loop.
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
        wrong: BaseException | None = None
        try:
            result = await self._loop(send, error, queue)
        except CancelledError as cancelled:
            begun = NO if send.address is None else persistedBy(cancelled)
            wrong = self.cutOff(send, begun)
        except BaseException as failed:
            wrong = failed
        # Not before the error is handled: those who are told now, and those who
        # are let in, would else have their errors raised in the context of this.
        self._loops.pop(send, None)
        if self._slots is not None:
            self._slots.release(send)
        self.ended(send, wrong is None)
        if wrong is None:
            return result
        try:
            raise wrong
        finally:
            del wrong

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
                queue = self._versions.again(send, error, self._seconds())
            if error is not None and queue is None:
                weak = await self._follow(send, error)
                if weak is not None:
                    return weak
            if self._stopped:
                raise CancelledError
            try:
                result = await self._attempt(send, queue)
            except (CancelledError, InvalidMessage, SendFailed):
                raise
            except Exception as failed:
                error = failed
            else:
                made = 1
                if send.history is not None:
                    made += send.history.made
                    self._pacing.stored(send.history)
                if not send.rules.betters(result, made):
                    return result
                error = Weak(result)
            queue = None

    async def _attempt(self, send: Send, queue: MessageQueue | None) -> SendResult:
        """
        One try: at this queue, or at the one that is best.
        """
        send.began = self._seconds()
        pacing = self._pacing
        broker, queue, address = await pacing.queueFor(send, queue)
        timeout = self.aim(send, broker, queue, address)

        async def ask() -> SendResult:
            old = send.rules.avoids and self._versions.isOld(broker, address)
            command = send.outgoing.command(queue, send.broker, old)
            answer = await self._peers.invoke(address, command, timeout, send.at)
            return self.resultOf(send, answer)

        attempt: Callable[[], Awaitable[SendResult]] = partial(pacing.around, send, ask)
        if self._hooks is not None:
            context = contextOf(send, oneway=False)
            attempt = partial(self._hooks.around, context, attempt)
        if self._timed is not None:
            return await self._timed.around(send, attempt)
        return await attempt()

    def aim(self, send: Send, broker: str, queue: MessageQueue, address: str) -> float:
        """
        Note where a try goes, and count it.

        @return: How many seconds it may take.
        """
        send.queue = queue
        send.broker = broker
        send.address = address
        send.began = began = self._seconds()
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
            send.attempts(self._seconds()),
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
            weak = noted(send, error, Persisted.YES, self._seconds())
            weak.weak = error.result
            return None
        verdict = verdictOn(error)
        step = self.weigh(send, error, verdict)
        history = send.history
        assert history is not None
        if step is Step.END:
            if history.weak is not None:
                return history.weak
            raise failedSend(send, history, error)
        await self._pacing.next(send, history, step, verdict, error)
        if send.at - self._seconds() < MOMENT:
            # The wait took longer than it was to: why it failed is what it was.
            raise failedSend(send, history, error)
        return None

    def weigh(self, send: Send, error: Exception, verdict: Verdict) -> Step:
        """
        Note a try that failed, and say what follows.
        """
        if verdict.avoid and send.address is not None:
            self._avoidance.failed(send.broker)
        self._pacing.refused(send, error, verdict)
        history = noted(send, error, verdict.persisted, self._seconds())
        step = send.rules.after(error, verdict, history)
        left = send.at - self._seconds()
        return Step.END if self._stopped or left < LEAST_RETRY + MOMENT else step

    def cutOff(self, send: Send, begun: Persisted) -> Exception:
        """
        The end of a send that is cancelled, by its caller or by us.

        @param begun: What is known because of the try under way.
        """
        history = send.history
        persisted = begun if history is None else worse(begun, history.persisted)
        if self._stopped:
            error = NotRunning("the producer was stopped before the send had ended")
            history = noted(send, error, persisted, self._seconds())
            return failedSend(send, history, error)
        return SendCancelled(persisted, () if history is None else history.listed())
