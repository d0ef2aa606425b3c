"""
Tests for L{txrocketmq._cli.options}, L{txrocketmq._cli.teaching} and
L{txrocketmq._options}.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from twisted.python.usage import Options, UsageError
from twisted.trial.unittest import SynchronousTestCase

from txrocketmq import Message
from txrocketmq._cli.options import (
    DemoOptions,
    ProgramOptions,
    RouteOptions,
    SandboxOptions,
    SendOptions,
)
from txrocketmq._options import MAX_CREDENTIALS, seconds, wholeNumber
from txrocketmq._version import __version__
from txrocketmq._wire.codes import SerializeType

ADDRESS = ("-n", "127.0.0.1:9876")


class OptionsTestCase(SynchronousTestCase):
    """
    A test without the environment's name server.
    """

    def setUp(self) -> None:
        """
        Clear the environment.
        """
        self.patch(os, "environ", {})

    def read(self, options: Any, *arguments: str) -> Any:
        """
        Read a command line.
        """
        options.parseOptions(list(arguments))
        return options

    def wrong(self, options: Options, *arguments: str) -> str:
        """
        What is wrong with a command line.
        """
        error = self.assertRaises(UsageError, self.read, options, *arguments)
        self.assertNotIn("\n", str(error))
        return str(error)

    def send(self, *arguments: str) -> Any:
        """
        Read one of C{send}, with all it needs.
        """
        return self.read(SendOptions(), *ADDRESS, "-t", "T", *arguments)

    def wrongSend(self, *arguments: str) -> str:
        """
        What is wrong with one of C{send}.
        """
        return self.wrong(SendOptions(), *ADDRESS, "-t", "T", *arguments)

    def file(self, text: str, mode: int = 0o600) -> str:
        """
        A file that holds this.
        """
        path = Path(self.mktemp())
        path.write_text(text)
        path.chmod(mode)
        return str(path)


class ClusterTests(OptionsTestCase):
    """
    Which cluster.
    """

    def test_given(self) -> None:
        """
        Several name servers may be given.
        """
        options = self.read(SendOptions(), "-t", "T", "-n", "a:1;b:2")
        self.assertEqual(options["name-server"], ["a:1", "b:2"])
        self.assertFalse(options.embedded)

    def test_environment(self) -> None:
        """
        Without, the environment says; what is given goes before it.
        """
        os.environ["NAMESRV_ADDR"] = "c:3"
        options = self.read(SendOptions(), "-t", "T")
        self.assertEqual(options["name-server"], ["c:3"])
        self.assertEqual(self.send()["name-server"], ["127.0.0.1:9876"])

    def test_environmentIsNamed(self) -> None:
        """
        What is wrong there is looked for there.
        """
        os.environ["NAMESRV_ADDR"] = "nonsense"
        self.assertIn("NAMESRV_ADDR: 'nonsense'", self.wrong(SendOptions(), "-t", "T"))

    def test_none(self) -> None:
        """
        Somewhere it must be; a sandbox is offered where there can be one.
        """
        self.assertIn("--sandbox", self.wrong(SendOptions(), "-t", "T"))
        self.assertNotIn("--sandbox", self.wrong(RouteOptions(), "T"))

    def test_badAddress(self) -> None:
        """
        An address must be one.
        """
        for address in ("host", "host:0", "host:70000", "", "a b:1"):
            text = self.wrong(SendOptions(), "-t", "T", "-n", address)
            self.assertTrue(text.startswith("--name-server: "), text)

    def test_sandbox(self) -> None:
        """
        A sandbox needs no address, whatever the environment says, and takes none.
        """
        os.environ["NAMESRV_ADDR"] = "c:3"
        options = self.read(SendOptions(), "-t", "T", "--sandbox")
        self.assertTrue(options.embedded)
        for more in (ADDRESS, ("--tls-ca", "x"), ("--tls-cert", "x")):
            text = self.wrong(SendOptions(), "-t", "T", "--sandbox", *more)
            self.assertIn("--sandbox is a cluster of its own", text)

    def test_settings(self) -> None:
        """
        What is said of the connection is what the client is told.
        """
        options = self.send("--namespace", "N", "--serialize", "ROCKETMQ")
        settings = options["settings"]
        self.assertEqual(settings.namespace, "N")
        self.assertIs(settings.serializeType, SerializeType.ROCKETMQ)
        self.assertIsNone(settings.tls)
        self.assertIsNone(settings.credentials)

    def test_timeout(self) -> None:
        """
        No step takes longer than a message may; the default is ten seconds.
        """
        for arguments, whole, step in (((), 10.0, 3.0), (("--timeout", "1"), 1.0, 0.5)):
            options = self.send(*arguments)
            self.assertEqual(options["settings"].connectTimeout, step)
            self.assertEqual(options["settings"].requestTimeout, step)
            producer = options.producerSettings()
            self.assertEqual(producer.sendTimeout, whole)
            self.assertEqual(producer.attemptTimeout, min(3.0, whole))

    def test_badValues(self) -> None:
        """
        What cannot be names the option.
        """
        for arguments, word in (
            (("--timeout", "0"), "--timeout: '0'"),
            (("--timeout", "nan"), "--timeout: 'nan'"),
            (("--timeout", "x"), "--timeout: 'x'"),
            (("--serialize", "xml"), "--serialize: 'xml'"),
            (("--namespace", " "), "namespace"),
        ):
            self.assertIn(word, self.wrongSend(*arguments))


class CredentialsTests(OptionsTestCase):
    """
    The credentials file.
    """

    GOOD = 'accessKey = "ak"\nsecretKey = "s3cret"\n'

    def test_read(self) -> None:
        """
        It holds two keys, and maybe a token.
        """
        options = self.send("--credentials", self.file(self.GOOD))
        credentials = options["settings"].credentials
        self.assertEqual(
            (credentials.accessKey, credentials.secretKey, credentials.securityToken),
            ("ak", "s3cret", None),
        )
        self.assertEqual(options.warnings, [])
        name = self.file(self.GOOD + 'securityToken = "tok"')
        credentials = self.send("--credentials", name)["settings"].credentials
        self.assertEqual(credentials.securityToken, "tok")

    def test_open(self) -> None:
        """
        It is warned of when others may read it.
        """
        options = self.send("--credentials", self.file(self.GOOD, 0o644))
        (warning,) = options.warnings
        self.assertIn("mode 0644", warning)

    def test_bad(self) -> None:
        """
        What is wrong with it is said; what it holds is not.
        """
        for text, word in (
            ("", "has no accessKey and no secretKey"),
            ('accessKey = "s3cret"', "has no secretKey"),
            (self.GOOD + 'other = "s3cret"', "may hold accessKey"),
            ('accessKey = "s3cret"\nsecretKey = 5', "secretKey in"),
            ('accessKey = " "\nsecretKey = "s3cret"', "accessKey in"),
            ("s3cret", "is not TOML"),
            ("#" * (MAX_CREDENTIALS + 1), "is not TOML"),
        ):
            name = self.file(text)
            said = self.wrongSend("--credentials", name)
            self.assertIn(word, said)
            self.assertIn(name, said)
            self.assertNotIn("s3cret", said)

    def test_notText(self) -> None:
        """
        It is text.
        """
        name = self.file("")
        Path(name).write_bytes(b"\xff")
        self.assertIn("is not TOML", self.wrongSend("--credentials", name))

    def test_missing(self) -> None:
        """
        It is there.
        """
        said = self.wrongSend("--credentials", "missing")
        self.assertIn("--credentials: 'missing': No such file", said)
        self.assertIn("null", self.wrongSend("--credentials", "a\0b"))


class TLSTests(OptionsTestCase):
    """
    Certificates.
    """

    def test_missing(self) -> None:
        """
        The files are there.
        """
        for option in ("--tls-ca", "--tls-cert"):
            self.assertIn(
                f"{option}: 'missing': No such file", self.wrongSend(option, "missing")
            )

    def test_noCertificate(self) -> None:
        """
        They hold what they should.
        """
        for option in ("--tls-ca", "--tls-cert"):
            said = self.wrongSend(option, self.file("nonsense"))
            self.assertTrue(said.startswith(f"{option}: '"), said)


class SendTests(OptionsTestCase):
    """
    C{send}.
    """

    def test_defaults(self) -> None:
        """
        Standard input, one by one, by our own rules.
        """
        options = self.send()
        self.assertEqual(options.files, ("-",))
        self.assertEqual(
            [options[name] for name in ("mode", "batch", "in-flight", "rate")],
            ["default", 1, 256, None],
        )
        self.assertEqual(options.message(b"x"), Message("T", b"x"))

    def test_message(self) -> None:
        """
        What is said of the messages is in each of them.
        """
        options = self.send(
            "--tag", "t", "--key", "a", "--key", "b", "--property", "x=1=2"
        )
        self.assertEqual(
            options.message(b"x"),
            Message("T", b"x", tags="t", keys=["a", "b"], properties={"x": "1=2"}),
        )

    def test_anyOrder(self) -> None:
        """
        Options may come after files, in their short and their long form; what
        is after C{--} is a file.
        """
        options = self.read(
            SendOptions(),
            "f",
            "-tT",
            "g",
            "--json",
            "-v",
            "-n=h:1"[:2],
            "h:1",
            "--",
            "-x",
        )
        self.assertEqual(options.files, ("f", "g", "-x"))
        self.assertEqual((options["topic"], options["json"]), ("T", 1))

    def test_producer(self) -> None:
        """
        The producer has room for all that can be under way.
        """
        options = self.send("--in-flight", "1000", "--batch", "1000")
        self.assertEqual(options.producerSettings().maxInFlightMessages, 1_000_000)

    def test_wrong(self) -> None:
        """
        What cannot be is said, with the value.
        """
        for arguments, word in (
            (("--mode", "fast"), "--mode: 'fast'"),
            (("--batch", "0"), "--batch: '0'"),
            (("--batch", "99999999999999999999"), "--batch: '999"),
            (("--batch", "2", "--mode", "sync"), "--batch: a batch has no sync mode"),
            (("--in-flight", "x"), "--in-flight: 'x'"),
            (("--rate", "-1"), "--rate: '-1'"),
            (("--group", "a b"), "--group: producer group 'a b'"),
            (("--property", "novalue"), "--property: 'novalue'"),
            (("--property", "=x"), "--property: '=x'"),
            (("--property", "a=1", "--property", "a=2"), "'a' is given twice"),
            (("--property", "a=\x01"), "property a"),
            (("--property", "KEYS=x"), "RocketMQ's own"),
            (("--tag", " "), "tags is blank"),
            (("--key", "a b"), "white space"),
            (("-", "-"), "once only"),
            (("--bogus",), "--bogus not recognized"),
        ):
            self.assertIn(word, self.wrongSend(*arguments))

    def test_topic(self) -> None:
        """
        There is a topic, and messages may be sent to it.
        """
        self.assertIn("which topic?", self.wrong(SendOptions(), *ADDRESS))
        for topic, word in (
            ("a b", "illegal characters"),
            ("", "empty"),
            ("x" * 128, "128 characters"),
            ("SCHEDULE_TOPIC_XXXX", "broker's own"),
        ):
            said = self.wrong(SendOptions(), *ADDRESS, "-t", topic)
            self.assertIn(word, said)


class OtherTests(OptionsTestCase):
    """
    The other commands.
    """

    def test_route(self) -> None:
        """
        One topic is looked up.
        """
        self.assertEqual(self.read(RouteOptions(), "T", *ADDRESS).topic, "T")
        self.assertIn("which topic?", self.wrong(RouteOptions(), *ADDRESS))
        self.assertIn("which topic?", self.wrong(RouteOptions(), *ADDRESS, "a", "b"))
        self.assertIn("illegal", self.wrong(RouteOptions(), *ADDRESS, "a b"))

    def test_sandbox(self) -> None:
        """
        A port, and a number of brokers.
        """
        options = self.read(SandboxOptions())
        self.assertEqual((options["port"], options["brokers"]), (9876, 1))
        options = self.read(SandboxOptions(), "-p", "0", "-b", "2")
        self.assertEqual((options["port"], options["brokers"]), (0, 2))
        said = self.wrong(SandboxOptions(), "-p", "65536")
        self.assertIn("--port: '65536' is not a whole number from 0 to 65535", said)
        self.assertIn("--brokers: '0'", self.wrong(SandboxOptions(), "-b", "0"))

    def test_demo(self) -> None:
        """
        It needs nothing, and takes nothing.
        """
        self.assertEqual(self.read(DemoOptions(), "-v")["verbose"], 1)
        self.assertIn("Wrong number", self.wrong(DemoOptions(), "x"))

    def test_program(self) -> None:
        """
        A command is needed, one of those there are.
        """
        program = self.read(ProgramOptions(), "sandbox", "--port", "0")
        self.assertEqual(program.subCommand, "sandbox")
        self.assertEqual(program.subOptions["port"], 0)
        said = self.wrong(ProgramOptions())
        self.assertIn("demo, send, route or sandbox", said)
        self.assertIn("frob", self.wrong(ProgramOptions(), "frob"))

    def test_numbers(self) -> None:
        """
        Numbers are written in plain digits.
        """
        number = wholeNumber(1)
        self.assertEqual(number("12"), 12)
        for text in ("", "-1", "1.5", " 1", "1_0", "٣", "0", str(2**31)):
            self.assertRaises(UsageError, number, text)
        self.assertEqual(seconds("0.5"), 0.5)
        self.assertRaises(UsageError, seconds, "inf")


class PageTests(OptionsTestCase):
    """
    C{--help}, which teaches.
    """

    def shown(self, *arguments: str) -> str:
        """
        What a command line shows.
        """
        output = io.StringIO()
        self.patch(sys, "stdout", output)
        left = self.assertRaises(SystemExit, self.read, ProgramOptions(), *arguments)
        self.assertEqual(left.code, 0)
        return output.getvalue()

    def test_everyOptionIsExplained(self) -> None:
        """
        Each option of each command has a line with an explanation.
        """
        for name, _, options, _ in ProgramOptions.subCommands:
            page = self.shown(name, "--help")
            self.assertTrue(page.startswith(f"Usage: txrocketmq {name}"), page)
            for option in options().longOpt:
                self.assertRegex(page, rf"--{option.rstrip('=')}\b.* +\w")

    def test_valuesAreNamed(self) -> None:
        """
        An option with a value says what it is; the default is there too.
        """
        page = self.shown("send", "--help")
        for text in (
            "--property NAME=VALUE",
            "--key KEY",
            "-t, --topic TOPIC",
            "[256]",
        ):
            self.assertIn(text, page)

    def test_width(self) -> None:
        """
        Nothing but what is to be copied is wider than the terminal, within reason.
        """
        for columns, most in ((20, 60), (80, 80), (300, 100)):
            size = os.terminal_size((columns, 24))
            self.patch(shutil, "get_terminal_size", lambda size=size: size)
            for name, *_ in ProgramOptions.subCommands:
                for line in self.shown(name, "--help").splitlines():
                    isExample = line.startswith("  ") and "txrocketmq" in line
                    isJSON = "{" in line or '"' in line
                    if not (isExample or isJSON or line.startswith("Usage")):
                        self.assertLessEqual(len(line), most, line)

    def test_commands(self) -> None:
        """
        The program's own page names the commands.
        """
        page = self.shown("--help")
        for name, _, _, about in ProgramOptions.subCommands:
            self.assertRegex(page, rf"  {name} +{about}")

    def test_version(self) -> None:
        """
        C{--version} says which one it is, of the program and of commands.
        """
        for arguments in (("--version",), ("send", "--version")):
            self.assertEqual(self.shown(*arguments), f"txrocketmq {__version__}\n")
