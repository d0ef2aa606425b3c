"""
The mark that says which row a test proves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

ATTRIBUTE = "faultMatrixRows"


def row(*ids: str) -> Callable[[F], F]:
    """
    Mark a test as the proof of some rows.

    @param ids: Their ids, such as C{"F03"}.
    """

    def mark(test: F) -> F:
        setattr(test, ATTRIBUTE, ids)
        return test

    return mark


def rowsOf(test: object) -> tuple[str, ...]:
    """
    The rows a test is marked with.
    """
    ids: tuple[str, ...] = getattr(test, ATTRIBUTE, ())
    return ids
