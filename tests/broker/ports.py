"""
Free loopback ports below the range from which the system gives out its own.

A broker needs three in a known distance, so that "any free port" is no answer.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Iterable
from contextlib import ExitStack

_LOWEST = 12000
_HIGHEST = 30000
_ATTEMPTS = 2000


def freePort(offsets: Iterable[int] = (0,)) -> int:
    """
    Find a port that is free together with its neighbours.

    @param offsets: The distances of all ports wanted, from the one returned.

    @raise RuntimeError: None was found.
    """
    wanted = tuple(offsets)
    chance = random.SystemRandom()
    for _ in range(_ATTEMPTS):
        port = chance.randrange(_LOWEST, _HIGHEST)
        if _free(port + offset for offset in wanted):
            return port
    raise RuntimeError("no free ports")


def _free(ports: Iterable[int]) -> bool:
    """
    Tell whether nobody listens on any of some ports.
    """
    with ExitStack() as stack:
        for port in ports:
            probe = stack.enter_context(socket.socket())
            try:
                # Some servers listen on all addresses, whatever they are told.
                probe.bind(("0.0.0.0", port))
            except OSError:
                return False
    return True
