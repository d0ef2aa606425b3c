"""
Where the lines of a stream go: to a broker, or into the spool.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from txrocketmq import Message, SendResult
from txrocketmq.errors import RocketMQError
from txrocketmq.relay.desk import Desk
from txrocketmq.relay.outcomes import stored, unsent
from txrocketmq.relay.shelf import Shelf
from txrocketmq.relay.slots import Slot

Ended: TypeAlias = Callable[[Slot, bytes, bool], None]
"""
Is told what became of a line, and whether it is good.
"""

Group: TypeAlias = list[tuple[Slot, Message]]


class Taker(Protocol):
    """
    What takes the messages of a stream.
    """

    def take(self, slot: Slot, message: Message) -> None:
        """
        Take a message.
        """

    def together(self) -> None:
        """
        Those are taken that came together.
        """


class ToBroker:
    """
    Sends each message as it comes.
    """

    _log = Logger()

    def __init__(self, desk: Desk, ended: Ended) -> None:
        """
        @param ended: Is told what became of each.
        """
        self._desk = desk
        self._ended = ended

    def take(self, slot: Slot, message: Message) -> None:
        """
        Send a message.
        """
        desk = self._desk
        desk.tally.accepted("broker", 1, len(message.body))
        slot.since = desk.clock.seconds()
        sending: Deferred[SendResult] = desk.send(message)
        sending.addCallbacks(
            self._stored, self._unsent, callbackArgs=(slot,), errbackArgs=(slot,)
        )

    def together(self) -> None:
        """
        They have gone already.
        """

    def _stored(self, result: SendResult, slot: Slot) -> None:
        """
        A message is stored.
        """
        desk = self._desk
        desk.tally.stored(desk.clock.seconds() - slot.since, len(result.attempts))
        self._ended(slot, stored(result), True)

    def _unsent(self, failure: Failure, slot: Slot) -> None:
        """
        A message is not, or may not be.
        """
        error = failure.value
        if not isinstance(error, RocketMQError | CancelledError):
            self._log.failure("A send ended in an unforeseen way", failure)
        outcome = unsent(error)
        desk = self._desk
        seconds = desk.clock.seconds() - slot.since
        attempts = len(getattr(error, "attempts", ()))
        desk.tally.failed(outcome.reason, seconds, attempts, outcome.persisted.name)
        self._ended(slot, outcome.text, False)


class ToSpool:
    """
    Keeps together what came together.
    """

    _log = Logger()

    def __init__(self, desk: Desk, shelf: Shelf, ended: Ended) -> None:
        """
        @param ended: Is told what became of each.
        """
        self._tally = desk.tally
        self._shelf = shelf
        self._ended = ended
        self._group: Group = []

    def take(self, slot: Slot, message: Message) -> None:
        """
        Remember a message.
        """
        self._group.append((slot, message))

    def together(self) -> None:
        """
        Keep those that are remembered.
        """
        group, self._group = self._group, []
        if not group:
            return
        msgIds, keeping = self._shelf.keep([message for _, message in group])
        keeping.addCallbacks(
            self._kept,
            self._notKept,
            callbackArgs=(group, msgIds),
            errbackArgs=(group,),
        )

    def _kept(self, result: None, group: Group, msgIds: list[str]) -> None:
        """
        Some are kept.
        """
        size = sum([len(message.body) for _, message in group])
        self._tally.accepted("spool", len(group), size)
        for (slot, _), msgId in zip(group, msgIds, strict=True):
            self._ended(slot, b'{"msgId":"%b"}' % msgId.encode(), True)

    def _notKept(self, failure: Failure, group: Group) -> None:
        """
        Some are not.
        """
        if not isinstance(failure.value, RocketMQError):
            self._log.failure("Messages could not be kept", failure)
        text = unsent(failure.value).text
        for slot, _ in group:
            self._ended(slot, text, False)
