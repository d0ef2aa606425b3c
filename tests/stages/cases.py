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
from twisted.logger import LogEvent, globalLogPublisher

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


@lru_cache(1)
def cases() -> tuple[Case, ...]:
    """
    All cases there are.
    """
    found: list[Case] = []
    for variant in VARIANTS:
        life = Life(variant)
        life.live()
        found.extend(
            Case(len(found) + at, variant, action, step)
            for at, (action, step) in enumerate(
                (action, step)
                for action in ACTIONS
                for step in range(1, life.steps + 1)
            )
        )
    return tuple(found)


def judged(case: Case) -> Verdict:
    """
    Go through one case.
    """
    errors: list[str] = []

    def observe(event: LogEvent) -> None:
        failure = event.get("log_failure")
        if failure is not None or event.get("isError"):
            errors.append(f"logged: {failure!r}")

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
    return Verdict(case, happened, feared, absent, [*said, *errors])
