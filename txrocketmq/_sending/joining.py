"""
The short way of a plain send to those it may leave with.

Laws:

    - What leaves is, byte for byte, what leaves by the general way (L{assemble
      <txrocketmq._sending.assemble>}, L{Batcher.first}).

    - What is not plain is not begun here: the general way takes it, and nothing has
      happened then.

What it saves: a send here is a row (L{Rows<txrocketmq._sending.rows.Rows>}) and no
object, and what is the same for all messages with the same tags and size is worked
out once.  Its C{UNIQ_KEY} is made with those of all that leave with it.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred

from txrocketmq._wire.records import HEAD_SIZE, Shell
from txrocketmq.message import Message, SendResult

from .batching import Batcher
from .envelope import Envelope
from .intake import Intake
from .lane import Lane
from .member import Member
from .progress import Epoch
from .shells import shellFor
from .targets import Cluster
from .validate import SURELY_SHORT

# What a message has where nothing was said.  They are compared by identity: what
# is equal to them, but not what it seems, is for the general way to judge.
_ZERO = 0
_NO_KEYS = ()


class Joining:
    """
    Lets plain sends join those that wait for the end of the turn.
    """

    def __init__(
        self, cluster: Cluster, envelope: Envelope, intake: Intake, batcher: Batcher
    ) -> None:
        """
        @param batcher: Whose lanes they are.
        """
        settings = envelope.settings
        self._envelope = envelope
        self._batcher = batcher
        self._lanes = batcher.lanes
        self._shells = envelope.shells.byTags
        self._seconds = cluster.clock.seconds
        self._timeout = settings.sendTimeout
        self._room = room = intake.room
        self._maxMessages, self._maxBytes = room.maxMessages, room.maxBytes
        self._ledger = intake.ledger
        # Larger ones are compressed, or refused, or leave alone.
        self._sizes = min(
            settings.compressMsgBodyOverHowmuch,
            settings.maxMessageSize + 1,
            batcher.limits.size - HEAD_SIZE - SURELY_SHORT,
        )

    def send(self, message: Message) -> Deferred[SendResult] | None:
        """
        Send a message of which nothing else is said.

        @return: As C{Producer.send}; L{None} leaves it to the general way.
        """
        topic, body, tags = message.topic, message.body, message.tags
        if (
            type(topic) is not str
            or type(body) is not bytes
            or (tags is not None and type(tags) is not str)
            or message.keys is not _NO_KEYS
            or message.properties is not None
            or message.shardingKey is not None
            or message.flag is not _ZERO
            or message.waitStoreMsgOK is not True
            or message.delayTimeLevel is not _ZERO
            or message.deliverAfter is not None
            or message.deliverAt is not None
        ):
            return None
        size = len(body)
        if not 0 < size < self._sizes:
            return None
        try:
            lane = self._lanes[topic]
        except KeyError:
            return None
        try:
            shell = self._shells[tags][size]
        except KeyError:
            made = shellFor(self._envelope, tags, size, self._envelope.nextId())
            if made is None:
                return None
            shell = made
        # As Room.take, said here for want of a call; what has to wait does not here.
        room = self._room
        total = room.size + size
        if room.messages >= self._maxMessages or total > self._maxBytes or room.waiting:
            return None
        room.messages += 1
        room.size = total
        epoch = self._ledger.current
        epoch.live += 1
        at = self._seconds() + self._timeout
        if lane.waiting:
            return self._behind(lane, message, shell, at, epoch)
        ended: Deferred[SendResult] = Deferred(lane.canceller)
        lane.rows.flat += (message, shell, at, epoch, ended)
        if not lane.ripe:
            self._batcher.ripen(lane)
        return ended

    def _behind(
        self, lane: Lane, message: Message, shell: Shell, at: float, epoch: Epoch
    ) -> Deferred[SendResult]:
        """
        Join others that are no rows.
        """
        member = Member(self._batcher, message, shell, at, epoch, lane)
        return self._batcher.enter(lane, member)
