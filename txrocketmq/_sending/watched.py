"""
The hooks around messages that leave together.

Law: each is called once before and once after each try of each message, with what
it would see of it if it had left alone.
"""

from __future__ import annotations

from collections.abc import Iterable

from txrocketmq.context import SendMessageContext

from .hooks import Forbidden, SendHooks, contextOf
from .member import Member


class Watched:
    """
    One try of several messages, as the hooks see it.
    """

    def __init__(self, hooks: SendHooks) -> None:
        self._hooks = hooks
        self._contexts: dict[Member, SendMessageContext] = {}

    def before(self, members: Iterable[Member]) -> None:
        """
        The try begins; who is forbidden to leave goes on by itself.

        @param members: Whose sends say where it is made.
        """
        for member in members:
            context = contextOf(member.general(), oneway=False)
            try:
                self._hooks.before(context)
            except Forbidden as error:
                member.goOn(error)
            else:
                self._contexts[member] = context

    def after(
        self, members: Iterable[Member], error: BaseException | None = None
    ) -> None:
        """
        The try has ended for some: with this error, or with the results they have.
        """
        for member in members:
            context = self._contexts.pop(member, None)
            if context is not None:
                self._hooks.after(context, member.place, error)
