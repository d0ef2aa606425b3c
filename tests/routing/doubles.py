"""
Name servers that answer when a test says so, and routes to answer with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from txrocketmq._wire.bodies import (
    BrokerData,
    QueueData,
    TopicRouteData,
    encodeTopicRouteData,
)
from txrocketmq._wire.codes import RequestCode, ResponseCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq.errors import RemotingTimeout

ONE = "127.0.0.1:9876"
TWO = "127.0.0.2:9876"
THREE = "127.0.0.3:9876"


def routeOf(
    brokers: Mapping[str, int], *, perm: int = 6, port: int = 10911
) -> TopicRouteData:
    """
    A route with a master and this many queues for each broker.
    """
    return TopicRouteData(
        tuple(QueueData(name, nums, nums, perm) for name, nums in brokers.items()),
        tuple(
            BrokerData("c", name, {0: f"{name}:{port}"})
            for name, nums in brokers.items()
        ),
    )


@attrs.define
class Question:
    """
    A lookup some name server was asked, still to be answered.

    @ivar cancelled: Whether the one who asked has left.
    """

    address: str
    command: RemotingCommand
    timeout: float
    answer: Deferred[RemotingCommand] = attrs.field(init=False)
    cancelled: bool = False

    def __attrs_post_init__(self) -> None:
        """
        Notice when it is cancelled.
        """
        self.answer = Deferred(self._cancel)

    def _cancel(self, answer: Deferred[RemotingCommand]) -> None:
        """
        Note it.
        """
        self.cancelled = True

    @property
    def topic(self) -> str:
        """
        Which topic is looked up.
        """
        return self.command.extFields["topic"]

    def routed(self, route: TopicRouteData) -> None:
        """
        Answer with a route.
        """
        self.answer.callback(RemotingCommand(0, body=encodeTopicRouteData(route)))

    def unknown(self) -> None:
        """
        Answer that there is no such topic.
        """
        remark = "No topic route info in name server for the topic: x"
        self.answer.callback(
            RemotingCommand(ResponseCode.TOPIC_NOT_EXIST, remark=remark)
        )

    def silent(self) -> None:
        """
        Never answer, until time is up.
        """
        self.answer.errback(RemotingTimeout(self.address, "no answer in time"))


class NameServers:
    """
    What asks name servers: all of them, and the test answers.

    @ivar asked: The lookups that wait for their answers, oldest first.

    @ivar down: Name servers that fail at once.

    @ivar routes: What is answered at once where it is set; L{None} is "no such
        topic".
    """

    def __init__(self) -> None:
        self.asked: list[Question] = []
        self.down: set[str] = set()
        self.routes: dict[str, TopicRouteData | None] | None = None
        self.count = 0

    def invoke(
        self, address: str, command: RemotingCommand, timeout: float
    ) -> Deferred[RemotingCommand]:
        """
        Take a lookup.
        """
        assert command.code == RequestCode.GET_ROUTEINFO_BY_TOPIC
        self.count += 1
        question = Question(address, command, timeout)
        if address in self.down:
            question.silent()
        elif self.routes is None:
            self.asked.append(question)
        elif (route := self.routes.get(question.topic)) is None:
            question.unknown()
        else:
            question.routed(route)
        return question.answer

    def next(self) -> Question:
        """
        The oldest lookup that waits.
        """
        return self.asked.pop(0)

    @property
    def waiting(self) -> Sequence[tuple[str, str]]:
        """
        Which topics are looked up where.
        """
        return [(question.address, question.topic) for question in self.asked]


@implementer(ILogObserver)
class Log:
    """
    What is logged while a test runs.
    """

    def __init__(self, test: SynchronousTestCase) -> None:
        self._events: list[LogEvent] = []
        globalLogPublisher.addObserver(self)
        test.addCleanup(globalLogPublisher.removeObserver, self)

    def __call__(self, event: LogEvent) -> None:
        """
        Take a line.
        """
        self._events.append(event)

    def at(self, level: str) -> list[str]:
        """
        The lines of one level, as people read them.
        """
        return [
            formatEvent(event)
            for event in self._events
            if event["log_level"].name == level
        ]


class Chance:
    """
    Chance that a test decides.
    """

    def __init__(self, *numbers: float) -> None:
        self._numbers = list(numbers)

    def __call__(self) -> float:
        """
        The next number, and the last one for ever.
        """
        if len(self._numbers) > 1:
            return self._numbers.pop(0)
        return self._numbers[0]
