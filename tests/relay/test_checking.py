"""
Tests for L{txrocketmq.relay.checking}, L{txrocketmq.relay.material} and
L{txrocketmq.relay.printing}.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from tests.certificates import Authority
from txrocketmq import SessionCredentials
from txrocketmq.relay.checking import checkLibraries, checkRunner, checkSpool
from txrocketmq.relay.configuration import Resolved
from txrocketmq.relay.material import PARTING, Material, gather
from txrocketmq.relay.printing import printed
from txrocketmq.relay.sources import resolve as resolveIn

SECRET = "s3cr3t-0f-4lice"
DIGEST = sha256(b"a token").hexdigest()


def resolve(options: Mapping[str, Any], environ: Mapping[str, str]) -> Resolved:
    """
    Put settings together, where we are.
    """
    return resolveIn(options, environ, str(Path.cwd()))


class FileTestCase(SynchronousTestCase):
    """
    A test with files.
    """

    def setUp(self) -> None:
        """
        Make a directory.
        """
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir(parents=True)
        self.directory.chmod(0o700)

    def file(self, name: str, text: str) -> str:
        """
        Write a file.
        """
        path = self.directory / name
        path.write_text(text)
        path.chmod(0o600)
        return str(path)

    def credentials(self) -> str:
        """
        Somebody's credentials.
        """
        text = f'accessKey = "alice"\nsecretKey = "{SECRET}"\nsecurityToken = "t0k3n"'
        return self.file("acl.toml", text)

    def tokens(self) -> str:
        """
        Somebody's token.
        """
        text = f'[[token]]\nname = "till"\nsha256 = "{DIGEST}"\ntopics = ["*"]'
        return self.file("tokens.toml", text)

    def gather(self, **options: Any) -> Material:
        """
        Read what options name.
        """
        named = {name.replace("_", "-"): value for name, value in options.items()}
        return gather(resolve({"sandbox": True, **named}, {}))

    def wrong(self, **options: Any) -> str:
        """
        What is said of something wrong: one line.
        """
        error = str(self.assertRaises(UsageError, self.gather, **options))
        self.assertNotIn("\n", error)
        return error


class MaterialTests(FileTestCase):
    """
    What files hold.
    """

    def test_nothing(self) -> None:
        """
        Without files there is what works without them.
        """
        material = self.gather()
        self.assertIsNone(material.settings.credentials)
        self.assertIsNotNone(material.producerSettings.batching)
        self.assertIsNone(material.wrap)
        self.assertIsNone(material.tokens)
        self.assertEqual(len(material.places), 1)
        self.assertEqual(len(material.adminPlaces), 1)
        self.assertEqual(list(material.warnings), [])

    def test_everything(self) -> None:
        """
        Everything that is named is read; the client gets its part of the time of
        a drain.
        """
        authority = Authority(self.mktemp())
        certificate, key = authority.client()
        content = Path(key).read_text() + Path(certificate).read_text()
        place = f"ssl:1:privateKey={key}:certKey={certificate}"
        resolved = resolve(
            {
                "name-server": "a:1",
                "credentials": self.credentials(),
                "tls-ca": authority.roots,
                "tls-cert": self.file("both.pem", content),
                "token-file": self.tokens(),
                "listen": [place],
                "drain-timeout": "20",
            },
            {},
        )
        material = gather(resolved)
        self.assertEqual(
            material.settings.credentials,
            SessionCredentials("alice", SECRET, "t0k3n"),
        )
        self.assertEqual(material.settings.stopTimeout, 10 * PARTING)
        self.assertIsNotNone(material.wrap)
        assert material.tokens is not None
        self.assertEqual(material.tokens.names, ("till",))
        self.assertEqual(list(material.contexts), [place])

    def test_warnings(self) -> None:
        """
        What works, but should not be so, is warned of.
        """
        loose = self.credentials()
        Path(loose).chmod(0o644)
        material = self.gather(
            credentials=loose, token_file=self.tokens(), listen=["tcp:1"]
        )
        first, second = material.warnings
        self.assertIn("chmod 600", first)
        self.assertIn("tokens go there unencrypted", second)

    def test_wrong(self) -> None:
        """
        What is wrong is one line, which shows no secret.
        """
        broken = self.file("broken.toml", f"secretKey = {SECRET}")
        for options, word in (
            ({"credentials": "/nowhere"}, "--credentials: '/nowhere': No such file"),
            ({"credentials": broken}, "is not TOML"),
            ({"token_file": "/nowhere"}, "--token-file: the token file '/nowhere'"),
            ({"token_file": broken}, "--token-file: "),
            ({"listen": ["nonsense"]}, "--listen: 'nonsense'"),
            ({"listen": ["tcp:1"]}, "can be reached from other machines"),
            ({"admin_listen": ["tcp:1"]}, "can be reached from other machines"),
            ({"listen": ["ssl:1:privateKey=/nowhere"]}, "--listen: "),
            ({"tls_ca": broken}, "without --tls-ca"),
            ({"sandbox": False}, "which cluster?"),
        ):
            wrong = self.wrong(**options)
            self.assertIn(word, wrong)
            self.assertNotIn(SECRET, wrong)

    def test_adminWithTokens(self) -> None:
        """
        Tokens are no guard where everything may be seen.
        """
        wrong = self.wrong(admin_listen=["tcp:1"], token_file=self.tokens())
        self.assertIn("not for --admin-listen", wrong)

    def test_origins(self) -> None:
        """
        Where a value came from is where it is wrong.
        """
        environ = {"TXROCKETMQ_CREDENTIALS": "/nowhere", "TXROCKETMQ_SANDBOX": "1"}
        error = self.assertRaises(UsageError, gather, resolve({}, environ))
        self.assertTrue(str(error).startswith("TXROCKETMQ_CREDENTIALS: '/nowhere'"))
        file = self.file("a.toml", 'name-server = "a:1"\ntls-ca = "/nowhere"')
        error = self.assertRaises(UsageError, gather, resolve({"config": file}, {}))
        self.assertTrue(str(error).startswith(f"{file}: tls-ca: "), str(error))


class PrintTests(FileTestCase):
    """
    C{--print-config}.
    """

    def test_readBack(self) -> None:
        """
        What is printed means the same when it is read, and shows no secret.
        """
        resolved = resolve(
            {
                "name-server": "a:1;b:2",
                "listen": ["tcp:1:interface=127.0.0.1", 'unix:/a "b" c'],
                "spool-limit": "64MiB",
                "max-body": "1000",
                "drain-timeout": "2.5",
                "credentials": self.credentials(),
                "token-file": self.tokens(),
            },
            {"TXROCKETMQ_NAMESPACE": "naïve"},
        )
        text = printed(resolved, gather(resolved))
        for secret in (SECRET, "t0k3n", DIGEST):
            self.assertNotIn(secret, text)
        self.assertIn('spool-limit = "64MiB"  # --spool-limit\n', text)
        self.assertIn('namespace = "naïve"  # TXROCKETMQ_NAMESPACE\n', text)
        self.assertIn('log-format = "text"  # the default', text)
        self.assertIn("# accessKey 'alice', secretKey ****", text)
        self.assertIn("# tokens: till", text)
        self.assertIn("# spool is not set\n", text)
        again = resolve({"config": self.file("again.toml", text)}, {})
        self.assertEqual(again.configuration, resolved.configuration)

    def test_sandbox(self) -> None:
        """
        It is TOML, whatever is set.
        """
        resolved = resolve({"sandbox": True}, {})
        found = tomllib.loads(printed(resolved, gather(resolved)))
        self.assertIs(found["sandbox"], True)
        self.assertNotIn("name-server", found)


class CheckTests(FileTestCase):
    """
    What is checked beforehand.
    """

    def test_libraries(self) -> None:
        """
        What is not installed is named, with what installs it.
        """
        checkLibraries()
        error = self.assertRaises(UsageError, checkLibraries, lambda name: None)
        self.assertIn("pip install 'txrocketmq[relay]'", str(error))

    def test_spool(self) -> None:
        """
        A spool's directory must be of use, where there is one.
        """
        checkSpool(resolve({}, {}))
        checkSpool(resolve({"spool": str(self.directory)}, {}))
        missing = str(self.directory / "missing")
        error = self.assertRaises(
            UsageError, checkSpool, resolve({}, {"TXROCKETMQ_SPOOL": missing})
        )
        self.assertTrue(str(error).startswith("TXROCKETMQ_SPOOL: the spool"))
        self.assertEqual(list(self.directory.iterdir()), [])

    def test_runner(self) -> None:
        """
        What C{twistd} would stumble over is found before; C{twist} has nothing of
        the kind.
        """
        checkRunner({"reactor": "select"})
        good = {"rundir": str(self.directory), "pidfile": "x.pid", "logfile": "-"}
        checkRunner(good)
        checkRunner({**good, "pidfile": "", "logfile": str(self.directory / "log")})
        checkRunner({**good, "chroot": str(self.directory), "rundir": "."})
        file = self.file("file", "")
        for options, word in (
            ({"rundir": "/nowhere"}, "--rundir: '/nowhere'"),
            ({"rundir": file}, "--rundir"),
            ({"pidfile": "/nowhere/x.pid"}, "--pidfile: '/nowhere/x.pid'"),
            ({"pidfile": str(self.directory)}, "--pidfile"),
            ({"logfile": "/nowhere/log"}, "--logfile"),
        ):
            error = self.assertRaises(UsageError, checkRunner, {**good, **options})
            self.assertIn(word, str(error))
