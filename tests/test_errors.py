"""
Errors say whose fault it is, whether to try again, and what is known of a message.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase

from txrocketmq import errors
from txrocketmq._wire.codes import ResponseCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq.errors import (
    Attempt,
    BrokerError,
    FlowControl,
    GoAway,
    IllegalOperation,
    InvalidParameter,
    MalformedAnswer,
    MessageIllegal,
    NoNameServer,
    NoPermission,
    NoWritableQueue,
    Persisted,
    RemotingError,
    RocketMQError,
    SendCancelled,
    SendFailed,
    ServiceNotAvailable,
    SystemBusy,
    TopicNotExist,
    TopicNotFound,
    WeakAck,
)
from txrocketmq.message import MessageQueue

BROKER = "127.0.0.1:10911"
NAME_SERVER = "127.0.0.1:9876"

CODES = {
    2: SystemBusy,
    10: WeakAck,
    11: WeakAck,
    12: WeakAck,
    13: MessageIllegal,
    14: ServiceNotAvailable,
    16: NoPermission,
    17: TopicNotExist,
    29: InvalidParameter,
    215: FlowControl,
    604: IllegalOperation,
    1500: GoAway,
}

RETRIABLE = {
    "ConnectFailed",
    "ConnectTimeout",
    "ConnectionClosed",
    "FlowControl",
    "GoAway",
    "NoNameServer",
    "NoWritableQueue",
    "ProtocolError",
    "RemotingError",
    "RemotingTimeout",
    "ResolveFailed",
    "RouteError",
    "ServiceNotAvailable",
    "SpoolFull",
    "SystemBusy",
    "TLSFailed",
    "TooManyInFlight",
    "TopicNotExist",
    "TopicNotFound",
}


def attempt(error: Exception | None, persisted: Persisted) -> Attempt:
    """
    A try that ended with an error.
    """
    return Attempt(MessageQueue("T", "broker-a", 0), BROKER, 0.5, error, persisted)


class TreeTests(SynchronousTestCase):
    """
    Every error has what every error has.
    """

    def classes(self) -> dict[str, type[RocketMQError]]:
        """
        All errors but the cancellation.
        """
        named = {name: getattr(errors, name) for name in errors.__all__}
        return {
            name: value
            for name, value in named.items()
            if isinstance(value, type) and issubclass(value, RocketMQError)
        }

    def test_retriable(self) -> None:
        """
        The class says whether the same call may work later.
        """
        retriable = {name for name, cls in self.classes().items() if cls.retriable}
        self.assertEqual(retriable, RETRIABLE)

    def test_persisted(self) -> None:
        """
        Only what a broker stored is stored, and only an answer nobody knows leaves
        it open: everything else was refused before.
        """
        known = {name: cls.persisted for name, cls in self.classes().items()}
        stored = {name for name, value in known.items() if value is Persisted.YES}
        self.assertEqual(stored, {"WeakAck", "MalformedAnswer"})
        maybe = {name for name, value in known.items() if value is Persisted.MAYBE}
        self.assertEqual(maybe, {"BrokerError"})

    def test_configuration(self) -> None:
        """
        A wrong setting is a wrong value too.
        """
        self.assertTrue(issubclass(errors.InvalidConfiguration, ValueError))


class SendFailedTests(SynchronousTestCase):
    """
    A send that failed tells its story.
    """

    def test_fields(self) -> None:
        """
        It says what, under which id, why, after which tries, and with what end.
        """
        cause = SystemBusy(2, "[PC_SYNCHRONIZED]broker busy", BROKER)
        tries = [attempt(cause, Persisted.NO), attempt(cause, Persisted.MAYBE)]
        error = SendFailed("Orders", "7F00", cause, Persisted.MAYBE, tries, 5)
        self.assertEqual((error.topic, error.msgId), ("Orders", "7F00"))
        self.assertIs(error.cause, cause)
        self.assertIs(error.__cause__, cause)
        self.assertEqual(error.attempts, tuple(tries))
        self.assertEqual(error.omittedAttempts, 5)
        self.assertIs(error.persisted, Persisted.MAYBE)
        self.assertEqual((error.code, error.retriable), (2, True))

    def test_text(self) -> None:
        """
        The text says all that matters in one sentence.
        """
        cause = RemotingError(BROKER, "no answer within 3 s", Persisted.MAYBE)
        tries = [attempt(cause, Persisted.MAYBE)] * 2
        self.assertEqual(
            str(SendFailed("Orders", "7F00", cause, Persisted.MAYBE, tries, 5)),
            "message 7F00 to Orders failed after 7 attempts (stored: MAYBE): "
            "127.0.0.1:10911: no answer within 3 s",
        )
        self.assertEqual(
            str(SendFailed("Orders", "7F00", cause, Persisted.NO, tries[:1])),
            "message 7F00 to Orders failed (stored: NO): "
            "127.0.0.1:10911: no answer within 3 s",
        )

    def test_strangeCause(self) -> None:
        """
        A cause that is not ours has no code, and trying again is of no use.
        """
        error = SendFailed("T", "7F00", KeyError("bug"), Persisted.NO)
        self.assertIsNone(error.code)
        self.assertFalse(error.retriable)
        self.assertEqual(error.attempts, ())

    def test_cancelled(self) -> None:
        """
        A cancelled send says what is known, and is a cancellation.
        """
        error = SendCancelled(Persisted.MAYBE, [attempt(None, Persisted.MAYBE)])
        self.assertIsInstance(error, CancelledError)
        self.assertIs(error.persisted, Persisted.MAYBE)
        self.assertEqual(len(error.attempts), 1)
        self.assertEqual(str(error), "the send was cancelled (stored: MAYBE)")
        self.assertEqual(SendCancelled(Persisted.NO).attempts, ())


class RouteErrorTests(SynchronousTestCase):
    """
    A missing route is explained.
    """

    def test_noNameServer(self) -> None:
        """
        Each name server is named with its failure.
        """
        tried = [
            (NAME_SERVER, RemotingError(NAME_SERVER, "connection refused")),
            ("x:1", RemotingError("x:1", "no answer within 3 s")),
        ]
        error = NoNameServer(tried)
        self.assertEqual(error.tried, tuple(tried))
        self.assertEqual(
            str(error),
            "no name server answered: 127.0.0.1:9876: connection refused; "
            "x:1: no answer within 3 s",
        )
        self.assertIn("none is configured", str(NoNameServer([])))

    def test_topicNotFound(self) -> None:
        """
        The topic, who does not know it, and what to do.
        """
        error = TopicNotFound("Orders", [NAME_SERVER, "x:1"])
        self.assertEqual(
            (error.topic, error.nameServers), ("Orders", (NAME_SERVER, "x:1"))
        )
        text = str(error)
        for part in (
            "'Orders'",
            "127.0.0.1:9876, x:1",
            "create it",
            "autoCreateTopicEnable",
        ):
            self.assertIn(part, text)

    def test_noWritableQueue(self) -> None:
        """
        The topic, and what may be the matter.
        """
        error = NoWritableQueue("Orders")
        self.assertEqual(error.topic, "Orders")
        self.assertIn("'Orders' has no queue that can be written to", str(error))


class RemotingErrorTests(SynchronousTestCase):
    """
    A failed request names its peer.
    """

    def test_fields(self) -> None:
        """
        The address stands before what happened; without more, nothing was stored.
        """
        error = RemotingError(BROKER, "connection refused")
        self.assertEqual(error.address, BROKER)
        self.assertEqual(str(error), "127.0.0.1:10911: connection refused")
        self.assertIs(error.persisted, Persisted.NO)
        error = RemotingError(BROKER, "lost", Persisted.MAYBE)
        self.assertIs(error.persisted, Persisted.MAYBE)


class BrokerErrorTests(SynchronousTestCase):
    """
    Answers become errors by their code.
    """

    def test_codes(self) -> None:
        """
        Each code that has a class becomes it.
        """
        for code in [*range(-5, 2200), 200050, 2**31 - 1, -(2**31)]:
            error = BrokerError.fromResponse(RemotingCommand(code, remark="r"), BROKER)
            self.assertIs(type(error), CODES.get(code, BrokerError), code)
            self.assertEqual(
                (error.code, error.remark, error.address), (code, "r", BROKER)
            )

    def test_text(self) -> None:
        """
        The code has its name where it has one; the peer's words come last.
        """
        for error, text in (
            (
                SystemBusy(ResponseCode.SYSTEM_BUSY, "busy", BROKER),
                "127.0.0.1:10911 answered SYSTEM_BUSY (2): busy",
            ),
            (BrokerError(-77, None, BROKER), "127.0.0.1:10911 answered code -77"),
            (GoAway(1500, "", BROKER), "127.0.0.1:10911 answered GO_AWAY (1500)"),
        ):
            self.assertEqual(str(error), text)

    def test_peersText(self) -> None:
        """
        The peer's words stay on one line, and are not endless; the whole of them
        is in the field.
        """
        remark = "a\r\nb\n" + "x" * 1_000_000
        error = BrokerError(1, remark, BROKER)
        self.assertLess(len(str(error)), 400)
        self.assertNotIn("\n", str(error))
        self.assertNotIn("\r", str(error))
        self.assertEqual(error.remark, remark)

    def test_secondClass(self) -> None:
        """
        A code belongs to one class: another that claims it is refused, and takes
        none of its codes.
        """

        def claim() -> object:
            class Other(BrokerError):
                codes = (99_999, 2)

            return Other

        error = self.assertRaises(TypeError, claim)
        self.assertIn("code 2 is SystemBusy already", str(error))
        unclaimed = BrokerError.fromResponse(RemotingCommand(99_999), BROKER)
        self.assertIs(type(unclaimed), BrokerError)

    def test_subclass(self) -> None:
        """
        A class that claims no code of its own may be made of any of them.
        """

        class Busier(SystemBusy):
            pass

        error = BrokerError.fromResponse(RemotingCommand(2), BROKER)
        self.assertIs(type(error), SystemBusy)
        self.assertTrue(issubclass(Busier, SystemBusy))

    def test_persisted(self) -> None:
        """
        What a code without a class means, nobody knows.
        """
        for code, persisted in (
            (1, Persisted.MAYBE),
            (-1, Persisted.MAYBE),
            (4711, Persisted.MAYBE),
            (2, Persisted.NO),
            (13, Persisted.NO),
            (10, Persisted.YES),
        ):
            error = BrokerError.fromResponse(RemotingCommand(code), BROKER)
            self.assertIs(error.persisted, persisted, code)
        self.assertIs(MalformedAnswer(0, None, BROKER).persisted, Persisted.YES)


class LogTests(SynchronousTestCase):
    """
    Errors are safe to print.
    """

    def test_controlCharacters(self) -> None:
        """
        A peer cannot write to a terminal, or forge a line, through an error.
        """
        error = BrokerError(1, "\x1b[2J\x00\x85\u2028 forged", BROKER)
        for character in "\x1b\x00\x85\u2028":
            self.assertNotIn(character, str(error))

    def test_chained(self) -> None:
        """
        The same holds for the errors that contain it.
        """
        cause: Any = BrokerError(1, "\x1b[2J", BROKER)
        for error in (
            SendFailed("T", "7F00", cause, Persisted.NO),
            NoNameServer([(NAME_SERVER, cause)]),
        ):
            self.assertNotIn("\x1b", str(error))
