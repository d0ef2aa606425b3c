"""
The names of Twisted and of Python that our docstrings link to.

Their projects publish complete inventories; fetching those would make the
documentation depend on the network.  So the few entries we need are made here, of
what the package imports and names, and of where such things are documented.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import pkgutil
import re
import sys
import types
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from twisted.internet import interfaces

TWISTED = "https://docs.twisted.org/en/stable/api"
PYTHON = "https://docs.python.org/3"

#: A dotted name in a docstring, as in C{L{Deferred<twisted.internet.defer.Deferred>}}.
NAMED = re.compile(r"[L<{]((?:[a-z_]+\.)+\w+)[>}]")


def write(package: Path, directory: Path) -> list[tuple[Path, str]]:
    """
    Write the inventories.

    @param package: The package whose links are to be followed.
    @param directory: Where to write them.
    @return: Each inventory and the address that its entries are below.
    """
    names = {name for file in package.rglob("*.py") for name in _names(file)}
    twisted = {**{name: name for name in names}, **_shortNames()}
    python = {name: name for name in (*names, *dir(builtins))}
    return [
        (_inventory(directory / "twisted.inv", twisted, _twisted), TWISTED),
        (_inventory(directory / "python.inv", python, _python), PYTHON),
    ]


def _shortNames() -> dict[str, str]:
    """
    Find what docstrings may name without importing it: what everybody knows.
    """
    known = [
        "twisted.internet.defer.CancelledError",
        "twisted.internet.defer.Deferred",
        "twisted.python.failure.Failure",
        *(
            f"twisted.internet.interfaces.{name}"
            for name, found in vars(interfaces).items()
            if _isInterface(found)
        ),
    ]
    return {name.rpartition(".")[2]: name for name in known}


def _names(file: Path) -> Iterator[str]:
    """
    Find the full names that a module imports from elsewhere, or mentions.
    """
    text = file.read_text(encoding="utf-8")
    yield from NAMED.findall(text)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _inventory(
    path: Path, names: dict[str, str], locate: Callable[[str], str | None]
) -> Path:
    """
    Write one inventory, in Sphinx's second format.

    @param names: What docstrings call each thing, and its full name.
    @param locate: Finds where a name is documented, below the inventory's address.
    """
    lines = [
        f"{name} py:obj 1 {location} -\n"
        for name, full in sorted(names.items())
        if (location := locate(full)) is not None
    ]
    path.write_bytes(
        b"# Sphinx inventory version 2\n# Project: -\n# Version: -\n"
        b"# The remainder of this file is compressed using zlib.\n"
        + zlib.compress("".join(lines).encode())
    )
    return path


def _twisted(name: str) -> str | None:
    """
    Find a name in pydoctor's pages: one for each module and class.
    """
    if not name.startswith("twisted."):
        return None
    _module, found = _resolve(name)
    if found is None:
        return None
    if isinstance(found, (type, types.ModuleType)) or _isInterface(found):
        return f"{name}.html"
    owner, _, last = name.rpartition(".")
    return f"{owner}.html#{last}"


def _python(name: str) -> str | None:
    """
    Find a name of the standard library in Python's pages.
    """
    if hasattr(builtins, name):
        found = getattr(builtins, name)
        if isinstance(found, type) and issubclass(found, BaseException):
            return f"library/exceptions.html#{name}"
        return f"library/functions.html#{name}"
    module, found = _resolve(name)
    if found is None or module.split(".")[0] not in sys.stdlib_module_names:
        return None
    return f"library/{module}.html#{'module-' if module == name else ''}{name}"


def _resolve(name: str) -> tuple[str, object]:
    """
    Import what a full name stands for.

    @return: The module it is in and what it is; C{None} where there is no such thing.
    """
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        module = ".".join(parts[:length])
        try:
            found = pkgutil.resolve_name(module)
        except (ImportError, AttributeError):
            continue
        if inspect.ismodule(found):
            return module, _member(found, parts[length:])
    return name, None


def _member(found: object, attributes: list[str]) -> object:
    """
    Follow attributes; C{None} where there is no such one.
    """
    for attribute in attributes:
        found = getattr(found, attribute, None)
    return found


def _isInterface(found: object) -> bool:
    """
    Tell an interface of zope's, which has a page as a class has.
    """
    return type(found).__name__ == "InterfaceClass"
