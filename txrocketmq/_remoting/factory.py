"""
What makes the protocols of a client's connections, or of a server's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Factory

from txrocketmq._wire.frames import MAX_FRAME

from .answering import Answering, Responder
from .opaques import anyOpaque
from .protocol import RemotingProtocol
from .quotas import Quota
from .reasons import peerName

if TYPE_CHECKING:
    # Generic since Twisted 26.4 only: to subscript it fails before.
    _RemotingFactory: TypeAlias = Factory[RemotingProtocol]
else:
    _RemotingFactory = Factory


class RemotingFactory(_RemotingFactory):
    """
    What makes the protocols of one client or one server.

    @ivar protocols: Those that are connected now.
    """

    noisy = False

    def __init__(
        self,
        clock: IReactorTime,
        respond: Responder,
        *,
        address: str | None = None,
        maxFrame: int = MAX_FRAME,
        frameTimeout: float = 3.0,
        requestRate: float | None = None,
        opaques: Callable[[], int] = anyOpaque,
    ) -> None:
        """
        @param respond: What answers the peer's requests.

        @param address: What errors call the peer; L{None} is its own address.

        @param maxFrame: The longest frame a peer may send.

        @param frameTimeout: Seconds a frame may take to arrive, a peer may
            stay silent while requests wait, or not read.

        @param requestRate: How many of the peer's requests are looked at in a
            second; L{None} is all.

        @param opaques: Where a connection begins to count its requests.
        """
        self.clock = clock
        self.maxFrame = maxFrame
        self.frameTimeout = frameTimeout
        self.opaques = opaques
        self.protocols: set[RemotingProtocol] = set()
        self._respond = respond
        self._address = address
        self._requestRate = requestRate

    def buildProtocol(self, addr: IAddress | None) -> RemotingProtocol:
        """
        Make the protocol of a connection.
        """
        return RemotingProtocol(self, self._address or peerName(addr))

    def answering(self, protocol: RemotingProtocol) -> Answering:
        """
        Make the answering side of a protocol.
        """
        rate = self._requestRate
        quota = None if rate is None else Quota(rate, self.clock.seconds())
        return Answering(protocol, self._respond, quota)
