"""
The asking side of a connection: requests of ours, until they end.

Laws:

    1. Register, then write.

    2. A request is C{NO} until its frame is given to the transport, and
       C{MAYBE} from then on.  While the transport is paused, frames stay here.

    3. No request has a timer of its own.

Follows C{NettyRemotingAbstract.invokeAsyncImpl}.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING

from msgspec.structs import replace
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime

from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.frames import encodeFrame
from txrocketmq.errors import (
    ConnectionClosed,
    ProtocolError,
    RemotingError,
    RemotingTimeout,
)

from .gathering import MAX_GATHERED, Gathering, Later
from .opaques import MAX_OPAQUE, Opaques
from .outbox import Outbox
from .reasons import timeoutError
from .waiters import UNWRITTEN, Unwritten, Waiter, Waiters, Waiting, wanting
from .watch import Watch

_NOTHING = RemotingCommand(0)


class Asking(Gathering):
    """
    One half of a protocol: what it asks.  The other half hears.

    @ivar address: What errors name: the address that was asked for, or the
        peer's own where it was the peer who connected.

    @ivar opaques: The numbers of its requests.

    @ivar paused: Whether the transport has enough: what is asked now waits here.
    """

    def __init__(
        self, address: str, clock: IReactorTime, limit: float, firstOpaque: int
    ) -> None:
        """
        @param limit: See L{Watch}.

        @param firstOpaque: The number of the first request.
        """
        super().__init__()
        self.address = address
        self._clock = clock
        self._open = False
        self.paused = False
        self.opaques = Opaques(firstOpaque)
        self._waiters: Waiters[RemotingCommand] = Waiters()
        self._outbox = Outbox()
        self._watch = Watch(clock, limit, self._waiters, self._timePassed)

    if TYPE_CHECKING:

        def _condemn(self, cls: type[RemotingError], words: str) -> None:
            """
            Drop the connection at once, for a reason.
            """

        def whyClosed(self) -> RemotingError:
            """
            What a request fails with when there is no connection.
            """

        def _closeIfDrained(self) -> None:
            """
            Close a retired connection that nobody waits on.
            """

    @property
    def pending(self) -> int:
        """
        How many requests wait for their answers, or to be written.
        """
        return len(self._waiters.live)

    @property
    def lateAnswers(self) -> int:
        """
        How many answers came for which nobody waited any more.
        """
        return self.opaques.lateAnswers

    def invoke(
        self, command: RemotingCommand, timeout: float, most: float = -inf
    ) -> Deferred[RemotingCommand]:
        """
        Ask the peer something and wait for its answer.

        The command is given the next opaque, whatever it came with.

        @param command: The request.  It must not be marked oneway.

        @param timeout: How long to wait for the answer, in seconds.

        @param most: See L{Waiting}.

        @return: The answer, whatever its code.  It may fail with

            - L{RemotingTimeout} when no answer came in time

            - L{ConnectionClosed}, or L{TLSFailed
              <txrocketmq.errors.TLSFailed>}, when the connection was lost
              first

            - L{ProtocolError} when the peer sent something that is no frame

            - L{ValueError} when the command does not fit into a frame

            - L{CancelledError<twisted.internet.defer.CancelledError>} when
              cancelled; the request may still have been carried out, unless
              it is an L{Unwritten}
        """
        waiter: Waiter[RemotingCommand] = Waiter(self._abandoned, most)
        self.ask(
            lambda opaque: encodeFrame(replace(command, opaque=opaque)), timeout, waiter
        )
        return waiter

    def ask(
        self,
        frame: Callable[[int], bytes],
        timeout: float,
        waiter: Waiting[RemotingCommand],
    ) -> None:
        """
        Ask the peer something, as L{invoke} does, for a waiter of the caller's.

        @param frame: Writes the request under the opaque it is given.  It may
            raise a L{ValueError}.

        @param waiter: Is told the answer, or with what L{invoke} fails; it may
            be told at once.  Who no longer wants to know calls L{abandon}.
        """
        if not self._open or timeout <= 0:
            waiter.failed(self._refusal(timeout))
            return
        opaque = self.opaques.issue(self._waiters.live)
        try:
            data = frame(opaque)
        except ValueError as e:
            waiter.failed(e)
            return
        self._register(waiter, opaque, timeout)
        if self.paused:
            self._outbox.putRequest(opaque, data)
        else:
            waiter.heard = self._watch.heard
            self._watch.patience.asked(waiter.deadline - timeout)
            self._writeRequest(data)

    def post(
        self, waiter: Waiting[RemotingCommand], frame: bytes, now: float, timeout: float
    ) -> None:
        """
        Do what L{ask} does, where nothing can go wrong: the connection is not
        retired, there is time, and the frame is written already, under the opaque
        that is C{upcoming}.
        """
        opaques, waiters, watch = self.opaques, self._waiters, self._watch
        # issue() and add(), written here for want of their calls.
        waiter.opaque, live = opaques.upcoming, waiters.live
        opaques.upcoming = opaques.upcoming + 1 & MAX_OPAQUE
        opaques.issued += 1
        if opaques.upcoming in live:
            opaques.passOver(live)
        waiter.timeout = timeout
        waiter.deadline = deadline = now + timeout
        if deadline >= waiters.latest:
            live[waiter.opaque] = waiter
            waiters.latest = deadline
        else:
            waiters.add(waiter)
        if deadline < watch.alarm.at:
            watch.alarm.setTo(deadline)
        if self.paused:
            self._outbox.putRequest(waiter.opaque, frame)
            return
        waiter.heard = watch.heard
        if watch.patience.silentSince == inf:
            watch.patience.silentSince = now
        if len(live) == 1:
            self._writeRequest(frame)
        elif self._gathering and self._gatheredSize < MAX_GATHERED:
            self._gathered.append(frame)
            self._gatheredSize += len(frame)
        else:
            self._write(frame)

    def postLater(self, waiter: Later, timeout: float, size: int) -> None:
        """
        Do what L{post} does, while the transport takes no more, or while others are
        gathered: the frame is not written before it leaves.

        @param size: Bytes that stand for those of its frame.
        """
        live = self._waiters.live
        self._register(waiter, self.opaques.issue(live), timeout)
        if self.paused:
            self._outbox.putLater(waiter)
            return
        waiter.heard = self._watch.heard
        self._watch.patience.asked(waiter.deadline - timeout)
        if len(live) == 1:
            self._writeRequest(waiter.frame())
        else:
            self._gather(waiter, size)

    def abandon(self, waiter: Waiting[RemotingCommand]) -> None:
        """
        Forget a request that was cancelled.

        @param waiter: Is told if the request was not written.
        """
        isLive = self._waiters.live.get(waiter.opaque) is waiter
        if isLive and waiter.heard == UNWRITTEN:
            self._outbox.takeBack(waiter.opaque)
        if self._waiters.forget(waiter):
            waiter.failed(Unwritten())
        self._closeIfDrained()

    def _abandoned(self, waiter: Deferred[RemotingCommand]) -> None:
        """
        The canceller of L{invoke}'s waiters.
        """
        assert isinstance(waiter, Waiter)
        self.abandon(waiter)

    def oneway(self, command: RemotingCommand, timeout: float = inf) -> Deferred[None]:
        """
        Tell the peer something.

        @param timeout: Seconds until the transport must have it.

        @return: Fires when the bytes were handed to the transport.  It may
            fail as L{invoke} does, and the request was not written then.
        """
        if not self._open or timeout <= 0:
            return fail(self._refusal(timeout))
        opaque = self.opaques.issue(self._waiters.live)
        try:
            frame = encodeFrame(replace(command.asOneway(), opaque=opaque))
        except ValueError:
            return fail()
        if not self.paused:
            self._write(frame)
            return succeed(None)
        waiter: Waiter[RemotingCommand] = Waiter(self._abandoned)
        waiter.oneway = True
        self._register(waiter, opaque, timeout)
        self._outbox.putRequest(opaque, frame)
        return waiter.addCallback(_nothing)

    def _refusal(self, timeout: float) -> RemotingError:
        """
        What a request fails with that is not even tried.
        """
        if not self._open:
            return self.whyClosed()
        return RemotingTimeout(self.address, "there was no time left to ask")

    def _register(
        self, waiter: Waiting[RemotingCommand], opaque: int, timeout: float
    ) -> None:
        """
        Let somebody wait for the answer to a request that is not written yet.
        """
        waiter.opaque = opaque
        waiter.timeout = timeout
        waiter.heard = UNWRITTEN
        waiter.deadline = deadline = self._clock.seconds() + timeout
        self._waiters.add(waiter)
        if deadline < self._watch.alarm.at:
            self._watch.alarm.setTo(deadline)

    def _timePassed(
        self, expired: list[Waiting[RemotingCommand]], verdict: str | None
    ) -> None:
        """
        End what has waited long enough.
        """
        for waiter in expired:
            if waiter.heard == UNWRITTEN:
                self._outbox.takeBack(waiter.opaque)
        if verdict is not None:
            self._condemn(ConnectionClosed, verdict)
        for waiter in wanting(expired):
            waiter.failed(timeoutError(self.address, waiter))
        self._closeIfDrained()

    def _handOver(self, key: int, frame: bytes) -> None:
        """
        Write a frame that had to wait.

        @param key: What L{Outbox.take} gave with it.
        """
        waiter = self._waiters.live.get(key)
        if waiter is not None:
            now = self._clock.seconds()
            waiter.heard = self._watch.heard
            self._watch.patience.asked(now)
            deadline = min(now + waiter.timeout, waiter.most)
            if deadline > waiter.deadline:
                self._waiters.prolong(waiter, deadline)
        self._write(frame)
        if waiter is not None and waiter.oneway:
            del self._waiters.live[key]
            waiter.answered(_NOTHING)

    def _strayed(
        self, answer: RemotingCommand, waiter: Waiting[RemotingCommand] | None
    ) -> None:
        """
        Look at an answer nobody may have: it is late, or it is made up.

        @param waiter: The request it answers, if that is not written yet.
        """
        if waiter is not None:
            self._waiters.live[waiter.opaque] = waiter
            self._condemn(ProtocolError, "the peer answered a request before it came")
        elif self.opaques.strayed(answer.opaque, self._clock.seconds()):
            self._condemn(ProtocolError, "the peer answers what was never asked")


def _nothing(written: RemotingCommand) -> None:
    """
    The result of a request that has no answer.
    """
