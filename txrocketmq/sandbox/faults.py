"""
What a server of the sandbox can be told to do instead of answering.

Give them to C{push} of a broker or a name server:

    >>> broker.push(respond(2, "[PCBUSY_CLEAN_QUEUE]broker busy"), times=3)
    >>> broker.push(silence(), code=RequestCode.SEND_MESSAGE_V2, stored=True)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias

import attrs
from twisted.internet.defer import Deferred, succeed

from txrocketmq._wire.codes import ResponseCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.frames import encodeFrame

from .answers import Answer, Peer
from .timetable import Timetable

__all__ = [
    "Exchange",
    "Fault",
    "close",
    "cut",
    "delay",
    "garbage",
    "goAway",
    "reset",
    "respond",
    "silence",
]

_STORED_CODES = (
    ResponseCode.SUCCESS,
    ResponseCode.FLUSH_DISK_TIMEOUT,
    ResponseCode.SLAVE_NOT_AVAILABLE,
    ResponseCode.FLUSH_SLAVE_TIMEOUT,
)


@attrs.frozen
class Exchange:
    """
    A request a fault is played to.

    @ivar carryOut: Does what was asked, and gives the answer.

    @ivar stored: Whether that comes before the fault.
    """

    command: RemotingCommand
    peer: Peer
    carryOut: Callable[[], Answer]
    stored: bool
    timetable: Timetable

    def begun(self) -> Deferred[RemotingCommand | None]:
        """
        Carry the request out now if that comes before the fault.

        @return: The answer it would have got, or L{None}.
        """
        return asDeferred(self.carryOut) if self.stored else succeed(None)


def asDeferred(carryOut: Callable[[], Answer]) -> Deferred[RemotingCommand | None]:
    """
    What carrying out a request gives, now or later.
    """
    answer = carryOut()
    return answer if isinstance(answer, Deferred) else succeed(answer)


class Fault(Protocol):
    """
    Something a server does instead of answering.
    """

    def play(self, exchange: Exchange) -> Answer:
        """
        Do it.

        @return: What is answered, if anything is.
        """


@attrs.frozen
class _Respond:
    """
    Answer something.
    """

    code: int
    remark: str
    extFields: Mapping[str, str] | None
    body: bytes

    def play(self, exchange: Exchange) -> Answer:
        """
        Give the answer, with what the true one says of a stored message.
        """
        return exchange.begun().addCallback(self._answer, exchange.command)

    def _answer(
        self, answer: RemotingCommand | None, command: RemotingCommand
    ) -> RemotingCommand:
        """
        Make the answer: for a stored message, with where it is.
        """
        extFields = self.extFields
        if extFields is None and answer is not None and self.code in _STORED_CODES:
            extFields = answer.extFields
        return command.response(
            self.code, self.remark or None, dict(extFields or {}), self.body
        )


@attrs.frozen
class _Silence:
    """
    Say nothing.
    """

    def play(self, exchange: Exchange) -> Answer:
        """
        Carry it out if wanted, and say nothing.
        """
        return exchange.begun().addCallback(_nothing)


@attrs.frozen
class _Delay:
    """
    Answer late.
    """

    seconds: float

    def play(self, exchange: Exchange) -> Answer:
        """
        Answer later.
        """
        later: Deferred[RemotingCommand | None] = Deferred()
        begun = exchange.begun()

        def answer() -> None:
            if not exchange.stored:
                asDeferred(exchange.carryOut).chainDeferred(later)
            else:
                begun.chainDeferred(later)

        exchange.timetable.after(self.seconds, answer)
        return later


@attrs.frozen
class _Close:
    """
    Lose the connection.
    """

    isReset: bool

    def play(self, exchange: Exchange) -> Answer:
        """
        Lose the connection.
        """
        return exchange.begun().addCallback(self._lose, exchange.peer)

    def _lose(self, answer: RemotingCommand | None, peer: Peer) -> None:
        """
        Lose it in one of two ways.
        """
        if self.isReset:
            peer.abort()
        else:
            peer.close()


@attrs.frozen
class _Garbage:
    """
    Write bytes that are none of the protocol.
    """

    data: bytes

    def play(self, exchange: Exchange) -> Answer:
        """
        Write the bytes.
        """
        return exchange.begun().addCallback(self._write, exchange.peer)

    def _write(self, answer: RemotingCommand | None, peer: Peer) -> None:
        """
        Write them.
        """
        peer.writeBytes(self.data)


@attrs.frozen
class _Cut:
    """
    Write a part of an answer.
    """

    at: int

    def play(self, exchange: Exchange) -> Answer:
        """
        Write a part of the answer.
        """
        return exchange.begun().addCallback(self._write, exchange)

    def _write(self, answer: RemotingCommand | None, exchange: Exchange) -> None:
        """
        Write the part, and lose the connection.
        """
        if answer is None:
            answer = exchange.command.response(
                ResponseCode.SYSTEM_BUSY, "this answer is never complete"
            )
        frame = encodeFrame(answer)
        exchange.peer.writeBytes(frame[: min(self.at, len(frame) - 1)])
        exchange.peer.close()


Made: TypeAlias = Fault
"""
What the functions below make.
"""


def respond(
    code: int,
    remark: str = "",
    extFields: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> Made:
    """
    Answer this.

    @param extFields: The answer's fields.  Where a message is stored first,
        and the code is one of the four that say so, L{None} gives those of the
        true answer: C{push(respond(10), stored=True)} is a FLUSH_DISK_TIMEOUT
        as Apache's broker has it.
    """
    return _Respond(code, remark, extFields, body)


def silence() -> Made:
    """
    Do not answer; the connection stays.
    """
    return _Silence()


def delay(seconds: float) -> Made:
    """
    Answer as ever, but so much later.

    Unless the message is stored first, it is stored as late.
    """
    return _Delay(seconds)


def close() -> Made:
    """
    Close the connection instead of answering.
    """
    return _Close(False)


def reset() -> Made:
    """
    Reset the connection instead of answering: the peer reads no FIN, but that
    the connection was lost.
    """
    return _Close(True)


def garbage(data: bytes) -> Made:
    """
    Write these bytes instead of an answer.
    """
    return _Garbage(data)


def cut(at: int) -> Made:
    """
    Close the connection after so many bytes of the answer; never after all.
    """
    return _Cut(at)


def goAway() -> Made:
    """
    Answer GO_AWAY, as a server does that is about to stop.
    """
    return _Respond(ResponseCode.GO_AWAY, "please go away", {}, b"")


def _nothing(answer: RemotingCommand | None) -> None:
    """
    No answer.
    """
