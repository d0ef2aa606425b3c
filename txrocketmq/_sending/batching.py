"""
Opportunistic batches: single sends that leave together.

Laws:

    - Nothing is held back for company.  What was called for in one turn of the
      reactor leaves at its end: alone as a single send, together as a batch.

    - Only a full window makes sends wait: at most L{OUTSTANDING
      <txrocketmq._sending.places.OUTSTANDING>} frames of a lane
      are on their way to one broker.  What gathers meanwhile leaves together as
      soon as one of them has ended.  No frame outlasts who waits behind it, so that
      nobody who waits needs a timer.

    - A lane is the sends to one queue, where their callers chose it, or else to one
      topic; each of its frames goes to the next queue then.  First come, first
      leave: what may not leave with others for its queue lets them leave before it.

    - A batch is for the first try of plain sends at a broker that is connected and
      well.  All else is done as without batches, by each send itself.

The window is per broker, so that one that does not answer keeps nobody from the
others.  That it is some frames, and not one, lets the broker store one while the
next is written; that what has gathered is dealt out among them, in parts of
L{LEAST_SHARE<txrocketmq._sending.places.LEAST_SHARE>} at least, keeps them all busy
without making many small ones.

Java's auto-batch (C{ProduceAccumulator}) holds messages back for some milliseconds
or until there are 32 KiB of them instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall

from txrocketmq._wire.records import fillShells
from txrocketmq.errors import InvalidMessage, TooManyInFlight
from txrocketmq.message import MessageQueue, Persisted, SendResult
from txrocketmq.settings import Batching

from .alike import Alike
from .attempts import Attempts
from .batch import batchOf, ownShell
from .envelope import Envelope, Heading
from .hooks import SendHooks
from .intake import Intake
from .lane import Lane
from .member import Member
from .outgoing import Outgoing
from .places import FULL, Places, Target
from .progress import Send
from .rows import Limits
from .rules import rulesFor
from .targets import MOMENT, Cluster, Targets
from .timed import TimedTries
from .together import Together

MOST_LANES: Final = 1024
"""
How many lanes are kept that are idle.
"""


class Batcher:
    """
    The lanes of one producer.

    @ivar lanes: They, by topic or by queue.

    @ivar limits: How much may leave together.

    @ivar plain: Whether nothing is done around a request.
    """

    def __init__(
        self,
        cluster: Cluster,
        envelope: Envelope,
        targets: Targets,
        intake: Intake,
        attempts: Attempts,
        hooks: SendHooks | None = None,
        timed: TimedTries | None = None,
    ) -> None:
        """
        @param attempts: Takes over what does not leave together, and what does not
            go well.
        """
        settings = envelope.settings
        batching = settings.batching or Batching()
        self.envelope = envelope
        self.attempts = attempts
        self.intake = intake
        self.rules = rulesFor(None, settings, False)
        self.hooks = hooks
        self.timed = timed
        self.peers = cluster.peers
        self.plain = hooks is None and timed is None and not cluster.peers.hooked
        self.avoidance = targets.avoidance
        self.seconds: Callable[[], float] = cluster.clock.seconds
        self._clock = cluster.clock
        self._targets = targets
        self._known = cluster.routes.known
        self._places = Places(cluster, targets)
        self.limits = Limits(
            batching.maxMessages,
            min(batching.maxBytes, settings.maxMessageSize),
            settings.attemptTimeout,
        )
        self.lanes: dict[str | MessageQueue, Lane] = {}
        self._ripe: list[Lane] = []
        self._turn: IDelayedCall | None = None

    def first(self, send: Send) -> Deferred[SendResult]:
        """
        Make a send's first try, together with others if it may, and all that follow.
        """
        outgoing = send.outgoing
        info = self._known(outgoing.heading.wireTopic)
        if info is None:
            return self.attempts.first(send)
        queue = None
        if send.choice is not None:
            try:
                queue = self._targets.choose(send, info)
            except InvalidMessage as error:
                self.attempts.ended(send, False)
                return fail(error)
        shell = ownShell(outgoing)
        if shell is None or shell.size > self.limits.size:
            self._letLeave(queue)
            return self.attempts.first(send)
        lane = self.lane(outgoing.heading, queue)
        message = outgoing.messages[0]
        member = Member(self, message, shell, send.at, send.epoch, lane)
        member.msgId, member.send = outgoing.msgId, send
        return self.enter(lane, member)

    def direct(self, send: Send) -> Deferred[SendResult]:
        """
        Make a send's first try by itself, but after those that came before it.
        """
        try:
            self.giveWay(send)
        except InvalidMessage as error:
            self.attempts.ended(send, False)
            return fail(error)
        return self.attempts.first(send)

    def giveWay(self, send: Send) -> None:
        """
        Let those leave first that wait for the queue a send goes to, if its caller
        chose it.

        @raise InvalidMessage: When a selector chooses none.
        """
        info = self._known(send.outgoing.heading.wireTopic)
        if send.choice is not None and info is not None:
            self._letLeave(self._targets.choose(send, info))

    def lane(self, heading: Heading, queue: MessageQueue | None) -> Lane:
        """
        The lane of a topic, or of one queue of it.
        """
        key = heading.topic if queue is None else queue
        lane = self.lanes.get(key)
        if lane is None:
            if len(self.lanes) >= MOST_LANES:
                busy = {k: each for k, each in self.lanes.items() if not each.isIdle}
                self.lanes.clear()
                self.lanes.update(busy)
            lane = self.lanes[key] = Lane(heading, queue, self)
        return lane

    def enter(self, lane: Lane, member: Member) -> Deferred[SendResult]:
        """
        Let a member wait for the end of the turn.
        """
        ended: Deferred[SendResult] = Deferred(member)
        member.ended = ended
        lane.lookAtEach()
        lane.waiting.append(member)
        if not lane.ripe:
            self.ripen(lane)
        return ended

    def ripen(self, lane: Lane) -> None:
        """
        See at the end of the turn who of a lane may leave.
        """
        lane.ripe = True
        self._ripe.append(lane)
        if self._turn is None:
            self._turn = self._clock.callLater(0, self._turnOver)

    def freed(self, lane: Lane, broker: str) -> None:
        """
        A frame has ended.
        """
        lane.ended(broker)
        if lane.count and not lane.ripe:
            self.ripen(lane)

    def giveBack(self, lane: Lane, members: list[Member]) -> None:
        """
        Let those wait again whose frame was not written.
        """
        lane.giveBack(members)
        if members and not lane.ripe:
            self.ripen(lane)

    def cancelled(self, member: Member, place: Lane | Together) -> None:
        """
        A member was cancelled that waits, or is on its way with others.
        """
        if isinstance(place, Together):
            place.cancelled(member)
            return
        member.place = None
        place.lost()
        member.cutOff(Persisted.NO)

    def again(self, lane: Lane, target: Target, members: list[Member]) -> None:
        """
        Send some once more, to where they were sent.
        """
        if not members:
            return
        again = self._places.again(target)
        if again is None:
            for member in members:
                member.goOn(None, target.queue)
            return
        left = min(member.at for member in members) - self.seconds()
        timeout = self.rules.attemptTimeout(left)
        self.attempts.retries += len(members)
        Together(self, lane, again, members).begin(timeout)

    def takesNone(self, target: Target) -> None:
        """
        Note that a broker does not know batches.
        """
        self._targets.versions.takesNoBatches(target.address)

    def outgoingOf(self, lane: Lane, members: list[Member]) -> Outgoing:
        """
        What carries some messages: the one, or a batch.
        """
        first = members[0]
        if len(members) == 1:
            return first.general().outgoing
        ids = self.envelope.nextIds(len(members))
        for at, member in enumerate(members):
            # Some have one, from a try before or from their callers.
            ids[at] = member.msgId = member.msgId or ids[at]
        messages = [each.message for each in members]
        texts = [each.shell.text for each in members]
        body = fillShells(texts, [each.body for each in messages], ids)
        return batchOf(self.envelope, lane.heading, first.msgId, body, ids, messages)

    def stop(self) -> None:
        """
        End all that wait.
        """
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        self._ripe.clear()
        for lane in self.lanes.values():
            lane.lookAtEach()
            while (member := lane.front()) is not None:
                lane.waiting.popleft()
                member.cutOff(Persisted.NO)

    def _letLeave(self, queue: MessageQueue | None) -> None:
        """
        Let all leave that wait for a queue, before somebody who may not be with
        them.
        """
        lane = None if queue is None else self.lanes.get(queue)
        if lane is not None:
            self._leave(lane, inAnyCase=True)

    def _turnOver(self) -> None:
        """
        Let leave who may.
        """
        self._turn = None
        ripe, self._ripe = self._ripe, []
        for lane in ripe:
            lane.ripe = False
            self._leave(lane)

    def _leave(self, lane: Lane, inAnyCase: bool = False) -> None:
        """
        Let those of a lane leave that wait now, as far as its window is open.
        """
        info = self._places.route(lane)
        count = lane.count
        share = self._places.share(lane, info, self.limits.messages)
        while count > 0 and (at := lane.at) is not None:
            now = self.seconds()
            if at - now < MOMENT:
                self._endLate(lane)
                continue
            target = self._places.next(lane, info, inAnyCase) if info else None
            if target is FULL:
                # One of those that are out ends before anybody's time is over.
                return
            if target is None:
                count -= 1
                lane.popFirst().goAlone()
                continue
            count -= self._send(lane, target, share, now)

    def _send(self, lane: Lane, target: Target, share: int, now: float) -> int:
        """
        Let some leave together.

        @return: How many.
        """
        if lane.rows.count and self.plain:
            alike = lane.rows.take(share, self.limits, now)
            if alike is not None:
                columns, timeout = alike
                Alike(self, lane, target, [], columns=columns).begin(timeout)
                return len(columns.messages)
        lane.lookAtEach()
        members, timeout = lane.take(share, self.limits, now)
        Together(self, lane, target, members).begin(timeout)
        return len(members)

    def _endLate(self, lane: Lane) -> None:
        """
        End the first of a lane, who has waited for too long.
        """
        lane.popFirst().fail(
            TooManyInFlight(
                "it was not sent: it had no time left when those before it let it leave"
            )
        )
