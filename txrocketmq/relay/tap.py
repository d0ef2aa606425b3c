"""
C{twistd -n txrocketmq}: the relay's options, and the service they make.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from twisted.application.service import IService
from twisted.python.usage import UsageError

from txrocketmq import ProducerSettings
from txrocketmq._clocks import keepSteadyTime
from txrocketmq._options import ClusterOptions, Parameter, producerGroup
from txrocketmq.relay.listening import checkListen
from txrocketmq.relay.service import Relay

DEFAULT_LISTEN = "tcp:8088:interface=127.0.0.1"


class Options(ClusterOptions):
    """
    The options of C{twistd txrocketmq}.

    @ivar listen: Where requests are taken, as Twisted's endpoint strings.
    """

    synopsis = "[options]"
    longdesc = (
        "Takes messages over HTTP (POST /v1/topics/TOPIC/messages, one message's "
        "bytes as the body; X-RocketMQ-Tags, -Keys and -Property-NAME headers) and "
        "answers when a broker has stored them."
    )

    optParameters: Sequence[Parameter] = [
        ["group", None, "txrocketmq-relay", "The producer group."],
    ]

    optFlags: Sequence[Sequence[str | None]] = [
        ["sandbox", None, "Use a cluster in this process, in memory."],
    ]

    checks: ClassVar[Mapping[str, Callable[[str], Any]]] = {"group": producerGroup}

    def __init__(self) -> None:
        super().__init__()
        self.listen: list[str] = []
        self._wrong = False
        self.docs["listen"] = (
            "Where to take requests, as a Twisted server endpoint: tcp or tcp6 on a "
            f"loopback interface, or unix.  Repeatable. [default: {DEFAULT_LISTEN}]"
        )

    def opt_listen(self, endpoint: str) -> None:
        """
        Add an endpoint to listen at.
        """
        self.listen.append(checkListen(endpoint))

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """
        Read the command line.

        @raise UsageError: When something is wrong with it; L{getUsage} then does
            not bury that under a page.
        """
        try:
            super().parseOptions(options)  # type: ignore[no-untyped-call]
        except UsageError:
            self._wrong = True
            raise

    def getUsage(self, width: int | None = None) -> str:
        """
        The page of all options, or after an error where to find it.
        """
        if self._wrong:
            return "(--help explains the options)"
        return super().getUsage(width)

    def postOptions(self) -> None:
        """
        Check what the command line says.
        """
        self.check()
        self.chooseCluster()
        self["settings"] = self.clientSettings()
        self.listen = self.listen or [DEFAULT_LISTEN]


def makeService(options: Options) -> IService:
    """
    The relay that the options describe.
    """
    from twisted.internet import reactor

    keepSteadyTime(reactor)
    return Relay(
        reactor,
        None if options.embedded else options["name-server"],
        options["settings"],
        options["group"],
        ProducerSettings(),
        options.listen,
        options.warnings,
    )
