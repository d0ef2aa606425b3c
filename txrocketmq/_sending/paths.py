"""
What is the same for all plain sends to a topic, to a queue, and under a tag.

Law: it is made once, and again when what it was made of is another.
"""

from __future__ import annotations

import msgspec

from txrocketmq._remoting.protocol import RemotingProtocol
from txrocketmq._routing.publishinfo import TopicPublishInfo
from txrocketmq._wire.sendframes import AFTER, BEFORE, UNIQUE_ID, SendFrames
from txrocketmq.errors import InvalidMessage
from txrocketmq.message import Message, MessageQueue

from .assemble import propertiesOf
from .envelope import MOST_HEADINGS, Envelope
from .targets import Cluster
from .validate import SURELY_SHORT, checkMessage

MOST_TAGS = 64
"""
For how many tags a queue keeps a header.
"""


class QueuePath(msgspec.Struct, eq=False):
    """
    What is the same for all plain sends to one queue.

    @ivar queue: The queue, under the name its user knows.

    @ivar queueId: Its id, as answers have it.

    @ivar broker: The broker that has it.

    @ivar address: Where that broker takes sends.

    @ivar live: The connection there, the last time it was asked for.

    @ivar headers: For each tag, what L{SendFrames.plainHeader} gives.
    """

    queue: MessageQueue
    queueId: str
    broker: str
    address: str
    live: RemotingProtocol | None = None
    headers: dict[str | None, bytes] = {}


class TopicPath(msgspec.Struct, eq=False):
    """
    What is the same for all plain sends to one topic.

    @ivar frames: Writes its headers.

    @ivar info: The route it was made of: with another one it is another path.

    @ivar queues: The paths of its queues, in the route's order; L{None} for one
        whose broker has no master.
    """

    frames: SendFrames
    info: TopicPublishInfo
    queues: tuple[QueuePath | None, ...]


class Paths:
    """
    The paths of one producer's plain sends.

    @ivar topics: Those to topics, by the names their user knows.
    """

    def __init__(self, cluster: Cluster, envelope: Envelope) -> None:
        self.topics: dict[str, TopicPath] = {}
        self._envelope = envelope
        self._usable = cluster.routes.usable
        self._sendAddress = cluster.sendAddress

    def renewed(self, topic: str) -> TopicPath | None:
        """
        The path to a topic, if there is a route and headers can be written.
        """
        self.topics.pop(topic, None)
        try:
            heading = self._envelope.heading(topic)
        except InvalidMessage:
            return None
        info = self._usable.get(heading.wireTopic)
        if info is None or heading.frames is None:
            return None
        if len(self.topics) >= MOST_HEADINGS:
            self.topics.clear()
        queues = tuple(self._newQueue(topic, info, queue) for queue in info.queues)
        path = self.topics[topic] = TopicPath(heading.frames, info, queues)
        return path

    def _newQueue(
        self, topic: str, info: TopicPublishInfo, queue: MessageQueue
    ) -> QueuePath | None:
        """
        The path to a queue, if its broker has a master.
        """
        broker = info.brokerOf(queue)
        master = info.masters.get(broker)
        if master is None:
            return None
        return QueuePath(
            MessageQueue(topic, queue.brokerName, queue.queueId),
            str(queue.queueId),
            broker,
            self._sendAddress(master),
        )

    def addHeader(self, path: TopicPath, target: QueuePath, tags: str | None) -> bool:
        """
        Make the header for messages of these tags.

        @return: Whether there is one: not where nothing can be sent with them.
        """
        marked = Message("", b" ", tags=tags, keys=AFTER, properties={BEFORE: BEFORE})
        try:
            checkMessage(marked, 1)
            text = propertiesOf(self._envelope, marked, UNIQUE_ID)
            text = text.replace(f"{BEFORE}\x01{BEFORE}\x02", BEFORE)
            text = text.replace(f"KEYS\x01{AFTER}\x02", AFTER)
            header = path.frames.plainHeader(target.queue.queueId, target.broker, text)
        except ValueError:
            return False
        if len(text) > SURELY_SHORT:
            return False
        if len(target.headers) >= MOST_TAGS:
            target.headers.clear()
        target.headers[tags] = header
        return True
