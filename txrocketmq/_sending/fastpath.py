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

from twisted.internet.defer import Deferred

from txrocketmq._wire.frames import MAX_FRAME, MAX_HEADER
from txrocketmq._wire.queueframes import QueueFrame
from txrocketmq._wire.records import encodeProperties
from txrocketmq.compression import compressor
from txrocketmq.errors import InvalidMessage
from txrocketmq.message import Message, SendResult

from .attempts import Attempts
from .envelope import Envelope
from .fastsend import FastSend
from .hooks import SendHooks
from .intake import Intake
from .paths import Paths, QueuePath
from .rules import Rules
from .surroundings import Surroundings
from .targets import Cluster, Targets
from .validate import SURELY_SHORT, checkMessage

# What a message has where nothing was said.  They are compared by identity: what
# is equal to them, but not what it seems, is for the general way to judge.
_ZERO = 0
_NO_KEYS = ()


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
        hooks: SendHooks | None,
    ) -> None:
        """
        @param attempts: Takes over what does not go well.

        @param rules: Those of sends of which nothing else is said.

        @param hooks: What is called around each try.
        """
        settings = envelope.settings
        self.envelope = envelope
        self.attempts = attempts
        self.rules = rules
        self.avoidance = targets.avoidance
        # Asked for each send: without a call.
        self.failing = targets.avoidance.failing
        self._marked = targets.avoidance.marked
        self.stored = intake.stored
        self.seconds = cluster.clock.seconds
        self._millis = envelope.millis
        self._idAt = cluster.ids.at
        self.sendTimeout = settings.sendTimeout
        self._timeout = rules.attemptTimeout(settings.sendTimeout)
        self._live = cluster.peers.live
        self._usable = cluster.routes.usable
        self._turns = targets.turns
        self._take = intake.room.take
        self._ledger = intake.ledger
        # Larger ones are refused.
        self._sizes = min(settings.maxMessageSize + 1, MAX_FRAME - MAX_HEADER)
        self._packing = settings.compressMsgBodyOverHowmuch
        self._pack, self._packedFlags = compressor(
            settings.compressType, settings.compressLevel
        )
        paths = Paths(cluster, envelope)
        signing = cluster.peers.signing
        self._around: Surroundings | None = None
        if hooks is not None or signing is not None:
            self._around = Surroundings(envelope, rules, paths, hooks, signing)
        self._topics = paths.topics
        self._renewed = paths.renewed
        self._addFrames = paths.addFrames

    def send(self, message: Message) -> Deferred[SendResult] | None:
        """
        Send a message of which nothing else is said.

        @return: As C{Producer.send}; L{None} leaves it to the general way, and
            nothing has happened then.
        """
        around = self._around
        if around is not None and not around.ready():
            return None
        before = after = ""
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
        isLarge = len(message.body) >= self._packing
        self.attempts.made += 1
        epoch = self._ledger.current
        epoch.live += 1
        now, born = self.seconds(), self._millis()
        msgId = self._idAt(born)
        waiting = FastSend(self, target, live, message, msgId, epoch, now)
        ended: Deferred[SendResult] = Deferred(waiting.cancelled)
        waiting.ended = ended
        if around is not None:
            waiting.around = target.around
            if waiting.around is None and not around.begun(waiting):
                return ended
        elif (live.paused and not before and not after) or (
            isLarge and (live.paused or live.isGathering)
        ):
            # It may be one of very many that wait there: without a frame, which
            # would be most of what it holds.  What is to be compressed is compressed
            # when all is done that is to be done for those who leave with it: in
            # between it would throw all that out of the processor's caches.
            live.postLater(waiting, self._timeout, len(message.body))
            return ended
        opaque = live.opaques.upcoming
        if isLarge:
            write, body = self._written(target, message)
        else:
            write, body = target.frames[message.tags], message.body
        frame = write(opaque, born, before, msgId, after, body)
        live.post(waiting, frame, now, self._timeout)
        return ended

    def frame(self, waiting: FastSend) -> bytes:
        """
        The frame of a send that had to wait for the transport, or for others.
        """
        message, target = waiting.message, waiting.target
        before = after = ""
        if message.keys or message.properties:
            before, after = self._described(message) or ("", "")
        write, body = self._written(target, message)
        born, msgId = self._millis(), waiting.msgId
        return write(waiting.opaque, born, before, msgId, after, body)

    def _written(self, target: QueuePath, message: Message) -> tuple[QueueFrame, bytes]:
        """
        What writes a message's frame, and its body as it is sent.
        """
        tags, body, settings = message.tags, message.body, self.envelope.settings
        if tags not in target.frames:
            # They were there, but others have taken their place.
            self._addFrames(self.envelope.heading(message.topic), target, tags)
        if len(body) < self._packing:
            return target.frames[tags], body
        try:
            packed = self._pack(body)
        except Exception:
            # It has its place by now: better as it is than not at all.
            packed = None
        if packed is None or len(packed) > settings.maxMessageSize:
            return target.frames[tags], body
        if tags not in target.packed:
            heading = self.envelope.heading(message.topic)
            self._addFrames(heading, target, tags, self._packedFlags)
        return target.packed[tags], packed

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
            or self.failing
            or self._marked
        ):
            return None
        path = self._topics.get(topic)
        if path is None or self._usable.get(path.info.topic) is not path.info:
            path = self._renewed(topic)
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
            or (
                tags not in target.frames
                and not self._addFrames(path.heading, target, tags)
            )
            or not self._take(len(body))
        ):
            return None
        self._turns[topic] = at + 1
        return target

    def _described(self, message: Message) -> tuple[str, str] | None:
        """
        A message's own properties and its keys as they are sent, if they can be
        stored.
        """
        before = after = ""
        if type(message.topic) is not str:
            return None
        try:
            checkMessage(message, self._sizes)
            if message.properties:
                before = encodeProperties(message.properties)
            if message.keys:
                after = encodeProperties({"KEYS": " ".join(message.keys)})
        except InvalidMessage:
            return None
        return (before, after) if len(before) + len(after) < SURELY_SHORT else None
