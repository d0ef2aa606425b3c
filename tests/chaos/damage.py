"""
The run in which the spool's file is damaged: one bit of one page at a time.

Each case begins with the same file of messages that wait.  A bit is flipped, the
spool is opened and everything in it is read, as the forwarder does.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tests.spool.support import LIMIT, ThreadClock
from txrocketmq._spool import Kept, Spool, SpoolCounts, SpoolEntry
from txrocketmq._spool.place import DATABASE
from txrocketmq._spool.records import PAGE
from txrocketmq.errors import SpoolError
from txrocketmq.message import Message


class Case(NamedTuple):
    """
    What came of one damage.

    @ivar what: What was done to the file.

    @ivar problems: What must never be.

    @ivar found: How many messages were there.

    @ivar counts: What the spool said at the end.

    @ivar noticed: Whether the spool said that something was damaged.
    """

    what: str
    problems: list[str]
    found: int
    counts: SpoolCounts | None
    noticed: bool


class Tested(NamedTuple):
    """
    A spool's file and what is in it.

    @ivar bodies: By msgId.
    """

    directory: Path
    bodies: Mapping[str, bytes]


def prepared(
    directory: Path, count: int, size: int = 300, close: bool = True
) -> Tested:
    """
    Make a spool with messages, of which some were delivered, as in life.

    @param size: The bytes of a body, about.
    """
    directory.mkdir(mode=0o700)
    chance = random.Random(count)
    reactor = ThreadClock()
    spool = Spool(reactor, str(directory), limit=LIMIT)
    reactor.wait(spool.open())
    bodies: dict[str, bytes] = {}
    for start in range(0, count, 100):
        entries = [
            SpoolEntry(
                Message("T", chance.randbytes(chance.randint(1, 2 * size))),
                f"7F000001{index:024X}",
            )
            for index in range(start, min(start + 100, count))
        ]
        bodies.update({each.msgId: each.message.body for each in entries})
        reactor.wait(spool.append(entries))
    gone = reactor.wait(spool.waiting(0, count // 10, LIMIT))
    reactor.wait(spool.delivered([kept.number for kept in gone]))
    for kept in gone:
        del bodies[kept.msgId]
    reactor.wait(spool.close())
    return Tested(directory, bodies)


def everything(reactor: ThreadClock, spool: Spool) -> list[Kept]:
    """
    All that waits.
    """
    found: list[Kept] = []
    for _ in range(3):
        after = 0
        found.clear()
        try:
            while kept := reactor.wait(spool.waiting(after, 512, 1 << 22)):
                after = kept[-1].number
                found += kept
        except SpoolError:
            # What is read was damaged: it is recovered now, and read again.
            continue
        return found
    raise AssertionError("the spool cannot be read")


def tried(tested: Tested, at: Path, what: str, damage: Callable[[Path], None]) -> Case:
    """
    Damage a copy, and see what is left.

    @param at: Where the copy goes.
    """
    shutil.copytree(tested.directory, at)
    damage(at / DATABASE)
    reactor = ThreadClock()
    spool = Spool(reactor, str(at), limit=LIMIT)
    try:
        reactor.wait(spool.open())
    except SpoolError as error:
        return Case(what, [f"{what}: it does not open: {error}"], 0, None, True)
    found = everything(reactor, spool)
    counts = spool.counts
    reactor.wait(spool.close())
    problems = [f"{what}: {problem}" for problem in _problems(tested, found, counts)]
    problems += [
        f"{what}: {path.name} has mode {path.stat().st_mode & 0o777:o}"
        for path in at.iterdir()
        if path.stat().st_mode & 0o777 != 0o600
    ]
    noticed = any(at.glob("*.corrupt"))
    shutil.rmtree(at)
    return Case(what, problems, len(found), counts, noticed)


def _problems(tested: Tested, found: Sequence[Kept], counts: SpoolCounts) -> list[str]:
    """
    What must never be.
    """
    problems = []
    told = {kept.msgId: kept.message.body for kept in found}
    if altered := [m for m, body in told.items() if tested.bodies.get(m, body) != body]:
        problems.append(f"altered: {altered[:3]}")
    if strange := told.keys() - tested.bodies.keys():
        problems.append(f"{len(strange)} that were delivered before, or never there")
    if len(told) != len(found):
        problems.append("the same message twice")
    if len(told) + counts.lost < len(tested.bodies):
        silent = len(tested.bodies) - len(told) - counts.lost
        problems.append(f"{silent} lost without a word")
    if counts.waiting != len(found):
        problems.append(f"{counts.waiting} are counted, {len(found)} are there")
    return problems


def flip(path: Path, offset: int, bit: int) -> None:
    """
    Flip one bit of a file.
    """
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1 << bit]))


def flips(tested: Tested, at: Path, count: int, seed: int) -> list[Case]:
    """
    Flip a random bit in each of some sampled pages, one at a time.
    """
    chance = random.Random(seed)
    pages = (tested.directory / DATABASE).stat().st_size // PAGE
    sampled = sorted(chance.sample(range(pages), min(count, pages)))
    cases = []
    for page in sampled:
        offset, bit = page * PAGE + chance.randrange(PAGE), chance.randrange(8)
        what = f"page {page + 1}, byte {offset % PAGE}, bit {bit}"
        cases.append(tried(tested, at, what, partial(flip, offset=offset, bit=bit)))
    return cases


def lines(tested: Tested, cases: Sequence[Case]) -> list[str]:
    """
    A report.
    """
    whole = len(tested.bodies)
    recovered = sum(case.found for case in cases)
    lost = sum(case.counts.lost for case in cases if case.counts is not None)
    noticed = sum(case.noticed for case in cases)
    worst = min((case.found for case in cases), default=whole)
    first = (
        f"{len(cases)} files of {whole} messages each, a bit flipped in each: "
        f"{noticed} times it was noticed"
    )
    second = (
        f"recovered {recovered} of {whole * len(cases)} messages, reported as lost "
        f"{lost}; the worst file had {worst}"
    )
    return [first, second]
