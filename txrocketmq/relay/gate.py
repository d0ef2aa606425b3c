"""
The tap on what a connection reads.
"""

from __future__ import annotations

from typing import Any


class Gate:
    """
    Lets a transport read unless somebody wants it to wait: Twisted's channel, whose
    answer is still under way or unread, or the request that is being read.

    It stands where Twisted's channel has its transport's producer.
    """

    def __init__(self, transport: Any) -> None:
        """
        @param transport: What reads.
        """
        self._transport = transport
        self._theirs = False
        self.held = False

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        Register who is to be told when the transport's buffer is full.
        """
        self._transport.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """
        Nobody is to be told any more.
        """
        self._transport.unregisterProducer()

    def pauseProducing(self) -> None:
        """
        The channel wants it to wait.
        """
        self._theirs = True
        self._transport.pauseProducing()

    def resumeProducing(self) -> None:
        """
        The channel does not any more.
        """
        self._theirs = False
        if not self.held:
            self._transport.resumeProducing()

    def hold(self) -> None:
        """
        The request wants it to wait.
        """
        if not self.held:
            self.held = True
            self._transport.pauseProducing()

    def release(self) -> None:
        """
        The request does not any more.
        """
        if self.held:
            self.held = False
            if not self._theirs:
                self._transport.resumeProducing()
