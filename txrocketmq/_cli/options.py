"""
The command line's options: what can be asked for, and what cannot.

Everything that is wrong with a command line is a L{UsageError} before anything is
connected to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from twisted.python.usage import UsageError

from txrocketmq import ClientSettings, Message, ProducerSettings
from txrocketmq._cli.pages import EXIT_STATUS, SANDBOX_NOTES, SEND_NOTES
from txrocketmq._cli.teaching import TeachingOptions
from txrocketmq._options import (
    ClusterOptions,
    Parameter,
    producerGroup,
    seconds,
    wholeNumber,
)
from txrocketmq._sending.validate import checkMessage, checkTopic
from txrocketmq._wire.codes import SerializeType
from txrocketmq.errors import InvalidMessage

MODES = ("default", "sync", "async", "oneway")

ATTEMPT_TIMEOUT = 3.0
"""
The most seconds for one connection, lookup or answer.
"""


class SpeakingOptions(TeachingOptions):
    """
    What every command has.
    """

    optFlags: Sequence[Sequence[str | None]] = [
        ["verbose", "v", "Show what is done, and each failure with its causes."],
    ]


class NetworkOptions(ClusterOptions, SpeakingOptions):
    """
    What every command has that talks to a cluster.
    """

    optParameters: Sequence[Parameter] = [
        ["serialize", None, "json", "How headers are written: json or rocketmq."],
        ["timeout", None, "10", "The most time for one message, or one lookup."],
    ]

    checks: ClassVar[Mapping[str, Callable[[str], Any]]] = {"timeout": seconds}

    def postOptions(self) -> None:
        """
        Check what the command line says.
        """
        self.check()
        self["serialize"] = self._serializeType()
        self.chooseCluster()
        self["settings"] = self._clientSettings()

    def _serializeType(self) -> SerializeType:
        """
        The form of headers asked for.
        """
        try:
            return SerializeType[self["serialize"].upper()]
        except KeyError:
            raise UsageError(
                f"--serialize: {self['serialize']!r} is neither json nor rocketmq"
            ) from None

    def _clientSettings(self) -> ClientSettings:
        """
        What the command line says of the client.
        """
        # Shorter than a message's time, so that it is known who did not answer.
        step = min(ATTEMPT_TIMEOUT, self["timeout"] / 2)
        return self.clientSettings(
            serializeType=self["serialize"],
            connectTimeout=step,
            requestTimeout=step,
            stopTimeout=step,
        )


class SendOptions(NetworkOptions):
    """
    The options of C{txrocketmq send}.

    @ivar files: Where the messages come from; C{-} is standard input.
    """

    heading = "Message options"
    synopsis = "send --topic TOPIC [options] [FILE ... or -]"
    summary = (
        "Send each line of the files, or of standard input, as one message, and "
        "print what became of it."
    )
    examples = (
        ("txrocketmq send --sandbox -t Orders orders.txt", "try it, without a cluster"),
        ("txrocketmq send -n 127.0.0.1:9876 -t Orders orders.txt", "send a file"),
        (
            "tail -f app.log | txrocketmq send -n mq:9876 -t Logs --skip-empty --json",
            "send what comes",
        ),
        (
            "txrocketmq send -n mq:9876 -t Pictures --whole *.png",
            "one message for each file",
        ),
    )
    notes = (*SEND_NOTES, EXIT_STATUS)

    optParameters: Sequence[Parameter] = [
        ["topic", "t", None, "The topic to send to."],
        ["tag", None, None, "The messages' tag."],
        ["mode", "m", "default", "default, sync, async or oneway (see below)."],
        ["batch", None, "1", "Send so many messages as one batch."],
        ["in-flight", None, "256", "How many sends may be under way at once."],
        ["rate", None, None, "Send at most so many messages in a second."],
        ["group", None, "txrocketmq-send", "The producer group."],
    ]

    optFlags: Sequence[Sequence[str | None]] = [
        ["sandbox", None, "Send to a cluster in this process that is gone afterwards."],
        ["json", None, "Print JSON."],
        ["whole", None, "Make each file one message, instead of each line."],
        ["skip-empty", None, "Leave out empty lines: without this, each fails."],
    ]

    checks: ClassVar[Mapping[str, Callable[[str], Any]]] = {
        **NetworkOptions.checks,
        "batch": wholeNumber(1, 10_000),
        "in-flight": wholeNumber(1, 100_000),
        "rate": seconds,
        "group": producerGroup,
    }

    def __init__(self) -> None:
        super().__init__()
        self.files: tuple[str, ...] = ()
        self.messageKeys: list[str] = []
        self.properties: dict[str, str] = {}

    def opt_key(self, key: str) -> None:
        """
        A key the messages can be looked up by.  Repeatable.
        """
        self.messageKeys.append(key)

    def opt_property(self, text: str) -> None:
        """
        A property of the messages.  Repeatable.
        """
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"--property: {text!r} is not NAME=VALUE")
        if name in self.properties:
            raise UsageError(f"--property: {name!r} is given twice")
        self.properties[name] = value

    def parseArgs(self, *files: str) -> None:
        """
        Take the names of the files.
        """
        self.files = files or ("-",)

    def postOptions(self) -> None:
        """
        Check what the command line says, the messages' properties included.
        """
        if self["topic"] is None:
            raise UsageError("which topic? Give --topic TOPIC")
        if self["mode"] not in MODES:
            raise UsageError(f"--mode: {self['mode']!r} is none of {', '.join(MODES)}")
        if self.files.count("-") > 1:
            raise UsageError("standard input (-) can be read once only")
        super().postOptions()
        if self["batch"] > 1 and self["mode"] != "default":
            raise UsageError(f"--batch: a batch has no {self['mode']} mode")
        try:
            checkTopic(self["topic"])
            checkMessage(self.message(b"?"), 1)
        except InvalidMessage as wrong:
            raise UsageError(str(wrong)) from wrong

    def message(self, body: bytes) -> Message:
        """
        The message with this body.
        """
        return Message(
            self["topic"],
            body,
            tags=self["tag"],
            keys=self.messageKeys,
            properties=self.properties or None,
        )

    def producerSettings(self) -> ProducerSettings:
        """
        What the command line says of the producer.

        It has room for all that we put into it: we wait in front of it, so that
        no line's time runs out while it waits for others.
        """
        most: int = max(100_000, self["in-flight"] * self["batch"])
        timeout: float = self["timeout"]
        return ProducerSettings(
            sendTimeout=timeout,
            attemptTimeout=min(ATTEMPT_TIMEOUT, timeout),
            maxInFlightMessages=most,
        )


class RouteOptions(NetworkOptions):
    """
    The options of C{txrocketmq route}.

    @ivar topic: The topic that is looked up.
    """

    heading = "Route options"
    synopsis = "route [options] TOPIC"
    summary = (
        "Ask a name server where a topic's messages go: its brokers with their "
        "addresses, queues and permissions."
    )
    examples = (("txrocketmq route -n 127.0.0.1:9876 Orders", "look a topic up"),)
    notes = (EXIT_STATUS,)

    optFlags: Sequence[Sequence[str | None]] = [["json", None, "Print JSON."]]

    topic = ""

    def parseArgs(self, *topics: str) -> None:
        """
        Take the topic.
        """
        if len(topics) != 1:
            raise UsageError("which topic? Give one: txrocketmq route [options] TOPIC")
        (self.topic,) = topics

    def postOptions(self) -> None:
        """
        Check what the command line says.
        """
        super().postOptions()
        try:
            checkTopic(self.topic)
        except InvalidMessage as wrong:
            raise UsageError(str(wrong)) from wrong


class SandboxOptions(SpeakingOptions):
    """
    The options of C{txrocketmq sandbox}.
    """

    heading = "Sandbox options"
    synopsis = "sandbox [options]"
    summary = (
        "Run a name server and brokers in this process, on loopback and in memory, "
        "until SIGINT or SIGTERM.  It speaks the real protocol: for trying things "
        "out and for tests, never for production."
    )
    examples = (("txrocketmq sandbox --port 9876 --brokers 2", "a cluster of two"),)
    notes = SANDBOX_NOTES

    optParameters: Sequence[Parameter] = [
        ["port", "p", "9876", "The name server's port; 0 takes a free one."],
        ["brokers", "b", "1", "How many brokers; their ports are free ones."],
    ]

    checks: ClassVar[Mapping[str, Callable[[str], Any]]] = {
        "port": wholeNumber(0, 65535),
        "brokers": wholeNumber(1, 26),
    }

    def postOptions(self) -> None:
        """
        Check what the command line says.
        """
        self.check()


class DemoOptions(SpeakingOptions):
    """
    The options of C{txrocketmq demo}.
    """

    synopsis = "demo [options]"
    summary = (
        "Show what this is in a few seconds: two brokers in this process, messages "
        "sent in every mode, a broker that fails on the way, and what was stored in "
        "the end.  Nothing else is needed, and nothing is left behind."
    )
    notes = (EXIT_STATUS,)


class ProgramOptions(TeachingOptions):
    """
    The options of C{txrocketmq} itself, and its commands.
    """

    summary = "Send messages to Apache RocketMQ."
    examples = (
        ("txrocketmq demo", "see it work, without a cluster"),
        ("txrocketmq send --help", "learn about a command"),
    )
    notes = (EXIT_STATUS,)

    subCommands: ClassVar[Sequence[tuple[str, None, type[TeachingOptions], str]]] = [
        ("demo", None, DemoOptions, "show what this is, in five seconds"),
        ("send", None, SendOptions, "send lines or files"),
        ("route", None, RouteOptions, "show where a topic's messages go"),
        ("sandbox", None, SandboxOptions, "run a cluster in memory"),
    ]

    def parseArgs(self) -> None:
        """
        Insist on a command.
        """
        names = [name for name, *_ in self.subCommands]
        raise UsageError(f"which command? {', '.join(names[:-1])} or {names[-1]}")
