"""
The cases, by number.

Law: a number means the same case in every process, as long as neither the package
nor a life is changed.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from functools import lru_cache

import attrs
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import implementer

from .actions import ACTIONS
from .life import VARIANTS, Life, Variant
from .truth import maybes, wrongs


@attrs.frozen
class Case:
    """
    One thing that happens at one step of one kind of life.
    """

    number: int
    variant: Variant
    action: str
    step: int

    def __str__(self) -> str:
        return f"case {self.number}: {self.action} at step {self.step}, {self.variant}"


@attrs.frozen
class Verdict:
    """
    What came of a case.

    @ivar happened: Whether anything happened at the step.

    @ivar maybes: How many sends ended with MAYBE.

    @ivar absent: How many of those had not been stored.

    @ivar wrongs: What is not as it must be.
    """

    case: Case
    happened: bool
    maybes: int
    absent: int
    wrongs: Sequence[str]


@implementer(ILogObserver)
class _Errors:
    """
    Keeps the failures that are logged.
    """

    def __init__(self) -> None:
        self.errors: list[str] = []

    def __call__(self, event: LogEvent) -> None:
        """
        Look at what is logged.
        """
        if event.get("log_failure") is not None:
            self.errors.append(f"logged: {event['log_failure']!r}")


@lru_cache(1)
def cases() -> tuple[Case, ...]:
    """
    All cases there are.
    """
    found: list[Case] = []
    for variant in VARIANTS:
        life = Life(variant)
        life.live()
        for action in ACTIONS:
            for step in range(1, life.steps + 1):
                found.append(Case(len(found), variant, action, step))
    return tuple(found)


def judged(case: Case) -> Verdict:
    """
    Go through one case.
    """
    observe = _Errors()
    globalLogPublisher.addObserver(observe)
    try:
        life = Life(case.variant, case.step, ACTIONS[case.action])
        life.live()
        said = list(wrongs(life))
        feared, absent = maybes(life)
        happened = life.happened
        if not life.acted:
            said.append("the step never came")
        del life
        # What nobody looked at is told of when it is thrown away.
        gc.collect()
    finally:
        globalLogPublisher.removeObserver(observe)
    return Verdict(case, happened, feared, absent, [*said, *observe.errors])
