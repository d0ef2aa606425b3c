"""
Messages that are alike and left in one frame, until its end.

Laws:

    - They joined their lane by the short way (L{Joining
      <txrocketmq._sending.joining.Joining>}), this is the first try of each, and
      nothing is done around it.

    - What leaves, and what becomes of it, is what L{Together} does with them.

    - As long as all goes well, no more is written into a member than where it is.
      When something does not, each is given its id first, and L{Together} goes on.

What it saves: ids, results, bytes and epochs are seen to for all of them at once.
"""

from __future__ import annotations

from msgspec.structs import replace
from twisted.python.failure import Failure

from txrocketmq._wire.records import fillShells
from txrocketmq.errors import RocketMQError
from txrocketmq.message import Attempt, Persisted, SendResult

from .batch import batchOf, splitResult
from .member import Member
from .outgoing import Outgoing
from .together import Together

_YES = Persisted.YES


class Alike(Together):
    """
    One such frame.

    @ivar size: The bytes of all bodies.

    @ivar named: Whether each member knows its id.
    """

    size: int = 0
    named: bool = False

    def begin(self, timeout: float) -> None:
        """
        Ask.
        """
        batcher, target, members = self.batcher, self.target, self.members
        self.began = batcher.seconds()
        batcher.attempts.made += len(members)
        for member in members:
            member.place = self
        self.lane.sent(target.broker)
        self.outgoing = self._outgoing()
        target.live.ask(self._frame, timeout, self)

    def failed(self, error: Exception | Failure) -> None:
        """
        There will be no answer.
        """
        self._name()
        super().failed(error)

    def cancelled(self, member: Member) -> None:
        """
        A member was cancelled: the others go on.
        """
        self._name()
        super().cancelled(member)

    def _refused(self, error: RocketMQError, isBatch: bool) -> None:
        """
        The broker has not stored them.
        """
        self._name()
        super()._refused(error, isBatch)

    def _outgoing(self) -> Outgoing:
        """
        What carries them.
        """
        members, envelope = self.members, self.batcher.envelope
        ids = envelope.nextIds(len(members))
        messages = [each.message for each in members]
        bodies = [each.body for each in messages]
        self.size = sum(map(len, bodies))
        body = fillShells([each.shell.text for each in members], bodies, ids)
        return batchOf(envelope, self.lane.heading, ids[0], body, ids, messages)

    def _name(self) -> None:
        """
        Give each member the id it was sent under.
        """
        if not self.named and self.outgoing is not None:
            self.named = True
            ids = self.outgoing.memberIds or ()
            for member, msgId in zip(self.members, ids, strict=True):
                member.msgId = msgId

    def _stored(self, result: SendResult) -> None:
        """
        All are stored: give each its own result.
        """
        if self.named or self.outgoing is None:
            super()._stored(result)
            return
        members, target, intake = self.members, self.target, self.batcher.intake
        elapsed = self.batcher.seconds() - self.began
        attempt = Attempt(target.queue, target.address, elapsed, None, _YES)
        results = splitResult(self.outgoing, replace(result, attempts=(attempt,)))
        # Whoever is told of one's end may cancel another: that one's is here, too.
        for member, own in zip(members, results, strict=True):
            member.place = own
        if members[0].epoch is members[-1].epoch:
            # They came in order: so is that of all between.
            intake.storedAlike(members[0].epoch, self.size, len(members))
        else:
            intake.storedTogether(members)
        for member, own in zip(members, results, strict=True):
            ended, member.ended = member.ended, None
            if ended is not None and not ended.called:
                ended.callback(own)
