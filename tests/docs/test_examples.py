"""
The files that the page about the daemon shows: a unit, a socket, a container, settings.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.support import CHECKOUT
from txrocketmq.relay.configuration import SETTINGS
from txrocketmq.relay.endpoints import parsePlace
from txrocketmq.relay.sources import resolve

EXAMPLES = CHECKOUT / "docs" / "examples"

HARDENING = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "CapabilityBoundingSet": "",
    "RestrictSUIDSGID": "yes",
    "SystemCallFilter": "@system-service",
    "UMask": "0077",
    "StateDirectoryMode": "0700",
    "LimitCORE": "0",
}
"""
What keeps a relay that is broken into from doing harm.
"""


def unit(name: str) -> ConfigParser:
    """
    Read one of systemd's files.
    """
    parser = ConfigParser(strict=True, interpolation=None)
    # systemd's keys have a case.
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(EXAMPLES / name, encoding="utf-8")
    return parser


class UnitTests(SynchronousTestCase):
    """
    The unit for systemd.
    """

    def setUp(self) -> None:
        """
        Read it.
        """
        self.service = dict(unit("txrocketmq.service")["Service"])

    def test_hardening(self) -> None:
        """
        It may do what it has to, as a user of its own, and nothing else.
        """
        found = {name: self.service.get(name) for name in HARDENING}
        self.assertEqual(found, HARDENING)
        self.assertEqual(self.service["User"], "txrocketmq")
        for limit in ("MemoryMax", "LimitNOFILE", "TasksMax"):
            self.assertRegex(self.service[limit], r"^[1-9]\d*M?$")

    def test_command(self) -> None:
        """
        It starts C{twistd} in the foreground, with options that there are.
        """
        program, *arguments = shlex.split(self.service["ExecStart"])
        at = arguments.index("txrocketmq")
        self.assertEqual(Path(program).name, "twistd")
        self.assertIn("--nodaemon", arguments[:at])
        self.assertIn("--pidfile=", arguments[:at])
        ours = dict(each.removeprefix("--").split("=") for each in arguments[at + 1 :])
        self.assertEqual(ours["spool"], f"/var/lib/{self.service['StateDirectory']}")
        known = {setting.name for setting in SETTINGS} | {"config"}
        self.assertEqual(ours.keys() - known, set())

    def test_life(self) -> None:
        """
        It waits for the relay to be up, and longer for it to be down than draining
        takes; it is told when the reactor hangs.
        """
        self.assertEqual(self.service["Type"], "notify")
        settings = resolve({"config": str(EXAMPLES / "relay.toml")}, {}, "/")
        drain = settings.configuration.drainTimeout
        self.assertGreater(int(self.service["TimeoutStopSec"]), drain)
        self.assertIn("WatchdogSec", self.service)
        self.assertIn("-HUP", self.service["ExecReload"])

    def test_socket(self) -> None:
        """
        The socket's name is the one that the endpoint asks for.
        """
        socket = unit("txrocketmq.socket")
        text = (EXAMPLES / "txrocketmq.socket").read_text()
        (endpoint,) = re.findall(r'"(systemd:.*)"', text)
        place = parsePlace(endpoint, "listen", "/")
        self.assertEqual(place.fields["name"], socket["Socket"]["FileDescriptorName"])

    def test_verified(self) -> None:
        """
        systemd itself has nothing to say of them.
        """
        if shutil.which("systemd-analyze") is None:
            raise SkipTest("needs systemd-analyze")
        directory = Path(self.mktemp()).absolute()
        directory.mkdir(parents=True)
        for name in ("txrocketmq.service", "txrocketmq.socket"):
            text = (EXAMPLES / name).read_text()
            # The program is not there; that it can be started is another's test.
            text = re.sub(r"=/opt/\S+", f"={sys.executable}", text)
            (directory / name).write_text(text)
            verified = subprocess.run(
                ["systemd-analyze", "verify", "--man=no", str(directory / name)],
                capture_output=True,
                text=True,
                check=False,
            )
            said = [
                line for line in verified.stderr.splitlines() if "txrocketmq" in line
            ]
            self.assertEqual(said, [])


class ContainerTests(SynchronousTestCase):
    """
    The container.
    """

    def test_settings(self) -> None:
        """
        Each variable it sets is a setting's, with a value that it may have.
        """
        text = (EXAMPLES / "Dockerfile").read_text()
        environ = dict(re.findall(r"(TXROCKETMQ_\w+)=(\S+)", text))
        self.assertEqual(environ.keys() - {each.variable for each in SETTINGS}, set())
        resolved = resolve({}, environ, "/")
        self.assertEqual(resolved.warnings, ())
        configuration = resolved.configuration
        self.assertIn(f"VOLUME {configuration.spool}\n", text)
        # docker kills after ten seconds.
        self.assertLess(configuration.drainTimeout, 10)

    def test_user(self) -> None:
        """
        It does not run as root, and listens beyond loopback only with tokens.
        """
        text = (EXAMPLES / "Dockerfile").read_text()
        self.assertRegex(text, r"\nUSER [1-9]\d+\n")
        self.assertIn("TXROCKETMQ_TOKEN_FILE=", text)


class SettingsFileTests(SynchronousTestCase):
    """
    The file of settings.
    """

    def test_loads(self) -> None:
        """
        It is one, and warns of nothing.
        """
        resolved = resolve({"config": str(EXAMPLES / "relay.toml")}, {}, "/")
        self.assertEqual(resolved.warnings, ())
        self.assertEqual(resolved.configuration.spoolLimit, 4 << 30)
