"""
Idempotency keys: which answer was given to which request.

Law: a claim is kept in the commit that keeps its messages, so that after a crash a
request is either known with its messages or not known at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from sqlite3 import Connection
from zlib import crc32

import attrs
import msgspec

from txrocketmq.errors import RocketMQError

from .database import Database

LIFETIME = 24 * 3600.0
"""
Seconds for which an answer is given again.
"""


class ClaimBusy(RocketMQError):
    """
    The first request with this key is still being worked on.
    """

    retriable = True


class ClaimMismatch(RocketMQError):
    """
    The first request with this key had another body.
    """


@attrs.frozen
class Claim:
    """
    The right to be the one request with its key.

    @ivar token: Whose key it is.

    @ivar digest: That of the request.
    """

    token: str
    key: str
    digest: bytes


class Replayed(msgspec.Struct, frozen=True, array_like=True):
    """
    What became of the first request with a key.

    @ivar digest: That of the request.

    @ivar status: The answer's status; L{None} when the messages were accepted, and
        the daemon died before it had an answer.

    @ivar body: The answer.

    @ivar msgIds: Those of the messages that were accepted, in order.
    """

    digest: bytes
    status: int | None
    body: bytes
    msgIds: tuple[str, ...] = ()


MOST_FORGOTTEN = 5000
"""
How many are forgotten at once.
"""

CLAIM_ROW = 400
"""
The bytes an answer counts for besides its record: its key and its token, which are
there twice and bounded, and what the database needs for it.
"""

_SIZE = f"coalesce(sum(length(record) + {CLAIM_ROW}), 0)"
_OLDEST = "rowid IN (SELECT rowid FROM claims WHERE at <= ? ORDER BY at, rowid LIMIT ?)"

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Replayed).decode


def recallClaim(connection: Connection, claim: Claim, after: float) -> Replayed | None:
    """
    What became of the first request with a claim's key, if there was one.

    @param after: Since when, in seconds of the epoch.
    """
    row = connection.execute(
        "SELECT crc, record FROM claims WHERE token = ? AND key = ? AND at > ?",
        (claim.token, claim.key, after),
    ).fetchone()
    # A damaged one is not known: better a message twice than another's answer.
    return None if row is None else _understood(claim, *row)


def _understood(claim: Claim, crc: int, record: bytes) -> Replayed | None:
    """
    A row's record, if it is what was written.
    """
    if _checksum(claim, record) != crc:
        return None
    try:
        return _decode(record)
    except msgspec.MsgspecError:
        return None


def acceptClaim(
    database: Database, claim: Claim, now: float, msgIds: Sequence[str]
) -> None:
    """
    Remember that the messages of a request are kept.
    """
    _write(database, claim, now, Replayed(claim.digest, None, b"", tuple(msgIds)))


def settleClaim(
    database: Database, claim: Claim, now: float, status: int, body: bytes
) -> None:
    """
    Remember a request's answer.
    """
    _write(database, claim, now, Replayed(claim.digest, status, body))


def dropClaim(database: Database, claim: Claim) -> None:
    """
    Forget a request.
    """
    _drop(database, "token = ? AND key = ?", claim.token, claim.key)


def forgetClaims(database: Database, before: float) -> None:
    """
    Forget what is too old, the oldest first, and not all of it when it is much.
    """
    _drop(database, _OLDEST, before, MOST_FORGOTTEN)


def claimsSize(connection: Connection) -> int:
    """
    The bytes that all answers count for.  This reads everything: it is for a table
    that was filled anew.
    """
    (size,) = connection.execute(f"SELECT {_SIZE} FROM claims").fetchone()
    return int(size)


def _drop(database: Database, which: str, *arguments: object) -> None:
    """
    Forget some answers.

    @param which: A condition, which is no part of any request.
    """
    connection, state = database.connection, database.state
    (size,) = connection.execute(
        f"SELECT {_SIZE} FROM claims WHERE {which}", arguments
    ).fetchone()
    if size:
        connection.execute(f"DELETE FROM claims WHERE {which}", arguments)
        state.claimBytes = max(0, state.claimBytes - size)


def _write(database: Database, claim: Claim, now: float, said: Replayed) -> None:
    """
    Write what became of a request.
    """
    dropClaim(database, claim)
    record = _encode(said)
    database.connection.execute(
        "INSERT INTO claims (token, key, at, crc, record) VALUES (?, ?, ?, ?, ?)",
        (claim.token, claim.key, now, _checksum(claim, record), record),
    )
    database.state.claimBytes += len(record) + CLAIM_ROW


def _checksum(claim: Claim, record: bytes) -> int:
    """
    The checksum of a record at its key.
    """
    return crc32(record, crc32(f"{claim.token}\0{claim.key}".encode()))
