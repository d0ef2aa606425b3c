"""
What requests ask for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from txrocketmq.relay.idempotency import digestOf
from txrocketmq.relay.shares import Client
from txrocketmq.relay.targets import Target

if TYPE_CHECKING:
    from txrocketmq.relay.request import RelayRequest


@attrs.define(eq=False)
class Order:
    """
    What one request asks for.

    @ivar kind: C{json}, C{ndjson} or C{raw}.

    @ivar client: Who sent it.

    @ivar token: What its client's token is called.

    @ivar key: Its C{Idempotency-Key}.

    @ivar trace: The properties that carry its trace on.
    """

    request: RelayRequest
    target: Target
    kind: str
    client: Client
    token: str = ""
    key: str | None = None
    trace: dict[str, str] | None = None

    def digest(self, body: bytes) -> bytes:
        """
        What tells it from every other request.
        """
        said = [part for pair in self.request.spelled for part in pair]
        where = f"{self.target.topic} {self.target.ack} {self.kind}".encode()
        return digestOf(where, *said, b"", body)
