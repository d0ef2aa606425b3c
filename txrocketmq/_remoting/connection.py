"""
The connection to one address, as those who ask something there see it.

Follows the channel table of C{NettyRemotingClient}.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from random import random as anyFraction
from typing import ClassVar

from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txrocketmq._wire.codes import ResponseCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq.errors import BrokerError, ConnectFailed

from .dialing import Connect, Dialing
from .protocol import RemotingProtocol

__all__ = ["BrokerConnection", "Connect", "nobody"]

GO_AWAY = int(ResponseCode.GO_AWAY)


def nobody(connection: BrokerConnection) -> None:
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
        connected: Callable[[BrokerConnection], None] = nobody,
        random: Callable[[], float] = anyFraction,
    ) -> None:
        """
        @param connect: What makes the connections.

        @param connected: Told each time one was made, before those are who
            waited for it.

        @param random: Where the jitter of the back-off comes from.
        """
        self.address = address
        self._clock = clock
        self._connected = connected
        self._dialing = Dialing(address, connect, clock, random, self._made)
        self._protocol: RemotingProtocol | None = None
        self._open: set[RemotingProtocol] = set()
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
        return self._dialing.failures

    @property
    def failure(self) -> ConnectFailed | None:
        """
        Why the last attempt to connect has failed, or the last connection.
        """
        return self._dialing.failure

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

            - L{ConnectFailed<txrocketmq.errors.ConnectFailed>} when it cannot
              be made, or could not a moment ago

            - L{NotRunning<txrocketmq.errors.NotRunning>} when L{close} was
              called
        """
        return self._within(inf)

    def invoke(
        self, command: RemotingCommand, timeout: float, most: float = -inf
    ) -> Deferred[RemotingCommand]:
        """
        Ask the peer something and wait for its answer.

        @param timeout: Seconds for everything: connecting, the answer, and
            asking again if the peer goes away.

        @param most: See L{Waiting<txrocketmq._remoting.waiters.Waiting>}: where
            there is a connection already.

        @return: The answer, whatever its code.  It may fail as L{protocol} and
            L{RemotingProtocol.invoke} do, and with L{GoAway
            <txrocketmq.errors.GoAway>} when the peer says so twice.
        """
        deadline = self._clock.seconds() + timeout
        protocol = self._protocol
        if protocol is not None and not protocol.retired:
            asked = protocol.invoke(command, timeout, most)
        else:
            asked = self._within(timeout).addCallback(self._ask, command, deadline)
        return asked.addCallback(self._answered, command, deadline)

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
        Close as L{close} does, but when the last request has ended.  Requests
        that wait for a connection are still made.
        """
        if not self._dialing.running:
            return self._end(RemotingProtocol.retire)
        # The flight's last waiter: it is told after the others have asked.
        return self._dialing.protocol().addBoth(
            lambda _: self._end(RemotingProtocol.retire)
        )

    def close(self) -> Deferred[None]:
        """
        Close the connection, and make none any more.

        @return: Fires when nothing is open.  It may be called again.
        """
        return self._end(RemotingProtocol.close)

    def abort(self) -> None:
        """
        Drop the connection at once, and make none any more.
        """
        self._end(RemotingProtocol.abort)

    def _end(self, end: Callable[[RemotingProtocol], None]) -> Deferred[None]:
        """
        Make no connections any more, and end those that are open.

        @param end: How.
        """
        self._closed = True
        self._dialing.stop()
        open = list(self._open)
        closed = gatherResults([each.whenClosed() for each in open])
        for protocol in open:
            end(protocol)
        return closed.addCallback(lambda _: None)

    def _made(self, protocol: RemotingProtocol) -> None:
        """
        Take over a new connection.
        """
        self._protocol = protocol
        self._open.add(protocol)
        protocol.whenClosed().addCallback(self._lost, protocol, self._clock.seconds())
        try:
            self._connected(self)
        except Exception:
            self._log.failure("Telling of a connection failed")

    def _lost(self, _: None, protocol: RemotingProtocol, since: float) -> None:
        """
        Forget a connection that has ended.
        """
        self._open.remove(protocol)
        self._late += protocol.lateAnswers
        if self._protocol is protocol:
            self._protocol = None
        self._dialing.lost(since, protocol.whyClosed(), protocol.goingAway)

    def _within(self, timeout: float) -> Deferred[RemotingProtocol]:
        """
        The live connection, made in time.
        """
        live = self.live
        return self._dialing.protocol(timeout) if live is None else succeed(live)

    def _remaining(self, deadline: float) -> float:
        """
        Seconds left; never below zero.
        """
        return max(0.0, deadline - self._clock.seconds())

    def _ask(
        self, protocol: RemotingProtocol, command: RemotingCommand, deadline: float
    ) -> Deferred[RemotingCommand]:
        """
        Ask a peer that had to be connected first.
        """
        return protocol.invoke(command, self._remaining(deadline))

    def _tell(
        self, protocol: RemotingProtocol, command: RemotingCommand, deadline: float
    ) -> Deferred[None]:
        """
        Tell a peer that had to be connected first.
        """
        return protocol.oneway(command, self._remaining(deadline))

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
