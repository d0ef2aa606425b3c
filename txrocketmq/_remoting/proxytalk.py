"""
What is said to a SOCKS5 proxy, and what it may say.

Laws:

    - The proxy is told names, not addresses: it resolves them.

    - Nothing it says is read beyond what the protocol allows at that point.

Follows RFC 1928 and RFC 1929, and in the methods it offers Netty's
C{Socks5ProxyHandler}, which Java's client uses.
"""

from __future__ import annotations

from collections.abc import Generator
from struct import pack
from typing import TypeAlias

from txrocketmq.settings import SocksProxy

from .addresses import asIP

__all__ = ["ProxyRefused", "Talk", "talk"]

VERSION = 5
AUTH_VERSION = 1
NO_AUTHENTICATION = 0
PASSWORD = 2
NONE_ACCEPTABLE = 0xFF
CONNECT = 1
IPV4, NAME, IPV6 = 1, 3, 4
PORT_SIZE = 2

REPLIES = {
    1: "general failure",
    2: "its rules do not allow this connection",
    3: "it cannot reach the network",
    4: "it cannot reach the host, or its name has no address",
    5: "connection refused: nobody listens there",
    6: "the host is too far away (TTL expired)",
    7: "it does not make connections",
    8: "it does not know this kind of address",
}
"""
What the codes of RFC 1928 mean.
"""

Talk: TypeAlias = Generator[tuple[bytes, int], bytes, None]
"""
Gives what to write and how many bytes to read next, and takes these bytes.
"""


class ProxyRefused(Exception):
    """
    A proxy does not do what it was asked for, or is none.
    """


def talk(host: str, port: int, proxy: SocksProxy) -> Talk:
    """
    What is said until a proxy has connected us.

    @raise ProxyRefused: When it does not.
    """
    methods = [NO_AUTHENTICATION]
    if proxy.username is not None:
        methods.append(PASSWORD)
    method = yield from _agreed(methods)
    if method == PASSWORD:
        yield from _authenticated(proxy.username or "", proxy.password or "")
    request = bytes((VERSION, CONNECT, 0)) + _place(host) + pack(">H", port)
    version, reply, reserved, kind = yield request, 4
    _expect(version == VERSION and reserved == 0, "its answer makes no sense")
    if reply:
        raise ProxyRefused(REPLIES.get(reply, f"it answers with code {reply}"))
    size = {IPV4: 4, IPV6: 16}.get(kind)
    if size is None:
        _expect(kind == NAME, "its answer makes no sense")
        (size,) = yield b"", 1
    yield b"", size + PORT_SIZE


def _agreed(methods: list[int]) -> Generator[tuple[bytes, int], bytes, int]:
    """
    Which of our methods to authenticate the proxy takes.
    """
    version, method = yield bytes((VERSION, len(methods), *methods)), 2
    _expect(version == VERSION, "it does not speak SOCKS5")
    if method == NONE_ACCEPTABLE:
        wants = "another proof than a password" if len(methods) > 1 else "a user name"
        raise ProxyRefused(f"it wants {wants}")
    _expect(method in methods, f"it chose method {method}, which was not offered")
    return method


def _authenticated(username: str, password: str) -> Talk:
    """
    Say who we are.
    """
    name, secret = username.encode(), password.encode()
    sizedName = bytes((len(name),)) + name
    sizedSecret = bytes((len(secret),)) + secret
    version, status = yield bytes((AUTH_VERSION,)) + sizedName + sizedSecret, 2
    _expect(version == AUTH_VERSION, "its answer to the user name makes no sense")
    _expect(status == 0, "it refused the user name or the password")


def _place(host: str) -> bytes:
    """
    A host as the protocol has it.
    """
    ip = asIP(host)
    if ip is not None:
        return bytes((IPV4 if ip.version == 4 else IPV6,)) + ip.packed
    name = host.encode("ascii")
    return bytes((NAME, len(name))) + name


def _expect(isSo: bool, otherwise: str) -> None:
    """
    Go on if something is as it must be.

    @raise ProxyRefused: When it is not.
    """
    if not isSo:
        raise ProxyRefused(otherwise)
