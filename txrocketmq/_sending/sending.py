"""
One producer's sends, from one start of its client to the next stop.
"""

from __future__ import annotations

from contextlib import suppress
from random import Random

from twisted.internet.defer import Deferred

from txrocketmq._routing.latency import latenciesOf
from txrocketmq.errors import InvalidMessage
from txrocketmq.message import CommunicationMode, SendResult
from txrocketmq.settings import ProducerSettings
from txrocketmq.stats import ProducerStats

from .attempts import Attempts
from .batching import Batcher
from .choice import Choice
from .detector import Detector
from .envelope import Envelope
from .fastpath import FastPath
from .hooks import SendHooks
from .intake import Intake
from .joining import Joining
from .oneway import Oneway
from .outgoing import Outgoing
from .progress import Send
from .recall import Recall
from .rules import rulesFor
from .slots import QueueSlots
from .targets import Cluster, Targets
from .timed import TimedTries


class Sending:
    """
    Lets sends in, takes them to their end, and knows which have not ended.

    @ivar recalls: What takes timer messages back.

    @ivar fast: The short way of plain sends, where there is one.
    """

    def __init__(
        self,
        cluster: Cluster,
        envelope: Envelope,
        settings: ProducerSettings,
        random: Random,
        hooks: SendHooks | None = None,
    ) -> None:
        """
        @param random: What chooses first queues and makes back-offs differ.

        @param hooks: What is called around each attempt.
        """
        self._clock = cluster.clock
        self._settings = settings
        self._rules = rulesFor(None, settings, False)
        queueNums = settings.defaultTopicQueueNums
        self._intake = Intake(cluster.clock, settings)
        latencies = latenciesOf(settings, cluster.clock)
        self._detector: Detector | None = None
        timed = None
        if latencies is not None:
            self._detector = Detector(cluster, latencies, envelope.serializeType)
            timed = TimedTries(cluster.clock, latencies, self._detector)
        targets = Targets(cluster, queueNums, random, latencies)
        self._isolated = targets.isolated
        most = settings.maxInFlightPerQueue
        slots = QueueSlots(cluster.clock, most) if most else None
        self._attempts = Attempts(
            cluster, targets, random, self._intake.ended, hooks, slots, timed
        )
        self._direct = self._first = self._attempts.first
        self._batcher: Batcher | None = None
        if settings.batching is not None and slots is None:
            self._batcher = batcher = Batcher(
                cluster, envelope, targets, self._intake, self._attempts, hooks, timed
            )
            self._first, self._direct = batcher.first, batcher.direct
        self.fast = self._shortWay(cluster, envelope, targets, hooks)
        self._admit = self._intake.admit
        self._oneway = Oneway(cluster, targets, self._intake.ended, hooks, timed)
        self.recalls = Recall(
            cluster, envelope.group, envelope.serializeType, queueNums, random
        )

    def send(
        self,
        outgoing: Outgoing,
        choice: Choice | None,
        mode: CommunicationMode | None,
        timeout: float | None,
    ) -> Deferred[SendResult]:
        """
        Send, and learn what became of it.
        """
        send = self._made(outgoing, choice, mode, timeout)
        isUsual = mode is None and timeout is None
        return self._admit(send, self._first if isUsual else self._direct)

    def sendOneway(self, outgoing: Outgoing, choice: Choice | None) -> Deferred[None]:
        """
        Send, and do not ask.
        """
        send = self._made(outgoing, choice, None, None)
        return self._intake.admit(send, self._tell)

    def _tell(self, send: Send) -> Deferred[None]:
        """
        Make the only try of a send that is not answered.
        """
        if self._batcher is not None:
            # That a selector chooses none is found out again below.
            with suppress(InvalidMessage):
                self._batcher.giveWay(send)
        return self._oneway.first(send)

    def flush(self) -> Deferred[None]:
        """
        @return: Fires when every send of now has ended.
        """
        return self._intake.flush()

    def whenWritable(self) -> Deferred[None]:
        """
        @return: Fires when a send would not wait.
        """
        return self._intake.room.whenWritable()

    def stop(self) -> None:
        """
        End all sends that are not in flight, and let none be tried again.
        """
        self._intake.stop()
        self._attempts.stop()
        if self._batcher is not None:
            self._batcher.stop()
        if self._detector is not None:
            self._detector.stop()

    def stats(self) -> ProducerStats:
        """
        A look at all this.
        """
        intake, attempts = self._intake, self._attempts
        return ProducerStats(
            intake.room.messages,
            intake.room.size,
            intake.room.waiting,
            intake.sent,
            intake.failed,
            attempts.made,
            attempts.retries,
            self._isolated(),
        )

    def _shortWay(
        self,
        cluster: Cluster,
        envelope: Envelope,
        targets: Targets,
        hooks: SendHooks | None,
    ) -> FastPath | Joining | None:
        """
        The short way of plain sends, if there is one.
        """
        intake, attempts = self._intake, self._attempts
        if self._batcher is not None:
            joining = Joining(cluster, envelope, intake, self._batcher)
            return joining if hooks is None else None
        if not attempts.measured and cluster.peers.fixed is not None:
            rules = self._rules
            return FastPath(cluster, envelope, targets, intake, attempts, rules, hooks)
        return None

    def _made(
        self,
        outgoing: Outgoing,
        choice: Choice | None,
        mode: CommunicationMode | None,
        timeout: float | None,
    ) -> Send:
        """
        A send that begins now.
        """
        settings = self._settings
        seconds = settings.sendTimeout if timeout is None else timeout
        rules = self._rules
        if mode is not None:
            rules = rulesFor(mode, settings, choice is not None)
        return Send(
            outgoing,
            self._clock.seconds() + seconds,
            self._intake.ledger.current,
            choice,
            rules,
        )
