"""
C{txrocketmq sandbox}: a cluster that stands until it is told to go.
"""

from __future__ import annotations

import json
from typing import Any

from txrocketmq._cli.clusters import sandboxed
from txrocketmq._cli.console import Console
from txrocketmq._cli.options import SandboxOptions
from txrocketmq._cli.output import Output
from txrocketmq._cli.signals import Interruption
from txrocketmq.sandbox import Sandbox


async def stand(
    reactor: Any, options: SandboxOptions, console: Console, interruption: Interruption
) -> int:
    """
    Run a sandbox until a signal asks to end it.

    @return: The exit status.
    """
    asked = interruption.whenAsked()
    settings = {"brokers": options["brokers"], "port": options["port"]}
    async with sandboxed(reactor, **settings) as sandbox:
        output = Output(reactor, console)
        output.line(json.dumps(addresses(sandbox)))
        await output.flushed()
        status = output.status()
        if not status:
            await asked
    return status


def addresses(sandbox: Sandbox) -> dict[str, Any]:
    """
    Where everything is.
    """
    return {
        "nameServer": sandbox.nameServerAddresses[0],
        "brokers": {name: broker.address for name, broker in sandbox.brokers.items()},
    }
