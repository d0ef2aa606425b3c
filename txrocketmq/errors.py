"""
What can go wrong, by whose fault it is.

Laws:

    - Every error says whether the same call may work later (C{retriable}) and,
      where a send ends with it, whether the message may be stored
      (C{persisted}).

    - A message is made from fields, and the fields are public.

    - An answer's code belongs to one class; a second class for it is refused
      when it is defined.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from twisted.internet.defer import CancelledError

from txrocketmq._wire.codes import ResponseCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq.message import Attempt, Persisted

__all__ = [
    "Attempt",
    "BrokerError",
    "ConnectFailed",
    "ConnectTimeout",
    "ConnectionClosed",
    "FlowControl",
    "GoAway",
    "IllegalOperation",
    "InvalidConfiguration",
    "InvalidMessage",
    "InvalidParameter",
    "MalformedAnswer",
    "MessageIllegal",
    "NoNameServer",
    "NoPermission",
    "NoWritableQueue",
    "NotRunning",
    "Persisted",
    "ProtocolError",
    "RemotingError",
    "RemotingTimeout",
    "ResolveFailed",
    "RocketMQError",
    "RouteError",
    "SendCancelled",
    "SendFailed",
    "ServiceNotAvailable",
    "SpoolDamaged",
    "SpoolError",
    "SpoolFull",
    "SpoolUnavailable",
    "SystemBusy",
    "TLSFailed",
    "TooManyInFlight",
    "TopicNotExist",
    "TopicNotFound",
    "WeakAck",
]

REMARK_SHOWN = 256
"""
How much of a server's text an error shows: it is the peer's, and unbounded.
"""


class RocketMQError(Exception):
    """
    The root of all errors of this package but L{SendCancelled}.

    @ivar retriable: Whether the same call may work later.

    @ivar persisted: Whether the message may be stored, where a send ends with
        this error.
    """

    retriable: bool = False
    persisted: Persisted = Persisted.NO


class NotRunning(RocketMQError):
    """
    The client or the producer is not started, or is stopped.
    """


class InvalidMessage(RocketMQError):
    """
    A message, a batch or the queue chosen for it cannot be sent as it is.
    """


class InvalidConfiguration(RocketMQError, ValueError):
    """
    A setting, an address or a name is not usable.
    """


class TooManyInFlight(RocketMQError):
    """
    There is no room for another send now.
    """

    retriable = True


class SendFailed(RocketMQError):
    """
    A send that was begun did not succeed.

    @ivar topic: The message's topic.

    @ivar msgId: Its C{UNIQ_KEY}: what a resend under the same id needs.

    @ivar attempts: The first try and the last three.

    @ivar omittedAttempts: How many tries between those are not listed.

    @ivar cause: Why the last try failed, or why there was none.

    @ivar code: The broker's code, when the cause is a L{BrokerError}.
    """

    def __init__(
        self,
        topic: str,
        msgId: str,
        cause: Exception,
        persisted: Persisted,
        attempts: Sequence[Attempt] = (),
        omittedAttempts: int = 0,
    ) -> None:
        self.topic = topic
        self.msgId = msgId
        self.cause = cause
        self.persisted = persisted
        self.attempts = tuple(attempts)
        self.omittedAttempts = omittedAttempts
        self.retriable = getattr(cause, "retriable", False)
        self.code = cause.code if isinstance(cause, BrokerError) else None
        self.__cause__ = cause
        super().__init__(self._text())

    def _text(self) -> str:
        """
        Say what failed, after how many tries, and what is known of the message.
        """
        tries = len(self.attempts) + self.omittedAttempts
        after = f" after {tries} attempts" if tries > 1 else ""
        return (
            f"message {self.msgId} to {self.topic} failed{after} "
            f"(stored: {self.persisted.name}): {self.cause}"
        )


class RouteError(RocketMQError):
    """
    It is not known where a topic's messages go.
    """

    retriable = True


class NoNameServer(RouteError):
    """
    No name server answered.

    @ivar tried: The addresses asked, each with why it did not answer.
    """

    def __init__(self, tried: Sequence[tuple[str, Exception]]) -> None:
        self.tried = tuple(tried)
        asked = "; ".join(str(error) for _, error in self.tried)
        super().__init__(f"no name server answered: {asked or 'none is configured'}")


class TopicNotFound(RouteError):
    """
    The name servers know no route of a topic, nor of the default topic.
    """

    def __init__(self, topic: str, nameServers: Sequence[str]) -> None:
        self.topic = topic
        self.nameServers = tuple(nameServers)
        super().__init__(
            f"topic {topic!r} does not exist according to name server "
            f"{', '.join(self.nameServers)}: create it, or let the brokers create "
            "topics (autoCreateTopicEnable)"
        )


class NoWritableQueue(RouteError):
    """
    A topic has a route, but no queue of it can be written to now.
    """

    def __init__(self, topic: str) -> None:
        self.topic = topic
        super().__init__(
            f"topic {topic!r} has no queue that can be written to: its brokers are "
            "read-only or have no master"
        )


class RemotingError(RocketMQError):
    """
    A peer could not be asked, or did not answer.

    @ivar address: The peer's C{host:port}.
    """

    retriable = True

    def __init__(
        self, address: str, message: str, persisted: Persisted = Persisted.NO
    ) -> None:
        self.address = address
        self.persisted = persisted
        super().__init__(f"{address}: {message}")


class ConnectFailed(RemotingError):
    """
    There is no connection to a peer, and none could be made.
    """


class ConnectTimeout(ConnectFailed):
    """
    A connection was not made in time.
    """


class ResolveFailed(ConnectFailed):
    """
    A peer's host name has no address.
    """


class TLSFailed(ConnectFailed):
    """
    A peer's certificate was refused, ours was, or the peer speaks no TLS.
    """


class ConnectionClosed(RemotingError):
    """
    A connection ended before the answer came.
    """


class RemotingTimeout(RemotingError):
    """
    An answer did not come in time.
    """


class ProtocolError(RemotingError):
    """
    A peer sent bytes that are no RocketMQ frames.
    """


class BrokerError(RocketMQError):
    """
    A broker, or a name server, answered with a code that is no success.

    What a code without a class of its own says of a message depends on more than
    the code; an L{Attempt} tells what it said.

    @cvar codes: The codes that are this class.

    @ivar code: The answer's code; not always one that L{ResponseCode} knows.

    @ivar remark: The peer's own words, or L{None}.

    @ivar address: The peer's C{host:port}.
    """

    codes: ClassVar[tuple[int, ...]] = ()
    persisted = Persisted.MAYBE
    _byCode: ClassVar[dict[int, type[BrokerError]]] = {}

    def __init__(self, code: int, remark: str | None, address: str) -> None:
        self.code = code
        self.remark = remark
        self.address = address
        super().__init__(f"{address} answered {_codeName(code)}{_clipped(remark)}")

    def __init_subclass__(cls) -> None:
        """
        Take the codes a class declares, each of them once.
        """
        codes: tuple[int, ...] = vars(cls).get("codes", ())
        for code in codes:
            if code in BrokerError._byCode:
                taken = BrokerError._byCode[code].__name__
                raise TypeError(f"code {code} is {taken} already")
        BrokerError._byCode.update(dict.fromkeys(codes, cls))

    @staticmethod
    def fromResponse(command: RemotingCommand, address: str) -> BrokerError:
        """
        The error an answer means.

        @param command: An answer with any code but SUCCESS.

        @param address: Whose answer it is, as C{host:port}.
        """
        cls = BrokerError._byCode.get(command.code, BrokerError)
        return cls(command.code, command.remark, address)


class SystemBusy(BrokerError):
    """
    The broker is overloaded and has not looked at the message.
    """

    codes = (ResponseCode.SYSTEM_BUSY,)
    persisted = Persisted.NO
    retriable = True


class MessageIllegal(BrokerError):
    """
    The broker will never take this message.
    """

    codes = (ResponseCode.MESSAGE_ILLEGAL,)
    persisted = Persisted.NO


class ServiceNotAvailable(BrokerError):
    """
    The broker's disk is full, it is a slave, or it is shutting down.
    """

    codes = (ResponseCode.SERVICE_NOT_AVAILABLE,)
    persisted = Persisted.NO
    retriable = True


class NoPermission(BrokerError):
    """
    The credentials, or the topic's permissions, do not allow it.
    """

    codes = (ResponseCode.NO_PERMISSION,)
    persisted = Persisted.NO


class TopicNotExist(BrokerError):
    """
    The broker has no such topic and may not create it.
    """

    codes = (ResponseCode.TOPIC_NOT_EXIST,)
    persisted = Persisted.NO
    retriable = True


class InvalidParameter(BrokerError):
    """
    The broker does not accept a field of the request, such as the queue's id.
    """

    codes = (ResponseCode.INVALID_PARAMETER,)
    persisted = Persisted.NO


class FlowControl(BrokerError):
    """
    The broker asks its clients to slow down.
    """

    codes = (ResponseCode.FLOW_CONTROL,)
    persisted = Persisted.NO
    retriable = True


class GoAway(BrokerError):
    """
    The peer is stopping and wants no more requests.
    """

    codes = (ResponseCode.GO_AWAY,)
    persisted = Persisted.NO
    retriable = True


class WeakAck(BrokerError):
    """
    The message is stored, but not as safely as the producer requires.
    """

    codes = (
        ResponseCode.FLUSH_DISK_TIMEOUT,
        ResponseCode.SLAVE_NOT_AVAILABLE,
        ResponseCode.FLUSH_SLAVE_TIMEOUT,
    )
    persisted = Persisted.YES


class MalformedAnswer(BrokerError):
    """
    The broker confirmed a message, but in a way that cannot be read.
    """

    persisted = Persisted.YES


class IllegalOperation(BrokerError):
    """
    It is too late for this, or it was never possible: a recall, mostly.
    """

    codes = (ResponseCode.ILLEGAL_OPERATION,)
    persisted = Persisted.NO


class SpoolError(RocketMQError):
    """
    The durable spool could not take a message.
    """


class SpoolFull(SpoolError):
    """
    The spool holds as much as it may.
    """

    retriable = True


class SpoolDamaged(SpoolError):
    """
    The spool's file does not hold what was written to it.
    """


class SpoolUnavailable(SpoolError):
    """
    The spool's directory cannot be used.
    """


class SendCancelled(CancelledError):
    """
    A caller cancelled a send.

    @ivar persisted: Whether the message may be stored all the same.

    @ivar attempts: The tries made until then.
    """

    def __init__(self, persisted: Persisted, attempts: Sequence[Attempt] = ()) -> None:
        self.persisted = persisted
        self.attempts = tuple(attempts)
        super().__init__(f"the send was cancelled (stored: {persisted.name})")


def _codeName(code: int) -> str:
    """
    A code with its name, where it has one.
    """
    try:
        return f"{ResponseCode(code).name} ({code})"
    except ValueError:
        return f"code {code!r}"


def _clipped(remark: str | None) -> str:
    """
    As much of a peer's text as can stand in one line.
    """
    if not remark:
        return ""
    # Not only line ends: a peer's text may not move a terminal's cursor either.
    shown = (char if char.isprintable() else " " for char in remark[:REMARK_SHOWN])
    return ": " + "".join(shown)
