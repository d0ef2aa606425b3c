"""
Which queue a send may go to, where its caller has a say in it.
"""

from __future__ import annotations

from collections.abc import Sequence

from txrocketmq.errors import InvalidMessage
from txrocketmq.message import Message, MessageQueue, Selector
from txrocketmq.settings import ProducerSettings


class Choice:
    """
    What a caller said about the queue: which one, or who is to choose.

    @ivar queue: The one queue the send may go to, once it is known.
    """

    __slots__ = ("_message", "_selector", "queue")

    def __init__(
        self, queue: MessageQueue | None, selector: Selector | None, message: Message
    ) -> None:
        self.queue = queue
        self._selector = selector
        self._message = message

    def among(self, queues: Sequence[MessageQueue]) -> MessageQueue:
        """
        The queue, chosen at the first call for good.

        @raise InvalidMessage: When the selector gives none of the topic's queues.
        """
        if self.queue is None:
            queue = self._asked(queues)
            if queue not in queues:
                raise InvalidMessage(
                    f"the selector must return one of the {len(queues)} queues it is "
                    f"given, not {queue!r}"
                )
            self.queue = queue
        return self.queue

    def _asked(self, queues: Sequence[MessageQueue]) -> MessageQueue:
        """
        What the selector says, whatever it does.
        """
        assert self._selector is not None
        try:
            return self._selector(queues, self._message)
        except Exception as error:
            raise InvalidMessage(
                f"the selector failed: {type(error).__name__}: {error}"
            ) from error


def choiceOf(
    settings: ProducerSettings,
    message: Message,
    queue: MessageQueue | None,
    selector: Selector | None,
) -> Choice | None:
    """
    What was said about the queue, by the caller or by a shardingKey; L{None}
    where nothing was.

    @raise InvalidMessage: When it makes no sense.
    """
    if queue is None and selector is None:
        key = getattr(message, "shardingKey", None)
        if not isinstance(key, str):
            return None
        selector = settings.shardingSelector(key)
    elif queue is not None and selector is not None:
        raise InvalidMessage("give a queue or a selector, not both")
    elif queue is not None:
        _checkQueue(queue, message)
    elif not callable(selector):
        raise InvalidMessage(f"selector must be callable, not {selector!r}")
    return Choice(queue, selector, message)


def _checkQueue(queue: object, message: Message) -> None:
    """
    Refuse a queue a message cannot go to.
    """
    if not isinstance(queue, MessageQueue):
        raise InvalidMessage(f"queue must be a MessageQueue, not {queue!r}")
    if isinstance(message, Message) and queue.topic != message.topic:
        raise InvalidMessage(
            f"the queue is of topic {queue.topic!r}, the message of {message.topic!r}"
        )
