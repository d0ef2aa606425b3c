"""
What the relay's HTTP server takes: the limits, each with its reason.
"""

from __future__ import annotations

import attrs

from txrocketmq import _checks as checks
from txrocketmq.errors import InvalidConfiguration

MIB = 1 << 20


def _heldByDefault(limits: Limits) -> int:
    """
    Room for some bodies of the longest kind.
    """
    return max(32 * MIB, 4 * limits.maxBody)


@attrs.frozen(kw_only=True)
class Limits:
    """
    The limits of L{RelaySite<txrocketmq.relay.site.RelaySite>}.  Sizes are bytes,
    times seconds.

    @ivar maxBody: The longest whole body, and the longest line of a stream.

    @ivar maxMessage: The longest body of a message.

    @ivar maxMessages: The most messages of a whole body.

    @ivar headerDeadline: From a request's first byte to the end of its headers.

    @ivar bodyDeadline: From there to the end of a whole body; for a stream, from
        the begin of a line to its end.

    @ivar idle: How long a connection may wait for another request.

    @ivar unreadDeadline: How long a client may leave answers unread.

    @ivar linger: How long a refused client has to read why.

    @ivar streamFloor: The bytes a second a stream must bring, as long as it is not
        us that let it wait.

    @ivar floorWindow: Over how long that is measured.

    @ivar streamWindow: The most lines of a stream without a result.

    @ivar streamBytes: The most bytes of those lines; a longer line waits alone.

    @ivar maxStreams: The most streams at a time.

    @ivar maxConnections: The most connections.

    @ivar maxConnectionsPerAddress: The most from one address, this machine's own
        included.

    @ivar freeBody: Bodies up to this length need no room: their number is bounded
        by that of the connections.

    @ivar maxHeld: The room of longer bodies, from their first byte to their answer.

    @ivar maxInFlight: The most messages between request and answer.

    @ivar share: What part of both one client may take.
    """

    maxBody: int = attrs.field(default=4 * MIB, validator=checks.count(1))
    maxMessage: int = attrs.field(default=4 * MIB, validator=checks.count(1))
    maxMessages: int = attrs.field(default=10_000, validator=checks.count(1))
    headerDeadline: float = attrs.field(default=10.0, validator=checks.seconds)
    bodyDeadline: float = attrs.field(default=30.0, validator=checks.seconds)
    idle: float = attrs.field(default=60.0, validator=checks.seconds)
    unreadDeadline: float = attrs.field(default=30.0, validator=checks.seconds)
    linger: float = attrs.field(default=2.0, validator=checks.seconds)
    streamFloor: int = attrs.field(default=64, validator=checks.count(0))
    floorWindow: float = attrs.field(default=10.0, validator=checks.seconds)
    streamWindow: int = attrs.field(default=1000, validator=checks.count(1))
    streamBytes: int = attrs.field(default=256 * 1024, validator=checks.count(1))
    maxStreams: int = attrs.field(default=64, validator=checks.count(1))
    maxConnections: int = attrs.field(default=1024, validator=checks.count(1))
    maxConnectionsPerAddress: int = attrs.field(default=256, validator=checks.count(1))
    freeBody: int = attrs.field(default=16 * 1024, validator=checks.count(0))
    maxHeld: int = attrs.field(
        default=attrs.Factory(_heldByDefault, takes_self=True),
        validator=checks.count(1),
    )
    maxInFlight: int = attrs.field(default=50_000, validator=checks.count(1))
    share: float = attrs.field(default=0.5)

    def __attrs_post_init__(self) -> None:
        """
        @raise InvalidConfiguration: When the longest body, or that with the most
            messages, would never be taken.
        """
        if not 0 < self.share <= 1:
            raise InvalidConfiguration(f"share must be from 0 to 1, not {self.share}")
        if self.maxHeld * self.share < self.maxBody:
            raise InvalidConfiguration("maxHeld and share leave no room for maxBody")
        if self.maxInFlight * self.share < self.maxMessages:
            raise InvalidConfiguration(
                "maxInFlight and share leave no room for maxMessages"
            )
