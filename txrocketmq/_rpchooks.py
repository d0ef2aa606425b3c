"""
What happens to every request on its way out, and to every answer on its way in.

Law: the order is the namespace's fields, then the user's hooks, then the
signature, which signs what all others left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from msgspec.structs import replace
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from txrocketmq._circuits import Circuits
from txrocketmq._wire.command import RemotingCommand
from txrocketmq.acl import SigningHook
from txrocketmq.interfaces import IRPCHook
from txrocketmq.settings import ClientSettings

T = TypeVar("T")

_log = Logger()


@implementer(IRPCHook)
class NamespaceHook:
    """
    Puts a client's v2 namespace beside the names.  Follows C{NamespaceRpcHook}.

    @ivar fields: What it adds to every request.
    """

    def __init__(self, namespace: str) -> None:
        self.fields = {"nsd": "true", "ns": namespace}

    def beforeRequest(self, address: str, command: RemotingCommand) -> RemotingCommand:
        """
        Add the two fields.
        """
        return replace(command, extFields={**command.extFields, **self.fields})

    def afterResponse(
        self, address: str, request: RemotingCommand, response: RemotingCommand
    ) -> None:
        """
        Nothing: answers name no namespace.
        """


class Hooks:
    """
    The hooks of one client, in order.

    @ivar signing: The last of them, if the client signs.

    @ivar fixed: What they add to every request beside the signature; L{None} if
        one of them may do anything else.
    """

    _log = Logger()

    def __init__(
        self, hooks: Sequence[IRPCHook], signing: SigningHook | None = None
    ) -> None:
        """
        @param signing: The one that is called after them.
        """
        self.signing = signing
        self._hooks = (*hooks, signing) if signing is not None else tuple(hooks)
        added: dict[str, str] = {}
        for hook in hooks:
            added |= hook.fields if isinstance(hook, NamespaceHook) else {}
        isFixed = all(isinstance(hook, NamespaceHook) for hook in hooks)
        self.fixed: Mapping[str, str] | None = added if isFixed else None

    @property
    def circuits(self) -> Circuits | None:
        """
        The refusals the client has met, if it signs.
        """
        return None if self.signing is None else self.signing.circuits

    def around(
        self,
        address: str,
        command: RemotingCommand,
        invoke: Callable[[RemotingCommand], Deferred[RemotingCommand]],
    ) -> Deferred[RemotingCommand]:
        """
        Ask something, with every hook before it and after its answer.

        @return: The answer; it fails with what a hook raised before, and then
            nothing was asked.
        """
        try:
            hooked = self._before(address, command)
        except Exception:
            return fail()
        return invoke(hooked).addCallback(self._after, address, hooked)

    def before(
        self,
        address: str,
        command: RemotingCommand,
        write: Callable[[RemotingCommand], Deferred[T]],
    ) -> Deferred[T]:
        """
        Tell something that has no answer, with every hook before it.
        """
        try:
            hooked = self._before(address, command)
        except Exception:
            return fail()
        return write(hooked)

    def _before(self, address: str, command: RemotingCommand) -> RemotingCommand:
        """
        The command as the hooks leave it.
        """
        for hook in self._hooks:
            command = hook.beforeRequest(address, command)
        return command

    def _after(
        self, answer: RemotingCommand, address: str, request: RemotingCommand
    ) -> RemotingCommand:
        """
        Show an answer to the hooks.
        """
        for hook in self._hooks:
            try:
                hook.afterResponse(address, request, answer)
            except Exception:
                self._log.failure("{hook!r} failed after an answer", hook=hook)
        return answer


def hooksOf(
    settings: ClientSettings, hooks: Sequence[IRPCHook], clock: IReactorTime
) -> Hooks | None:
    """
    All hooks of a client, or L{None} where there is none.

    @param clock: Whose time it is.

    @raise TypeError: When a hook is no L{IRPCHook}.
    """
    for hook in hooks:
        if not IRPCHook.providedBy(hook):
            raise TypeError(f"{hook!r} does not provide IRPCHook")
    chain = list(hooks)
    if settings.namespaceV2:
        chain.insert(0, NamespaceHook(settings.namespaceV2))
    if settings.credentials is not None:
        if settings.tls is None:
            _log.warn(
                "Requests will be signed, but not encrypted: whoever sees one can "
                "read it and send it again; set tls"
            )
        return Hooks(chain, SigningHook(settings.credentials, clock))
    return Hooks(chain) if chain else None
