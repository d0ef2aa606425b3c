"""
A send for which no broker can be reached now.

Laws:

    - While it waits it costs little: it holds no coroutine, no timer, and no
      Deferred but the one its caller has.

    - What a broker refuses, or does not answer in time, is the loop's from then on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from txrocketmq._remoting.protocol import RemotingProtocol
from txrocketmq._remoting.waiters import UNWRITTEN, persistedOf
from txrocketmq._routing.publishinfo import TopicPublishInfo
from txrocketmq._wire.command import RemotingCommand
from txrocketmq.errors import (
    InvalidMessage,
    RemotingError,
    RemotingTimeout,
    RocketMQError,
    RouteError,
)
from txrocketmq.message import MessageQueue, Persisted, SendResult

from .endings import failedSend
from .gates import Gate
from .lull import Lull
from .policy import backOff, verdictOn
from .progress import Send
from .rules import Step
from .targets import LEAST_RETRY

if TYPE_CHECKING:
    from .unreached import Unreached

Place: TypeAlias = (
    "Gate[RemotingProtocol] | Gate[TopicPublishInfo] | RemotingProtocol | Lull"
    " | Deferred[SendResult] | SendResult | Exception | None"
)
"""
Where a send is: it waits for a connection or a route, for an answer, for a better
time, or for the loop; or it is at its end, or on its way from one to the next.
"""

_OVER: Final = Exception("it has ended")


class Pending(msgspec.Struct, eq=False):
    """
    One such send.  It is the canceller of its Deferred, and what waits in all the
    places a send can be.

    @ivar place: Where it is.

    @ivar deadline: Until when it waits there, for a L{Lull} or an answer.
    """

    sends: Unreached
    send: Send
    ended: Deferred[SendResult] | None = None
    place: Place = None
    opaque: int = 0
    timeout: float = 0.0
    deadline: float = 0.0
    heard: int = UNWRITTEN
    oneway: bool = False
    most: float = 0.0

    def __call__(self, ended: Deferred[SendResult]) -> None:
        """
        Its caller has cancelled the send.
        """
        self.cancel()

    @property
    def persisted(self) -> Persisted:
        """
        What is known of the message if there is no answer.
        """
        return persistedOf(self.heard)

    @property
    def gate(self) -> object:
        """
        At which gate it waits, if it does.
        """
        return self.place

    @property
    def about(self) -> tuple[str, str]:
        """
        What it wants to have news of: its topic's route, and the broker it could
        not reach.
        """
        history = self.send.history
        last = None if history is None else history.listed()[-1].address
        return self.send.outgoing.wireTopic, last or ""

    @property
    def left(self) -> bool:
        """
        Whether it has ended, or is the loop's.
        """
        return isinstance(self.place, SendResult | Exception | Deferred)

    @property
    def rests(self) -> bool:
        """
        Whether it waits for a better time.
        """
        return self.place is self.sends.lull

    @property
    def waits(self) -> bool:
        """
        Whether it waits until a time, for whatever reason.
        """
        return self.rests or isinstance(self.place, Gate)

    def goOn(
        self,
        error: Exception | None = None,
        queue: MessageQueue | None = None,
        info: TopicPublishInfo | None = None,
    ) -> None:
        """
        Make a try, and the next one, until it has to wait for something.

        @param error: Why the last one failed, if there was one.

        @param queue: Where the next one goes, if that is known.

        @param info: The route it follows, if it waited for that.
        """
        while error is None or self._triesAgain(error):
            error = self._try(queue, info)
            if error is None:
                return
            queue = info = None

    def woken(self) -> None:
        """
        It has waited long enough.
        """
        place, self.place = self.place, None
        if isinstance(place, Gate):
            place.leave()
            self.goOn(place.tooLate())
        elif self.send.at - self.sends.seconds() < LEAST_RETRY / 2:
            assert self.send.history is not None
            last = self.send.history.listed()[-1].error
            assert last is not None
            self._end(failedSend(self.send, self.send.history, last))
        else:
            self.goOn()

    def entered(self, outcome: RemotingProtocol | TopicPublishInfo | Failure) -> None:
        """
        What it waited for is there, or will not be.
        """
        self.sends.lull.leave(self)
        self.place = None
        if isinstance(outcome, RemotingProtocol):
            self._ask(outcome, self.deadline - self.sends.seconds())
        elif isinstance(outcome, Failure):
            self.goOn(_exceptionOf(outcome))
        else:
            self.goOn(info=outcome)

    def answered(self, answer: RemotingCommand) -> None:
        """
        The answer has come.
        """
        self.place = None
        try:
            result = self.sends.course.resultOf(self.send, answer)
        except RocketMQError as error:
            self.goOn(error)
            return
        self._end(result)
        self.sends.lull.follow()

    def failed(self, error: Exception | Failure) -> None:
        """
        There will be no answer.
        """
        assert isinstance(error, Exception)
        # Whoever cancels it sees to its end.
        if not isinstance(error, CancelledError):
            self.place = None
            self.goOn(error)

    def cancel(self) -> None:
        """
        End it, wherever it is.
        """
        place, persisted = self.place, Persisted.NO
        if isinstance(place, SendResult | Exception):
            self._tell(place)
            return
        if isinstance(place, Deferred):
            place.cancel()
            return
        if isinstance(place, RemotingProtocol):
            persisted = self.persisted
            place.abandon(self)
        elif place is not None:
            self.sends.lull.leave(self)
            self.place = None
            if isinstance(place, Gate):
                place.leave()
        self._end(self.sends.course.cutOff(self.send, persisted))

    def _triesAgain(self, error: Exception) -> bool:
        """
        Whether it makes another try at once; if not, its place is another one.
        """
        sends, send = self.sends, self.send
        verdict = verdictOn(error)
        unreached = isinstance(error, RemotingError | RouteError)
        if not unreached or isinstance(error, RemotingTimeout):
            # Whether a broker may be asked again is a question of its own.
            self._loop(error)
            return False
        step = sends.course.weigh(send, error, verdict)
        history = send.history
        assert history is not None
        if step is Step.END:
            self._end(failedSend(send, history, error))
            return False
        if verdict.refresh:
            sends.targets.refreshSoon(send)
        if sends.targets.another(send, history):
            return True
        delay = backOff(history.rounds, sends.random)
        history.nextRound()
        self.place = sends.lull
        sends.lull.rest(self, delay, send.at - LEAST_RETRY, send.at)
        sends.listen(self)
        return False

    def _try(
        self, queue: MessageQueue | None, info: TopicPublishInfo | None
    ) -> Exception | None:
        """
        Begin a try.

        @return: Why it failed, if it did at once.
        """
        sends, send = self.sends, self.send
        send.began = sends.seconds()
        info = info or sends.targets.known(send)
        if info is None:
            return self._enter(sends.gateOfRoute(send), send.at)
        try:
            queue = queue or sends.targets.choose(send, info)
            address = sends.targets.addressOrFail(info, queue)
        except InvalidMessage as error:
            self._end(error)
            return None
        except RouteError as error:
            return error
        if self.place is not None:
            # The selector has cancelled it.
            return None
        broker = info.brokerOf(queue)
        if broker in sends.targets.avoidance.marked:
            self._loop(None, queue)
            return None
        timeout = sends.course.aim(send, broker, queue, address)
        live = sends.live(address)
        if live is None:
            return self._enter(sends.gateTo(address), send.began + timeout)
        self._ask(live, timeout)
        return None

    def _enter(
        self, gate: Gate[RemotingProtocol] | Gate[TopicPublishInfo], until: float
    ) -> Exception | None:
        """
        Wait for a connection or a route.

        @return: Why that is in vain, if it is known.
        """
        # Not before it is known: the gate may open at once.
        outcome = gate.enter(self)
        if isinstance(outcome, Failure):
            return _exceptionOf(outcome)
        self.place = gate
        self.sends.lull.until(self, until)
        if outcome is not None:
            self.entered(outcome)
        return None

    def _ask(self, live: RemotingProtocol, timeout: float) -> None:
        """
        Ask a broker.
        """
        self.place = live
        live.ask(self.send.frame, timeout, self)

    def _loop(self, error: Exception | None, queue: MessageQueue | None = None) -> None:
        """
        Leave it to the loop.
        """
        self.sends.forget()
        self.place = looped = self.sends.course.inLoop(self.send, error, queue)
        looped.addBoth(self._tell)

    def _end(self, outcome: SendResult | Exception) -> None:
        """
        End it.
        """
        self.place = outcome
        self.sends.forget()
        self.sends.course.ended(self.send, isinstance(outcome, SendResult))
        self._tell(outcome)

    def _tell(self, outcome: SendResult | Exception | Failure) -> None:
        """
        Tell its caller, who may have cancelled it.
        """
        # Others may hold this for a while, and are not to hold that too.
        ended, self.ended, self.place = self.ended, None, _OVER
        if ended is None or ended.called:
            return
        if isinstance(outcome, SendResult):
            ended.callback(outcome)
        else:
            ended.errback(outcome)


def _exceptionOf(reason: Failure) -> Exception:
    """
    Why something failed.
    """
    assert isinstance(reason.value, Exception)
    return reason.value
