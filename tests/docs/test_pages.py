"""
What the documentation tells people to type works.
"""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support import CHECKOUT

from .blocks import Block, Command, blocksOf, commandsOf
from .pem import writePEM
from .replay import PLACE, Different, Reader, environmentFor

DOCS = CHECKOUT / "docs"

PAGES = (
    "tutorial",
    "howto/index",
    "howto/sending",
    "howto/outcomes",
    "howto/security",
    "howto/nameservers",
    "howto/commandline",
    "howto/daemon",
    "howto/hooks",
    "howto/testing",
    "reference/settings",
)
"""
The pages with something to type, each of which has a test.
"""


ELSEWHERE = {"performance"}
"""
The pages whose commands take a quarter of an hour: C{tox -e bench-check} sees that
they work.
"""


class Case(SynchronousTestCase):
    """
    A test in an empty directory.
    """

    timeout = 300

    def setUp(self) -> None:
        """
        Make the directory.
        """
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir(parents=True)

    def reader(self, page: Path, scaffold: str = "") -> Reader:
        """
        Somebody who reads a page.
        """
        environment = environmentFor(self.directory)
        return Reader(page, self.directory, scaffold, environment)


class PageTests(Case):
    """
    Every page can be followed to the letter.
    """

    def follow(self, name: str) -> None:
        """
        Replay one page.
        """
        (scaffold,) = (
            block.text
            for block in blocksOf(DOCS / "howto" / "index.rst")
            if PLACE in block.text
        )
        writePEM(self.directory)
        self.reader(DOCS / f"{name}.rst", scaffold).replay()

    def test_readme(self) -> None:
        """
        The README.
        """
        self.reader(CHECKOUT / "README.md").replay()

    def test_tutorial(self) -> None:
        """
        The tutorial.
        """
        self.follow("tutorial")

    def test_howto(self) -> None:
        """
        The program that the pieces of the other pages go into.
        """
        self.follow("howto/index")

    def test_sending(self) -> None:
        """
        How to send.
        """
        self.follow("howto/sending")

    def test_outcomes(self) -> None:
        """
        What becomes of a send.
        """
        self.follow("howto/outcomes")

    def test_security(self) -> None:
        """
        TLS and signatures.
        """
        self.follow("howto/security")

    def test_nameservers(self) -> None:
        """
        Where the cluster is.
        """
        self.follow("howto/nameservers")

    def test_commandline(self) -> None:
        """
        The command line.
        """
        self.follow("howto/commandline")

    def test_daemon(self) -> None:
        """
        The daemon.
        """
        self.follow("howto/daemon")

    def test_hooks(self) -> None:
        """
        Hooks.
        """
        self.follow("howto/hooks")

    def test_testing(self) -> None:
        """
        Testing an application.
        """
        self.follow("howto/testing")

    def test_settings(self) -> None:
        """
        The settings.
        """
        self.follow("reference/settings")

    def test_allPages(self) -> None:
        """
        No page with something to type is left out.
        """
        typed = {"python", "console", "sh"}
        found = {
            str(page.relative_to(DOCS).with_suffix(""))
            for page in DOCS.rglob("*.rst")
            if any(block.language in typed for block in blocksOf(page))
        }
        self.assertEqual(found - ELSEWHERE, set(PAGES))


class ReadmeTests(Case):
    """
    The README begins with two commands that somebody can paste.
    """

    def test_firstTwo(self) -> None:
        """
        The first shows the main thing, the second runs the tests; each needs
        nothing but Python.
        """
        first, second, *_ = blocksOf(CHECKOUT / "README.md")
        for block, last in (first, "txrocketmq demo"), (second, "python -m tests"):
            self.assertEqual(block.text.count("\n"), 1)
            steps = block.text.strip().split(" && ")
            self.assertEqual(steps[0], "python3 -m venv .venv")
            self.assertIn("pip install", steps[1])
            self.assertEqual(steps[2:], [f".venv/bin/{last}"])

    def test_links(self) -> None:
        """
        What the README links to is there.
        """
        text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
        targets = [part.partition(")")[0] for part in text.split("](")[1:]]
        own = [target for target in targets if "://" not in target]
        self.assertTrue(own)
        self.assertEqual([t for t in own if not (CHECKOUT / t).exists()], [])


class ReplayTests(Case):
    """
    A page that is wrong is found out.
    """

    def page(self, text: str) -> Path:
        """
        Write a page.
        """
        page = self.directory / "page.rst"
        page.write_text(text, encoding="utf-8")
        return page

    def refused(self, text: str) -> str:
        """
        Replay a page that is wrong.

        @return: What is said of it.
        """
        scaffold = f"def main():\n{PLACE}    pass\nmain()\n"
        reader = self.reader(self.page(text), scaffold)
        return str(self.assertRaises(Different, reader.replay))

    def test_output(self) -> None:
        """
        A command must print what is shown.
        """
        text = ".. code-block:: console\n\n   $ echo one\n   two\n"
        self.assertIn("two", self.refused(text))

    def test_status(self) -> None:
        """
        A command without output shown must succeed.
        """
        self.assertIn("false", self.refused(".. code-block:: sh\n\n   false\n"))

    def test_program(self) -> None:
        """
        A program must succeed.
        """
        program = "from twisted.internet.task import react\n   1 / 0\n"
        text = f".. code-block:: python\n\n   {program}"
        self.assertIn("ZeroDivisionError", self.refused(text))

    def test_piece(self) -> None:
        """
        A piece of a program must work in its place.
        """
        text = ".. code-block:: python\n\n   1 / 0\n"
        self.assertIn("line 1", self.refused(text))


class BlockTests(Case):
    """
    Blocks are found as they are.
    """

    def test_directives(self) -> None:
        """
        A block has its text without the indentation, its caption and its line.
        """
        page = self.directory / "page.rst"
        page.write_text(
            "Title\n=====\n\n.. code-block:: python\n   :caption: a.py\n\n"
            "   if x:\n\n       y\n\nText\n"
        )
        self.assertEqual(
            blocksOf(page), [Block("python", "if x:\n\n    y\n", 4, "a.py")]
        )

    def test_fences(self) -> None:
        """
        So has one of Markdown, but for the caption.
        """
        page = self.directory / "page.md"
        page.write_text("Text\n\n```sh\nls\n```\n")
        self.assertEqual(blocksOf(page), [Block("sh", "ls\n", 3)])

    def test_commands(self) -> None:
        """
        A command goes on after a backslash, and its output follows it.
        """
        block = Block("console", "$ a \\\n    b\nc\n$ d\n", 1)
        self.assertEqual(commandsOf(block), [Command("a b", "c\n"), Command("d")])
        block = Block("sh", "a \\\n  b\n\nc\n", 1)
        self.assertEqual(commandsOf(block), [Command("a b"), Command("c")])
