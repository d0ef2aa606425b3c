"""
Tests for L{txrocketmq.relay.configuration}, L{txrocketmq.relay.sources} and
L{txrocketmq.relay.kinds}.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis.strategies import integers
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from txrocketmq.relay import kinds
from txrocketmq.relay.configuration import SETTINGS, Configuration, Resolved
from txrocketmq.relay.sources import MAX_FILE
from txrocketmq.relay.sources import resolve as resolveIn

LISTEN = "tcp:1:interface=127.0.0.1"


def resolve(options: Mapping[str, Any], environ: Mapping[str, str]) -> Resolved:
    """
    Put settings together, in some directory.
    """
    return resolveIn(options, environ, "/where/we/are")


class ResolveTests(SynchronousTestCase):
    """
    Three sources of settings.
    """

    def file(self, text: str | bytes) -> str:
        """
        Write a configuration file.
        """
        path = Path(self.mktemp()).absolute()
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return str(path)

    def refused(self, options: dict[str, Any], environ: dict[str, str]) -> str:
        """
        What is said of something wrong: one line.
        """
        wrong = str(self.assertRaises(UsageError, resolve, options, environ))
        self.assertNotIn("\n", wrong)
        return wrong

    def test_nothing(self) -> None:
        """
        Everything has a default.
        """
        resolved = resolve({}, {})
        self.assertEqual(resolved, Resolved(Configuration(), {}, "/where/we/are"))
        self.assertEqual(resolved.origin("group"), "--group")

    def test_precedence(self) -> None:
        """
        The command line is over the environment, which is over the file; each
        setting by itself, and it is known where it came from.
        """
        file = self.file('group = "file"\nnamespace = "file"\nspool-limit = "2KiB"')
        environ = {
            "TXROCKETMQ_CONFIG": file,
            "TXROCKETMQ_GROUP": "environment",
            "TXROCKETMQ_NAMESPACE": "environment",
        }
        resolved = resolve({"group": "line"}, environ)
        configuration = resolved.configuration
        self.assertEqual(configuration.group, "line")
        self.assertEqual(configuration.namespace, "environment")
        self.assertEqual(configuration.spoolLimit, 2048)
        self.assertEqual(
            resolved.origins,
            {
                "group": "--group",
                "namespace": "TXROCKETMQ_NAMESPACE",
                "spool-limit": f"{file}: spool-limit",
            },
        )

    def test_everySource(self) -> None:
        """
        Every setting can come from every source, and is the same then.
        """
        samples: dict[str, tuple[str, str, Any]] = {
            "name-server": ("a:1;b:2", '["a:1", "b:2"]', ("a:1", "b:2")),
            "sandbox": ("yes", "true", True),
            "listen": (f"{LISTEN} unix:/s", f'["{LISTEN}", "unix:/s"]', None),
            "admin-listen": ("unix:/t", '"unix:/t"', ("unix:/t",)),
            "spool-limit": ("2000", "2000", 2000),
            "max-body": ("1 MiB", '"1 MiB"', 1 << 20),
            "drain-timeout": ("2.5", "2.5", 2.5),
            "log-format": ("json", '"json"', "json"),
        }
        for setting in SETTINGS:
            default = "/x" if setting.kind in (kinds.FILE, kinds.DIRECTORY) else "x"
            sample = (default, f'"{default}"', default)
            text, toml, value = samples.get(setting.name, sample)
            if value is None:
                value = tuple(text.split())
            option: Any = list(value) if setting.kind.several else text
            file = self.file(f"{setting.name} = {toml}")
            for resolved in (
                resolve({setting.name: option}, {}),
                resolve({}, {setting.variable: text}),
                resolve({"config": file}, {}),
            ):
                found = getattr(resolved.configuration, setting.attribute)
                self.assertEqual(found, value, setting.name)

    def test_paths(self) -> None:
        """
        A path is that of where the program was started, whatever is done later.
        """
        for path, expected in (("here", "/where/we/are/here"), ("/there", "/there")):
            found = resolve({"spool": path}, {}).configuration.spool
            self.assertEqual(found, expected)
        directory = str(Path(self.file('group = "g"')).parent)
        self.addCleanup(Path(directory, "here.toml").unlink)
        Path(directory, "here.toml").write_text('group = "here"')
        resolved = resolveIn({"config": "here.toml"}, {}, directory)
        self.assertEqual(resolved.configuration.group, "here")

    def test_empty(self) -> None:
        """
        An empty variable is none; an empty option is wrong.
        """
        self.assertEqual(resolve({}, {"TXROCKETMQ_GROUP": " "}), resolve({}, {}))
        self.assertIn("--namespace", self.refused({"namespace": ""}, {}))

    def test_cluster(self) -> None:
        """
        The cluster is named or embedded, as the highest source says that speaks of
        it; RocketMQ's own variable is below ours.
        """
        servers = self.file('name-server = "file:1"')
        embedded = self.file("sandbox = true")
        ours = {"TXROCKETMQ_NAME_SERVER": "ours:1", "NAMESRV_ADDR": "theirs:1"}
        theirs = {"NAMESRV_ADDR": "theirs:1"}
        cases: Any = (
            ({}, ours, ("ours:1",)),
            ({}, theirs, ("theirs:1",)),
            ({"name-server": "line:1"}, ours, ("line:1",)),
            ({"sandbox": True}, ours, None),
            ({"config": servers, "sandbox": True}, {}, None),
            ({"config": servers}, theirs, ("theirs:1",)),
            ({"config": servers}, {"TXROCKETMQ_SANDBOX": "0"}, ("file:1",)),
            ({"config": embedded}, theirs, ("theirs:1",)),
            ({"config": embedded, "name-server": "line:1"}, {}, ("line:1",)),
            ({}, {"TXROCKETMQ_SANDBOX": "1", **theirs}, None),
        )
        for options, environ, expected in cases:
            configuration = resolve(options, environ).configuration
            self.assertEqual(configuration.nameServer, expected)
            self.assertIs(configuration.sandbox, expected is None)

    def test_twoClusters(self) -> None:
        """
        One source cannot name two.
        """
        both = {"name-server": "a:1", "sandbox": True}
        self.assertEqual(
            self.refused(both, {}),
            "--sandbox is a cluster of its own, without --name-server",
        )
        file = self.file('sandbox = true\nname-server = "a:1"')
        self.assertIn(
            f"without {file}: name-server", self.refused({"config": file}, {})
        )

    def test_wrongValues(self) -> None:
        """
        What is wrong is named with the place it came from.
        """
        for name, text in (
            ("name-server", "nowhere"),
            ("sandbox", "perhaps"),
            ("spool-limit", "64MB"),
            ("max-body", "0"),
            ("drain-timeout", "-1"),
            ("log-format", "xml"),
            ("group", "a b"),
            ("credentials", "a\0b"),
        ):
            variable = f"TXROCKETMQ_{name.upper().replace('-', '_')}"
            self.assertTrue(self.refused({name: text}, {}).startswith(f"--{name}: "))
            wrong = self.refused({}, {variable: text})
            self.assertTrue(wrong.startswith(f"{variable}: "), wrong)

    def test_wrongTypes(self) -> None:
        """
        A value of the file has the setting's type.
        """
        for line, word in (
            ("group = 5", "group: this must be text"),
            ("sandbox = 1", "sandbox: this must be true or false"),
            ("max-body = true", "max-body: this must be bytes"),
            ("listen = [1]", "listen: this must be endpoints"),
            ('name-server = [["a:1"]]', "name-server: this must be"),
            ("drain-timeout = [1]", "drain-timeout: this must be seconds"),
        ):
            self.assertIn(word, self.refused({"config": self.file(line)}, {}))

    def test_unknownKeys(self) -> None:
        """
        A key that is none is named, and what was meant, where that can be seen.
        """
        wrong = self.refused({"config": self.file("nonsense = 1")}, {})
        self.assertIn("'nonsense' is no setting; there are name-server,", wrong)
        wrong = self.refused({"config": self.file('nameServer = "a:1"')}, {})
        self.assertIn("did you mean 'name-server'?", wrong)
        wrong = self.refused({"config": self.file("[relay]\ngroup = 'g'")}, {})
        self.assertIn("'relay' is no setting", wrong)

    def test_wrongFiles(self) -> None:
        """
        A file that is none is named.
        """
        for file, word in (
            ("/nowhere.toml", "No such file"),
            (self.file("group ="), "this is no TOML"),
            (self.file(b"\xff"), "this is no TOML"),
            (self.file("#" * (MAX_FILE + 1)), "too long"),
        ):
            wrong = self.refused({"config": file}, {})
            self.assertIn(file, wrong)
            self.assertIn(word, wrong)

    def test_unknownVariables(self) -> None:
        """
        A variable that looks like one of ours is warned of, and no more: it may be
        there for another reason.
        """
        environ = {"TXROCKETMQ_PORT": "tcp://10.0.0.1:80", "TXROCKETMQ_GROUP": "g"}
        (warning,) = resolve({}, environ).warnings
        self.assertIn("'TXROCKETMQ_PORT' is no setting", warning)


class KindTests(SynchronousTestCase):
    """
    Kinds of values.
    """

    @given(integers(1, 10**15))
    def test_size(self, number: int) -> None:
        """
        A size is read as it is shown.
        """
        self.assertEqual(kinds.size(kinds.sizeShown(number)), number)

    def test_sizes(self) -> None:
        """
        Sizes have binary units, or none.
        """
        for text, value in (
            ("1", 1),
            ("10B", 10),
            ("64MiB", 64 << 20),
            ("64 MiB", 64 << 20),
            ("1KiB", 1024),
            ("2GiB", 2 << 30),
            ("1TiB", 1 << 40),
        ):
            self.assertEqual(kinds.size(text), value)
        for text in ("", "0", "-1", "1.5GiB", "64mib", "64MB", "1e9", "9" * 19):
            self.assertRaises(UsageError, kinds.size, text)

    def test_shown(self) -> None:
        """
        A default is shown as it could be given.
        """
        for setting in SETTINGS:
            if setting.shown is not None:
                value = setting.kind.parse(setting.shown)
                self.assertEqual(value, setting.default, setting.name)
