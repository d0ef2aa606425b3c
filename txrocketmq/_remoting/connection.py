"""
The connection to one address, as those who ask something there see it.

Follows the channel table of C{NettyRemotingClient}.
"""

from __future__ import annotations

from collections.abc import Callable
from random import random as anyFraction
from typing import ClassVar, TypeAlias

from twisted.internet.defer import (
    CancelledError,
    Deferred,
    fail,
    gatherResults,
    succeed,
)
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from txrocketmq._deferreds import SingleFlight
from txrocketmq._wire.codes import ResponseCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq.errors import (
    BrokerError,
    ConnectFailed,
    ConnectTimeout,
    NotRunning,
)

from .backoff import Backoff
from .protocol import RemotingProtocol

GO_AWAY = int(ResponseCode.GO_AWAY)

Connect: TypeAlias = Callable[[str], Deferred[RemotingProtocol]]
"""
What makes a connection to a C{host:port}.
"""


def _nobody(connection: BrokerConnection) -> None:
    """
    Tell nobody that a connection was made.
    """


class BrokerConnection:
    """
    One address: connected when somebody wants it, forgotten when lost.

    There is no loop that reconnects: the next caller does, heartbeats among
    them.  A peer that says GO_AWAY is connected to anew at once, while the old
    connection is closed when its last request has ended.

    @ivar address: The C{host:port}.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        address: str,
        connect: Connect,
        clock: IReactorTime,
        *,
        connected: Callable[[BrokerConnection], None] = _nobody,
        random: Callable[[], float] = anyFraction,
    ) -> None:
        """
        @param connect: What makes the connections.

        @param connected: Told each time one was made, before those are who
            waited for it.

        @param random: Where the jitter of the back-off comes from.
        """
        self.address = address
        self._connect = connect
        self._clock = clock
        self._connected = connected
        self._protocol: RemotingProtocol | None = None
        self._open: set[RemotingProtocol] = set()
        self._connecting = SingleFlight(self._make)
        self._making: Deferred[RemotingProtocol] | None = None
        self._backoff = Backoff(random)
        self._refused: ConnectFailed | None = None
        self._late = 0
        self._closed = False

    def __repr__(self) -> str:
        state = "connected" if self.live else "not connected"
        return f"<BrokerConnection {self.address} {state}>"

    @property
    def live(self) -> RemotingProtocol | None:
        """
        What new requests go to; L{None} if that must be connected first.
        """
        protocol = self._protocol
        return None if protocol is None or protocol.retired else protocol

    @property
    def failures(self) -> int:
        """
        How many attempts to connect have failed since one succeeded.
        """
        return self._backoff.failures

    @property
    def lateAnswers(self) -> int:
        """
        How many answers came here for which nobody waited any more.
        """
        return self._late + sum(each.lateAnswers for each in self._open)

    def protocol(self) -> Deferred[RemotingProtocol]:
        """
        The live connection, made if there is none.

        @return: It may fail with

            - L{ConnectFailed} when it cannot be made, or could not a moment
              ago

            - L{NotRunning} when L{close} was called
        """
        live = self.live
        if live is not None:
            return succeed(live)
        if self._closed:
            return fail(NotRunning(f"{self.address}: the connection is closed"))
        if not self._connecting.running:
            wait = self._backoff.until - self._clock.seconds()
            if wait > 0:
                return fail(self._notYet(wait))
        return self._connecting.result()

    def invoke(
        self, command: RemotingCommand, timeout: float
    ) -> Deferred[RemotingCommand]:
        """
        Ask the peer something and wait for its answer.

        @param timeout: Seconds for everything: connecting, answer, and asking
            again if the peer goes away.

        @return: The answer, whatever its code.  It may fail as L{protocol} and
            L{RemotingProtocol.invoke} do, and with L{GoAway
            <txrocketmq.errors.GoAway>} when the peer says so twice.
        """
        protocol = self._protocol
        if protocol is None or protocol.retired:
            return self._invokeLater(command, timeout)
        deadline = self._clock.seconds() + timeout
        return protocol.invoke(command, timeout).addCallback(
            self._answered, command, deadline
        )

    def oneway(self, command: RemotingCommand, timeout: float) -> Deferred[None]:
        """
        Tell the peer something.

        @param timeout: Seconds until the transport must have it.

        @return: Fires when the bytes were handed to the transport.  It may
            fail as L{protocol} and L{RemotingProtocol.oneway} do.
        """
        protocol = self._protocol
        if protocol is not None and not protocol.retired:
            return protocol.oneway(command, timeout)
        deadline = self._clock.seconds() + timeout
        return self._within(timeout).addCallback(self._tell, command, deadline)

    def retire(self) -> Deferred[None]:
        """
        Close as L{close} does, but when the last request has ended.

        Requests that wait for the connection are still made.
        """
        if self._connecting.running:
            made: Deferred[object] = self._connecting.result().addBoth(
                lambda result: None
            )
        else:
            made = succeed(None)
        return made.addCallback(lambda _: self._retireOpen())

    def close(self) -> Deferred[None]:
        """
        Close the connection, and make none any more.

        @return: Fires when nothing is open.  It may be called again.
        """
        self._closed = True
        self._protocol = None
        if self._making is not None:
            self._making.cancel()
        for protocol in list(self._open):
            protocol.close()
        return self._whenClosed()

    def _retireOpen(self) -> Deferred[None]:
        """
        Let what is open end by itself, and make no more.
        """
        self._closed = True
        for protocol in list(self._open):
            protocol.retire()
        return self._whenClosed()

    def _whenClosed(self) -> Deferred[None]:
        """
        Tell when nothing is open.
        """
        return gatherResults([each.whenClosed() for each in self._open]).addCallback(
            lambda _: None
        )

    def _make(self) -> Deferred[RemotingProtocol]:
        """
        Make a connection.
        """
        self._making = self._connect(self.address)
        return self._making.addCallbacks(self._made, self._failed)

    def _made(self, protocol: RemotingProtocol) -> RemotingProtocol:
        """
        Take over a connection.
        """
        self._making = None
        if self._closed:
            protocol.abort()
            raise NotRunning(f"{self.address}: the connection is closed")
        self._backoff.succeeded()
        self._protocol = protocol
        self._open.add(protocol)
        protocol.whenClosed().addCallback(self._lost, protocol, self._clock.seconds())
        try:
            self._connected(self)
        except Exception:
            self._log.failure("Telling of a connection failed")
        return protocol

    def _failed(self, reason: Failure) -> Failure:
        """
        Remember that an attempt failed; not that it was cancelled, which the
        callers did, or L{close}.
        """
        self._making = None
        if self._closed:
            raise NotRunning(f"{self.address}: the connection is closed")
        if not isinstance(reason.value, CancelledError):
            self._backoff.failed(self._clock.seconds())
            if isinstance(reason.value, ConnectFailed):
                self._refused = reason.value
        return reason

    def _lost(self, _: None, protocol: RemotingProtocol, since: float) -> None:
        """
        Forget a connection that has ended.
        """
        self._open.remove(protocol)
        self._late += protocol.lateAnswers
        if self._protocol is protocol:
            self._protocol = None
        self._refused = None
        self._backoff.lost(self._clock.seconds(), since)

    def _notYet(self, wait: float) -> ConnectFailed:
        """
        What callers get while the address is left alone: the last error anew,
        since an error must not be given to many who add to it.
        """
        refused = self._refused
        if refused is None:
            cls, words = ConnectFailed, "connections were lost soon after being made"
        else:
            cls, words = type(refused), str(refused).removeprefix(f"{self.address}: ")
        return cls(self.address, f"{words}; the next try is in {wait:.2g} s")

    def _within(self, timeout: float) -> Deferred[RemotingProtocol]:
        """
        The live connection, made in time.
        """
        protocol = self.protocol()
        if not protocol.called:
            protocol.addTimeout(timeout, self._clock, self._tooLate)
        return protocol

    def _tooLate(self, result: object, timeout: float) -> RemotingProtocol:
        """
        Say that a caller's time was over before there was a connection.
        """
        raise ConnectTimeout(self.address, f"there was no connection in {timeout:g} s")

    def _remaining(self, deadline: float) -> float:
        """
        Seconds left; never below zero.
        """
        return max(0.0, deadline - self._clock.seconds())

    def _tell(
        self, protocol: RemotingProtocol, command: RemotingCommand, deadline: float
    ) -> Deferred[None]:
        """
        Tell a peer that had to be connected first.
        """
        return protocol.oneway(command, self._remaining(deadline))

    def _invokeLater(
        self, command: RemotingCommand, timeout: float
    ) -> Deferred[RemotingCommand]:
        """
        Connect first.
        """
        deadline = self._clock.seconds() + timeout
        return (
            self._within(timeout)
            .addCallback(self._ask, command, deadline)
            .addCallback(self._answered, command, deadline)
        )

    def _ask(
        self, protocol: RemotingProtocol, command: RemotingCommand, deadline: float
    ) -> Deferred[RemotingCommand]:
        """
        Ask a peer that had to be connected first.
        """
        return protocol.invoke(command, self._remaining(deadline))

    def _answered(
        self, answer: RemotingCommand, command: RemotingCommand, deadline: float
    ) -> RemotingCommand | Deferred[RemotingCommand]:
        """
        Ask once more, on another connection, if the peer goes away.
        """
        if answer.code != GO_AWAY:
            return answer
        if self._closed:
            return self._answeredAgain(answer)
        return (
            self._within(self._remaining(deadline))
            .addCallback(self._ask, command, deadline)
            .addCallback(self._answeredAgain)
        )

    def _answeredAgain(self, answer: RemotingCommand) -> RemotingCommand:
        """
        Give up if the peer goes away again.
        """
        if answer.code == GO_AWAY:
            raise BrokerError.fromResponse(answer, self.address)
        return answer
