"""
C{/v1/refused}: the messages no broker will have, and what is to become of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from twisted.internet.defer import Deferred

from txrocketmq.relay.state import Spooling

if TYPE_CHECKING:
    from txrocketmq._spool.entries import Refused

PAGE = 50
"""
How many are listed unless somebody asks for another number.
"""

MOST = 500
"""
How many are listed, replayed or deleted by number at a time.
"""

Arguments = Mapping[bytes, Sequence[bytes]]


class BadQuestion(ValueError):
    """
    What was asked makes no sense; C{str} says why in fixed words.
    """


def numberOf(arguments: Arguments, name: bytes, default: int) -> int:
    """
    A number that was given once, or not.

    @raise BadQuestion: When it is none.
    """
    values = arguments.get(name, [b"%d" % default])
    if len(values) != 1 or not (values[0].isdigit() and len(values[0]) < 19):
        raise BadQuestion(f"{name.decode()} must be a number, given once")
    return int(values[0])


def listed(spool: Spooling, arguments: Arguments) -> Deferred[dict[str, Any]]:
    """
    A page of them.

    @param arguments: C{after}, a number, and C{most}.

    @raise BadQuestion: When the arguments make no sense.
    """
    _checkNames(arguments, {b"after", b"most"})
    after = numberOf(arguments, b"after", 0)
    most = numberOf(arguments, b"most", PAGE)
    if not 1 <= most <= MOST:
        raise BadQuestion(f"most must be from 1 to {MOST}")

    def page(refused: list[Refused]) -> dict[str, Any]:
        rows = [msgspec.structs.asdict(each) for each in refused]
        following = refused[-1].number if len(refused) == most else None
        return {"refused": rows, "next": following, "total": spool.counts.refused}

    return spool.refused(after, most).addCallback(page)


def replayed(spool: Spooling, arguments: Arguments) -> Deferred[dict[str, Any]]:
    """
    Let them wait again, at the end and under their ids.

    @param arguments: See L{_chosen}.

    @raise BadQuestion: When the arguments make no sense.
    """
    replaying = spool.replay(_chosen(arguments))
    return replaying.addCallback(lambda count: {"replayed": count})


def deleted(spool: Spooling, arguments: Arguments) -> Deferred[dict[str, Any]]:
    """
    Delete them for good.

    @param arguments: See L{_chosen}.

    @raise BadQuestion: When the arguments make no sense.
    """
    deleting = spool.deleteRefused(_chosen(arguments))
    return deleting.addCallback(lambda count: {"deleted": count})


def _chosen(arguments: Arguments) -> list[int] | None:
    """
    Which ones are meant.

    @param arguments: C{number}, once or more often, or C{all=true}.

    @return: Their numbers; L{None} for all.
    """
    _checkNames(arguments, {b"number", b"all"})
    values = arguments.get(b"number", [])
    everyone = arguments.get(b"all") == [b"true"]
    if (b"all" in arguments) != everyone or everyone == bool(values):
        raise BadQuestion("say number=N, once or more often, or all=true")
    if len(values) > MOST:
        raise BadQuestion(f"at most {MOST} can be given by number")
    return (
        None if everyone else [numberOf({b"number": [v]}, b"number", 0) for v in values]
    )


def _checkNames(arguments: Arguments, known: set[bytes]) -> None:
    """
    Refuse what would be ignored.
    """
    if not arguments.keys() <= known:
        names = ", ".join(sorted(name.decode() for name in known))
        raise BadQuestion(f"only these can be asked for: {names}")
