"""
What is done around the tries of the short way: hooks are called, requests signed.

Laws:

    - It is what the general way does (L{SendHooks
      <txrocketmq._sending.hooks.SendHooks>}, L{SigningHook
      <txrocketmq.acl.SigningHook>}), in the same order.

    - What it calls may do anything: send, close, cancel.  What was known before is
      looked at again after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from txrocketmq._wire.command import RemotingCommand
from txrocketmq.context import MessageType, SendMessageContext
from txrocketmq.message import SendResult
from txrocketmq.settings import SessionCredentials

from .envelope import Envelope
from .hooks import Forbidden, SendHooks
from .paths import Paths, QueuePath
from .rules import Rules

if TYPE_CHECKING:
    from txrocketmq.acl import SigningHook

    from .fastsend import FastSend

_NORMAL = MessageType.NORMAL_MSG


class Surroundings:
    """
    What is done around each try of one producer.
    """

    def __init__(
        self,
        envelope: Envelope,
        rules: Rules,
        paths: Paths,
        hooks: SendHooks | None,
        signing: SigningHook | None,
    ) -> None:
        """
        @param paths: Told of the credentials to sign with.
        """
        self.hooks = hooks
        self.signing = signing
        self._envelope = envelope
        self._mode = rules.mode
        self._paths = paths

    def ready(self) -> bool:
        """
        Whether a send can be begun: not where credentials were refused, or there
        are none, which the general way looks into.
        """
        signing = self.signing
        if signing is None:
            return True
        # Its attributes, for want of calls: each send asks.
        if signing.circuits is not None and signing.circuits.refusals:
            return False
        credentials = signing.constant
        if credentials is None:
            try:
                credentials = signing.used()
            except Exception:
                return False
        if credentials is not self._paths.credentials:
            self._paths.signWith(credentials)
        return True

    def begun(self, waiting: FastSend) -> bool:
        """
        A try begins.  Where there are no hooks, C{target.around} serves all further
        ones.

        @return: Whether it goes on; if not, it has been told why.
        """
        target, context = waiting.target, None
        credentials = self._paths.credentials
        if self.hooks is not None:
            context = SendMessageContext(
                producerGroup=self._envelope.group,
                messages=(waiting.message,),
                msgId=waiting.msgId,
                messageQueue=target.queue,
                address=target.address,
                communicationMode=self._mode,
                oneway=False,
                messageType=_NORMAL,
                namespace=self._envelope.namespace,
                unitMode=self._envelope.unitMode,
                state={},
            )
            try:
                self.hooks.before(context)
            except Forbidden as error:
                waiting.failed(error)
                return False
        waiting.around = Around(self, target, context, credentials)
        if context is None:
            target.around = waiting.around
        if waiting.live.retired:
            waiting.failed(waiting.live.whyClosed())
            return False
        return True


class Around(msgspec.Struct, eq=False):
    """
    What is done when a try has ended.

    @ivar context: What hooks see of it, if there are any.

    @ivar credentials: What it was signed with, if it was.
    """

    surroundings: Surroundings
    target: QueuePath
    context: SendMessageContext | None
    credentials: SessionCredentials | None

    def ended(
        self,
        answer: RemotingCommand | None,
        result: SendResult | None,
        error: BaseException | None,
    ) -> None:
        """
        It has ended: with an answer, or without.
        """
        signing, hooks = self.surroundings.signing, self.surroundings.hooks
        credentials, target = self.credentials, self.target
        if answer is not None and credentials is not None and signing is not None:
            circuits = signing.circuits
            if answer.code or (circuits is not None and circuits.refusals):
                signing.answered(target.address, target.wireTopic, credentials, answer)
        if hooks is not None and self.context is not None:
            hooks.after(self.context, result, error)
