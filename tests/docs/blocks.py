"""
The code blocks of the documentation and of the README.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import attrs

DIRECTIVE = re.compile(r"\.\. code-block:: (?P<language>\S+)\n")
OPTION = re.compile(r"\s+:(?P<name>\w+): (?P<value>.*)\n")
FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.M)

PROMPT = "$ "


@attrs.frozen
class Block:
    """
    One code block.

    @ivar file: The name it is to be saved under, if it has one.
    @ivar line: Where it begins in its page.
    """

    language: str
    text: str
    line: int
    file: str | None = None

    @property
    def isProgram(self) -> bool:
        """
        Whether this is a whole program, not a piece of one.
        """
        return self.language == "python" and "import react" in self.text


@attrs.frozen
class Command:
    """
    A command for a shell.

    @ivar output: What is shown below it, with C{...} for anything; L{None} where
        nothing is.
    """

    text: str
    output: str | None = None


def blocksOf(page: Path) -> list[Block]:
    """
    Find the code blocks of a page, in reStructuredText or in Markdown.
    """
    text = page.read_text(encoding="utf-8")
    found = _fenced(text) if page.suffix == ".md" else _directives(text)
    return list(found)


def _fenced(text: str) -> Iterator[Block]:
    """
    Find the fenced blocks of Markdown.
    """
    for match in FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        yield Block(match["language"], match["text"], line)


def _directives(text: str) -> Iterator[Block]:
    """
    Find the C{code-block} directives of reStructuredText.
    """
    lines = text.splitlines(keepends=True)
    for at, line in enumerate(lines):
        match = DIRECTIVE.fullmatch(line)
        if match:
            options, body = _content(lines[at + 1 :])
            yield Block(match["language"], body, at + 1, options.get("caption"))


def _content(lines: list[str]) -> tuple[dict[str, str], str]:
    """
    Cut a directive's options and its body off what follows it.
    """
    options: dict[str, str] = {}
    body: list[str] = []
    for line in lines:
        if line.strip() and not line.startswith(" "):
            break
        option = OPTION.fullmatch(line)
        if option and not any(map(str.strip, body)):
            options[option["name"]] = option["value"]
        else:
            body.append(line)
    return options, dedent("".join(body)).strip("\n") + "\n"


def commandsOf(block: Block) -> list[Command]:
    """
    Read a block of a shell: C{console}, with prompts and output, or C{sh}.
    """
    if block.language == "sh":
        return [Command(text) for text in _joined(block.text).splitlines() if text]
    commands = []
    for part in re.split(r"^\$ ", _joined(block.text), flags=re.M)[1:]:
        text, _, output = part.partition("\n")
        commands.append(Command(text, output or None))
    return commands


def _joined(text: str) -> str:
    """
    Put a command that goes on after a backslash into one line.
    """
    return re.sub(r" *\\\n\s*", " ", text)
