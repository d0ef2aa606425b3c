"""
Which rows are proved, by which tests, and what is wrong with that.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from twisted.python.reflect import namedAny

from .marks import rowsOf
from .proofs import ELSEWHERE
from .rows import OPEN, ROWS, SECTIONS, Row

PACKAGE = "tests.matrix"


def marked() -> Iterator[tuple[str, str]]:
    """
    All rows marked tests of this package prove, each with a test's dotted name.
    """
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        module = namedAny(f"{PACKAGE}.{path.stem}")
        for _, case in inspect.getmembers(module, inspect.isclass):
            if case.__module__ == module.__name__:
                yield from _markedIn(case)


def _markedIn(case: type) -> Iterator[tuple[str, str]]:
    """
    The same of one class.
    """
    for name, test in inspect.getmembers(case, callable):
        for each in rowsOf(test):
            yield each, f"{case.__module__}.{case.__qualname__}.{name}"


def tests() -> dict[str, list[str]]:
    """
    For each row that has any, the dotted names of its tests.
    """
    found = {each: list(names) for each, names in ELSEWHERE.items()}
    for each, name in marked():
        found.setdefault(each, []).append(name)
    return found


def problems(
    found: Mapping[str, Sequence[str]],
    rows: Sequence[Row] = ROWS,
    opened: Mapping[str, str] = OPEN,
) -> Iterator[str]:
    """
    Everything that makes the matrix untrue.

    @param found: What L{tests} gives.
    """
    ids = [each.id for each in rows]
    for each in ids:
        if not found.get(each) and not opened.get(each):
            yield f"{each} has neither a test nor a reason why it has none"
    for each in {*found, *opened} - set(ids):
        yield f"{each} is no row"
    for each, names in found.items():
        yield from (f"{each}: there is no {name}" for name in names if _missing(name))


def _missing(name: str) -> bool:
    """
    Whether a dotted name leads to no test.
    """
    try:
        test = namedAny(name)
    except Exception:
        return True
    return not (callable(test) and name.rpartition(".")[2].startswith("test_"))


def lines(found: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """
    The matrix as a text.
    """
    section = ""
    for each in ROWS:
        if each.section != section:
            section = each.section
            yield f"{section}. {SECTIONS[section]}"
        yield f"  {each.id} [{each.level}] {each.promise}"
        yield from (f"      {name}" for name in found.get(each.id, ()))
        if each.id in OPEN:
            yield f"      OPEN: {OPEN[each.id]}"
    proved = sum(bool(found.get(each.id)) for each in ROWS)
    whole = sum(bool(found.get(each.id)) and each.id not in OPEN for each in ROWS)
    yield (
        f"{len(ROWS)} rows: {whole} proved, {proved - whole} proved in part, "
        f"{len(ROWS) - proved} open"
    )
