"""
A broker that stores nothing, and says what one that does would say.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from itertools import count

import attrs

from txrocketmq._sending.batch import splitResult
from txrocketmq._sending.choice import Choice
from txrocketmq._sending.outgoing import Outgoing
from txrocketmq._sending.policy import verdictOn
from txrocketmq._sending.progress import worse
from txrocketmq._sending.recall import NEVER_RECALLED
from txrocketmq._wire.ids import encodeOffsetId
from txrocketmq.errors import BrokerError, RemotingError, RouteError, SendFailed
from txrocketmq.message import (
    Attempt,
    MessageQueue,
    Persisted,
    SendResult,
    SendStatus,
)

HOST, PORT = "127.0.0.1", 10911
ADDRESS = f"{HOST}:{PORT}"
BROKER = "broker-a"


@attrs.frozen
class Failing:
    """
    A failure that is to come.
    """

    error: Exception
    stored: bool


class CountingBroker:
    """
    Counts what it is given, and no more.
    """

    def __init__(self, queues: int) -> None:
        """
        @param queues: How many queues each topic has.
        """
        self._queues = queues
        self._turns = count()
        self._positions = count()
        self._offsets: dict[MessageQueue, int] = {}

    def queuesOf(self, topic: str) -> list[MessageQueue]:
        """
        All queues of a topic.
        """
        return [MessageQueue(topic, BROKER, n) for n in range(self._queues)]

    def queue(self, topic: str, choice: Choice | None) -> MessageQueue:
        """
        The queue that is chosen, or whose turn it is.

        @raise InvalidMessage: When a selector chooses none.
        """
        queues = self.queuesOf(topic)
        if choice is not None:
            return choice.among(queues)
        return queues[next(self._turns) % len(queues)]

    def results(self, outgoing: Outgoing, queue: MessageQueue) -> list[SendResult]:
        """
        What a broker would say.
        """
        size = len(outgoing.messages)
        offset = self._offsets.get(queue, 0)
        self._offsets[queue] = offset + size
        positions = [next(self._positions) for _ in range(size)]
        result = SendResult(
            SendStatus.SEND_OK,
            outgoing.msgId,
            ",".join(encodeOffsetId(HOST, PORT, each) for each in positions),
            queue,
            offset,
            outgoing.msgId,
            recallHandle=_handleOf(outgoing),
            attempts=(Attempt(queue, ADDRESS, 0.0, None, Persisted.YES),),
        )
        isSingle = outgoing.memberIds is None
        return [result] if isSingle else splitResult(outgoing, result)


def _handleOf(outgoing: Outgoing) -> str | None:
    """
    What a timer message is taken back with; L{None} for any other.
    """
    message = outgoing.messages[0]
    seconds = message.deliverAt or message.deliverAfter
    if seconds is None or outgoing.topic.startswith(NEVER_RECALLED):
        return None
    due = round(seconds * 1000) + 1
    words = f"v1 {outgoing.topic} {BROKER} {due} {outgoing.msgId}"
    return urlsafe_b64encode(words.encode()).decode()


def failureOf(
    failing: Failing, outgoing: Outgoing, queue: MessageQueue, oneway: bool
) -> Exception:
    """
    What a send fails with: for a reason that a try has, what the real one makes of
    it.
    """
    error = failing.error
    if not isinstance(error, RemotingError | BrokerError | RouteError):
        return error
    persisted = Persisted.NO if oneway else verdictOn(error).persisted
    if failing.stored:
        persisted = worse(persisted, Persisted.MAYBE)
    isAimed = not isinstance(error, RouteError)
    attempt = Attempt(
        queue if isAimed else None,
        ADDRESS if isAimed else None,
        0.0,
        error,
        persisted,
    )
    return SendFailed(outgoing.topic, outgoing.msgId, error, persisted, (attempt,))
