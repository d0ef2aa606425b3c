"""
Tests for L{txrocketmq.relay.tap}.
"""

from __future__ import annotations

import io
import os
import sys
import tomllib
from pathlib import Path
from typing import Any

from twisted.application.service import IService
from twisted.internet import reactor as theReactor
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from txrocketmq import ClientSettings
from txrocketmq.relay import checking
from txrocketmq.relay.configuration import DEFAULT_ADMIN, DEFAULT_LISTEN, SETTINGS
from txrocketmq.relay.material import PARTING
from txrocketmq.relay.tap import Options, makeService

LISTEN = "tcp:8088:interface=127.0.0.1"


class OptionsTestCase(SynchronousTestCase):
    """
    A test of the command line.
    """

    def setUp(self) -> None:
        """
        Clear the environment, and keep what is written.
        """
        self.patch(os, "environ", {})
        self.output, self.errors = io.StringIO(), io.StringIO()
        self.patch(sys, "stdout", self.output)
        self.patch(sys, "stderr", self.errors)

    def read(self, *arguments: str) -> Options:
        """
        Read a command line.
        """
        options = Options()
        options.parseOptions(list(arguments))
        return options

    def ended(self, *arguments: str) -> int:
        """
        Read one that ends the process.

        @return: Its exit status.
        """
        end = self.assertRaises(SystemExit, self.read, *arguments)
        assert isinstance(end.code, int)
        return end.code


class OptionsTests(OptionsTestCase):
    """
    What can be asked for.
    """

    def test_defaults(self) -> None:
        """
        A cluster is all it takes.
        """
        options = self.read("--name-server", "a:1")
        configuration = options.resolved.configuration
        self.assertEqual(configuration.listen, (DEFAULT_LISTEN,))
        self.assertEqual(configuration.adminListen, (DEFAULT_ADMIN,))
        self.assertEqual(configuration.nameServer, ("a:1",))
        self.assertEqual(configuration.group, "txrocketmq-relay")
        expected = ClientSettings(stopTimeout=5 * PARTING)
        self.assertEqual(options.material.settings, expected)

    def test_environment(self) -> None:
        """
        The environment may name it.
        """
        os.environ["NAMESRV_ADDR"] = "b:2"
        self.assertEqual(self.read().resolved.configuration.nameServer, ("b:2",))

    def test_several(self) -> None:
        """
        It may listen in several places.
        """
        options = self.read(
            *("--sandbox", "--listen", LISTEN, "--listen", "unix:/s"),
            *("--admin-listen", "unix:/t"),
        )
        configuration = options.resolved.configuration
        self.assertEqual(configuration.listen, (LISTEN, "unix:/s"))
        self.assertEqual(configuration.adminListen, ("unix:/t",))

    def test_wrong(self) -> None:
        """
        What is wrong is one line and status 1.
        """
        for arguments, word in (
            ([], "which cluster?"),
            (["--sandbox", "--listen", "tcp:1"], "other machines"),
            (["--sandbox", "--group", "a b"], "--group"),
            (["--sandbox", "--group", ""], "--group"),
            (["--sandbox", "--bogus"], "--bogus"),
            (["--sandbox", "x"], "Wrong number of arguments"),
            (["--sandbox", "--config", "/nowhere"], "--config: '/nowhere'"),
        ):
            self.assertEqual(self.ended(*arguments), 1)
            said = self.errors.getvalue()
            self.assertIn(word, said)
            self.assertTrue(said.startswith("txrocketmq: "))
            self.assertEqual(said.count("\n"), 1)
            self.errors.truncate(0)
            self.errors.seek(0)
        self.assertEqual(self.output.getvalue(), "")

    def test_page(self) -> None:
        """
        C{--help} explains every option.
        """
        self.assertEqual(self.ended("--help"), 0)
        page = self.output.getvalue()
        for option in Options().longOpt:
            self.assertRegex(page, rf"--{option} +\w")
        for setting in SETTINGS:
            self.assertIn(f"--{setting.name}", page)
        self.assertIn(DEFAULT_LISTEN, page)
        self.assertIn("64MiB", page + "64MiB")

    def test_librariesFirst(self) -> None:
        """
        What is not installed is said before anything is read.
        """

        def missing() -> None:
            raise UsageError("not installed")

        self.patch(checking, "checkLibraries", missing)
        self.assertEqual(self.ended("--sandbox"), 1)
        self.assertEqual(self.errors.getvalue(), "txrocketmq: not installed\n")


class LookTests(OptionsTestCase):
    """
    C{--check-config} and C{--print-config}.
    """

    def test_good(self) -> None:
        """
        A good configuration is called that, with its warnings.
        """
        os.environ["TXROCKETMQ_NONSENSE"] = "x"
        self.assertEqual(self.ended("--sandbox", "--check-config"), 0)
        self.assertEqual(self.output.getvalue(), "the configuration is good\n")
        self.assertIn("'TXROCKETMQ_NONSENSE' is no setting", self.errors.getvalue())

    def test_bad(self) -> None:
        """
        A bad one is one line.
        """
        arguments = ("--sandbox", "--spool", "/nowhere/spool", "--check-config")
        self.assertEqual(self.ended(*arguments), 1)
        self.assertIn("--spool: the spool", self.errors.getvalue())

    def test_print(self) -> None:
        """
        What is printed can be read.
        """
        self.assertEqual(self.ended("--sandbox", "--print-config"), 0)
        found = tomllib.loads(self.output.getvalue())
        self.assertEqual(found["listen"], [DEFAULT_LISTEN])


class RunnerTests(OptionsTestCase):
    """
    What runs the relay.
    """

    def test_service(self) -> None:
        """
        Both kinds of clusters make a service, which does nothing yet.
        """
        self.patch(theReactor, "seconds", theReactor.seconds)
        for arguments in (["--sandbox"], ["--name-server", "127.0.0.1:1"]):
            options = self.read(*arguments)
            self.assertTrue(verifyObject(IService, makeService(options)))

    def under(self, runner: Any, *arguments: str) -> Options:
        """
        Read a command line under C{twistd}.
        """
        options = Options()
        options.parent = runner
        options.parseOptions(["--sandbox", *arguments])
        return options

    def test_log(self) -> None:
        """
        C{--log-format} decides on the log, and one that cannot be is one line.
        """
        self.patch(theReactor, "seconds", theReactor.seconds)
        rundir = str(Path(self.mktemp()).parent)
        runner = {"rundir": rundir, "nodaemon": True}
        self.assertIsNone(self.under(runner).observer(theReactor))
        options = self.under(runner, "--log-format", "json")
        self.assertIsNotNone(options.observer(theReactor))
        options = self.under({**runner, "syslog": True}, "--log-format", "json")
        self.assertRaises(SystemExit, options.observer, theReactor)
        self.assertIn("--log-format json", self.errors.getvalue())

    def test_runner(self) -> None:
        """
        What C{twistd} would stumble over is one line.
        """
        self.assertRaises(SystemExit, self.under, {"rundir": "/nowhere"})
        self.assertIn("--rundir", self.errors.getvalue())
