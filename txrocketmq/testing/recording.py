"""
A producer that sends nothing.

Law: what the real one would refuse at once is refused, with the same words, because
the same code looks at it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import count

import msgspec
from twisted.internet.defer import Deferred, execute, fail, succeed

from txrocketmq._sending.assemble import assemble
from txrocketmq._sending.batch import assembleBatch
from txrocketmq._sending.choice import Choice, checkCall, choiceOf
from txrocketmq._sending.envelope import Envelope
from txrocketmq._sending.outgoing import Outgoing
from txrocketmq._sending.recall import brokerOf
from txrocketmq._sending.validate import checkGroup, checkTopic
from txrocketmq._wire.codes import ResponseCode, SerializeType
from txrocketmq.compression import checkCompression
from txrocketmq.errors import (
    IllegalOperation,
    NotRunning,
    RocketMQError,
)
from txrocketmq.message import (
    CommunicationMode,
    Message,
    MessageQueue,
    Selector,
    SendResult,
)
from txrocketmq.settings import ProducerSettings
from txrocketmq.stats import ProducerStats

from .counting import ADDRESS, CountingBroker, Failing, failureOf


class Recorded(msgspec.Struct, frozen=True):
    """
    A message that was sent.

    @ivar message: The message.

    @ivar messageQueue: Where to.

    @ivar msgId: Under which id.

    @ivar result: What its sender was told; L{None} where that was nothing, or a
        failure.

    @ivar mode: Whose rules the send named.
    """

    message: Message
    messageQueue: MessageQueue
    msgId: str
    result: SendResult | None
    mode: CommunicationMode | None = None


class RecordingProducer:
    """
    Stands in for a L{Producer<txrocketmq.Producer>} where a test asks what is sent,
    and not how.

    Every send ends at once.  Ids and offsets are counted: they are the same in each
    run.  Queues take turns.

    @ivar sent: What was sent, L{Recorded}, in order; the messages of a batch one by
        one.

    @ivar recalled: The msgIds of what was taken back.
    """

    def __init__(
        self,
        group: str = "recording",
        settings: ProducerSettings | None = None,
        *,
        queues: int = 4,
    ) -> None:
        """
        @param queues: How many queues each topic has, all on C{broker-a}.

        @raise InvalidConfiguration: As the real one.
        """
        checkGroup(group)
        self._settings = settings = settings or ProducerSettings()
        checkCompression(settings.compressType, settings.compressLevel)
        self.group = group
        self.sent: list[Recorded] = []
        self.recalled: list[str] = []
        self._broker = CountingBroker(queues)
        self._ids = count(1)
        self._failures: deque[Failing] = deque()
        self._recallable: dict[str, str] = {}
        self._counts = {"sent": 0, "failed": 0, "attempts": 0}
        self._closed = False
        self._envelope = Envelope(
            group,
            None,
            False,
            SerializeType.JSON,
            settings,
            self._nextId,
            lambda: 0,
            lambda many: [self._nextId() for _ in range(many)],
        )

    @property
    def messages(self) -> list[Message]:
        """
        The messages that were sent, in order.
        """
        return [each.message for each in self.sent]

    def failNext(
        self, error: Exception, *, times: int = 1, stored: bool = False
    ) -> None:
        """
        Let the next sends fail; what is refused at once does not count.

        @param error: Why.  What a try fails with (L{RemotingError},
            L{BrokerError}, L{RouteError}) comes as the cause of a
            L{SendFailed<txrocketmq.errors.SendFailed>} that says what the real one
            would of the message; any other error comes as it is.

        @param times: How many of them.

        @param stored: Whether the messages are recorded all the same, as when an
            answer is lost: then they may be stored, at the least.
        """
        if not isinstance(error, Exception):
            raise TypeError(f"an exception is wanted, not {error!r}")
        self._failures.extend([Failing(error, stored)] * times)

    def clear(self) -> None:
        """
        Forget what was sent and what was to fail; go on counting.
        """
        self.sent.clear()
        self.recalled.clear()
        self._failures.clear()

    def send(
        self,
        message: Message,
        *,
        mode: CommunicationMode | None = None,
        queue: MessageQueue | None = None,
        selector: Selector | None = None,
        timeout: float | None = None,
        msgId: str | None = None,
    ) -> Deferred[SendResult]:
        """
        Record a message.

        @return: See L{Producer.send<txrocketmq.Producer.send>}; it has fired.
        """
        try:
            self._checkOpen()
            checkCall(timeout, mode)
            choice = choiceOf(self._settings, message, queue, selector)
            outgoing = assemble(self._envelope, message, msgId)
        except RocketMQError as error:
            return fail(error)
        return execute(lambda: self._taken(outgoing, choice, mode)[0])

    def sendOneway(
        self,
        message: Message,
        *,
        queue: MessageQueue | None = None,
        selector: Selector | None = None,
    ) -> Deferred[None]:
        """
        Record a message, and do not say where it is.

        @return: See L{Producer.sendOneway<txrocketmq.Producer.sendOneway>}.
        """
        try:
            self._checkOpen()
            choice = choiceOf(self._settings, message, queue, selector)
            outgoing = assemble(self._envelope, message, None)
        except RocketMQError as error:
            return fail(error)
        return execute(self._taken, outgoing, choice, None, oneway=True).addCallback(
            lambda _: None
        )

    def sendBatch(
        self,
        messages: Sequence[Message],
        *,
        queue: MessageQueue | None = None,
        selector: Selector | None = None,
        timeout: float | None = None,
    ) -> Deferred[list[SendResult]]:
        """
        Record the messages of a batch.

        @return: See L{Producer.sendBatch<txrocketmq.Producer.sendBatch>}.
        """
        try:
            self._checkOpen()
            checkCall(timeout)
            outgoing = assembleBatch(self._envelope, messages)
            choice = choiceOf(self._settings, messages[0], queue, selector)
        except RocketMQError as error:
            return fail(error)
        return execute(self._taken, outgoing, choice, None)

    def recall(
        self, topic: str, recallHandle: str, *, timeout: float | None = None
    ) -> Deferred[str]:
        """
        Take back a timer message that was recorded.

        @return: See L{Producer.recall<txrocketmq.Producer.recall>}.
        """
        try:
            self._checkOpen()
            checkCall(timeout)
            brokerOf(topic, recallHandle)
        except RocketMQError as error:
            return fail(error)
        msgId = self._recallable.pop(recallHandle, None)
        if msgId is None:
            code = ResponseCode.ILLEGAL_OPERATION
            return fail(IllegalOperation(code, "there is no such message", ADDRESS))
        self.recalled.append(msgId)
        return succeed(msgId)

    def publishQueues(self, topic: str) -> Deferred[list[MessageQueue]]:
        """
        The queues of a topic.

        @return: See L{Producer.publishQueues<txrocketmq.Producer.publishQueues>}.
        """
        try:
            self._checkOpen()
            checkTopic(topic)
        except RocketMQError as error:
            return fail(error)
        return succeed(self._broker.queuesOf(topic))

    def flush(self) -> Deferred[None]:
        """
        @return: It has fired: every send has ended.
        """
        return succeed(None)

    def whenWritable(self) -> Deferred[None]:
        """
        @return: It has fired: there is always room.
        """
        return succeed(None)

    def stats(self) -> ProducerStats:
        """
        How many sends there were.
        """
        return ProducerStats(0, 0, 0, retries=0, isolated=(), **self._counts)

    def close(self) -> Deferred[None]:
        """
        Take no more sends.

        @return: It has fired.
        """
        self._closed = True
        return succeed(None)

    def __repr__(self) -> str:
        """
        Short enough for a log line.
        """
        return f"<RecordingProducer {self.group} sent={len(self.sent)}>"

    def _checkOpen(self) -> None:
        """
        Refuse what comes after the end.
        """
        if self._closed:
            raise NotRunning("the producer is closed")

    def _nextId(self) -> str:
        """
        The next msgId.
        """
        return f"{next(self._ids):032X}"

    def _taken(
        self,
        outgoing: Outgoing,
        choice: Choice | None,
        mode: CommunicationMode | None,
        oneway: bool = False,
    ) -> list[SendResult]:
        """
        Record a send, or let it fail.

        @return: One result for each of its messages.
        """
        self._counts["failed"] += 1
        queue = self._broker.queue(outgoing.topic, choice)
        self._counts["attempts"] += 1
        failing = self._failures.popleft() if self._failures else None
        results = []
        if failing is None or failing.stored:
            results = self._broker.results(outgoing, queue)
            told = not oneway and failing is None
            self._record(outgoing, results, told, mode)
        if failing is not None:
            raise failureOf(failing, outgoing, queue, oneway)
        self._counts["failed"] -= 1
        self._counts["sent"] += 1
        return results

    def _record(
        self,
        outgoing: Outgoing,
        results: Sequence[SendResult],
        told: bool,
        mode: CommunicationMode | None,
    ) -> None:
        """
        Keep what was sent.
        """
        for message, result in zip(outgoing.messages, results, strict=True):
            if result.recallHandle is not None:
                self._recallable[result.recallHandle] = result.msgId
            self.sent.append(
                Recorded(
                    message,
                    result.messageQueue,
                    result.msgId,
                    result if told else None,
                    mode,
                )
            )
