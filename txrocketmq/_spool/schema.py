"""
The tables, and how they come to be those of this version.

Laws:

    - A database of an earlier version is brought to this one in one transaction,
      one version after the other.  One of a later version is left as it is, and the
      daemon does not start.

    - A version that was released is never changed: what is to be different is a
      further one.

    - In every version there is the table C{state}, and its record begins with the
      version.
"""

from __future__ import annotations

from collections.abc import Sequence
from sqlite3 import Connection

from txrocketmq.errors import SpoolDamaged, SpoolUnavailable

from .state import State, loadState

APPLICATION = 0x54785231
"""
What says in the file's header that it is a spool: C{TxR1}.
"""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        (
            "CREATE TABLE state (id INTEGER PRIMARY KEY, crc INTEGER NOT NULL, "
            "record BLOB NOT NULL)"
        ),
        (
            "CREATE TABLE waiting (number INTEGER PRIMARY KEY, crc INTEGER NOT NULL, "
            "record BLOB NOT NULL)"
        ),
        (
            "CREATE TABLE refused (number INTEGER PRIMARY KEY, crc INTEGER NOT NULL, "
            "record BLOB NOT NULL, reason TEXT NOT NULL, refusedAt REAL NOT NULL, "
            "msgId TEXT NOT NULL, topic TEXT NOT NULL, size INTEGER NOT NULL, "
            "acceptedAt REAL NOT NULL)"
        ),
        (
            "CREATE TABLE claims (token TEXT NOT NULL, key TEXT NOT NULL, "
            "at REAL NOT NULL, crc INTEGER NOT NULL, record BLOB NOT NULL, "
            "PRIMARY KEY (token, key))"
        ),
        "CREATE INDEX claimsByAge ON claims (at)",
    ),
)
"""
What makes each version of the one before; the first, of nothing.
"""

VERSION = len(MIGRATIONS)


def adopt(
    connection: Connection, migrations: Sequence[Sequence[str]] = MIGRATIONS
) -> State:
    """
    Make a database one of this version, and read its counters.

    @raise SpoolUnavailable: When it is of a later version, or no spool.

    @raise SpoolDamaged: When it is not what was written.
    """
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    state = _known(connection) if tables else State(0)
    if state.version > len(migrations):
        raise later(state.version)
    if state.version < len(migrations):
        _migrate(connection, state, migrations)
    return state


def later(version: int, also: str = "") -> SpoolUnavailable:
    """
    What is said of a database of a later version.

    @param also: What else is said of it.
    """
    return SpoolUnavailable(
        f"the spool is {also}of version {version}, of a later release; "
        f"this one knows versions up to {VERSION}"
    )


def _known(connection: Connection) -> State:
    """
    The counters of a database that has tables.
    """
    (mark,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (ours,) = connection.execute(
        "SELECT count(*) FROM sqlite_schema WHERE name = 'state'"
    ).fetchone()
    if not ours and mark != APPLICATION:
        raise SpoolUnavailable("the spool's file is another program's database")
    if not ours:
        raise SpoolDamaged("the spool's tables are damaged")
    state = loadState(connection)
    if mark != APPLICATION or version != state.version:
        raise SpoolDamaged("the spool's header is damaged")
    return state


def _migrate(
    connection: Connection, state: State, migrations: Sequence[Sequence[str]]
) -> None:
    """
    Go from a state's version to the last one, or not at all.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        isNew = not state.version
        for statements in migrations[state.version :]:
            for statement in statements:
                connection.execute(statement)
        state.version = len(migrations)
        if isNew:
            state.insert(connection)
        state.save(connection)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {state.version}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
