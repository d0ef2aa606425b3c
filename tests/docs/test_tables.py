"""
The documentation's tables say what the code says.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from typing import Any

import attrs
from twisted.trial.unittest import SynchronousTestCase

from tests.sources import package
from tests.support import CHECKOUT
from tests.test_layers import LAYERS
from txrocketmq import errors, settings
from txrocketmq._sending.policy import BY_CODE, BY_REMARK, Verdict
from txrocketmq._wire.codes import ResponseCode

DOCS = CHECKOUT / "docs"

RECORDS = (
    settings.ClientSettings,
    settings.ProducerSettings,
    settings.Batching,
    settings.SessionCredentials,
    settings.TLSSettings,
    settings.SocksProxy,
)

NOT_YET = {
    "SpoolDamaged",
    "SpoolError",
    "SpoolFull",
    "SpoolUnavailable",
}
"""
Names that are there and that nothing makes use of yet: no page speaks of them.
"""

ROW = re.compile(r"^   (\S.*)$", re.M)
TITLE = re.compile(r"^(\w+)\n[-~=]{4,}$", re.M)
ERROR = re.compile(r"^   ( *)(\w+)(?: (\d[\d, ]*))?(?:  .*)?$")


def page(name: str) -> str:
    """
    Read a page.
    """
    return (DOCS / name).read_text(encoding="utf-8")


def rows(text: str, header: str) -> Iterator[list[str]]:
    """
    Read the rows of the C{csv-table} that has this header.
    """
    table = text.partition(f":header: {header}\n")[2]
    lines: list[str] = []
    for line in table.splitlines():
        if line and not line.startswith("   "):
            break
        if line.strip() and not line.strip().startswith(":"):
            lines.append(line.strip())
    return csv.reader(lines, skipinitialspace=True)


class ResponseCodeTests(SynchronousTestCase):
    """
    L{txrocketmq._sending.policy}, in C{howto/outcomes.rst}.
    """

    def test_table(self) -> None:
        """
        The table has the verdicts, in the order of their codes.
        """
        verdicts = [
            *((code, text, verdict) for code, text, verdict in BY_REMARK),
            *((code, "", verdict) for code, verdict in BY_CODE.items()),
        ]
        verdicts.sort(key=lambda each: (each[0], not each[1]))
        expected = [verdictRow(*each) for each in verdicts]
        header = "Code, Name, Remark contains, Stored, Again, Then"
        self.assertEqual(list(rows(page("howto/outcomes.rst"), header)), expected)


def verdictRow(code: int, remark: str, verdict: Verdict) -> list[str]:
    """
    One line of the table.
    """
    then = {"route": verdict.refresh, "avoid": verdict.avoid, "less": verdict.busy}
    return [
        str(int(code)),
        f"``{ResponseCode(code).name}``",
        f"``{remark}``" if remark else "",
        verdict.persisted.name,
        verdict.again.value,
        " ".join(word for word, said in then.items() if said),
    ]


class ErrorTests(SynchronousTestCase):
    """
    L{txrocketmq.errors}, in C{reference/errors.rst}.
    """

    def test_tree(self) -> None:
        """
        The tree has every error below what it is a kind of, with its codes.
        """
        block = page("reference/errors.rst").partition("code-block:: text\n\n")[2]
        self.assertEqual(dict(shownErrors(block)), dict(definedErrors()))


def shownErrors(block: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """
    Read a tree of errors: the name of each with its parent's, and its codes.
    """
    path: list[str] = []
    for line in block.splitlines():
        match = ERROR.match(line)
        if match is None:
            if line:
                return
            continue
        indentation, name, codes = match.groups()
        depth = len(indentation) // 2
        path = [*path[:depth], name]
        parent = path[depth - 1] if depth else ""
        yield name, (parent, (codes or "").strip())


def definedErrors() -> Iterator[tuple[str, tuple[str, str]]]:
    """
    The same of the classes there are.
    """
    for name in errors.__all__:
        cls: Any = getattr(errors, name)
        if issubclass(cls, BaseException) and name not in NOT_YET:
            parent = cls.__bases__[0].__name__
            known = parent if parent in errors.__all__ else ""
            codes = ", ".join(str(int(code)) for code in getattr(cls, "codes", ()))
            yield name, (known, codes)


class SettingsTests(SynchronousTestCase):
    """
    L{txrocketmq.settings}, in C{reference/settings.rst}.
    """

    def test_tables(self) -> None:
        """
        Every setting is there, in its record's section, with its default.
        """
        _, *parts = TITLE.split(page("reference/settings.rst"))
        sections = dict(zip(parts[::2], parts[1::2], strict=True))
        for record in RECORDS:
            text = sections[record.__name__]
            shown = [row[:2] for row in rows(text, "Setting, Default, Meaning")]
            self.assertEqual(shown, [list(each) for each in defaults(record)])


def defaults(record: type[attrs.AttrsInstance]) -> Iterator[tuple[str, str]]:
    """
    A record's settings and their defaults, as they are shown.
    """
    for field in attrs.fields(record):
        if field.name not in NOT_YET:
            yield f"``{field.name}``", defaultOf(field)


def defaultOf(field: attrs.Attribute[Any]) -> str:
    """
    One setting's default, as it is shown.
    """
    default: Any = field.default
    if default is attrs.NOTHING:
        return ""
    if hasattr(default, "factory"):
        return f"``{default.factory()!r}``"
    if isinstance(default, frozenset):
        return " ".join(str(int(code)) for code in sorted(default))
    if type(default) is int and default >= 1000:
        return f"``{default:_}``"
    shown = getattr(default, "__name__", None) or getattr(default, "name", None)
    return f"``{shown or repr(default)}``"


class LayerTests(SynchronousTestCase):
    """
    C{tests/test_layers.py}, in C{layers.rst}.
    """

    def test_table(self) -> None:
        """
        The table has the layers there are modules of, from the bottom.
        """
        there = {source.name.split(".")[0] for source in package()}
        expected = [sorted(layer & there) for layer in LAYERS]
        table = list(rows(page("layers.rst"), "Layer, Modules, What they are"))
        shown = [sorted(re.findall(r"``(\w+)``", row[1])) for row in table]
        self.assertEqual(shown, [layer for layer in expected if layer])
        numbers = [row[0] for row in table]
        self.assertEqual(numbers, [str(n + 1) for n in range(len(table))])
