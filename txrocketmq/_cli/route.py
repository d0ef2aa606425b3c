"""
C{txrocketmq route}: where a topic's messages go.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from txrocketmq._cli.clusters import connected
from txrocketmq._cli.console import Console
from txrocketmq._cli.options import RouteOptions
from txrocketmq._cli.output import Output
from txrocketmq._cli.signals import Interruption
from txrocketmq._cli.table import Column, tableLines
from txrocketmq._cli.text import printable
from txrocketmq._routing.nameserver import FixedNameServers, NameServerClient
from txrocketmq._wire.bodies import BrokerData, QueueData, TopicRouteData
from txrocketmq._wire.codes import PermName
from txrocketmq.errors import RemotingTimeout
from txrocketmq.namespaces import wrap

LETTERS = {PermName.READ: "R", PermName.WRITE: "W", PermName.INHERIT: "X"}
"""
How Java's tools write permissions.
"""


async def route(
    reactor: Any, options: RouteOptions, console: Console, interruption: Interruption
) -> int:
    """
    Ask a name server about one topic.

    @return: The exit status.  It may fail with C{RouteError}.
    """
    nameServers, settings = options["name-server"], options["settings"]
    async with connected(reactor, nameServers, settings) as client:
        lookup = NameServerClient(
            FixedNameServers(nameServers),
            client.peers.invoke,
            requestTimeout=settings.requestTimeout,
            random=random.random,
        )
        found = await within(
            reactor,
            lookup.route(wrap(settings.namespace, options.topic)),
            options["timeout"],
            nameServers,
        )
    output = Output(reactor, console)
    lines = jsonLines if options["json"] else routeLines
    for line in lines(options.topic, found):
        output.line(line)
    await output.flushed()
    return output.status()


def within(
    clock: IReactorTime,
    looking: Deferred[TopicRouteData],
    timeout: float,
    nameServers: Sequence[str],
) -> Deferred[TopicRouteData]:
    """
    A lookup that takes no longer than this.

    @return: What is found.  It may fail with L{RemotingTimeout}, and as the
        lookup does.
    """

    def late(_: object, waited: float) -> NoReturn:
        raise RemotingTimeout(", ".join(nameServers), f"no answer within {waited:g} s")

    return looking.addTimeout(timeout, clock, onTimeoutCancel=late)


def _rows(found: TopicRouteData) -> Iterator[tuple[BrokerData | None, QueueData]]:
    """
    The topic's queues on each broker, with the broker.
    """
    brokers = {broker.brokerName: broker for broker in found.brokerDatas}
    for queues in sorted(found.queueDatas, key=lambda queues: queues.brokerName):
        yield brokers.get(queues.brokerName), queues


def jsonLines(topic: str, found: TopicRouteData) -> Iterator[str]:
    """
    One line of JSON for each broker.
    """
    for broker, queues in _rows(found):
        yield json.dumps(
            {
                "topic": topic,
                "cluster": broker.cluster if broker else None,
                "brokerName": queues.brokerName,
                "brokerAddrs": _addresses(broker),
                "readQueueNums": queues.readQueueNums,
                "writeQueueNums": queues.writeQueueNums,
                "perm": queues.perm,
            }
        )


def _addresses(broker: BrokerData | None) -> dict[str, str]:
    """
    A broker's addresses by its ids; 0 is the master.
    """
    if broker is None:
        return {}
    return {str(key): value for key, value in sorted(broker.brokerAddrs.items())}


def routeLines(topic: str, found: TopicRouteData) -> Iterator[str]:
    """
    A table with a row for each address of each broker.
    """
    rows = [
        row for broker, queues in _rows(found) for row in _tableRows(broker, queues)
    ]
    columns = (
        Column("CLUSTER"),
        Column("BROKER"),
        Column("ROLE"),
        Column("ADDRESS"),
        Column("READ", right=True),
        Column("WRITE", right=True),
        Column("PERM"),
    )
    return tableLines(columns, rows, 1000)


def _tableRows(
    broker: BrokerData | None, queues: QueueData
) -> Iterator[Sequence[object]]:
    """
    One broker's rows.
    """
    addresses = _addresses(broker) or {"": "no address is known"}
    for key, address in addresses.items():
        yield (
            printable(broker.cluster or "?" if broker else "?"),
            printable(queues.brokerName),
            {"": "?", "0": "master"}.get(key, f"slave {key}"),
            printable(address),
            queues.readQueueNums,
            queues.writeQueueNums,
            permission(queues.perm),
        )


def permission(perm: int) -> str:
    """
    A permission in letters: C{RW-} is read and write.
    """
    return "".join(letter if perm & bit else "-" for bit, letter in LETTERS.items())
