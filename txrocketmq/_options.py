"""
The options that the command line and the daemon share: which cluster, and how it
is talked to.

What is wrong with them is a L{UsageError}, whose text is one line that names the
option.  No text shows a secret.
"""

from __future__ import annotations

import os
import stat
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from twisted.python.usage import Options, UsageError

from txrocketmq._remoting.endpoints import parseNameServers
from txrocketmq._sending.validate import checkGroup
from txrocketmq._version import __version__
from txrocketmq.errors import InvalidConfiguration
from txrocketmq.settings import ClientSettings, SessionCredentials, TLSSettings
from txrocketmq.tls import wrapper

NAME_SERVER_VARIABLE = "NAMESRV_ADDR"
"""
The environment variable all clients of RocketMQ look at.
"""

MAX_CREDENTIALS = 64 * 1024
"""
The most bytes of a credentials file: it holds three short strings.
"""

MAX_SECONDS = 1e6
"""
Longer than any timeout that is meant, and short enough for every timer.
"""

CREDENTIAL_KEYS = ("accessKey", "secretKey", "securityToken")

#: A row of C{optParameters}: name, short name, default, documentation, coercion.
Parameter = list[str | Callable[[str], Any] | None]


def wholeNumber(least: int, most: int = 2**31 - 1) -> Callable[[str], int]:
    """
    What makes an option's value a whole number within bounds.
    """

    def number(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text[:12]) <= most):
            raise UsageError(
                f"{text!r} is not a whole number from {least}"
                + (f" to {most}" if most < 2**31 - 1 else "")
            )
        return int(text)

    return number


def seconds(text: str) -> float:
    """
    Make an option's value a number above 0: of seconds, or of things in one.
    """
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= MAX_SECONDS:
        raise UsageError(f"{text!r} is not a number above 0 and up to a million")
    return number


class NamedOptions(Options):
    """
    Options whose errors name the option they are about.

    @cvar heading: What the options that a class declares are about, for a page
        that lists them.
    """

    heading: ClassVar[str] = "General options"

    #: Parameters checked while the line is read: long name -> what checks them.
    checks: ClassVar[Mapping[str, Callable[[str], Any]]] = {}

    def opt_version(self) -> None:
        """
        Show the version.
        """
        self.show(f"txrocketmq {__version__}")

    def show(self, text: str) -> NoReturn:
        """
        Write what was asked for instead of doing anything, and end.

        @raise BrokenPipeError: When nobody reads it.
        """
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
        sys.exit(0)

    def check(self) -> None:
        """
        Put every checked parameter that was given into its form.

        @raise UsageError: When one is not usable.
        """
        for name, convert in self.checks.items():
            value = self[name]
            if isinstance(value, str):
                try:
                    self[name] = convert(value)
                except (UsageError, InvalidConfiguration) as wrong:
                    raise UsageError(f"--{name}: {wrong}") from wrong


class ClusterOptions(NamedOptions):
    """
    Which cluster, and with what it is talked to.

    @ivar warnings: What the user should know, though it works.
    """

    heading: ClassVar[str] = "Cluster options"

    optParameters: Sequence[Parameter] = [
        [
            "name-server",
            "n",
            None,
            (
                "The cluster's name servers, as host:port;host:port.  Without it, the "
                f"environment's {NAME_SERVER_VARIABLE}."
            ),
        ],
        [
            "credentials",
            None,
            None,
            (
                "A TOML file with accessKey, secretKey and, if you have one, "
                "securityToken."
            ),
        ],
        [
            "tls-ca",
            None,
            None,
            "Use TLS, and trust the authorities in this PEM file.",
        ],
        [
            "tls-cert",
            None,
            None,
            "Use TLS, and show the certificate and key in this PEM file.",
        ],
        ["namespace", None, None, "The namespace of topics and groups."],
    ]

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Twisted's is untyped
        self.warnings: list[str] = []

    @property
    def embedded(self) -> bool:
        """
        Whether the cluster is a sandbox in this process.
        """
        return bool(self.get("sandbox"))

    def chooseCluster(self) -> None:
        """
        Settle on a sandbox, on C{--name-server} or on the environment's.

        @raise UsageError: When there is none, or two.
        """
        given = self["name-server"]
        if self.embedded:
            self._refuseWithSandbox()
            return
        text = os.environ.get(NAME_SERVER_VARIABLE, "") if given is None else given
        source = NAME_SERVER_VARIABLE if given is None else "--name-server"
        if not text.strip() and given is None:
            raise UsageError(self._nowhere())
        try:
            self["name-server"] = list(parseNameServers(text))
        except InvalidConfiguration as wrong:
            raise UsageError(f"{source}: {wrong}") from wrong

    def _refuseWithSandbox(self) -> None:
        """
        @raise UsageError: When a sandbox is asked for, and what it has not.
        """
        for name in ("name-server", "tls-ca", "tls-cert"):
            if self[name] is not None:
                raise UsageError(f"--sandbox is a cluster of its own, without --{name}")

    def _nowhere(self) -> str:
        """
        Say how a cluster can be named.
        """
        also = ", or try it with --sandbox" if "sandbox" in self else ""
        return (
            "which cluster? Give --name-server HOST:PORT, or set "
            f"{NAME_SERVER_VARIABLE}{also}"
        )

    def clientSettings(self, **more: Any) -> ClientSettings:
        """
        What these options say of a client.

        @param more: Further settings.

        @raise UsageError: When a file or a value is not usable.
        """
        try:
            return ClientSettings(
                namespace=self["namespace"],
                credentials=self._credentials(),
                tls=self._tls(),
                **more,
            )
        except InvalidConfiguration as wrong:
            raise UsageError(str(wrong)) from wrong

    def _credentials(self) -> SessionCredentials | None:
        """
        What the credentials file holds.
        """
        name = self["credentials"]
        if name is None:
            return None
        credentials, mode = readCredentials(Path(name))
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            self.warnings.append(
                f"others may read the credentials file {name!r} (mode {mode:04o}); "
                "chmod 600 it"
            )
        return credentials

    def _tls(self) -> TLSSettings | None:
        """
        TLS if any of its files is named; each of them must be readable.
        """
        roots, certificate = self["tls-ca"], self["tls-cert"]
        if roots is None and certificate is None:
            return None
        for name in ("tls-ca", "tls-cert"):
            if self[name] is not None:
                self._readable(name)
        settings = TLSSettings(trustRoots=roots, certificate=certificate)
        try:
            # Reads the files: what is wrong with them is to be known now.
            wrapper(settings)
        except InvalidConfiguration as wrong:
            setting, _, rest = str(wrong).partition(" ")
            option = "--tls-ca" if setting == "trustRoots" else "--tls-cert"
            raise UsageError(f"{option}: {rest}") from wrong
        return settings

    def _readable(self, name: str) -> None:
        """
        @raise UsageError: When the file an option names cannot be read.
        """
        try:
            with Path(self[name]).open("rb") as file:
                file.read(1)
        except (OSError, ValueError) as wrong:
            raise UsageError(f"--{name}: {fileFault(self[name], wrong)}") from wrong


def producerGroup(text: str) -> str:
    """
    Make an option's value a producer group.

    @raise InvalidConfiguration: When it cannot be one.
    """
    checkGroup(text)
    return text


def fileFault(name: str, wrong: Exception) -> str:
    """
    Why a file cannot be used, in one line that names it.
    """
    reason = wrong.strerror if isinstance(wrong, OSError) else None
    return f"{name!r}: {reason or wrong}"


def readCredentials(file: Path) -> tuple[SessionCredentials, int]:
    """
    Read credentials, and who else may.

    @return: The credentials, and the file's permission bits.

    @raise UsageError: When the file cannot be read or does not hold credentials;
        its text shows nothing of what the file holds.
    """
    name = str(file)
    try:
        with file.open("rb") as opened:
            mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
            text = opened.read(MAX_CREDENTIALS + 1)
    except (OSError, ValueError) as wrong:
        raise UsageError(f"--credentials: {fileFault(name, wrong)}") from wrong
    return _credentialsOf(name, text), mode


def _credentialsOf(name: str, text: bytes) -> SessionCredentials:
    """
    Make credentials of a TOML file's bytes.
    """
    try:
        if len(text) > MAX_CREDENTIALS:
            raise ValueError
        table = tomllib.loads(text.decode("utf-8"))
    except ValueError:
        # Not the parser's words: they may quote the line with the secret.
        raise UsageError(
            f'--credentials: {name!r} is not TOML with lines like accessKey = "..."'
        ) from None
    wrong = [key for key in CREDENTIAL_KEYS[:2] if key not in table]
    if wrong:
        raise UsageError(f"--credentials: {name!r} has no {' and no '.join(wrong)}")
    if not table.keys() <= set(CREDENTIAL_KEYS):
        raise UsageError(
            f"--credentials: {name!r} may hold {', '.join(CREDENTIAL_KEYS)} only"
        )
    for key, value in table.items():
        if not isinstance(value, str) or not value.strip():
            raise UsageError(f"--credentials: {key} in {name!r} must be a string")
    return SessionCredentials(
        table["accessKey"], table["secretKey"], table.get("securityToken")
    )
