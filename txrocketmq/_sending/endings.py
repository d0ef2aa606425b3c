"""
How sends end, other than well.
"""

from __future__ import annotations

from txrocketmq._remoting.dialing import LostSoon
from txrocketmq.errors import GoAway, RocketMQError, SendFailed
from txrocketmq.message import Attempt, Persisted, SendResult

from .hooks import Forbidden
from .progress import History, Send


class Weak(Exception):
    """
    A stored but weak result that is to be bettered.
    """

    def __init__(self, result: SendResult) -> None:
        self.result = result
        super().__init__(f"stored with status {result.sendStatus.name}")


def failedSend(send: Send, history: History, error: Exception) -> SendFailed:
    """
    The failure of a send, with all that is known of it.
    """
    listed = history.listed()
    if isinstance(error, LostSoon) and history.goneAway is not None:
        # That nobody may connect yet is because of what the broker said.
        error = history.goneAway
    # What a hook raised is the reason, not that it was a hook.
    cause = error.__cause__ if isinstance(error, Forbidden) else error
    assert isinstance(cause, Exception)
    return SendFailed(
        send.outgoing.topic,
        send.outgoing.msgId,
        cause,
        history.persisted,
        listed,
        history.made - len(listed),
    )


def noted(send: Send, error: Exception, persisted: Persisted, now: float) -> History:
    """
    Write a failed try into a send's history.
    """
    if send.history is None:
        send.history = History()
    attempt = Attempt(
        send.queue, send.address, now - send.began, withoutFrames(error), persisted
    )
    send.history.add(attempt, send.broker)
    if isinstance(error, GoAway):
        send.history.goneAway = error
    send.queue = send.address = None
    return send.history


def withoutFrames(error: Exception) -> Exception:
    """
    An error of ours, less the frames it came through, and those of its causes:
    with them, each try that is listed would be kept with all it had in hand.

    What Python was handling when an error of ours was raised may be the end of
    another send, on whose stack this one goes on: that is no part of it.
    """
    each: BaseException | None = error if isinstance(error, RocketMQError) else None
    seen: set[int] = set()
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        each.__traceback__ = None
        if isinstance(each, RocketMQError):
            each.__context__ = None
        each = each.__cause__ or each.__context__
    return error


def persistedBy(cancelled: BaseException | None) -> Persisted:
    """
    Whether a request that was cancelled may have been carried out: the
    connection knows whether it had been written.
    """
    return getattr(cancelled, "persisted", Persisted.MAYBE)
