"""
What the requests of one producer have in common, and those to one topic.

Law: nothing is worked out for a message that could be kept for its topic.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
import msgspec

from txrocketmq._wire.codes import RequestCode, SerializeType
from txrocketmq._wire.headers import SendMessageRequestHeader
from txrocketmq._wire.records import Shells
from txrocketmq._wire.sendframes import SendFrames
from txrocketmq.namespaces import wrap
from txrocketmq.settings import ProducerSettings

from .validate import RETRY_PREFIX, checkTopic

MOST_HEADINGS = 1024
"""
How many topics' headings a producer keeps.
"""


class Heading(msgspec.Struct, frozen=True):
    """
    What is the same for every request to one topic.

    @ivar topic: The topic its user knows.

    @ivar wireTopic: The topic with its namespace.

    @ivar extFields: Those of a request.  What differs between requests has its
        place here, and its value from the request.

    @ivar isRetry: Whether messages there say how often they were tried.

    @ivar frames: Writes the requests that differ in nothing else; L{None} where
        they do.

    @ivar batchFrames: The same for batches.
    """

    topic: str
    wireTopic: str
    extFields: dict[str, str]
    isRetry: bool
    frames: SendFrames | None
    batchFrames: SendFrames | None


@attrs.frozen
class Envelope:
    """
    What is the same for every message of one producer.

    @ivar group: The producer group, with its namespace.

    @ivar namespace: The prefix of topics, or L{None}.

    @ivar unitMode: Whether requests carry the unit flag.

    @ivar serializeType: How headers are written.

    @ivar settings: The producer's settings.

    @ivar nextId: Makes C{UNIQ_KEY}s.

    @ivar millis: The wall clock, in epoch milliseconds.

    @ivar nextIds: Makes several.

    @ivar shells: What surrounds the bodies of plain messages in a batch: see
        L{shellFor<txrocketmq._sending.shells.shellFor>}.
    """

    group: str
    namespace: str | None
    unitMode: bool
    serializeType: SerializeType
    settings: ProducerSettings
    nextId: Callable[[], str]
    millis: Callable[[], int]
    nextIds: Callable[[int], list[str]]
    shells: Shells = attrs.field(init=False, factory=Shells)
    _headings: dict[str, Heading] = attrs.field(init=False, factory=dict)

    def heading(self, topic: str) -> Heading:
        """
        What is the same for every request to a topic; made once.

        @raise InvalidMessage: When nothing can be sent to it.
        """
        found = self._headings.get(topic) if isinstance(topic, str) else None
        return self._newHeading(topic) if found is None else found

    def _newHeading(self, topic: str) -> Heading:
        """
        Make a topic's heading, and keep it.
        """
        checkTopic(topic)
        wireTopic = wrap(self.namespace, topic)
        header = SendMessageRequestHeader(
            producerGroup=self.group,
            topic=wireTopic,
            defaultTopic=self.settings.createTopicKey,
            defaultTopicQueueNums=self.settings.defaultTopicQueueNums,
            queueId=0,
            sysFlag=0,
            bornTimestamp=0,
            flag=0,
            properties="",
            reconsumeTimes=0,
            unitMode=self.unitMode,
            batch=False,
            brokerName="",
        )
        isRetry = topic.startswith(RETRY_PREFIX)
        extFields = header.toV2ExtFields()
        frames = batchFrames = None
        if self.serializeType == SerializeType.JSON and not isRetry:
            together = {**extFields, "m": "true"}
            batchFrames = SendFrames(RequestCode.SEND_BATCH_MESSAGE, together)
            if self.settings.sendSmartMsg:
                frames = SendFrames(RequestCode.SEND_MESSAGE_V2, extFields)
        heading = Heading(topic, wireTopic, extFields, isRetry, frames, batchFrames)
        if len(self._headings) >= MOST_HEADINGS:
            self._headings.clear()
        self._headings[topic] = heading
        return heading
