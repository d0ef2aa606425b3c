"""
Endpoint strings: where the relay may listen.

Law: beyond this machine only to those who can show who they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path

import attrs
from twisted.python.usage import UsageError

FIELD = re.compile(r"(?:\\.|[^:\\])+")
"""
The fields of an endpoint string, in which a backslash protects a colon.
"""

NAMED = re.compile(r"(\w+)=(.*)", re.DOTALL)

PORTS = 1 << 16

TCP = ("port", "interface", "backlog")
FILES = ("privateKey", "certKey", "extraCertChain", "clientCA")

KINDS: Mapping[str, tuple[str, ...]] = {
    "tcp": TCP,
    "tcp6": TCP,
    "ssl": (*TCP, *FILES),
    "tls": (*TCP, *FILES),
    "unix": ("address", "mode", "backlog", "lockfile"),
    "systemd": ("domain", "index", "name"),
}
"""
The kinds of endpoints and the fields each may have; only the first may come without
its name.
"""

PATHS = (*FILES, "address")

NUMBERS = ("port", "backlog", "index")

SECURE = ("ssl", "tls")

DOMAINS = ("INET", "INET6", "UNIX")

UNGUARDED = (
    "can be reached from other machines, which needs tokens (not for "
    "--admin-listen) or client certificates (ssl with clientCA=FILE); say "
    "interface=127.0.0.1"
)


@attrs.frozen
class Place:
    """
    One place to listen at.

    @ivar text: The endpoint string.

    @ivar origin: Where it was given, as errors name it.
    """

    text: str
    origin: str
    kind: str
    fields: Mapping[str, str]

    @property
    def secure(self) -> bool:
        """
        Whether TLS is spoken there.
        """
        return self.kind in SECURE

    @property
    def knowsClients(self) -> bool:
        """
        Whether clients must show a certificate there.
        """
        return "clientCA" in self.fields

    @property
    def reach(self) -> bool | None:
        """
        Whether other machines reach it; L{None} for a socket somebody else made.
        """
        if self.kind == "unix" or self.fields.get("domain") == "UNIX":
            return False
        if self.kind == "systemd":
            return None
        return not isLoopback(self.fields.get("interface", ""))

    def wrong(self, words: str) -> UsageError:
        """
        An error about it.
        """
        return UsageError(f"{self.origin}: {self.text!r} {words}")


def parsePlace(text: str, origin: str, directory: str) -> Place:
    """
    Read an endpoint string.

    @param directory: What paths begin at that do not begin at the root.

    @raise UsageError: When it is none, or one of no use here.
    """
    kind, *parts = FIELD.findall(text) or [""]
    place = Place(text, origin, kind, {})
    if kind not in KINDS:
        raise place.wrong(f"is no endpoint: it must begin with {', '.join(KINDS)}")
    allowed, fields = KINDS[kind], {}
    for number, part in enumerate(parts):
        named = NAMED.fullmatch(part)
        if named is None and number:
            raise place.wrong(f"has {_plain(part)!r}, which is no name=value")
        name, value = named.groups() if named else (allowed[0], part)
        if name not in allowed:
            raise place.wrong(f"has no {name}: there are {', '.join(allowed)}")
        fields[name] = _plain(value)
        if name in PATHS and value:
            fields[name] = str(Path(directory, fields[name]))
    place = attrs.evolve(place, fields=fields)
    _checkFields(place)
    return place


def checkGuard(place: Place, tokens: bool) -> None:
    """
    Make sure that whoever reaches a place must show who it is.

    @param tokens: Whether tokens are asked for there.

    @raise UsageError: When anybody could come.
    """
    if place.reach and not (tokens or place.knowsClients):
        raise place.wrong(UNGUARDED)


def _checkFields(place: Place) -> None:
    """
    @raise UsageError: When a field has no sensible value, or is missing.
    """
    fields = place.fields
    for name in NUMBERS:
        if name in fields and not _isNumber(fields[name]):
            raise place.wrong(f"has no {name} from 0 to 65535")
    if place.kind == "systemd":
        if fields.get("domain") not in DOMAINS:
            raise place.wrong(f"needs a domain: {', '.join(DOMAINS)}")
        if ("index" in fields) is ("name" in fields):
            raise place.wrong("needs either an index or a name")
    elif place.kind == "unix":
        _checkSocket(place)
    elif "port" not in fields:
        raise place.wrong("has no port from 0 to 65535")
    elif place.secure and "privateKey" not in fields:
        raise place.wrong(
            "needs privateKey=FILE, of PEM, and certKey=FILE if that "
            "does not hold the certificate, too"
        )


def _checkSocket(place: Place) -> None:
    """
    @raise UsageError: When no socket can be made at a path.
    """
    address = place.fields.get("address", "")
    if not address:
        raise place.wrong("has no path")
    if len(address.encode()) > 107:
        raise place.wrong("has a path of more than 107 bytes")
    if not Path(address).absolute().parent.is_dir():
        raise place.wrong("is in a directory that is not there")
    if not re.fullmatch("0?[0-7]{3}", place.fields.get("mode", "666")):
        raise place.wrong("has a mode that is none, like 660")
    if place.fields.get("lockfile", "1") not in ("0", "1"):
        raise place.wrong("has a lockfile that is neither 0 nor 1")


def isLoopback(interface: str) -> bool:
    """
    Whether an interface is this machine's own.
    """
    try:
        return ip_address(interface).is_loopback
    except ValueError:
        return interface == "localhost"


def _isNumber(text: str) -> bool:
    """
    Whether a text is a number that a port may have.
    """
    return text.isascii() and text.isdigit() and int(text[:6]) < PORTS


def _plain(field: str) -> str:
    """
    A field without the backslashes that protect its characters.
    """
    return re.sub(r"\\(.)", r"\1", field)
