"""
The package's source as trees, for the tests that hold it to the project's laws.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import attrs

import txrocketmq

PACKAGE = "txrocketmq"

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef


@attrs.frozen
class Import:
    """
    One imported module, or name of a module.

    @ivar target: Its full dotted name.
    @ivar line: Where the import is written.
    @ivar typing: Whether it is there for annotations only.
    @ivar inFunction: Whether it happens when a function is called.
    """

    target: str
    line: int
    typing: bool = False
    inFunction: bool = False


@attrs.frozen(eq=False)
class Source:
    """
    One module of the package.

    @ivar name: Its name below the package, for example C{_wire.frames}; a
        package's is that of its directory, and that of C{txrocketmq} is empty.
    @ivar path: Its path below the package.
    """

    name: str
    path: str
    text: str
    tree: ast.Module

    def at(self, node: ast.AST) -> str:
        """
        Say where a node is, for a test's report.
        """
        return f"{self.path}:{getattr(node, 'lineno', 1)}"

    def definitions(self) -> Iterator[tuple[str, Definition]]:
        """
        Find each class and function with its dotted name.

        What is defined inside of a function is private to it, and is not found.
        """
        return _definitions("", self.tree.body)

    def imports(self) -> Iterator[Import]:
        """
        Find each import, relative ones made absolute.
        """
        package = self.name if self.path.endswith("__init__.py") else self._parent
        here = [PACKAGE, *(part for part in package.split(".") if part)]
        return _imports(self.tree, here, typing=False, inFunction=False)

    @property
    def _parent(self) -> str:
        """
        The package that this module is in.
        """
        return self.name.rpartition(".")[0]


def _definitions(prefix: str, body: list[ast.stmt]) -> Iterator[tuple[str, Definition]]:
    """
    Find the definitions in a body, and in the classes, C{if}s and C{try}s in it.
    """
    for node in body:
        if isinstance(node, Definition):
            name = f"{prefix}{node.name}"
            yield name, node
            if isinstance(node, ast.ClassDef):
                yield from _definitions(f"{name}.", node.body)
        else:
            for nested in ("body", "orelse", "finalbody"):
                yield from _definitions(prefix, getattr(node, nested, []))


def _imports(
    node: ast.AST, here: list[str], typing: bool, inFunction: bool
) -> Iterator[Import]:
    """
    Find the imports below a node.

    @param here: The package that relative imports start from.
    """
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, child.lineno, typing, inFunction)
        elif isinstance(child, ast.ImportFrom):
            origin = _origin(child, here)
            for alias in child.names:
                target = f"{origin}.{alias.name}"
                yield Import(target, child.lineno, typing, inFunction)
        else:
            yield from _imports(
                child,
                here,
                typing or _isTypeChecking(child),
                inFunction or isinstance(child, Function),
            )


def _origin(node: ast.ImportFrom, here: list[str]) -> str:
    """
    Spell out what a C{from ... import} imports from.
    """
    if node.level == 0:
        return node.module or ""
    parts = here[: len(here) - node.level + 1]
    return ".".join([*parts, node.module] if node.module else parts)


def _isTypeChecking(node: ast.AST) -> bool:
    """
    Tell C{if TYPE_CHECKING:}, of which an C{else} would be taken for a part.
    """
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Name)
        and node.test.id == "TYPE_CHECKING"
    )


def parse(name: str, path: str, text: str) -> Source:
    """
    Make a L{Source} of a module's text.
    """
    return Source(name, path, text, ast.parse(text, path))


@cache
def package() -> tuple[Source, ...]:
    """
    Read every module of the imported C{txrocketmq}.
    """
    return tuple(read(Path(txrocketmq.__path__[0])))


def read(directory: Path) -> Iterator[Source]:
    """
    Read every module below a directory.
    """
    for file in sorted(directory.rglob("*.py")):
        path = file.relative_to(directory)
        parts = (
            path.parent.parts if file.stem == "__init__" else path.with_suffix("").parts
        )
        yield parse(".".join(parts), str(path), file.read_text(encoding="utf-8"))
