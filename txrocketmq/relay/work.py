"""
The messages of a whole body, from when they are taken in to their answer.

Laws:

    - A client that goes away takes nothing back.

    - What a request holds is given back when it is answered.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from txrocketmq import Message
from txrocketmq._spool import Claim
from txrocketmq.errors import RocketMQError, SpoolFull
from txrocketmq.message import Persisted
from txrocketmq.relay.answers import UNEXPECTED, Answer
from txrocketmq.relay.desk import Desk
from txrocketmq.relay.idempotency import FULL, UNAVAILABLE, settled
from txrocketmq.relay.orders import Order
from txrocketmq.relay.outcomes import kept, results, statusOf
from txrocketmq.relay.sends import Sends
from txrocketmq.relay.shelf import Shelf


class Work:
    """
    What one request has brought.

    @ivar order: What it asks for.
    """

    __slots__ = ("_claim", "_desk", "_held", "_messages", "_shelf", "order")

    _log = Logger()

    def __init__(
        self,
        desk: Desk,
        shelf: Shelf | None,
        order: Order,
        messages: list[Message],
        held: int,
    ) -> None:
        """
        @param messages: What is taken in.

        @param held: The room that is taken for them.
        """
        desk.begin()
        self._desk = desk
        self._shelf = shelf
        self._messages = messages
        self._held = held
        self._claim: Claim | None = None
        self.order = order

    def begin(self, claim: Claim | None) -> None:
        """
        Send the messages, or keep them.

        @param claim: The idempotency key they come with.
        """
        self._claim = claim
        desk, messages = self._desk, self._messages
        if self.order.target.ack == "broker":
            desk.tally.accepted("broker", len(messages), _sizeOf(messages))
            Sends(desk, self._sent).send(messages)
        else:
            Deferred.fromCoroutine(self._keep())

    def answer(self, answer: Answer) -> None:
        """
        Answer, and give back what was held.
        """
        shares, order = self._desk.shares, self.order
        shares.give(order.client, len(self._messages))
        shares.unhold(order.client, self._held)
        order.request.answer(answer)
        self._desk.end()

    def _sent(self, sends: Sends) -> None:
        """
        It is known what became of all messages.
        """
        failures, count = sends.failures, len(self._messages)
        answer = results(statusOf(count, failures), sends.texts)
        if self._claim is None:
            self.answer(answer)
            return
        nothing = len(failures) == count and all(
            failure.persisted is Persisted.NO for failure in failures
        )
        Deferred.fromCoroutine(self._settle(answer, not nothing))

    async def _settle(self, answer: Answer, hadEffect: bool) -> None:
        """
        Remember an answer, then give it.
        """
        shelf, claim = self._shelf, self._claim
        assert shelf is not None
        assert claim is not None
        try:
            await settled(shelf.spool, claim, answer, hadEffect)
        except Exception:
            self._log.failure("An answer could not be kept")
        self.answer(answer)

    async def _keep(self) -> None:
        """
        Keep the messages, and answer when they are.
        """
        answer, isKept = await self._kept()
        if self._claim is None:
            self.answer(answer)
        else:
            await self._settle(answer, isKept)

    async def _kept(self) -> tuple[Answer, bool]:
        """
        The answer for messages that are to be kept, and whether they are.
        """
        shelf, messages = self._shelf, self._messages
        assert shelf is not None
        try:
            msgIds, keeping = shelf.keep(messages, self._claim)
            await keeping
        except SpoolFull:
            return FULL, False
        except RocketMQError:
            return UNAVAILABLE, False
        except Exception:
            self._log.failure("Messages could not be kept")
            return UNEXPECTED, False
        tally = self._desk.tally
        tally.accepted("spool", len(messages), _sizeOf(messages))
        return kept(msgIds), True


def _sizeOf(messages: list[Message]) -> int:
    """
    The bytes of the bodies of messages.
    """
    return sum([len(message.body) for message in messages])
