"""
What connections are made of.
"""

from __future__ import annotations

from twisted.internet.interfaces import IConsumer, ITCPTransport


class Transport(ITCPTransport, IConsumer):
    """
    What is wanted of a transport.
    """

    disconnecting: bool
