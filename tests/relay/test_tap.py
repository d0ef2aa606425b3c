"""
Tests for L{txrocketmq.relay.tap} and L{txrocketmq.relay.service}.
"""

from __future__ import annotations

import io
import os
import sys

from twisted.application.service import IService
from twisted.internet import reactor as theReactor
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import LogLevel, globalLogPublisher
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Site
from zope.interface.verify import verifyObject

from tests.support import TestCase
from txrocketmq import ClientSettings, ProducerSettings
from txrocketmq.interfaces import INameServers
from txrocketmq.relay.listening import CannotListen
from txrocketmq.relay.service import Relay, SandboxNameServers
from txrocketmq.relay.tap import DEFAULT_LISTEN, Options, makeService
from txrocketmq.sandbox import Sandbox

LISTEN = "tcp:8088:interface=127.0.0.1"


class OptionsTests(SynchronousTestCase):
    """
    The command line.
    """

    def setUp(self) -> None:
        """
        Clear the environment.
        """
        self.patch(os, "environ", {})

    def read(self, *arguments: str) -> Options:
        """
        Read a command line.
        """
        options = Options()
        options.parseOptions(list(arguments))
        return options

    def test_defaults(self) -> None:
        """
        A cluster is all it takes.
        """
        options = self.read("--name-server", "a:1")
        self.assertEqual(options.listen, [DEFAULT_LISTEN])
        self.assertEqual(options["name-server"], ["a:1"])
        self.assertEqual(options["group"], "txrocketmq-relay")
        self.assertEqual(options["settings"], ClientSettings())

    def test_environment(self) -> None:
        """
        The environment may name it.
        """
        os.environ["NAMESRV_ADDR"] = "b:2"
        self.assertEqual(self.read()["name-server"], ["b:2"])

    def test_listen(self) -> None:
        """
        It may listen in several places.
        """
        options = self.read("--sandbox", "--listen", LISTEN, "--listen", "unix:/s")
        self.assertEqual(options.listen, [LISTEN, "unix:/s"])

    def test_wrong(self) -> None:
        """
        What is wrong is said, and not buried under a page.
        """
        for arguments, word in (
            ([], "which cluster?"),
            (["--sandbox", "--listen", "tcp:1"], "other machines"),
            (["--sandbox", "--group", "a b"], "--group"),
            (["--sandbox", "--bogus"], "--bogus"),
            (["--sandbox", "x"], "Wrong number of arguments"),
        ):
            options = Options()
            error = self.assertRaises(UsageError, options.parseOptions, arguments)
            self.assertIn(word, str(error))
            self.assertNotIn("\n", str(error))
            self.assertNotIn("\n", options.getUsage())

    def test_page(self) -> None:
        """
        C{--help} explains every option.
        """
        output = io.StringIO()
        self.patch(sys, "stdout", output)
        self.assertRaises(SystemExit, Options().parseOptions, ["--help"])
        for option in Options().longOpt:
            self.assertRegex(output.getvalue(), rf"--{option} +\w")
        self.assertIn(DEFAULT_LISTEN, output.getvalue())


class MakeServiceTests(SynchronousTestCase):
    """
    The service for C{twistd}.
    """

    def test_service(self) -> None:
        """
        Both kinds of clusters make a service, which does nothing yet.
        """
        self.patch(theReactor, "seconds", theReactor.seconds)
        for arguments in (["--sandbox"], ["--name-server", "127.0.0.1:1"]):
            options = Options()
            options.parseOptions(arguments)
            self.assertTrue(verifyObject(IService, makeService(options)))


class RelayTests(TestCase):
    """
    Starting and stopping, with nobody at the other end.
    """

    def relay(self, *warnings: str) -> Relay:
        """
        A relay.
        """
        settings = ClientSettings(stopTimeout=1)
        return Relay(
            self.reactor,
            ["127.0.0.1:1"],
            settings,
            "g",
            ProducerSettings(),
            [LISTEN],
            warnings,
        )

    def test_startAndStop(self) -> None:
        """
        It listens once when it starts, and not before it may; when it has
        stopped, nothing of it is left, and the log says so.
        """
        events = EventLoggingObserver()
        globalLogPublisher.addObserver(events)
        self.addCleanup(globalLogPublisher.removeObserver, events)
        relay = self.relay("careful")
        self.assertEqual(self.reactor.tcpServers, [])
        relay.privilegedStartService()
        relay.startService()
        ((port, site, _, interface),) = self.reactor.tcpServers
        self.assertEqual((port, interface), (8088, "127.0.0.1"))
        self.assertIsInstance(site, Site)
        stopping = relay.stopService()
        self.reactor.pump([0.5] * 10)
        self.successResultOf(stopping)
        said = [
            (event["log_level"], event["log_format"])
            for event in events
            if event.get("log_namespace") == "txrocketmq.relay.service.Relay"
        ]
        self.assertEqual(said, [(LogLevel.warn, "{text}"), (LogLevel.info, "drained")])

    def test_stopAgain(self) -> None:
        """
        Stopping what never started is nothing.
        """
        relay = self.relay()
        stopping = relay.stopService()
        self.reactor.pump([0.5] * 5)
        self.successResultOf(stopping)

    def test_taken(self) -> None:
        """
        It does not start where it cannot listen.
        """
        relay = Relay(
            self.reactor,
            ["127.0.0.1:1"],
            ClientSettings(),
            "g",
            ProducerSettings(),
            ["unix"],
        )
        self.assertRaises(CannotListen, relay.startService)


class NameServersTests(TestCase):
    """
    A sandbox's name servers.
    """

    def test_addresses(self) -> None:
        """
        They are known when the sandbox is ready.
        """
        source = SandboxNameServers(Sandbox(self.reactor))
        self.assertTrue(verifyObject(INameServers, source))
        self.failureResultOf(source.addresses())
