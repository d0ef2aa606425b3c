"""
Replies: what answers a request message.  Follows Java's
C{ReplyMessageProcessor}.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed

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
from .store import Draft

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
        header = readSendHeader(command)
        try:
            draft = self._draft(header, command, peer)
        except Refused as e:
            answer = command.response(e.code, e.remark, dict(self._sends.tail))
            return succeed(answer)
        return Deferred.fromCoroutine(self._reply(header, draft, command))

    def _draft(self, header: SendHeader, command: RemotingCommand, peer: Peer) -> Draft:
        """
        Check a reply as any other message, and make of it what is stored.

        @raise Refused: It may not be sent.
        """
        config = self._sends.check(header, peer)
        properties = decodeProperties(header.properties)
        draft = self._sends.draft(header, config, command.body, properties, peer)
        self._sends.checkSize(draft)
        return draft

    async def _reply(
        self, header: SendHeader, draft: Draft, command: RemotingCommand
    ) -> RemotingCommand:
        """
        Push a reply that may be sent.
        """
        extFields = {"msgId": "0", "queueId": str(draft.queueId), "queueOffset": "0"}
        remark = await self._push(header, draft)
        if self._state.settings.storeReplyMessageEnable:
            stored = self._state.store.append(draft)
            extFields["msgId"] = self._state.offsetMsgId(stored)
            extFields["queueOffset"] = str(stored.queueOffset)
        extFields.update(self._sends.tail)
        code = ResponseCode.SUCCESS if remark is None else ResponseCode.SYSTEM_ERROR
        return command.response(code, remark, extFields)

    async def _push(self, header: SendHeader, draft: Draft) -> str | None:
        """
        Push a reply to the client it is for.

        @return: Why it did not get there; L{None} if it did.
        """
        clientId = draft.properties.get(MessageConst.REPLY_TO_CLIENT)
        if clientId is None:
            return "reply message properties[REPLY_TO_CLIENT] is null"
        asker = self._groups.clients.get(clientId)
        if asker is None:
            return f"push reply message fail, channel of <{clientId}> not found."
        try:
            answer = await asker.invoke(self._request(header, draft), PUSH_TIMEOUT)
        except RocketMQError:
            return f"push reply message to {clientId}fail."
        if answer.code != ResponseCode.SUCCESS:
            return f"push reply message to {clientId}fail."
        return None

    def _request(self, header: SendHeader, draft: Draft) -> RemotingCommand:
        """
        The request that pushes a reply.
        """
        now = self._state.millis()
        draft.properties[MessageConst.PUSH_REPLY_TIME] = str(now)
        pushed = ReplyMessageRequestHeader(
            producerGroup=header.producerGroup,
            topic=header.topic,
            defaultTopic=header.defaultTopic,
            defaultTopicQueueNums=header.defaultTopicQueueNums,
            queueId=header.queueId,
            sysFlag=header.sysFlag,
            bornTimestamp=header.bornTimestamp,
            flag=header.flag,
            bornHost=draft.bornHost,
            storeHost=self._state.store.host,
            storeTimestamp=now,
            properties=encodeProperties(draft.properties),
            reconsumeTimes=header.reconsumeTimes,
            unitMode=header.isUnitMode,
        )
        return RemotingCommand(
            RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT, toExtFields(pushed), draft.body
        )
