"""
What became of messages, as JSON, and what that is as an answer.

Law: 2xx says that a broker, or the spool, has what it speaks of, and nothing else
does.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.json import encode

from txrocketmq import Persisted, SendResult
from txrocketmq.errors import NotRunning
from txrocketmq.relay.answers import RETRY_AFTER, Answer, head
from txrocketmq.relay.reasons import reasonOf

NO, MAYBE = Persisted.NO, Persisted.MAYBE

AGAIN = (b"Retry-After", RETRY_AFTER)

STARTS = {status: head(status) for status in (200, 202, 207, 502, 504)}
STARTS[503] = head(503, AGAIN)


class Stored(msgspec.Struct):
    """
    A message that a broker has.
    """

    msgId: str
    offsetMsgId: str
    brokerName: str
    queueId: int
    queueOffset: int
    sendStatus: str


class Failed(msgspec.Struct):
    """
    A message that no broker has, or may not have.
    """

    error: str
    persisted: str
    msgId: str | None


class Outcome(msgspec.Struct, frozen=True):
    """
    How a send failed.

    @ivar text: What is told of it.

    @ivar reason: What is counted.

    @ivar persisted: Whether the message may be stored all the same.

    @ivar retriable: Whether to send it again may help.
    """

    text: bytes
    reason: str
    persisted: Persisted
    retriable: bool


def stored(result: SendResult) -> bytes:
    """
    What is told of a message that is stored.
    """
    queue = result.messageQueue
    return encode(
        Stored(
            result.msgId,
            result.offsetMsgId,
            queue.brokerName,
            queue.queueId,
            result.queueOffset,
            result.sendStatus.name,
        )
    )


def unsent(error: BaseException | None) -> Outcome:
    """
    What is told of one that is not, or may not be.

    @param error: How its send ended; what does not say whether it is stored may
        have left it anywhere.
    """
    reason, words = reasonOf(error)
    persisted = getattr(error, "persisted", MAYBE)
    again = getattr(error, "retriable", False) or isinstance(error, NotRunning)
    text = encode(Failed(words, persisted.name, getattr(error, "msgId", None)))
    return Outcome(text, reason, persisted, persisted is NO and again)


def statusOf(count: int, failures: Sequence[Outcome]) -> int:
    """
    The HTTP status of messages that were sent together.

    @param count: How many there were.

    @param failures: How those ended that are not stored.
    """
    if not failures:
        return 200
    if len(failures) < count:
        return 207
    if any(failure.persisted is MAYBE for failure in failures):
        return 504
    return 503 if all(failure.retriable for failure in failures) else 502


def results(status: int, texts: Sequence[bytes]) -> Answer:
    """
    The answer for messages.

    @param texts: What is told of each, in order.
    """
    content = b'{"results":[%b]}\n' % b",".join(texts)
    headers = (AGAIN,) if status == 503 else ()
    return Answer(status, content, headers, STARTS[status])


def kept(msgIds: Sequence[str]) -> Answer:
    """
    The answer for messages that the spool has.
    """
    # All in one: there may be very many.
    listed = '"},{"msgId":"'.join(msgIds)
    return results(202, [f'{{"msgId":"{listed}"}}'.encode()])
