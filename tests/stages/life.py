"""
The life of a client: it starts, sends four messages, and stops.

On the way it is told once that its broker is busy, waits for room, and loses a
connection after the broker has stored what was sent: every way to the end of a
send is gone at least once.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from tempfile import TemporaryDirectory
from typing import Any

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.ssl import CertificateOptions
from twisted.protocols import tls as twistedTLS

from tests.certificates import Authority
from txrocketmq._wire.codes import RequestCode, SerializeType
from txrocketmq.message import Message, Persisted
from txrocketmq.producer import Producer
from txrocketmq.sandbox import faults
from txrocketmq.settings import (
    ClientSettings,
    ProducerSettings,
    SessionCredentials,
    TLSSettings,
)

from .stepping import StepClock, SteppedCluster, SteppedTransport

SENDS = 4
LAST_AFTER = 0.5
"""
The seconds after which the last one is sent: all is connected by then.
"""

SEND_TIMEOUT = 6.0
STOP_TIMEOUT = 5.0
SLACK = 0.25
SEND = int(RequestCode.SEND_MESSAGE_V2)

EXTRA = b"<extra>"
ACCESS, SECRET = "access", "secret"


@attrs.frozen
class Variant:
    """
    How a life is lived.

    With TLS requests are signed too; without, nothing is done around a try, so
    that the first one is made the short way.
    """

    serializeType: SerializeType
    tls: bool

    def __str__(self) -> str:
        return f"{self.serializeType.name}, {'TLS' if self.tls else 'plain'}"


VARIANTS = tuple(
    Variant(each, tls)
    for tls in (False, True)
    for each in (SerializeType.JSON, SerializeType.ROCKETMQ)
)


@attrs.define
class End:
    """
    When and how something ended.
    """

    at: float
    outcome: Any


class Life:
    """
    One client from its start to its stop.

    @ivar sent: The Deferreds of its sends.

    @ivar began: When they were made.

    @ivar acted: Whether its step came.

    @ivar happened: Whether anything happened at it.

    @ivar ends: How each of them ended: one list for each.

    @ivar stops: How the stops ended that were asked for.

    @ivar jumped: How many seconds the clock has jumped.
    """

    def __init__(
        self,
        variant: Variant,
        at: int = 0,
        action: Callable[[Life], bool] | None = None,
    ) -> None:
        """
        @param action: What happens before the step C{at}; it says whether
            anything did.
        """
        self.variant = variant
        self.acted = False
        self.happened = False
        self.jumped = 0.0
        self.sent: list[Deferred[Any]] = []
        self.ends: list[list[End]] = [[] for _ in range(SENDS)]
        self.stops: list[End] = []
        self.asked = 0
        self.began: list[float] = []
        self.stopBegan = 0.0
        self._at = at
        self._action = action

    def live(self) -> None:
        """
        Go through all of it.
        """
        random.seed(7)
        self.clock = StepClock()
        with _timeOfTLS(self.clock):
            self._prepare()
            self._begin()
            self._finish()

    def body(self, at: int) -> bytes:
        """
        The body of one of its messages.
        """
        return b"<body-%d>" % at

    def extra(self) -> None:
        """
        Send once more, and do not look how it ends.
        """
        again = self.producer.send(Message("T", EXTRA), timeout=1.0)
        again.addErrback(lambda reason: None)

    def unended(self) -> list[Deferred[Any]]:
        """
        The sends that have not ended.
        """
        return [
            sent for sent, ends in zip(self.sent, self.ends, strict=False) if not ends
        ]

    def transports(self) -> list[SteppedTransport]:
        """
        The client's ends of the open connections.
        """
        pairs: set[Any] = {*self.cluster.network.connections} - self._theirs
        ours = sorted(pairs, key=lambda pair: pair[0].getHost().port)
        return [one for one, _ in ours if one.connected]

    def cutOff(self) -> None:
        """
        Let the servers forget connections of which they have not seen the end.
        """
        ends: list[Any] = [server for _, server in self.cluster.network.connections]
        for each in ends:
            each.abortConnection()
        self.cluster.flush()

    def stop(self) -> None:
        """
        Stop the client.
        """
        if not self.asked:
            self.stopBegan = self.clock.seconds()
        self.asked += 1
        self.client.stopService().addBoth(
            lambda end: self.stops.append(End(self.clock.seconds(), end))
        )

    def _prepare(self) -> None:
        """
        Bring the servers up, and tell the broker what to do.
        """
        secure = _secured() if self.variant.tls else None
        self.cluster = cluster = SteppedCluster(
            self.clock,
            tls=None if secure is None else secure.server,
            credentials=None if secure is None else {ACCESS: SECRET},
            serializeType=self.variant.serializeType,
        )
        self._secure = secure
        sandbox = cluster.sandbox
        cluster.result(sandbox.createTopic("T", queues=1))
        cluster.flush()
        (broker,) = sandbox.brokers.values()
        # Servers are connected to one another: that is none of ours.
        self._theirs = set(cluster.network.connections)
        cluster.network.frames.clear()
        broker.push(faults.respond(2, "[TIMEOUT_CLEAN_QUEUE]"), code=SEND)
        broker.push(faults.delay(0.01), code=SEND)
        broker.push(faults.reset(), code=SEND, stored=True)

    def _begin(self) -> None:
        """
        Start, and send.
        """
        clock, secure = self.clock, self._secure
        clock.steps = 0
        clock.inject(self._at, self._act)
        self.client = self.cluster.client(
            ClientSettings(
                clientIP="10.0.0.1",
                instanceName="life",
                serializeType=self.variant.serializeType,
                stopTimeout=STOP_TIMEOUT,
                credentials=SessionCredentials(ACCESS, SECRET) if secure else None,
                tls=TLSSettings(trustRoots=secure.roots) if secure else None,
            )
        )
        settings = ProducerSettings(sendTimeout=SEND_TIMEOUT, maxInFlightMessages=2)
        self.producer = Producer(self.client, "group", settings)
        for each in (self.client._random, self.producer._random):
            each.seed(1)
        for at in range(SENDS - 1):
            self._send(at)
        clock.callLater(LAST_AFTER, self._send, SENDS - 1)

    def _send(self, at: int) -> None:
        """
        Send a message, and watch how it ends.
        """
        self.began.append(self.clock.seconds())
        sent = self.producer.send(Message("T", self.body(at)))
        self.sent.append(sent)

        def ended(outcome: Any) -> Any:
            self.ends[at].append(End(self.clock.seconds(), outcome))
            return None

        sent.addBoth(ended)

    def _finish(self) -> None:
        """
        Let the sends end, and stop.
        """
        cluster, clock = self.cluster, self.clock
        until = clock.seconds() + LAST_AFTER + SEND_TIMEOUT + 2.0
        self._goOn(until, lambda: len(self.sent) < SENDS or bool(self.unended()))
        self.stop()
        until = clock.seconds() + STOP_TIMEOUT + 2.0
        self._goOn(until, lambda: len(self.stops) < self.asked)
        self.steps = clock.steps
        # Whoever was to be told of the end of a connection is told.
        cluster.flush()

    def _goOn(self, until: float, unfinished: Callable[[], bool]) -> None:
        """
        Let time pass as long as something is unfinished.
        """
        clock, cluster = self.clock, self.cluster
        cluster.flush()
        while unfinished() and clock.calls and clock.seconds() < until:
            clock.advance(max(0.0, clock.calls[0].getTime() - clock.seconds()))
            cluster.flush()

    def _act(self) -> None:
        """
        Let it happen.
        """
        self.acted = True
        self.happened = self._action is not None and self._action(self)


@attrs.frozen
class _Secure:
    """
    What TLS is done with.
    """

    server: CertificateOptions
    roots: str
    directory: TemporaryDirectory[str]


@lru_cache(1)
def _secured() -> _Secure:
    """
    One certificate for all lives: making it takes longer than a life.
    """
    directory = TemporaryDirectory(prefix="txrocketmq-stages-")
    authority = Authority(directory.name)
    return _Secure(authority.server("127.0.0.1"), authority.roots, directory)


@contextmanager
def _timeOfTLS(clock: StepClock) -> Iterator[None]:
    """
    Have Twisted's TLS write by this clock, not by the reactor.
    """
    name = "_get_default_clock"
    before = getattr(twistedTLS, name)
    setattr(twistedTLS, name, lambda: clock)
    try:
        yield
    finally:
        setattr(twistedTLS, name, before)


NO, MAYBE, YES = Persisted.NO, Persisted.MAYBE, Persisted.YES
