"""
A bare C{twisted.web} resource that answers 200 to whatever is posted: the least that
an HTTP server on Twisted can do.

    answering

It writes no access log, as the relay writes none.  Its first line says its port; it
ends with its standard input.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor as theReactor
from twisted.internet.protocol import Protocol
from twisted.internet.stdio import StandardIO
from twisted.python.failure import Failure
from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import Site

reactor: Any = theReactor


class Answering(Resource):
    """
    Says that all is well.
    """

    isLeaf = True

    def render_POST(self, request: Request) -> bytes:
        """
        Answer.
        """
        return b"{}\n"


class Silent(Site):
    """
    A site that writes no log.
    """

    def log(self, request: Request) -> None:
        """
        Write nothing.
        """


class Ending(Protocol):
    """
    Ends the program when nobody is there any more.
    """

    def connectionLost(self, reason: Failure | None = None) -> None:
        """
        End.
        """
        if reactor.running:
            reactor.stop()


def main() -> None:
    """
    Answer until the end.
    """
    site = Silent(Answering())  # type: ignore[no-untyped-call]
    port = reactor.listenTCP(0, site, 511, "127.0.0.1")
    print(port.getHost().port, flush=True)
    StandardIO(Ending())
    reactor.run()


if __name__ == "__main__":
    main()
