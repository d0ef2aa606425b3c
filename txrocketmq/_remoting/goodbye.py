"""
Ending a connection without waiting for the other side to say goodbye too.
"""

from __future__ import annotations

from twisted.internet.interfaces import ITransport
from twisted.protocols.tls import TLSMemoryBIOProtocol


def endBelow(transport: ITransport) -> None:
    """
    End what is under TLS as soon as all is written, our goodbye included.

    Twisted keeps the connection until the peer has said goodbye as well, and some
    peers never do; nobody has to wait for that (RFC 8446, 6.1).

    @param transport: What was told to end, and holds nothing back.  Where there is
        no TLS it ends by itself.
    """
    if isinstance(transport, TLSMemoryBIOProtocol) and transport.transport is not None:
        transport.transport.loseConnection()
