"""
C{POST /v1/topics/TOPIC/messages} with a whole body: its messages, and its answer.

Laws:

    - All messages of a body are checked before any is sent.

    - What a body holds is given back if its client goes before it is whole.
"""

from __future__ import annotations

from collections.abc import Iterator

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from txrocketmq import Message
from txrocketmq.relay import documents, metadata
from txrocketmq.relay.answers import STOPPING, UNEXPECTED, Answer, problem
from txrocketmq.relay.desk import Desk
from txrocketmq.relay.documents import Fault, Item
from txrocketmq.relay.idempotency import claimed
from txrocketmq.relay.orders import Order
from txrocketmq.relay.shelf import Shelf
from txrocketmq.relay.work import Work

NO_MESSAGES = problem(
    422, "invalid_message", "there is no message in it", path="$.messages"
)


class WholeBody:
    """
    Reads a body to its end.
    """

    def __init__(self, ingest: Ingest, order: Order, held: int) -> None:
        """
        @param held: The room that is taken for it.
        """
        self._ingest = ingest
        self._order = order
        self._held = held
        self._parts: list[bytes] = []
        self._size = 0

    def received(self, data: bytes) -> None:
        """
        Keep a part, unless it has become too long.
        """
        ingest = self._ingest
        self._size += len(data)
        wrong: Answer | None = None
        if self._size > ingest.limits.maxBody:
            wrong = ingest.tooLong
        elif self._size > ingest.limits.freeBody and not self._held:
            # Nobody knows how long it will be: room for the longest, then.
            most = ingest.limits.maxBody
            wrong = ingest.shares.hold(self._order.client, most)
            self._held = 0 if wrong else most
        if wrong is None:
            self._parts.append(data)
        else:
            self._order.request.channel.refuse(wrong)

    def completed(self) -> None:
        """
        It is whole.
        """
        parts, self._parts = self._parts, []
        held, self._held = self._held, 0
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        self._ingest.take(self._order, body, held)

    def lost(self, answer: Answer | None) -> bool:
        """
        It will not be.
        """
        self._parts = []
        held, self._held = self._held, 0
        self._ingest.shares.unhold(self._order.client, held)
        return False


class Ingest:
    """
    Makes messages of whole bodies, and answers of what becomes of them.
    """

    _log = Logger()

    def __init__(self, desk: Desk, shelf: Shelf | None) -> None:
        """
        @param desk: Where messages are taken in.

        @param shelf: Where they are kept, if anywhere.
        """
        self._desk = desk
        self._shelf = shelf
        self.limits = desk.limits
        self.shares = desk.shares
        self.tooLong = problem(
            413,
            "too_long",
            "the body is longer than is allowed",
            limitBytes=desk.limits.maxBody,
        )
        self._tooMany = problem(
            413,
            "too_many",
            "there are more messages in it than are allowed",
            limitMessages=desk.limits.maxMessages,
        )

    def take(self, order: Order, body: bytes, held: int) -> None:
        """
        Take the messages of a body in, and answer when it is known what becomes of
        them.

        @param held: The room that is taken for it.
        """
        try:
            found = self._messages(order, body)
            wrong = found if isinstance(found, Answer) else self._room(order, found)
        except BaseException:
            self.shares.unhold(order.client, held)
            raise
        if wrong is not None or isinstance(found, Answer):
            self.shares.unhold(order.client, held)
            order.request.answer(wrong or UNEXPECTED)
            return
        work = Work(self._desk, self._shelf, order, found, held)
        if order.key is None:
            work.begin(None)
        else:
            Deferred.fromCoroutine(self._once(work, order.key, order.digest(body)))

    def _room(self, order: Order, messages: list[Message]) -> Answer | None:
        """
        Take messages under way.

        @return: Why that cannot be.
        """
        if self._desk.closed:
            return STOPPING
        return self.shares.take(order.client, len(messages))

    def _messages(self, order: Order, body: bytes) -> list[Message] | Answer:
        """
        The messages of a body, or why there are none.
        """
        topic, most, trace = order.target.topic, self.limits.maxMessage, order.trace
        try:
            if order.kind == "raw":
                spelled = order.request.spelled
                return [metadata.messageOf(topic, body, spelled, most, trace)]
            if order.kind == "ndjson":
                return self._lines(order, body)
            items = documents.itemsOf(body)
            if not items:
                return NO_MESSAGES
            if len(items) > self.limits.maxMessages:
                return self._tooMany
            return list(self._together(order, items))
        except Fault as fault:
            return invalid(fault)

    def _together(self, order: Order, items: list[Item]) -> Iterator[Message]:
        """
        The messages of a document of several.

        @raise Fault: One cannot be sent.
        """
        topic, most, trace = order.target.topic, self.limits.maxMessage, order.trace
        for at, item in enumerate(items):
            try:
                yield documents.messageOf(topic, item, "", most, trace)
            except Fault as fault:
                # Said here, and not before each of them.
                fault.path = f"$.messages[{at}]{fault.path}"
                raise

    def _lines(self, order: Order, body: bytes) -> list[Message] | Answer:
        """
        The messages of a body with one in each line.

        @raise Fault: A line is none.
        """
        topic, most, trace = order.target.topic, self.limits.maxMessage, order.trace
        messages: list[Message] = []
        for number, line in enumerate(body.split(b"\n"), 1):
            if not line.strip():
                continue
            if len(messages) == self.limits.maxMessages:
                return self._tooMany
            path = f"$[{len(messages)}]"
            try:
                item = documents.itemOf(line, path)
                messages.append(documents.messageOf(topic, item, path, most, trace))
            except Fault as fault:
                fault.more["line"] = number
                raise
        return messages or NO_MESSAGES

    async def _once(self, work: Work, key: str, digest: bytes) -> None:
        """
        Do a request's work, unless it was done before.
        """
        try:
            assert self._shelf is not None
            found = await claimed(self._shelf.spool, work.order.token, key, digest)
        except Exception:
            self._log.failure("A key could not be looked up")
            found = UNEXPECTED
        if isinstance(found, Answer):
            work.answer(found)
        else:
            work.begin(found)


def invalid(fault: Fault) -> Answer:
    """
    The answer for a body of which something cannot be sent.
    """
    told = {"path": fault.path, "reason": fault.reason, **fault.more}
    if fault.malformed:
        return problem(400, "malformed", "the body is not what it says it is", **told)
    return problem(422, "invalid_message", "a message cannot be sent as it is", **told)
