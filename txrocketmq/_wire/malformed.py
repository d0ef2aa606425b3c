"""
What is raised for bytes and texts of a peer that break the protocol.
"""

from __future__ import annotations


class Malformed(ValueError):
    """
    Something a peer sent, or we were asked to write, breaks the protocol.
    """


class MalformedFrame(Malformed):
    """
    A frame cannot be decoded, or a command cannot be put into one.

    The stream it came from cannot be trusted any further: where the next
    frame would begin is unknown.
    """


class MalformedHeader(Malformed):
    """
    The C{extFields} of a command do not make the header it should have.

    The frame itself was sound, and so is the stream it came from.
    """


class MalformedBody(Malformed):
    """
    The body of a command is not what its code says.

    The frame itself was sound, and so is the stream it came from.
    """
