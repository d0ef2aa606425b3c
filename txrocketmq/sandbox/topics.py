"""
The topics of one broker.  Follows Java's C{TopicConfigManager}.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

import msgspec

from txrocketmq._wire.codes import PermName, ResponseCode

from .answers import Refused
from .settings import BrokerSettings

AUTO_CREATE_TOPIC = "TBW102"
SCHEDULE_TOPIC = "SCHEDULE_TOPIC_XXXX"
TIMER_TOPIC = "rmq_sys_wheel_timer"
HALF_TOPIC = "RMQ_SYS_TRANS_HALF_TOPIC"
OP_HALF_TOPIC = "RMQ_SYS_TRANS_OP_HALF_TOPIC"
CHECK_MAX_TOPIC = "TRANS_CHECK_MAX_TIME_TOPIC"
TRACE_TOPIC = "RMQ_SYS_TRACE_TOPIC"
SELF_TEST_TOPIC = "SELF_TEST_TOPIC"
OFFSET_MOVED_TOPIC = "OFFSET_MOVED_EVENT"
BENCHMARK_TOPIC = "BenchmarkTest"
RETRY_PREFIX = "%RETRY%"
DLQ_PREFIX = "%DLQ%"

FORBIDDEN_TO_SEND = frozenset(
    (
        SCHEDULE_TOPIC,
        HALF_TOPIC,
        OP_HALF_TOPIC,
        CHECK_MAX_TOPIC,
        SELF_TEST_TOPIC,
        OFFSET_MOVED_TOPIC,
    )
)
"""
What no producer may send to.
"""

NOT_EXIST = (
    "topic[{}] not exist, apply first please!\n"
    "See https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details."
)

_LEGAL = re.compile(r"[%|a-zA-Z0-9_-]+\Z")
_LONGEST = 127
_LONGEST_RETRY = 255
_READ_WRITE = PermName.READ | PermName.WRITE
_INHERITED = _READ_WRITE | PermName.INHERIT


class TopicConfig(msgspec.Struct, frozen=True):
    """
    What a broker knows of a topic.
    """

    topicName: str
    readQueueNums: int = 16
    writeQueueNums: int = 16
    perm: int = int(_READ_WRITE)
    topicFilterType: str = "SINGLE_TAG"
    topicSysFlag: int = 0
    order: bool = False
    attributes: dict[str, str] = {}

    def __str__(self) -> str:
        """
        Show it as Java does: it stands in remarks.
        """
        letters = ((PermName.READ, "R"), (PermName.WRITE, "W"), (PermName.INHERIT, "X"))
        perm = "".join(name if self.perm & bit else "-" for bit, name in letters)
        attributes = ", ".join(f"{k}={v}" for k, v in self.attributes.items())
        return (
            f"TopicConfig [topicName={self.topicName}, "
            f"readQueueNums={self.readQueueNums}, "
            f"writeQueueNums={self.writeQueueNums}, perm={perm}, "
            f"topicFilterType={self.topicFilterType}, "
            f"topicSysFlag={self.topicSysFlag}, order={str(self.order).lower()}, "
            f"attributes={{{attributes}}}]"
        )


def checkTopic(topic: str) -> None:
    """
    Check a topic's name.  Follows Java's C{TopicValidator.validateTopic}.

    @raise Refused: It is blank, too long, or has illegal characters.
    """
    if not topic.strip():
        raise Refused(ResponseCode.INVALID_PARAMETER, "The specified topic is blank.")
    if not _LEGAL.match(topic):
        raise Refused(
            ResponseCode.INVALID_PARAMETER,
            f"The specified topic: {topic}, contains illegal characters, "
            "allowing only ^[%|a-zA-Z0-9_-]+$",
        )
    if topic.startswith((RETRY_PREFIX, DLQ_PREFIX)):
        _checkLength(
            topic,
            _LONGEST_RETRY,
            "The specified topic is DLQ or Retry topic: {}, and it's longer than "
            "topic max length: {}",
        )
    else:
        _checkLength(
            topic,
            _LONGEST,
            "The specified topic: {}, is longer than topic max length: {}",
        )


def _checkLength(topic: str, longest: int, remark: str) -> None:
    """
    Refuse a name that is too long.
    """
    if len(topic) > longest:
        raise Refused(ResponseCode.INVALID_PARAMETER, remark.format(topic, longest))


def isSystemTopic(topic: str) -> bool:
    """
    Tell whether a topic is one of the brokers' own.
    """
    return (
        topic in FORBIDDEN_TO_SEND
        or topic in (AUTO_CREATE_TOPIC, TRACE_TOPIC, BENCHMARK_TOPIC)
        or topic.startswith("rmq_sys_")
    )


def _builtIn(settings: BrokerSettings, brokerName: str) -> list[TopicConfig]:
    """
    The topics every broker begins with.
    """
    cluster = settings.clusterName
    default = settings.defaultTopicQueueNums
    topics = [
        TopicConfig(name, queues, queues, perm)
        for name, queues, perm in (
            (SELF_TEST_TOPIC, 1, _READ_WRITE),
            (BENCHMARK_TOPIC, 1024, _READ_WRITE),
            (cluster, 16, _INHERITED),
            (brokerName, 1, _INHERITED),
            (OFFSET_MOVED_TOPIC, 1, _READ_WRITE),
            (SCHEDULE_TOPIC, 18, _READ_WRITE),
            (f"{cluster}_REPLY_TOPIC", 1, _READ_WRITE),
            (HALF_TOPIC, 1, _READ_WRITE),
            (OP_HALF_TOPIC, 1, _READ_WRITE),
        )
    ]
    if settings.autoCreateTopicEnable:
        topics.append(TopicConfig(AUTO_CREATE_TOPIC, default, default, int(_INHERITED)))
    if settings.traceTopicEnable:
        topics.append(TopicConfig(TRACE_TOPIC, 1, 1))
    if settings.timerWheelEnable:
        topics.append(TopicConfig(TIMER_TOPIC, 1, 1))
    return topics


class Topics:
    """
    The table of topics.

    @ivar table: A view of it, by name.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        brokerName: str,
        changed: Callable[[TopicConfig], None] = lambda config: None,
    ) -> None:
        """
        Begin with the built-in topics.

        @param changed: Called with each new or changed topic: the name servers
            want to know.
        """
        self._table = {t.topicName: t for t in _builtIn(settings, brokerName)}
        self._changed = changed
        self.get = self._table.get
        self.table: Mapping[str, TopicConfig] = MappingProxyType(self._table)

    def put(self, config: TopicConfig) -> TopicConfig:
        """
        Add a topic, or change it.
        """
        if self._table.get(config.topicName) != config:
            self._table[config.topicName] = config
            self._changed(config)
        return config

    def remove(self, topic: str) -> None:
        """
        Forget a topic, if there is one of that name.
        """
        self._table.pop(topic, None)

    def createByTemplate(
        self, topic: str, template: str, queueNums: int, topicSysFlag: int = 0
    ) -> TopicConfig | None:
        """
        Make a topic somebody has sent to.

        Follows C{createTopicInSendMessageMethod}.

        @param template: The topic whose INHERIT permission allows it.

        @param queueNums: The queues the sender asks for; it gets no more than
            the template has.

        @return: L{None} when the template does not exist or does not allow it.
        """
        source = self._table.get(template)
        if source is None or not source.perm & PermName.INHERIT:
            return None
        queues = max(0, min(queueNums, source.writeQueueNums))
        return self.put(
            TopicConfig(
                topic,
                queues,
                queues,
                source.perm & ~PermName.INHERIT,
                source.topicFilterType,
                topicSysFlag,
            )
        )

    def ensure(self, topic: str, queues: int, topicSysFlag: int = 0) -> TopicConfig:
        """
        Give a topic of the broker's own making: that of a group's retries, say.
        """
        known = self._table.get(topic)
        if known is not None:
            return known
        return self.put(TopicConfig(topic, queues, queues, topicSysFlag=topicSysFlag))
