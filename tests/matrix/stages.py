"""
One life of a client, step by step, and something that happens at one of them.

A step is a call the clock makes: bytes that arrive, a connection that is made or
ends, a time that is over.  Whatever happens at whichever step, the same must be
true in the end; L{Life.wrongs} says what is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from txrocketmq._wire.codes import SerializeType
from txrocketmq.message import Message, Persisted, SendResult
from txrocketmq.producer import Producer
from txrocketmq.sandbox import faults
from txrocketmq.settings import ClientSettings, ProducerSettings
from txrocketmq.testing import MemoryCluster
from txrocketmq.testing.transport import MemoryTransport

from .support import SEND, TICK, Ends, deafen

STALL = 3.0
STOP_TIMEOUT = 10.0
SEND_TIMEOUT = 6.0


class StepClock(Clock):
    """
    A clock that counts the calls it makes, and can do something before one.

    @ivar steps: How many it has made.
    """

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0
        self._at = -1
        self._act: Callable[[], None] = lambda: None

    def inject(self, at: int, act: Callable[[], None]) -> None:
        """
        Do something before the call that many steps from now.
        """
        self._at = self.steps + at
        self._act = act

    def advance(self, amount: float) -> None:
        """
        Let time pass, step by step.
        """
        self.rightNow += amount
        self._sortCalls()
        while self.calls and self.calls[0].getTime() <= self.seconds():
            if self.steps + 1 == self._at:
                self._at = -1
                self._act()
                continue
            self.steps += 1
            call = self.calls.pop(0)
            call.called = 1
            call.func(*call.args, **call.kw)
            self._sortCalls()


class Life:
    """
    A client that starts, sends five messages and stops, in a cluster where one
    broker is busy once and the other loses a connection after storing.

    @ivar steps: How many steps it has taken.

    @ivar sent: The Deferreds of its sends.
    """

    def __init__(self, serializeType: SerializeType, slice: int | None = None) -> None:
        """
        @param slice: In pieces of how many bytes everything arrives; L{None} is
            whole.
        """
        self.clock = StepClock()
        self.cluster = MemoryCluster(self.clock, brokers=2)
        self.cluster.result(self.cluster.sandbox.createTopic("T", queues=1))
        one, other = self.cluster.sandbox.brokers.values()
        one.push(faults.respond(2, "[TIMEOUT_CLEAN_QUEUE]"), code=SEND)
        other.push(faults.reset(), code=SEND, stored=True)
        self.written = bytearray()
        self.ends = Ends(self.clock)
        self.sent: list[Deferred[Any]] = []
        self._slice = slice
        self._settings = ClientSettings(
            serializeType=serializeType, stopTimeout=STOP_TIMEOUT
        )
        self._stopped: list[tuple[float, object]] = []
        self._stopBegan = 0.0

    def live(self) -> None:
        """
        Go through all of it.
        """
        self._begun = self.clock.steps
        self.client = self.cluster.client(self._settings)
        for network in (self.cluster.network,):
            self._record(network)
        settings = ProducerSettings(sendTimeout=SEND_TIMEOUT, maxInFlightMessages=4)
        self.producer = Producer(self.client, "group", settings)
        for random in (self.client._random, self.producer._random):
            random.seed(1)
        self._began = self.clock.seconds()
        for at in range(5):
            self._watch(self.producer.send(Message("T", body(at))))
        self.cluster.advance(SEND_TIMEOUT + TICK)
        self.stop()
        self.cluster.advance(STOP_TIMEOUT + TICK)
        self.steps = self.clock.steps - self._begun

    def _record(self, network: Any) -> None:
        """
        Keep what the client writes, and cut what arrives to pieces.
        """
        join = network.join

        def joined(client: Any, server: Any, port: int) -> None:
            join(client, server, port)
            ours, theirs = network.connections[-1]
            _sliced(ours, self._slice, self.written.extend)
            _sliced(theirs, self._slice, lambda data: None)

        network.join = joined

    def _watch(self, sent: Deferred[Any]) -> None:
        """
        Look how a send ends.
        """
        self.sent.append(self.ends.watch(sent))

    # What may happen.

    def stop(self) -> None:
        """
        Stop the client.
        """
        if not self._stopBegan:
            self._stopBegan = self.clock.seconds()
        self.client.stopService().addBoth(
            lambda end: self._stopped.append((self.clock.seconds(), end))
        )

    def cancel(self) -> None:
        """
        Cancel all sends.
        """
        for sent in self.sent:
            sent.cancel()

    def reset(self) -> None:
        """
        Reset all connections.
        """
        for ours in self._transports():
            ours.abortConnection()

    def finish(self) -> None:
        """
        Let the servers close all connections.
        """
        for ours in self._transports():
            ours.peer.loseConnection()

    def silence(self) -> None:
        """
        Lose all packets from now on.
        """
        network, sandbox = self.cluster.network, self.cluster.sandbox
        servers = (*sandbox.brokers.values(), *sandbox.nameServers)
        network.blackholes.update(server.address for server in servers)
        for ours in self._transports():
            deafen(ours, ours.peer)

    def garbage(self) -> None:
        """
        Let bytes arrive that are no frames.
        """
        for ours in self._transports():
            ours._receive(b"\0\0\0\1garbage")

    def stall(self) -> None:
        """
        Let the reactor stand still for as long as an attempt may take.
        """
        self.clock.rightNow += STALL

    def down(self) -> None:
        """
        Let both brokers die.
        """
        for broker in self.cluster.sandbox.brokers.values():
            broker.setDown()

    def raises(self) -> None:
        """
        Have callbacks of all sends raise.
        """

        def oops(end: object) -> None:
            raise ZeroDivisionError

        for sent in self.sent:
            sent.addBoth(oops).addErrback(lambda reason: reason.trap(ZeroDivisionError))

    def _transports(self) -> list[MemoryTransport]:
        """
        The client's ends of its connections.
        """
        lives = [each.live for each in self.client.pool.connections.values()]
        transports: list[Any] = [each.transport for each in lives if each is not None]
        return transports

    # What must be true.

    def wrongs(self) -> Iterator[str]:
        """
        Everything that is not as it must be, once all is over.
        """
        copies = self._copies()
        for at, ends in enumerate(self.ends.of):
            if len(ends) != 1:
                yield f"send {at} ended {len(ends)} times"
                continue
            ((ended, end),) = ends
            if ended > self._began + SEND_TIMEOUT + STALL + TICK:
                yield f"send {at} ended {ended - self._began:.2f} s after its begin"
            yield from self._untruths(at, end, copies.count(body(at)))
        for ended, outcome in self._stopped:
            if isinstance(outcome, Failure):
                yield f"the stop failed: {outcome.value!r}"
            if ended > self._stopBegan + STOP_TIMEOUT + STALL + 0.3:
                yield f"the stop took {ended - self._stopBegan:.2f} s"
        if not self._stopped:
            yield "the stop never ended"
        stats = self.producer.stats()
        if stats.inFlight or stats.inFlightBytes or stats.waiting:
            yield f"room is not given back: {stats}"
        if self._transports():
            yield f"connections stay: {self.client.pool.connections}"
        self.cluster.result(self.cluster.sandbox.stopService())
        self.cluster.flush()
        left = self.clock.getDelayedCalls()
        if left:
            yield f"on the clock is left: {left}"

    def _copies(self) -> list[bytes]:
        """
        The bodies of what the brokers hold.
        """
        return [each.body for each in self.cluster.sandbox.messages("T")]

    def _untruths(
        self, at: int, end: SendResult | Failure, copies: int
    ) -> Iterator[str]:
        """
        What a send's end says that is not so.
        """
        if not isinstance(end, Failure):
            if not 1 <= copies <= 1 + end.possibleDuplicates:
                yield f"send {at} is stored {copies} times: {end}"
            return
        error: Any = end.value
        if error.persisted is Persisted.NO and copies:
            yield f"send {at} is stored {copies} times, and says NO: {error!r}"
        if error.persisted is Persisted.YES and not copies:
            yield f"send {at} is not stored, and says YES: {error!r}"
        if error.persisted is Persisted.MAYBE and body(at) not in self.written:
            yield f"send {at} was never written, and says MAYBE: {error!r}"


def body(at: int) -> bytes:
    """
    The body of a message of a life.
    """
    return b"<body-%d>" % at


def _sliced(
    end: MemoryTransport, slice: int | None, seen: Callable[[bytes], None]
) -> None:
    """
    Show what is written at an end, and let it arrive in pieces.
    """
    write = end.write

    def written(data: bytes) -> None:
        if end.connected and not end.disconnecting:
            seen(data)
        size = slice or len(data) or 1
        for start in range(0, len(data), size):
            write(data[start : start + size])

    end.write = written  # type: ignore[method-assign]


ACTIONS: dict[str, Callable[[Life], None]] = {
    "cancel": Life.cancel,
    "stop": Life.stop,
    "reset": Life.reset,
    "finish": Life.finish,
    "silence": Life.silence,
    "garbage": Life.garbage,
    "stall": Life.stall,
    "down": Life.down,
    "raises": Life.raises,
}
"""
What may happen at any step.
"""


def lived(
    serializeType: SerializeType,
    at: int,
    action: str | None = None,
    *,
    slice: int | None = None,
    then: tuple[int, str] | None = None,
) -> Life:
    """
    A life to its end, with something that happened at a step.

    @param action: What, of L{ACTIONS}; L{None} is nothing.

    @param then: What happens so many steps later, besides.
    """
    life = Life(serializeType, slice)
    if action is not None:
        act = ACTIONS[action]

        def happen() -> None:
            act(life)
            if then is not None:
                life.clock.inject(then[0], lambda: ACTIONS[then[1]](life))

        life.clock.inject(at, happen)
    life.live()
    return life
