"""
Asking brokers that could not be reached whether they can be reached again.

Follows C{LatencyFaultToleranceImpl.startDetector}, but for one thing: it runs while
there is somebody to ask, and not all the time.
"""

from __future__ import annotations

from typing import Any, ClassVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from txrocketmq._routing.latency import Latencies
from txrocketmq._wire.codes import RequestCode, ResponseCode, SerializeType
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.headers import GetMaxOffsetRequestHeader, toExtFields
from txrocketmq.errors import RocketMQError

from .targets import Cluster

INTERVAL = 3.0
"""
Seconds between two rounds, and before the first one.
"""

DETECT_TIMEOUT = 0.2
"""
Seconds a broker may take, being connected to included.
"""


class Detector:
    """
    Finds out which brokers are back.  It lets nobody in before their time; it only
    makes a broker that answers better than one that does not.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self, cluster: Cluster, latencies: Latencies, serializeType: SerializeType
    ) -> None:
        """
        @param latencies: What knows who could not be reached, and is told.
        """
        self._clock = cluster.clock
        self._peers = cluster.peers
        self._routes = cluster.routes
        self._sendAddress = cluster.sendAddress
        self._latencies = latencies
        self._serializeType = serializeType
        self._loop: LoopingCall | None = None
        self._asked: set[Deferred[Any]] = set()
        self._stopped = False

    def wake(self) -> None:
        """
        Begin, if there is somebody to ask.
        """
        if self._loop is not None or self._stopped or not self._latencies.unreachable():
            return
        self._loop = LoopingCall(self._round)
        self._loop.clock = self._clock
        self._loop.start(INTERVAL, now=False)

    def stop(self) -> None:
        """
        Ask nobody any more.
        """
        self._stopped = True
        self._rest()
        for asked in list(self._asked):
            asked.cancel()

    def _rest(self) -> None:
        """
        Ask nobody until L{wake} is called.
        """
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.stop()

    def _round(self) -> None:
        """
        Ask everybody who could not be reached.  It cannot fail.
        """
        try:
            brokerNames = self._latencies.unreachable()
            for brokerName in brokerNames:
                self._ask(brokerName)
            if not brokerNames:
                self._rest()
        except Exception:
            self._log.failure("Brokers could not be asked whether they are back")

    def _ask(self, brokerName: str) -> None:
        """
        Ask one broker something that costs it little.
        """
        found = self._place(brokerName)
        if found is None:
            self._latencies.forget(brokerName)
            return
        topic, address = found
        command = RemotingCommand(
            RequestCode.GET_MAX_OFFSET,
            toExtFields(GetMaxOffsetRequestHeader(topic=topic, queueId=0)),
            serializeType=self._serializeType,
        )
        asked = self._peers.invoke(address, command, DETECT_TIMEOUT)
        self._asked.add(asked)
        asked.addCallback(self._answered, brokerName)
        asked.addErrback(self._silent, brokerName)
        asked.addBoth(lambda _: self._asked.discard(asked))

    def _place(self, brokerName: str) -> tuple[str, str] | None:
        """
        A topic that a broker has, and where it takes sends; L{None} if no route
        names it any more.
        """
        for topic in sorted(self._routes.topics()):
            info = self._routes.known(topic)
            if info is not None and brokerName in info.masters:
                return topic, self._sendAddress(info.masters[brokerName])
        return None

    def _answered(self, answer: RemotingCommand, brokerName: str) -> None:
        """
        A broker answers; what is no success does not count.
        """
        if answer.code == ResponseCode.SUCCESS:
            self._latencies.reached(brokerName)
            self._log.info("Broker {broker} can be reached again", broker=brokerName)

    def _silent(self, reason: Failure, brokerName: str) -> None:
        """
        A broker does not answer.
        """
        if reason.check(RocketMQError, CancelledError):
            self._log.debug(
                "Broker {broker} cannot be reached: {error}",
                broker=brokerName,
                error=reason.getErrorMessage(),
            )
        else:
            self._log.failure(
                "Broker {broker} cannot be asked", reason, broker=brokerName
            )
