"""
What the parts of one broker share.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from txrocketmq._wire.ids import encodeOffsetId

from .network import joined
from .settings import BrokerSettings
from .store import Store, StoredMessage
from .timetable import Timetable
from .topics import TopicConfig, Topics


class BrokerState:
    """
    A broker's memory, its clock and its dice.

    @ivar brokerName: What routes call it.

    @ivar address: Where it listens, as C{host:port}, once it does.

    @ivar brokerIP: The host of that address, for remarks.

    @ivar random: Gives numbers from 0 up to, but not including, 1.

    @ivar arrived: Called with topic and queue once messages are stored.

    @ivar topicChanged: Called with each new or changed topic.
    """

    def __init__(
        self,
        clock: IReactorTime,
        settings: BrokerSettings,
        brokerName: str,
        random: Callable[[], float],
        wallClock: Callable[[], float] | None = None,
    ) -> None:
        """
        Begin with the built-in topics and no messages.

        @param wallClock: Gives the seconds since 1970, where the clock does not.
        """
        self.clock = clock
        self.settings = settings
        self.brokerName = brokerName
        self.random = random
        self.wallClock = wallClock or clock.seconds
        self.timetable = Timetable(clock)
        self.topics = Topics(settings, brokerName, self._topicChanged)
        self.store = Store(self.millis, self._arrived)
        self.arrived: Callable[[str, int], None] = lambda topic, queueId: None
        self.topicChanged: Callable[[TopicConfig], object] = lambda config: None
        self.settle("127.0.0.1", 10911, "127.0.0.1:10911")

    def settle(self, host: str, port: int, address: str) -> None:
        """
        Say where the broker listens: it stands in each message and its id.

        @param host: An IP address.

        @param address: What routes are to say, where that is not the same.
        """
        self.address = address
        self.brokerIP = host
        self.store.host = joined(host, port)
        self._idPrefix = encodeOffsetId(host, port, 0)[:-16]

    def millis(self) -> int:
        """
        The time, in milliseconds since 1970.
        """
        return int(self.wallClock() * 1000)

    def offsetMsgId(self, message: StoredMessage) -> str:
        """
        The broker's own id of a message.
        """
        return f"{self._idPrefix}{message.commitLogOffset:016X}"

    def anyQueue(self, queues: int) -> int:
        """
        One of so many queues.
        """
        return int(self.random() * max(1, queues))

    def _arrived(self, topic: str, queueId: int) -> None:
        """
        Pass the news on.
        """
        self.arrived(topic, queueId)

    def _topicChanged(self, config: TopicConfig) -> None:
        """
        Pass the news on.
        """
        self.topicChanged(config)
