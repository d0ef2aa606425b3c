"""
What the rows send to: a sink of their own, or a broker.
"""

from __future__ import annotations

import itertools
import json
import re
import socket
import ssl
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import trustme

from tests.broker import commands
from tests.broker.cluster import NotSeen
from tests.broker.jars import V5
from tests.broker.proxied import ProxiedCluster
from tests.broker.servers import NotStarted

from .toolchain import Missing, compiledC, named, serverJars, tool

DELAY = "50ms"
TOPIC = "TopicTest"
ASK_COUNTS = b'{"code":999,"flag":0,"opaque":1,"version":513}'
GET_TOPIC_STATS_INFO = 202
VISIBLE = 5.0
POLL = 0.05

BROKER_MEMORY = ("-Xms256m", "-Xmx1g", "-XX:MaxDirectMemorySize=512m")

STOCK = {
    "mappedFileSizeCommitLog": str(1 << 30),
    "mappedFileSizeConsumeQueue": "6000000",
    "maxHashSlotNum": "5000000",
    "maxIndexNum": "20000000",
}
"""
The sizes of files that a broker has by default.  The tests' own are small: a load
as these would have it begin new ones all the time.
"""

Counts = dict[str, int]


class Target(NamedTuple):
    """
    Where one row sends.

    @ivar nameServer: C{host:port}.

    @ivar brokerPort: The port of its one broker, on loopback.

    @ivar proxy: C{host:port} for gRPC.

    @ivar processes: The ids of its processes.

    @ivar counts: What it has counted of this row; it is told how many messages
        the program says it has sent.

    @ivar environment: What programs need to reach it.
    """

    nameServer: str = "-"
    brokerPort: int = 0
    proxy: str = "-"
    topic: str = TOPIC
    processes: tuple[int, ...] = ()
    counts: Callable[[int], Counts] | None = None
    environment: Mapping[str, str] = {}


def plainSink() -> AbstractContextManager[Target]:
    """
    A sink that answers at once.

    @raise Missing: There is no C compiler.
    """
    return _sink(str(compiledC("sink")))


def delayedSink() -> AbstractContextManager[Target]:
    """
    A sink that answers late.

    @raise Missing: There is no C compiler.
    """
    return _sink(str(compiledC("sink")), "--delay", DELAY)


def tlsProgram() -> Path:
    """
    The sink that speaks TLS, compiled.

    @raise Missing: There is no C compiler, or there are no headers of OpenSSL.
    """
    return compiledC("sink", "-DTLS", name="sink-tls", libraries="-lssl -lcrypto")


@contextmanager
def tlsSink() -> Iterator[Target]:
    """
    A sink behind TLS, with a certificate of an authority made for it.
    """
    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with tempfile.TemporaryDirectory(prefix="txrocketmq-bench-") as name:
        directory = Path(name)
        certificate, key, roots = (
            str(directory / f"{what}.pem") for what in ("certificate", "key", "roots")
        )
        leaf.cert_chain_pems[0].write_to_path(certificate)
        leaf.private_key_pem.write_to_path(key)
        authority.cert_pem.write_to_path(roots)
        with _sink(str(tlsProgram()), certificate, key, context=context) as target:
            yield target._replace(environment={"TXROCKETMQ_BENCH_ROOTS": roots})


@contextmanager
def nowhere() -> Iterator[Target]:
    """
    Nothing, for what does not send.
    """
    yield Target()


@contextmanager
def _sink(*words: str, context: ssl.SSLContext | None = None) -> Iterator[Target]:
    """
    Run a sink on free ports, and end it.
    """
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            ports: dict[str, Any] = json.loads(process.stdout.readline())
            port = ports["broker"]
            yield Target(
                nameServer=f"127.0.0.1:{ports['nameServer']}",
                brokerPort=port,
                processes=(process.pid,),
                counts=lambda told: sinkCounts(port, context),
            )
        finally:
            process.terminate()


def sinkCounts(port: int, context: ssl.SSLContext | None = None) -> Counts:
    """
    What a sink has counted since its start.

    @raise OSError: It is gone.
    """
    with socket.create_connection(("127.0.0.1", port), 5) as plain:
        s = (
            context.wrap_socket(plain, server_hostname="127.0.0.1")
            if context
            else plain
        )
        s.sendall(struct.pack(">II", 4 + len(ASK_COUNTS), len(ASK_COUNTS)) + ASK_COUNTS)
        with s.makefile("rb") as stream:
            data = stream.read(*struct.unpack(">I", stream.read(4)))
    counted: Counts = json.loads(data[4 + int.from_bytes(data[:4]) :])
    return counted


def clusterJars() -> Path:
    """
    What a broker consists of.

    @raise Missing: There is no Java, or the jars could not be had.
    """
    tool("java")
    return serverJars()


class Broker:
    """
    A broker of Apache's, freshly started, and a topic of its own for each row.
    """

    def __init__(self, cluster: ProxiedCluster) -> None:
        self._cluster = cluster
        self._numbers = itertools.count()
        [self._broker] = cluster.brokers.values()

    @contextmanager
    def target(self) -> Iterator[Target]:
        """
        A new topic on it.
        """
        topic = f"Bench{next(self._numbers)}"
        self._cluster.createTopic(topic)
        servers = (self._broker, *self._cluster.nameServers)
        yield Target(
            nameServer=self._cluster.nameServerAddress,
            brokerPort=self._broker.port,
            proxy=self._cluster.grpcAddress,
            topic=topic,
            processes=tuple(server.process for server in servers if server.process),
            counts=lambda told: self._counts(topic, told),
        )

    def _counts(self, topic: str, told: int) -> Counts:
        """
        How many messages a topic has, once all that are acknowledged can be seen:
        a broker acknowledges before it has sorted them into queues.
        """
        deadline = time.monotonic() + VISIBLE
        while True:
            time.sleep(POLL)
            count = storedMessages(self._broker.address, topic)
            if count >= told or time.monotonic() > deadline:
                return {"messages": count}


def storedMessages(broker: str, topic: str) -> int:
    """
    How many messages a broker has of a topic.

    @param broker: Its C{host:port}.
    """
    answer = commands.ask(broker, GET_TOPIC_STATS_INFO, {"topic": topic})
    # Its keys are objects: no JSON.
    return sum(map(int, re.findall(rb'"maxOffset":(\d+)', answer.body)))


@contextmanager
def broker() -> Iterator[Broker]:
    """
    Start a broker with its name server and its proxy, and end them.

    @raise Missing: They cannot be had here, or do not start.
    """
    with named():
        cluster = ProxiedCluster(V5, overrides=STOCK, flags=BROKER_MEMORY)
        try:
            cluster.start()
        except (NotStarted, NotSeen) as e:
            raise Missing(f"the broker did not start: {e}") from e
    try:
        yield Broker(cluster)
    finally:
        cluster.stop()


SINKS: dict[str, Callable[[], AbstractContextManager[Target]]] = {
    "delayed": delayedSink,
    "nowhere": nowhere,
    "sink": plainSink,
    "tls": tlsSink,
}
"""
Targets that each row has for itself.
"""

NEEDS: dict[str, Callable[[], object]] = {
    "delayed": lambda: compiledC("sink"),
    "nowhere": lambda: None,
    "real": clusterJars,
    "sink": lambda: compiledC("sink"),
    "tls": tlsProgram,
}
"""
What makes the programs of each target; it may raise L{Missing}.
"""
