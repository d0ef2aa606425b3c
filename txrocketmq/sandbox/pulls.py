"""
Pulls, and those that wait for messages.  Follows Java's
C{PullMessageProcessor} and C{PullRequestHoldService}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import attrs
from twisted.internet.defer import Deferred

from txrocketmq._wire.codes import PermName, ResponseCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.headers import PullMessageRequestHeader, fromExtFields
from txrocketmq._wire.records import MessageConst

from .answers import Answer, Peer, Refused
from .groups import Groups
from .offsets import ConsumerOffsets
from .state import BrokerState
from .store import StoredMessage, encodeAll
from .timetable import Entry
from .topics import TopicConfig

COMMIT_OFFSET = 1
SUSPEND = 2
SUBSCRIPTION = 4

_CODES = {
    "FOUND": ResponseCode.SUCCESS,
    "NO_MATCHED_MESSAGE": ResponseCode.PULL_RETRY_IMMEDIATELY,
    "OFFSET_OVERFLOW_ONE": ResponseCode.PULL_NOT_FOUND,
    "OFFSET_OVERFLOW_BADLY": ResponseCode.PULL_OFFSET_MOVED,
    "OFFSET_TOO_SMALL": ResponseCode.PULL_OFFSET_MOVED,
}
_FAQ = "\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details."

Wanted: TypeAlias = Callable[[StoredMessage], bool] | None
"""
What tells whether a message is for a consumer; L{None} is for all of them.
"""


@attrs.define(eq=False)
class _Held:
    """
    A pull that waits.
    """

    command: RemotingCommand
    header: PullMessageRequestHeader
    wanted: Wanted
    answer: Deferred[RemotingCommand | None]
    timeout: Entry = attrs.field(init=False)


def wantedBy(subscription: str | None) -> Wanted:
    """
    Read what tags a consumer wants.  Follows Java's C{FilterAPI.build}.

    @param subscription: C{*}, or tags with C{||} between them.

    @raise Refused: There are no tags in it.
    """
    if subscription is None or subscription.strip() in ("", "*"):
        return None
    tags = {tag.strip() for tag in subscription.split("||")} - {""}
    if not tags:
        raise Refused(
            ResponseCode.SUBSCRIPTION_PARSE_FAILED,
            "parse the consumer's subscription failed",
        )
    return lambda message: message.properties.get(MessageConst.TAGS) in tags


class Pulls:
    """
    Answers PULL_MESSAGE and LITE_PULL_MESSAGE.

    A pull that finds nothing waits, if it says so: until a message arrives in
    its queue, or its time is over.
    """

    def __init__(
        self, state: BrokerState, groups: Groups, offsets: ConsumerOffsets
    ) -> None:
        self._state = state
        self._groups = groups
        self._offsets = offsets
        self._held: dict[tuple[str, int], list[_Held]] = {}

    @property
    def waiting(self) -> int:
        """
        How many pulls wait.
        """
        return sum(map(len, self._held.values()))

    def pull(self, command: RemotingCommand, peer: Peer) -> Answer:
        """
        Answer a pull, now or later.
        """
        header = fromExtFields(PullMessageRequestHeader, command.extFields)
        wanted = self._check(header, peer)
        answer = self._look(command, header, wanted)
        if header.sysFlag & COMMIT_OFFSET:
            self._offsets.commit(
                header.consumerGroup, header.topic, header.queueId, header.commitOffset
            )
        if answer.code == ResponseCode.PULL_NOT_FOUND and header.sysFlag & SUSPEND:
            return self._hold(_Held(command, header, wanted, Deferred()))
        return answer

    def arrived(self, topic: str, queueId: int) -> None:
        """
        Look again for those who wait for messages of a queue.
        """
        for held in self._held.pop((topic, queueId), ()):
            self._release(held)

    def drop(self) -> None:
        """
        Answer none of those who wait: the broker is going down.
        """
        waiting, self._held = self._held, {}
        for held in (each for queue in waiting.values() for each in queue):
            held.timeout.cancel()
            held.answer.callback(None)

    def _hold(self, held: _Held) -> Deferred[RemotingCommand | None]:
        """
        Let a pull wait.
        """
        key = (held.header.topic, held.header.queueId)
        self._held.setdefault(key, []).append(held)
        held.timeout = self._state.timetable.after(
            max(0, held.header.suspendTimeoutMillis) / 1000,
            lambda: self._timedOut(held),
        )
        return held.answer

    def _timedOut(self, held: _Held) -> None:
        """
        Answer a pull whose time is over.
        """
        key = (held.header.topic, held.header.queueId)
        queue = self._held[key]
        queue.remove(held)
        if not queue:
            del self._held[key]
        self._release(held)

    def _release(self, held: _Held) -> None:
        """
        Answer a pull that has waited, whatever there is.
        """
        held.timeout.cancel()
        held.answer.callback(self._look(held.command, held.header, held.wanted))

    def _look(
        self, command: RemotingCommand, header: PullMessageRequestHeader, wanted: Wanted
    ) -> RemotingCommand:
        """
        Give what there is now.
        """
        pulled = self._state.store.pull(
            header.topic, header.queueId, header.queueOffset, header.maxMsgNums, wanted
        )
        code = _CODES.get(pulled.status)
        if code is None:
            atBegin = header.queueOffset == 0
            code = (
                ResponseCode.PULL_NOT_FOUND
                if atBegin
                else ResponseCode.PULL_OFFSET_MOVED
            )
        extFields = {
            "suggestWhichBrokerId": "0",
            "nextBeginOffset": str(pulled.nextBeginOffset),
            "minOffset": str(pulled.minOffset),
            "maxOffset": str(pulled.maxOffset),
            "topicSysFlag": "0",
            "groupSysFlag": "0",
        }
        return command.response(
            code, pulled.status, extFields, encodeAll(pulled.messages)
        )

    def _check(self, header: PullMessageRequestHeader, peer: Peer) -> Wanted:
        """
        Check whether a pull may be answered, and say what it wants.

        @raise Refused: It may not.
        """
        if not self._state.settings.brokerPermission & PermName.READ:
            raise Refused(
                ResponseCode.NO_PERMISSION,
                f"the broker[{self._state.brokerIP}] pulling message is forbidden",
            )
        self._groups.checkGroup(header.consumerGroup)
        config = self._state.topics.get(header.topic)
        if config is None:
            raise Refused(
                ResponseCode.TOPIC_NOT_EXIST,
                f"topic[{header.topic}] not exist, apply first please! {_FAQ}",
            )
        self._checkQueue(header, config, peer)
        if header.sysFlag & SUBSCRIPTION:
            _checkExpression(header.expressionType)
            return wantedBy(header.subscription)
        return self._subscribed(header)

    def _checkQueue(
        self, header: PullMessageRequestHeader, config: TopicConfig, peer: Peer
    ) -> None:
        """
        Check whether a queue can be read.

        @raise Refused: It cannot.
        """
        if not config.perm & PermName.READ:
            raise Refused(
                ResponseCode.NO_PERMISSION,
                f"the topic[{header.topic}] pulling message is forbidden",
            )
        if not 0 <= header.queueId < config.readQueueNums:
            raise Refused(
                ResponseCode.INVALID_PARAMETER,
                f"queueId[{header.queueId}] is illegal, topic:[{header.topic}] "
                f"topicConfig.readQueueNums:[{config.readQueueNums}] "
                f"consumer:[{peer.address}]",
            )

    def _subscribed(self, header: PullMessageRequestHeader) -> Wanted:
        """
        What a group said in its heartbeats that it wants.

        Apache's broker refuses (25) a pull that knows of a later subscription
        than the last heartbeat, until the next one, 30 s later.  Java's
        consumers run into that now and then, racing against themselves while
        they start; here they need not.

        @raise Refused: It said nothing of this topic.
        """
        group = self._groups.consumers.get(header.consumerGroup)
        if group is None:
            raise Refused(
                ResponseCode.SUBSCRIPTION_NOT_EXIST,
                f"the consumer's group info not exist{_FAQ}",
            )
        subscription = group.subscriptions.get(header.topic)
        if subscription is None:
            raise Refused(
                ResponseCode.SUBSCRIPTION_NOT_EXIST,
                f"the consumer's subscription not exist{_FAQ}",
            )
        _checkExpression(subscription.expressionType)
        return wantedBy(subscription.subString)


def _checkExpression(expressionType: str | None) -> None:
    """
    Refuse what is no list of tags.

    @raise Refused: It asks for SQL92, say.
    """
    if expressionType not in (None, "", "TAG"):
        raise Refused(
            ResponseCode.SYSTEM_ERROR,
            f"The broker does not support consumer to filter message by "
            f"{expressionType}",
        )
