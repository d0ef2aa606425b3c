"""
Half messages.  Follows Java's C{TransactionalMessageServiceImpl} and
C{EndTransactionProcessor}.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from txrocketmq._wire.codes import RequestCode, ResponseCode, SysFlag
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.headers import (
    CheckTransactionStateRequestHeader,
    EndTransactionRequestHeader,
    fromExtFields,
    toExtFields,
)
from txrocketmq._wire.records import MessageConst, encodeStoredMessage

from .answers import UNSET_REMARK, Peer, Refused, number
from .delays import Deliveries
from .state import BrokerState
from .store import Draft, StoredMessage, draftOf
from .topics import CHECK_MAX_TOPIC, HALF_TOPIC

_CHECK_TIMES = MessageConst.TRANSACTION_CHECK_TIMES
_IMMUNITY = MessageConst.CHECK_IMMUNITY_TIME_IN_SECONDS


class Transactions:
    """
    Half messages, and what becomes of them.

    The producers are asked again and again about those nobody ended; there is
    something in the timetable only while there are any.

    @ivar pending: Half messages without an end, by their place in the log.
    """

    def __init__(
        self,
        state: BrokerState,
        deliveries: Deliveries,
        producers: Callable[[str], list[Peer]],
    ) -> None:
        """
        Begin with none.

        @param producers: Gives the connected members of a producer group.
        """
        self.pending: dict[int, StoredMessage] = {}
        self._state = state
        self._deliveries = deliveries
        self._producers = producers
        self._checking = False

    def prepare(self, draft: Draft) -> StoredMessage:
        """
        Store a half message where nobody can see it.

        @raise Refused: The broker takes none.
        """
        if self._state.settings.rejectTransactionMessage:
            raise Refused(
                ResponseCode.NO_PERMISSION,
                f"the broker[{self._state.brokerIP}] sending transaction message "
                "is forbidden",
            )
        properties = draft.properties
        properties[MessageConst.REAL_TOPIC] = draft.topic
        properties[MessageConst.REAL_QID] = str(draft.queueId)
        properties[MessageConst.TRANSACTION_ID] = properties[MessageConst.UNIQ_KEY]
        draft.topic = HALF_TOPIC
        draft.queueId = 0
        draft.sysFlag &= ~SysFlag.TRANSACTION_MASK
        return self._hold(draft)

    def _hold(self, draft: Draft) -> StoredMessage:
        """
        Store a half message and wait for its end.
        """
        stored = self._state.store.append(draft)
        self.pending[stored.commitLogOffset] = stored
        self._checkLater()
        return stored

    def _checkLater(self) -> None:
        """
        See that the half messages are looked at, while there are any.
        """
        if self.pending and not self._checking:
            self._checking = True
            self._state.timetable.after(
                self._state.settings.transactionCheckInterval, self._check
            )

    def _check(self) -> None:
        """
        Ask about all half messages that are old enough.
        """
        self._checking = False
        now = self._state.millis()
        for half in list(self.pending.values()):
            immunity = _immunityOf(half)
            wait = self._state.settings.transactionTimeOut * 1000
            if now - half.bornTimestamp > (wait if immunity is None else immunity):
                self._ask(half)
        self._checkLater()

    def _ask(self, half: StoredMessage) -> None:
        """
        Ask one of the producers about a half message, or give it up.

        It is stored anew each time, as Apache's broker does: the offsets a
        producer is asked about are not those it was answered.
        """
        del self.pending[half.commitLogOffset]
        draft = draftOf(half)
        times = number(draft.properties.get(_CHECK_TIMES, "0"))
        if times >= self._state.settings.transactionCheckMax:
            draft.topic = self._state.topics.ensure(CHECK_MAX_TOPIC, 1).topicName
            self._state.store.append(draft)
            return
        draft.properties[_CHECK_TIMES] = str(times + 1)
        again = self._hold(replace(draft, bornTimestamp=half.bornTimestamp))
        peers = self._producers(draft.properties.get(MessageConst.PGROUP, ""))
        if peers:
            peer = peers[self._state.anyQueue(len(peers))]
            peer.oneway(self._question(again)).addErrback(lambda lost: None)

    def _question(self, half: StoredMessage) -> RemotingCommand:
        """
        The request that asks about a half message.
        """
        properties = dict(half.properties, **{MessageConst.WAIT: "false"})
        uniqueId = properties[MessageConst.UNIQ_KEY]
        header = CheckTransactionStateRequestHeader(
            topic=half.topic,
            tranStateTableOffset=half.queueOffset,
            commitLogOffset=half.commitLogOffset,
            msgId=uniqueId,
            transactionId=uniqueId,
            offsetMsgId=self._state.offsetMsgId(half),
            brokerName=self._state.brokerName,
        )
        real = replace(
            half,
            topic=properties[MessageConst.REAL_TOPIC],
            queueId=int(properties[MessageConst.REAL_QID]),
            properties=properties,
        )
        return RemotingCommand(
            RequestCode.CHECK_TRANSACTION_STATE,
            toExtFields(header),
            encodeStoredMessage(real),
        ).asOneway()

    def end(self, command: RemotingCommand, peer: Peer) -> RemotingCommand | None:
        """
        Answer END_TRANSACTION.

        @return: The answer for those who forget to mark it oneway; L{None}
            where the transaction's end is still unknown, as from Apache's.
        """
        header = fromExtFields(EndTransactionRequestHeader, command.extFields)
        ending = header.commitOrRollback
        if ending not in (SysFlag.TRANSACTION_COMMIT, SysFlag.TRANSACTION_ROLLBACK):
            return None
        half = self._find(header)
        if ending == SysFlag.TRANSACTION_COMMIT:
            self._deliveries.put(self._committed(half))
        del self.pending[half.commitLogOffset]
        remark = None if ending == SysFlag.TRANSACTION_COMMIT else UNSET_REMARK
        return command.response(0, remark)

    def _find(self, header: EndTransactionRequestHeader) -> StoredMessage:
        """
        The half message an END_TRANSACTION is about.

        @raise Refused: There is none, or it is somebody else's.
        """
        half = self.pending.get(header.commitLogOffset)
        if half is None:
            raise _failed("Find prepared transaction message failed")
        immunity = _immunityOf(half)
        age = self._state.millis() - half.bornTimestamp
        if immunity is not None and not header.fromTransactionCheck and age > immunity:
            raise Refused(ResponseCode.ILLEGAL_OPERATION, "")
        if half.properties.get(MessageConst.PGROUP) != header.producerGroup:
            raise _failed("The producer group wrong")
        if half.queueOffset != header.tranStateTableOffset:
            raise _failed("The transaction state table offset wrong")
        return half

    def _committed(self, half: StoredMessage) -> Draft:
        """
        The message consumers see.
        """
        draft = draftOf(half)
        draft.topic = draft.properties[MessageConst.REAL_TOPIC]
        draft.queueId = int(draft.properties[MessageConst.REAL_QID])
        draft.sysFlag |= SysFlag.TRANSACTION_COMMIT
        draft.preparedTransactionOffset = half.commitLogOffset
        return draft


def _immunityOf(half: StoredMessage) -> int | None:
    """
    For how many milliseconds a half message asks not to be asked about.
    """
    seconds = number(half.properties.get(_IMMUNITY, ""), -1)
    return None if seconds < 0 else seconds * 1000


def _failed(remark: str) -> Refused:
    """
    The refusal of an end that fits no half message.
    """
    return Refused(ResponseCode.SYSTEM_ERROR, remark)
