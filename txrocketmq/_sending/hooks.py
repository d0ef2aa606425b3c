"""
The hooks of one producer.

Laws:

    - Each hook is called once before and once after every attempt, in the order
      they were given.

    - What a hook of sends raises is logged and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
from twisted.logger import Logger

from txrocketmq.context import SendMessageContext
from txrocketmq.interfaces import ICheckForbiddenHook, ISendMessageHook
from txrocketmq.message import SendResult


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

        @raise Exception: When a hook forbids it.
        """
        for check in self._checks:
            check.checkForbidden(context)
        for hook in self._sends:
            self._call(hook.sendMessageBefore, context)

    def after(
        self,
        context: SendMessageContext,
        result: SendResult | None,
        exception: BaseException | None,
    ) -> None:
        """
        The attempt has ended.
        """
        ended = attrs.evolve(context, sendResult=result, exception=exception)
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
