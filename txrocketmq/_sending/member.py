"""
A send that may leave together with others.

Laws:

    - It ends once, with what it would end with if it had left alone.

    - What happens to others that left with it is not its affair: whatever does
      not go well, each goes on by itself, with all that is known of it by then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec
from twisted.internet.defer import Deferred

from txrocketmq._wire.records import Shell
from txrocketmq.errors import SendCancelled
from txrocketmq.message import Message, MessageQueue, Persisted, SendResult

from .assemble import assemble
from .progress import Epoch, Send

if TYPE_CHECKING:
    from .batching import Batcher
    from .lane import Lane
    from .together import Together

Place: TypeAlias = "Lane | Together | Deferred[SendResult] | SendResult | None"
"""
Where a member is: it waits, is on its way with others or by itself, or is stored;
or it is on its way from one to the next, or at its end.
"""


class Member(msgspec.Struct, eq=False):
    """
    One such send.  It is the canceller of its Deferred.

    @ivar shell: What surrounds its body where it leaves with others.

    @ivar at: When it must have ended.

    @ivar msgId: Its C{UNIQ_KEY}; nothing, before one is needed.

    @ivar send: The same as the general way has it, once that is needed.
    """

    batcher: Batcher
    message: Message
    shell: Shell
    at: float
    epoch: Epoch
    place: Place
    msgId: str = ""
    ended: Deferred[SendResult] | None = None
    send: Send | None = None

    def __call__(self, ended: Deferred[SendResult]) -> None:
        """
        Its caller has cancelled it.
        """
        place = self.place
        if isinstance(place, SendResult):
            ended.callback(place)
        elif isinstance(place, Deferred):
            place.cancel()
        elif place is None:
            # What comes next is about to begin, or to end, on the stack below.
            ended.errback(SendCancelled(Persisted.MAYBE))
        else:
            self.batcher.cancelled(self, place)

    def general(self) -> Send:
        """
        The same send as the general way has it.
        """
        send = self.send
        if send is None:
            batcher = self.batcher
            outgoing = assemble(batcher.envelope, self.message, self.msgId or None)
            self.msgId = outgoing.msgId
            self.send = send = Send(outgoing, self.at, self.epoch, None, batcher.rules)
        return send

    def goOn(
        self, error: Exception | None = None, queue: MessageQueue | None = None
    ) -> None:
        """
        Go on by itself, after a try.

        @param error: Why that failed; L{None} where the next one is known.

        @param queue: Where the next one goes, if that is known.
        """
        self.place = None
        self._follow(self.batcher.attempts.loop(self.general(), error, queue))

    def goAlone(self) -> None:
        """
        Leave by itself.
        """
        self.place = None
        self._follow(self.batcher.attempts.first(self.general()))

    def cutOff(self, persisted: Persisted) -> None:
        """
        End, because its caller has cancelled it, or we stop.

        @param persisted: What is known of the message.
        """
        self.fail(self.batcher.attempts.cutOff(self.general(), persisted))

    def fail(self, error: Exception) -> None:
        """
        End without a result.
        """
        ended, self.ended, self.place = self.ended, None, None
        self.batcher.attempts.ended(self.general(), False)
        if ended is not None and not ended.called:
            ended.errback(error)

    def _follow(self, looped: Deferred[SendResult]) -> None:
        """
        End as the rest of the way does.
        """
        ended = self.ended
        assert ended is not None
        if ended.called:
            looped.addErrback(lambda _: None)
            looped.cancel()
            return
        self.place, self.ended = looped, None
        looped.chainDeferred(ended)
