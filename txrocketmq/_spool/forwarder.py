"""
What brings the messages of the spool to their brokers.

Laws:

    - It never gives up: a message leaves the spool when a broker has it or has
      refused it for good, and in no other way.

    - A message that a broker has is forgotten after that, never before: a crash in
      between sends it again, under the same msgId.

    - It takes a small part of each turn of the reactor: requests come first.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from txrocketmq.message import MessageQueue, SendResult

from .entries import Kept
from .lane import Lane
from .lanes import Lanes
from .ledger import Ledger
from .needs import Sender, Tally
from .patience import Patience
from .reading import Reading
from .spool import Spool
from .verdicts import Fate, Judgement, judged

WINDOW = 512
"""
The most messages under way.
"""

SLICE = 16
"""
The most messages that are sent in one turn of the reactor: a request waits for some
turns, and each of these takes a few milliseconds then.
"""

BUSY = 64
"""
How many messages come in in a turn when requests take all the time there is.
"""

BUSY_SLICE = 4
"""
The most messages that are sent in such a turn: the time is taken from requests.
"""

STRAYED = 1.0
"""
Seconds after which all is read again, when messages wait and none is in sight.
"""

SOON = 0.001
"""
The least seconds until another turn that waits for something.
"""


class Forwarder:
    """
    Sends what waits in a spool.

    @ivar lastError: Why the last send failed, in fixed words; L{None} when the one
        after it did not.
    """

    _log = Logger()

    def __init__(
        self, reactor: Any, spool: Spool, producer: Sender, tally: Tally
    ) -> None:
        """
        @param producer: What sends.
        """
        self.lastError: str | None = None
        self._reactor = reactor
        self._spool = spool
        self._producer = producer
        self._tally = tally
        self._flying: dict[int, Deferred[Any]] = {}
        self._running = False
        self._appended = 0
        self._timer: IDelayedCall | None = None
        self._landing: list[Deferred[None]] = []
        self._renew()

    @property
    def state(self) -> str:
        """
        C{idle}, C{draining}, C{backing off} or C{stopped}.
        """
        if not self._running:
            return "stopped"
        if self._patience.failing:
            return "backing off"
        return "draining" if self._spool.counts.waiting else "idle"

    def start(self) -> None:
        """
        Begin to send.
        """
        if not self._running:
            self._renew()
            self._running = True
            self._spool.listen(self.wake)
            self._go()

    def wake(self) -> None:
        """
        There are new messages in the spool.
        """
        if self._running:
            self._reading.wake()

    def stop(self, within: float) -> Deferred[int]:
        """
        Begin no more sends, and end those under way.

        @param within: The seconds these have.

        @return: How many messages stay in the spool.  It does not fail, and can be
            called again, with less time.
        """
        self._running = False
        self._reading.stop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return Deferred.fromCoroutine(self._stopped(within))

    async def _stopped(self, within: float) -> int:
        """
        Wait for what is under way, then give it up, and forget what was delivered.
        """
        if self._flying:
            landed: Deferred[None] = Deferred(self._landing.remove)
            self._landing.append(landed)
            ending = self._reactor.callLater(within, self._giveUp)
            try:
                await landed
            finally:
                if ending.active():
                    ending.cancel()
        await self._ledger.flushed()
        return self._spool.counts.waiting

    def _renew(self) -> None:
        """
        Begin with nothing in memory.
        """
        self._lanes = Lanes()
        self._ledger = Ledger(self._reactor, self._spool, self._lanes.gone)
        self._patience = Patience()
        self._reading = Reading(self._reactor, self._spool, self._lanes, self._arrived)

    def _giveUp(self) -> None:
        """
        End what is under way: it stays in the spool.
        """
        for sending in list(self._flying.values()):
            sending.cancel()

    def _go(self) -> None:
        """
        Send what can be sent, and see to more.
        """
        self._timer = None
        now = self._reactor.seconds()
        if self._reading.strayed:
            self._lanes.rewind(1)
        for topic, number in self._lanes.revive(now):
            self._reading.probe(topic, number)
        window = self._patience.window(WINDOW, now)
        left = min(self._slice(), window - len(self._flying))
        while left > 0 and not self._ledger.overdue:
            found = self._lanes.next()
            if found is None:
                break
            left -= 1
            self._send(*found)
        self._goOn()

    def _slice(self) -> int:
        """
        How many messages are to be sent in this turn.
        """
        before, self._appended = self._appended, self._spool.appended
        return SLICE if self._appended - before <= BUSY else BUSY_SLICE

    def _goOn(self) -> None:
        """
        Read more, where there is room now, and see that there is another turn, when
        it makes sense.
        """
        if not self._running:
            return
        self._reading.read()
        now = self._reactor.seconds()
        free = self._patience.window(WINDOW, now) > len(self._flying)
        if free and self._lanes.able and not self._ledger.overdue:
            self._schedule(0.0)
            return
        times = [self._lanes.soonest(), self._patience.until(now)]
        soonest = min((at for at in times if at is not None), default=None)
        if soonest is not None:
            self._schedule(max(soonest - now, SOON))
        elif self._reading.strayed:
            self._schedule(STRAYED)

    def _schedule(self, delay: float) -> None:
        """
        Have another turn after some seconds, or sooner.
        """
        timer = self._timer
        if timer is None:
            self._timer = self._reactor.callLater(delay, self._go)
        elif timer.getTime() > self._reactor.seconds() + delay:
            timer.reset(delay)

    def _arrived(self) -> None:
        """
        Messages were read: send some at once.
        """
        if self._running and self._timer is None:
            self._go()
        else:
            self._goOn()

    def _send(self, lane: Lane, kept: Kept) -> None:
        """
        Send a message.
        """
        began = self._reactor.seconds()
        sending = self._producer.send(kept.message, queue=lane.pin, msgId=kept.msgId)
        self._flying[kept.number] = sending
        sending.addCallbacks(
            self._stored,
            self._failed,
            callbackArgs=(lane, kept, began),
            errbackArgs=(lane, kept, began),
        ).addErrback(self._unforeseen)
        sending.addBoth(self._landed, kept)

    def _stored(self, result: SendResult, lane: Lane, kept: Kept, began: float) -> None:
        """
        A broker has a message.
        """
        self._tally.stored(
            self._reactor.seconds() - began, len(result.attempts) or 1, viaSpool=True
        )
        lane.pin = result.messageQueue if lane.serial else None
        self._delivered(lane, kept)

    def _delivered(self, lane: Lane, kept: Kept) -> None:
        """
        A message is over.
        """
        self.lastError = None
        self._patience.succeeded(self._reactor.seconds())
        self._lanes.landed(lane, kept)
        self._ledger.delivered(kept.number)
        if kept.message.topic in self._lanes.parked:
            self._lanes.unpark(kept.message.topic)

    def _failed(self, failure: Failure, lane: Lane, kept: Kept, began: float) -> None:
        """
        A send has failed.
        """
        error = failure.value
        assert isinstance(error, Exception)
        if isinstance(error, CancelledError):
            self._again(lane, kept, error, began)
            return
        judgement = judged(error)
        self.lastError = judgement.words
        if judgement.fate is Fate.STORED:
            self._delivered(lane, kept)
        elif judgement.fate is Fate.REFUSED:
            self._refused(lane, kept, judgement)
        elif judgement.fate is Fate.TOPIC:
            self._lanes.park(lane, kept, self._reactor.seconds())
        else:
            lane.open = lane.open or judgement.open
            self._again(lane, kept, error, began)

    def _refused(self, lane: Lane, kept: Kept, judgement: Judgement) -> None:
        """
        No broker will have a message.
        """
        self._tally.refused(judgement.label)
        self._patience.succeeded(self._reactor.seconds())
        self._lanes.landed(lane, kept)
        self._ledger.refused(kept.number, judgement.words)

    def _again(self, lane: Lane, kept: Kept, error: Exception, began: float) -> None:
        """
        A message is to be tried again.
        """
        now = self._reactor.seconds()
        self._lanes.failed(lane, kept, now)
        if lane.serial:
            lane.hold(_queueOf(error), now)
        self._patience.failed(began, now)

    def _unforeseen(self, failure: Failure) -> None:
        """
        A fault of ours: the message stays in the spool until the next start.
        """
        self._log.failure("A message could not be forwarded", failure)

    def _landed(self, result: object, kept: Kept) -> None:
        """
        A send has ended.
        """
        self._flying.pop(kept.number, None)
        self._goOn()
        if not self._flying:
            landing, self._landing = self._landing, []
            for waiter in landing:
                waiter.callback(None)


def _queueOf(error: Exception) -> MessageQueue | None:
    """
    The queue a failed send was tried at last.
    """
    for attempt in reversed(getattr(error, "attempts", ())):
        if attempt.messageQueue is not None:
            queue: MessageQueue = attempt.messageQueue
            return queue
    return None
