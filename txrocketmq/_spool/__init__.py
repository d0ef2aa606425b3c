"""
The durable spool: messages that were accepted and wait for a broker.

Laws:

    - What L{Spool.append} has fired for is on the disk.  What it has failed for is
      not kept.

    - One connection on one thread, and one process: nothing else ever opens the
      database while it is in use.

    - What is read is what was written: each message carries a checksum, and one
      that does not fit is never given out.

    - Depths are counters, written with what they count: nothing is scanned for
      them.

It knows nothing of HTTP.
"""

from .claims import Claim, ClaimBusy, ClaimMismatch, Replayed
from .entries import Kept, Refused, SpoolCounts, SpoolEntry
from .forwarder import Forwarder
from .spool import Spool

__all__ = [
    "Claim",
    "ClaimBusy",
    "ClaimMismatch",
    "Forwarder",
    "Kept",
    "Refused",
    "Replayed",
    "Spool",
    "SpoolCounts",
    "SpoolEntry",
]
