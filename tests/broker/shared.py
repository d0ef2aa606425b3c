"""
The clusters the tests share, each started when first asked for.

They live until the test run ends.  A test that breaks one mends it; each uses
topics of its own.  5.5.0 has two name servers and two brokers, 4.9.7 one each.
"""

from __future__ import annotations

import atexit
import functools
from typing import Any

from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from txrocketmq import ClientSettings, MQClient

from .cluster import Cluster
from .jars import V4, V5

_SIZES = {V4: (1, ("broker-a",)), V5: (2, ("broker-a", "broker-b"))}


@functools.cache
def _running(version: str, flushDiskType: str) -> Cluster:
    """
    Start a cluster once.
    """
    nameServers, brokers = _SIZES[version]
    cluster = Cluster(
        version,
        nameServers=nameServers,
        brokers=brokers,
        overrides={"flushDiskType": flushDiskType},
    )
    cluster.start()
    atexit.register(cluster.stop)
    return cluster


class ClusterTestCase(TestCase):
    """
    A test on a real cluster, with real time and the real reactor.

    @cvar version: The release the cluster is of.

    @cvar flushDiskType: Whether its brokers wait for the disk.

    @cvar timeout: For one test, in seconds; the first one also downloads.
    """

    version = V5
    flushDiskType = "ASYNC_FLUSH"
    timeout = 600

    async def cluster(self) -> Cluster:
        """
        The cluster, in working order.
        """
        return await deferToThread(_running, self.version, self.flushDiskType)

    async def topic(self, name: str, queues: int = 4) -> str:
        """
        Create a topic on all brokers.

        @return: Its name, which no other test has.
        """
        unique = f"{name}-{self.id().replace('.', '-')}"
        await deferToThread((await self.cluster()).createTopic, unique, queues)
        return unique

    def client(self, nameServers: str, **settings: Any) -> MQClient:
        """
        Make a client that is stopped with the test.

        @param settings: For L{ClientSettings}.
        """
        client = MQClient(reactor, nameServers, ClientSettings(**settings))
        client.startService()
        self.addCleanup(client.stopService)
        return client
