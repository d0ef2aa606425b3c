"""
Options that explain themselves: C{--help} teaches, and C{--version} says whose
version it is.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from getopt import GetoptError, gnu_getopt
from textwrap import wrap
from typing import Any, ClassVar

from twisted.python.usage import UsageError

from txrocketmq._options import NamedOptions

NARROWEST, WIDEST = 60, 100
"""
The columns a page is written for, whatever the terminal has.
"""

INDENT = "  "


class TeachingOptions(NamedOptions):
    """
    Options with a page of their own: what the command does, examples, every
    option under the heading of the class that declares it, and notes.

    @cvar summary: What the command does.

    @cvar examples: Command lines, and what each is for.

    @cvar notes: Headings and paragraphs that end the page.

    @cvar synopsis: How the command is called, after the program's name.
    """

    summary: ClassVar[str] = ""
    examples: ClassVar[Sequence[tuple[str, str]]] = ()
    notes: ClassVar[Sequence[tuple[str, str]]] = ()
    synopsis: ClassVar[str] = "COMMAND [options]"

    def opt_help(self) -> None:
        """
        Show this page.
        """
        self.show(str(self))

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """
        Read the command line; a command's options may also come after its other
        arguments.

        @raise UsageError: When something is wrong with it.
        """
        arguments = sys.argv[1:] if options is None else list(options)
        if not getattr(self, "subCommands", ()):
            arguments = self._optionsFirst(arguments)
        super().parseOptions(arguments)  # type: ignore[no-untyped-call]

    def _optionsFirst(self, arguments: list[str]) -> list[str]:
        """
        The same command line, in the order Twisted reads it.
        """
        try:
            given, others = gnu_getopt(arguments, self.shortOpt, self.longOpt)
        except GetoptError as wrong:
            raise UsageError(str(wrong)) from None
        ordered: list[str] = []
        for name, value in given:
            ordered += [name, value] if self._takesValue(name) else [name]
        return [*ordered, "--", *others]

    def _takesValue(self, name: str) -> bool:
        """
        Whether an option, written as it is given, has a value.
        """
        if name.startswith("--"):
            return f"{name[2:]}=" in self.longOpt
        return f"{name[1]}:" in self.shortOpt

    def getSynopsis(self) -> str:
        """
        How the command is called, whatever the program was started as.
        """
        return f"Usage: txrocketmq {self.synopsis}"

    def __str__(self) -> str:
        width = min(max(shutil.get_terminal_size().columns, NARROWEST), WIDEST)
        return "\n".join(self.page(width))

    def page(self, width: int) -> Iterator[str]:
        """
        The lines of the page.
        """
        yield self.getSynopsis()
        yield ""
        yield from wrap(self.summary, width)
        yield from self._commandLines(width)
        yield from self._exampleLines()
        for heading, rows in self._sections():
            yield from ("", f"{heading}:", *_columns(rows, width))
        for heading, text in self.notes:
            yield from ("", f"{heading}:", *_indented(text, width))

    def _commandLines(self, width: int) -> Iterator[str]:
        """
        The commands there are.
        """
        commands = getattr(self, "subCommands", ())
        if commands:
            rows = [(name, about) for name, _, _, about in commands]
            yield from ("", "Commands:", *_columns(rows, width))

    def _exampleLines(self) -> Iterator[str]:
        """
        The examples, never wrapped: they are there to be copied.
        """
        if self.examples:
            yield from ("", "Examples:")
        for command, purpose in self.examples:
            yield f"{INDENT}# {purpose}"
            yield f"{INDENT}{command}"

    def _sections(self) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """
        Headings with their options, those of the command itself first.
        """
        sections: dict[str, list[tuple[str, str]]] = {}
        for cls in type(self).__mro__:
            heading = getattr(cls, "heading", None)
            if heading is not None:
                sections.setdefault(heading, []).extend(_rows(cls))
        return ((heading, rows) for heading, rows in sections.items() if rows)


def _rows(cls: type) -> Iterator[tuple[str, str]]:
    """
    The options a class itself declares, and what they mean.
    """
    for name, short, default, about in (row[:4] for row in _own(cls, "optParameters")):
        shown = f" [{default}]" if default is not None else ""
        yield f"{_short(short)}--{name} {_value(name)}", f"{about}{shown}"
    for attribute, method in vars(cls).items():
        if attribute.startswith("opt_"):
            name = attribute.removeprefix("opt_")
            value = "" if name in ("help", "version") else f" {_value(name)}"
            yield f"--{name}{value}", " ".join((method.__doc__ or "").split())
    for name, short, about in _own(cls, "optFlags"):
        yield f"{_short(short)}--{name}", about


def _own(cls: type, name: str) -> Sequence[Any]:
    """
    A declaration of a class, without its parents'.
    """
    declared: Sequence[Any] = vars(cls).get(name, ())
    return declared


def _short(short: str | None) -> str:
    """
    An option's short form, where it has one.
    """
    return f"-{short}, " if short else ""


def _value(name: str) -> str:
    """
    What stands for an option's value.
    """
    return VALUES.get(name, "N")


VALUES = {
    "credentials": "FILE",
    "group": "NAME",
    "key": "KEY",
    "mode": "MODE",
    "name-server": "ADDRESS",
    "namespace": "NAME",
    "property": "NAME=VALUE",
    "serialize": "FORM",
    "tag": "TAG",
    "timeout": "SECONDS",
    "tls-ca": "FILE",
    "tls-cert": "FILE",
    "topic": "TOPIC",
}
"""
What the values of options are, where they are not numbers.
"""


def _columns(rows: Sequence[tuple[str, str]], width: int) -> Iterator[str]:
    """
    Two columns, the second one wrapped.
    """
    first = max(len(name) for name, _ in rows) + 2
    for name, about in rows:
        lines = wrap(about, width - first - len(INDENT)) or [""]
        yield f"{INDENT}{name:<{first}}{lines[0]}".rstrip()
        yield from (f"{INDENT}{'':<{first}}{line}" for line in lines[1:])


def _indented(text: str, width: int) -> Iterator[str]:
    """
    Paragraphs, wrapped; one that begins with a space stays as it is.
    """
    for paragraph in text.split("\n"):
        if paragraph.startswith(" "):
            yield f"{INDENT}{paragraph[1:]}"
        else:
            yield from (
                f"{INDENT}{line}" for line in wrap(paragraph, width - len(INDENT))
            )
