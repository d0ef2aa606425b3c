"""
The hooks of one producer.

Laws:

    - Each hook is called once before and once after every attempt, in the order
      they were given.

    - What a hook of sends raises is logged and changes nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from msgspec.structs import replace
from twisted.logger import Logger

from txrocketmq._wire.codes import SysFlag
from txrocketmq.context import MessageType, SendMessageContext
from txrocketmq.interfaces import ICheckForbiddenHook, ISendMessageHook
from txrocketmq.message import SendResult

from .outgoing import Outgoing
from .progress import Send

T = TypeVar("T")


class Forbidden(Exception):
    """
    A hook forbade an attempt; why is its cause.
    """


class SendHooks:
    """
    Calls hooks around attempts.
    """

    _log = Logger()

    def __init__(
        self, sends: Sequence[ISendMessageHook], checks: Sequence[ICheckForbiddenHook]
    ) -> None:
        self._sends = tuple(sends)
        self._checks = tuple(checks)

    def before(self, context: SendMessageContext) -> None:
        """
        An attempt begins.

        @raise Forbidden: When a hook does not allow it.
        """
        for check in self._checks:
            try:
                check.checkForbidden(context)
            except Exception as error:
                raise Forbidden(str(error)) from error
        for hook in self._sends:
            self._call(hook.sendMessageBefore, context)

    async def around(
        self, context: SendMessageContext, attempt: Callable[[], Awaitable[T]]
    ) -> T:
        """
        Make an attempt, with every hook before and after it.

        @raise Forbidden: When a hook does not allow it.
        """
        self.before(context)
        try:
            result = await attempt()
        except BaseException as error:
            self.after(context, None, error)
            raise
        self.after(context, result, None)
        return result

    def after(
        self,
        context: SendMessageContext,
        result: object,
        exception: BaseException | None,
    ) -> None:
        """
        The attempt has ended.
        """
        ended = replace(
            context,
            sendResult=result if isinstance(result, SendResult) else None,
            exception=exception,
        )
        for hook in self._sends:
            self._call(hook.sendMessageAfter, ended)

    def _call(
        self, method: Callable[[SendMessageContext], Any], context: SendMessageContext
    ) -> None:
        """
        Call one hook, whatever it does.
        """
        try:
            method(context)
        except Exception:
            self._log.failure("{method!r} failed", method=method)


def sendHooksOf(hooks: Sequence[Any]) -> SendHooks | None:
    """
    All hooks of a producer, or L{None} where there is none.

    @raise TypeError: When one is neither of the two kinds.
    """
    sends = [hook for hook in hooks if ISendMessageHook.providedBy(hook)]
    checks = [hook for hook in hooks if ICheckForbiddenHook.providedBy(hook)]
    for hook in hooks:
        if hook not in sends and hook not in checks:
            raise TypeError(
                f"{hook!r} provides neither ISendMessageHook nor ICheckForbiddenHook"
            )
    return SendHooks(sends, checks) if hooks else None


def contextOf(send: Send, oneway: bool) -> SendMessageContext:
    """
    What hooks see of the attempt a send is about to make.
    """
    outgoing = send.outgoing
    envelope = outgoing.envelope
    assert send.queue is not None
    assert send.address is not None
    return SendMessageContext(
        producerGroup=envelope.group,
        messages=outgoing.messages,
        msgId=outgoing.msgId,
        messageQueue=send.queue,
        address=send.address,
        communicationMode=send.rules.mode,
        oneway=oneway,
        messageType=_typeOf(outgoing),
        namespace=envelope.namespace,
        unitMode=envelope.unitMode,
    )


def _typeOf(outgoing: Outgoing) -> MessageType:
    """
    What kind of message it is; Java does not count timers as delayed.
    """
    if any(message.delayTimeLevel for message in outgoing.messages):
        return MessageType.DELAY_MSG
    if outgoing.sysFlag & SysFlag.TRANSACTION_PREPARED:
        return MessageType.TRANS_MSG_HALF
    return MessageType.NORMAL_MSG
