"""
What clients were told, held against what lies in the brokers.

    1. Every message that was accepted is there.

    2. Every copy has the msgId its client was told.

    3. Nothing is there that was not sent.

    4. On each queue, the messages of one shardingKey arrive for the first time in
       the order they were accepted in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

SHOWN = 5


class Accepted(NamedTuple):
    """
    A message that was accepted.

    @ivar msgId: What its client was told.

    @ivar key: Its shardingKey, or L{None}.

    @ivar place: Its place among those of its key.
    """

    msgId: str
    key: str | None
    place: int


class Stored(NamedTuple):
    """
    A message that a reader found.

    @ivar queue: The broker's name and the queue's number.
    """

    body: str
    msgId: str
    queue: tuple[str, int]
    offset: int


class Verdict(NamedTuple):
    """
    What was found.

    @ivar missing: Messages that were accepted and are not there.

    @ivar foreign: Messages that are there under another msgId.

    @ivar unknown: Messages that nobody was told of.

    @ivar disordered: Messages that arrived behind a later one of their key.

    @ivar duplicates: How many further copies there are.

    @ivar moved: How many keys are on more than one queue.
    """

    missing: list[str]
    foreign: list[str]
    unknown: list[str]
    disordered: list[str]
    duplicates: int
    moved: int

    def problems(self) -> list[str]:
        """
        What is wrong, in a line for each kind.
        """
        named = {
            "missing": self.missing,
            "with another msgId": self.foreign,
            "never accepted": self.unknown,
            "out of order": self.disordered,
        }
        return [
            f"{len(bodies)} {what}: {', '.join(bodies[:SHOWN])}"
            for what, bodies in named.items()
            if bodies
        ]


def check(accepted: Mapping[str, Accepted], stored: Iterable[Stored]) -> Verdict:
    """
    Compare.

    @param accepted: By body.
    """
    found: defaultdict[str, set[str]] = defaultdict(set)
    queues: defaultdict[tuple[str, int], list[Stored]] = defaultdict(list)
    count = 0
    for each in stored:
        found[each.body].add(each.msgId)
        queues[each.queue].append(each)
        count += 1
    places: defaultdict[str, set[tuple[str, int]]] = defaultdict(set)
    disordered: list[str] = []
    for queue, messages in queues.items():
        disordered += _disordered(accepted, messages)
        for each in messages:
            promise = accepted.get(each.body)
            if promise is not None and promise.key is not None:
                places[promise.key].add(queue)
    return Verdict(
        [body for body in accepted if body not in found],
        [b for b, ids in found.items() if b in accepted and ids != {accepted[b].msgId}],
        [body for body in found if body not in accepted],
        disordered,
        count - len(found),
        sum(len(where) > 1 for where in places.values()),
    )


def _disordered(accepted: Mapping[str, Accepted], messages: list[Stored]) -> list[str]:
    """
    The messages of one queue that arrived for the first time behind a later one of
    their key.
    """
    last: dict[str, int] = {}
    seen: set[str] = set()
    wrong = []
    for each in sorted(messages, key=lambda stored: stored.offset):
        promise = accepted.get(each.body)
        if promise is None or promise.key is None or each.body in seen:
            continue
        seen.add(each.body)
        if promise.place < last.get(promise.key, -1):
            wrong.append(each.body)
        last[promise.key] = max(promise.place, last.get(promise.key, -1))
    return wrong
