"""
Replies: what answers a request message.  Follows Java's
C{ReplyMessageProcessor}.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred

from txrocketmq._wire.codes import RequestCode, ResponseCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.headers import (
    ReplyMessageRequestHeader,
    toExtFields,
)
from txrocketmq._wire.records import MessageConst, decodeProperties, encodeProperties
from txrocketmq.errors import RocketMQError

from .answers import Peer, Refused
from .groups import Groups
from .sendheader import SendHeader, readSendHeader
from .sends import Sends
from .state import BrokerState

PUSH_TIMEOUT = 10.0
"""
How long a client may take to answer a pushed reply.
"""


class Replies:
    """
    Answers SEND_REPLY_MESSAGE and SEND_REPLY_MESSAGE_V2.

    The reply goes to whoever asked before its sender is answered.
    """

    def __init__(self, state: BrokerState, groups: Groups, sends: Sends) -> None:
        self._state = state
        self._groups = groups
        self._sends = sends

    def reply(
        self, command: RemotingCommand, peer: Peer
    ) -> Deferred[RemotingCommand | None]:
        """
        Push a reply, and store it if that is wanted.
        """
        return Deferred.fromCoroutine(self._reply(command, peer))

    async def _reply(
        self, command: RemotingCommand, peer: Peer
    ) -> RemotingCommand | None:
        """
        The same, as a sequence.
        """
        header = readSendHeader(command)
        tail = dict(self._sends.tail)
        try:
            config = self._sends.check(header, peer)
        except Refused as e:
            return command.response(e.code, e.remark, tail)
        properties = decodeProperties(header.properties)
        draft = self._sends.draft(header, config, command.body, properties, peer)
        extFields = {"msgId": "0", "queueId": str(draft.queueId), "queueOffset": "0"}
        remark = await self._push(header, properties, command.body, peer)
        if self._state.settings.storeReplyMessageEnable:
            stored = self._state.store.append(draft)
            extFields["msgId"] = self._state.offsetMsgId(stored)
            extFields["queueOffset"] = str(stored.queueOffset)
        extFields.update(tail)
        code = ResponseCode.SUCCESS if remark is None else ResponseCode.SYSTEM_ERROR
        return command.response(code, remark, extFields)

    async def _push(
        self,
        header: SendHeader,
        properties: dict[str, str],
        body: bytes,
        peer: Peer,
    ) -> str | None:
        """
        Push a reply to the client it is for.

        @return: Why it did not get there; L{None} if it did.
        """
        clientId = properties.get(MessageConst.REPLY_TO_CLIENT)
        if clientId is None:
            return "reply message properties[REPLY_TO_CLIENT] is null"
        asker = self._groups.clients.get(clientId)
        if asker is None:
            return f"push reply message fail, channel of <{clientId}> not found."
        now = self._state.millis()
        properties[MessageConst.PUSH_REPLY_TIME] = str(now)
        request = RemotingCommand(
            RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT,
            toExtFields(
                ReplyMessageRequestHeader(
                    producerGroup=header.producerGroup,
                    topic=header.topic,
                    defaultTopic=header.defaultTopic,
                    defaultTopicQueueNums=header.defaultTopicQueueNums,
                    queueId=header.queueId,
                    sysFlag=header.sysFlag,
                    bornTimestamp=header.bornTimestamp,
                    flag=header.flag,
                    bornHost=peer.address,
                    storeHost=self._state.address,
                    storeTimestamp=now,
                    properties=encodeProperties(properties),
                    reconsumeTimes=header.reconsumeTimes,
                    unitMode=header.isUnitMode,
                )
            ),
            body,
        )
        try:
            answer = await asker.invoke(request, PUSH_TIMEOUT)
        except RocketMQError:
            return f"push reply message to {clientId}fail."
        if answer.code != ResponseCode.SUCCESS:
            return f"push reply message to {clientId}fail."
        return None
