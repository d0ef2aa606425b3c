"""
What can be measured: the rows of the table, by the claims they show.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Row(NamedTuple):
    """
    One way to send.

    @ivar name: What the table calls it.

    @ivar driver: Which program does it: a key of L{DRIVERS
        <bench.drivers.DRIVERS>}.

    @ivar mode: That program's word for how to send.

    @ivar window: How many sends are outstanding.

    @ivar batch: How many messages a send has.

    @ivar rate: Sends a second; 0 is as many as possible.

    @ivar size: Bytes of a body; 0 is as many as in the other rows.

    @ivar warm: Seconds of warm-up beyond its program's.

    @ivar target: Where it sends: C{sink}, C{delayed} (the sink, which answers after
        50 ms), C{tls} (the sink, by TLS), C{real} (a broker) or C{nowhere}.
    """

    name: str
    driver: str
    mode: str
    window: int = 256
    batch: int = 1
    rate: float = 0.0
    size: int = 0
    warm: float = 0.0
    target: str = "sink"


PEERS = ("java", "go", "js", "grpc")
"""
The drivers that are other clients.
"""

TARGETS = {"sink": ("sink", "delayed", "tls", "nowhere"), "real": ("real",)}
"""
Where rows send, by what C{--broker} says.
"""

PACE = 2000.0
MANY = 100_000

YARDSTICK = Row("prototype", "prototype", "template")
PLAIN = Row("txrocketmq", "txrocketmq", "send")
JAVA = Row("java async", "java", "async")
ALI = Row("ali-ons", "js", "async")
GO = Row("go async", "go", "async")

REAL = Row("broker: txrocketmq", "txrocketmq", "send", target="real")
JAVA_REAL = Row("broker: java async", "java", "async", target="real")
GRPC_REAL = Row("broker: grpc python", "grpc", "async", target="real")

BATCH = Row("sendBatch of 100", "txrocketmq", "batch", 1, 100)
JAVA_BATCH = Row("java batch of 100", "java", "batch", 1, 100)
BATCH_REAL = BATCH._replace(name="broker: sendBatch of 100", target="real")
JAVA_BATCH_REAL = JAVA_BATCH._replace(name="broker: java batch of 100", target="real")

BATCHING = Row("batching", "batching", "send+batching")
AUTO = Row("java auto-batch", "java", "autobatch")
PLAIN_4096 = Row("txrocketmq, 4096 in flight", "txrocketmq", "send", 4096)
BATCHING_4096 = Row("batching, 4096 in flight", "batching", "send+batching", 4096)
AUTO_4096 = Row("java auto-batch, 4096 in flight", "java", "autobatch", 4096)

PACED = Row("2000/s: txrocketmq", "txrocketmq", "send", rate=PACE)
JAVA_PACED = Row("2000/s: java async", "java", "async", rate=PACE)
GO_PACED = Row("2000/s: go async", "go", "async", rate=PACE)

HEADER = Row("ROCKETMQ header", "txrocketmq", "send+header")
ACL = Row("ACL", "txrocketmq", "send+acl")
HOOK = Row("a hook that does nothing", "txrocketmq", "send+hook")
TLS = Row("TLS", "txrocketmq", "send+tls", target="tls")
ZLIB = Row("zlib, 8 KiB bodies", "txrocketmq", "send+zlib", size=8192)
BARE_ZLIB = Row("zlib.compress of these", "zlib", "5", size=8192, target="nowhere")

HUNDRED_THOUSAND = Row(
    "100,000 in flight, answers after 50 ms",
    "txrocketmq",
    "send+raised",
    MANY,
    warm=2.0,
    target="delayed",
)

POSTS = Row("posts: ack=broker", "relay", "broker", 64, target="nowhere")
RAW_POSTS = POSTS._replace(name="posts: ack=broker, bare bytes", mode="broker+raw")
SPOOL_POSTS = POSTS._replace(name="posts: ack=spool", mode="spool")
BARE_POSTS = POSTS._replace(name="posts: bare twisted.web", mode="bare")
POSTS_100 = POSTS._replace(name="posts of 100: ack=broker", window=16, batch=100)
SPOOL_POSTS_100 = POSTS_100._replace(name="posts of 100: ack=spool", mode="spool")
BARE_POSTS_100 = POSTS_100._replace(name="posts of 100: bare twisted.web", mode="bare")
COMMITS_100 = Row(
    "bare sqlite3, commits of 100", "sqlite", "-", 1, 100, target="nowhere"
)

BARE = Row("bare limit", "bare", "-")
LOADER = Row("C loader", "loader", "-")
PROFILE = Row("txrocketmq, looked at", "txrocketmq", "send+profile")

SETS: dict[str, tuple[Row, ...]] = {
    "floor": (YARDSTICK, PLAIN),
    "show1": (PLAIN, JAVA, ALI, GO),
    "show2": (
        REAL,
        JAVA_REAL,
        GRPC_REAL,
        Row("broker: ali-ons", "js", "async", target="real"),
        Row("broker: go async", "go", "async", target="real"),
    ),
    "show3": (BATCH, JAVA_BATCH, BATCH_REAL, JAVA_BATCH_REAL),
    "show4": (PLAIN, BATCHING, AUTO, PLAIN_4096, BATCHING_4096, AUTO_4096),
    "show5": (
        PACED,
        JAVA_PACED,
        GO_PACED,
        Row("2000/s: ali-ons", "js", "async", rate=PACE),
    ),
    "show6": (
        BARE_ZLIB,
        ZLIB,
        HEADER,
        PLAIN,
        ACL,
        HOOK,
        TLS,
        Row("mode SYNC", "txrocketmq", "send+SYNC"),
        Row("mode ASYNC", "txrocketmq", "send+ASYNC"),
    ),
    "show7": (PLAIN, HUNDRED_THOUSAND),
    "show8": (BARE, LOADER, PLAIN, PROFILE),
    "relay": (
        POSTS,
        BARE_POSTS,
        RAW_POSTS,
        SPOOL_POSTS,
        SPOOL_POSTS_100,
        COMMITS_100,
        POSTS_100,
        BARE_POSTS_100,
    ),
    "more": (
        Row("prototype, 1 in flight", "prototype", "template", 1),
        Row("txrocketmq, 1 in flight", "txrocketmq", "send", 1),
        Row("java async, 1 in flight", "java", "async", 1),
        Row("prototype, batch of 100", "prototype", "template", 1, 100),
        Row("go batch of 100", "go", "batch", 1, 100),
        Row("prototype with msgspec", "prototype", "msgspec"),
        Row("2000/s: prototype", "prototype", "template", rate=PACE),
    ),
}
"""
The rows by what they are for.
"""


CLOSE = "show6"
"""
The set whose rows are run first, in their order.
"""


def chosenRows(
    sets: Sequence[str],
    peers: Sequence[str] = PEERS,
    brokers: Sequence[str] = tuple(TARGETS),
    only: str = "",
) -> list[Row]:
    """
    Give the rows of some sets, each once, those of a real broker last.

    @param peers: The other clients wanted, of L{PEERS}.

    @param brokers: What to send to, of L{TARGETS}.

    @param only: A part of the names wanted.
    """
    # Where a few hundredths matter rows are neighbours: a machine's speed drifts.
    order = sorted(sets, key=lambda name: (name != CLOSE, [*SETS].index(name)))
    named = [row for name in order for row in SETS[name]]
    targets = [target for broker in brokers for target in TARGETS[broker]]
    wanted = [
        row
        for row in dict.fromkeys(named)
        if row.target in targets
        and only in row.name
        and (row.driver not in PEERS or row.driver in peers)
    ]
    return sorted(wanted, key=lambda row: row.target == "real")
