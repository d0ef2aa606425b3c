"""
What can be measured: the rows of the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Row(NamedTuple):
    """
    One way to load the sink.

    @ivar name: What the table calls it.

    @ivar driver: Which program does it: a key of L{DRIVERS
        <bench.drivers.DRIVERS>}.

    @ivar mode: That program's word for how to send.

    @ivar window: How many sends are outstanding.

    @ivar batch: How many messages a send has.

    @ivar rate: Sends a second; 0 is as many as possible.
    """

    name: str
    driver: str
    mode: str
    window: int = 256
    batch: int = 1
    rate: float = 0.0


YARDSTICK = Row("prototype, window 256", "prototype", "template")
OURS = Row("txrocketmq send, window 256", "txrocketmq", "send")

FLOOR = 0.4
"""
What L{OURS} must reach of the rate of L{YARDSTICK}.
"""

PACE = 2000.0

SETS: dict[str, tuple[Row, ...]] = {
    "floor": (YARDSTICK, OURS),
    "peers": (
        Row("java async, window 256", "java", "async"),
        Row("go async, window 256", "go", "async"),
    ),
    "shapes": (
        Row("prototype, window 1", "prototype", "template", 1),
        Row("txrocketmq send, window 1", "txrocketmq", "send", 1),
        Row("prototype, batch of 100, window 1", "prototype", "template", 1, 100),
        Row("txrocketmq sendBatch of 100, window 1", "txrocketmq", "batch", 1, 100),
        Row("java batch of 100, 1 thread", "java", "batch", 1, 100),
        Row("go batch of 100, 1 goroutine", "go", "batch", 1, 100),
    ),
    "latency": (
        Row("paced: prototype", "prototype", "template", rate=PACE),
        Row("paced: txrocketmq send", "txrocketmq", "send", rate=PACE),
        Row("paced: java async", "java", "async", rate=PACE),
        Row("paced: go async", "go", "async", rate=PACE),
    ),
    "limits": (
        Row("prototype with msgspec, window 256", "prototype", "msgspec"),
        Row("limit of the sink: C loader, window 256", "loader", "-"),
    ),
}
"""
The rows by what they are for.
"""


def chosenRows(sets: Sequence[str], only: str = "") -> list[Row]:
    """
    Give the rows of some sets, in the order of the table.

    @param only: A part of the names wanted.  L{YARDSTICK} is always in: without
        it there is nothing to compare with.
    """
    rows = [row for name, rows in SETS.items() if name in sets for row in rows]
    named = [row for row in rows if only in row.name and row != YARDSTICK]
    return [YARDSTICK, *named]
