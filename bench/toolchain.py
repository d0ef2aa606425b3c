"""
What the rows run, made once and kept outside the checkout.

It is made and kept as what the tests on real brokers run, and beside that: see
L{tests.broker.jars}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.broker import jars

PROGRAMS = Path(__file__).resolve().parent / "programs"


class Missing(Exception):
    """
    A row cannot be run here; the text says why.
    """


@contextmanager
def named() -> Iterator[None]:
    """
    What is not installed, or failed, is missing.
    """
    try:
        yield
    except jars.MissingTool as e:
        raise Missing(f"{e.name} is not on the path") from e
    except jars.ToolFailed as e:
        lines = [line for line in str(e).splitlines() if line.strip()]
        raise Missing(f"could not be made: {' / '.join(lines[-3:])[-300:]}") from e


def tool(name: str) -> str:
    """
    Look for a program on the path.

    @raise Missing: It is not there.
    """
    with named():
        return jars.findTool(name)


def made(name: str, sources: Iterable[str], make: Callable[[Path], None]) -> Path:
    """
    Give a directory of the cache, made first if it is not there.

    @param name: What it is called, before its digest.

    @param sources: The files under C{programs/} it is made from.

    @param make: Fills the empty directory it is given.

    @raise Missing: A tool is not there, or failed.
    """
    with named():
        inputs = [PROGRAMS / source for source in sources]
        return jars.cached(f"bench-{name}", inputs, make)


def serverJars() -> Path:
    """
    The jars of the Java client, the broker and the proxy.

    @raise Missing: They could not be had.
    """
    with named():
        return jars.serverJars(jars.V5, proxy=True)


def compiledC(source: str, *options: str, name: str = "", libraries: str = "") -> Path:
    """
    A C program, compiled.

    @param name: What it is called, if not as its source.

    @param libraries: What it is linked with.

    @raise Missing: There is no C compiler, or a library has no headers.
    """
    called = name or source

    def make(directory: Path) -> None:
        jars.run(
            *(tool("gcc"), "-O2", "-pthread", *options),
            *("-o", str(directory / called), str(PROGRAMS / f"{source}.c")),
            *libraries.split(),
        )

    return made(called, [f"{source}.c"], make) / called
