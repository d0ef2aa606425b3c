"""
Messages that are alike and left in one frame, until its end.

Laws:

    - They joined their lane by the short way (L{Joining
      <txrocketmq._sending.joining.Joining>}), this is the first try of each, and
      nothing is done around it.

    - What leaves, and what becomes of it, is what L{Together} does with them.

    - As long as all goes well, there are no members.  When something does not, they
      are made first, and L{Together} goes on.

What it saves: ids, results, bytes and epochs are seen to for all of them at once.
"""

from __future__ import annotations

from itertools import repeat

from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txrocketmq._wire.records import fillShells
from txrocketmq.errors import RocketMQError
from txrocketmq.message import Attempt, Persisted, SendResult

from .batch import batchOf, splitResult
from .outgoing import Outgoing
from .rows import Columns
from .together import Together

_YES = Persisted.YES


class Alike(Together):
    """
    One such frame.

    @ivar columns: Who is in it, as long as there are no members.

    @ivar size: The bytes of all bodies.

    @ivar results: What became of them, once that is known.
    """

    columns: Columns | None = None
    size: int = 0
    results: list[SendResult] | None = None

    def begin(self, timeout: float) -> None:
        """
        Ask.
        """
        batcher, lane, target, columns = (
            self.batcher,
            self.lane,
            self.target,
            self.columns,
        )
        assert columns is not None
        self.began = batcher.seconds()
        batcher.attempts.made += len(columns.messages)
        lane.sent(target.broker)
        lane.frames.append(self)
        self.outgoing = self._outgoing(columns)
        target.live.ask(self._frame, timeout, self)

    def has(self, ended: Deferred[SendResult]) -> bool:
        """
        Whether that is the end of one of them.
        """
        return self.columns is not None and ended in self.columns.ends

    def lookAtEach(self) -> None:
        """
        Let them be members, under the ids they were sent with.
        """
        columns, outgoing = self.columns, self.outgoing
        if columns is not None and outgoing is not None:
            self._leave()
            places = self.results or repeat(self)
            ids = outgoing.memberIds or ()
            self.members = self.lane.membersOf(columns, places, ids)

    def failed(self, error: Exception | Failure) -> None:
        """
        There will be no answer.
        """
        self.lookAtEach()
        super().failed(error)

    def _refused(self, error: RocketMQError, isBatch: bool) -> None:
        """
        The broker has not stored them.
        """
        self.lookAtEach()
        super()._refused(error, isBatch)

    def _outgoing(self, columns: Columns) -> Outgoing:
        """
        What carries them.
        """
        messages, shells = columns.messages, columns.shells
        envelope = self.batcher.envelope
        ids = envelope.nextIds(len(messages))
        bodies = [each.body for each in messages]
        self.size = sum(map(len, bodies))
        body = fillShells([each.text for each in shells], bodies, ids)
        return batchOf(envelope, self.lane.heading, ids[0], body, ids, messages)

    def _leave(self) -> None:
        """
        Nobody of its lane is here any more who is no member.
        """
        self.columns = None
        self.lane.frames.remove(self)

    def _stored(self, result: SendResult) -> None:
        """
        All are stored: give each its own result.
        """
        columns, target = self.columns, self.target
        if columns is None or columns.epochs[0] is not columns.epochs[-1]:
            self.lookAtEach()
            super()._stored(result)
            return
        assert self.outgoing is not None
        elapsed = self.batcher.seconds() - self.began
        attempt = Attempt(target.queue, target.address, elapsed, None, _YES)
        results = splitResult(self.outgoing, replace(result, attempts=(attempt,)))
        # Whoever is told of one's end may cancel another: that one's is here, too.
        self.results = results
        epoch, count = columns.epochs[0], len(results)
        self.batcher.intake.storedAlike(epoch, self.size, count)
        for ended, own in zip(columns.ends, results, strict=True):
            if not ended.called:
                ended.callback(own)
        if self.columns is not None:
            self._leave()
