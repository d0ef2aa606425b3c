"""
Messages that left in one frame, until its end.

Laws:

    - The frame of one is that of a single send; the frame of several is a batch,
      which is stored as a whole or not at all.

    - Hooks are called once before and once after for each message, as if it had
      left alone.

    - A batch that was refused because of one of its messages is divided, until
      that one is alone.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from txrocketmq._remoting.waiters import UNWRITTEN, Waiter, persistedOf
from txrocketmq._wire.codes import ResponseCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq.errors import BrokerError, RocketMQError
from txrocketmq.message import Attempt, Persisted, SendResult

from .batch import offsetIdsOf
from .endings import noted
from .lane import Lane
from .member import Member
from .outgoing import Outgoing
from .places import Target
from .policy import Again, verdictOn
from .targets import LEAST_RETRY, MOMENT
from .watched import Watched

if TYPE_CHECKING:
    from .batching import Batcher

_YES = Persisted.YES

UNKNOWN: Final = int(ResponseCode.REQUEST_CODE_NOT_SUPPORTED)

OF_ONE: Final = frozenset(
    {int(ResponseCode.MESSAGE_ILLEGAL), int(ResponseCode.INVALID_PARAMETER)}
)
"""
The codes of answers that may be about one message, or about their size together.
"""


class Together(msgspec.Struct, eq=False):
    """
    One such frame.  It is a L{Waiting<txrocketmq._remoting.waiters.Waiting>}.

    @ivar members: Whose messages it has, in order; of them those have left whose
        place is another.

    @ivar outgoing: What is sent.

    @ivar asked: The request, where something is done around it.

    @ivar watched: What hooks see of it, where there are hooks.

    @ivar isOver: Whether nothing is outstanding.
    """

    batcher: Batcher
    lane: Lane
    target: Target
    members: list[Member]
    outgoing: Outgoing | None = None
    began: float = 0.0
    asked: Deferred[None] | None = None
    watched: Watched | None = None
    isOver: bool = False
    opaque: int = 0
    timeout: float = 0.0
    deadline: float = 0.0
    heard: int = UNWRITTEN
    oneway: bool = False
    # Others wait behind it, within times of their own.
    most: float = -inf

    def begin(self, timeout: float) -> None:
        """
        Ask.

        @param timeout: Seconds until there must be an answer.
        """
        batcher, target = self.batcher, self.target
        self.began = batcher.seconds()
        batcher.attempts.made += len(self.members)
        for member in self.members:
            member.place = self
            if member.send is not None:
                self._aim(member)
        self.lane.sent(target.broker)
        if batcher.hooks is not None:
            self.watched = Watched(batcher.hooks)
            for member in self.members:
                self._aim(member)
            self.watched.before(self.members)
            self.members = self._left()
            if not self.members:
                self._over()
                return
        self.outgoing = outgoing = batcher.outgoingOf(self.lane, self.members)
        if batcher.plain:
            target.live.ask(self._frame, timeout, self)
            return
        command = outgoing.command(target.queue, target.broker)
        asked = batcher.peers.invoke(target.address, command, timeout)
        self.asked = asked.addCallbacks(self.answered, self._unanswered)

    def answered(self, answer: RemotingCommand) -> None:
        """
        The answer has come.
        """
        target, batcher, outgoing = self.target, self.batcher, self.outgoing
        assert outgoing is not None
        self._over()
        try:
            result = outgoing.result(answer, target.queue, target.address, (), 0)
        except RocketMQError as error:
            self._record(error)
            self._refused(error, outgoing.memberIds is not None)
            return
        self._record(None)
        if batcher.avoidance.active:
            batcher.avoidance.succeeded(target.broker)
        self._stored(result)

    def failed(self, error: Exception | Failure) -> None:
        """
        There will be no answer.
        """
        assert isinstance(error, Exception)
        if not self.isOver:
            self._over()
            self._record(error)
            self._goOn(error)

    @property
    def persisted(self) -> Persisted:
        """
        What is known of the messages if there is no answer.
        """
        asked = self.asked
        if asked is None:
            return persistedOf(self.heard)
        return asked.persisted if isinstance(asked, Waiter) else Persisted.MAYBE

    def cancelled(self, member: Member) -> None:
        """
        A member was cancelled: the others go on.
        """
        persisted = Persisted.MAYBE if self.isOver else self.persisted
        member.place = None
        if not self.isOver:
            left = self._left()
            if persisted is Persisted.NO or not left:
                self._takeBack(left)
        self._after([member], CancelledError())
        member.cutOff(persisted)

    def _takeBack(self, left: list[Member]) -> None:
        """
        Ask no more; those who are left wait again, as nothing was written.
        """
        self._over()
        if self.asked is None:
            self.target.live.abandon(self)
        else:
            self.asked.cancel()
        self.batcher.attempts.made -= len(left)
        self._after(left, CancelledError())
        self.batcher.giveBack(self.lane, left)

    def _left(self) -> list[Member]:
        """
        The members that have not left.
        """
        return [member for member in self.members if member.place is self]

    def _aim(self, member: Member) -> None:
        """
        Note in a member's send where its try went.
        """
        send, target = member.general(), self.target
        send.queue = target.queue
        send.broker = target.broker
        send.address = target.address
        send.began = self.began

    def _frame(self, opaque: int) -> bytes:
        """
        The frame.

        @raise ValueError: It cannot be written.
        """
        assert self.outgoing is not None
        return self.outgoing.frame(opaque, self.target.queue, self.target.broker)

    def _unanswered(self, reason: Failure) -> None:
        """
        There will be no answer, as a Deferred tells it.
        """
        if not self.isOver:
            assert isinstance(reason.value, Exception)
            self.failed(reason.value)

    def _over(self) -> None:
        """
        Nothing is outstanding any more: others may leave.
        """
        self.isOver = True
        self.batcher.freed(self.lane, self.target.broker)

    def _after(self, members: list[Member], error: Exception | None = None) -> None:
        """
        Call the hooks after the try of some.
        """
        if self.watched is not None:
            self.watched.after(members, error)

    def _record(self, error: Exception | None) -> None:
        """
        Let Java's latency tables learn of the try.
        """
        if self.batcher.timed is not None:
            self.batcher.timed.record(self.target.broker, self.began, error)

    def _stored(self, result: SendResult) -> None:
        """
        All are stored: give each its own result.
        """
        members, target = self.members, self.target
        now = self.batcher.seconds()
        elapsed = now - self.began
        attempts = (Attempt(target.queue, target.address, elapsed, None, _YES),)
        offsetIds = offsetIdsOf(result, len(members))
        handle = result.recallHandle if len(members) == 1 else None
        status, queue, offset = result.sendStatus, target.queue, result.queueOffset
        transactionId, regionId = result.transactionId, result.regionId
        traceOn = result.traceOn
        stored, results = [], []
        for at, (member, offsetId) in enumerate(
            zip(members, offsetIds, strict=True), offset
        ):
            if member.place is not self:
                continue
            send = member.send
            if send is not None and send.history is None:
                send = None
            member.place = own = SendResult(
                status,
                member.msgId,
                offsetId,
                queue,
                at,
                transactionId,
                regionId,
                traceOn,
                handle,
                attempts if send is None else send.attempts(now),
                0 if send is None else send.duplicates,
            )
            stored.append(member)
            results.append(own)
        self.batcher.intake.storedTogether(stored)
        self._after(stored)
        for member, own in zip(stored, results, strict=True):
            ended, member.ended = member.ended, None
            # Whoever was told of another's end may have cancelled this one.
            if ended is not None and not ended.called:
                ended.callback(own)

    def _refused(self, error: RocketMQError, isBatch: bool) -> None:
        """
        The broker has not stored them.
        """
        left = self._left()
        if isBatch and isinstance(error, BrokerError):
            if error.code == UNKNOWN:
                self.batcher.takesNone(self.target)
                self._after(left, error)
                for member in self._noted(left, error):
                    member.goOn(None, self.target.queue)
                return
            if _isOfOne(error):
                self._after(left, error)
                self._divide(self._noted(left, error), error)
                return
        self._goOn(error)

    def _divide(self, members: list[Member], error: BrokerError) -> None:
        """
        Send the two halves of what was refused.
        """
        middle = (len(members) + 1) // 2
        for half in (members[:middle], members[middle:]):
            self.batcher.again(self.lane, self.target, half)

    def _noted(self, members: list[Member], error: BrokerError) -> list[Member]:
        """
        Write a try that was refused into the history of each.

        @return: Those who have time for another one; the others are ended.
        """
        now = self.batcher.seconds()
        going = []
        for member in members:
            if member.place is not self:
                continue
            self._aim(member)
            if member.at - now < LEAST_RETRY + MOMENT:
                member.goOn(error)
            else:
                noted(member.general(), error, Persisted.NO, now)
                going.append(member)
        return going

    def _goOn(self, error: Exception) -> None:
        """
        Let each go on by itself.
        """
        left = self._left()
        self._after(left, error)
        for member in left:
            # Whoever was told of another's end may have cancelled this one.
            if member.place is self:
                self._aim(member)
                member.goOn(error)


def _isOfOne(error: BrokerError) -> bool:
    """
    Whether a refusal may be because of one message.
    """
    verdict = verdictOn(error)
    return (
        error.code in OF_ONE
        and verdict.persisted is Persisted.NO
        and verdict.again is Again.NEVER
    )
