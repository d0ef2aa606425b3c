"""
Addresses as they are written, and which of them are out of bounds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from txrocketmq.errors import InvalidConfiguration

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network

# How much of a text that is no address an error shows.
SHOWN = 80

_PORT = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
# Containers' names have underscores, whatever the standards say.
_NAME = re.compile(
    r"(?=.{1,253}\Z)(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?",
    re.ASCII | re.IGNORECASE,
)
_NUMBERS = re.compile(r"[0-9.]+", re.ASCII)

# What no broker has, and no route may make us talk to: link-local networks
# are where clouds keep their metadata services.
_REFUSED = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "169.254.0.0/16",
        "224.0.0.0/4",
        "255.255.255.255/32",
        "::/128",
        "fe80::/10",
        "ff00::/8",
    )
)


def parseAddress(text: str) -> tuple[str, int]:
    """
    Cut C{host:port} at its last colon.

    @param text: A host name, an IPv4 address, or an IPv6 address in brackets,
        with a port.

    @return: The host, without brackets, and the port.

    @raise InvalidConfiguration: It is nothing of the kind.
    """
    host, colon, port = text.rpartition(":")
    if not colon:
        raise _invalid(text, "there is no port; host:port is wanted")
    if not _PORT.fullmatch(port) or int(port) > 65535:
        raise _invalid(text, "the port must be a number from 1 to 65535")
    if host.startswith("[") and host.endswith("]"):
        if not _isIPv6(host[1:-1]):
            raise _invalid(text, "what is in brackets is no IPv6 address")
        return host[1:-1], int(port)
    if ":" in host:
        raise _invalid(text, "an IPv6 address must be in brackets")
    if not _NAME.fullmatch(host):
        raise _invalid(text, "the host is neither a name nor an address")
    if _NUMBERS.fullmatch(host) and asIP(host) is None:
        raise _invalid(text, "the host is no IPv4 address")
    return host, int(port)


def parseNameServers(servers: str | Iterable[str]) -> tuple[str, ...]:
    """
    Read name server addresses.

    @param servers: Addresses, or one text of them with semicolons between.

    @return: Each of them once, in their order.

    @raise InvalidConfiguration: One is no C{host:port}, or there is none.
    """
    texts = servers.split(";") if isinstance(servers, str) else servers
    addresses = [stripped for text in texts if (stripped := text.strip())]
    for address in addresses:
        parseAddress(address)
    if not addresses:
        raise InvalidConfiguration(f"there is no name server address in {servers!r}")
    return tuple(dict.fromkeys(addresses))


def asIP(host: str) -> IPAddress | None:
    """
    A host as an address, or L{None} if it is a name.  An IPv4 address in IPv6
    clothes is an IPv4 address.
    """
    try:
        ip = ip_address(host)
    except ValueError:
        return None
    return (ip.ipv4_mapped or ip) if isinstance(ip, IPv6Address) else ip


def isAllowed(ip: IPAddress, networks: Sequence[IPNetwork]) -> bool:
    """
    Whether a connection may go to an address.

    @param networks: Where connections may go; empty is anywhere but where they
        never may.
    """
    if any(ip in network for network in _REFUSED):
        return False
    return not networks or any(ip in network for network in networks)


def _isIPv6(text: str) -> bool:
    """
    Whether this is an IPv6 address, without a zone.
    """
    try:
        return IPv6Address(text).scope_id is None
    except ValueError:
        return False


def _invalid(text: str, why: str) -> InvalidConfiguration:
    """
    Say which text is no address, and why.
    """
    return InvalidConfiguration(f"{text[:SHOWN]!r} is no address: {why}")
