"""
What may happen at any step of a life.

Each says whether anything did: where no connection is open, none can be reset.
"""

from __future__ import annotations

from collections.abc import Callable

from .life import Life

JUMP = 3.0
"""
The seconds a clock jumps: as long as an attempt may take.
"""


def cancel(life: Life) -> bool:
    """
    All sends are cancelled.
    """
    sends = life.unended()
    for each in sends:
        each.cancel()
    return bool(sends)


def stop(life: Life) -> bool:
    """
    The client is stopped.
    """
    life.stop()
    return True


def reset(life: Life) -> bool:
    """
    All connections are reset by their servers.
    """
    ends = life.transports()
    for each in ends:
        each.peer.abortConnection()
    return bool(ends)


def close(life: Life) -> bool:
    """
    All connections are closed by their servers, after what they wrote.
    """
    ends = life.transports()
    for each in ends:
        each.peer.loseConnection()
    return bool(ends)


def silence(life: Life) -> bool:
    """
    Nothing passes on any open connection any more; others can be made.
    """
    ends = life.transports()
    for each in ends:
        each.deaf = each.peer.deaf = True
    return bool(ends)


def blackHole(life: Life) -> bool:
    """
    Nothing passes any more, and no connection can be made.
    """
    sandbox = life.cluster.sandbox
    servers = (*sandbox.brokers.values(), *sandbox.nameServers)
    life.cluster.network.blackholes.update(each.address for each in servers)
    silence(life)
    return True


def garbage(life: Life) -> bool:
    """
    A byte arrives on each connection that nobody wrote.
    """
    ends = life.transports()
    for each in ends:
        each.insert(b"\xff")
    return bool(ends)


def jump(life: Life) -> bool:
    """
    The clock jumps.
    """
    life.jumped += JUMP
    life.clock.rightNow += JUMP
    return True


def raises(life: Life) -> bool:
    """
    Callbacks of all sends raise, after they have sent once more.
    """
    sends = life.unended()

    def oops(end: object) -> None:
        life.extra()
        raise ZeroDivisionError

    for each in sends:
        each.addBoth(oops).addErrback(lambda reason: reason.trap(ZeroDivisionError))
    return bool(sends)


ACTIONS: dict[str, Callable[[Life], bool]] = {
    "cancel": cancel,
    "stop": stop,
    "reset": reset,
    "close": close,
    "silence": silence,
    "blackHole": blackHole,
    "garbage": garbage,
    "jump": jump,
    "raises": raises,
}
"""
All of it.
"""
