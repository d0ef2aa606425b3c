"""
What is the same for all plain sends to a topic, to a queue, and under a tag.

Law: it is made once, and again when what it was made of is another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from txrocketmq._remoting.protocol import RemotingProtocol
from txrocketmq._routing.publishinfo import TopicPublishInfo
from txrocketmq._wire.codes import RequestCode
from txrocketmq._wire.queueframes import (
    AFTER,
    BEFORE,
    BORN,
    UNIQUE_ID,
    QueueFrame,
    framesOf,
)
from txrocketmq._wire.signedframes import signedFramesOf
from txrocketmq.errors import InvalidMessage
from txrocketmq.message import Message, MessageQueue
from txrocketmq.settings import SessionCredentials

from .assemble import propertiesOf
from .envelope import MOST_HEADINGS, Envelope, Heading
from .targets import Cluster
from .validate import SURELY_SHORT, checkMessage

if TYPE_CHECKING:
    from .surroundings import Around

_SEND = int(RequestCode.SEND_MESSAGE_V2)

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

    @ivar wireTopic: The topic with its namespace.

    @ivar frames: For each tag, what writes a frame.

    @ivar packed: The same for bodies that are compressed.

    @ivar around: What is to be done when a try has ended, if that is the same for all.
    """

    queue: MessageQueue
    queueId: str
    broker: str
    address: str
    wireTopic: str
    live: RemotingProtocol | None = None
    frames: dict[str | None, QueueFrame] = {}
    packed: dict[str | None, QueueFrame] = {}
    around: Around | None = None


class TopicPath(msgspec.Struct, eq=False):
    """
    What is the same for all plain sends to one topic.

    @ivar heading: What all requests to it have in common.

    @ivar info: The route it was made of: with another one it is another path.

    @ivar queues: The paths of its queues, in the route's order; L{None} for one
        whose broker has no master.
    """

    heading: Heading
    info: TopicPublishInfo
    queues: tuple[QueuePath | None, ...]


class Paths:
    """
    The paths of one producer's plain sends.

    @ivar topics: Those to topics, by the names their user knows.

    @ivar credentials: What their frames are signed with, if they are.
    """

    def __init__(self, cluster: Cluster, envelope: Envelope) -> None:
        self.topics: dict[str, TopicPath] = {}
        self.credentials: SessionCredentials | None = None
        self._envelope = envelope
        self._fixed = cluster.peers.fixed or {}
        self._signing = cluster.peers.signing
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
        if info is None or heading.isRetry or not self._envelope.settings.sendSmartMsg:
            return None
        if len(self.topics) >= MOST_HEADINGS:
            self.topics.clear()
        queues = tuple(self._newQueue(topic, info, queue) for queue in info.queues)
        path = self.topics[topic] = TopicPath(heading, info, queues)
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
            info.topic,
        )

    def signWith(self, credentials: SessionCredentials) -> None:
        """
        Sign with other credentials from now on: what was made with those before is
        of no use.
        """
        if credentials != self.credentials:
            self.topics.clear()
        self.credentials = credentials

    def addFrames(
        self, heading: Heading, target: QueuePath, tags: str | None, sysFlag: int = 0
    ) -> bool:
        """
        Make what writes the frames for messages of these tags.

        @param sysFlag: How their bodies are compressed, if they are.

        @return: Whether there is such a thing: not where nothing can be sent with
            them.
        """
        marked = Message("", b" ", tags=tags, keys=AFTER, properties={BEFORE: BEFORE})
        try:
            checkMessage(marked, 1)
            text = propertiesOf(self._envelope, marked, UNIQUE_ID)
            text = text.replace(f"{BEFORE}\x01{BEFORE}\x02", BEFORE)
            text = text.replace(f"KEYS\x01{AFTER}\x02", AFTER)
            frame = self._framesOf(heading, target, text, sysFlag)
        except (InvalidMessage, ValueError):
            return False
        if len(text) > SURELY_SHORT:
            return False
        frames = target.packed if sysFlag else target.frames
        if len(frames) >= MOST_TAGS:
            frames.clear()
        frames[tags] = frame
        return True

    def _framesOf(
        self, heading: Heading, target: QueuePath, properties: str, sysFlag: int
    ) -> QueueFrame:
        """
        What writes the frames for messages with these properties, less their own.

        @raise ValueError: They cannot be written this way.
        """
        fields = {
            **heading.extFields,
            "e": target.queueId,
            "f": str(sysFlag),
            "g": BORN,
            "i": properties,
            "n": target.broker,
            **self._fixed,
        }
        serializeType = self._envelope.serializeType
        if self.credentials is None:
            return framesOf(_SEND, fields, serializeType)
        assert self._signing is not None
        fields |= self._signing.fieldsOf(self.credentials)
        return signedFramesOf(_SEND, fields, serializeType, self.credentials.secretKey)
