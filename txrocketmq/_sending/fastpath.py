"""
The short way of a plain send, while nothing fails.

Laws:

    - It puts the same bytes on the wire as the general way (L{assemble
      <txrocketmq._sending.assemble>}, L{Outgoing<txrocketmq._sending.outgoing>},
      L{Attempts<txrocketmq._sending.attempts>}), gives the same result, and
      counts the same.

    - What is not plain is not begun here, and what does not go well is not ended
      here: the general way takes over, with all that is known by then.

What it saves: the general way makes an object for what is sent, one for how far it
has come and one for who waits, and asks a dozen others for their part.  Here a send
is one object, and what is the same for all sends to a queue is worked out once.
"""

from __future__ import annotations

from struct import Struct

import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from txrocketmq._remoting.protocol import RemotingProtocol
from txrocketmq._remoting.waiters import UNWRITTEN, persistedOf
from txrocketmq._routing.publishinfo import TopicPublishInfo
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.records import encodeProperties
from txrocketmq._wire.sendframes import AFTER, BEFORE, UNIQUE_ID, SendFrames, asJSON
from txrocketmq.errors import InvalidMessage
from txrocketmq.message import (
    Attempt,
    Message,
    MessageQueue,
    Persisted,
    SendResult,
    SendStatus,
)

from .assemble import assemble, propertiesOf
from .attempts import Attempts
from .envelope import MOST_HEADINGS, Envelope
from .firsttry import FirstTry
from .intake import Intake
from .outgoing import INT64_DIGITS
from .progress import Epoch, Send
from .rules import Rules
from .targets import Cluster, Targets
from .validate import SURELY_SHORT, checkMessage

_WORDS = Struct(">ii").pack
_OK = SendStatus.SEND_OK
_YES = Persisted.YES

# What a message has where nothing was said.  They are compared by identity: what
# is equal to them, but not what it seems, is for the general way to judge.
_ZERO = 0
_NO_KEYS = ()

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


class FastPath:
    """
    Makes the first try of plain sends.
    """

    def __init__(
        self,
        cluster: Cluster,
        envelope: Envelope,
        targets: Targets,
        intake: Intake,
        attempts: Attempts,
        rules: Rules,
    ) -> None:
        """
        @param attempts: Takes over what does not go well.

        @param rules: Those of sends of which nothing else is said.
        """
        settings = envelope.settings
        self.envelope = envelope
        self.attempts = attempts
        self.rules = rules
        self.avoidance = targets.avoidance
        self.stored = intake.stored
        self.seconds = cluster.clock.seconds
        self._millis = envelope.millis
        self._idAt = cluster.ids.at
        self._timeout = rules.attemptTimeout(settings.sendTimeout)
        self._live = cluster.peers.live
        self._sendAddress = cluster.sendAddress
        self._usable = cluster.routes.usable
        self._turns = targets.turns
        self._take = intake.room.take
        self._ledger = intake.ledger
        # Larger ones are compressed, or refused.
        self._sizes = min(
            settings.compressMsgBodyOverHowmuch, settings.maxMessageSize + 1
        )
        self._topics: dict[str, TopicPath] = {}

    def send(self, message: Message) -> Deferred[SendResult] | None:
        """
        Send a message of which nothing else is said.

        @return: As C{Producer.send}; L{None} leaves it to the general way, and
            nothing has happened then.
        """
        before = after = b""
        if message.keys is not _NO_KEYS or message.properties is not None:
            described = self._described(message)
            if described is None:
                return None
            before, after = described
        target = self._admitted(message)
        if target is None:
            return None
        live = target.live
        assert live is not None
        self.attempts.made += 1
        epoch = self._ledger.current
        epoch.live += 1
        now, born, body = self.seconds(), self._millis(), message.body
        msgId = self._idAt(born)
        waiting = FastSend(self, target, live, message, msgId, epoch, now)
        waiting.ended = ended = Deferred(waiting.cancelled)
        opaque = live.opaques.upcoming
        tagged = target.headers[message.tags]
        header = tagged % (born, before, msgId.encode(), after, opaque)
        words = _WORDS(4 + len(header) + len(body), len(header))
        frame = b"".join((words, header, body))
        live.post(waiting, frame, now, self._timeout)
        return ended

    def _admitted(self, message: Message) -> QueuePath | None:
        """
        Where a message goes, with a place for it, if it is a plain one and nothing
        stands in its way.
        """
        topic, body, tags = message.topic, message.body, message.tags
        if (
            type(topic) is not str
            or type(body) is not bytes
            or not 0 < len(body) < self._sizes
            or (tags is not None and type(tags) is not str)
            or message.shardingKey is not None
            or message.flag is not _ZERO
            or message.waitStoreMsgOK is not True
            or message.delayTimeLevel is not _ZERO
            or message.deliverAfter is not None
            or message.deliverAt is not None
            or self.avoidance.active
        ):
            return None
        path = self._topics.get(topic)
        if path is None or self._usable.get(path.info.topic) is not path.info:
            path = self._newPath(topic)
            if path is None:
                return None
        topic = path.info.topic
        at = self._turns.get(topic)
        if at is None:
            return None
        target = path.queues[at % len(path.queues)]
        if target is None:
            return None
        live = target.live
        if live is None or live.retired:
            live = target.live = self._live(target.address)
        if (
            live is None
            or (tags not in target.headers and not self._addHeader(path, target, tags))
            or not self._take(len(body))
        ):
            return None
        self._turns[topic] = at + 1
        return target

    def _newPath(self, topic: str) -> TopicPath | None:
        """
        The path to a topic, if there is a route and headers can be written.
        """
        self._topics.pop(topic, None)
        try:
            heading = self.envelope.heading(topic)
        except InvalidMessage:
            return None
        info = self._usable.get(heading.wireTopic)
        if info is None or heading.frames is None:
            return None
        if len(self._topics) >= MOST_HEADINGS:
            self._topics.clear()
        queues = tuple(self._newQueue(topic, info, queue) for queue in info.queues)
        path = self._topics[topic] = TopicPath(heading.frames, info, queues)
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

    def _addHeader(self, path: TopicPath, target: QueuePath, tags: str | None) -> bool:
        """
        Make the header for messages of these tags.

        @return: Whether there is one: not where nothing can be sent with them.
        """
        marked = Message("", b" ", tags=tags, keys=AFTER, properties={BEFORE: BEFORE})
        try:
            checkMessage(marked, 1)
            text = propertiesOf(self.envelope, marked, UNIQUE_ID)
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

    def _described(self, message: Message) -> tuple[bytes, bytes] | None:
        """
        A message's own properties and its keys as a header has them, if they can
        be stored.
        """
        before = after = b""
        try:
            checkMessage(message, self._sizes)
            if message.properties:
                before = asJSON(encodeProperties(message.properties))
            if message.keys:
                after = asJSON(encodeProperties({"KEYS": " ".join(message.keys)}))
        except InvalidMessage:
            return None
        return (before, after) if len(before) + len(after) < SURELY_SHORT else None


class FastSend(msgspec.Struct, eq=False):
    """
    A plain send from its call to its end, or until something is not well.

    It is a L{Waiting<txrocketmq._remoting.waiters.Waiting>}.

    @ivar target: Where it goes.

    @ivar live: Who is asked.

    @ivar began: When that was.

    @ivar ended: What its caller has.

    @ivar result: The result, while its caller is told.

    @ivar first: What has taken over.
    """

    path: FastPath
    target: QueuePath
    live: RemotingProtocol
    message: Message
    msgId: str
    epoch: Epoch
    began: float
    ended: Deferred[SendResult] | None = None
    opaque: int = 0
    timeout: float = 0.0
    deadline: float = 0.0
    heard: int = UNWRITTEN
    oneway: bool = False
    result: SendResult | None = None
    first: FirstTry | None = None

    def answered(self, answer: RemotingCommand) -> None:
        """
        The answer has come: the one that is expected, or another.
        """
        path, target, fields = self.path, self.target, answer.extFields
        offset = fields.get("queueOffset", "")
        offsetMsgId = fields.get("msgId")
        if (
            answer.code
            or fields.get("queueId") != target.queueId
            or not offsetMsgId
            or not offset.isdigit()
            or not offset.isascii()
            or len(offset) > INT64_DIGITS
        ):
            self._general().answered(answer)
            return
        elapsed = path.seconds() - self.began
        self.result = result = SendResult(
            _OK,
            self.msgId,
            offsetMsgId,
            target.queue,
            int(offset),
            fields.get("transactionId"),
            fields.get("MSG_REGION") or "DefaultRegion",
            fields.get("TRACE_ON") != "false",
            fields.get("recallHandle"),
            (Attempt(target.queue, target.address, elapsed, None, _YES),),
        )
        if path.avoidance.active:
            path.avoidance.succeeded(target.broker)
        path.stored(self.epoch, len(self.message.body))
        ended = self.ended
        assert ended is not None
        # Whoever was told of the end may have cancelled this send.
        if not ended.called:
            ended.callback(result)

    def failed(self, error: Exception | Failure) -> None:
        """
        There will be no answer, or its caller has cancelled the send.
        """
        self._general().failed(error)

    @property
    def persisted(self) -> Persisted:
        """
        What is known of the message if there is no answer.
        """
        return persistedOf(self.heard)

    def cancelled(self, ended: Deferred[SendResult]) -> None:
        """
        The send was cancelled: end what is under way.
        """
        if self.result is not None:
            ended.callback(self.result)
        elif self.first is not None:
            self.first.cancelled(ended)
        else:
            self.live.abandon(self)
            if self.first is None:
                self.failed(CancelledError())

    def _general(self) -> FirstTry:
        """
        The same send as the general way has it, which goes on with it.
        """
        path, target = self.path, self.target
        envelope = path.envelope
        send = Send(
            assemble(envelope, self.message, self.msgId),
            self.began + envelope.settings.sendTimeout,
            self.epoch,
            None,
            path.rules,
            target.queue,
            target.broker,
            target.address,
            self.began,
        )
        self.first = FirstTry(
            path.attempts, send, self.live, self.ended, heard=self.heard
        )
        return self.first
