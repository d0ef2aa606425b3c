"""
The relay's settings: one table, from which the options, the environment's variables,
the keys of the file, C{--print-config} and the reference page are made.

Law: what a setting is called, everywhere, follows from the name of its attribute.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs

from txrocketmq.relay import kinds
from txrocketmq.relay.kinds import Kind

PREFIX = "TXROCKETMQ_"
"""
How the environment's variables begin.
"""

FILE_OPTION = "config"
FILE_VARIABLE = f"{PREFIX}CONFIG"

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
