"""
The messages of one request on their way to brokers.

Law: a result stands at its message's place, whichever is known first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from txrocketmq import Message, SendResult
from txrocketmq.errors import RocketMQError
from txrocketmq.relay.desk import Desk
from txrocketmq.relay.outcomes import Outcome, stored, unsent


class Sends:
    """
    Sends messages and gathers what becomes of them.

    @ivar texts: What is told of each message, in order; empty as long as nothing is
        known.

    @ivar failures: How those ended that are not stored.
    """

    __slots__ = ("_count", "_desk", "_done", "_left", "_since", "failures", "texts")

    _log = Logger()

    def __init__(self, desk: Desk, done: Callable[[Sends], None]) -> None:
        """
        @param done: Is told when all have ended.
        """
        self._desk = desk
        self._done = done
        self._since = desk.clock.seconds()
        self._count = self._left = 0
        self.texts: list[bytes] = []
        self.failures: list[Outcome] = []

    def send(self, messages: Sequence[Message]) -> None:
        """
        Send all messages.
        """
        self._left = len(messages)
        self.texts = [b""] * len(messages)
        send = self._desk.send
        for place, message in enumerate(messages):
            sending: Deferred[SendResult] = send(message)
            sending.addCallbacks(
                self._stored,
                self._failed,
                callbackArgs=(place,),
                errbackArgs=(place,),
            )

    def _stored(self, result: SendResult, place: int) -> None:
        """
        One is stored.
        """
        desk = self._desk
        desk.tally.stored(desk.clock.seconds() - self._since, len(result.attempts))
        self._ended(place, stored(result))

    def _failed(self, failure: Failure, place: int) -> None:
        """
        One is not, or may not be.
        """
        error = failure.value
        if not isinstance(error, RocketMQError | CancelledError):
            self._log.failure("A send ended in an unforeseen way", failure)
        desk = self._desk
        outcome = unsent(error)
        attempts = len(getattr(error, "attempts", ()))
        seconds = desk.clock.seconds() - self._since
        desk.tally.failed(outcome.reason, seconds, attempts, outcome.persisted.name)
        self.failures.append(outcome)
        self._ended(place, outcome.text)

    def _ended(self, place: int, text: bytes) -> None:
        """
        What became of one is known.
        """
        self.texts[place] = text
        self._left -= 1
        if not self._left:
            self._done(self)
