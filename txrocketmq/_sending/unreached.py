"""
All sends of a producer for which no broker can be reached now.

Law: they cost as much to try again, and to wake, as a thousand of them do, however
many there are.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import islice
from random import Random
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txrocketmq._remoting.protocol import RemotingProtocol
from txrocketmq._routing.publishinfo import TopicPublishInfo
from txrocketmq._wire.command import RemotingCommand
from txrocketmq.errors import ConnectTimeout
from txrocketmq.message import MessageQueue, Persisted, SendResult

from .gates import Gate
from .lull import Lull
from .pending import Pending
from .policy import Verdict
from .progress import Send
from .rules import Step
from .targets import Cluster, Targets

TOLD_AT_ONCE = 100
"""
How many are woken at once by news.
"""

LONGEST_SLEEP = 60.0
"""
For how many seconds nobody needs to care whether there is news.
"""

MOST_LEFT = 64
"""
How many may be remembered that have ended, beside as many as have not.
"""

MOST_GATES = 256
"""
How many addresses may be remembered that nobody waits for.
"""


class Course(Protocol):
    """
    What pending sends need of the attempts they are part of.
    """

    def aim(self, send: Send, broker: str, queue: MessageQueue, address: str) -> float:
        """
        Note where a try goes, and how many seconds it may take.
        """

    def resultOf(self, send: Send, answer: RemotingCommand) -> SendResult:
        """
        What an answer means.

        @raise RocketMQError: That nothing is stored, or not well.
        """

    def weigh(self, send: Send, error: Exception, verdict: Verdict) -> Step:
        """
        Note a try that failed, and say what follows.
        """

    def cutOff(self, send: Send, begun: Persisted) -> Exception:
        """
        The end of a send that is cancelled.
        """

    def ended(self, send: Send, stored: bool) -> None:
        """
        A send has ended.
        """

    def inLoop(
        self, send: Send, error: Exception | None, queue: MessageQueue | None
    ) -> Deferred[SendResult]:
        """
        Go on with a send in the loop.
        """


class Unreached:
    """
    All of one producer's.

    @ivar lull: Where they wait for a better time.
    """

    def __init__(
        self, course: Course, cluster: Cluster, targets: Targets, random: Random
    ) -> None:
        """
        @param course: The attempts they are part of.

        @param random: What makes back-offs differ.
        """
        self.course = course
        self.targets = targets
        self.random = random
        self.seconds: Callable[[], float] = cluster.clock.seconds
        self.lull = Lull(cluster.clock)
        self.marked = targets.avoidance.marked
        self.live = cluster.peers.live
        self._connect = cluster.peers.connect
        self._all: list[Pending] = []
        self._count = 0
        self._gates: dict[str, Gate[RemotingProtocol]] = {}
        self._routes: dict[str, Gate[TopicPublishInfo]] = {}
        self._news = cluster.routes.news
        self._ears: dict[str, Deferred[None]] = {}

    def begin(
        self, send: Send, error: Exception | None, queue: MessageQueue | None
    ) -> Deferred[SendResult]:
        """
        Go on with a send, or begin with it.

        @param error: Why its last try failed, if it made one.

        @param queue: Where its next try goes, if that is known.
        """
        pending = Pending(self, send, most=send.at)
        ended: Deferred[SendResult] = Deferred(pending)
        pending.ended = ended
        self._all.append(pending)
        self._count += 1
        pending.goOn(error, queue)
        return ended

    def stop(self) -> None:
        """
        End all of them.
        """
        everyone, self._all = self._all, []
        for pending in everyone:
            if not pending.left:
                pending.cancel()
        self.lull.clear()
        ears, self._ears = self._ears, {}
        for ear in ears.values():
            ear.cancel()

    def forget(self) -> None:
        """
        One of them has ended, or is somebody else's.
        """
        self._count -= 1
        if len(self._all) > 2 * self._count + MOST_LEFT:
            self._all = [each for each in self._all if not each.left]

    def listen(self, pending: Pending) -> None:
        """
        Let those who rest hear of what this one waits for: one ear does for all.
        """
        for each in pending.about:
            if each not in self._ears:
                ear = self._news.sleep(LONGEST_SLEEP, each)
                self._ears[each] = ear
                ear.addCallbacks(self._heard, _quiet, callbackArgs=(each,))

    def _heard(self, _: None, each: str) -> None:
        """
        Wake some of those who wait for something: others follow if that goes well.
        """
        del self._ears[each]
        concerned = (one for one in self._all if one.rests and each in one.about)
        for one in list(islice(concerned, TOLD_AT_ONCE)):
            if one.rests:
                self.lull.leave(one)
                one.woken()

    def gateTo(self, address: str) -> Gate[RemotingProtocol]:
        """
        Where those wait who want to be connected to an address.
        """
        gate = self._gates.get(address)
        if gate is None:
            gate = self._gates[address] = Gate(
                partial(self._connect, address),
                lambda: ConnectTimeout(address, "there was no connection in time"),
            )
            self._tidy(self._gates)
        return gate

    def gateOfRoute(self, send: Send) -> Gate[TopicPublishInfo]:
        """
        Where those wait who want to know a topic's route.
        """
        topic = send.outgoing.wireTopic
        gate = self._routes.get(topic)
        if gate is None:
            gate = self._routes[topic] = Gate(
                partial(self.targets.lookUp, topic),
                partial(self.targets.lateRoute, topic),
            )
            self._tidy(self._routes)
        return gate

    def _tidy(self, gates: dict[str, Any]) -> None:
        """
        Forget gates at which nobody waits, when there are many.
        """
        if len(gates) > MOST_GATES:
            for name, gate in list(gates.items()):
                if not gate.waiting:
                    del gates[name]


def _quiet(reason: Failure) -> None:
    """
    The end of an ear that is not wanted any more.
    """
