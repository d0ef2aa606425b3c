"""
The cluster a command talks to: somebody's, or one in this process.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from txrocketmq import ClientSettings, MQClient
from txrocketmq.sandbox import Sandbox


@asynccontextmanager
async def sandboxed(reactor: Any, **settings: Any) -> AsyncIterator[Sandbox]:
    """
    A sandbox that is ready, for as long as it is needed.

    @param settings: What L{Sandbox} is made with.
    """
    # The reactor's time is not that of day: see keepSteadyTime.
    sandbox = Sandbox(reactor, wallClock=time.time, **settings)
    sandbox.startService()
    try:
        yield await sandbox.whenReady()
    finally:
        await _stopped(sandbox)


@asynccontextmanager
async def connected(
    reactor: Any, nameServers: list[str] | None, settings: ClientSettings
) -> AsyncIterator[MQClient]:
    """
    A client that runs, and is drained and closed in the end.

    @param nameServers: Its cluster; L{None} makes one for it.
    """
    if nameServers is None:
        async with (
            sandboxed(reactor) as sandbox,
            connected(reactor, sandbox.nameServerAddresses, settings) as client,
        ):
            yield client
        return
    client = MQClient(reactor, nameServers, settings)
    client.startService()
    try:
        yield client
    finally:
        await client.stopService()


async def _stopped(sandbox: Sandbox) -> None:
    """
    Wait until a sandbox is gone.
    """
    stopping = sandbox.stopService()
    if stopping is not None:
        await stopping
