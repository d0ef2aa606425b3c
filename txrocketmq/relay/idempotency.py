"""
Requests that come again with the same C{Idempotency-Key}.

Laws:

    - A key's first request that had an effect has the only one.

    - What had no effect is not remembered: to try again is what its client is told.
"""

from __future__ import annotations

from hashlib import sha256

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from txrocketmq._spool import Claim, ClaimBusy, ClaimMismatch, Replayed, Spool
from txrocketmq.errors import RocketMQError, SpoolFull
from txrocketmq.relay.answers import Answer, later, problem
from txrocketmq.relay.outcomes import kept

REPLAYED = (b"Idempotency-Replayed", b"true")

BUSY = later(409, "in_progress", "the first request with this key is not answered yet")
MISMATCH = problem(422, "key_used", "this key was used with another request")
NO_SPOOL = problem(400, "no_spool", "an Idempotency-Key needs a relay with a spool")
BAD_KEY = problem(
    400, "bad_key", "an Idempotency-Key has 1 to 255 visible ASCII characters"
)
STREAM_KEY = problem(400, "bad_key", "a stream cannot have an Idempotency-Key")
FULL = problem(507, "spool_full", "the spool is full", {"retry_after": b"5"})
UNAVAILABLE = later(503, "spool_unavailable", "the spool cannot take messages now")

_log = Logger()


def digestOf(*parts: bytes) -> bytes:
    """
    What tells a request from every other one.
    """
    digest = sha256()
    for part in parts:
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return digest.digest()


async def claimed(spool: Spool, token: str, key: str, digest: bytes) -> Claim | Answer:
    """
    Take a key.

    @param token: Whose key it is.

    @return: It, or the answer that the request has already.
    """
    try:
        found = await spool.claim(token, key, digest)
    except ClaimBusy:
        return BUSY
    except ClaimMismatch:
        return MISMATCH
    except SpoolFull:
        return FULL
    except RocketMQError:
        return UNAVAILABLE
    return found if isinstance(found, Claim) else _again(found)


def _again(replayed: Replayed) -> Answer:
    """
    The answer of the first request.
    """
    if replayed.status is None:
        # The daemon died between keeping the messages and saying so.
        return Answer(202, kept(replayed.msgIds).content, (REPLAYED,))
    return Answer(replayed.status, replayed.body, (REPLAYED,))


async def settled(spool: Spool, claim: Claim, answer: Answer, hadEffect: bool) -> None:
    """
    Remember an answer, if there was an effect; let the key go, if there was none.
    """
    over: Deferred[None]
    if hadEffect:
        over = spool.settle(claim, answer.status, answer.content)
    else:
        over = spool.release(claim)
    try:
        await over
    except RocketMQError:
        # The answer stands; another request with this key may be told otherwise.
        _log.warn("An answer could not be kept for its Idempotency-Key")
