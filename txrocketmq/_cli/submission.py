"""
Bodies into messages, and sends in the mode that was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txrocketmq import CommunicationMode, Message, Producer, SendResult
from txrocketmq._cli.ordering import Outcome
from txrocketmq._cli.sending import Submit

RULES = {
    "default": None,
    "sync": CommunicationMode.SYNC,
    "async": CommunicationMode.ASYNC,
}
"""
The modes of the command line whose messages brokers answer.
"""


def submission(
    producer: Producer, message: Callable[[bytes], Message], mode: str, batch: int
) -> Submit:
    """
    What sends bodies.

    @param message: Makes the message with a body.

    @param mode: One of the command line's modes.

    @param batch: How many bodies are sent together.
    """
    if batch > 1:
        return partial(_sendBatch, producer, message)
    if mode == "oneway":
        return partial(_sendOneway, producer, message)
    return partial(_send, producer, message, RULES[mode])


def _send(
    producer: Producer,
    message: Callable[[bytes], Message],
    mode: CommunicationMode | None,
    bodies: Sequence[bytes],
) -> Deferred[Sequence[Outcome]]:
    """
    Send one message.
    """
    (body,) = bodies
    sending = producer.send(message(body), mode=mode)
    return sending.addCallbacks(_stored, _failed, errbackArgs=(1,))


def _sendOneway(
    producer: Producer, message: Callable[[bytes], Message], bodies: Sequence[bytes]
) -> Deferred[Sequence[Outcome]]:
    """
    Hand one message to the network.
    """
    (body,) = bodies
    sending = producer.sendOneway(message(body))
    return sending.addCallbacks(_handed, _failed, errbackArgs=(1,))


def _sendBatch(
    producer: Producer, message: Callable[[bytes], Message], bodies: Sequence[bytes]
) -> Deferred[Sequence[Outcome]]:
    """
    Send several messages as one batch.
    """
    sending = producer.sendBatch([message(body) for body in bodies])
    return sending.addCallbacks(list, _failed, errbackArgs=(len(bodies),))


def _stored(result: SendResult) -> list[Outcome]:
    """
    The outcome of one message that a broker confirmed.
    """
    return [result]


def _handed(_: None) -> list[Outcome]:
    """
    The outcome of one message that nobody confirms.
    """
    return [None]


def _failed(failure: Failure, count: int) -> list[Outcome]:
    """
    The outcome of messages that failed together.
    """
    failure.trap(Exception)
    assert isinstance(failure.value, Exception)
    return [failure.value] * count
