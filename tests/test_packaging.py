"""
Tests for what is shipped: the wheel, the source archive, the plugin, the floors.
"""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support import CHECKOUT
from txrocketmq._version import __version__

#: What the archives are made of; not .git, nor what the tools leave behind.
SOURCES = (
    ".ci",
    "CONTRIBUTING.md",
    "LICENSE",
    "MANIFEST.in",
    "NOTICE",
    "README.md",
    "SECURITY.md",
    "docs",
    "pyproject.toml",
    "setup.cfg",
    "tests",
    "tox.ini",
    "twisted",
    "txrocketmq",
)

#: Requirements of those who work on the project, whose floors nobody installs.
TOOLS = {"all", "bench", "dev", "docs", "test"}

REQUIREMENT = re.compile(r"(?P<name>[\w.]+)(?:\[\w+\])? >= (?P<floor>[\d.]+)(?:;.*)?")


def copySources(destination: Path) -> None:
    """
    Copy the checkout as a clone would have it.
    """
    ignore = shutil.ignore_patterns(
        "__pycache__", "dropin.cache", "_build", "*.egg-info"
    )
    destination.mkdir(parents=True)
    for name in SOURCES:
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(source, destination / name, ignore=ignore)
        elif source.exists():
            shutil.copy(source, destination / name)


def build(kind: str, directory: Path) -> Path:
    """
    Build an archive with the installed setuptools: without a network.

    @param kind: C{wheel} or C{sdist}.
    """
    code = (
        "import sys; from setuptools import build_meta;"
        f"print(build_meta.build_{kind}(sys.argv[1]))"
    )
    built = subprocess.run(
        [sys.executable, "-P", "-c", code, str(directory)],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode:
        raise AssertionError(built.stdout + built.stderr)
    return directory / built.stdout.splitlines()[-1]


def floors(requirements: str) -> Iterator[tuple[str, str]]:
    """
    Read the lowest version of each requirement.
    """
    for line in requirements.split("\n"):
        if line and not line.startswith("#"):
            match = REQUIREMENT.fullmatch(line)
            if match is None:
                raise AssertionError(f"{line} has no floor")
            yield match["name"], match["floor"]


@cache
def archives() -> tuple[frozenset[str], frozenset[str], str]:
    """
    Build both archives, the wheel from the source archive.

    @return: The names in the wheel, those in the source archive, and the metadata.
    """
    root = f"txrocketmq-{__version__}"
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name, "checkout")
        copySources(directory)
        with tarfile.open(build("sdist", directory)) as sdist:
            files = [member.name for member in sdist if member.isfile()]
            sdist.extractall(directory, filter="data")
        with zipfile.ZipFile(build("wheel", directory / root)) as wheel:
            return (
                frozenset(wheel.namelist()),
                frozenset(file.removeprefix(f"{root}/") for file in files),
                wheel.read(f"{root}.dist-info/METADATA").decode(),
            )


class ArchiveTests(SynchronousTestCase):
    """
    The archives hold what they should, and nothing that does harm.
    """

    def setUp(self) -> None:
        """
        Build both archives, once for all tests.
        """
        self.wheelNames, self.sdistNames, self.metadata = archives()

    def test_twistedIsLeftAlone(self) -> None:
        """
        The wheel has one file in Twisted's packages: an C{__init__.py} would
        overwrite Twisted's own, and break every program of the environment.
        """
        theirs = {name for name in self.wheelNames if name.startswith("twisted/")}
        self.assertEqual(theirs, {"twisted/plugins/txrocketmq_plugin.py"})

    def test_packages(self) -> None:
        """
        The wheel has all modules of the package, and no tests.
        """
        package = CHECKOUT / "txrocketmq"
        ours = {
            f"txrocketmq/{path.relative_to(package)}" for path in package.rglob("*.py")
        }
        modules = {name for name in self.wheelNames if name.endswith(".py")}
        self.assertEqual(modules - {"twisted/plugins/txrocketmq_plugin.py"}, ours)

    def test_otherFiles(self) -> None:
        """
        Both archives have what the package holds besides modules: the status page,
        and the marker of its types.
        """
        package = CHECKOUT / "txrocketmq"
        ours = {
            f"txrocketmq/{path.relative_to(package)}"
            for path in package.rglob("*")
            if path.is_file() and path.suffix not in (".py", ".pyc")
        }
        self.assertIn("txrocketmq/relay/page/page.html", ours)
        self.assertEqual(ours - self.wheelNames, set())
        self.assertEqual(ours - self.sdistNames, set())

    def test_metadata(self) -> None:
        """
        The wheel says its name, version, licence and what it needs.
        """
        for line in (
            "Name: txrocketmq",
            f"Version: {__version__}",
            "License-Expression: Apache-2.0",
            "License-File: LICENSE",
            "Requires-Python: >=3.11",
            "Provides-Extra: relay",
        ):
            self.assertIn(f"\n{line}\n", self.metadata)

    def test_command(self) -> None:
        """
        The wheel installs the command C{txrocketmq}.
        """
        self.assertIn(
            f"txrocketmq-{__version__}.dist-info/entry_points.txt", self.wheelNames
        )

    def test_testsCanRunFromSources(self) -> None:
        """
        The source archive has what the tests and the documentation need.
        """
        for name in (
            "tests/__main__.py",
            "tests/lowest.txt",
            "tox.ini",
            "docs/conf.py",
        ):
            self.assertIn(name, self.sdistNames)

    def test_nothingIsLeftOver(self) -> None:
        """
        Neither archive has caches in it.
        """
        names = self.wheelNames | self.sdistNames
        strays = [name for name in names if "__pycache__" in name or "dropin" in name]
        self.assertEqual(strays, [])


class PluginTests(SynchronousTestCase):
    """
    C{twist} and C{twistd} know the relay.
    """

    def check(self, *program: str) -> None:
        """
        Ask a program of Twisted's for help, and see what it imports for that.
        """
        asked = subprocess.run(
            [sys.executable, "-P", "-X", "importtime", *program, "--help"],
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertRegex(asked.stdout, r"\n +txrocketmq +Relay messages")
        self.assertIn("twisted.application", asked.stderr)
        self.assertNotIn("txrocketmq.relay", asked.stderr)

    def test_twist(self) -> None:
        """
        C{twist --help} lists the relay without importing it.
        """
        self.check("-m", "twisted")

    def test_twistd(self) -> None:
        """
        C{twistd --help} lists the relay without importing it.
        """
        self.check("-c", "from twisted.scripts import twistd; twistd.run()")


class RequirementTests(SynchronousTestCase):
    """
    What the package says that it needs is what it was tested on.
    """

    def setUp(self) -> None:
        """
        Read the configuration.
        """
        self.configuration = configparser.ConfigParser()
        self.configuration.read(CHECKOUT / "setup.cfg", encoding="utf-8")

    def test_floors(self) -> None:
        """
        The environment of lowest versions has exactly the declared floors.
        """
        declared = dict(floors(self.configuration["options"]["install_requires"]))
        for extra, requirements in self.configuration["options.extras_require"].items():
            if extra not in TOOLS:
                declared.update(floors(requirements))
        lines = (CHECKOUT / "tests" / "lowest.txt").read_text().splitlines()
        pins = (line.split("==") for line in lines if line and line[0] != "#")
        self.assertEqual(dict(pins), declared)

    def test_readme(self) -> None:
        """
        README.md says how to run the tests as they are run before each change.
        """
        readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
        for command in ("pip install '.[test]'", "python -m tests"):
            self.assertIn(command, readme)
            self.assertIn(command, (CHECKOUT / ".ci" / "run").read_text())

    def test_version(self) -> None:
        """
        The installed package has the version of its source.
        """
        self.assertEqual(version("txrocketmq"), __version__)
