"""
Who this process is to its brokers.

Nothing here is kept for a client: two clients in one process are two.
"""

from __future__ import annotations

import os
import socket
import time
from ipaddress import ip_address
from random import Random

from txrocketmq._wire.ids import UniqueIds
from txrocketmq.settings import ClientSettings


class _Process:
    """
    The process this is; after a fork it is another one.

    Asking the system for each send would take a twentieth of the send's time.

    @ivar pid: Its number.
    """

    def __init__(self) -> None:
        self.pid = os.getpid()
        os.register_at_fork(after_in_child=self._forked)

    def _forked(self) -> None:
        """
        This is a child.
        """
        self.pid = os.getpid()


thisProcess = _Process()


def localAddress() -> str:
    """
    The address packets to the outside would come from; loopback if there is none.

    Nothing is sent to find it, and nothing is resolved.
    """
    # TEST-NET-1 and the IPv6 documentation prefix: addresses of nobody.
    for family, target in (
        (socket.AF_INET, "192.0.2.1"),
        (socket.AF_INET6, "2001:db8::1"),
    ):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((target, 9))
                return str(probe.getsockname()[0])
        except OSError:
            continue
    return "127.0.0.1"


def messageAddress(clientIP: str | None) -> str:
    """
    The address that message ids contain: a C{clientIP} may be any name.
    """
    try:
        return str(ip_address(clientIP or ""))
    except ValueError:
        return localAddress()


def clientIdOf(settings: ClientSettings, address: str, random: Random) -> str:
    """
    How brokers tell this client from others: C{ip@instance[@unit]}.

    Follows C{ClientConfig.buildMQClientId}.
    """
    shown = settings.clientIP or (f"[{address}]" if ":" in address else address)
    instance = settings.instanceName or f"{os.getpid()}#{random.getrandbits(63)}"
    unit = f"@{settings.unitName}" if settings.unitName else ""
    return f"{shown}@{instance}{unit}"


def uniqueIds(address: str, random: Random) -> UniqueIds:
    """
    What makes message ids that no other client makes.
    """
    salt = random.getrandbits(32)
    return UniqueIds(
        ip_address(address.partition("%")[0]).packed,
        os.getpid(),
        salt,
        millis,
        monthBounds,
    )


def millis() -> int:
    """
    The wall clock, in epoch milliseconds.
    """
    return time.time_ns() // 1_000_000


def monthBounds(now: int) -> tuple[int, int]:
    """
    When the local month of a time began, and when the next one does, both in
    epoch milliseconds.
    """
    year, month = time.localtime(now / 1000)[:2]
    following = (year + 1, 1) if month == 12 else (year, month + 1)
    return _monthStart(year, month), _monthStart(*following)


def _monthStart(year: int, month: int) -> int:
    """
    The first millisecond of a local month.
    """
    return int(time.mktime((year, month, 1, 0, 0, 0, 0, 0, -1)) * 1000)
