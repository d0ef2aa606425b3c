"""
One address under everything that may happen to it, in any order.
"""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.remoting.doubles import BROKER, Dialed, Line, answer, frame
from txrocketmq._remoting.connection import BrokerConnection
from txrocketmq._remoting.waiters import Unwritten
from txrocketmq._wire.command import RemotingCommand
from txrocketmq.errors import (
    ConnectFailed,
    GoAway,
    NotRunning,
    Persisted,
    RemotingError,
)

TIMES = st.sampled_from([0.0, 0.05, 0.1, 0.5, 1.0, 2.9, 3.0, 10.0])


class Request:
    """
    One request and what became of it.

    @ivar number: Its code, which no other has.

    @ivar isRetried: Whether a failure makes it ask again.

    @ivar outcomes: What its Deferred fired with: one thing, in the end.
    """

    def __init__(self, number: int, d: Deferred[Any], isRetried: bool = False) -> None:
        self.number = number
        self.isRetried = isRetried
        self.outcomes: list[Any] = []
        self.cancelled = False
        self.deferred = d.addBoth(self.outcomes.append)


class OneAddress(RuleBasedStateMachine):
    """
    Requests to a L{BrokerConnection}, and its peer, network and time.
    """

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.dialed = Dialed(self.clock, frameTimeout=3.0)
        self.connection = BrokerConnection(
            BROKER, self.dialed, self.clock, random=lambda: 0.5
        )
        self.requests: list[Request] = []
        self.written: set[int] = set()
        self.refused: set[int] = set()
        self.open: list[tuple[Line, RemotingCommand]] = []
        self.answered: list[tuple[Line, int]] = []

    def read(self) -> None:
        """
        Let the peer read what was written.
        """
        for line in self.dialed.lines:
            for command in line.frames():
                self.written.add(command.code)
                if not command.isOneway:
                    self.open.append((line, command))

    def lines(self) -> list[Line]:
        """
        The connections there are.
        """
        return [line for line in self.dialed.lines if line.connected]

    @rule(timeout=TIMES)
    def ask(self, timeout: float) -> None:
        """
        Ask something.
        """
        number = 10_000 + len(self.requests)
        d = self.connection.invoke(RemotingCommand(number), timeout)
        self.requests.append(Request(number, d))

    @rule(timeout=TIMES)
    def tell(self, timeout: float) -> None:
        """
        Tell something.
        """
        number = 10_000 + len(self.requests)
        d = self.connection.oneway(RemotingCommand(number), timeout)
        self.requests.append(Request(number, d))

    @rule()
    def askFromAnErrback(self) -> None:
        """
        Ask, and ask again if that fails.
        """
        number = 10_000 + len(self.requests)
        command = RemotingCommand(number)
        d = self.connection.invoke(command, 3.0)
        d.addErrback(
            lambda reason: (
                reason
                if reason.check(CancelledError)
                else self.connection.invoke(command, 3.0)
            )
        )
        self.requests.append(Request(number, d, True))

    @rule()
    def want(self) -> None:
        """
        Want the connection.
        """
        self.requests.append(Request(0, self.connection.protocol()))

    @precondition(lambda self: self.dialed.waiting)
    @rule()
    def accept(self) -> None:
        """
        Let an attempt to connect succeed.
        """
        self.dialed.accept()

    @precondition(lambda self: self.dialed.waiting)
    @rule()
    def refuse(self) -> None:
        """
        Let it fail.
        """
        self.dialed.refuse(ConnectFailed(BROKER, "refused"))

    @precondition(lambda self: self.lines())
    @rule(data=st.data(), reason=st.sampled_from([ConnectionDone, ConnectionLost]))
    def cut(self, data: st.DataObject, reason: type[Exception]) -> None:
        """
        Cut a connection, perhaps in the middle of an answer.
        """
        self.read()
        line = data.draw(st.sampled_from(self.lines()))
        half = data.draw(st.integers(0, 12))
        if half:
            line.protocol.dataReceived(answer(1)[:half])
        line.lose(reason())

    @precondition(lambda self: self.lines())
    @rule(
        data=st.data(),
        code=st.sampled_from([0, 0, 0, 1, 1500]),
        garbage=st.sampled_from([False, False, False, False, True]),
    )
    def reply(self, data: st.DataObject, code: int, garbage: bool) -> None:
        """
        Let the peer answer something it read.
        """
        self.read()
        self.open = [each for each in self.open if each[0].connected]
        if not self.open:
            return
        line, command = self.open.pop(
            data.draw(st.integers(0, len(self.open) - 1), "which")
        )
        self.answered.append((line, command.opaque))
        if code == 1500:
            self.refused.add(command.code)
        content = answer(command.opaque, code, remark=str(command.code))
        line.protocol.dataReceived(content + b"\0\0\0\0" * 2 * garbage)

    @precondition(lambda self: self.lines())
    @rule(data=st.data())
    def replyAgain(self, data: st.DataObject) -> None:
        """
        Let the peer repeat an answer, or make one up.
        """
        line = data.draw(st.sampled_from(self.lines()))
        again = [opaque for each, opaque in self.answered if each is line]
        opaque = data.draw(st.sampled_from([*again, -5]))
        line.protocol.dataReceived(answer(opaque, remark="again"))

    @precondition(lambda self: self.lines())
    @rule(data=st.data())
    def dripped(self, data: st.DataObject) -> None:
        """
        Let a request of the peer's come in two pieces.
        """
        line = data.draw(st.sampled_from(self.lines()))
        bytes_ = frame(39, flag=2)
        at = data.draw(st.integers(1, len(bytes_) - 1))
        line.protocol.dataReceived(bytes_[:at])
        if line.connected and data.draw(st.booleans()):
            line.protocol.dataReceived(bytes_[at:])

    @precondition(lambda self: self.lines())
    @rule(data=st.data(), pause=st.booleans())
    def pause(self, data: st.DataObject, pause: bool) -> None:
        """
        Let the peer stop reading, or begin again.
        """
        line = data.draw(st.sampled_from(self.lines()))
        if line.producer is None:
            return
        if pause:
            line.protocol.pauseProducing()
        else:
            line.protocol.resumeProducing()

    @precondition(lambda self: self.requests)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """
        Cancel a request.
        """
        request = data.draw(st.sampled_from(self.requests))
        request.cancelled = True
        request.deferred.cancel()

    @rule(seconds=TIMES)
    def advance(self, seconds: float) -> None:
        """
        Let time pass.
        """
        self.clock.advance(seconds)

    @rule()
    def stuck(self) -> None:
        """
        Let nobody close the connections there are.
        """
        for line in self.lines():
            line.isStuck = True

    @invariant()
    def eachOnceAndTruly(self) -> None:
        """
        What fired fired once, with what was to be expected, and is true.
        """
        self.read()
        for request in self.requests:
            assert len(request.outcomes) < 2
            for outcome in request.outcomes:
                self.isTrue(request, outcome)

    def isTrue(self, request: Request, outcome: Any) -> None:
        """
        An answer is the request's own; a failure is one that is documented,
        and what is NO was never written, or the peer said GO_AWAY to it.
        """
        if isinstance(outcome, RemotingCommand):
            assert outcome.remark == str(request.number)
        if not isinstance(outcome, Failure):
            return
        e = outcome.value
        if isinstance(e, CancelledError):
            assert request.cancelled
            if isinstance(e, Unwritten) and not request.isRetried:
                assert request.number not in self.written - self.refused
            return
        assert isinstance(e, (RemotingError, GoAway, NotRunning)), e
        if e.persisted is Persisted.NO and not request.isRetried:
            assert request.number not in self.written - self.refused

    def teardown(self) -> None:
        """
        After C{close} nothing is left: no Deferred, no call, no connection.
        """
        closed: list[object] = []
        self.connection.close().addBoth(closed.append)
        self.clock.pump([0.0, 3.0, 0.0])
        assert closed == [None], closed
        self.eachOnceAndTruly()
        assert all(len(request.outcomes) == 1 for request in self.requests)
        assert self.lines() == []
        assert all(line.protocol.pending == 0 for line in self.dialed.lines)
        assert self.dialed.waiting == []
        assert self.clock.getDelayedCalls() == []


class StatefulTests(SynchronousTestCase):
    """
    L{OneAddress}.
    """

    def test_anyOrder(self) -> None:
        """
        Whatever happens, every Deferred fires exactly once, in time, truly,
        and after C{close} nothing is pending.
        """
        run_state_machine_as_test(
            OneAddress,
            settings=settings(max_examples=100, stateful_step_count=40, deadline=None),
        )
