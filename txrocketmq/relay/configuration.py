"""
The relay's settings: one table, from which the options, the environment's variables,
the keys of the file, C{--print-config} and the reference page are made.

Laws:

    - The command line is over the environment, the environment over the file.

    - What is wrong is a L{UsageError} of one line, which names the place where the
      value came from: the option, the variable, or the file and its key.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
from twisted.python.usage import UsageError

from txrocketmq._options import NAME_SERVER_VARIABLE, fileFault
from txrocketmq.errors import InvalidConfiguration
from txrocketmq.relay import kinds
from txrocketmq.relay.kinds import Kind

PREFIX = "TXROCKETMQ_"
"""
How the environment's variables begin.
"""

FILE_OPTION = "config"
FILE_VARIABLE = f"{PREFIX}CONFIG"

MAX_FILE = 1 << 20
"""
The most bytes of a configuration file.
"""

DEFAULT_LISTEN = "tcp:8088:interface=127.0.0.1"
DEFAULT_ADMIN = "tcp:8089:interface=127.0.0.1"


def _setting(
    kind: Kind, default: Any, doc: str, short: str | None = None, live: bool = False
) -> Any:
    """
    One row of the table.

    @param short: The option's short name.

    @param live: Whether a reload puts a new value in place.
    """
    metadata = {"kind": kind, "doc": doc, "short": short, "live": live}
    return attrs.field(default=default, metadata=metadata)


@attrs.frozen(kw_only=True)
class Configuration:
    """
    What a relay is to do.  Each attribute is a setting: C{nameServer} is the option
    C{--name-server}, the variable C{TXROCKETMQ_NAME_SERVER} and the key
    C{name-server}.
    """

    nameServer: tuple[str, ...] | None = _setting(
        kinds.ADDRESSES,
        None,
        "The cluster's name servers, as host:port;host:port.",
        short="n",
    )
    sandbox: bool = _setting(
        kinds.FLAG, False, "Use a cluster in this process, in memory."
    )
    listen: tuple[str, ...] = _setting(
        kinds.ENDPOINTS,
        (DEFAULT_LISTEN,),
        "Where to take messages, as Twisted server endpoints: tcp, tcp6, unix, ssl, "
        "tls or systemd.  Repeatable.",
    )
    adminListen: tuple[str, ...] = _setting(
        kinds.ENDPOINTS,
        (DEFAULT_ADMIN,),
        "Where to show the status page and the metrics.  Repeatable.",
    )
    spool: str | None = _setting(
        kinds.DIRECTORY,
        None,
        "A directory to keep messages in until a broker has them.  Without it "
        "only ack=broker is offered.",
    )
    spoolLimit: int = _setting(
        kinds.BYTES, 1 << 30, "The most bytes of messages the spool keeps."
    )
    group: str = _setting(kinds.GROUP, "txrocketmq-relay", "The producer group.")
    credentials: str | None = _setting(
        kinds.FILE,
        None,
        "A TOML file with accessKey, secretKey and, if you have one, securityToken.",
        live=True,
    )
    tlsCa: str | None = _setting(
        kinds.FILE,
        None,
        "Use TLS to the cluster, and trust the authorities in this PEM file.",
        live=True,
    )
    tlsCert: str | None = _setting(
        kinds.FILE,
        None,
        "Use TLS to the cluster, and show the certificate and key in this PEM file.",
        live=True,
    )
    namespace: str | None = _setting(
        kinds.TEXT, None, "The namespace of topics and groups."
    )
    tokenFile: str | None = _setting(
        kinds.FILE,
        None,
        "A TOML file of who may send: [[token]] with name, sha256 and topics.",
        live=True,
    )
    maxBody: int = _setting(
        kinds.BYTES, 4 << 20, "The most bytes of a request's body, or of a line of it."
    )
    drainTimeout: float = _setting(
        kinds.SECONDS, 10.0, "Seconds that ending what is under way may take at a stop."
    )
    logFormat: str = _setting(
        kinds.FORMAT, "text", "The form of the log's lines: text or json."
    )


@attrs.frozen
class Setting:
    """
    One setting, as users see it.

    @ivar attribute: Its name in L{Configuration}.

    @ivar name: The name of its option and of its key.

    @ivar live: Whether a reload puts a new value in place.
    """

    attribute: str
    name: str
    kind: Kind
    default: Any
    doc: str
    short: str | None
    live: bool

    @property
    def variable(self) -> str:
        """
        The environment's variable.
        """
        return PREFIX + self.name.replace("-", "_").upper()

    @property
    def shown(self) -> str | None:
        """
        The default as a text, if there is one.
        """
        return None if self.default is None else self.kind.shown(self.default)


def _settingOf(field: attrs.Attribute[Any]) -> Setting:
    """
    A field of L{Configuration} as users see it.
    """
    name = re.sub(r"[A-Z]", lambda match: f"-{match[0].lower()}", field.name)
    default: Any = field.default
    return Setting(field.name, name, default=default, **field.metadata)


SETTINGS = tuple(_settingOf(field) for field in attrs.fields(Configuration))
BY_NAME = {setting.name: setting for setting in SETTINGS}


@attrs.frozen
class Given:
    """
    A value, and where it came from.

    @ivar origin: How errors name the place.
    """

    value: Any
    origin: str


Layer = Mapping[str, Given]
"""
Values that one source gives, by the names of their settings.
"""


@attrs.frozen
class Resolved:
    """
    A configuration, and where each part of it came from.

    @ivar origins: By the names of settings; those with defaults are not there.

    @ivar directory: What paths begin at that do not begin at the root.
    """

    configuration: Configuration
    origins: Mapping[str, str]
    directory: str
    warnings: tuple[str, ...] = ()

    def origin(self, name: str) -> str:
        """
        How an error about a setting is to begin.
        """
        return self.origins.get(name, f"--{name}")


def resolve(
    commandLine: Mapping[str, str | bool | list[str]],
    environ: Mapping[str, str],
    directory: str,
) -> Resolved:
    """
    Put together what the command line, the environment and the file say.

    @param commandLine: The options that were given, by their names.

    @param directory: Where the program was started: what runs it may go elsewhere.

    @raise UsageError: When something is wrong with one of them.
    """
    given = {**commandLine}
    file = given.pop(FILE_OPTION, None) or environ.get(FILE_VARIABLE) or None
    layers = [
        {name: _fromOption(name, value) for name, value in given.items()},
        dict(_fromEnvironment(environ)),
        {} if file is None else dict(fromFile(str(Path(directory, str(file))))),
    ]
    together: dict[str, Given] = {}
    for layer in reversed(layers):
        _joinCluster(together, layer)
        together.update(layer)
    values = {
        BY_NAME[name].attribute: _placed(BY_NAME[name], each.value, directory)
        for name, each in together.items()
    }
    return Resolved(
        Configuration(**values),
        {name: each.origin for name, each in together.items()},
        directory,
        tuple(_unknownVariables(environ)),
    )


def fromFile(name: str) -> Iterator[tuple[str, Given]]:
    """
    Read a configuration file.
    """
    for key, value in _table(name).items():
        setting = BY_NAME.get(key)
        if setting is None:
            raise UsageError(f"{name}: {key[:80]!r} is no setting; {_likely(key)}")
        origin = f"{name}: {key}"
        if setting.kind.several and kinds.isTexts(value):
            yield key, Given(tuple(value), origin)
            continue
        text = value if isinstance(value, str) else setting.kind.native(value)
        if text is None:
            raise UsageError(f"{origin}: this must be {setting.kind.words}")
        yield key, Given(_parsed(setting, text, origin), origin)


def _fromOption(name: str, value: str | bool | list[str]) -> Given:
    """
    A value of the command line.
    """
    setting, origin = BY_NAME[name], f"--{name}"
    if isinstance(value, list):
        # Each as it is: only in the environment do blanks separate them.
        return Given(tuple(value), origin)
    text = value if isinstance(value, str) else str(value)
    return Given(_parsed(setting, text, origin), origin)


def _fromEnvironment(environ: Mapping[str, str]) -> Iterator[tuple[str, Given]]:
    """
    The values that variables give; an empty one gives none.
    """
    servers = BY_NAME["name-server"]
    for name in (NAME_SERVER_VARIABLE, servers.variable):
        if environ.get(name, "").strip():
            yield servers.name, Given(_parsed(servers, environ[name], name), name)
    for setting in SETTINGS:
        text = environ.get(setting.variable, "")
        if text.strip() and setting is not servers:
            origin = setting.variable
            yield setting.name, Given(_parsed(setting, text, origin), origin)


def _joinCluster(below: dict[str, Given], layer: dict[str, Given]) -> None:
    """
    Let a layer that names a cluster overrule another kind of cluster below it.

    @raise UsageError: When it names two.
    """
    servers, sandbox = layer.get("name-server"), layer.get("sandbox")
    if sandbox is None or not sandbox.value:
        if servers is not None:
            below.pop("sandbox", None)
        return
    if servers is not None and servers.origin != NAME_SERVER_VARIABLE:
        raise UsageError(
            f"{sandbox.origin} is a cluster of its own, without {servers.origin}"
        )
    layer.pop("name-server", None)
    below.pop("name-server", None)


def _parsed(setting: Setting, text: str, origin: str) -> Any:
    """
    The value that a text stands for.
    """
    try:
        return setting.kind.parse(text)
    except (UsageError, InvalidConfiguration) as wrong:
        raise UsageError(f"{origin}: {wrong}") from wrong


def _placed(setting: Setting, value: Any, directory: str) -> Any:
    """
    A value whose path, if it is one, begins at the root.
    """
    isPath = setting.kind in (kinds.FILE, kinds.DIRECTORY)
    return str(Path(directory, value)) if isPath else value


def _table(name: str) -> dict[str, Any]:
    """
    What a TOML file holds.
    """
    try:
        with Path(name).open("rb") as file:
            content = file.read(MAX_FILE + 1)
        if len(content) > MAX_FILE:
            raise UsageError(f"{name}: this is too long for a configuration")
        return tomllib.loads(content.decode("utf-8"))
    except OSError as wrong:
        raise UsageError(f"--{FILE_OPTION}: {fileFault(name, wrong)}") from wrong
    except ValueError as wrong:
        words = " ".join(str(wrong).split())
        raise UsageError(f"{name}: this is no TOML: {words[:200]}") from wrong


def _likely(key: str) -> str:
    """
    What somebody may have meant by a key.
    """
    folded = key.lower().replace("_", "").replace("-", "")
    for name in BY_NAME:
        if name.replace("-", "") == folded:
            return f"did you mean {name!r}?"
    return f"there are {', '.join(BY_NAME)}"


def _unknownVariables(environ: Mapping[str, str]) -> Iterator[str]:
    """
    Warn of variables that look like ours.  They may be there for another reason:
    Kubernetes makes some with the name of each service.
    """
    known = {setting.variable for setting in SETTINGS} | {FILE_VARIABLE}
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known:
            yield f"the environment's {name[:80]!r} is no setting, and is ignored"


def currentEnvironment() -> Mapping[str, str]:
    """
    The process's environment.
    """
    return os.environ
