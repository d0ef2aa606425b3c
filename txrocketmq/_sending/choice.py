"""
What the caller of a send says about it: which queue it may go to, by whose rules,
and how long it may take.
"""

from __future__ import annotations

from collections.abc import Sequence

from txrocketmq.errors import InvalidMessage
from txrocketmq.message import CommunicationMode, Message, MessageQueue, Selector
from txrocketmq.settings import ProducerSettings

LONGEST = 1e9
"""
Seconds nobody waits for: what settings allow.
"""

MOST_QUEUES = 1 << 31
"""
What the number of a queue is below.
"""


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


def checkCall(timeout: float | None, mode: CommunicationMode | None = None) -> None:
    """
    Refuse a time that ends before it begins, or never, and rules nobody knows.

    @raise InvalidMessage: It is one of those.
    """
    if timeout is not None and not (
        type(timeout) in (int, float) and 0 < timeout < LONGEST
    ):
        raise InvalidMessage(
            f"timeout must be a number of seconds above 0, not {timeout!r}"
        )
    if mode is not None and not isinstance(mode, CommunicationMode):
        raise InvalidMessage(f"mode must be a CommunicationMode, not {mode!r}")


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
    number, broker = queue.queueId, queue.brokerName
    if type(number) is not int or not 0 <= number < MOST_QUEUES:
        raise InvalidMessage(f"queueId must be a 32-bit int from 0, not {number!r}")
    if not isinstance(broker, str) or not broker:
        raise InvalidMessage(f"brokerName must be a broker's name, not {broker!r}")
