"""
Where the next frame of a lane goes, and whether there is a place for it.

Law: a frame goes to a broker that is connected and well, and to which the lane's
window is open.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

import msgspec

from txrocketmq._remoting.protocol import RemotingProtocol
from txrocketmq._routing.publishinfo import TopicPublishInfo
from txrocketmq.message import MessageQueue

from .lane import Lane
from .targets import Cluster, Targets

OUTSTANDING: Final = 8
"""
How many frames of a lane may be on their way to one broker.
"""

LEAST_SHARE: Final = 128
"""
How many messages leave in one frame, where there are so many, before some of them
are left for another one.
"""


class Full(Enum):
    """
    @cvar FULL: There is no place now, but there will be.
    """

    FULL = "full"


FULL: Final = Full.FULL


class Target(msgspec.Struct, frozen=True):
    """
    Where a frame goes.

    @ivar queue: The queue, under the name its user knows.
    """

    queue: MessageQueue
    broker: str
    address: str
    live: RemotingProtocol


class Places:
    """
    The places there are for the frames of one producer.
    """

    def __init__(self, cluster: Cluster, targets: Targets) -> None:
        self._peers = cluster.peers
        self._known = cluster.routes.known
        self._targets = targets
        self._avoidance = targets.avoidance

    def route(self, lane: Lane) -> TopicPublishInfo | None:
        """
        The route of a lane's topic, if it is there.
        """
        return self._known(lane.heading.wireTopic)

    def share(self, lane: Lane, info: TopicPublishInfo | None, most: int) -> int:
        """
        How many of those who wait are to leave in one frame: they are dealt out
        among the places that are left.

        @param most: So many may.
        """
        brokers = 1 if info is None or lane.queue is not None else len(info.masters)
        places = OUTSTANDING * brokers - sum(lane.out.values())
        part = -(-lane.count // places) if places > 1 else most
        return min(max(part, LEAST_SHARE), most)

    def next(
        self, lane: Lane, info: TopicPublishInfo, inAnyCase: bool
    ) -> Target | Full | None:
        """
        Where the next frame goes; L{None} where each has to go by itself.

        @param inAnyCase: Whether the window does not matter.
        """
        full = set() if inAnyCase else self._full(lane, info)
        queue = lane.queue
        if queue is None:
            if full and full.issuperset(map(info.brokerOf, info.queues)):
                return FULL
            queue = self._targets.next(info, full)
        broker = info.brokerOf(queue)
        if broker in full or (full and self._avoidance.avoided(broker)):
            # Those that are well will have a place again.
            return FULL
        address = self._targets.address(info, queue)
        live = None if address is None else self._peers.live(address)
        if address is None or live is None or broker in self._avoidance.marked:
            return None
        circuits = self._peers.circuits
        refused = circuits is not None and circuits.refusal(address, info.topic)
        if refused or not self._targets.versions.takesBatches(address, live):
            return None
        topic = lane.heading.topic
        if topic != queue.topic:
            queue = MessageQueue(topic, queue.brokerName, queue.queueId)
        return Target(queue, broker, address, live)

    def again(self, target: Target) -> Target | None:
        """
        The same place once more, if it is still connected.
        """
        live = self._peers.live(target.address)
        if live is None:
            return None
        return Target(target.queue, target.broker, target.address, live)

    def _full(self, lane: Lane, info: TopicPublishInfo) -> set[str]:
        """
        The brokers to which a lane's window is full.

        While a transport has enough, one frame is outstanding there at most: it may
        wait here until it is written, and be taken back, and none is behind it.
        """
        full = set()
        for broker, out in lane.out.items():
            master = info.masters.get(broker)
            live = master and self._peers.live(self._targets.sendAddress(master))
            if out >= OUTSTANDING or (live and live.paused):
                full.add(broker)
        return full
